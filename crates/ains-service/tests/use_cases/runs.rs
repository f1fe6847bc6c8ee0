//! Runs of schedules: how they are counted, and what a slot does while an earlier one is unfinished.

use std::time::Duration;

use ains_core::Status;
use ains_core::chain::{Definition, StepDefinition, StepTask};
use ains_core::schedule::SlotState::{Buffered, Dropped, Fired, Skipped};
use ains_core::schedule::{Fires, Overlap, ScheduleDefinition, SlotState, Standing};
use ains_service::{Run, ScheduleSteer, Steer};
use ains_testkit::TestDb;

use crate::schedules::{every, pause};
use crate::world::tell;

ains_testkit::contract!(
    runs_are_counted_by_how_they_end,
    a_schedule_that_fails_too_often_is_paused,
    a_long_run_meets_each_overlap_policy,
    only_the_newest_waits_in_a_buffer_of_one,
    all_wait_in_turn,
    a_newer_slot_cancels_the_run_before_it,
    a_schedule_makes_chains_and_counts_them,
    a_newer_slot_cancels_a_chain,
);

fn a_chain() -> Fires {
    let task = || StepTask {
        max_retries: Some(0),
        ..StepTask::new("job".parse().unwrap(), "text:v1".parse().unwrap())
    };
    let steps = ["one", "two"].map(|name| StepDefinition::new(name, task()));
    Fires::Chain {
        name: "nightly".parse().unwrap(),
        definition: Definition { steps: steps.into() },
        input: "{}".into(),
    }
}

fn runs_are_counted_by_how_they_end(db: &TestDb) {
    tell(db, async |world| {
        let agent = world.agent("a", 10).await;
        let id = world.schedule(every(60)).await;
        for _ in 0..3 {
            world.pass(60).await;
        }
        let made = world.made(id).await;
        assert_eq!(world.of(id).await.schedule.open_runs, 3);
        world.succeed(&agent, made[0]).await;
        world.lose(&agent, made[1]).await;
        world
            .ains
            .cancel(made[2], "not needed any more".to_owned(), None)
            .await
            .unwrap();
        let schedule = world.of(id).await.schedule;
        assert_eq!(schedule.open_runs, 0);
        let counts = (
            schedule.total_runs,
            schedule.successful_runs,
            schedule.failed_runs,
        );
        assert_eq!(counts, (3, 1, 1));
        let outcomes: Vec<Option<Status>> = world.slots(id).await.iter().map(|slot| slot.outcome).collect();
        let expected = [Status::Completed, Status::Failed, Status::Cancelled].map(Some);
        assert_eq!(outcomes, expected);
        // A retry by hand is another matter.
        world.ains.retry(made[1], false).await.unwrap();
        world.succeed(&agent, made[1]).await;
        assert_eq!(world.of(id).await.schedule.total_runs, 3);
    });
}

fn a_schedule_that_fails_too_often_is_paused(db: &TestDb) {
    tell(db, async |world| {
        let agent = world.agent("a", 10).await;
        let id = world
            .schedule(ScheduleDefinition {
                pause_after_failures: Some(2),
                ..every(60)
            })
            .await;
        for outcome in [false, true, false, false] {
            world.pass(60).await;
            let task = *world.made(id).await.last().unwrap();
            if outcome {
                world.succeed(&agent, task).await;
            } else {
                world.lose(&agent, task).await;
            }
        }
        let view = world.of(id).await;
        assert_eq!(view.schedule.standing, Standing::Paused);
        assert_eq!(view.schedule.reason.as_deref(), Some("2 runs in a row failed"));
        world.pass(600).await;
        assert_eq!(world.made(id).await.len(), 4);
        world.steer(id, ScheduleSteer::Resume).await.unwrap();
        world.pass(60).await;
        assert_eq!(world.made(id).await.len(), 5);
    });
}

fn a_long_run_meets_each_overlap_policy(db: &TestDb) {
    tell(db, async |world| {
        let mut ids = Vec::new();
        for overlap in [
            Overlap::AllowAll,
            Overlap::Skip,
            Overlap::BufferOne,
            Overlap::BufferAll,
            Overlap::CancelOther,
        ] {
            ids.push(world.schedule(ScheduleDefinition { overlap, ..every(60) }).await);
        }
        for _ in 0..3 {
            world.pass(60).await;
        }
        let states = |slots: Vec<(i64, u64, SlotState)>| -> Vec<(u64, SlotState)> {
            slots
                .into_iter()
                .map(|(_, count, state)| (count, state))
                .collect()
        };
        let fired = (1, Fired);
        assert_eq!(states(world.short(ids[0]).await), [fired, fired, fired]);
        assert_eq!(states(world.short(ids[1]).await), [fired, (2, Skipped)]);
        assert_eq!(
            states(world.short(ids[2]).await),
            [fired, (1, Dropped), (1, Buffered)]
        );
        assert_eq!(
            states(world.short(ids[3]).await),
            [fired, (1, Buffered), (1, Buffered)]
        );
        assert_eq!(states(world.short(ids[4]).await), [fired, fired, fired]);
        let open = async |id| world.of(id).await.schedule.open_runs;
        assert_eq!(open(ids[0]).await, 3);
        for id in &ids[1..] {
            assert_eq!(open(*id).await, 1);
        }
    });
}

fn only_the_newest_waits_in_a_buffer_of_one(db: &TestDb) {
    tell(db, async |world| {
        let agent = world.agent("a", 10).await;
        let id = world
            .schedule(ScheduleDefinition {
                overlap: Overlap::BufferOne,
                ..every(60)
            })
            .await;
        for _ in 0..3 {
            world.pass(60).await;
        }
        world.succeed(&agent, world.made(id).await[0]).await;
        let short = world.short(id).await;
        assert_eq!(short, [(60, 1, Fired), (120, 1, Dropped), (180, 1, Fired)]);
        let made = world.made(id).await;
        assert_eq!(made.len(), 2);
        world.succeed(&agent, made[1]).await;
        let schedule = world.of(id).await.schedule;
        assert_eq!((schedule.open_runs, schedule.buffered, schedule.fired), (0, 0, 2));
    });
}

fn all_wait_in_turn(db: &TestDb) {
    tell(db, async |world| {
        let agent = world.agent("a", 10).await;
        let id = world
            .schedule(ScheduleDefinition {
                overlap: Overlap::BufferAll,
                ..every(60)
            })
            .await;
        for _ in 0..4 {
            world.pass(60).await;
        }
        for run in 0..4 {
            let made = world.made(id).await;
            assert_eq!(made.len(), run + 1, "one after the other");
            world.succeed(&agent, made[run]).await;
        }
        let slots = world.slots(id).await;
        assert!(slots.iter().all(|slot| slot.state == SlotState::Fired));
        assert_eq!(world.of(id).await.schedule.successful_runs, 4);
        // What waits while the schedule is paused is held, and not lost.
        world.pass(60).await;
        world.pass(60).await;
        world.steer(id, pause()).await.unwrap();
        world.succeed(&agent, world.made(id).await[4]).await;
        assert_eq!(world.made(id).await.len(), 5);
        world.steer(id, ScheduleSteer::Resume).await.unwrap();
        assert_eq!(world.made(id).await.len(), 6);
    });
}

fn a_newer_slot_cancels_the_run_before_it(db: &TestDb) {
    tell(db, async |world| {
        let agent = world.agent("a", 10).await;
        let id = world
            .schedule(ScheduleDefinition {
                overlap: Overlap::CancelOther,
                ..every(60)
            })
            .await;
        world.pass(60).await;
        assert_eq!(world.claim(&agent, 10).await.len(), 1);
        world.pass(60).await;
        let made = world.made(id).await;
        let first = world.task(made[0]).await;
        assert_eq!(first.status, Status::Cancelled);
        assert_eq!(first.error.as_deref(), Some("a newer slot of its schedule came"));
        assert!(!world.task(made[1]).await.status.is_terminal());
        let schedule = world.of(id).await.schedule;
        assert_eq!((schedule.open_runs, schedule.total_runs), (1, 1));
        assert_eq!(world.slots(id).await[0].outcome, Some(Status::Cancelled));
    });
}

fn a_schedule_makes_chains_and_counts_them(db: &TestDb) {
    tell(db, async |world| {
        let agent = world.agent("a", 10).await;
        let id = world
            .schedule(ScheduleDefinition {
                fires: a_chain(),
                overlap: Overlap::Skip,
                ..every(60)
            })
            .await;
        world.pass(60).await;
        let slots = world.slots(id).await;
        let Some(Run::Chain(chain)) = slots[0].run else {
            panic!("{slots:?}")
        };
        let view = world.ains.chain(chain, Duration::ZERO).await.unwrap();
        assert_eq!(view.summary.name.as_str(), "nightly");
        assert_eq!(&*view.input, r#"{"slot_at":"2026-01-01T00:01:00.000000Z"}"#);
        world.pass(60).await;
        for step in 0..2 {
            let made = world.made(id).await;
            assert_eq!(made.len(), step + 1, "the steps of the chain");
            world.succeed(&agent, made[step]).await;
        }
        let schedule = world.of(id).await.schedule;
        assert_eq!((schedule.open_runs, schedule.successful_runs), (0, 1));
        world.pass(60).await;
        world.lose(&agent, *world.made(id).await.last().unwrap()).await;
        let schedule = world.of(id).await.schedule;
        assert_eq!((schedule.total_runs, schedule.failed_runs), (2, 1));
        world.pass(60).await;
        let slots = world.slots(id).await;
        let Some(Run::Chain(chain)) = slots.last().unwrap().run else {
            panic!("{slots:?}")
        };
        let reason = "enough".to_owned();
        world
            .ains
            .steer_chain(chain, Steer::Cancel { reason }, None)
            .await
            .unwrap();
        let schedule = world.of(id).await.schedule;
        assert_eq!(
            (schedule.open_runs, schedule.total_runs, schedule.failed_runs),
            (0, 3, 1)
        );
    });
}

fn a_newer_slot_cancels_a_chain(db: &TestDb) {
    tell(db, async |world| {
        let id = world
            .schedule(ScheduleDefinition {
                fires: a_chain(),
                overlap: Overlap::CancelOther,
                ..every(60)
            })
            .await;
        world.pass(60).await;
        world.pass(60).await;
        let outcomes: Vec<Option<Status>> = world.slots(id).await.iter().map(|slot| slot.outcome).collect();
        assert_eq!(outcomes, [Some(Status::Cancelled), None]);
        let made = world.made(id).await;
        assert_eq!(world.task(made[0]).await.status, Status::Cancelled);
        assert_eq!(world.of(id).await.schedule.open_runs, 1);
    });
}
