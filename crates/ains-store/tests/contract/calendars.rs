//! Calendars.

use std::sync::Arc;

use ains_core::schedule::{CalendarUse, Use};
use ains_core::{CalendarId, ClientId, Timestamp};
use ains_store::calendars::{self, StoredCalendar};
use ains_store::schedules::{self, StoredSchedule};
use ains_store::{Backend, Conn, StoreError};
use ains_testkit::TestDb;

use crate::locks::while_waiting;
use crate::support::{Maker, at, open, run};

ains_testkit::contract!(
    a_calendar_reads_back_unchanged,
    a_changed_calendar_reads_back_unchanged,
    calendars_are_found_by_their_ids,
    calendars_are_listed_newest_first,
    a_calendar_stays_as_long_as_a_schedule_heeds_it,
    a_calendar_is_changed_by_one_after_the_other,
);

const DATES: &str = r#"{
    "dates": [{"date": "2026-12-24", "name": "it's \"Heiligabend\" \\ ü 🎄"}, "0001-01-01", "9999-12-31"],
    "weekdays": ["SAT", "SUN"],
    "holidays": [{"country": "GB", "region": "scotland"}, {"country": "DE"}]
}"#;

fn put(conn: &mut Conn, new: &[&StoredCalendar]) {
    conn.transact(|conn| new.iter().try_for_each(|stored| calendars::insert(conn, stored)))
        .unwrap();
}

fn find(conn: &mut Conn, id: CalendarId) -> Option<StoredCalendar> {
    calendars::find(conn, &[id]).unwrap().remove(&id)
}

fn heeding(maker: &mut Maker, calendar: CalendarId) -> StoredSchedule {
    let mut stored = maker.schedule("c");
    Arc::make_mut(&mut stored.definition).calendars.push(CalendarUse {
        calendar_id: calendar,
        used: Use::Exclude,
    });
    stored
}

fn a_calendar_reads_back_unchanged(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut stored = Maker::new().calendar("ä 'client'");
    stored.revision = i64::MAX;
    stored.calendar.name = r#"it's "a calendar" \ ü 🎄"#.parse().unwrap();
    stored.calendar.description = Some("'; DROP TABLE calendars; --\n\t?".to_owned());
    stored.calendar.dates = serde_json::from_str(DATES).unwrap();
    stored.calendar.created_at = Timestamp::from_micros(i64::MIN);
    stored.calendar.updated_at = Timestamp::from_micros(i64::MAX);
    put(&mut conn, &[&stored]);
    assert_eq!(find(&mut conn, stored.calendar.id), Some(stored));
}

fn a_changed_calendar_reads_back_unchanged(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let (mut stored, other) = (maker.calendar("c"), maker.calendar("c"));
    let unknown = maker.calendar("c").calendar.id;
    put(&mut conn, &[&stored, &other]);
    let id = stored.calendar.id;
    let locked = conn.transact(|conn| calendars::lock(conn, id)).unwrap();
    assert_eq!(locked, Some(stored.clone()));
    for description in [Some("ü".to_owned()), None] {
        stored.revision += 1;
        stored.calendar.name = format!("name {}", stored.revision).parse().unwrap();
        stored.calendar.description = description;
        stored.calendar.dates = serde_json::from_str(DATES).unwrap();
        stored.calendar.updated_at = at(200);
        conn.transact(|conn| calendars::save(conn, &stored)).unwrap();
        assert_eq!(find(&mut conn, id), Some(stored.clone()));
    }
    assert_eq!(find(&mut conn, other.calendar.id), Some(other));
    let locked = conn.transact(|conn| calendars::lock(conn, unknown)).unwrap();
    assert_eq!(locked, None);
}

fn calendars_are_found_by_their_ids(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let all = ["a", "b", "c"].map(|client| maker.calendar(client));
    put(&mut conn, &all.each_ref());
    let ids = all.each_ref().map(|stored| stored.calendar.id);
    let unknown = maker.calendar("c").calendar.id;
    let [first, _, third] = all;
    let expected = [(ids[0], first), (ids[2], third)].into();
    for find in [calendars::find, calendars::find_kept] {
        let found = find(&mut conn, &[ids[2], unknown, ids[0], ids[2]]).unwrap();
        assert_eq!(found, expected);
        assert!(find(&mut conn, &[unknown]).unwrap().is_empty());
        assert!(find(&mut conn, &[]).unwrap().is_empty());
    }
    // One that cannot be read does not stop the others.
    let spoil = format!("UPDATE calendars SET dates = '[' WHERE id = '{}'", ids[0]);
    run(&mut conn, &spoil);
    for find in [calendars::find, calendars::find_kept] {
        let found = find(&mut conn, &ids).unwrap();
        assert_eq!(found.into_keys().collect::<Vec<_>>(), ids[1..]);
    }
    let locked = conn.transact(|conn| calendars::lock(conn, ids[0]));
    assert!(matches!(locked, Err(StoreError::Corrupt { .. })), "{locked:?}");
}

fn calendars_are_listed_newest_first(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let all = ["a", "b", "a", "a"].map(|client| maker.calendar(client));
    put(&mut conn, &all.each_ref());
    let mut listed = |client: Option<&str>, before: Option<usize>, limit| -> Vec<usize> {
        let client: Option<ClientId> = client.map(|client| client.parse().unwrap());
        let before = before.map(|at| all[at].calendar.id);
        let listed = calendars::list(&mut conn, client.as_ref(), before, limit).unwrap();
        let place = |stored| all.iter().position(|one| one == stored).unwrap();
        listed.iter().map(place).collect()
    };
    assert_eq!(listed(None, None, 10), [3, 2, 1, 0]);
    assert_eq!(listed(None, None, 2), [3, 2]);
    assert_eq!(listed(None, Some(2), 10), [1, 0]);
    assert_eq!(listed(Some("a"), None, 10), [3, 2, 0]);
    assert_eq!(listed(Some("a"), Some(3), 1), [2]);
    assert!(listed(Some("a"), Some(0), 10).is_empty());
    assert!(listed(Some("none"), None, 10).is_empty());
}

fn a_calendar_stays_as_long_as_a_schedule_heeds_it(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let (stored, other) = (maker.calendar("c"), maker.calendar("c"));
    put(&mut conn, &[&stored, &other]);
    let (id, other) = (stored.calendar.id, other.calendar.id);
    assert_eq!(calendars::heeded_by(&mut conn, id).unwrap(), None);
    let mut heeding = [heeding(&mut maker, id), heeding(&mut maker, id)];
    conn.transact(|conn| {
        heeding
            .iter()
            .try_for_each(|stored| schedules::insert(conn, stored))
    })
    .unwrap();
    assert_eq!(calendars::heeded_by(&mut conn, id).unwrap(), Some(heeding[0].id));
    assert_eq!(calendars::heeded_by(&mut conn, other).unwrap(), None);
    let refused = |conn: &mut Conn| {
        let refused = conn.transact(|conn| calendars::remove(conn, id));
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
        assert!(find(conn, id).is_some());
    };
    refused(&mut conn);
    conn.transact(|conn| schedules::remove(conn, heeding[0].id))
        .unwrap();
    assert_eq!(calendars::heeded_by(&mut conn, id).unwrap(), Some(heeding[1].id));
    refused(&mut conn);
    Arc::make_mut(&mut heeding[1].definition).calendars[0].calendar_id = other;
    conn.transact(|conn| schedules::change(conn, &heeding[1]))
        .unwrap();
    assert_eq!(calendars::heeded_by(&mut conn, id).unwrap(), None);
    for _ in 0..2 {
        conn.transact(|conn| calendars::remove(conn, id)).unwrap();
        assert_eq!(find(&mut conn, id), None);
    }
    assert!(find(&mut conn, other).is_some());
}

fn a_calendar_is_changed_by_one_after_the_other(db: &TestDb) {
    let store = open(db);
    if store.backend() == Backend::Sqlite {
        // One writer: there is no other transaction.
        return;
    }
    let (mut first, mut second) = (store.connect().unwrap(), store.connect().unwrap());
    let stored = Maker::new().calendar("c");
    let id = stored.calendar.id;
    put(&mut first, &[&stored]);
    let change = move |conn: &mut Conn| {
        let mut locked = calendars::lock(conn, id)?.unwrap();
        locked.revision += 1;
        calendars::save(conn, &locked)
    };
    first
        .transact(|first| {
            change(first)?;
            Ok(while_waiting(first, move || second.transact(change)))
        })
        .unwrap()
        .join()
        .unwrap()
        .unwrap();
    assert_eq!(find(&mut first, id).unwrap().revision, 2);
}
