//! What somebody wants of a schedule: pausing, changing, running it now or for the past, removing it.

use ains_core::cron::Cron;
use ains_core::schedule::SlotState::{Fired, Missed, Skipped};
use ains_core::schedule::{Catchup, Overlap, ScheduleDefinition, SlotKind, SlotState, Standing, Timing};
use ains_service::{Actor, Answer, Error, Once, ScheduleChange, ScheduleSteer, Steered};
use ains_testkit::TestDb;

use crate::schedules::{at, cron, every, pause};
use crate::world::tell;

ains_testkit::contract!(
    a_paused_week_misses_nothing,
    a_change_never_looks_back,
    a_change_while_a_run_is_going_on_leaves_it_alone,
    a_change_that_knows_not_what_it_changes_is_refused,
    a_run_now_is_a_slot_of_its_own,
    a_backfill_fires_what_was_missed_and_nothing_twice,
    a_removed_schedule_leaves_its_tasks,
    a_change_takes_nothing_from_what_was_due,
    a_change_that_is_refused_leaves_no_trace,
    the_same_key_runs_once,
);

fn a_paused_week_misses_nothing(db: &TestDb) {
    tell(db, async |world| {
        let id = world
            .schedule(ScheduleDefinition {
                catchup: Catchup::All,
                catchup_window_seconds: 31_536_000,
                ..cron("0 9 * * *")
            })
            .await;
        world.pass(9 * 3600).await;
        world.steer(id, pause()).await.unwrap();
        let view = world.of(id).await;
        assert_eq!(
            (view.schedule.standing, view.schedule.next_at),
            (Standing::Paused, None)
        );
        assert_eq!(view.schedule.reason.as_deref(), Some("a test"));
        world.pass(7 * 86_400).await;
        world.steer(id, ScheduleSteer::Resume).await.unwrap();
        world.pass(0).await;
        assert_eq!(world.short(id).await, [(9 * 3600, 1, SlotState::Fired)]);
        world.pass(86_400).await;
        let last = 9 * 3600 + 8 * 86_400;
        assert_eq!(world.short(id).await[1..], [(last, 1, SlotState::Fired)]);
    });
}

fn a_change_never_looks_back(db: &TestDb) {
    tell(db, async |world| {
        let id = world
            .schedule(ScheduleDefinition {
                catchup: Catchup::All,
                catchup_window_seconds: 86_400,
                ..cron("0 12 * * *")
            })
            .await;
        world.pass(3600).await;
        let expression = Timing::Cron(Cron::parse("*/5 * * * *").unwrap());
        world
            .change(id, |definition| definition.timing = expression)
            .await
            .unwrap();
        world.pass(0).await;
        assert_eq!(world.short(id).await, []);
        assert_eq!(world.of(id).await.schedule.next_at, Some(at(3900)));
        world.pass(300).await;
        assert_eq!(world.short(id).await, [(3900, 1, SlotState::Fired)]);
    });
}

fn a_change_while_a_run_is_going_on_leaves_it_alone(db: &TestDb) {
    tell(db, async |world| {
        let agent = world.agent("a", 10).await;
        let id = world
            .schedule(ScheduleDefinition {
                overlap: Overlap::Skip,
                ..every(60)
            })
            .await;
        world.pass(60).await;
        let first = world.made(id).await[0];
        let anchor_at = at(30);
        let timing = Timing::Interval {
            seconds: 90,
            anchor_at,
        };
        world
            .change(id, |definition| definition.timing = timing)
            .await
            .unwrap();
        world.pass(60).await;
        assert!(!world.task(first).await.status.is_terminal());
        assert_eq!(world.short(id).await, [(60, 1, Fired), (120, 1, Skipped)]);
        world.succeed(&agent, first).await;
        let schedule = world.of(id).await.schedule;
        assert_eq!((schedule.open_runs, schedule.successful_runs), (0, 1));
        world.pass(90).await;
        assert_eq!(world.short(id).await[2..], [(210, 1, Fired)]);
    });
}

fn a_change_that_knows_not_what_it_changes_is_refused(db: &TestDb) {
    tell(db, async |world| {
        let id = world.schedule(every(60)).await;
        let stale = ScheduleChange {
            revision: 0,
            name: "other".parse().unwrap(),
            definition: every(61),
            active: None,
        };
        world
            .change(id, |definition| definition.jitter_seconds = 1)
            .await
            .unwrap();
        let change = ScheduleSteer::Change(Box::new(stale));
        let refused = world.steer(id, change).await;
        assert!(matches!(refused, Err(Error::Stale { .. })), "{refused:?}");
        assert_eq!(world.of(id).await.revision, 1);
        let refused = world
            .ains
            .steer_schedule(id, pause(), Some("d".parse().unwrap()), None)
            .await;
        assert!(matches!(refused, Err(Error::NotOwner)), "{refused:?}");
        // A change after which nothing would ever come changes nothing.
        let past = Timing::Once(at(-1));
        let refused = world.change(id, |definition| definition.timing = past).await;
        assert!(matches!(refused, Err(Error::ScheduleRefused(_))), "{refused:?}");
        assert_eq!(world.of(id).await.schedule.standing, Standing::Active);
    });
}

fn a_run_now_is_a_slot_of_its_own(db: &TestDb) {
    tell(db, async |world| {
        let id = world.schedule(every(60)).await;
        world.pass(60).await;
        let first = world.steer(id, ScheduleSteer::RunNow).await.unwrap();
        let second = world.steer(id, ScheduleSteer::RunNow).await.unwrap();
        assert_eq!(
            (first[0].kind, first[0].state),
            (SlotKind::RunNow, SlotState::Fired)
        );
        assert!(at(60) < first[0].slot_at && first[0].slot_at < second[0].slot_at);
        assert_eq!(world.made(id).await.len(), 3);
        assert_eq!(world.of(id).await.schedule.next_at, Some(at(120)));
        // It is a run like others, so the overlap policy holds for it, and it does for a paused schedule.
        world
            .change(id, |definition| definition.overlap = Overlap::Skip)
            .await
            .unwrap();
        let skipped = world.steer(id, ScheduleSteer::RunNow).await.unwrap();
        assert_eq!(skipped[0].state, SlotState::Skipped);
        world
            .change(id, |definition| definition.overlap = Overlap::AllowAll)
            .await
            .unwrap();
        world.steer(id, pause()).await.unwrap();
        let fired = world.steer(id, ScheduleSteer::RunNow).await.unwrap();
        assert_eq!(fired[0].state, SlotState::Fired);
        let unknown = "sched_00000000000070008000000000000000".parse().unwrap();
        let refused = world.steer(unknown, ScheduleSteer::RunNow).await;
        assert!(matches!(refused, Err(Error::NotFound { .. })));
    });
}

fn a_backfill_fires_what_was_missed_and_nothing_twice(db: &TestDb) {
    tell(db, async |world| {
        let id = world
            .schedule(ScheduleDefinition {
                catchup: Catchup::None,
                ..every(600)
            })
            .await;
        world.pass(600).await;
        world.pass(6060).await;
        assert_eq!(world.short(id).await, [(600, 1, Fired), (1200, 10, Missed)]);
        let backfill = |from, to| ScheduleSteer::Backfill {
            from: at(from),
            to: at(to),
            overlap: None,
        };
        let slots = world.steer(id, backfill(2400, 3000)).await.unwrap();
        assert_eq!(slots.len(), 2);
        assert!(
            slots
                .iter()
                .all(|slot| slot.kind == SlotKind::Backfill && slot.state == Fired)
        );
        let short = world.short(id).await;
        let expected = [
            (600, 1, Fired),
            (1200, 2, Missed),
            (2400, 1, Fired),
            (3000, 1, Fired),
            (3600, 6, Missed),
        ];
        assert_eq!(short, expected);
        // The whole time: what fired stays as it is, what is to come is not for a backfill.
        let slots = world.steer(id, backfill(1, 100_000)).await.unwrap();
        assert_eq!(slots.len(), 8);
        assert_eq!(world.made(id).await.len(), 11);
        assert!(
            world
                .short(id)
                .await
                .iter()
                .all(|(_, count, state)| (*count, *state) == (1, Fired))
        );
        assert_eq!(world.steer(id, backfill(1, 100_000)).await.unwrap(), []);
        let unknown = world.steer(id, backfill(-31 * 86_400, 0)).await;
        assert!(matches!(unknown, Err(Error::ForgottenSlots(_))), "{unknown:?}");
        let many = world.steer(id, backfill(-1_000_000, 0)).await;
        assert!(matches!(many, Err(Error::ScheduleRefused(_))), "{many:?}");
    });
}

fn a_removed_schedule_leaves_its_tasks(db: &TestDb) {
    tell(db, async |world| {
        let agent = world.agent("a", 10).await;
        let id = world.schedule(every(60)).await;
        world.pass(60).await;
        let made = world.made(id).await;
        let refused = world
            .ains
            .delete_schedule(&Actor::NOBODY, id, Some("d".parse().unwrap()))
            .await;
        assert!(matches!(refused, Err(Error::NotOwner)));
        world
            .ains
            .delete_schedule(&Actor::NOBODY, id, None)
            .await
            .unwrap();
        assert!(matches!(
            world.ains.schedule(id).await,
            Err(Error::NotFound { .. })
        ));
        assert!(matches!(
            world.ains.slots(id, None, 1).await,
            Err(Error::NotFound { .. })
        ));
        world.succeed(&agent, made[0]).await;
        world.pass(600).await;
        assert_eq!(world.made(id).await, made);
        assert!(matches!(
            world.ains.delete_schedule(&Actor::NOBODY, id, None).await,
            Err(Error::NotFound { .. })
        ));
    });
}

fn a_change_takes_nothing_from_what_was_due(db: &TestDb) {
    tell(db, async |world| {
        let id = world
            .schedule(ScheduleDefinition {
                catchup: Catchup::All,
                ..every(60)
            })
            .await;
        world.wait(300);
        world
            .change(id, |definition| definition.jitter_seconds = 1)
            .await
            .unwrap();
        let fired: Vec<(i64, u64, SlotState)> = (1..=5).map(|n| (n * 60, 1, Fired)).collect();
        assert_eq!(world.short(id).await, fired);
    });
}

fn a_change_that_is_refused_leaves_no_trace(db: &TestDb) {
    tell(db, async |world| {
        let once = ScheduleDefinition::new(Timing::Once(at(60)), every(60).fires);
        let id = world.schedule(once).await;
        world.pass(60).await;
        let before = world.of(id).await;
        assert_eq!(before.schedule.standing, Standing::Ended);
        let change = ScheduleChange {
            revision: before.revision,
            name: "other".parse().unwrap(),
            definition: ScheduleDefinition {
                jitter_seconds: 5,
                ..(*before.definition).clone()
            },
            active: Some(true),
        };
        let refused = world.steer(id, ScheduleSteer::Change(Box::new(change))).await;
        assert!(matches!(refused, Err(Error::ScheduleRefused(_))), "{refused:?}");
        assert_eq!(world.of(id).await, before);
        // Without that it is changed, and has still ended.
        world
            .change(id, |definition| definition.jitter_seconds = 5)
            .await
            .unwrap();
        let after = world.of(id).await;
        assert_eq!((after.revision, after.schedule.standing), (1, Standing::Ended));
    });
}

fn the_same_key_runs_once(db: &TestDb) {
    tell(db, async |world| {
        let id = world.schedule(every(60)).await;
        let once = || Once::<Steered> {
            scope: "c".to_owned(),
            key: "k".to_owned(),
            fingerprint: "f".to_owned(),
            render: Box::new(|steered| steered.slots[0].id.to_string()),
        };
        let run = async || {
            let answer = world
                .ains
                .steer_schedule(id, ScheduleSteer::RunNow, None, Some(once()));
            answer.await.unwrap()
        };
        let Answer::Fresh(first) = run().await else {
            panic!("replayed")
        };
        let Answer::Replayed(again) = run().await else {
            panic!("run twice")
        };
        assert_eq!(again, first.slots[0].id.to_string());
        assert_eq!(world.made(id).await.len(), 1);
        assert_eq!(world.slots(id).await[0].id, first.slots[0].id);
    });
}
