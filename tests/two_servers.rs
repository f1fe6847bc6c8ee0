//! Two servers on one PostgreSQL, from end to end: one is killed, and work meets agents across them.

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

#[path = "two_servers/graphs.rs"]
mod graphs;
#[path = "two_servers/killed.rs"]
mod killed;
#[path = "two_servers/meeting.rs"]
mod meeting;
#[path = "two_servers/moments.rs"]
mod moments;
#[path = "two_servers/room.rs"]
mod room;
