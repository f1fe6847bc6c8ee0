#![doc = include_str!("../README.md")]

mod agent;
mod aitp;
mod batch;
mod capability;
mod chain;
mod client;
mod dependency;
mod graph;
mod json;
mod problem;
mod routing;
mod stats;
mod task;
mod time;
mod trust;
mod words;
mod work;

pub use agent::*;
pub use aitp::*;
pub use batch::*;
pub use capability::*;
pub use chain::*;
pub use client::*;
pub use dependency::*;
pub use graph::*;
pub use json::Json;
pub use problem::*;
pub use routing::*;
pub use stats::*;
pub use task::*;
pub use time::Timestamp;
pub use trust::*;
pub use words::*;
pub use work::*;
