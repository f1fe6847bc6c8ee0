//! What the clock does.

use std::time::Duration;

use ains_core::Status;
use ains_core::agent::{AgentStatus, HeartbeatStatus};
use ains_core::effect::Outcome;
use ains_core::task::{Gate, ReportKind, TimeoutPolicy};
use ains_service::{Heartbeat, NewAgent};
use ains_testkit::TestDb;

use crate::world::{World, a_task, an_agent, failed, tell};

ains_testkit::contract!(
    what_is_not_started_is_routed_again_and_nothing_more_is_pushed,
    an_attempt_that_takes_too_long_is_retried_after_its_delay,
    a_task_that_expires_fails,
    a_task_is_not_routed_before_it_is_due,
    a_silent_agent_loses_its_leases,
    a_task_that_kills_its_agents_is_poison,
    a_lease_left_out_of_two_heartbeats_is_lost,
    a_heartbeat_tells_what_was_cancelled,
    after_an_outage_nobody_is_judged_for_an_interval,
    leases_survive_a_restart,
);

/// Looks at the clock until `condition` holds: the timer of the service sleeps in real time.
async fn until(world: &World, condition: impl AsyncFn(&World) -> bool) {
    while !condition(world).await {
        world.ains.check_timeouts().await.unwrap();
    }
}

fn beat(holding: Option<Vec<ains_core::TaskId>>) -> Heartbeat {
    Heartbeat {
        status: HeartbeatStatus::Active,
        holding,
    }
}

fn what_is_not_started_is_routed_again_and_nothing_more_is_pushed(db: &TestDb) {
    tell(db, |world| async move {
        let sleepy = world.agent("sleepy", 10).await;
        let task = world.submit("c", 1).await.remove(0);
        world.wait(59);
        assert_eq!(world.ains.check_timeouts().await.unwrap(), 0);
        world.wait(1);
        let awake = world.agent("awake", 10).await;
        until(&world, async |world| {
            world.task(task.id).await.agent.as_ref() == Some(&awake)
        })
        .await;
        let routed = world.task(task.id).await;
        assert_eq!(
            (routed.status, routed.attempt, routed.retry_count),
            (Status::Assigned, 2, 0)
        );
        let next = world.submit("c", 3).await;
        assert!(
            next.iter().all(|task| task.agent.as_ref() == Some(&awake)),
            "{next:?}"
        );
        world.ains.heartbeat(sleepy.clone(), beat(None)).await.unwrap();
        let again = world.submit("c", 1).await.remove(0);
        assert_eq!(
            again.agent,
            Some(sleepy),
            "it has called, and was assigned to least recently"
        );
        assert_eq!(
            world.ains.history(task.id).await.unwrap().attempts[0].outcome,
            Outcome::NotStarted
        );
    });
}

fn an_attempt_that_takes_too_long_is_retried_after_its_delay(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        let mut strict = a_task("c");
        strict.spec.timeout_policy = TimeoutPolicy::Fail;
        let strict = world.submit_all(vec![strict]).await.remove(0);
        let task = world.submit("c", 1).await.remove(0);
        for id in [task.id, strict.id] {
            world.report(&agent, id, 1, ReportKind::Start).await.unwrap();
        }
        world.wait(300);
        until(&world, async |world| {
            world.task(strict.id).await.status == Status::Failed
        })
        .await;
        let late = world.task(task.id).await;
        assert_eq!(
            (late.status, late.gate, late.retry_count),
            (Status::Pending, Some(Gate::NotDue), 1)
        );
        let delay = late.due_at.unwrap().since(late.updated_at);
        assert!(
            delay >= Duration::from_millis(900) && delay <= Duration::from_millis(1100),
            "{delay:?}"
        );
        world.wait(2);
        until(&world, async |world| {
            world.task(task.id).await.status == Status::Assigned
        })
        .await;
        assert_eq!(world.ains.agent(agent).await.unwrap().agent.failed, 2);
    });
}

fn a_task_that_expires_fails(db: &TestDb) {
    tell(db, |world| async move {
        let mut new = a_task("c");
        new.spec.expires_at = Some(world.ains.now() + Duration::from_secs(10));
        let task = world.submit_all(vec![new]).await.remove(0);
        world.wait(11);
        until(&world, async |world| {
            world.task(task.id).await.status == Status::Failed
        })
        .await;
        assert_eq!(world.task(task.id).await.error.as_deref(), Some("expired"));
    });
}

fn a_task_is_not_routed_before_it_is_due(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        let mut new = a_task("c");
        new.spec.run_at = Some(world.ains.now() + Duration::from_secs(10));
        let task = world.submit_all(vec![new]).await.remove(0);
        assert_eq!((task.status, task.gate), (Status::Pending, Some(Gate::NotDue)));
        assert_eq!(world.claim(&agent, 1).await.len(), 0);
        world.wait(10);
        world.ains.check_timeouts().await.unwrap();
        assert_eq!(world.claim(&agent, 1).await[0].task.id, task.id);
    });
}

/// An agent that reports every second, so that it is silent after three.
async fn brief(world: &World, name: &str) -> ains_core::AgentId {
    world
        .register(NewAgent {
            heartbeat_interval: Duration::from_secs(1),
            ..an_agent(name)
        })
        .await
}

fn a_silent_agent_loses_its_leases(db: &TestDb) {
    tell(db, |world| async move {
        // Past the first interval after the start, in which nobody is judged.
        world.wait(10);
        let agent = brief(&world, "a").await;
        world.claim(&agent, 1).await;
        world.submit("c", 1).await;
        let held = world.claim(&agent, 1).await.remove(0);
        world.wait(4);
        let status = async |world: &World| world.ains.agent("a".parse().unwrap()).await.unwrap().agent.status;
        until(&world, async |world| status(world).await == AgentStatus::Inactive).await;
        let task = world.task(held.task.id).await;
        assert_eq!(
            (task.status, task.retry_count, task.agent),
            (Status::Pending, 0, None)
        );
        assert_eq!(task.lost_to, [agent.clone()]);
        let late = world.report(&agent, held.task.id, 1, ReportKind::Complete).await;
        assert!(late.is_err());
        assert_eq!(status(&world).await, AgentStatus::Active, "it has called");
    });
}

fn a_task_that_kills_its_agents_is_poison(db: &TestDb) {
    tell(db, |world| async move {
        world.wait(10);
        let task = world.submit("c", 1).await.remove(0);
        for name in ["a", "b", "c"] {
            let agent = brief(&world, name).await;
            while world.claim(&agent, 1).await.is_empty() {
                // Pushed already, because it had never claimed: it begins as one that polls does.
                let held = world.task(task.id).await;
                if held.agent.as_ref() == Some(&agent) {
                    world
                        .report(&agent, task.id, held.attempt, ReportKind::Start)
                        .await
                        .unwrap();
                    break;
                }
            }
            world.wait(4);
            until(&world, async |world| {
                !world.task(task.id).await.status.is_leased()
            })
            .await;
        }
        let task = world.task(task.id).await;
        assert_eq!(
            (task.status, task.error.as_deref()),
            (Status::Failed, Some("poison: lost with a, b, c"))
        );
        assert_eq!(world.ains.history(task.id).await.unwrap().attempts.len(), 3);
    });
}

fn a_lease_left_out_of_two_heartbeats_is_lost(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        world.submit("c", 2).await;
        let held = world.claim(&agent, 2).await;
        let (kept, dropped) = (held[0].task.id, held[1].task.id);
        for _ in 0..2 {
            assert_eq!(world.task(dropped).await.status, Status::Active);
            world
                .ains
                .heartbeat(agent.clone(), beat(Some(vec![kept])))
                .await
                .unwrap();
        }
        until(&world, async |world| {
            world.task(dropped).await.status == Status::Pending
        })
        .await;
        assert_eq!(world.task(kept).await.status, Status::Active);
    });
}

fn a_heartbeat_tells_what_was_cancelled(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        world.submit("c", 2).await;
        let held = world.claim(&agent, 2).await;
        world
            .ains
            .cancel(held[0].task.id, "enough".into(), None)
            .await
            .unwrap();
        let seen = world.ains.heartbeat(agent.clone(), beat(None)).await.unwrap();
        assert_eq!(seen.cancelled, [held[0].task.id]);
        let seen = world
            .ains
            .heartbeat(agent.clone(), beat(Some(vec![held[0].task.id, held[1].task.id])))
            .await;
        assert_eq!(
            seen.unwrap().cancelled,
            [held[0].task.id],
            "it still believes that it holds it"
        );
        assert_eq!(
            world.ains.heartbeat(agent, beat(None)).await.unwrap().cancelled,
            []
        );
    });
}

fn after_an_outage_nobody_is_judged_for_an_interval(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        world.submit("c", 1).await;
        let held = world.claim(&agent, 1).await.remove(0);
        world.wait(3600);
        let world = world.restarted().await;
        // The attempt has run out of time, which is judged; the agent is not silent yet.
        world.ains.check_timeouts().await.unwrap();
        assert_eq!(world.task(held.task.id).await.status, Status::Pending);
        assert_eq!(
            world.ains.agent(agent.clone()).await.unwrap().agent.status,
            AgentStatus::Active
        );
        world.wait(301);
        let gone = async |world: &World| {
            world.ains.agent(agent.clone()).await.unwrap().agent.status == AgentStatus::Inactive
        };
        until(&world, gone).await;
        world.ains.stop().await;
    });
}

fn leases_survive_a_restart(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        world.submit("c", 3).await;
        let held = world.claim(&agent, 1).await.remove(0);
        let world = world.restarted().await;
        world
            .report(&agent, held.task.id, 1, ReportKind::Complete)
            .await
            .unwrap();
        let next = world.claim(&agent, 5).await;
        assert_eq!(next.len(), 2, "what waited still waits");
        world
            .report(&agent, next[0].task.id, 1, failed("boom"))
            .await
            .unwrap();
        let world = world.restarted().await;
        world.wait(2);
        until(&world, async |world| world.task(next[0].task.id).await.is_ready()).await;
        world.ains.stop().await;
    });
}
