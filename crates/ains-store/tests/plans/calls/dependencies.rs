//! Edges between tasks.

use ains_core::TaskId;
use ains_store::dependencies::{self, Along, NewEdge, Reader};

use super::tasks::edge;
use crate::support::at;
use crate::trace::{Trace, call};

/// `ids` are of stored tasks, the second waiting for the first.
pub(crate) fn call(trace: &mut Trace<'_>, ids: &[TaskId]) {
    let edge = edge(ids[0], ids[1]);
    let new = NewEdge {
        edge,
        position: 0,
        resolved_at: None,
    };
    call!(trace, dependencies::lock_graphs());
    call!(trace, dependencies::insert(&[new]));
    call!(trace, dependencies::resolve(&[edge], Some(at(1))));
    call!(trace, dependencies::of_tasks(&ids[..2]));
    call!(trace, dependencies::on_task(ids[0], 10));
    call!(trace, dependencies::count_on(ids[0], 10));
    for (form, along) in [
        ("those that wait", Along::Waiting),
        ("dependents", Along::Dependents),
        ("dependencies", Along::Dependencies),
    ] {
        let mut reader = Reader::new(along);
        trace.call("dependencies::Reader::read", form, |conn| {
            reader.read(conn, &ids[..2])
        });
        // Beyond the first reading it looks ahead.
        trace.call("dependencies::Reader::look", form, |conn| {
            reader.look(conn, &ids[..2])
        });
    }
    call!(trace, dependencies::note_unsettled(&ids[..2]));
    call!(trace, dependencies::unsettled(10));
    call!(trace, dependencies::settled(&ids[..2]));
    call!(trace, dependencies::remove_of(ids[1]));
}
