//! What agents do.

use std::collections::BTreeSet;
use std::time::Duration;

use ains_core::task::ReportKind;
use ains_core::{Status, TaskId, TrustScore};
use ains_service::{Actor, ClaimRequest, Error};
use ains_testkit::TestDb;

use crate::world::{World, a_task, an_agent, asking, failed, tell};

ains_testkit::contract!(
    a_claim_hands_over_active_tasks_up_to_the_room,
    a_waiting_claim_is_served_by_the_submitting_commit,
    a_waiting_claim_gets_what_comes_back,
    a_first_claim_gets_what_was_pushed_before_it,
    a_repeated_claim_gets_the_same_tasks,
    a_claim_for_some_capabilities_gets_only_those,
    a_claim_that_is_given_up_keeps_nothing,
    room_is_never_exceeded_by_concurrent_claims,
    a_report_with_a_claim_is_one_round_trip,
    a_refused_report_drops_its_claim,
    an_old_report_is_refused_and_changes_nothing,
    the_same_failure_again_is_answered_as_the_first_time,
    trust_decides_which_lanes_an_agent_serves,
    a_degraded_agent_yields_to_a_healthy_one,
);

/// Waits until claims wait at the server.
pub(crate) async fn until_waiting(
    world: &World,
    claims: &[&tokio::task::JoinHandle<Vec<ains_service::StoredTask>>],
) {
    while world.ains.waiting_claims() < claims.len() {
        assert!(claims.iter().all(|claim| !claim.is_finished()));
        tokio::task::yield_now().await;
    }
}

fn a_claim_hands_over_active_tasks_up_to_the_room(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 3).await;
        assert_eq!(world.claim(&agent, 5).await.len(), 0);
        world.submit("c", 5).await;
        let claimed = world.claim(&agent, 5).await;
        assert_eq!(claimed.len(), 3, "no more than it may hold");
        for stored in &claimed {
            assert_eq!((stored.task.status, stored.task.attempt), (Status::Active, 1));
            assert_eq!(stored.documents.input.as_deref(), Some(r#"{"n":1}"#));
        }
        world
            .report(&agent, claimed[0].task.id, 1, ReportKind::Complete)
            .await
            .unwrap();
        assert_eq!(world.claim(&agent, 5).await.len(), 1);
        assert!(matches!(
            world.ains.claim("nobody".parse().unwrap(), asking(1, 0)).await,
            Err(Error::NotFound { entity: "Agent", .. })
        ));
    });
}

fn a_waiting_claim_is_served_by_the_submitting_commit(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let pushed = world.submit("c", 1).await.remove(0);
        assert_eq!(
            pushed.status,
            Status::Pending,
            "an agent that claims is pushed nothing"
        );
        assert_eq!(world.claim(&agent, 1).await.len(), 1);
        let waiting = tokio::spawn({
            let (ains, agent) = (world.ains.clone(), agent.clone());
            async move { ains.claim(agent, asking(5, 60)).await.unwrap() }
        });
        until_waiting(&world, &[&waiting]).await;
        let handed = world.submit("c", 2).await;
        assert!(
            handed.iter().all(|task| task.status == Status::Active),
            "{handed:?}"
        );
        let got: BTreeSet<TaskId> = waiting
            .await
            .unwrap()
            .iter()
            .map(|stored| stored.task.id)
            .collect();
        assert_eq!(got, handed.iter().map(|task| task.id).collect());
    });
}

fn a_waiting_claim_gets_what_comes_back(db: &TestDb) {
    tell(db, |world| async move {
        let (a, b) = (world.agent("a", 10).await, world.agent("b", 10).await);
        world.claim(&a, 1).await;
        world.claim(&b, 1).await;
        world.submit("c", 1).await;
        let held = world.claim(&a, 1).await.remove(0);
        let waiting = tokio::spawn({
            let (ains, b) = (world.ains.clone(), b.clone());
            async move { ains.claim(b, asking(1, 60)).await.unwrap() }
        });
        until_waiting(&world, &[&waiting]).await;
        world
            .report(&a, held.task.id, 1, ReportKind::Release)
            .await
            .unwrap();
        let got = waiting.await.unwrap();
        assert_eq!(
            (got[0].task.id, got[0].task.attempt, got[0].task.retry_count),
            (held.task.id, 2, 0)
        );
    });
}

fn a_first_claim_gets_what_was_pushed_before_it(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        let pushed = world.submit("c", 1).await.remove(0);
        assert_eq!(pushed.status, Status::Assigned);
        let claimed = world.claim(&agent, 5).await;
        assert_eq!(
            (claimed[0].task.id, claimed[0].task.status),
            (pushed.id, Status::Active)
        );
        assert_eq!((claimed.len(), claimed[0].task.attempt), (1, 1));
        assert_eq!(world.claim(&agent, 5).await.len(), 0);
    });
}

fn a_repeated_claim_gets_the_same_tasks(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        world.submit("c", 4).await;
        let request = ClaimRequest {
            claim_id: Some("one".into()),
            ..asking(2, 0)
        };
        let first = world.ains.claim(agent.clone(), request.clone()).await.unwrap();
        let again = world.ains.claim(agent.clone(), request).await.unwrap();
        let ids =
            |claimed: &[ains_service::StoredTask]| claimed.iter().map(|s| s.task.id).collect::<BTreeSet<_>>();
        assert_eq!((ids(&first), first.len()), (ids(&again), 2));
        let other = ClaimRequest {
            claim_id: Some("two".into()),
            ..asking(2, 0)
        };
        assert!(ids(&world.ains.claim(agent, other).await.unwrap()).is_disjoint(&ids(&first)));
    });
}

fn a_claim_for_some_capabilities_gets_only_those(db: &TestDb) {
    tell(db, |world| async move {
        let mut agent = an_agent("a");
        agent.tags.push("image:v1".parse().unwrap());
        let agent = world.register(agent).await;
        world.claim(&agent, 1).await;
        let only_images = |wait| ClaimRequest {
            capabilities: Some(vec!["IMAGE:v1".parse().unwrap()]),
            ..asking(5, wait)
        };
        world.submit("c", 1).await;
        assert_eq!(
            world
                .ains
                .claim(agent.clone(), only_images(0))
                .await
                .unwrap()
                .len(),
            0
        );
        let waiting = tokio::spawn({
            let (ains, agent, request) = (world.ains.clone(), agent.clone(), only_images(60));
            async move { ains.claim(agent, request).await.unwrap() }
        });
        until_waiting(&world, &[&waiting]).await;
        let mut image = a_task("c");
        image.spec.capability = "image:V1".parse().unwrap();
        let text = world.submit("c", 1).await;
        let image = world.submit_all(vec![image]).await.remove(0);
        assert_eq!(waiting.await.unwrap()[0].task.id, image.id);
        assert_eq!(world.task(text[0].id).await.status, Status::Pending);
    });
}

fn a_claim_that_is_given_up_keeps_nothing(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let waiting = tokio::spawn({
            let (ains, agent) = (world.ains.clone(), agent.clone());
            async move { ains.claim(agent, asking(1, 60)).await.unwrap() }
        });
        until_waiting(&world, &[&waiting]).await;
        waiting.abort();
        assert!(waiting.await.is_err());
        let task = world.submit("c", 1).await.remove(0);
        assert_eq!(task.status, Status::Pending);
        let short = world.ains.claim(
            agent.clone(),
            ClaimRequest {
                wait: Duration::from_millis(1),
                ..asking(1, 0)
            },
        );
        assert_eq!(short.await.unwrap()[0].task.id, task.id);
    });
}

fn room_is_never_exceeded_by_concurrent_claims(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 7).await;
        world.claim(&agent, 1).await;
        world.submit("c", 100).await;
        let claims: Vec<_> = (0..20)
            .map(|_| {
                let (ains, agent) = (world.ains.clone(), agent.clone());
                tokio::spawn(async move { ains.claim(agent, asking(3, 0)).await.unwrap().len() })
            })
            .collect();
        let mut handed = 0;
        for claim in claims {
            handed += claim.await.unwrap();
        }
        assert_eq!(handed, 7);
        assert_eq!(world.ains.agent(agent).await.unwrap().active, 7);
    });
}

fn a_report_with_a_claim_is_one_round_trip(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 1).await;
        world.claim(&agent, 1).await;
        world.submit("c", 2).await;
        let first = world.claim(&agent, 1).await.remove(0);
        let report = ains_core::task::Report {
            task: first.task.id,
            agent: agent.clone(),
            attempt: Some(1),
            kind: ReportKind::Complete,
        };
        let delivery = ains_service::Delivery {
            report,
            result: None,
            usage: None,
            progress: None,
        };
        let done = world.ains.report(delivery, Some(asking(1, 0))).await.unwrap();
        assert_eq!(done.task.status, Status::Completed);
        assert_eq!(done.next.len(), 1, "the place that it freed is filled at once");
    });
}

fn a_refused_report_drops_its_claim(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 5).await;
        world.claim(&agent, 1).await;
        let task = world.submit("c", 1).await.remove(0);
        let report = ains_core::task::Report {
            task: task.id,
            agent: agent.clone(),
            attempt: Some(1),
            kind: ReportKind::Complete,
        };
        let delivery = ains_service::Delivery {
            report,
            result: None,
            usage: None,
            progress: None,
        };
        let refused = world.ains.report(delivery, Some(asking(1, 60))).await;
        assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
        assert_eq!(world.task(task.id).await.attempt, 0, "not handed out");
    });
}

fn an_old_report_is_refused_and_changes_nothing(db: &TestDb) {
    tell(db, |world| async move {
        let (a, b) = (world.agent("a", 10).await, world.agent("b", 10).await);
        world.claim(&a, 1).await;
        world.claim(&b, 1).await;
        let task = world.submit("c", 1).await.remove(0);
        world.claim(&a, 1).await;
        world.report(&a, task.id, 1, ReportKind::Release).await.unwrap();
        world.claim(&b, 1).await;
        let before = world.task(task.id).await;
        for (agent, attempt) in [(&a, 1), (&b, 1), (&a, 2)] {
            let late = world.report(agent, task.id, attempt, ReportKind::Complete).await;
            assert!(matches!(late, Err(Error::Refused(_))), "{late:?}");
        }
        assert_eq!(world.task(task.id).await, before);
        assert_eq!(
            world.ains.agent(a).await.unwrap().agent.trust,
            TrustScore::INITIAL
        );
    });
}

fn the_same_failure_again_is_answered_as_the_first_time(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        let task = world.submit("c", 1).await.remove(0);
        world.report(&agent, task.id, 1, ReportKind::Start).await.unwrap();
        let first = world.report(&agent, task.id, 1, failed("boom")).await.unwrap();
        let again = world.report(&agent, task.id, 1, failed("boom")).await.unwrap();
        assert_eq!(first, again);
        assert_eq!((again.status, again.retry_count), (Status::Pending, 1));
        assert_eq!(world.ains.agent(agent.clone()).await.unwrap().agent.failed, 1);
        assert!(world.report(&agent, task.id, 2, failed("boom")).await.is_err());
    });
}

fn trust_decides_which_lanes_an_agent_serves(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let mut demanding = a_task("c");
        demanding.spec.min_trust = TrustScore::clamped(0.62);
        let task = world.submit_all(vec![demanding]).await.remove(0);
        assert_eq!(world.claim(&agent, 1).await.len(), 0);
        world
            .ains
            .adjust_trust(&Actor::NOBODY, agent.clone(), 0.15, "vouched for".into())
            .await
            .unwrap();
        assert_eq!(
            world.claim(&agent, 1).await.len(),
            0,
            "0.65 is below 0.62 rounded up to tenths"
        );
        let record = world
            .ains
            .adjust_trust(&Actor::NOBODY, agent.clone(), 0.05, "again".into())
            .await
            .unwrap();
        assert_eq!((record.before, record.after), (0.65, 0.7));
        assert_eq!(world.claim(&agent, 1).await[0].task.id, task.id);
        let history = world.ains.trust_history(agent, None, 10).await.unwrap();
        assert_eq!(
            history.iter().map(|record| record.after).collect::<Vec<_>>(),
            [0.7, 0.65]
        );
    });
}

fn a_degraded_agent_yields_to_a_healthy_one(db: &TestDb) {
    tell(db, |world| async move {
        use ains_core::agent::HeartbeatStatus;
        let (a, b) = (world.agent("a", 1).await, world.agent("b", 1).await);
        let beat = |status| ains_service::Heartbeat {
            status,
            holding: None,
        };
        world
            .ains
            .heartbeat(a.clone(), beat(HeartbeatStatus::Degraded))
            .await
            .unwrap();
        world
            .ains
            .heartbeat(b.clone(), beat(HeartbeatStatus::Active))
            .await
            .unwrap();
        let tasks = world.submit("c", 2).await;
        assert_eq!(
            tasks.iter().map(|task| task.agent.clone()).collect::<Vec<_>>(),
            [Some(b), Some(a)]
        );
    });
}
