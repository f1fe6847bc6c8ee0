//! Schedules that several servers work on. On SQLite there is one.

use std::collections::BTreeSet;
use std::sync::{Arc, Barrier};

use ains_core::ScheduleId;
use ains_core::schedule::Standing;
use ains_store::schedules::{self, StoredSchedule};
use ains_store::{Backend, Conn, Store, calendars};
use ains_testkit::TestDb;

use crate::locks::while_waiting;
use crate::schedules::{a_calendar, due, find, heed, lock_due, lock_to_look, put, stop};
use crate::support::{Maker, at, open};

ains_testkit::contract!(
    a_changed_calendar_waits_for_who_works_by_the_old_one,
    a_changed_calendar_waits_for_who_begins_to_heed_it,
    who_reads_a_calendar_to_heed_it_keeps_it,
    what_another_server_fires_is_passed_over,
    what_another_server_looks_at_is_passed_over,
    two_servers_share_what_is_due,
    a_schedule_is_changed_by_one_after_the_other,
);

/// The store, unless it is on SQLite.
fn shared(db: &TestDb) -> Option<Store> {
    let store = open(db);
    (store.backend() == Backend::Postgres).then_some(store)
}

/// Stores schedules that are due at 110 seconds.
fn all_due(store: &Store, number: usize) -> Vec<StoredSchedule> {
    let mut maker = Maker::new();
    let all: Vec<StoredSchedule> = (0..number)
        .map(|_| {
            let mut stored = maker.schedule("c");
            due(&mut stored, at(110));
            stored
        })
        .collect();
    put(&mut store.connect().unwrap(), &Vec::from_iter(&all));
    all
}

fn a_changed_calendar_waits_for_who_works_by_the_old_one(db: &TestDb) {
    let Some(store) = shared(db) else { return };
    let (mut first, mut second) = (store.connect().unwrap(), store.connect().unwrap());
    let mut maker = Maker::new();
    let calendar = a_calendar(&mut first, &mut maker);
    let mut all = [0; 2].map(|_| maker.schedule("c"));
    for stored in &mut all {
        heed(stored, &[calendar]);
    }
    due(&mut all[0], at(120));
    stop(&mut all[1], Standing::Paused);
    put(&mut first, &all.each_ref());
    let look = move || second.transact(|conn| schedules::look_again(conn, calendar, at(130)));
    let looked = first.transact(|first| {
        // One fires, and the other goes on: when next, is what the old calendar says.
        assert_eq!(lock_due(first, 130, 10), [all[0].id]);
        schedules::lock(first, &[all[1].id])?;
        let looked = while_waiting(first, look);
        due(&mut all[0], at(180));
        all[1].schedule.standing = Standing::Active;
        due(&mut all[1], at(180));
        schedules::save(first, &[&all[0], &all[1]])?;
        Ok(looked)
    });
    looked.unwrap().join().unwrap().unwrap();
    for stored in &mut all {
        stored.look_since = Some(at(130));
        assert_eq!(find(&mut first, stored.id), *stored);
    }
}

fn a_changed_calendar_waits_for_who_begins_to_heed_it(db: &TestDb) {
    let Some(store) = shared(db) else { return };
    let (mut first, mut second) = (store.connect().unwrap(), store.connect().unwrap());
    let mut maker = Maker::new();
    let calendar = a_calendar(&mut first, &mut maker);
    let mut all = [0; 2].map(|_| maker.schedule("c"));
    for stored in &mut all {
        due(stored, at(180));
    }
    put(&mut first, &[&all[0]]);
    for stored in &mut all {
        heed(stored, &[calendar]);
    }
    let look = move || {
        second.transact(|conn| {
            calendars::lock(conn, calendar)?;
            schedules::look_again(conn, calendar, at(130))
        })
    };
    let looked = first.transact(|first| {
        schedules::lock(first, &[all[0].id])?;
        schedules::change(first, &all[0])?;
        schedules::insert(first, &all[1])?;
        Ok(while_waiting(first, look))
    });
    looked.unwrap().join().unwrap().unwrap();
    for stored in &mut all {
        stored.look_since = Some(at(130));
        assert_eq!(find(&mut first, stored.id), *stored);
    }
}

fn who_reads_a_calendar_to_heed_it_keeps_it(db: &TestDb) {
    let Some(store) = shared(db) else { return };
    let (mut first, mut second) = (store.connect().unwrap(), store.connect().unwrap());
    let mut maker = Maker::new();
    let calendar = a_calendar(&mut first, &mut maker);
    let mut stored = maker.schedule("c");
    heed(&mut stored, &[calendar]);
    let change = move || {
        second.transact(|conn| {
            let mut locked = calendars::lock(conn, calendar)?.unwrap();
            locked.revision += 1;
            calendars::save(conn, &locked)?;
            schedules::look_again(conn, calendar, at(130))
        })
    };
    let mut third = store.connect().unwrap();
    let changed = first.transact(|first| {
        assert_eq!(calendars::find_kept(first, &[calendar])?[&calendar].revision, 0);
        third.transact(|third| {
            // Others may heed it as well.
            assert_eq!(calendars::find_kept(third, &[calendar])?.len(), 1);
            Ok(())
        })?;
        let changed = while_waiting(first, change);
        assert!(!changed.is_finished());
        schedules::insert(first, &stored)?;
        Ok(changed)
    });
    changed.unwrap().join().unwrap().unwrap();
    assert_eq!(find(&mut first, stored.id).look_since, Some(at(130)));
    let kept = calendars::find_kept(&mut first, &[calendar]).unwrap();
    assert_eq!(kept[&calendar].revision, 1);
}

fn what_another_server_fires_is_passed_over(db: &TestDb) {
    let Some(store) = shared(db) else { return };
    let all: BTreeSet<ScheduleId> = all_due(&store, 5).iter().map(|stored| stored.id).collect();
    let (mut first, mut second) = (store.connect().unwrap(), store.connect().unwrap());
    let taken = first.transact(|first| {
        let taken = lock_due(first, 200, 2);
        assert_eq!(taken.len(), 2);
        let others = second.transact(|second| Ok(lock_due(second, 200, 9)))?;
        assert_eq!(others.len(), 3);
        Ok(taken.into_iter().chain(others).collect::<BTreeSet<_>>())
    });
    assert_eq!(taken.unwrap(), all);
    assert_eq!(
        lock_due(&mut second, 200, 9).len(),
        5,
        "given back at the end of the transaction"
    );
}

fn what_another_server_looks_at_is_passed_over(db: &TestDb) {
    let Some(store) = shared(db) else { return };
    let mut all = all_due(&store, 3);
    let (mut first, mut second) = (store.connect().unwrap(), store.connect().unwrap());
    for (stored, seconds) in all.iter_mut().zip([130, 120, 140]) {
        stored.look_since = Some(at(seconds));
        first.transact(|first| schedules::save(first, &[stored])).unwrap();
    }
    let ids: Vec<ScheduleId> = all.iter().map(|stored| stored.id).collect();
    first
        .transact(|first| {
            assert_eq!(lock_to_look(first, 1), [ids[1]]);
            assert_eq!(
                second.transact(|second| Ok(lock_to_look(second, 9)))?,
                [ids[0], ids[2]]
            );
            Ok(())
        })
        .unwrap();
    assert_eq!(lock_to_look(&mut second, 9), [ids[1], ids[0], ids[2]]);
}

fn two_servers_share_what_is_due(db: &TestDb) {
    let Some(store) = shared(db) else { return };
    let all: Vec<ScheduleId> = all_due(&store, 200).iter().map(|stored| stored.id).collect();
    let begin = Arc::new(Barrier::new(2));
    let servers = [0; 2].map(|_| {
        let (mut conn, begin) = (store.connect().unwrap(), Arc::clone(&begin));
        std::thread::spawn(move || {
            let mut fired = Vec::new();
            begin.wait();
            while schedules::next_due(&mut conn).unwrap() == Some(at(110)) {
                conn.transact(|conn| {
                    let mut due_now = schedules::lock_due(conn, at(110), 7)?;
                    for stored in &mut due_now {
                        due(stored, at(170));
                    }
                    schedules::save(conn, &Vec::from_iter(&due_now))?;
                    fired.extend(due_now.iter().map(|stored| stored.id));
                    Ok(())
                })
                .unwrap();
            }
            fired
        })
    });
    let mut fired = servers.map(|server| server.join().unwrap()).concat();
    fired.sort();
    assert_eq!(fired, all, "each once");
}

fn a_schedule_is_changed_by_one_after_the_other(db: &TestDb) {
    let Some(store) = shared(db) else { return };
    let (mut first, mut second) = (store.connect().unwrap(), store.connect().unwrap());
    let stored = Maker::new().schedule("c");
    let id = stored.id;
    put(&mut first, &[&stored]);
    let run = move |conn: &mut Conn| {
        let mut locked = schedules::lock(conn, &[id])?;
        locked[0].schedule.fired += 1;
        schedules::save(conn, &[&locked[0]])
    };
    let done = first.transact(|first| {
        run(first)?;
        assert_eq!(store.connect()?.transact(|conn| Ok(lock_due(conn, 999, 9)))?, []);
        Ok(while_waiting(first, move || second.transact(run)))
    });
    done.unwrap().join().unwrap().unwrap();
    assert_eq!(find(&mut first, id).schedule.fired, 2);
}
