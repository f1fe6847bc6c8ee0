//! `kill -9` of the server, again and again, while clients submit and agents work.

use std::time::{Duration, Instant};

use ains_testkit::Backend;

use crate::caller::Caller;
use crate::site::{Site, run};
use crate::swarm::Swarm;

/// Tasks and kills, unless the environment says otherwise.
const SIZE: (usize, usize) = (600, 5);

/// How long a server may take to be there again.
const BACK: Duration = Duration::from_secs(10);

#[test]
fn nothing_is_lost_when_the_server_is_killed_on_sqlite() {
    run(nothing_is_lost(Backend::Sqlite));
}

#[test]
fn nothing_is_lost_when_the_server_is_killed_on_postgres() {
    run(nothing_is_lost(Backend::Postgres));
}

async fn nothing_is_lost(backend: Backend) {
    let Some(site) = Site::new(backend) else { return };
    let (tasks, kills) = (size("AINS_CRASH_TASKS", SIZE.0), size("AINS_CRASH_KILLS", SIZE.1));
    let mut server = site.serve(&[]);
    let caller = Caller::new([server.url()]);
    let begun = Instant::now();
    let mut swarm = Swarm::begin(std::slice::from_ref(&caller), tasks).await;
    let mut slowest = Duration::ZERO;
    for kill in 1..=kills {
        swarm.reached(kill * tasks / (kills + 1)).await;
        server.crash();
        let killed = Instant::now();
        server.start_again();
        slowest = slowest.max(killed.elapsed());
    }
    let worked = begun.elapsed();
    swarm.finish(&caller).await;
    tell(&format!(
        "{backend:?}: {tasks} tasks and {kills} kills; the last after {worked:?}, checked after {:?}; back after {slowest:?} at most",
        begun.elapsed()
    ));
    assert!(slowest < BACK, "it was away for {slowest:?}");
}

#[expect(
    clippy::disallowed_methods,
    reason = "this test is run at other sizes by hand"
)]
fn size(name: &str, usual: usize) -> usize {
    match std::env::var(name) {
        Ok(size) => size
            .parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {size}")),
        Err(_) => usual,
    }
}

#[expect(clippy::print_stderr, reason = "figures for whoever runs it by hand")]
fn tell(text: &str) {
    eprintln!("{text}");
}
