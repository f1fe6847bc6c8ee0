//! Slots of schedules.

use ains_core::schedule::SlotState;
use ains_core::{ScheduleId, Status};
use ains_store::slots::{self, Run};

use crate::support::{Maker, at};
use crate::trace::{Trace, call};

/// `schedule` is stored.
pub(crate) fn call(trace: &mut Trace<'_>, maker: &mut Maker, schedule: ScheduleId) {
    let run = Run::Task(maker.id());
    let mut fired = maker.slot(schedule, 120);
    fired.state = SlotState::Fired;
    fired.fired_at = Some(at(120));
    fired.run = Some(run);
    let missed = maker.slot(schedule, 180);
    let ids = [fired.id, missed.id];
    call!(trace, slots::put(&[fired, missed]));
    call!(trace, slots::open_runs(schedule));
    call!(trace, slots::end(&[(run, Status::Completed)].into(), at(121)));
    call!(trace, slots::oldest_buffered(schedule));
    call!(trace, slots::drop_buffered(schedule, "enough"));
    call!(trace, slots::taken(schedule, at(100), at(200), 10));
    call!(trace, slots::ranges(schedule, at(100), at(200)));
    call!(trace, slots::list(schedule, None, 10));
    call!(trace, "the next page", slots::list(schedule, Some(at(180)), 10));
    call!(trace, slots::remove(&ids[1..]));
    call!(trace, slots::remove_before(at(1000), 10));
    let other = maker.slot(schedule, 240);
    call!(trace, "another", slots::put(&[other]));
    call!(trace, slots::remove_of(schedule, 10));
}
