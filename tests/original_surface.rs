//! The surface that is kept from the original service, checked over HTTP against the real binary, on both databases.
//!
//! There is one check for each HTTP test of the original that the foundation covers, in words of our own; where
//! `api.md` differs from the original on purpose, the check holds to `api.md` and says so. The server runs as the original
//! did: without keys, and with agents whose signatures only have to be hexadecimal.

#[path = "original_surface/world.rs"]
mod world;

#[path = "original_surface/agents.rs"]
mod agents;
#[path = "original_surface/api.rs"]
mod api;
#[path = "original_surface/batches.rs"]
mod batches;
#[path = "original_surface/chains.rs"]
mod chains;
#[path = "original_surface/dependencies.rs"]
mod dependencies;
#[path = "original_surface/health.rs"]
mod health;
#[path = "original_surface/heartbeats.rs"]
mod heartbeats;
#[path = "original_surface/lifecycle.rs"]
mod lifecycle;
#[path = "original_surface/queue.rs"]
mod queue;
#[path = "original_surface/retries.rs"]
mod retries;
#[path = "original_surface/routing.rs"]
mod routing;
#[path = "original_surface/sample_agent.rs"]
mod sample_agent;
#[path = "original_surface/schedules.rs"]
mod schedules;
#[path = "original_surface/search.rs"]
mod search;
#[path = "original_surface/submission.rs"]
mod submission;
#[path = "original_surface/templates.rs"]
mod templates;
#[path = "original_surface/timeouts.rs"]
mod timeouts;
#[path = "original_surface/trust.rs"]
mod trust;
