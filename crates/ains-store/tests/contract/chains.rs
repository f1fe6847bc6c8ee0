//! Chains.

use std::collections::BTreeMap;

use ains_core::chain::{Answer, Event, Place, Question};
use ains_core::dependency::Ending;
use ains_core::{ChainId, ChainStatus, ClientId, Status, TaskId};
use ains_store::chains::{self, PlacedResult, StepList, StoredChain};
use ains_store::tasks::{self, Filter, Page, StoredTask, Wholes};
use ains_store::{Conn, StoreError};
use ains_testkit::TestDb;

use crate::support::{Maker, a_definition, at, open};

ains_testkit::contract!(
    a_chain_reads_back_unchanged_all_along_its_run,
    what_does_not_change_of_a_chain_reads_back,
    chains_are_listed_newest_first,
    chains_that_wait_longest_for_an_answer_come_first,
    the_tasks_of_a_chain_are_found,
    a_place_of_a_chain_is_taken_once,
    a_new_list_forgets_what_came_out_of_the_old_one,
    ended_chains_are_removed_in_pieces,
    tasks_stay_as_long_as_their_chain,
);

const INPUT: &str = r#"{"list":["ä",2,3]}"#;

fn put(conn: &mut Conn, new: &[&StoredChain]) {
    let definition = a_definition();
    let new: Vec<_> = new.iter().map(|stored| (*stored, &definition, INPUT)).collect();
    conn.transact(|conn| chains::insert(conn, &new)).unwrap();
}

fn on(stored: &mut StoredChain, event: Event, seconds: i64) {
    let plan = a_definition().check().unwrap();
    let decision = stored.chain.on(&plan, event, at(seconds)).unwrap();
    assert!(decision.changed);
    stored.current_step = stored.chain.current_step(&plan);
    stored.updated_at = at(seconds);
    stored.asked_at = (!stored.chain.questions(&plan).is_empty()).then(|| at(seconds));
}

fn cancel(stored: &mut StoredChain, seconds: i64) {
    let reason = "it's \"enough\" \\ ü".to_owned();
    on(stored, Event::Cancel { reason }, seconds);
}

fn place(step: u32, item: Option<u32>) -> Place {
    Place {
        step,
        run: 1,
        iteration: 1,
        item,
        compensation: false,
    }
}

fn ended(place: Place, ending: Ending) -> Event {
    Event::TaskEnded {
        place,
        ending,
        error: (ending == Ending::Failed).then(|| "it's \"bad\"".to_owned()),
    }
}

/// A ready task at a place of a chain.
fn part(maker: &mut Maker, chain: ChainId, place: Place) -> StoredTask {
    let mut part = maker.ready("c", 0);
    part.task.chain = Some((chain, place));
    part
}

fn a_chain_reads_back_unchanged_all_along_its_run(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let mut stored = maker.chain("ä 'client'");
    let other = maker.chain("c");
    let unknown = maker.chain("c").id;
    put(&mut conn, &[&stored, &other]);
    let list = Question::ForEach { step: 1, run: 1 };
    for (seconds, event) in (101..).zip([
        Event::Begin,
        ended(place(0, None), Ending::Completed),
        Event::Evaluated(vec![(list, Ok(Answer::Items(300)))]),
        ended(place(1, Some(7)), Ending::Completed),
        Event::Pause,
        Event::Resume,
        ended(place(1, Some(1)), Ending::Failed),
        Event::Retry,
    ]) {
        on(&mut stored, event, seconds);
        conn.transact(|conn| chains::save(conn, &[&stored])).unwrap();
        assert_eq!(
            chains::find(&mut conn, stored.id).unwrap(),
            Some(stored.clone()),
            "after {seconds} seconds"
        );
    }
    assert_eq!((stored.chain.run, stored.current_step), (2, 1), "half-way");
    let locked = conn.transact(|conn| chains::lock(conn, &[stored.id, other.id, unknown]));
    assert_eq!(locked.unwrap(), [stored, other.clone()]);
    assert_eq!(chains::find(&mut conn, other.id).unwrap(), Some(other));
    assert_eq!(chains::find(&mut conn, unknown).unwrap(), None);
}

fn what_does_not_change_of_a_chain_reads_back(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let stored = maker.chain("c");
    put(&mut conn, &[&stored]);
    let fixed = chains::fixed(&mut conn, stored.id).unwrap();
    assert_eq!((fixed.definition, &*fixed.input), (a_definition(), INPUT));
    let unknown = chains::fixed(&mut conn, maker.chain("c").id);
    assert!(matches!(unknown, Err(StoreError::Corrupt { .. })), "{unknown:?}");
}

fn chains_are_listed_newest_first(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let mut all = ["a", "b", "a", "a"].map(|client| maker.chain(client));
    for (stored, seconds) in all.iter_mut().take(3).zip(101..) {
        on(stored, Event::Begin, seconds);
    }
    cancel(&mut all[2], 110);
    put(&mut conn, &all.each_ref());
    let mut listed = |client: Option<&str>, status, before: Option<usize>, limit| -> Vec<usize> {
        let client: Option<ClientId> = client.map(|client| client.parse().unwrap());
        let before = before.map(|at| all[at].id);
        let heads = chains::list(&mut conn, client.as_ref(), status, before, limit).unwrap();
        heads
            .iter()
            .map(|head| {
                let at = all.iter().position(|stored| stored.id == head.id).unwrap();
                let stored = &all[at];
                assert_eq!((&head.client, &head.name), (&stored.client, &stored.name));
                assert_eq!(head.status, stored.chain.status);
                assert_eq!(head.current_step, stored.current_step);
                assert_eq!(head.total_steps, 3);
                assert_eq!(head.created_at, stored.created_at);
                assert_eq!(head.updated_at, stored.updated_at);
                at
            })
            .collect()
    };
    let running = Some(ChainStatus::Running);
    assert_eq!(listed(None, None, None, 10), [3, 2, 1, 0]);
    assert_eq!(listed(None, None, None, 2), [3, 2]);
    assert_eq!(listed(None, None, Some(2), 10), [1, 0]);
    assert_eq!(listed(Some("a"), None, None, 10), [3, 2, 0]);
    assert_eq!(listed(Some("a"), None, Some(3), 1), [2]);
    assert_eq!(listed(None, running, None, 10), [1, 0]);
    assert_eq!(listed(None, running, Some(1), 10), [0]);
    assert_eq!(listed(Some("a"), running, None, 10), [0]);
    assert!(listed(Some("a"), running, Some(0), 10).is_empty());
    assert_eq!(listed(None, Some(ChainStatus::Cancelled), None, 10), [2]);
    assert!(listed(Some("none"), None, None, 10).is_empty());
}

fn chains_that_wait_longest_for_an_answer_come_first(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let mut all = [0; 4].map(|_| maker.chain("c"));
    for (stored, seconds) in all.iter_mut().zip([130, 110, 120]) {
        on(stored, Event::Begin, 100);
        on(stored, ended(place(0, None), Ending::Completed), seconds);
        assert_eq!(stored.asked_at, Some(at(seconds)));
    }
    put(&mut conn, &all.each_ref());
    let asked = |conn: &mut Conn, seconds, limit| chains::asked(conn, at(seconds), limit).unwrap();
    assert_eq!(asked(&mut conn, 109, 10), []);
    assert_eq!(asked(&mut conn, 120, 10), [all[1].id, all[2].id]);
    assert_eq!(asked(&mut conn, 999, 1), [all[1].id]);
    on(&mut all[1], Event::Pause, 140);
    conn.transact(|conn| chains::save(conn, &[&all[1]])).unwrap();
    assert_eq!(asked(&mut conn, 999, 10), [all[2].id, all[0].id]);
}

fn the_tasks_of_a_chain_are_found(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let (one, other) = (maker.chain("c").id, maker.chain("c").id);
    let (first, item) = (place(0, None), place(1, Some(12)));
    let mut parts = [
        part(&mut maker, one, first),
        part(&mut maker, one, item),
        part(&mut maker, other, first),
        maker.ready("c", 0),
    ];
    parts[0].task.cancel("enough", at(101)).unwrap();
    parts[1].documents.result = Some("[1,2]".into());
    conn.transact(|conn| tasks::insert(conn, &parts)).unwrap();
    let ids: Vec<TaskId> = parts.iter().map(|part| part.task.id).collect();
    assert_eq!(tasks::by_ids(&mut conn, &ids).unwrap(), parts);
    let wholes = tasks::wholes(&mut conn, &ids).unwrap();
    assert_eq!(wholes.chains, [one, other].into());
    assert!(wholes.schedules.is_empty());
    assert_eq!(tasks::wholes(&mut conn, &ids[3..]).unwrap(), Wholes::default());
    assert_eq!(tasks::wholes(&mut conn, &[]).unwrap(), Wholes::default());
    assert_eq!(chains::unfinished(&mut conn, one).unwrap(), [(item, ids[1])]);
    let compensation = Place {
        compensation: true,
        ..first
    };
    let found =
        |conn: &mut Conn, most| chains::results(conn, one, &[item, compensation, first], most).unwrap();
    let none = PlacedResult {
        result: None,
        left_out: false,
    };
    let some = PlacedResult {
        result: Some("[1,2]".into()),
        left_out: false,
    };
    assert_eq!(
        found(&mut conn, 5),
        BTreeMap::from([(first, none.clone()), (item, some)])
    );
    let left_out = PlacedResult {
        left_out: true,
        ..none
    };
    assert_eq!(found(&mut conn, 4)[&item], left_out);
    assert!(chains::results(&mut conn, one, &[], 10).unwrap().is_empty());
    let filter = Filter {
        chain: Some(one),
        ..Filter::default()
    };
    let page = Page {
        limit: 10,
        offset: 0,
        before: None,
    };
    let listed = tasks::list(&mut conn, &filter, page).unwrap();
    assert_eq!(listed, [parts[1].clone(), parts[0].clone()]);
    assert_eq!(tasks::count(&mut conn, &filter, 10).unwrap(), 2);
}

fn a_place_of_a_chain_is_taken_once(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let [chain, other] = ["c", "d"].map(|client| maker.chain(client).id);
    let mut put = |conn: &mut Conn, chain, place| {
        let part = part(&mut maker, chain, place);
        let done = conn.transact(|conn| tasks::insert(conn, std::slice::from_ref(&part)));
        let found = tasks::by_ids(conn, &[part.task.id]).unwrap();
        assert_eq!(found.len(), usize::from(done.is_ok()));
        done
    };
    let taken = place(1, Some(3));
    put(&mut conn, chain, taken).unwrap();
    let refused = put(&mut conn, chain, taken);
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    for free in [
        Place { step: 2, ..taken },
        Place { run: 2, ..taken },
        Place {
            iteration: 2,
            ..taken
        },
        Place {
            item: Some(4),
            ..taken
        },
        Place { item: None, ..taken },
        Place {
            compensation: true,
            ..taken
        },
    ] {
        put(&mut conn, chain, free).unwrap();
    }
    put(&mut conn, other, taken).unwrap();
}

fn a_new_list_forgets_what_came_out_of_the_old_one(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let chains = [maker.chain("c"), maker.chain("c")];
    put(&mut conn, &chains.each_ref());
    let [id, other] = [chains[0].id, chains[1].id];
    let keep = |conn: &mut Conn, id, step, list: &StepList| {
        conn.transact(|conn| chains::keep(conn, id, step, list)).unwrap();
    };
    let items = |text: &str| StepList::Items(text.into());
    let output = |text: &str| StepList::Output(text.into());
    let mut seen = |id, act: &[(u32, StepList)]| {
        for (step, list) in act {
            keep(&mut conn, id, *step, list);
        }
        chains::lists(&mut conn, id, &[1, 2, 3]).unwrap()
    };
    let text = |text: &str| Some(text.to_owned());
    let lists = seen(id, &[(1, items("[1]")), (2, items(r#"["ä"]"#)), (4, items("[]"))]);
    assert_eq!(
        lists,
        [(1, (text("[1]"), None)), (2, (text(r#"["ä"]"#), None))].into()
    );
    let lists = seen(id, &[(1, output("[2]")), (2, output("[null]"))]);
    assert_eq!(lists[&1], (text("[1]"), text("[2]")));
    let lists = seen(id, &[(1, items("[3]")), (3, output("[4]"))]);
    assert_eq!(
        lists[&1],
        (text("[3]"), None),
        "what came out of another list is forgotten"
    );
    assert_eq!(lists[&2], (text(r#"["ä"]"#), text("[null]")));
    assert_eq!(lists[&3], (None, text("[4]")));
    assert!(seen(other, &[]).is_empty());
    assert!(chains::lists(&mut conn, id, &[]).unwrap().is_empty());
}

fn ended_chains_are_removed_in_pieces(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let mut all = [0; 5].map(|_| maker.chain("c"));
    for (stored, seconds) in all.iter_mut().take(4).zip([104, 101, 102, 103]) {
        on(stored, Event::Begin, 100);
        cancel(stored, seconds);
    }
    put(&mut conn, &all.each_ref());
    for stored in &all {
        conn.transact(|conn| chains::keep(conn, stored.id, 1, &StepList::Items("[]".into())))
            .unwrap();
    }
    let remove = |conn: &mut Conn| {
        conn.transact(|conn| chains::remove_ended(conn, at(104), 2))
            .unwrap()
    };
    let cancelled = |at: usize| (all[at].id, ChainStatus::Cancelled);
    assert_eq!(remove(&mut conn), [cancelled(1), cancelled(2)]);
    assert_eq!(remove(&mut conn), [cancelled(3)]);
    assert_eq!(remove(&mut conn), []);
    for (number, stored) in all.iter().enumerate() {
        let stays = [0, 4].contains(&number);
        assert_eq!(chains::find(&mut conn, stored.id).unwrap().is_some(), stays);
        assert_eq!(chains::fixed(&mut conn, stored.id).is_ok(), stays);
        assert_eq!(
            chains::lists(&mut conn, stored.id, &[1]).unwrap().len(),
            usize::from(stays)
        );
    }
}

fn tasks_stay_as_long_as_their_chain(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let mut stored = maker.chain("c");
    on(&mut stored, Event::Begin, 101);
    put(&mut conn, &[&stored]);
    let mut parts = [
        part(&mut maker, stored.id, place(0, None)),
        part(&mut maker, stored.id, place(1, Some(0))),
        maker.ready("c", 0),
    ];
    for part in &mut parts {
        part.task.cancel("enough", at(102)).unwrap();
    }
    conn.transact(|conn| tasks::insert(conn, &parts)).unwrap();
    let mut removed = |stored: &StoredChain| -> Vec<TaskId> {
        conn.transact(|conn| {
            chains::save(conn, &[stored])?;
            chains::remove_ended(conn, at(200), 10)?;
            tasks::remove_ended(conn, Status::Cancelled, at(200), None, 10)
        })
        .unwrap()
        .removed
    };
    assert_eq!(removed(&stored), [parts[2].task.id], "it may need their results");
    cancel(&mut stored, 200);
    assert_eq!(removed(&stored), [], "it has only just ended");
    stored.chain.ended_at = Some(at(199));
    assert_eq!(removed(&stored), [parts[0].task.id, parts[1].task.id]);
}
