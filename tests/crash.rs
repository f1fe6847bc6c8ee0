//! Crashes, the end and too much work, from end to end: the real binary, killed and started again, on databases that sync
//! as in production.
//!
//! `AINS_CRASH_TASKS` and `AINS_CRASH_KILLS` make the first of these tests as large as the issue asks for:
//!
//! ```text
//! AINS_CRASH_TASKS=10000 AINS_CRASH_KILLS=10 cargo test -p ains-server --test crash kill -- --nocapture
//! ```

#[path = "crash/caller.rs"]
mod caller;
#[path = "crash/flow.rs"]
mod flow;
#[path = "crash/judge.rs"]
mod judge;
#[path = "crash/plan.rs"]
mod plan;
#[path = "crash/site.rs"]
mod site;
#[path = "crash/swarm.rs"]
mod swarm;

#[path = "crash/agents.rs"]
mod agents;
#[path = "crash/chains.rs"]
mod chains;
#[path = "crash/ending.rs"]
mod ending;
#[path = "crash/fairness.rs"]
mod fairness;
#[path = "crash/graphs.rs"]
mod graphs;
#[path = "crash/kills.rs"]
mod kills;
#[path = "crash/overload.rs"]
mod overload;
