//! Webhooks from end to end: the real binary, and a receiver that checks signatures with the library of Standard Webhooks.

#[path = "crash/caller.rs"]
mod caller;
#[path = "crash/site.rs"]
mod site;

#[path = "crash/swarm.rs"]
mod swarm;

#[path = "webhooks/flood.rs"]
mod flood;
#[path = "webhooks/kills.rs"]
mod kills;
#[path = "webhooks/receiver.rs"]
mod receiver;
#[path = "webhooks/refused.rs"]
mod refused;
#[path = "webhooks/signed.rs"]
mod signed;
