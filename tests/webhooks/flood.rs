//! Tasks by the hundred, a receiver that fails now and then, a server that is killed: everything arrives at least once, of
//! each task in order, and is the same each time.

use std::collections::BTreeMap;

use ains_testkit::Backend;
use reqwest::Method;
use serde_json::json;

use crate::caller::Caller;
use crate::receiver::{Arrived, Receiver, SECRET};
use crate::site::{Site, run};
use crate::swarm::{CLIENT, Swarm};

const TASKS: usize = 150;

/// Kills while they are done.
const KILLS: usize = 3;

#[test]
fn everything_arrives_in_order_while_the_server_is_killed_on_sqlite() {
    run(everything_arrives(Backend::Sqlite, 1));
}

#[test]
fn everything_arrives_in_order_while_servers_are_killed_on_postgres() {
    run(everything_arrives(Backend::Postgres, 2));
}

async fn everything_arrives(backend: Backend, servers: usize) {
    let Some(site) = Site::new(backend) else { return };
    let settings = [
        ("AINS_WEBHOOK_ALLOW_PRIVATE", "on"),
        ("AINS_WEBHOOK_RETRY_SECONDS", "0,1,1,1,1,1,1,1,1,1,1,1"),
    ];
    let mut servers: Vec<_> = (0..servers).map(|_| site.serve(&settings)).collect();
    let callers: Vec<Caller> = (0..servers.len())
        .map(|first| {
            let turned = servers.iter().cycle().skip(first).take(servers.len());
            Caller::new(turned.map(crate::site::Server::url))
        })
        .collect();
    let bad = [
        "500 No",
        "302 Found\r\nlocation: /",
        "503 Later\r\nretry-after: 1",
        "404 Where",
    ];
    let answers: Vec<&str> = (0..120)
        .map(|place| {
            if place % 4 == 0 {
                bad[place / 4 % bad.len()]
            } else {
                "200 OK"
            }
        })
        .collect();
    let receiver = Receiver::answering(&answers).await;
    let hook = json!({"agent_id": CLIENT, "url": receiver.url, "events": ["task.*"], "secret": SECRET});
    let made = callers[0]
        .ask(Method::POST, "/ains/webhooks", Some(&hook), None)
        .await;
    assert_eq!(made.status, 200, "{made:?}");

    let mut swarm = Swarm::begin(&callers, TASKS).await;
    for kill in 1..=KILLS {
        swarm.reached(kill * TASKS / (KILLS + 1)).await;
        let server = kill % servers.len();
        servers[server].crash();
        servers[server].start_again();
    }
    swarm.finish(&callers[0]).await;
    let arrived = receiver
        .until(|arrived| {
            lives(arrived)
                .values()
                .filter(|life| life.last() == Some(&"task.completed"))
                .count()
                == TASKS
        })
        .await;
    let mut bodies: BTreeMap<&str, &[u8]> = BTreeMap::new();
    for one in &arrived {
        assert!(one.is_signed_with(SECRET));
        let first = bodies.entry(one.id()).or_insert(&one.body);
        assert_eq!(*first, one.body, "the same each time");
    }
    for (task, life) in lives(&arrived) {
        let mut state = "";
        for step in &life {
            let follows = matches!(
                (state, *step),
                ("", "task.created")
                    | ("task.created" | "task.retrying", "task.assigned")
                    | ("task.assigned", "task.started" | "task.retrying")
                    | ("task.started", "task.completed" | "task.retrying")
            );
            assert!(follows, "{task}: {step} after {state} in {life:?}");
            state = step;
        }
    }
    for mut server in servers {
        assert!(server.terminate().success());
    }
}

/// The types of the events of each task, in the order in which they first arrived.
fn lives(arrived: &[Arrived]) -> BTreeMap<String, Vec<&'static str>> {
    const TYPES: [&str; 5] = [
        "task.created",
        "task.assigned",
        "task.started",
        "task.retrying",
        "task.completed",
    ];
    let mut seen = std::collections::BTreeSet::new();
    let mut lives: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
    for one in arrived.iter().filter(|one| seen.insert(one.id())) {
        let body = one.json();
        let kind = TYPES.into_iter().find(|kind| body["type"] == *kind);
        let task = body["task_id"].as_str().expect("a task").to_owned();
        lives.entry(task).or_default().push(kind.expect("a known type"));
    }
    lives
}
