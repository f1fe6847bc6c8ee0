//! What happened.

use ains_core::{Event, EventType};
use ains_store::events;

use crate::support::at;
use crate::trace::{Trace, call};

pub(crate) fn call(trace: &mut Trace<'_>) {
    let told = Event {
        kind: EventType::TaskCreated,
        subject: "s".into(),
        client: None,
        agent: None,
        at: at(1),
        data: "{}".into(),
    };
    call!(trace, events::insert(&[told], at(1)));
    call!(trace, events::number(10));
    call!(trace, events::last_position());
    call!(trace, events::first_position());
    call!(trace, events::from(1, 10));
    call!(trace, events::remove_before(at(2), 10));
}
