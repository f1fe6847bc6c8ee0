//! Following what happens from end to end: the real binary, killed and started again, and followers who read, come back,
//! or do neither.

#[path = "crash/caller.rs"]
mod caller;
#[path = "crash/site.rs"]
mod site;
#[path = "crash/swarm.rs"]
mod swarm;

#[path = "events/kills.rs"]
mod kills;
#[path = "events/stuck.rs"]
mod stuck;
