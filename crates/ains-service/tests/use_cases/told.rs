//! Webhooks are told of what happens: everything they want, in order for each subject, from their registration to
//! their end.

use std::time::Duration;

use ains_core::directory::Viewer;
use ains_core::task::ReportKind;
use ains_core::{TaskId, WebhookId};
use ains_service::{Actor, Answer, NewWebhook};
use ains_testkit::TestDb;
use serde_json::Value;

use crate::chains::a_step;
use crate::schedules::{at, every};
use crate::world::{World, a_task, failed, tell};

ains_testkit::contract!(
    a_client_is_told_of_its_tasks_in_order,
    an_agent_is_told_of_what_it_has_in_hands,
    a_chain_and_a_schedule_are_told_of,
    nobody_is_told_before_or_after,
    a_webhook_is_told_of_at_any_server_once_it_is_registered,
    what_is_told_is_counted_and_cleaned_up,
);

async fn hook(world: &World, owner: &str, url: &str, events: &[&str]) -> WebhookId {
    let new = NewWebhook {
        clients_only: false,
        owner: owner.parse().unwrap(),
        url: url.into(),
        events: events.iter().map(|event| event.parse().unwrap()).collect(),
        secret: None,
    };
    match world.ains.create_webhook(new, None).await.unwrap() {
        Answer::Fresh(made) => made.webhook.id,
        Answer::Replayed(answer) => panic!("replayed {answer}"),
    }
}

/// The bodies of the first `count` attempts.
async fn told(world: &World, count: usize) -> Vec<Value> {
    let attempts = world.receivers.begun(count).await;
    assert_eq!(attempts.len(), count, "{attempts:?}");
    attempts
        .iter()
        .map(|attempt| serde_json::from_str(&attempt.body).unwrap())
        .collect()
}

fn kinds(bodies: &[Value]) -> Vec<&str> {
    bodies.iter().map(|body| body["type"].as_str().unwrap()).collect()
}

fn of(bodies: &[Value], task: TaskId) -> Vec<&Value> {
    bodies
        .iter()
        .filter(|body| body["task_id"] == task.to_string())
        .collect()
}

fn a_client_is_told_of_its_tasks_in_order(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        hook(&world, "c", "https://c", &["task.*"]).await;
        let good = world.submit("c", 1).await.remove(0);
        world.end(&agent, good.id, ReportKind::Complete).await;
        let mut bad = a_task("c");
        bad.spec.max_retries = 0;
        let bad = world.submit_one(bad).await;
        world.end(&agent, bad.id, failed("broken")).await;
        world.submit("other", 1).await;
        let bodies = told(&world, 8).await;
        let lives = [(good.id, "task.completed"), (bad.id, "task.failed")];
        for (task, end) in lives {
            let life: Vec<&str> = of(&bodies, task)
                .iter()
                .map(|body| body["event"].as_str().unwrap())
                .collect();
            assert_eq!(life, ["task.created", "task.assigned", "task.started", end]);
        }
        let completed = of(&bodies, good.id)[3];
        assert_eq!(completed["status"], "COMPLETED");
        assert_eq!(completed["result_data"]["ok"], true);
        assert_eq!(completed["error_message"], Value::Null);
        assert_eq!(completed["created_at"], good.created_at.to_string());
        assert_eq!(completed["completed_at"], completed["timestamp"]);
        assert_eq!(completed["data"]["assigned_agent_id"], "a");
        let failed = of(&bodies, bad.id)[3];
        assert_eq!(
            (&failed["status"], &failed["error_message"]),
            (&"FAILED".into(), &"broken".into())
        );
        assert_eq!(failed["result_data"], Value::Null);
    });
}

fn an_agent_is_told_of_what_it_has_in_hands(db: &TestDb) {
    tell(db, |world| async move {
        hook(
            &world,
            "a",
            "https://a",
            &["task.assigned", "task.completed", "agent.*"],
        )
        .await;
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let task = world.submit("c", 1).await.remove(0);
        world.end(&agent, task.id, ReportKind::Complete).await;
        let bodies = told(&world, 3).await;
        assert_eq!(
            kinds(&bodies),
            ["agent.registered", "task.assigned", "task.completed"]
        );
        assert_eq!(bodies[0]["data"]["agent_id"], "a");
        assert!(bodies[0].get("task_id").is_none());
    });
}

fn a_chain_and_a_schedule_are_told_of(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        hook(&world, "c", "https://c", &["chain.*", "schedule.fired"]).await;
        let chain = world.chain(vec![a_step("one")], "{}").await;
        let task = world.claim(&agent, 1).await.remove(0).task.id;
        world.report(&agent, task, 1, ReportKind::Complete).await.unwrap();
        let bodies = told(&world, 3).await;
        assert_eq!(
            kinds(&bodies),
            ["chain.created", "chain.started", "chain.completed"]
        );
        assert_eq!(bodies[2]["data"]["chain_id"], chain.to_string());
        let schedule = world.schedule(every(60)).await;
        world.pass(60).await;
        let bodies = told(&world, 4).await;
        assert_eq!(bodies[3]["data"]["schedule_id"], schedule.to_string());
        assert_eq!(bodies[3]["data"]["slot_at"], at(60).to_string());
    });
}

fn nobody_is_told_before_or_after(db: &TestDb) {
    tell(db, |world| async move {
        world.submit("c", 1).await;
        let first = hook(&world, "c", "https://one", &["task.created"]).await;
        hook(&world, "c", "https://two", &["task.created"]).await;
        let between = world.submit("c", 1).await.remove(0);
        assert_eq!(of(&told(&world, 2).await, between.id).len(), 2);
        world
            .ains
            .delete_webhook(&Actor::NOBODY, first, None)
            .await
            .unwrap();
        let after = world.submit("c", 1).await.remove(0);
        assert_eq!(of(&told(&world, 3).await, after.id).len(), 1);
        assert_eq!(&*world.receivers.seen()[2].url, "https://two");
    });
}

fn a_webhook_is_told_of_at_any_server_once_it_is_registered(db: &TestDb) {
    tell(db, |world| async move {
        let Some(other) = world.another().await else {
            return;
        };
        // The other server has submitted before, and so knows that there was no webhook.
        other.submit(vec![a_task("c")], None).await.unwrap();
        // It hears of what happens here.
        let agent = world.agent("a", 1).await;
        while other
            .agents(&Viewer::Everything, None, 10, 0)
            .await
            .unwrap()
            .0
            .iter()
            .all(|view| view.agent.id != agent)
        {
            tokio::task::yield_now().await;
        }
        for round in 1..=20 {
            let hook = hook(&world, "c", &format!("https://{round}"), &["task.created"]).await;
            other.submit(vec![a_task("c")], None).await.unwrap();
            world.receivers.begun(round).await;
            world
                .ains
                .delete_webhook(&Actor::NOBODY, hook, None)
                .await
                .unwrap();
            other.submit(vec![a_task("c")], None).await.unwrap();
        }
        assert_eq!(world.receivers.seen().len(), 20);
        other.stop().await;
    });
}

fn what_is_told_is_counted_and_cleaned_up(db: &TestDb) {
    tell(db, |world| async move {
        let hook = hook(&world, "c", "https://c", &["task.created"]).await;
        world.submit("c", 3).await;
        crate::webhooks::test(&world.ains, hook).await;
        told(&world, 4).await;
        let have_ended = async {
            let ended = async || {
                let all = world.ains.deliveries(hook, None, 10).await.unwrap();
                all.iter().filter(|delivery| delivery.ended_at.is_some()).count()
            };
            while ended().await < 4 {
                tokio::task::yield_now().await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(30), have_ended).await;
        assert!(in_time.is_ok(), "what became of them is written down");
        let rows = async || {
            let rows = world.ains.database_rows().await.unwrap().rows;
            (rows["webhooks"], rows["webhook_deliveries"])
        };
        assert_eq!(rows().await, (1, 4));
        world.wait(8 * 86_400);
        let removed = world.ains.cleanup(&Actor::NOBODY, 7).await.unwrap().deliveries;
        assert_eq!((removed, rows().await), (4, (1, 0)));
    });
}
