#![doc = include_str!("../README.md")]

mod caller;
mod connector;
mod names;
mod resolver;
mod retry_after;
mod rules;
pub mod signature;
mod target;

pub use caller::{Caller, NotBuilt, Options};
pub use names::{Lookup, Names, SystemNames};
pub use rules::Rules;
pub use target::{Refused, target};
