//! An agent never holds more than it has room for, at how many servers it may ask.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ains_testkit::Backend;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::caller::{Caller, list, task};
use crate::site::{Site, run};

const TASKS: usize = 300;

/// Tasks that the agent has room for.
const ROOM: usize = 3;

/// Claims that are under way at the same time.
const CLAIMERS: usize = 4;

#[test]
fn four_claimers_on_two_servers_never_hold_more_than_there_is_room_for() {
    run(async {
        let Some(site) = Site::new(Backend::Postgres) else {
            return;
        };
        let mut servers = [site.serve(&[]), site.serve(&[])];
        let callers = [Caller::new([servers[0].url()]), Caller::new([servers[1].url()])];
        callers[0]
            .register("agent", "text:v1", json!({"max_concurrency": ROOM}))
            .await;
        assert!(callers[1].claim("agent", json!({})).await.is_empty());
        let (held, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(watch::Sender::new(0)));
        let mut claimers = JoinSet::new();
        for number in 0..CLAIMERS {
            let (caller, held, done) = (callers[number % 2].clone(), Arc::clone(&held), Arc::clone(&done));
            claimers.spawn(async move { take_and_complete(&caller, &held, &done).await });
        }
        for (number, caller) in callers.iter().cycle().take(TASKS / 50).enumerate() {
            let tasks: Vec<Value> = (0..50)
                .map(|place| task("client", "text:v1", number * 50 + place))
                .collect();
            caller
                .make(
                    "/ains/tasks/batch",
                    &json!({"tasks": tasks}),
                    &format!("batch-{number}"),
                )
                .await;
        }
        while let Some(claimer) = claimers.join_next().await {
            claimer.expect("there is always room for what is claimed");
        }
        for caller in &callers {
            let stats = caller.get("/ains/stats").await;
            assert_eq!(stats["tasks"]["completed"], TASKS, "{stats}");
        }
        for server in &mut servers {
            assert!(server.terminate().success());
        }
    });
}

/// Claims and completes until all is done. What the agent knows to hold is never more than what the servers know.
async fn take_and_complete(caller: &Caller, held: &AtomicUsize, done: &watch::Sender<usize>) {
    let mut watched = done.subscribe();
    loop {
        let claim = caller.claim("agent", json!({"max": ROOM, "wait_seconds": 1}));
        let tasks = tokio::select! {
            tasks = claim => tasks,
            _ = watched.wait_for(|done| *done >= TASKS) => return,
        };
        let now = held.fetch_add(tasks.len(), Ordering::SeqCst) + tasks.len();
        assert!(now <= ROOM, "{now} are held");
        let agent = caller.get("/ains/agents/agent").await;
        assert!(agent["active_tasks"].as_u64() <= Some(ROOM as u64), "{agent}");
        for task in &tasks {
            held.fetch_sub(1, Ordering::SeqCst);
            caller.complete("agent", task, &json!({})).await;
            done.send_modify(|done| *done += 1);
        }
    }
}

#[test]
fn two_servers_push_no_more_than_there_is_room_for() {
    run(async {
        let Some(site) = Site::new(Backend::Postgres) else {
            return;
        };
        let mut servers = [site.serve(&[]), site.serve(&[])];
        let callers = [Caller::new([servers[0].url()]), Caller::new([servers[1].url()])];
        callers[0]
            .register("agent", "text:v1", json!({"max_concurrency": ROOM}))
            .await;
        let mut submissions = JoinSet::new();
        for number in 0..20 {
            let caller = callers[number % 2].clone();
            submissions.spawn(async move {
                caller
                    .submit(&task("client", "text:v1", number), &format!("task-{number}"))
                    .await
            });
        }
        let mut completed = 0;
        while let Some(submitted) = submissions.join_next().await {
            submitted.expect("a submission is taken");
        }
        // As the original's agents work: they look what they have been assigned.
        while completed < 20 {
            let page = callers[completed % 2]
                .get("/ains/tasks?status=ASSIGNED&assigned_agent_id=agent")
                .await;
            let assigned = list(&page, "tasks");
            assert!(
                (1..=ROOM).contains(&assigned.len()),
                "{completed} are done: {page}"
            );
            let path = format!("/ains/tasks/{}", assigned[0]["task_id"].as_str().expect("an id"));
            let start = json!({"agent_id": "agent", "attempt": assigned[0]["attempt"]});
            callers[(completed + 1) % 2]
                .post(&format!("{path}/start"), &start)
                .await;
            callers[completed % 2]
                .complete("agent", &assigned[0], &json!({}))
                .await;
            completed += 1;
        }
        for server in &mut servers {
            assert!(server.terminate().success());
        }
    });
}
