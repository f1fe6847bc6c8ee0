//! Deliveries to webhooks.

use ains_core::webhook::{DeliveryState, Webhook};
use ains_core::{DeliveryId, WebhookId};
use ains_store::deliveries::{self, Claim, End, Finished, NewDelivery, Taken};
use ains_store::{Backend, Conn, webhooks};
use ains_testkit::TestDb;

use crate::locks::while_waiting;
use crate::support::{Maker, at, open};
use crate::webhooks::put;

ains_testkit::contract!(
    deliveries_of_a_subject_go_one_after_the_other,
    deliveries_of_other_subjects_and_hooks_do_not_wait,
    one_that_is_tried_again_holds_up_its_subject_only,
    one_that_waits_is_looked_at_once,
    what_a_dead_server_took_is_due_again_when_its_lease_ends,
    what_was_taken_again_is_not_finished_by_the_one_before,
    what_is_given_back_does_not_count,
    what_is_held_says_why_and_does_not_count,
    a_delivery_that_has_ended_is_delivered_again_from_the_beginning,
    deliveries_of_a_hook_that_is_called_no_more_are_cancelled_in_pieces,
    hooks_with_something_to_come_are_found_with_their_instants,
    a_delivery_reads_back_as_it_went,
    deliveries_are_listed_newest_first,
    only_what_has_ended_is_removed,
    two_servers_never_take_the_same,
    a_delivery_set_aside_while_its_predecessor_ends_is_woken,
);

/// Takes what is due of a webhook at `seconds`, for a minute.
fn claim(conn: &mut Conn, webhook: WebhookId, seconds: i64, limit: i64) -> Claim {
    let claim = |conn: &mut Conn| deliveries::claim(conn, webhook, at(seconds), at(seconds + 60), limit);
    conn.transact(claim).unwrap()
}

/// The deliveries that are taken at `seconds`, by their place in `all`.
fn taken(conn: &mut Conn, all: &[NewDelivery], webhook: WebhookId, seconds: i64) -> Vec<usize> {
    places(all, &claim(conn, webhook, seconds, 100).taken)
}

fn places(all: &[NewDelivery], taken: &[Taken]) -> Vec<usize> {
    let place = |taken: &Taken| all.iter().position(|new| new.id == taken.id).unwrap();
    taken.iter().map(place).collect()
}

fn finish(conn: &mut Conn, taken: &Taken, end: End, seconds: i64) {
    let finished = Finished {
        taken: taken.clone(),
        end,
        at: at(seconds),
    };
    conn.transact(|conn| deliveries::finish(conn, &[finished]))
        .unwrap();
}

fn delivered() -> End {
    End::Delivered { code: 200 }
}

fn again(seconds: i64) -> End {
    End::Again {
        at: at(seconds),
        code: Some(503),
        error: "it's \"busy\" \\".to_owned(),
    }
}

fn dead() -> End {
    End::Dead {
        code: None,
        error: "enough".to_owned(),
    }
}

fn insert(conn: &mut Conn, all: &[NewDelivery]) {
    conn.transact(|conn| deliveries::insert(conn, all)).unwrap();
}

fn state(conn: &mut Conn, id: DeliveryId) -> (DeliveryState, u32) {
    let found = deliveries::find(conn, id).unwrap().unwrap();
    (found.state, found.attempt_count)
}

/// A hook, and a delivery for each of `subjects`.
fn with(conn: &mut Conn, subjects: &[&str]) -> (Webhook, Vec<NewDelivery>) {
    let mut maker = Maker::new();
    let hook = maker.webhook("c");
    put(conn, &[&hook]);
    let all: Vec<_> = subjects
        .iter()
        .map(|subject| maker.delivery(hook.id, subject))
        .collect();
    insert(conn, &all);
    (hook, all)
}

fn deliveries_of_a_subject_go_one_after_the_other(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let (hook, all) = with(&mut conn, &["a", "a", "a"]);
    for (place, end) in [delivered(), dead(), delivered()].into_iter().enumerate() {
        let first = claim(&mut conn, hook.id, 101, 10);
        assert_eq!(places(&all, &first.taken), [place]);
        assert_eq!(taken(&mut conn, &all, hook.id, 101), [0; 0]);
        finish(&mut conn, &first.taken[0], end, 101);
    }
    assert_eq!(deliveries::waiting(&mut conn, None, 10).unwrap(), []);
}

fn deliveries_of_other_subjects_and_hooks_do_not_wait(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let (hook, mut all) = with(&mut conn, &["a", "b", "a", "b", "c"]);
    let mut maker = Maker::new();
    let other = (0..2).map(|_| maker.webhook("c")).last().unwrap();
    put(&mut conn, &[&other]);
    let late = (0..6).map(|_| maker.delivery(other.id, "a")).last().unwrap();
    insert(&mut conn, std::slice::from_ref(&late));
    all.push(late);
    assert_eq!(taken(&mut conn, &all, hook.id, 99), [0; 0], "not yet due");
    assert_eq!(taken(&mut conn, &all, hook.id, 100), [0, 1, 4]);
    assert_eq!(taken(&mut conn, &all, other.id, 100), [5]);
}

fn one_that_is_tried_again_holds_up_its_subject_only(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let (hook, all) = with(&mut conn, &["a", "a", "b"]);
    let first = claim(&mut conn, hook.id, 100, 10).taken;
    finish(&mut conn, &first[0], again(500), 101);
    finish(&mut conn, &first[1], delivered(), 101);
    assert_eq!(taken(&mut conn, &all, hook.id, 499), [0; 0]);
    let second = claim(&mut conn, hook.id, 500, 10).taken;
    assert_eq!((places(&all, &second), second[0].attempt), (vec![0], 2));
    finish(&mut conn, &second[0], dead(), 501);
    assert_eq!(taken(&mut conn, &all, hook.id, 501), [1]);
}

fn one_that_waits_is_looked_at_once(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let (hook, all) = with(&mut conn, &["a"; 250]);
    let first = claim(&mut conn, hook.id, 100, 100);
    assert_eq!((places(&all, &first.taken), first.seen), (vec![0], 100));
    let seen: Vec<usize> = (0..3).map(|_| claim(&mut conn, hook.id, 100, 100).seen).collect();
    assert_eq!(seen, [100, 50, 0]);
    finish(&mut conn, &first.taken[0], again(200), 101);
    assert_eq!(
        deliveries::waiting(&mut conn, None, 10).unwrap(),
        [(hook.id, at(200))]
    );
    let second = claim(&mut conn, hook.id, 200, 100);
    assert_eq!((places(&all, &second.taken), second.seen), (vec![0], 1));
    finish(&mut conn, &second.taken[0], delivered(), 201);
    let third = claim(&mut conn, hook.id, 201, 100);
    assert_eq!((places(&all, &third.taken), third.seen), (vec![1], 1));
}

fn what_a_dead_server_took_is_due_again_when_its_lease_ends(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let (hook, all) = with(&mut conn, &["a", "a"]);
    let first = claim(&mut conn, hook.id, 100, 10).taken.remove(0);
    assert_eq!((first.attempt, first.until), (1, at(160)));
    assert_eq!(
        deliveries::waiting(&mut conn, None, 10).unwrap(),
        [(hook.id, at(160))]
    );
    assert_eq!(taken(&mut conn, &all, hook.id, 159), [0; 0]);
    let second = claim(&mut conn, hook.id, 160, 10).taken.remove(0);
    assert_eq!(
        (second.id, &second.body, second.attempt),
        (first.id, &first.body, 2)
    );
}

fn what_was_taken_again_is_not_finished_by_the_one_before(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let (hook, all) = with(&mut conn, &["a", "a"]);
    let first = claim(&mut conn, hook.id, 100, 10).taken.remove(0);
    let second = claim(&mut conn, hook.id, 160, 10).taken.remove(0);
    finish(&mut conn, &first, dead(), 161);
    assert_eq!(state(&mut conn, all[0].id), (DeliveryState::Pending, 2));
    assert_eq!(
        taken(&mut conn, &all, hook.id, 161),
        [0; 0],
        "nor is the next woken"
    );
    finish(&mut conn, &second, delivered(), 162);
    finish(&mut conn, &first, dead(), 163);
    finish(&mut conn, &second, dead(), 163);
    assert_eq!(state(&mut conn, all[0].id), (DeliveryState::Delivered, 2));
    assert_eq!(taken(&mut conn, &all, hook.id, 163), [1]);
}

fn what_is_given_back_does_not_count(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let (hook, all) = with(&mut conn, &["a"]);
    let first = claim(&mut conn, hook.id, 100, 10).taken.remove(0);
    finish(&mut conn, &first, again(110), 101);
    let second = claim(&mut conn, hook.id, 110, 10).taken.remove(0);
    finish(&mut conn, &second, End::GivenBack, 111);
    let found = deliveries::find(&mut conn, all[0].id).unwrap().unwrap();
    assert_eq!((found.state, found.attempt_count), (DeliveryState::Pending, 1));
    assert_eq!((found.response_code, found.due_at), (Some(503), Some(at(111))));
    assert_eq!(claim(&mut conn, hook.id, 111, 10).taken[0].attempt, 2);
}

fn what_is_held_says_why_and_does_not_count(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let (hook, all) = with(&mut conn, &["a"]);
    let first = claim(&mut conn, hook.id, 100, 10).taken.remove(0);
    finish(&mut conn, &first, again(110), 101);
    let second = claim(&mut conn, hook.id, 110, 10).taken.remove(0);
    let held = End::Held {
        until: at(170),
        error: "no key".to_owned(),
    };
    finish(&mut conn, &second, held, 111);
    let found = deliveries::find(&mut conn, all[0].id).unwrap().unwrap();
    assert_eq!((found.state, found.attempt_count), (DeliveryState::Pending, 1));
    assert_eq!((found.response_code, found.due_at), (Some(503), Some(at(170))));
    assert_eq!(found.error.as_deref(), Some("no key"));
    let third = claim(&mut conn, hook.id, 170, 10).taken.remove(0);
    finish(&mut conn, &third, End::Delivered { code: 200 }, 171);
    let found = deliveries::find(&mut conn, all[0].id).unwrap().unwrap();
    assert_eq!((found.attempt_count, found.error), (2, None));
}

fn a_delivery_that_has_ended_is_delivered_again_from_the_beginning(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let (hook, all) = with(&mut conn, &["a", "a"]);
    let again = |conn: &mut Conn, id, seconds| {
        conn.transact(|conn| deliveries::redeliver(conn, id, at(seconds)))
            .unwrap()
    };
    assert!(!again(&mut conn, all[0].id, 100), "it has not ended");
    let first = claim(&mut conn, hook.id, 100, 10).taken.remove(0);
    finish(&mut conn, &first, dead(), 101);
    assert!(again(&mut conn, all[0].id, 102));
    // It goes before what came after it.
    let second = claim(&mut conn, hook.id, 102, 10);
    assert_eq!(places(&all, &second.taken), [0]);
    assert_eq!(
        (second.taken[0].attempt, &second.taken[0].body),
        (1, &all[0].body)
    );
    finish(&mut conn, &second.taken[0], delivered(), 103);
    assert!(again(&mut conn, all[0].id, 104));
    assert_eq!(
        taken(&mut conn, &all, hook.id, 104),
        [0],
        "also one that was delivered"
    );
    let unknown = Maker::new().delivery(hook.id, "none");
    let unknown = NewDelivery {
        id: "delivery_ffffffffffffffffffffffffffffffff".parse().unwrap(),
        ..unknown
    };
    assert!(!again(&mut conn, unknown.id, 104));
    assert_eq!(deliveries::find(&mut conn, unknown.id).unwrap(), None);
}

fn deliveries_of_a_hook_that_is_called_no_more_are_cancelled_in_pieces(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let (hook, all) = with(&mut conn, &["a", "a", "a", "b"]);
    let first = claim(&mut conn, hook.id, 100, 1).taken.remove(0);
    let mut ended = hook.clone();
    ended.deactivate(at(101));
    conn.transact(|conn| webhooks::save(conn, &hook, &ended)).unwrap();
    let nothing = claim(&mut conn, hook.id, 200, 10);
    assert!(nothing.taken.is_empty() && nothing.hook == Some(ended));
    for expected in [3, 1, 0] {
        let waits = deliveries::waiting(&mut conn, None, 10).unwrap();
        assert_eq!(waits.is_empty(), expected == 0, "the last leads to the others");
        let cancel = |conn: &mut Conn| deliveries::cancel(conn, hook.id, at(102), 3);
        assert_eq!(conn.transact(cancel).unwrap(), expected);
    }
    finish(&mut conn, &first, again(300), 103);
    for new in &all {
        assert_eq!(state(&mut conn, new.id).0, DeliveryState::Cancelled);
    }
}

fn hooks_with_something_to_come_are_found_with_their_instants(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let hooks = ["a", "b", "c", "d"].map(|owner| maker.webhook(owner));
    put(&mut conn, &hooks.each_ref());
    let mut all = Vec::new();
    for (hook, seconds) in [(0, 300), (0, 200), (1, 100), (3, 400), (3, 500)] {
        let mut new = maker.delivery(hooks[hook].id, &format!("{seconds}"));
        new.created_at = at(seconds);
        all.push(new);
    }
    insert(&mut conn, &all);
    let waiting = |conn: &mut Conn, after: Option<usize>, limit| -> Vec<(usize, i64)> {
        let after = after.map(|place| hooks[place].id);
        let found = deliveries::waiting(conn, after, limit).unwrap();
        let place = |id| hooks.iter().position(|hook| hook.id == id).unwrap();
        let short = found
            .into_iter()
            .map(|(id, at)| (place(id), at.as_micros() / 1_000_000));
        short.collect()
    };
    assert_eq!(waiting(&mut conn, None, 10), [(0, 200), (1, 100), (3, 400)]);
    assert_eq!(waiting(&mut conn, None, 2), [(0, 200), (1, 100)]);
    assert_eq!(waiting(&mut conn, Some(1), 2), [(3, 400)]);
    let taken = claim(&mut conn, hooks[1].id, 100, 10).taken.remove(0);
    finish(&mut conn, &taken, delivered(), 101);
    assert_eq!(waiting(&mut conn, None, 10), [(0, 200), (3, 400)]);
}

fn a_delivery_reads_back_as_it_went(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let hook = maker.webhook("c");
    put(&mut conn, &[&hook]);
    let mut new = maker.delivery(hook.id, "ä 'subject' \"\\");
    r#"{"text":"it's \"ü\" \\ 🎄 \u0000 ?"}"#.clone_into(&mut new.body);
    insert(&mut conn, std::slice::from_ref(&new));
    let found = deliveries::find(&mut conn, new.id).unwrap().unwrap();
    assert_eq!((found.id, found.webhook), (new.id, hook.id));
    assert_eq!(
        (&found.event_type, &found.subject),
        (&new.event_type, &new.subject)
    );
    assert_eq!((found.due_at, found.created_at), (Some(at(100)), at(100)));
    let taken = claim(&mut conn, hook.id, 100, 10).taken.remove(0);
    assert_eq!((&taken.body, &taken.subject), (&new.body, &new.subject));
    finish(&mut conn, &taken, again(200), 101);
    let found = deliveries::find(&mut conn, new.id).unwrap().unwrap();
    assert_eq!((found.due_at, found.response_code), (Some(at(200)), Some(503)));
    assert_eq!(found.error.as_deref(), Some("it's \"busy\" \\"));
    let taken = claim(&mut conn, hook.id, 200, 10).taken.remove(0);
    finish(&mut conn, &taken, delivered(), 201);
    let found = deliveries::find(&mut conn, new.id).unwrap().unwrap();
    assert_eq!(
        (found.due_at, found.response_code, found.error),
        (None, Some(200), None)
    );
    assert_eq!(found.ended_at, Some(at(201)));
}

fn deliveries_are_listed_newest_first(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let (hook, all) = with(&mut conn, &["a", "b", "a", "c"]);
    let mut listed = |before: Option<usize>, limit| -> Vec<usize> {
        let before = before.map(|place| all[place].id);
        let listed = deliveries::list(&mut conn, hook.id, before, limit).unwrap();
        let place = |id| all.iter().position(|new| new.id == id).unwrap();
        listed.iter().map(|found| place(found.id)).collect()
    };
    assert_eq!(listed(None, 10), [3, 2, 1, 0]);
    assert_eq!(listed(None, 3), [3, 2, 1]);
    assert_eq!(listed(Some(1), 10), [0]);
    let unknown = "delivery_ffffffffffffffffffffffffffffffff".parse().unwrap();
    assert_eq!(
        deliveries::list(&mut conn, hook.id, Some(unknown), 10).unwrap(),
        []
    );
}

fn only_what_has_ended_is_removed(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let (hook, all) = with(&mut conn, &["a", "b", "c", "d"]);
    let taken = claim(&mut conn, hook.id, 100, 10).taken;
    finish(&mut conn, &taken[0], delivered(), 200);
    finish(&mut conn, &taken[1], dead(), 300);
    finish(&mut conn, &taken[2], again(400), 300);
    let remove = |conn: &mut Conn, before, limit| {
        conn.transact(|conn| deliveries::delete_before(conn, at(before), limit))
            .unwrap()
    };
    assert_eq!(remove(&mut conn, 200, 10), 0);
    assert_eq!(remove(&mut conn, 1000, 1), 1);
    assert_eq!(
        deliveries::find(&mut conn, all[0].id).unwrap(),
        None,
        "the oldest"
    );
    assert_eq!(remove(&mut conn, 1000, 10), 1);
    assert_eq!(remove(&mut conn, 1000, 10), 0);
    assert_eq!(deliveries::list(&mut conn, hook.id, None, 10).unwrap().len(), 2);
}

fn two_servers_never_take_the_same(db: &TestDb) {
    let store = open(db);
    if store.backend() == Backend::Sqlite {
        // One writer: there is no other transaction.
        return;
    }
    let (mut first, mut second) = (store.connect().unwrap(), store.connect().unwrap());
    let (hook, all) = with(&mut first, &["a", "b", "c", "a"]);
    let id = hook.id;
    let (one, waiting) = first
        .transact(|first| {
            let one = deliveries::claim(first, id, at(100), at(160), 2)?;
            let act = move || claim(&mut second, id, 100, 10);
            Ok((one, while_waiting(first, act)))
        })
        .unwrap();
    assert_eq!(places(&all, &one.taken), [0, 1]);
    assert_eq!(places(&all, &waiting.join().unwrap().taken), [2]);
}

fn a_delivery_set_aside_while_its_predecessor_ends_is_woken(db: &TestDb) {
    let store = open(db);
    if store.backend() == Backend::Sqlite {
        // One writer: there is no other transaction.
        return;
    }
    let (mut first, mut second) = (store.connect().unwrap(), store.connect().unwrap());
    let (hook, all) = with(&mut first, &["a", "a"]);
    let id = hook.id;
    let head = claim(&mut first, id, 100, 1).taken.remove(0);
    let waiting = first
        .transact(|first| {
            let aside = deliveries::claim(first, id, at(100), at(160), 10)?;
            assert_eq!((aside.taken.len(), aside.seen), (0, 1));
            let act = move || finish(&mut second, &head, delivered(), 101);
            Ok(while_waiting(first, act))
        })
        .unwrap();
    waiting.join().unwrap();
    assert_eq!(taken(&mut first, &all, id, 101), [1]);
}
