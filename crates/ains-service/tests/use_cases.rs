//! The use cases on both databases, with a manual clock and a fixed seed.

#![expect(
    clippy::unwrap_used,
    clippy::float_cmp,
    clippy::cast_possible_wrap,
    clippy::naive_bytecount,
    clippy::cloned_ref_to_slice_refs,
    clippy::unnecessary_wraps,
    reason = "a test that cannot go on fails, and compares exact figures of small samples"
)]

#[path = "use_cases/receivers.rs"]
mod receivers;
#[path = "use_cases/world.rs"]
mod world;

#[path = "use_cases/agents.rs"]
mod agents;
#[path = "use_cases/audit.rs"]
mod audit;
#[path = "use_cases/calendars.rs"]
mod calendars;
#[path = "use_cases/cascades.rs"]
mod cascades;
#[path = "use_cases/chain_ends.rs"]
mod chain_ends;
#[path = "use_cases/chains.rs"]
mod chains;
#[path = "use_cases/cleanup.rs"]
mod cleanup;
#[path = "use_cases/deliveries.rs"]
mod deliveries;
#[path = "use_cases/dependencies.rs"]
mod dependencies;
#[path = "use_cases/directory.rs"]
mod directory;
#[path = "use_cases/events.rs"]
mod events;
#[path = "use_cases/fairness.rs"]
mod fairness;
#[path = "use_cases/graphs.rs"]
mod graphs;
#[path = "use_cases/identity.rs"]
mod identity;
#[path = "use_cases/keys.rs"]
mod keys;
#[path = "use_cases/leases.rs"]
mod leases;
#[path = "use_cases/limits.rs"]
mod limits;
#[path = "use_cases/metrics.rs"]
mod metrics;
#[path = "use_cases/owners.rs"]
mod owners;
#[path = "use_cases/runs.rs"]
mod runs;
#[path = "use_cases/schedules.rs"]
mod schedules;
#[path = "use_cases/servers.rs"]
mod servers;
#[path = "use_cases/standing.rs"]
mod standing;
#[path = "use_cases/steering.rs"]
mod steering;
#[path = "use_cases/tasks.rs"]
mod tasks;
#[path = "use_cases/template_references.rs"]
mod template_references;
#[path = "use_cases/templates.rs"]
mod templates;
#[path = "use_cases/told.rs"]
mod told;
#[path = "use_cases/vault.rs"]
mod vault;
#[path = "use_cases/webhooks.rs"]
mod webhooks;
#[path = "use_cases/work.rs"]
mod work;
