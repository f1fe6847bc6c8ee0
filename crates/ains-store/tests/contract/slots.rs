//! Slots of schedules.

use std::collections::BTreeMap;

use ains_core::schedule::{SlotKind, SlotState};
use ains_core::{ScheduleId, SlotId, Status, Timestamp};
use ains_store::slots::{self, Run, StoredSlot};
use ains_store::{Backend, Conn, StoreError, schedules};
use ains_testkit::TestDb;

use crate::support::{Maker, at, open};

ains_testkit::contract!(
    a_record_reads_back_unchanged_whatever_became_of_the_slot,
    a_record_of_what_has_not_fired_is_overwritten_but_for_its_id,
    what_has_fired_is_never_overwritten,
    a_run_is_of_one_slot,
    a_slot_is_of_a_schedule,
    a_run_ends_once,
    unfinished_runs_come_in_order_of_their_slots,
    the_oldest_slot_that_waits_comes_first,
    slots_that_wait_are_dropped,
    ranges_of_a_time_include_those_that_begin_before_it,
    slots_of_a_time_that_fired_or_wait_are_taken,
    records_are_listed_newest_slot_first,
    removed_records_are_gone,
    the_records_of_a_schedule_are_removed_in_pieces,
    old_records_are_removed_in_pieces,
    what_is_not_over_is_never_too_old,
    old_records_that_another_transaction_works_on_are_left,
);

/// Stores schedules, and returns their ids.
fn schedules<const N: usize>(conn: &mut Conn, maker: &mut Maker) -> [ScheduleId; N] {
    [0; N].map(|_| {
        let stored = maker.schedule("c");
        conn.transact(|conn| schedules::insert(conn, &stored)).unwrap();
        stored.id
    })
}

fn put(conn: &mut Conn, slots: &[StoredSlot]) -> Result<(), StoreError> {
    conn.transact(|conn| slots::put(conn, slots))
}

fn all(conn: &mut Conn, schedule: ScheduleId) -> Vec<StoredSlot> {
    slots::list(conn, schedule, None, 1000).unwrap()
}

fn fired(mut slot: StoredSlot, run: Run) -> StoredSlot {
    slot.state = SlotState::Fired;
    slot.reason = None;
    slot.run = Some(run);
    slot.fired_at = Some(slot.slot_at);
    slot
}

fn a_task(maker: &mut Maker) -> Run {
    Run::Task(maker.id())
}

fn a_chain(maker: &mut Maker) -> Run {
    Run::Chain(maker.chain("c").id)
}

/// A range of `count` slots to `until`.
fn range(mut slot: StoredSlot, until: i64, count: u64) -> StoredSlot {
    (slot.until, slot.count) = (Some(at(until)), count);
    slot
}

fn buffered(mut slot: StoredSlot) -> StoredSlot {
    slot.state = SlotState::Buffered;
    slot
}

fn ended(slot: &StoredSlot, status: Status, seconds: i64) -> StoredSlot {
    StoredSlot {
        ended_at: Some(at(seconds)),
        outcome: Some(status),
        ..slot.clone()
    }
}

fn a_record_reads_back_unchanged_whatever_became_of_the_slot(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let [id, other] = schedules(&mut conn, &mut maker);
    let mut slot = |seconds| maker.slot(id, seconds);
    let mut skipped = range(slot(1), 9, 1 << 40);
    (skipped.state, skipped.kind) = (SlotState::Skipped, SlotKind::Backfill);
    skipped.reason = Some("it's \"excluded\" \\ ü 🎄 '; -- ? $1\n".to_owned());
    let mut dropped = slot(3);
    dropped.state = SlotState::Dropped;
    let mut asked = slot(6);
    asked.kind = SlotKind::RunNow;
    let mut extreme = [range(slot(0), 0, i64::MAX.unsigned_abs()), slot(0)];
    for (slot, instant) in extreme.iter_mut().zip([i64::MIN, i64::MAX]) {
        slot.slot_at = Timestamp::from_micros(instant);
        slot.until = slot.until.map(|_| Timestamp::from_micros(i64::MAX));
        slot.decided_at = Timestamp::from_micros(i64::MAX - instant.max(0));
    }
    let [first, last] = extreme;
    let mut slots = vec![first, skipped, slot(2), dropped, buffered(slot(4))];
    let (five, seven) = (maker.slot(id, 5), maker.slot(id, 7));
    slots.push(fired(five, a_task(&mut maker)));
    slots.push(fired(asked, a_chain(&mut maker)));
    slots.push(ended(&fired(seven, a_task(&mut maker)), Status::Failed, 8));
    slots.push(last);
    put(&mut conn, &slots).unwrap();
    put(&mut conn, &[]).unwrap();
    slots.reverse();
    assert_eq!(all(&mut conn, id), slots);
    assert!(all(&mut conn, other).is_empty());
}

fn a_record_of_what_has_not_fired_is_overwritten_but_for_its_id(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let [id, other] = schedules(&mut conn, &mut maker);
    let elsewhere = maker.slot(other, 10);
    let first = range(maker.slot(id, 10), 19, 4);
    put(&mut conn, &[first.clone(), elsewhere.clone()]).unwrap();
    let mut skipped = maker.slot(id, 10);
    (skipped.state, skipped.kind) = (SlotState::Skipped, SlotKind::Backfill);
    skipped.reason = None;
    skipped.decided_at = at(99);
    let mut dropped = maker.slot(id, 10);
    dropped.state = SlotState::Dropped;
    let over = fired(maker.slot(id, 10), a_chain(&mut maker));
    for next in [
        range(maker.slot(id, 10), 20, 5),
        skipped,
        buffered(maker.slot(id, 10)),
        dropped,
        ended(&over, Status::Completed, 30),
    ] {
        put(&mut conn, std::slice::from_ref(&next)).unwrap();
        let expected = StoredSlot { id: first.id, ..next };
        assert_eq!(all(&mut conn, id), [expected]);
    }
    assert_eq!(slots::open_runs(&mut conn, id).unwrap(), []);
    assert_eq!(slots::oldest_buffered(&mut conn, id).unwrap(), None);
    assert_eq!(all(&mut conn, other), [elsewhere]);
}

fn what_has_fired_is_never_overwritten(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let [id] = schedules(&mut conn, &mut maker);
    let open = fired(maker.slot(id, 20), a_task(&mut maker));
    let over = fired(maker.slot(id, 30), a_chain(&mut maker));
    let over = ended(&over, Status::Completed, 31);
    let stored = [over, open, range(maker.slot(id, 10), 15, 2)];
    put(&mut conn, &stored).unwrap();
    for seconds in [20, 30] {
        let again = fired(maker.slot(id, seconds), a_task(&mut maker));
        for again in [again, maker.slot(id, seconds), buffered(maker.slot(id, seconds))] {
            let slots = [maker.slot(id, 10), again, maker.slot(id, 40)];
            let refused = put(&mut conn, &slots);
            assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
            assert_eq!(all(&mut conn, id), stored, "nor is anything else written with it");
        }
    }
    assert_eq!(slots::open_runs(&mut conn, id).unwrap().len(), 1);
}

fn a_run_is_of_one_slot(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let [id, other] = schedules(&mut conn, &mut maker);
    let run = a_task(&mut maker);
    put(&mut conn, &[fired(maker.slot(id, 10), run)]).unwrap();
    for schedule in [id, other] {
        let refused = put(&mut conn, &[fired(maker.slot(schedule, 20), run)]);
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    }
}

fn a_slot_is_of_a_schedule(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let unknown = maker.schedule("c").id;
    let refused = put(&mut conn, &[maker.slot(unknown, 10)]);
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
}

fn a_run_ends_once(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let [id, other] = schedules(&mut conn, &mut maker);
    let (task, chain) = (a_task(&mut maker), a_chain(&mut maker));
    let (later, unknown) = (a_task(&mut maker), a_chain(&mut maker));
    let stored = [
        fired(maker.slot(id, 40), later),
        fired(maker.slot(id, 30), chain),
        fired(maker.slot(id, 20), task),
    ];
    let own = fired(maker.slot(other, 20), a_task(&mut maker));
    let elsewhere = own.run.unwrap();
    put(&mut conn, &stored).unwrap();
    put(&mut conn, &[own]).unwrap();
    let end = |conn: &mut Conn, ended: &[(Run, Status)], seconds| {
        let ended: BTreeMap<Run, Status> = ended.iter().copied().collect();
        let known = conn.transact(|conn| slots::end(conn, &ended, at(seconds)));
        let mut known = known.unwrap();
        known.sort();
        known
    };
    assert_eq!(end(&mut conn, &[], 50), []);
    assert_eq!(end(&mut conn, &[(unknown, Status::Failed)], 50), []);
    let ends = [
        (chain, Status::Failed),
        (elsewhere, Status::Completed),
        (task, Status::Cancelled),
        (unknown, Status::Failed),
    ];
    assert_eq!(
        end(&mut conn, &ends, 50),
        [(id, task), (id, chain), (other, elsewhere)]
    );
    let over = [
        stored[0].clone(),
        ended(&stored[1], Status::Failed, 50),
        ended(&stored[2], Status::Cancelled, 50),
    ];
    assert_eq!(all(&mut conn, id), over);
    let again = [(task, Status::Completed), (later, Status::Completed)];
    assert_eq!(end(&mut conn, &again, 60), [(id, later)]);
    assert_eq!(
        all(&mut conn, id),
        [
            ended(&stored[0], Status::Completed, 60),
            over[1].clone(),
            over[2].clone()
        ]
    );
    assert_eq!(end(&mut conn, &again, 70), []);
}

fn unfinished_runs_come_in_order_of_their_slots(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let [id, other] = schedules(&mut conn, &mut maker);
    let runs = [
        a_task(&mut maker),
        a_chain(&mut maker),
        a_task(&mut maker),
        a_chain(&mut maker),
    ];
    let slots = [
        fired(maker.slot(id, 30), runs[0]),
        fired(maker.slot(id, 10), runs[1]),
        fired(maker.slot(id, 20), runs[2]),
        fired(maker.slot(other, 20), runs[3]),
        ended(
            &fired(maker.slot(id, 40), a_task(&mut maker)),
            Status::Completed,
            41,
        ),
        maker.slot(id, 50),
        buffered(maker.slot(id, 60)),
    ];
    put(&mut conn, &slots).unwrap();
    let open = |conn: &mut Conn, schedule| slots::open_runs(conn, schedule).unwrap();
    assert_eq!(open(&mut conn, id), [runs[1], runs[2], runs[0]]);
    assert_eq!(open(&mut conn, other), [runs[3]]);
    let ends = [(runs[2], Status::Failed)].into();
    conn.transact(|conn| slots::end(conn, &ends, at(70))).unwrap();
    assert_eq!(open(&mut conn, id), [runs[1], runs[0]]);
    assert_eq!(open(&mut conn, maker.schedule("c").id), []);
}

fn the_oldest_slot_that_waits_comes_first(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let [id, other] = schedules(&mut conn, &mut maker);
    let slots = [
        maker.slot(id, 10),
        buffered(maker.slot(id, 30)),
        buffered(maker.slot(id, 20)),
        buffered(maker.slot(other, 15)),
    ];
    put(&mut conn, &slots).unwrap();
    let oldest = |conn: &mut Conn| slots::oldest_buffered(conn, id).unwrap();
    assert_eq!(oldest(&mut conn), Some(slots[2].clone()));
    let run = fired(maker.slot(id, 20), a_task(&mut maker));
    put(&mut conn, &[run]).unwrap();
    assert_eq!(oldest(&mut conn), Some(slots[1].clone()));
    conn.transact(|conn| slots::remove(conn, &[slots[1].id])).unwrap();
    assert_eq!(oldest(&mut conn), None);
}

fn slots_that_wait_are_dropped(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let [id, other] = schedules(&mut conn, &mut maker);
    let waiting = [buffered(maker.slot(id, 30)), buffered(maker.slot(id, 20))];
    let others = [fired(maker.slot(id, 10), a_task(&mut maker)), maker.slot(id, 5)];
    let elsewhere = [buffered(maker.slot(other, 20))];
    put(&mut conn, &[&waiting[..], &others, &elsewhere].concat()).unwrap();
    let reason = "it's \"enough\" \\ ü";
    for _ in 0..2 {
        conn.transact(|conn| slots::drop_buffered(conn, id, reason))
            .unwrap();
        let dropped = waiting.clone().map(|slot| StoredSlot {
            state: SlotState::Dropped,
            reason: Some(reason.to_owned()),
            ..slot
        });
        assert_eq!(all(&mut conn, id), [&dropped[..], &others].concat());
        assert_eq!(slots::oldest_buffered(&mut conn, id).unwrap(), None);
    }
    assert_eq!(all(&mut conn, other), elsewhere);
}

fn ranges_of_a_time_include_those_that_begin_before_it(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let [id, other] = schedules(&mut conn, &mut maker);
    let slots = [
        range(maker.slot(id, 100), 160, 2),
        range(maker.slot(id, 300), 420, 3),
        // Over what is recorded besides.
        range(maker.slot(id, 310), 900, 3),
        range(maker.slot(id, 330), 350, 2),
    ];
    put(&mut conn, &slots).unwrap();
    let single = fired(maker.slot(id, 240), a_task(&mut maker));
    let others = [maker.slot(id, 120), single, range(maker.slot(other, 0), 999, 3)];
    put(&mut conn, &others).unwrap();
    let mut ranges = |from: Timestamp, to: Timestamp| -> Vec<usize> {
        let found = slots::ranges(&mut conn, id, from, to).unwrap();
        let place = |found| slots.iter().position(|slot| slot == found).unwrap();
        found.iter().map(place).collect()
    };
    for (from, to, expected) in [
        (0, 99, &[][..]),
        (0, 100, &[0]),
        (100, 100, &[0]),
        (120, 130, &[0]),
        (160, 160, &[0]),
        (161, 299, &[]),
        (150, 300, &[0, 1]),
        (340, 345, &[1, 2, 3]),
        (340, 999, &[1, 2, 3]),
        (351, 999, &[1, 2]),
        (421, 422, &[2]),
        (901, 999, &[]),
    ] {
        assert_eq!(ranges(at(from), at(to)), expected, "{from} to {to}");
    }
    let (first, last) = (Timestamp::from_micros(i64::MIN), Timestamp::from_micros(i64::MAX));
    assert_eq!(ranges(first, last), [0, 1, 2, 3]);
}

fn slots_of_a_time_that_fired_or_wait_are_taken(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let [id, other] = schedules(&mut conn, &mut maker);
    let mut dropped = maker.slot(id, 60);
    dropped.state = SlotState::Dropped;
    let over = fired(maker.slot(id, 50), a_chain(&mut maker));
    let slots = [
        maker.slot(id, 10),
        fired(maker.slot(id, 40), a_task(&mut maker)),
        buffered(maker.slot(id, 30)),
        range(maker.slot(id, 20), 90, 4),
        ended(&over, Status::Failed, 51),
        dropped,
        buffered(maker.slot(other, 35)),
    ];
    put(&mut conn, &slots).unwrap();
    let mut taken = |from: i64, to: i64, limit| {
        let taken = slots::taken(&mut conn, id, at(from), at(to), limit);
        taken.unwrap()
    };
    assert_eq!(taken(0, 99, 10), [at(30), at(40), at(50)]);
    assert_eq!(taken(0, 99, 2), [at(30), at(40)]);
    assert_eq!(taken(30, 40, 10), [at(30), at(40)]);
    assert_eq!(taken(31, 49, 10), [at(40)]);
    assert_eq!(taken(51, 99, 10), []);
    assert_eq!(taken(50, 30, 10), []);
}

fn records_are_listed_newest_slot_first(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let [id, other] = schedules(&mut conn, &mut maker);
    let slots = [
        maker.slot(id, 30),
        range(maker.slot(id, 10), 25, 2),
        maker.slot(id, 20),
        maker.slot(other, 15),
    ];
    put(&mut conn, &slots).unwrap();
    let mut listed = |before: Option<Timestamp>, limit| -> Vec<SlotId> {
        let found = slots::list(&mut conn, id, before, limit).unwrap();
        found.iter().map(|slot| slot.id).collect()
    };
    let [newest, oldest, middle, _] = slots.each_ref().map(|slot| slot.id);
    assert_eq!(listed(None, 10), [newest, middle, oldest]);
    assert_eq!(listed(None, 2), [newest, middle]);
    assert_eq!(listed(Some(at(30)), 1), [middle]);
    assert_eq!(listed(Some(at(20)), 10), [oldest]);
    let first = Timestamp::from_micros(at(10).as_micros() + 1);
    assert_eq!(listed(Some(first), 10), [oldest]);
    assert_eq!(listed(Some(at(10)), 10), []);
}

fn removed_records_are_gone(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let [id] = schedules(&mut conn, &mut maker);
    let slots = [30, 20, 10].map(|seconds| maker.slot(id, seconds));
    put(&mut conn, &slots).unwrap();
    let unknown = maker.slot(id, 40).id;
    for ids in [&[][..], &[unknown]] {
        conn.transact(|conn| slots::remove(conn, ids)).unwrap();
        assert_eq!(all(&mut conn, id), slots);
    }
    let gone = [slots[2].id, unknown, slots[0].id];
    conn.transact(|conn| slots::remove(conn, &gone)).unwrap();
    assert_eq!(all(&mut conn, id), slots[1..2]);
}

fn the_records_of_a_schedule_are_removed_in_pieces(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let [id, other] = schedules(&mut conn, &mut maker);
    let elsewhere = [maker.slot(other, 10)];
    let slots = [
        buffered(maker.slot(id, 40)),
        fired(maker.slot(id, 30), a_task(&mut maker)),
        range(maker.slot(id, 10), 20, 2),
    ];
    put(&mut conn, &[&slots[..], &elsewhere].concat()).unwrap();
    for (removed, left) in [(2, 1), (1, 0), (0, 0)] {
        let done = conn.transact(|conn| slots::remove_of(conn, id, 2)).unwrap();
        assert_eq!((done, all(&mut conn, id)), (removed, slots[..left].to_vec()));
    }
    assert_eq!(slots::open_runs(&mut conn, id).unwrap(), []);
    assert_eq!(all(&mut conn, other), elsewhere);
}

fn old_records_are_removed_in_pieces(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let [id, other] = schedules(&mut conn, &mut maker);
    let mut slots = [(id, 104), (other, 101), (id, 102), (id, 103), (other, 105)]
        .map(|(schedule, seconds)| maker.slot(schedule, seconds));
    // What counts is when it was decided.
    slots[2].slot_at = at(500);
    slots[4].slot_at = at(5);
    put(&mut conn, &slots).unwrap();
    let mut removed = |limit| -> (usize, Vec<SlotId>) {
        let removed = conn.transact(|conn| slots::remove_before(conn, at(104), limit));
        let left = [id, other].map(|schedule| all(&mut conn, schedule)).concat();
        (removed.unwrap(), left.iter().map(|slot| slot.id).collect())
    };
    let [first, second, third, fourth, fifth] = slots.each_ref().map(|slot| slot.id);
    assert_eq!(removed(0), (0, vec![third, first, fourth, second, fifth]));
    assert_eq!(removed(2), (2, vec![first, fourth, fifth]));
    assert_eq!(removed(2), (1, vec![first, fifth]));
    assert_eq!(removed(2), (0, vec![first, fifth]));
}

fn what_is_not_over_is_never_too_old(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let [id] = schedules(&mut conn, &mut maker);
    let (task, chain) = (a_task(&mut maker), a_chain(&mut maker));
    let slots = [
        buffered(maker.slot(id, 30)),
        fired(maker.slot(id, 20), chain),
        fired(maker.slot(id, 10), task),
    ];
    put(&mut conn, &slots).unwrap();
    // More of what stays than one piece takes, and then what does not.
    let gone = maker.slot(id, 40);
    put(&mut conn, &[gone]).unwrap();
    let remove = |conn: &mut Conn| {
        conn.transact(|conn| slots::remove_before(conn, at(999), 2))
            .unwrap()
    };
    assert_eq!(remove(&mut conn), 1);
    assert_eq!(remove(&mut conn), 0);
    assert_eq!(all(&mut conn, id), slots);
    let ends = [(task, Status::Completed), (chain, Status::Failed)].into();
    conn.transact(|conn| slots::end(conn, &ends, at(50))).unwrap();
    assert_eq!(remove(&mut conn), 2);
    assert_eq!(all(&mut conn, id), slots[..1]);
    conn.transact(|conn| slots::drop_buffered(conn, id, "enough"))
        .unwrap();
    assert_eq!(remove(&mut conn), 1);
    assert_eq!(all(&mut conn, id), []);
}

fn old_records_that_another_transaction_works_on_are_left(db: &TestDb) {
    let store = open(db);
    if store.backend() == Backend::Sqlite {
        // One writer: there is no other transaction.
        return;
    }
    let (mut first, mut second) = (store.connect().unwrap(), store.connect().unwrap());
    let mut maker = Maker::new();
    let [id] = schedules(&mut first, &mut maker);
    let slots = [20, 10].map(|seconds| maker.slot(id, seconds));
    put(&mut first, &slots).unwrap();
    let mut remove = || second.transact(|second| slots::remove_before(second, at(999), 10));
    let longer = range(slots[1].clone(), 15, 2);
    first
        .transact(|first| {
            slots::put(first, std::slice::from_ref(&longer))?;
            assert_eq!(remove()?, 1);
            Ok(())
        })
        .unwrap();
    assert_eq!(all(&mut first, id), [longer]);
}
