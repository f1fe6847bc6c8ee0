//! Calls of every function of the store, with as little data as makes each send all it sends.

#[path = "calls/agents.rs"]
mod agents;
#[path = "calls/audit.rs"]
mod audit;
#[path = "calls/bookkeeping.rs"]
mod bookkeeping;
#[path = "calls/calendars.rs"]
mod calendars;
#[path = "calls/chains.rs"]
mod chains;
#[path = "calls/dependencies.rs"]
mod dependencies;
#[path = "calls/events.rs"]
mod events;
#[path = "calls/keys.rs"]
mod keys;
#[path = "calls/lists.rs"]
mod lists;
#[path = "calls/schedules.rs"]
mod schedules;
#[path = "calls/slots.rs"]
mod slots;
#[path = "calls/tasks.rs"]
mod tasks;
#[path = "calls/templates.rs"]
mod templates;
#[path = "calls/webhooks.rs"]
mod webhooks;

use ains_store::{Conn, StoreError};

use crate::support::Maker;
use crate::trace::{Trace, Traced};

/// Calls them all, within a transaction that is taken back: the tables stay empty.
pub(crate) fn all(conn: &mut Conn) -> Traced {
    let mut traced = None;
    let taken_back = conn.transact(|conn| {
        let mut trace = Trace::on(conn);
        let mut maker = Maker::new();
        agents::call(&mut trace);
        let known = tasks::call(&mut trace, &mut maker);
        lists::call(&mut trace, known[0]);
        dependencies::call(&mut trace, &known);
        chains::call(&mut trace, &mut maker);
        let calendar = calendars::call(&mut trace, &mut maker);
        let template = templates::call(&mut trace, &mut maker);
        let schedule = schedules::call(&mut trace, &mut maker, calendar, template);
        slots::call(&mut trace, &mut maker, schedule);
        schedules::remove(&mut trace, schedule);
        calendars::remove(&mut trace, calendar);
        templates::remove(&mut trace, &mut maker, template);
        webhooks::call(&mut trace, &mut maker);
        keys::call(&mut trace, &mut maker, known[0]);
        audit::call(&mut trace, &mut maker);
        bookkeeping::call(&mut trace);
        events::call(&mut trace);
        chains::remove(&mut trace);
        tasks::remove(&mut trace);
        traced = Some(trace.end());
        Err::<(), _>(StoreError::Stopping)
    });
    assert!(matches!(taken_back, Err(StoreError::Stopping)), "{taken_back:?}");
    traced.unwrap()
}
