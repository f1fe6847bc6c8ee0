//! What schedules make.

use ains_core::chain::Place;
use ains_core::{ScheduleId, Status};
use ains_store::tasks::{self, Filter, Page, StoredTask, Wholes};
use ains_store::{Conn, calendars, chains, schedules, slots};
use ains_testkit::TestDb;

use crate::schedules::{a_calendar, find, heed, put};
use crate::support::{Maker, a_definition, at, open};

ains_testkit::contract!(
    what_a_schedule_made_is_found,
    a_removed_schedule_takes_its_slots_and_leaves_its_tasks,
);

/// A ready task that a schedule made.
fn part(maker: &mut Maker, schedule: Option<ScheduleId>) -> StoredTask {
    let mut part = maker.ready("c", 0);
    part.task.schedule = schedule;
    part
}

fn what_a_schedule_made_is_found(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let [one, other] = [0; 2].map(|_| maker.schedule("c").id);
    let mut made = [maker.chain("c"), maker.chain("c"), maker.chain("c")];
    (made[0].schedule, made[1].schedule) = (Some(one), Some(other));
    let definition = a_definition();
    let new: Vec<_> = made.iter().map(|stored| (stored, &definition, "{}")).collect();
    let mut parts = [Some(one), Some(one), Some(other), None, None].map(|id| part(&mut maker, id));
    let place = Place {
        step: 0,
        run: 1,
        iteration: 1,
        item: None,
        compensation: false,
    };
    parts[1].task.chain = Some((made[0].id, place));
    parts[3].task.chain = Some((made[2].id, place));
    parts[0].task.cancel("enough", at(101)).unwrap();
    conn.transact(|conn| {
        chains::insert(conn, &new)?;
        tasks::insert(conn, &parts)
    })
    .unwrap();
    for stored in &made {
        assert_eq!(chains::find(&mut conn, stored.id).unwrap().as_ref(), Some(stored));
    }
    let chains = made.each_ref().map(|stored| stored.id);
    let mut schedules = chains::schedules_of(&mut conn, &chains).unwrap();
    schedules.sort();
    assert_eq!(schedules, [one, other]);
    assert_eq!(chains::schedules_of(&mut conn, &chains[2..]).unwrap(), []);
    assert_eq!(chains::schedules_of(&mut conn, &[]).unwrap(), []);

    let ids = parts.each_ref().map(|part| part.task.id);
    assert_eq!(tasks::by_ids(&mut conn, &ids).unwrap(), parts);
    let mut wholes = |conn: &mut Conn, at: &[usize]| {
        let unknown = maker.id();
        let ids: Vec<_> = at.iter().map(|at| ids[*at]).chain([unknown]).collect();
        tasks::wholes(conn, &ids).unwrap()
    };
    let of = |chains: &[_], schedules: &[ScheduleId]| Wholes {
        chains: chains.iter().copied().collect(),
        schedules: schedules.iter().copied().collect(),
    };
    assert_eq!(wholes(&mut conn, &[0]), of(&[], &[one]));
    assert_eq!(wholes(&mut conn, &[1]), of(&chains[..1], &[one]));
    assert_eq!(wholes(&mut conn, &[3]), of(&chains[2..], &[]));
    assert_eq!(wholes(&mut conn, &[4]), Wholes::default());
    assert_eq!(
        wholes(&mut conn, &[0, 1, 2, 3, 4]),
        of(&[chains[0], chains[2]], &[one, other])
    );

    let page = Page {
        limit: 10,
        offset: 0,
        before: None,
    };
    let mut listed = |filter: Filter| -> Vec<usize> {
        let listed = tasks::list(&mut conn, &filter, page).unwrap();
        let count = tasks::count(&mut conn, &filter, 10).unwrap();
        assert_eq!(usize::try_from(count).unwrap(), listed.len());
        let place = |stored| parts.iter().position(|part| part == stored).unwrap();
        listed.iter().map(place).collect()
    };
    let of_one = Filter {
        schedule: Some(one),
        ..Filter::default()
    };
    assert_eq!(listed(of_one.clone()), [1, 0]);
    let pending = Filter {
        status: Some(Status::Pending),
        ..of_one.clone()
    };
    assert_eq!(listed(pending), [1]);
    let cancelled = Filter {
        status: Some(Status::Cancelled),
        ..of_one.clone()
    };
    assert_eq!(listed(cancelled), [0]);
    let in_chain = Filter {
        chain: Some(chains[0]),
        ..of_one.clone()
    };
    assert_eq!(listed(in_chain), [1]);
    let of_client = Filter {
        client: Some("another".parse().unwrap()),
        ..of_one
    };
    assert!(listed(of_client).is_empty());
}

fn a_removed_schedule_takes_its_slots_and_leaves_its_tasks(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let calendar = a_calendar(&mut conn, &mut maker);
    let (mut stored, other) = (maker.schedule("c"), maker.schedule("c"));
    heed(&mut stored, &[calendar]);
    put(&mut conn, &[&stored, &other]);
    let made = [
        part(&mut maker, Some(stored.id)),
        part(&mut maker, Some(other.id)),
    ];
    let records = [stored.id, stored.id, other.id].map(|schedule| maker.slot(schedule, 10));
    let mut records = records.to_vec();
    records[1].slot_at = at(20);
    conn.transact(|conn| {
        tasks::insert(conn, &made)?;
        slots::put(conn, &records)
    })
    .unwrap();
    let mut remove = |id| conn.transact(|conn| schedules::remove(conn, id)).unwrap();
    assert!(remove(stored.id));
    assert!(!remove(stored.id));
    assert_eq!(schedules::find(&mut conn, stored.id).unwrap(), None);
    assert_eq!(slots::list(&mut conn, stored.id, None, 10).unwrap(), []);
    assert_eq!(calendars::heeded_by(&mut conn, calendar).unwrap(), None);
    assert_eq!(find(&mut conn, other.id), other);
    assert_eq!(
        slots::list(&mut conn, other.id, None, 10).unwrap(),
        [records.remove(2)]
    );
    let ids = made.each_ref().map(|part| part.task.id);
    assert_eq!(tasks::by_ids(&mut conn, &ids).unwrap(), made);
    assert_eq!(
        tasks::wholes(&mut conn, &ids).unwrap().schedules,
        [stored.id, other.id].into()
    );
}
