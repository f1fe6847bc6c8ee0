//! One server that is killed while slots fire: at once there again, and away for longer than slots wait. What it was not
//! there for is caught up as each schedule wants it.

use std::time::Duration;

use ains_testkit::Backend;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::book::{
    Book, PATH, SECOND, a_schedule, at, book_when, create, every, instant, micros, now, once_fired, steer,
    stop, tell, until,
};
use crate::caller::Caller;
use crate::hands::Hands;
use crate::site::{Server, Site, run};

/// Schedules of each kind, and the seconds between their slots.
const SCHEDULES: usize = 4;
const INTERVAL: i64 = 1;

/// Kills after which the server is there at once, their seed, and the milliseconds between them.
const KILLS: usize = 4;
const SEED: u64 = 11;
const PAUSE: std::ops::Range<u64> = 50..500;

/// How late a slot may be without being missed: ten seconds (semantics §6, twice the time to replace a server).
const ON_TIME: i64 = 10 * SECOND;

/// How long the server is away: two slots, and that of the moment itself, are not on time any more then.
const ABSENCE: Duration = Duration::from_millis(12_500);

/// What is done about slots that were missed.
const KINDS: [(&str, i64); 4] = [("all", 3600), ("last", 3600), ("none", 3600), ("all", 0)];

#[test]
fn what_a_killed_server_missed_is_caught_up_on_sqlite() {
    run(what_a_killed_server_missed_is_caught_up(Backend::Sqlite));
}

#[test]
fn what_a_killed_server_missed_is_caught_up_on_postgres() {
    run(what_a_killed_server_missed_is_caught_up(Backend::Postgres));
}

async fn what_a_killed_server_missed_is_caught_up(backend: Backend) {
    let Some(site) = Site::new(backend) else { return };
    let mut server = site.serve(&[]);
    let caller = Caller::new([server.url()]);
    let hands = Hands::begin(std::slice::from_ref(&caller)).await;
    let mut schedules = Vec::new();
    for number in 0..SCHEDULES * KINDS.len() {
        let kind = KINDS[number % KINDS.len()];
        let id = create(&caller, body(number, kind)).await;
        schedules.push((id, kind));
    }
    let paused = create(&caller, body(schedules.len(), KINDS[0])).await;
    kill_often(&mut server, &caller, &schedules).await;
    once_fired(&caller, &paused, 1).await;
    let stopped = stop(&caller, &paused).await;

    // All that came until then has been decided, and what comes now will not be.
    let gone = now(&caller).await;
    server.crash();
    tokio::time::sleep(ABSENCE).await;
    server.start_again();
    let back = now(&caller).await;
    assert!(
        back - gone > ON_TIME + 2 * INTERVAL * SECOND,
        "it was not away for long"
    );
    for (id, _) in &schedules {
        fired_after(&caller, id, back).await;
    }
    let mut decided = Vec::new();
    for (id, _) in &schedules {
        decided.push(stop(&caller, id).await);
        until(&caller, &format!("{PATH}/{id}"), |schedule| {
            schedule["open_runs"] == 0
        })
        .await;
    }
    steer(&caller, &paused, "resume").await;
    let resumed = fired_after(&caller, &paused, back).await;
    missed_nothing(&resumed, stopped, back);
    hands.end().await;

    let mut fired = 0;
    for ((id, kind), until) in schedules.iter().zip(&decided) {
        let book = Book::read(&caller, id).await;
        let created = micros(&book.schedule["created_at"]);
        let slots = every(INTERVAL, anchor(), created, *until);
        let known = book.account(&slots);
        // Some may have come at the end, when the pause was faster.
        let is_due = |slot: &Value| slot["reason"] != "the schedule was paused" || at(slot) <= back;
        let known = known.into_iter().filter(|(_, slot)| is_due(slot));
        check_catchup(*kind, &known.collect::<Vec<_>>(), gone, back);
        let tasks = book.check_tasks(&caller).await;
        let schedule = &book.schedule;
        for name in ["fired", "total_runs", "successful_runs"] {
            assert_eq!(schedule[name], tasks.len(), "{name} of {schedule}");
        }
        fired += tasks.len();
    }
    server.terminate();
    tell(&format!(
        "{backend:?}: {KILLS} kills by the seed {SEED} and {ABSENCE:?} away: {fired} slots fired"
    ));
}

/// The book of a schedule, once a slot has fired that came after `instant`.
async fn fired_after(caller: &Caller, id: &str, instant: i64) -> Book {
    let is_later = |book: &Book| book.fired().into_iter().any(|slot| at(slot) > instant);
    book_when(caller, id, is_later).await
}

fn anchor() -> i64 {
    // 2026-01-01T00:00:00Z.
    1_767_225_600 * SECOND
}

fn body(number: usize, (catchup, window): (&str, i64)) -> Value {
    a_schedule(
        &format!("schedule-{number}"),
        json!({
            "interval_seconds": INTERVAL,
            "anchor_at": instant(anchor()),
            "catchup": catchup,
            "catchup_window_seconds": window,
        }),
    )
}

/// Kills the server as slots fire, again and again.
async fn kill_often(server: &mut Server, caller: &Caller, schedules: &[(String, (&str, i64))]) {
    let mut chance = StdRng::seed_from_u64(SEED);
    tell(&format!("a server is killed by the seed {SEED}"));
    for (kill, (id, _)) in schedules.iter().enumerate().take(KILLS) {
        // So that there is something between any two kills.
        once_fired(caller, id, 1 + kill / 2).await;
        // It waits for nothing: this is what makes the moment random.
        tokio::time::sleep(Duration::from_millis(chance.random_range(PAUSE))).await;
        server.crash();
        server.start_again();
    }
}

/// What became of the slots of a schedule, of which those between `gone` and `back` had nobody to fire them.
fn check_catchup((catchup, window): (&str, i64), known: &[(i64, &Value)], gone: i64, back: i64) {
    // One at the very moment may have fired before the server was gone.
    let came = |slot: &Value| slot["state"] == "fired" && micros(&slot["fired_at"]) < gone + SECOND;
    let away = known
        .iter()
        .filter(|(at, slot)| (gone..=back).contains(at) && !came(slot));
    let away: Vec<&(i64, &Value)> = away.collect();
    let wanted = away.iter().filter(|(_, slot)| slot["state"] == "fired").count();
    let unwanted: Vec<&Value> = away
        .iter()
        .filter(|(_, slot)| slot["state"] != "fired")
        .map(|(_, slot)| *slot)
        .collect();
    let shown = || format!("{catchup}, {window}: {away:#?}");
    assert!(away.len() > 10, "{}", shown());
    for (slot_at, slot) in known {
        if slot["state"] == "fired" {
            let late = micros(&slot["fired_at"]) - slot_at;
            let is_wanted = late <= ON_TIME || catchup != "none" && window > 0;
            assert!(is_wanted, "{slot} is {late} µs late: {}", shown());
        } else {
            assert_eq!(slot["state"], "missed", "{}", shown());
            assert!(*slot_at < back, "{}", shown());
        }
    }
    let reason = match (catchup, window) {
        ("all", 0) => "missed, and older than `catchup_window_seconds`",
        ("all", _) => {
            assert_eq!(unwanted, Vec::<&Value>::new(), "{}", shown());
            return;
        }
        ("last", _) => "missed, and a later slot is due: `catchup` is last",
        _ => "missed, and `catchup` is none",
    };
    // They are in a row, and so they have one record, of slots before those that were wanted.
    let first = unwanted
        .first()
        .unwrap_or_else(|| panic!("none missed: {}", shown()));
    assert!(unwanted.iter().all(|slot| slot == first), "{}", shown());
    assert_eq!(first["reason"], reason, "{}", shown());
    assert!(
        away[..unwanted.len()].iter().all(|(_, slot)| slot == first),
        "{}",
        shown()
    );
    if catchup == "last" {
        // It is the last of those that had come.
        let caught_up = known.iter().find(|(at, _)| *at > micros(&first["until"]));
        let (slot_at, slot) = caught_up.expect("there was a later one");
        let late = micros(&slot["fired_at"]) - slot_at;
        assert!(late < INTERVAL * SECOND, "a later one had come: {slot}");
        assert!(wanted <= 1, "{}", shown());
    } else {
        assert!(wanted >= 1, "what is late by less is not missed: {}", shown());
    }
}

/// A schedule that was paused while nobody was there has no slot of that time.
fn missed_nothing(book: &Book, stopped: i64, back: i64) {
    let of_pause = book
        .slots
        .iter()
        .filter(|slot| (stopped + 1..=back).contains(&at(slot)));
    assert_eq!(of_pause.count(), 0, "{book:#?}");
    let until = at(book.slots.last().expect("it has slots"));
    let created = micros(&book.schedule["created_at"]);
    let mut slots = every(INTERVAL, anchor(), created, until);
    let next = at(book
        .slots
        .iter()
        .find(|slot| at(slot) > stopped)
        .expect("it went on"));
    slots.retain(|at| *at <= stopped || *at >= next);
    book.account(&slots);
}
