//! The client and the worker runtime against a server that does as the test says.

mod client;
mod fake;
mod worker;
