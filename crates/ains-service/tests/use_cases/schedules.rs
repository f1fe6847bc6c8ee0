//! Schedules: slots that fire when their time has come, once, and what becomes of those that do not.

use std::time::Duration;

use ains_core::calendar::{Dates, ListedDate, Weekdays};
use ains_core::chain::StepTask;
use ains_core::cron::Cron;
use ains_core::schedule::SlotState::{Fired, Missed};
use ains_core::schedule::{Catchup, Fires, ScheduleDefinition, SlotKind, SlotState, Standing, Timing};
use ains_core::task::ReportKind;
use ains_core::{AgentId, CalendarId, ScheduleId, Status, TaskId, Timestamp};
use ains_service::{
    Answer, Error, NewCalendar, NewSchedule, Run, ScheduleChange, ScheduleFilter, ScheduleSteer,
    ScheduleView, StoredSlot, TaskFilter,
};
use ains_testkit::TestDb;

use crate::world::{World, failed, tell};

ains_testkit::contract!(
    a_cron_expression_makes_a_task_at_its_instant,
    an_interval_counts_from_its_anchor,
    once_is_once,
    an_hour_without_a_server_is_caught_up_as_the_schedule_says,
    what_is_too_old_is_recorded_in_one_piece,
    slots_fire_once_however_often_the_server_restarts,
    jitter_delays_a_slot_and_is_the_same_after_a_restart,
    as_many_slots_fire_as_it_may_have_runs,
    a_clock_that_goes_back_fires_nothing_twice,
    a_schedule_without_a_slot_is_refused,
    many_schedules_of_one_second_all_fire,
    what_is_caught_up_in_several_batches_is_not_late,
);

/// 2026-01-01T00:00:00Z.
const MIDNIGHT: i64 = 1_767_225_600;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros((MIDNIGHT + seconds) * 1_000_000)
}

fn a_task() -> Fires {
    Fires::Task {
        task: StepTask {
            max_retries: Some(0),
            ..StepTask::new("report".parse().unwrap(), "text:v1".parse().unwrap())
        },
        input: r#"{"x":1}"#.into(),
        metadata: Some(r#"{"k":"v"}"#.into()),
    }
}

pub(crate) fn cron(expression: &str) -> ScheduleDefinition {
    ScheduleDefinition::new(Timing::Cron(Cron::parse(expression).unwrap()), a_task())
}

/// Every so many seconds from midnight on.
pub(crate) fn every(seconds: u32) -> ScheduleDefinition {
    let anchor_at = at(0);
    ScheduleDefinition::new(Timing::Interval { seconds, anchor_at }, a_task())
}

impl World {
    pub(crate) async fn schedule(&self, definition: ScheduleDefinition) -> ScheduleId {
        self.try_schedule(definition).await.unwrap().id
    }

    pub(crate) async fn try_schedule(&self, definition: ScheduleDefinition) -> Result<ScheduleView, Error> {
        let new = NewSchedule {
            client: "c".parse().unwrap(),
            name: "a schedule".parse().unwrap(),
            definition,
            active: true,
        };
        self.ains
            .create_schedule(new, None)
            .await
            .map(|answer| match answer {
                Answer::Fresh(view) => view,
                Answer::Replayed(answer) => panic!("replayed {answer}"),
            })
    }

    /// Lets time pass, and the timer look.
    pub(crate) async fn pass(&self, seconds: u64) {
        self.wait(seconds);
        let active = ScheduleFilter {
            active_only: true,
            limit: 1000,
            ..ScheduleFilter::default()
        };
        loop {
            self.ains.check_timeouts().await.unwrap();
            // The timer itself may have been before us, and not have committed yet.
            let known = self.ains.schedules(active.clone()).await.unwrap();
            if known
                .iter()
                .all(|view| view.schedule.due_at > Some(self.ains.now()))
            {
                return;
            }
        }
    }

    /// Lets the timer look until the next slot is the one that is expected: another server's thread may have been before
    /// us, and not have committed yet.
    pub(crate) async fn looks_for(&self, id: ScheduleId, next: Timestamp) {
        for _ in 0..1000 {
            self.ains.check_timeouts().await.unwrap();
            if self.of(id).await.schedule.next_at == Some(next) {
                return;
            }
        }
        assert_eq!(self.of(id).await.schedule.next_at, Some(next));
    }

    pub(crate) async fn of(&self, id: ScheduleId) -> ScheduleView {
        self.ains.schedule(id).await.unwrap()
    }

    /// Its records, oldest first.
    pub(crate) async fn slots(&self, id: ScheduleId) -> Vec<StoredSlot> {
        let mut slots = self.ains.slots(id, None, 1000).await.unwrap();
        slots.reverse();
        slots
    }

    /// Its records in short, oldest first: seconds after midnight, how many, state.
    pub(crate) async fn short(&self, id: ScheduleId) -> Vec<(i64, u64, SlotState)> {
        let slots = self.slots(id).await;
        let seconds = |slot: &StoredSlot| slot.slot_at.as_micros() / 1_000_000 - MIDNIGHT;
        slots
            .iter()
            .map(|slot| (seconds(slot), slot.count, slot.state))
            .collect()
    }

    /// The tasks that it made, oldest first.
    pub(crate) async fn made(&self, id: ScheduleId) -> Vec<TaskId> {
        let filter = TaskFilter {
            schedule: Some(id),
            ..TaskFilter::default()
        };
        let page = ains_service::Page {
            limit: 1000,
            offset: 0,
            before: None,
        };
        let listed = self.ains.tasks(filter, page).await.unwrap();
        listed.iter().rev().map(|stored| stored.task.id).collect()
    }

    pub(crate) async fn steer(&self, id: ScheduleId, steer: ScheduleSteer) -> Result<Vec<StoredSlot>, Error> {
        match self.ains.steer_schedule(id, steer, None, None).await? {
            Answer::Fresh(steered) => Ok(steered.slots),
            Answer::Replayed(answer) => panic!("replayed {answer}"),
        }
    }

    /// Changes a schedule as it is now.
    pub(crate) async fn change(
        &self,
        id: ScheduleId,
        change: impl FnOnce(&mut ScheduleDefinition),
    ) -> Result<(), Error> {
        let view = self.of(id).await;
        let mut definition = (*view.definition).clone();
        change(&mut definition);
        let change = ScheduleChange {
            revision: view.revision,
            name: view.name,
            definition,
            active: None,
        };
        self.steer(id, ScheduleSteer::Change(Box::new(change)))
            .await
            .map(drop)
    }

    pub(crate) async fn succeed(&self, agent: &AgentId, task: TaskId) {
        let ended = self.end(agent, task, ReportKind::Complete).await;
        assert_eq!(ended.status, Status::Completed);
    }

    pub(crate) async fn lose(&self, agent: &AgentId, task: TaskId) {
        let ended = self.end(agent, task, failed("no")).await;
        assert_eq!(ended.status, Status::Failed);
    }

    pub(crate) async fn calendar_of(&self, dates: &[&str]) -> CalendarId {
        let new = NewCalendar {
            client: "c".parse().unwrap(),
            name: "closed".parse().unwrap(),
            description: None,
            dates: listed(dates),
        };
        self.ains.create_calendar(new).await.unwrap().calendar.id
    }
}

pub(crate) fn listed(dates: &[&str]) -> Dates {
    let dates = dates.iter().map(|date| ListedDate {
        date: date.parse().unwrap(),
        name: None,
    });
    Dates::new(dates.collect(), Weekdays::default(), Vec::new())
}

pub(crate) fn pause() -> ScheduleSteer {
    ScheduleSteer::Pause {
        reason: "a test".to_owned(),
    }
}

fn a_cron_expression_makes_a_task_at_its_instant(db: &TestDb) {
    tell(db, async |world| {
        let id = world.schedule(cron("30 0 * * *")).await;
        assert_eq!(world.of(id).await.schedule.next_at, Some(at(1800)));
        world.pass(1799).await;
        assert_eq!(world.made(id).await, []);
        world.pass(1).await;
        let made = world.made(id).await;
        assert_eq!(made.len(), 1);
        let stored = world.ains.task(made[0], Duration::ZERO).await.unwrap();
        assert_eq!(stored.task.schedule, Some(id));
        assert_eq!(stored.task.task_type.as_str(), "report");
        assert_eq!(stored.documents.input.as_deref(), Some(r#"{"x":1}"#));
        let metadata: serde_json::Value =
            serde_json::from_str(stored.documents.metadata.as_deref().unwrap()).unwrap();
        let expected = serde_json::json!({"k": "v", "slot_at": "2026-01-01T00:30:00.000000Z"});
        assert_eq!(metadata, expected);
        let slots = world.slots(id).await;
        assert_eq!(slots.len(), 1);
        assert_eq!(slots[0].slot_at, at(1800));
        assert_eq!(slots[0].run, Some(Run::Task(made[0])));
        assert_eq!(
            (slots[0].kind, slots[0].state),
            (SlotKind::Cron, SlotState::Fired)
        );
        let view = world.of(id).await;
        assert_eq!(view.schedule.last_run_at, Some(at(1800)));
        assert_eq!(view.schedule.next_at, Some(at(1800 + 86_400)));
        world.pass(3600).await;
        assert_eq!(world.made(id).await.len(), 1, "once");
    });
}

fn an_interval_counts_from_its_anchor(db: &TestDb) {
    tell(db, async |world| {
        let mut definition = every(60);
        definition.timing = Timing::Interval {
            seconds: 60,
            anchor_at: at(7),
        };
        let id = world.schedule(definition).await;
        for _ in 0..3 {
            world.pass(60).await;
        }
        let fired = SlotState::Fired;
        assert_eq!(
            world.short(id).await,
            [(7, 1, fired), (67, 1, fired), (127, 1, fired)]
        );
    });
}

fn once_is_once(db: &TestDb) {
    tell(db, async |world| {
        let definition = ScheduleDefinition::new(Timing::Once(at(90)), a_task());
        let id = world.schedule(definition).await;
        world.pass(90).await;
        world.pass(1000).await;
        assert_eq!(world.short(id).await, [(90, 1, SlotState::Fired)]);
        let view = world.of(id).await;
        assert_eq!(view.schedule.standing, Standing::Ended);
        let active = ScheduleFilter {
            active_only: true,
            limit: 10,
            ..ScheduleFilter::default()
        };
        assert_eq!(world.ains.schedules(active).await.unwrap(), []);
        let refused = world.steer(id, ScheduleSteer::Resume).await;
        assert!(matches!(refused, Err(Error::ScheduleRefused(_))), "{refused:?}");
    });
}

fn an_hour_without_a_server_is_caught_up_as_the_schedule_says(db: &TestDb) {
    tell(db, async |world| {
        let mut ids = Vec::new();
        for catchup in [Catchup::None, Catchup::Last, Catchup::All] {
            ids.push(
                world
                    .schedule(ScheduleDefinition {
                        catchup,
                        ..cron("*/10 * * * *")
                    })
                    .await,
            );
        }
        world.wait(3600 + 120);
        let world = world.restarted().await;
        world.pass(0).await;
        assert_eq!(world.short(ids[0]).await, [(600, 6, Missed)]);
        assert_eq!(world.short(ids[1]).await, [(600, 5, Missed), (3600, 1, Fired)]);
        let all: Vec<(i64, u64, SlotState)> = (1..=6).map(|n| (n * 600, 1, Fired)).collect();
        assert_eq!(world.short(ids[2]).await, all);
        for id in ids {
            assert_eq!(world.of(id).await.schedule.next_at, Some(at(4200)));
        }
        world.ains.stop().await;
    });
}

fn what_is_too_old_is_recorded_in_one_piece(db: &TestDb) {
    tell(db, async |world| {
        let id = world
            .schedule(ScheduleDefinition {
                catchup: Catchup::All,
                catchup_window_seconds: 3600,
                ..every(600)
            })
            .await;
        world.pass(7200).await;
        let short = world.short(id).await;
        assert_eq!(short[0], (600, 5, SlotState::Missed));
        assert_eq!(short.len(), 1 + 7, "{short:?}");
        let slots = world.slots(id).await;
        assert_eq!(slots[0].until, Some(at(3000)));
        assert!(
            slots[0]
                .reason
                .as_deref()
                .unwrap()
                .contains("catchup_window_seconds")
        );
    });
}

fn slots_fire_once_however_often_the_server_restarts(db: &TestDb) {
    tell(db, async |world| {
        let id = world.schedule(every(60)).await;
        let mut world = world;
        for _ in 0..5 {
            world.pass(60).await;
            world = world.restarted().await;
            world.pass(0).await;
        }
        let fired: Vec<(i64, u64, SlotState)> = (1..=5).map(|n| (n * 60, 1, SlotState::Fired)).collect();
        assert_eq!(world.short(id).await, fired);
        assert_eq!(world.made(id).await.len(), 5);
        world.ains.stop().await;
    });
}

fn jitter_delays_a_slot_and_is_the_same_after_a_restart(db: &TestDb) {
    tell(db, async |world| {
        let id = world
            .schedule(ScheduleDefinition {
                jitter_seconds: 50,
                ..every(60)
            })
            .await;
        let due = world.of(id).await.schedule.due_at.unwrap();
        assert!(at(60) < due && due < at(110), "{due}");
        let shown = world.ains.preview_schedule(id, at(0), 1).await.unwrap();
        assert_eq!(shown.entries[0].fires_at, Some(due));
        world.pass(60).await;
        assert_eq!(world.made(id).await, []);
        let world = world.restarted().await;
        assert_eq!(world.of(id).await.schedule.due_at, Some(due));
        world.clock.advance(due.since(world.ains.now()));
        world.pass(0).await;
        let slots = world.slots(id).await;
        assert_eq!((slots[0].slot_at, slots[0].fired_at), (at(60), Some(due)));
        world.ains.stop().await;
    });
}

fn as_many_slots_fire_as_it_may_have_runs(db: &TestDb) {
    tell(db, async |world| {
        let id = world
            .schedule(ScheduleDefinition {
                max_runs: Some(2),
                ..every(60)
            })
            .await;
        world.steer(id, ScheduleSteer::RunNow).await.unwrap();
        for _ in 0..5 {
            world.pass(60).await;
        }
        assert_eq!(world.made(id).await.len(), 3);
        let view = world.of(id).await;
        assert_eq!(
            (view.schedule.standing, view.schedule.fired),
            (Standing::Ended, 2)
        );
        // It may have more.
        world
            .change(id, |definition| definition.max_runs = Some(3))
            .await
            .unwrap();
        for _ in 0..3 {
            world.pass(60).await;
        }
        assert_eq!(world.made(id).await.len(), 4);
    });
}

fn a_clock_that_goes_back_fires_nothing_twice(db: &TestDb) {
    tell(db, async |world| {
        let id = world.schedule(every(60)).await;
        for _ in 0..5 {
            world.pass(60).await;
        }
        world.clock.set(at(60).as_micros());
        for _ in 0..6 {
            world.pass(60).await;
        }
        let fired: Vec<(i64, u64, SlotState)> = (1..=7).map(|n| (n * 60, 1, SlotState::Fired)).collect();
        assert_eq!(world.short(id).await, fired);
        assert_eq!(world.made(id).await.len(), 7);
    });
}

fn a_schedule_without_a_slot_is_refused(db: &TestDb) {
    tell(db, async |world| {
        let past = ScheduleDefinition::new(Timing::Once(at(0)), a_task());
        let ended = ScheduleDefinition {
            end_at: Some(at(59)),
            ..every(60)
        };
        for definition in [past, ended] {
            let refused = world.try_schedule(definition).await;
            assert!(matches!(refused, Err(Error::ScheduleRefused(_))), "{refused:?}");
        }
    });
}

fn many_schedules_of_one_second_all_fire(db: &TestDb) {
    tell(db, async |world| {
        let mut ids = Vec::new();
        for _ in 0..450 {
            ids.push(world.schedule(every(60)).await);
        }
        world.wait(60);
        world.pass(0).await;
        for id in ids {
            assert_eq!(world.short(id).await, [(60, 1, SlotState::Fired)]);
        }
    });
}

fn what_is_caught_up_in_several_batches_is_not_late(db: &TestDb) {
    tell(db, async |world| {
        let id = world
            .schedule(ScheduleDefinition {
                catchup: Catchup::All,
                ..every(1)
            })
            .await;
        world.pass(900).await;
        let fired: Vec<(i64, u64, SlotState)> = (1..=900).map(|second| (second, 1, Fired)).collect();
        assert_eq!(world.short(id).await, fired);
        assert_eq!(world.made(id).await.len(), 900);
    });
}
