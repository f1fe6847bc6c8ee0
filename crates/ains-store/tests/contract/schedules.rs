//! Schedules, and what they make.

use std::collections::BTreeMap;
use std::sync::Arc;

use ains_core::cron::{Cron, Dst, DstFold, DstGap};
use ains_core::dependency::Ending;
use ains_core::schedule::{
    CalendarUse, Catchup, Event, Fires, OnExcluded, Overlap, ScheduleDefinition, Standing, Timeline, Timing,
    Use,
};
use ains_core::{CalendarId, ClientId, ScheduleId, Timestamp};
use ains_store::schedules::{self, StoredSchedule};
use ains_store::{Conn, StoreError, calendars};
use ains_testkit::TestDb;

use crate::support::{Maker, a_definition, at, every_minute, open, run};

ains_testkit::contract!(
    a_schedule_reads_back_unchanged_all_along_its_life,
    what_a_schedule_is_made_of_reads_back_unchanged,
    a_change_replaces_what_a_schedule_is_made_of,
    a_schedule_heeds_calendars_that_exist,
    a_schedule_is_stored_once,
    schedules_are_listed_newest_first,
    those_due_longest_come_first,
    what_is_not_active_is_never_due,
    what_cannot_be_read_is_paused_and_stops_no_other,
    the_next_instant_at_which_one_is_due_is_known,
    a_changed_calendar_has_its_schedules_looked_at,
);

const TEXT: &str = r#"{"ä 'key'":"it's \"quoted\" \\ ü 🎄 \u0000 '; -- ? $1"}"#;

pub(crate) fn put(conn: &mut Conn, new: &[&StoredSchedule]) {
    conn.transact(|conn| new.iter().try_for_each(|stored| schedules::insert(conn, stored)))
        .unwrap();
}

pub(crate) fn find(conn: &mut Conn, id: ScheduleId) -> StoredSchedule {
    schedules::find(conn, id).unwrap().unwrap()
}

pub(crate) fn a_calendar(conn: &mut Conn, maker: &mut Maker) -> CalendarId {
    let stored = maker.calendar("c");
    conn.transact(|conn| calendars::insert(conn, &stored)).unwrap();
    stored.calendar.id
}

/// Makes a schedule heed calendars.
pub(crate) fn heed(stored: &mut StoredSchedule, calendars: &[CalendarId]) {
    let uses = calendars.iter().map(|calendar| CalendarUse {
        calendar_id: *calendar,
        used: Use::Only,
    });
    Arc::make_mut(&mut stored.definition).calendars = uses.collect();
}

/// Makes a schedule be due at an instant.
pub(crate) fn due(stored: &mut StoredSchedule, instant: Timestamp) {
    stored.schedule.due_at = Some(instant);
}

/// Makes a schedule not be active.
pub(crate) fn stop(stored: &mut StoredSchedule, standing: Standing) {
    stored.schedule.standing = standing;
    (stored.schedule.next_at, stored.schedule.due_at) = (None, None);
}

fn on(stored: &mut StoredSchedule, event: Event, seconds: i64) {
    let calendars = BTreeMap::new();
    let definition = Arc::clone(&stored.definition);
    let timeline = Timeline::new(&definition, &calendars);
    let _ = stored
        .schedule
        .on(stored.id, &timeline, event, at(seconds))
        .unwrap();
}

pub(crate) fn lock_due(conn: &mut Conn, seconds: i64, limit: i64) -> Vec<ScheduleId> {
    let locked = schedules::lock_due(conn, at(seconds), limit).unwrap();
    locked.iter().map(|stored| stored.id).collect()
}

pub(crate) fn lock_to_look(conn: &mut Conn, limit: i64) -> Vec<ScheduleId> {
    let locked = schedules::lock_to_look(conn, limit).unwrap();
    locked.iter().map(|stored| stored.id).collect()
}

fn a_schedule_reads_back_unchanged_all_along_its_life(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let mut stored = maker.schedule("ä 'client'");
    let other = maker.schedule("c");
    let unknown = maker.schedule("c").id;
    put(&mut conn, &[&stored, &other]);
    assert_eq!(find(&mut conn, stored.id), stored);
    let reason = "it's \"enough\" \\ ü".to_owned();
    for (seconds, event) in (130..).zip([
        Event::Due,
        Event::RunNow,
        Event::RunEnded(Ending::Failed),
        Event::Pause { reason },
        Event::RunEnded(Ending::Completed),
        Event::Resume,
        Event::Changed {
            reason: "another".to_owned(),
        },
    ]) {
        on(&mut stored, event, seconds);
        conn.transact(|conn| schedules::save(conn, &[&stored])).unwrap();
        assert_eq!(find(&mut conn, stored.id), stored, "after {seconds} seconds");
    }
    assert_eq!(stored.schedule.total_runs, 2, "all along");
    for look_since in [Some(at(140)), None, Some(Timestamp::from_micros(i64::MIN))] {
        stored.look_since = look_since;
        conn.transact(|conn| schedules::save(conn, &[&stored])).unwrap();
        assert_eq!(find(&mut conn, stored.id), stored);
    }
    stop(&mut stored, Standing::Ended);
    conn.transact(|conn| schedules::save(conn, &[&other, &stored]))
        .unwrap();
    conn.transact(|conn| schedules::save(conn, &[])).unwrap();
    let locked = conn.transact(|conn| schedules::lock(conn, &[stored.id, other.id, unknown]));
    assert_eq!(locked.unwrap(), [stored, other]);
    let locked = conn.transact(|conn| schedules::lock(conn, &[]));
    assert_eq!(locked.unwrap(), []);
    assert_eq!(schedules::find(&mut conn, unknown).unwrap(), None);
}

fn what_a_schedule_is_made_of_reads_back_unchanged(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let calendar = a_calendar(&mut conn, &mut maker);
    let (first, last) = (Timestamp::from_micros(i64::MIN), Timestamp::from_micros(i64::MAX));
    let cron = Timing::Cron(Cron::parse("0 30 9-17/2 ? JAN-MAR FRI-MON").unwrap());
    let mut chain = ScheduleDefinition::new(
        cron,
        Fires::Chain {
            name: r#"it's "a chain" \ ü 🎄"#.parse().unwrap(),
            definition: a_definition(),
            input: TEXT.into(),
        },
    );
    chain.timezone = "America/Argentina/Buenos_Aires".parse().unwrap();
    (chain.start_at, chain.end_at) = (Some(first), Some(last));
    chain.max_runs = Some(u64::MAX);
    chain.jitter_seconds = 59;
    chain.dst = Dst {
        gap: DstGap::Skip,
        fold: DstFold::Both,
    };
    chain.calendars = vec![CalendarUse {
        calendar_id: calendar,
        used: Use::Exclude,
    }];
    chain.on_excluded = OnExcluded::PreviousBusinessDay;
    chain.overlap = Overlap::BufferAll;
    (chain.catchup, chain.catchup_window_seconds) = (Catchup::All, 0);
    chain.pause_after_failures = Some(u32::MAX);
    let mut task = every_minute();
    task.timing = Timing::Once(last);
    let Fires::Task { input, metadata, .. } = &mut task.fires else {
        unreachable!()
    };
    (*input, *metadata) = (TEXT.into(), Some(TEXT.into()));
    for definition in [chain, task] {
        let mut stored = maker.schedule("c");
        stored.definition = Arc::new(definition);
        stored.name = r#"it's "a schedule" \ ü 🎄 '; -- ? $1"#.parse().unwrap();
        stored.revision = i64::MAX;
        (stored.created_at, stored.updated_at) = (first, last);
        stored.schedule.reason = Some("it's \"why\" \\ ü \0".to_owned());
        (stored.schedule.decided_until, stored.schedule.next_at) = (first, Some(last));
        stored.schedule.fired = u64::MAX;
        for instant in [first, last] {
            due(&mut stored, instant);
            stored.look_since = Some(instant);
            match schedules::find(&mut conn, stored.id).unwrap() {
                None => put(&mut conn, &[&stored]),
                Some(_) => conn.transact(|conn| schedules::save(conn, &[&stored])).unwrap(),
            }
            assert_eq!(find(&mut conn, stored.id), stored);
        }
    }
}

fn a_change_replaces_what_a_schedule_is_made_of(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let [a, b, c] = [0; 3].map(|_| a_calendar(&mut conn, &mut maker));
    let (mut stored, mut other) = (maker.schedule("c"), maker.schedule("c"));
    heed(&mut stored, &[b, a]);
    heed(&mut other, &[a]);
    put(&mut conn, &[&stored, &other]);
    let heeded = |conn: &mut Conn| [a, b, c].map(|calendar| calendars::heeded_by(conn, calendar).unwrap());
    assert_eq!(heeded(&mut conn), [Some(stored.id), Some(stored.id), None]);
    stored.name = "another".parse().unwrap();
    stored.revision = 7;
    stored.updated_at = at(200);
    heed(&mut stored, &[c, b]);
    Arc::make_mut(&mut stored.definition).timing = Timing::Once(at(300));
    due(&mut stored, at(300));
    stored.schedule.fired = 3;
    stored.look_since = Some(at(200));
    conn.transact(|conn| schedules::change(conn, &stored)).unwrap();
    assert_eq!(find(&mut conn, stored.id), stored);
    assert_eq!(
        heeded(&mut conn),
        [Some(other.id), Some(stored.id), Some(stored.id)]
    );
    heed(&mut stored, &[b, c]);
    stored.revision = 8;
    conn.transact(|conn| schedules::change(conn, &stored)).unwrap();
    assert_eq!(find(&mut conn, stored.id), stored);
    assert_eq!(
        heeded(&mut conn),
        [Some(other.id), Some(stored.id), Some(stored.id)]
    );
    heed(&mut stored, &[]);
    stop(&mut stored, Standing::Paused);
    conn.transact(|conn| schedules::change(conn, &stored)).unwrap();
    assert_eq!(find(&mut conn, stored.id), stored);
    assert_eq!(heeded(&mut conn), [Some(other.id), None, None]);
    assert_eq!(find(&mut conn, other.id), other);
}

fn a_schedule_heeds_calendars_that_exist(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let known = a_calendar(&mut conn, &mut maker);
    let unknown = maker.calendar("c").calendar.id;
    let mut stored = maker.schedule("c");
    heed(&mut stored, &[known, unknown]);
    let refused = conn.transact(|conn| schedules::insert(conn, &stored));
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    assert_eq!(schedules::find(&mut conn, stored.id).unwrap(), None);
    heed(&mut stored, &[known]);
    put(&mut conn, &[&stored]);
    let mut changed = stored.clone();
    changed.revision = 1;
    heed(&mut changed, &[unknown]);
    let refused = conn.transact(|conn| schedules::change(conn, &changed));
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    assert_eq!(find(&mut conn, stored.id), stored);
    assert_eq!(
        calendars::heeded_by(&mut conn, known).unwrap(),
        Some(stored.id),
        "nothing was changed"
    );
}

fn a_schedule_is_stored_once(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let stored = Maker::new().schedule("c");
    put(&mut conn, &[&stored]);
    let refused = conn.transact(|conn| schedules::insert(conn, &stored));
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
}

fn schedules_are_listed_newest_first(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let mut all = ["a", "b", "a", "a"].map(|client| maker.schedule(client));
    stop(&mut all[2], Standing::Paused);
    stop(&mut all[3], Standing::Ended);
    put(&mut conn, &all.each_ref());
    let mut listed = |client: Option<&str>, standing, before: Option<usize>, limit| -> Vec<usize> {
        let client: Option<ClientId> = client.map(|client| client.parse().unwrap());
        let before = before.map(|at| all[at].id);
        let listed = schedules::list(&mut conn, client.as_ref(), standing, before, limit).unwrap();
        let place = |stored| all.iter().position(|one| one == stored).unwrap();
        listed.iter().map(place).collect()
    };
    let active = Some(Standing::Active);
    assert_eq!(listed(None, None, None, 10), [3, 2, 1, 0]);
    assert_eq!(listed(None, None, None, 2), [3, 2]);
    assert_eq!(listed(None, None, Some(2), 10), [1, 0]);
    assert_eq!(listed(Some("a"), None, None, 10), [3, 2, 0]);
    assert_eq!(listed(Some("a"), None, Some(3), 1), [2]);
    assert_eq!(listed(None, active, None, 10), [1, 0]);
    assert_eq!(listed(None, active, Some(1), 10), [0]);
    assert_eq!(listed(Some("a"), active, None, 10), [0]);
    assert!(listed(Some("a"), active, Some(0), 10).is_empty());
    assert_eq!(listed(None, Some(Standing::Paused), None, 10), [2]);
    assert_eq!(listed(Some("a"), Some(Standing::Ended), None, 10), [3]);
    assert!(listed(Some("none"), None, None, 10).is_empty());
}

fn those_due_longest_come_first(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let mut all = [130, 110, 140, 120].map(|seconds| {
        let mut stored = maker.schedule("c");
        due(&mut stored, at(seconds));
        stored
    });
    put(&mut conn, &all.each_ref());
    let [first, second, third, fourth] = all.each_ref().map(|stored| stored.id);
    let locked = conn
        .transact(|conn| schedules::lock_due(conn, at(130), 10))
        .unwrap();
    assert_eq!(locked, [&all[1], &all[3], &all[0]].map(StoredSchedule::clone));
    conn.transact(|conn| {
        assert_eq!(lock_due(conn, 109, 10), []);
        assert_eq!(lock_due(conn, 110, 10), [second]);
        assert_eq!(lock_due(conn, 999, 2), [second, fourth]);
        assert_eq!(lock_due(conn, 999, 9), [second, fourth, first, third]);
        assert_eq!(lock_due(conn, 999, 0), []);
        Ok(())
    })
    .unwrap();
    due(&mut all[1], at(170));
    conn.transact(|conn| schedules::save(conn, &[&all[1]])).unwrap();
    assert_eq!(lock_due(&mut conn, 999, 9), [fourth, first, third, second]);
}

fn what_is_not_active_is_never_due(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let mut all = [0; 3].map(|_| maker.schedule("c"));
    stop(&mut all[0], Standing::Paused);
    put(&mut conn, &all.each_ref());
    stop(&mut all[1], Standing::Ended);
    conn.transact(|conn| schedules::save(conn, &[&all[1]])).unwrap();
    stop(&mut all[2], Standing::Paused);
    conn.transact(|conn| schedules::change(conn, &all[2])).unwrap();
    assert_eq!(lock_due(&mut conn, i64::MAX / 1_000_000, 10), []);
    assert_eq!(schedules::next_due(&mut conn).unwrap(), None);
    // What is active and has no next instant would never be looked at again.
    all[2].schedule.standing = Standing::Active;
    let refused = conn.transact(|conn| schedules::save(conn, &[&all[2]]));
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
}

fn what_cannot_be_read_is_paused_and_stops_no_other(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let mut all = [110, 120, 130].map(|seconds| {
        let mut stored = maker.schedule("c");
        due(&mut stored, at(seconds));
        stored.look_since = Some(at(seconds - 10));
        stored
    });
    put(&mut conn, &all.each_ref());
    let ids = all.each_ref().map(|stored| stored.id);
    for (column, id) in ["state", "definition"].iter().zip(ids) {
        run(
            &mut conn,
            &format!("UPDATE scheduled_tasks SET {column} = '{{}}' WHERE id = '{id}'"),
        );
    }
    let found = schedules::find(&mut conn, ids[0]);
    assert!(matches!(found, Err(StoreError::Corrupt { .. })), "{found:?}");
    let readable = [all[2].clone()];
    assert_eq!(
        schedules::list(&mut conn, None, None, None, 10).unwrap(),
        readable
    );
    let locked = conn.transact(|conn| schedules::lock(conn, &ids)).unwrap();
    assert_eq!(locked, readable);
    assert_eq!(schedules::next_due(&mut conn).unwrap(), Some(at(100)));
    let locked = conn
        .transact(|conn| schedules::lock_due(conn, at(110), 10))
        .unwrap();
    assert_eq!(locked, []);
    assert_eq!(schedules::next_due(&mut conn).unwrap(), Some(at(110)));
    let locked = conn.transact(|conn| schedules::lock_to_look(conn, 10)).unwrap();
    assert_eq!(locked, readable);
    assert_eq!(schedules::next_due(&mut conn).unwrap(), Some(at(120)));
    // What somebody makes of them anew is read again.
    for stored in &all[..2] {
        conn.transact(|conn| schedules::change(conn, stored)).unwrap();
        assert_eq!(find(&mut conn, stored.id), *stored);
    }
    due(&mut all[2], at(190));
    conn.transact(|conn| schedules::save(conn, &[&all[2]])).unwrap();
    assert_eq!(lock_due(&mut conn, 130, 10), ids[..2]);
}

fn the_next_instant_at_which_one_is_due_is_known(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    assert_eq!(schedules::next_due(&mut conn).unwrap(), None);
    let mut all = [140, 120, 110].map(|seconds| {
        let mut stored = maker.schedule("c");
        due(&mut stored, at(seconds));
        stored
    });
    stop(&mut all[2], Standing::Paused);
    put(&mut conn, &all.each_ref());
    assert_eq!(schedules::next_due(&mut conn).unwrap(), Some(at(120)));
    due(&mut all[1], at(180));
    conn.transact(|conn| schedules::save(conn, &[&all[1]])).unwrap();
    assert_eq!(schedules::next_due(&mut conn).unwrap(), Some(at(140)));
    conn.transact(|conn| schedules::remove(conn, all[0].id)).unwrap();
    assert_eq!(schedules::next_due(&mut conn).unwrap(), Some(at(180)));
    for (look_since, next) in [(130, 130), (190, 180)] {
        // Or is to be looked at.
        all[1].look_since = Some(at(look_since));
        conn.transact(|conn| schedules::save(conn, &[&all[1]])).unwrap();
        assert_eq!(schedules::next_due(&mut conn).unwrap(), Some(at(next)));
    }
    stop(&mut all[1], Standing::Ended);
    conn.transact(|conn| schedules::save(conn, &[&all[1]])).unwrap();
    assert_eq!(schedules::next_due(&mut conn).unwrap(), Some(at(190)));
}

fn a_changed_calendar_has_its_schedules_looked_at(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let [calendar, other] = [0; 2].map(|_| a_calendar(&mut conn, &mut maker));
    let heeding = [
        &[calendar][..],
        &[other, calendar],
        &[calendar],
        &[calendar],
        &[other],
        &[],
    ];
    let mut all = heeding.map(|calendars| {
        let mut stored = maker.schedule("c");
        heed(&mut stored, calendars);
        stored
    });
    stop(&mut all[2], Standing::Paused);
    stop(&mut all[3], Standing::Ended);
    put(&mut conn, &all.each_ref());
    let look = |conn: &mut Conn, calendar, seconds| {
        conn.transact(|conn| schedules::look_again(conn, calendar, at(seconds)))
            .unwrap();
    };
    assert_eq!(lock_to_look(&mut conn, 10), []);
    look(&mut conn, maker.calendar("c").calendar.id, 130);
    look(&mut conn, calendar, 130);
    look(&mut conn, other, 140);
    // Marked once; even what has ended, to which another calendar may give a slot.
    let marks = [
        Some(at(130)),
        Some(at(130)),
        None,
        Some(at(130)),
        Some(at(140)),
        None,
    ];
    for (stored, mark) in all.iter_mut().zip(marks) {
        stored.look_since = mark;
        assert_eq!(find(&mut conn, stored.id), *stored);
    }
    let mut marked = lock_to_look(&mut conn, 10);
    assert_eq!(marked.pop(), Some(all[4].id));
    marked.sort();
    assert_eq!(marked, [all[0].id, all[1].id, all[3].id]);
    assert_eq!(lock_to_look(&mut conn, 2).len(), 2);
    // What is saved for another reason stays marked.
    all[1].schedule.fired = 1;
    all[0].look_since = None;
    conn.transact(|conn| schedules::save(conn, &[&all[0], &all[1]]))
        .unwrap();
    let mut locked = conn.transact(|conn| schedules::lock_to_look(conn, 10)).unwrap();
    locked.sort_by_key(|stored| stored.id);
    assert_eq!(locked, [all[1].clone(), all[3].clone(), all[4].clone()]);
}
