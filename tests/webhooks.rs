//! Webhooks from end to end: the real binary, and a receiver that checks signatures with the library of Standard Webhooks.

#[expect(dead_code, reason = "there is no use here for all that it can do")]
#[path = "crash/caller.rs"]
mod caller;
#[path = "crash/site.rs"]
mod site;

#[path = "webhooks/kills.rs"]
mod kills;
#[path = "webhooks/receiver.rs"]
mod receiver;
#[path = "webhooks/refused.rs"]
mod refused;
#[path = "webhooks/signed.rs"]
mod signed;
