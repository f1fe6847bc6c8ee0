//! The routes in process, on a real service with a throw-away database and a manual clock.
#![expect(
    clippy::unwrap_used,
    reason = "what surprises a test ends it, in its helpers too"
)]

#[path = "routes/site.rs"]
mod site;

#[path = "routes/access.rs"]
mod access;
#[path = "routes/agents.rs"]
mod agents;
#[path = "routes/aitp.rs"]
mod aitp;
#[path = "routes/audit.rs"]
mod audit;
#[path = "routes/auth.rs"]
mod auth;
#[path = "routes/bad_input.rs"]
mod bad_input;
#[path = "routes/calendars.rs"]
mod calendars;
#[path = "routes/chain_faults.rs"]
mod chain_faults;
#[path = "routes/chains.rs"]
mod chains;
#[path = "routes/contract.rs"]
mod contract;
#[path = "routes/dependencies.rs"]
mod dependencies;
#[path = "routes/directory.rs"]
mod directory;
#[path = "routes/documents.rs"]
mod documents;
#[path = "routes/events.rs"]
mod events;
#[path = "routes/figures.rs"]
mod figures;
#[path = "routes/graphs.rs"]
mod graphs;
#[path = "routes/limits.rs"]
mod limits;
#[path = "routes/metrics.rs"]
mod metrics;
#[path = "routes/owners.rs"]
mod owners;
#[path = "routes/pipelines.rs"]
mod pipelines;
#[path = "routes/problems.rs"]
mod problems;
#[path = "routes/schedule_changes.rs"]
mod schedule_changes;
#[path = "routes/schedule_faults.rs"]
mod schedule_faults;
#[path = "routes/schedule_slots.rs"]
mod schedule_slots;
#[path = "routes/schedules.rs"]
mod schedules;
#[path = "routes/signed.rs"]
mod signed;
#[path = "routes/tasks.rs"]
mod tasks;
#[path = "routes/template_uses.rs"]
mod template_uses;
#[path = "routes/templates.rs"]
mod templates;
#[path = "routes/webhooks.rs"]
mod webhooks;
#[path = "routes/work.rs"]
mod work;
