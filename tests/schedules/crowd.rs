//! Three servers on one PostgreSQL, killed and started again at random: every slot fires exactly once.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use ains_testkit::Backend;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::book::{
    Book, CLIENT, PATH, PATIENCE, SECOND, a_schedule, create, every, instant, lateness, micros, now, tell,
    until,
};
use crate::caller::{Caller, list};
use crate::hands::Hands;
use crate::site::{Server, Site, run};

const SCHEDULES: usize = 60;

/// For how many seconds they have slots.
const SECONDS: i64 = 15;

/// Of the kills and starts.
const SEED: u64 = 7;

/// Milliseconds between two of them.
const PAUSE: std::ops::Range<u64> = 50..800;

#[test]
fn every_slot_fires_once_while_three_servers_are_killed_and_started_again() {
    run(async {
        let Some(site) = Site::new(Backend::Postgres) else {
            return;
        };
        let mut servers = [site.serve(&[]), site.serve(&[]), site.serve(&[])];
        let urls: Vec<String> = servers.iter().map(Server::url).collect();
        let callers: Vec<Caller> = (0..3)
            .map(|first| Caller::new((0..3).map(|next| urls[(first + next) % 3].clone())))
            .collect();
        let hands = Hands::begin(&callers).await;
        // Not at a slot, so that it does not matter on which side of it the end is.
        let end = now(&callers[0]).await / SECOND * SECOND + SECONDS * SECOND + SECOND / 2;
        let mut schedules = Vec::new();
        for number in 0..SCHEDULES {
            let plan = Plan::new(number);
            let id = create(&callers[number % 3], plan.body(end)).await;
            schedules.push((id, plan));
        }
        let kills = kill_while_they_have_slots(&mut servers, &callers[0]).await;
        for (id, _) in &schedules {
            until(&callers[1], &format!("{PATH}/{id}"), |schedule| {
                schedule["open_runs"] == 0
            })
            .await;
        }
        let done = hands.end().await;
        let (mut made, mut unfired, mut latest) = (BTreeSet::new(), 0, Duration::ZERO);
        for (id, plan) in &schedules {
            let book = Book::read(&callers[2], id).await;
            made.extend(plan.check(&book, &callers[2], end).await);
            unfired += book.count("missed");
            if plan.jitter == 0 {
                latest = latest.max(book.fired().into_iter().map(lateness).max().unwrap_or_default());
            }
        }
        assert_eq!(made, done, "the agents have done what the slots made");
        for server in &mut servers {
            assert!(server.terminate().success());
        }
        tell(&format!(
            "three servers, seed {SEED}: {kills} kills, {} slots fired, {unfired} were missed; the latest by {latest:?}",
            made.len()
        ));
    });
}

/// Kills and starts servers, of which one is always there, until all schedules have ended; then all are there. Says how
/// many kills there were.
async fn kill_while_they_have_slots(servers: &mut [Server; 3], caller: &Caller) -> usize {
    let mut chance = StdRng::seed_from_u64(SEED);
    tell(&format!("three servers are killed by the seed {SEED}"));
    let (mut is_up, mut kills, begun) = ([true; 3], 0, Instant::now());
    loop {
        let path = format!("{PATH}?client_id={CLIENT}&active_only=true&limit=1");
        if list(&caller.get(&path).await, "schedules").is_empty() {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "slots go on after {PATIENCE:?}");
        // It waits for nothing: this is what makes the moment random.
        tokio::time::sleep(Duration::from_millis(chance.random_range(PAUSE))).await;
        let number = chance.random_range(0..3);
        if !is_up[number] {
            servers[number].start_again();
            is_up[number] = true;
        } else if is_up.iter().filter(|is_up| **is_up).count() > 1 {
            servers[number].crash();
            is_up[number] = false;
            kills += 1;
        }
    }
    assert!(kills > 0, "nobody was killed");
    for (server, _) in servers.iter_mut().zip(is_up).filter(|(_, is_up)| !is_up) {
        server.start_again();
    }
    kills
}

/// What a schedule is like.
#[derive(Debug)]
struct Plan {
    number: usize,
    seconds: i64,
    anchor: i64,
    jitter: usize,
    catchup: &'static str,
}

impl Plan {
    fn new(number: usize) -> Self {
        let place = i64::try_from(number).expect("a small number");
        Self {
            number,
            seconds: 2 + place % 2,
            // 2026-01-01T00:00:00Z and some seconds.
            anchor: (1_767_225_600 + place / 2 % 3) * SECOND,
            jitter: usize::from(number.is_multiple_of(5)),
            catchup: ["all", "last", "none"][number / 6 % 3],
        }
    }

    fn body(&self, end: i64) -> Value {
        a_schedule(
            &format!("schedule-{}", self.number),
            json!({
                "interval_seconds": self.seconds,
                "anchor_at": instant(self.anchor),
                "end_at": instant(end),
                "catchup": self.catchup,
                "jitter_seconds": self.jitter,
                "overlap_policy": "allow_all",
            }),
        )
    }

    /// Every slot has fired once, or says why not; the tasks.
    async fn check(&self, book: &Book, caller: &Caller, end: i64) -> BTreeSet<String> {
        let schedule = &book.schedule;
        let slots = every(self.seconds, self.anchor, micros(&schedule["created_at"]), end);
        for slot in book.account(&slots).values() {
            // Nothing else can keep a slot of these from firing than that all servers were too slow.
            let is_missed = slot["state"] == "missed" && self.catchup != "all";
            assert!(slot["state"] == "fired" || is_missed, "{slot} of {self:?}");
        }
        let tasks = book.check_tasks(caller).await;
        for name in ["fired", "total_runs", "successful_runs"] {
            assert_eq!(schedule[name], tasks.len(), "{name} of {schedule}");
        }
        for name in ["failed_runs", "open_runs", "buffered"] {
            assert_eq!(schedule[name], 0, "{name} of {schedule}");
        }
        assert_eq!(schedule["standing"], "ended", "{schedule}");
        tasks.into_keys().collect()
    }
}
