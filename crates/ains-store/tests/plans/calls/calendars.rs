//! Calendars.

use ains_core::CalendarId;
use ains_store::calendars;

use crate::support::Maker;
use crate::trace::{Trace, call};

/// Returns the id of a stored calendar.
pub(crate) fn call(trace: &mut Trace<'_>, maker: &mut Maker) -> CalendarId {
    let stored = maker.calendar("c");
    let id = stored.calendar.id;
    call!(trace, calendars::insert(&stored));
    call!(trace, calendars::lock(id));
    call!(trace, calendars::save(&stored));
    let ids = [id, maker.calendar("c").calendar.id];
    call!(trace, calendars::find(&ids));
    call!(trace, calendars::find_kept(&ids));
    let client = stored.calendar.client_id;
    for (form, client, before) in [
        ("all", None, None),
        ("the next page", None, Some(id)),
        ("of a client", Some(&client), None),
        ("the next page of a client", Some(&client), Some(id)),
    ] {
        trace.call("calendars::list", form, |conn| {
            calendars::list(conn, client, before, 10)
        });
    }
    id
}

/// Removes the calendar, after the schedule that heeded it.
pub(crate) fn remove(trace: &mut Trace<'_>, id: CalendarId) {
    call!(trace, calendars::heeded_by(id));
    call!(trace, calendars::remove(id));
}
