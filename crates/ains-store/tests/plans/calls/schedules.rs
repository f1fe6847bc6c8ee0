//! Schedules.

use std::sync::Arc;

use ains_core::chain::StepTask;
use ains_core::schedule::{CalendarUse, Fires, Standing, Use};
use ains_core::{CalendarId, ScheduleId, TemplateId};
use ains_store::schedules;

use crate::support::{Maker, at};
use crate::trace::{Trace, call};

/// Returns the id of a stored schedule, which heeds `calendar` and refers to `template`.
pub(crate) fn call(
    trace: &mut Trace<'_>,
    maker: &mut Maker,
    calendar: CalendarId,
    template: TemplateId,
) -> ScheduleId {
    let mut stored = maker.schedule("c");
    let id = stored.id;
    Arc::make_mut(&mut stored.definition).calendars.push(CalendarUse {
        calendar_id: calendar,
        used: Use::Exclude,
    });
    call!(trace, schedules::insert(&stored));
    call!(trace, schedules::lock(&[id, maker.schedule("c").id]));
    call!(trace, schedules::lock_due(at(1000), 10));
    call!(trace, schedules::save(&[&stored]));
    call!(trace, schedules::change(&stored));
    let calendars = std::mem::take(&mut Arc::make_mut(&mut stored.definition).calendars);
    call!(trace, "to other calendars", schedules::change(&stored));
    Arc::make_mut(&mut stored.definition).calendars = calendars;
    call!(trace, "to other calendars again", schedules::change(&stored));
    Arc::make_mut(&mut stored.definition).fires = Fires::Task {
        task: StepTask::of(template),
        input: "{}".into(),
        metadata: None,
    };
    call!(trace, "to a template", schedules::change(&stored));
    call!(trace, schedules::find(id));
    call!(trace, schedules::next_due());
    let client = stored.client;
    let active = Some(Standing::Active);
    for (form, client, standing, before) in [
        ("all", None, None, None),
        ("the next page", None, None, Some(id)),
        ("of a client", Some(&client), None, Some(id)),
        ("active", None, active, Some(id)),
        ("active of a client", Some(&client), active, Some(id)),
    ] {
        trace.call("schedules::list", form, |conn| {
            schedules::list(conn, client, standing, before, 10)
        });
    }
    call!(trace, schedules::look_again(calendar, at(1)));
    call!(trace, schedules::lock_to_look(10));
    set_aside(trace, maker);
    id
}

/// Lets a schedule be due that cannot be read.
fn set_aside(trace: &mut Trace<'_>, maker: &mut Maker) {
    let stored = maker.schedule("c");
    call!(trace, "another", schedules::insert(&stored));
    trace.beside(&format!(
        "UPDATE scheduled_tasks SET state = '{{}}' WHERE id = '{}'",
        stored.id
    ));
    call!(trace, "what cannot be read", schedules::lock_due(at(1000), 10));
}

/// Removes the schedule, after all that looks for its slots.
pub(crate) fn remove(trace: &mut Trace<'_>, id: ScheduleId) {
    call!(trace, schedules::remove(id));
}
