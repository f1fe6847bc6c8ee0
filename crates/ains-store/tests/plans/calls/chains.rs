//! Chains.

use ains_core::ChainStatus;
use ains_core::chain::{Event, Place};
use ains_store::chains::{self, StepList};
use ains_store::tasks;

use crate::support::{Maker, a_definition, at};
use crate::trace::{Trace, call};

pub(crate) fn call(trace: &mut Trace<'_>, maker: &mut Maker) {
    let definition = a_definition();
    let plan = definition.clone().check().unwrap();
    let mut stored = maker.chain("c");
    let id = stored.id;
    call!(trace, chains::insert(&[(&stored, &definition, "{}")]));
    let reason = "enough".to_owned();
    for event in [Event::Begin, Event::Cancel { reason }] {
        stored.chain.on(&plan, event, at(101)).unwrap();
    }
    call!(trace, chains::lock(&[id, maker.chain("c").id]));
    call!(trace, chains::save(&[&stored]));
    call!(trace, chains::find(id));
    call!(trace, chains::fixed(id));
    let client = stored.client;
    for (form, client, status, before) in [
        ("all", None, None, None),
        ("the next page", None, None, Some(id)),
        ("of a client", Some(&client), None, Some(id)),
        ("PAUSED", None, Some(ChainStatus::Paused), Some(id)),
        (
            "PAUSED of a client",
            Some(&client),
            Some(ChainStatus::Paused),
            Some(id),
        ),
    ] {
        trace.call("chains::list", form, |conn| {
            chains::list(conn, client, status, before, 10)
        });
    }
    call!(trace, chains::asked(at(1), 10));
    let place = Place {
        step: 0,
        run: 1,
        iteration: 1,
        item: None,
        compensation: false,
    };
    let mut part = maker.ready("c", 0);
    part.task.chain = Some((id, place));
    call!(trace, "of a chain", tasks::insert(std::slice::from_ref(&part)));
    call!(trace, chains::schedules_of(&[id, maker.chain("c").id]));
    call!(trace, chains::unfinished(id));
    let next = Place { step: 1, ..place };
    call!(trace, chains::results(id, &[place, next], 10));
    call!(trace, "items", chains::keep(id, 1, &StepList::Items("[]".into())));
    call!(
        trace,
        "output",
        chains::keep(id, 1, &StepList::Output("[]".into()))
    );
    call!(trace, chains::lists(id, &[1, 2]));
}

/// Removes what has ended, after all that looks for it.
pub(crate) fn remove(trace: &mut Trace<'_>) {
    call!(trace, chains::remove_ended(at(1000), 10));
}
