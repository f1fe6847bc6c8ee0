//! Bad input to every operation of the contract, as `/openapi.json` lists them, against the real binary on both databases.
//!
//! Whatever comes, the answer is `application/problem+json` with a status of 400 to 499, or 200 where the input is fine
//! after all; it comes in time, no handler panics, and the server goes on. What must be refused, and how, is checked too.

#[path = "original_surface/world.rs"]
mod world;

#[path = "bad_input/ask.rs"]
mod ask;
#[path = "bad_input/bodies.rs"]
mod bodies;
#[path = "bad_input/connections.rs"]
mod connections;
#[path = "bad_input/contract.rs"]
mod contract;
#[path = "bad_input/fields.rs"]
mod fields;
#[path = "bad_input/requests.rs"]
mod requests;
