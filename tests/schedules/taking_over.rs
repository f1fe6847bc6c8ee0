//! A server dies that made a schedule and fired its slots: the other one fires the next.

use std::time::Duration;

use ains_testkit::Backend;
use serde_json::json;

use crate::book::{
    Book, SECOND, a_schedule, at, book_when, create, every, lateness, micros, now, once_fired, stop, tell,
};
use crate::caller::Caller;
use crate::site::{Site, run};

#[test]
fn the_next_slot_is_fired_by_the_other_server() {
    run(async {
        let Some(site) = Site::new(Backend::Postgres) else {
            return;
        };
        let mut servers = [site.serve(&[]), site.serve(&[])];
        let callers = [Caller::new([servers[0].url()]), Caller::new([servers[1].url()])];
        let body = a_schedule("every second", json!({"interval_seconds": 1}));
        let id = create(&callers[0], body).await;
        once_fired(&callers[0], &id, 2).await;
        let killed = now(&callers[0]).await;
        servers[0].crash();
        fires_after(&callers[1], &id, killed, "while both were at work").await;
        assert!(servers[1].terminate().success());
    });
}

/// Nothing has made the other one look meanwhile.
#[test]
fn the_first_slot_is_fired_by_a_server_that_has_slept_so_far() {
    run(async {
        let Some(site) = Site::new(Backend::Postgres) else {
            return;
        };
        let mut sleeper = site.serve(&[]);
        let mut maker = site.serve(&[]);
        let callers = [Caller::new([maker.url()]), Caller::new([sleeper.url()])];
        let body = a_schedule("every other second", json!({"interval_seconds": 2}));
        let id = create(&callers[0], body).await;
        let killed = now(&callers[0]).await;
        maker.crash();
        fires_after(&callers[1], &id, killed, "before its first slot").await;
        assert!(sleeper.terminate().success());
    });
}

/// The slots after `killed` fire; by how much later is told.
async fn fires_after(caller: &Caller, id: &str, killed: i64, when: &str) {
    let later = |book: &Book| book.fired().into_iter().filter(|slot| at(slot) > killed).count();
    book_when(caller, id, |book| later(book) >= 2).await;
    let until = stop(caller, id).await;
    let book = Book::read(caller, id).await;
    let schedule = &book.schedule;
    let (anchor, created) = (micros(&schedule["anchor_at"]), micros(&schedule["created_at"]));
    let seconds = schedule["interval_seconds"].as_i64().expect("a number");
    let known = book.account(&every(seconds, anchor, created, until));
    book.check_tasks(caller).await;
    let first = known.range(killed + 1..).next().map(|(_, slot)| *slot);
    let first = first.expect("it has a slot after the kill");
    assert_eq!(first["state"], "fired", "the first after the kill: {book:#?}");
    let after = micros(&first["fired_at"]) - killed;
    let after = Duration::from_micros(u64::try_from(after).expect("it was later"));
    tell(&format!(
        "killed {when}: the next slot, {:?} later, fired {:?} after its instant, {after:?} after the kill",
        Duration::from_micros(u64::try_from(at(first) - killed).expect("it was later")),
        lateness(first),
    ));
    assert!(
        at(first) - killed <= seconds * SECOND,
        "a slot was left out: {book:#?}"
    );
}
