#![doc = include_str!("../README.md")]

mod agents;
mod aitp;
mod audit;
mod calendars;
mod chains;
mod client;
mod clients;
mod error;
mod events;
mod graphs;
mod key;
mod keys;
mod retry;
mod routing;
mod schedules;
mod signing;
mod stats;
mod tasks;
mod templates;
mod webhooks;
mod work;
pub mod worker;

pub use ains_api as api;
pub use chains::{Chain, Step, Undo};
pub use client::Client;
pub use error::Error;
pub use events::{Events, Heard};
pub use key::AgentKey;
pub use retry::Retry;
pub use schedules::Schedule;
pub use worker::{Task, TaskError, Worker};
