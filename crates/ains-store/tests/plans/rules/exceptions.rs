//! Plans that break a rule, and why they may.

use ains_store::Backend::{self, Postgres, Sqlite};

pub(crate) struct Exception {
    /// Where.
    pub(crate) on: &'static [Backend],
    /// The function, or the function and its form, that first sends the statement.
    pub(crate) of: &'static str,
    /// Part of the line of the plan.
    pub(crate) line: &'static str,
    /// Why it may.
    pub(crate) why: &'static str,
}

const BOTH: &[Backend] = &[Sqlite, Postgres];

const fn may(on: &'static [Backend], of: &'static str, line: &'static str, why: &'static str) -> Exception {
    Exception { on, of, line, why }
}

const START: &str = "at the start of a server, and only what agents hold";
const FIRST: &str = "the first entry of an index";
const PAGE: &str = "along an index, in its order, as far as a page goes";
const HELD: &str = "only what agents hold, which is little (tasks/list.rs)";
const SERVERS: &str = "as many rows as there are servers";
const KEPT: &str = "what a server keeps in memory, when it has changed";
const COUNTED: &str = "as far as it is counted";

/// What is as it should be.
pub(crate) const ALLOWED: &[Exception] = &[
    may(&[Postgres], "tasks::all_loads", "tasks_by_lease", START),
    may(&[Sqlite], "tasks::all_loads", "tasks_held", START),
    may(BOTH, "agents::next_silence", "agents_by_silence", FIRST),
    may(&[Postgres], "tasks::next_instant", "tasks_by_", FIRST),
    may(&[Postgres], "schedules::next_due", "scheduled_tasks_", FIRST),
    may(BOTH, "keys::any", "api_keys", FIRST),
    may(BOTH, "keys::list (all)", "api_keys", PAGE),
    may(&[Postgres], "events::first_position", "events_by_position", FIRST),
    may(BOTH, "tasks::list (everything)", "tasks", PAGE),
    may(BOTH, "tasks::list (PENDING)", "tasks_pending", PAGE),
    may(BOTH, "chains::list (all)", "task_chains", PAGE),
    may(BOTH, "schedules::list (all)", "scheduled_tasks", PAGE),
    may(BOTH, "calendars::list (all)", "calendars", PAGE),
    may(BOTH, "templates::list (all)", "task_templates", PAGE),
    may(&[Postgres], "events::number", "events_without_position", PAGE),
    may(BOTH, "events::remove_before", "events", PAGE),
    may(BOTH, "audit::list (all)", "audit_log", PAGE),
    may(BOTH, "webhooks::list (all)", "webhooks", PAGE),
    may(BOTH, "webhooks::list (active)", "webhooks_active", PAGE),
    may(BOTH, "webhooks::all_active", "webhooks_active", KEPT),
    may(BOTH, "dependencies::unsettled", "unsettled_tasks", PAGE),
    may(&[Postgres], "tasks::list (ACTIVE)", "Sort", HELD),
    may(&[Sqlite], "tasks::list (ACTIVE)", "FOR ORDER BY", HELD),
    may(&[Postgres], "tasks::list (ACTIVE of a time)", "Sort", HELD),
    may(&[Sqlite], "tasks::list (ACTIVE of a time)", "FOR ORDER BY", HELD),
    may(&[Postgres], "tasks::list (the next page of ACTIVE)", "Sort", HELD),
    may(
        &[Sqlite],
        "tasks::list (the next page of ACTIVE)",
        "FOR ORDER BY",
        HELD,
    ),
    may(BOTH, "nodes::join", "server_nodes", SERVERS),
    may(BOTH, "tasks::count (everything)", "tasks", COUNTED),
    may(BOTH, "tasks::count (PENDING)", "tasks_pending", COUNTED),
];

const NO_INDEX: &str = "nothing but the order has an index: what is rare is looked for in all tasks";

/// What is not, and is known.
pub(crate) const TO_MEND: &[Exception] = &[
    may(BOTH, "tasks::list (of a type)", "tasks", NO_INDEX),
    may(BOTH, "tasks::list (for a capability)", "tasks", NO_INDEX),
    may(BOTH, "tasks::count (of a type)", "tasks", NO_INDEX),
    may(BOTH, "tasks::count (for a capability)", "tasks", NO_INDEX),
];
