//! Whatever happens to the servers, a follower hears everything once, and of each task in order.

use std::collections::BTreeMap;
use std::time::Duration;

use ains_client::api::{Event, EventQuery};
use ains_client::{Client, Heard};
use ains_testkit::Backend;
use tokio::time::timeout;

use crate::caller::Caller;
use crate::site::{Site, run};
use crate::swarm::Swarm;

const TASKS: usize = 600;

/// How long nothing at all may be heard.
const PATIENCE: Duration = Duration::from_secs(60);

/// Kills while they are done.
const KILLS: usize = 6;

#[test]
fn everything_is_heard_once_while_the_server_is_killed_on_sqlite() {
    run(everything_is_heard_once(Backend::Sqlite, 1));
}

#[test]
fn everything_is_heard_once_while_the_server_is_killed_on_postgres() {
    run(everything_is_heard_once(Backend::Postgres, 1));
}

#[test]
fn everything_is_heard_once_at_both_of_two_servers() {
    run(everything_is_heard_once(Backend::Postgres, 2));
}

async fn everything_is_heard_once(backend: Backend, servers: usize) {
    let Some(site) = Site::new(backend) else { return };
    let mut servers: Vec<_> = (0..servers).map(|_| site.serve(&[])).collect();
    let callers: Vec<Caller> = (0..servers.len())
        .map(|first| {
            let turned = servers.iter().cycle().skip(first).take(servers.len());
            Caller::new(turned.map(crate::site::Server::url))
        })
        .collect();
    let mut followers = Vec::new();
    for server in &servers {
        let client = Client::new(server.url()).expect("a URL");
        let query = EventQuery {
            types: Some("task.*".to_owned()),
            ..EventQuery::default()
        };
        let mut events = client.follow(query).await.expect("it can be followed");
        followers.push(tokio::spawn(async move {
            let mut heard: Vec<Event> = Vec::new();
            let mut ends = 0;
            while ends < TASKS {
                let next = timeout(PATIENCE, events.next()).await;
                match next.expect("something happens") {
                    Ok(Heard::Event(event)) => {
                        ends += usize::from(event.kind == "task.completed");
                        heard.push(event);
                    }
                    Ok(Heard::Gap) => panic!("nothing is old"),
                    // The server is down for longer than the client tries.
                    Err(error) => assert!(error.is_passing(), "{error}"),
                }
            }
            heard
        }));
    }
    let mut swarm = Swarm::begin(&callers, TASKS).await;
    for kill in 1..=KILLS {
        swarm.reached(kill * TASKS / (KILLS + 1)).await;
        let server = kill % servers.len();
        servers[server].crash();
        servers[server].start_again();
    }
    swarm.finish(&callers[0]).await;
    let mut all = Vec::new();
    for follower in followers {
        all.push(follower.await.expect("everything is heard"));
    }
    for heard in &all {
        each_once_and_in_order(heard);
    }
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "all hear the same");
    for mut server in servers {
        assert!(server.terminate().success());
    }
}

fn each_once_and_in_order(heard: &[Event]) {
    let mut lives: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for event in heard {
        lives.entry(&event.subject).or_default().push(&event.kind);
    }
    assert_eq!(lives.len(), TASKS);
    for (task, life) in lives {
        // What was pushed to an agent that then claims may come back, and be handed out again.
        let (ends, attempts) = (life.len() - 1, &life[1..life.len() - 1]);
        assert_eq!(
            (life[0], life[ends]),
            ("task.created", "task.completed"),
            "{task}: {life:?}"
        );
        let mut state = "task.created";
        for step in attempts.iter().chain(&life[ends..]) {
            let follows = matches!(
                (state, *step),
                ("task.created" | "task.retrying", "task.assigned")
                    | ("task.assigned", "task.started" | "task.retrying")
                    | ("task.started", "task.completed" | "task.retrying")
            );
            assert!(follows, "{task}: {step} after {state} in {life:?}");
            state = step;
        }
    }
    let mut ids: Vec<&str> = heard.iter().map(|event| &*event.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), heard.len(), "no event comes twice");
}
