//! Lists of tasks.

use ains_core::{ChainId, GraphId, Mint, ScheduleId, Status, TaskId, TemplateId};
use ains_store::tasks::{self, Filter, Page};
use rand::SeedableRng as _;

use crate::support::at;
use crate::trace::{Trace, call};

/// `before` is a stored task.
pub(crate) fn call(trace: &mut Trace<'_>, before: TaskId) {
    let filters = filters();
    let page = Page {
        limit: 10,
        offset: 0,
        before: None,
    };
    for (form, filter) in &filters {
        trace.call("tasks::list", form, |conn| tasks::list(conn, filter, page));
    }
    let next = Page {
        before: Some(before),
        ..page
    };
    call!(trace, "the next page", tasks::list(&Filter::default(), next));
    let active = Filter {
        status: Some(Status::Active),
        ..Filter::default()
    };
    call!(trace, "the next page of ACTIVE", tasks::list(&active, next));
    for (form, filter) in &filters {
        trace.call("tasks::count", form, |conn| tasks::count(conn, filter, 10));
    }
}

fn filters() -> Vec<(&'static str, Filter)> {
    let (mut mint, mut rng) = (Mint::default(), rand::rngs::StdRng::seed_from_u64(1));
    let graph = GraphId::mint(&mut mint, at(1), &mut rng);
    let chain = ChainId::mint(&mut mint, at(1), &mut rng);
    let schedule = ScheduleId::mint(&mut mint, at(1), &mut rng);
    let with = |set: &dyn Fn(&mut Filter)| {
        let mut filter = Filter::default();
        set(&mut filter);
        filter
    };
    let pending = |filter: &mut Filter| filter.status = Some(Status::Pending);
    let active = |filter: &mut Filter| filter.status = Some(Status::Active);
    let completed = |filter: &mut Filter| filter.status = Some(Status::Completed);
    let client = |filter: &mut Filter| filter.client = Some("c".parse().unwrap());
    let agent = |filter: &mut Filter| filter.agent = Some("a".parse().unwrap());
    let template = TemplateId::mint(&mut mint, at(1), &mut rng);
    let of_template = |filter: &mut Filter| filter.template = Some(template);
    let of_schedule = |filter: &mut Filter| filter.schedule = Some(schedule);
    let time = |filter: &mut Filter| {
        filter.created_after = Some(at(1));
        filter.created_before = Some(at(2));
    };
    let both = |one: &dyn Fn(&mut Filter), other: &dyn Fn(&mut Filter)| {
        let mut filter = with(one);
        other(&mut filter);
        filter
    };
    vec![
        ("everything", Filter::default()),
        ("of a client", with(&client)),
        ("PENDING", with(&pending)),
        ("ACTIVE", with(&active)),
        ("COMPLETED", with(&completed)),
        ("PENDING of a client", both(&pending, &client)),
        ("COMPLETED of a client", both(&completed, &client)),
        ("of an agent", with(&agent)),
        ("ACTIVE of an agent", both(&active, &agent)),
        ("COMPLETED of an agent", both(&completed, &agent)),
        ("of a graph", with(&|filter| filter.graph = Some(graph))),
        ("of a chain", with(&|filter| filter.chain = Some(chain))),
        ("of a schedule", with(&of_schedule)),
        ("COMPLETED of a schedule", both(&completed, &of_schedule)),
        ("of a schedule of a client", both(&client, &of_schedule)),
        ("of a schedule and a time", both(&time, &of_schedule)),
        ("of a template", with(&of_template)),
        ("PENDING of a template", both(&pending, &of_template)),
        ("of a template of a client", both(&client, &of_template)),
        (
            "of a type",
            with(&|filter| filter.task_type = Some("job".parse().unwrap())),
        ),
        (
            "for a capability",
            with(&|filter| filter.capability = Some("text:v1".parse().unwrap())),
        ),
        ("of a time", with(&time)),
        ("of a client and a time", both(&client, &time)),
        ("PENDING of a time", both(&pending, &time)),
        ("ACTIVE of a time", both(&active, &time)),
        ("COMPLETED of a time", both(&completed, &time)),
    ]
}
