//! What AINS keeps: one [`Store`] over SQLite or PostgreSQL.
//!
//! - [`writer`]: dedicated threads that run everything that waits in one transaction and commit once;
//! - [`Store::read`]: readers apart from them;
//! - [`signals`]: what other servers on the same PostgreSQL are told after a commit;
//! - one module per noun with its statements. No rule lives here: core decides, store keeps.
//!
//! Only this crate names diesel. Instants are microseconds in a BIGINT, JSON is text, and where
//! the fastest statement differs by database, both stand side by side.

#[macro_use]
mod connection;
pub mod agents;
pub mod attempts;
pub mod audit;
pub mod calendars;
pub mod capabilities;
pub mod chains;
pub mod clients;
mod codec;
pub mod counters;
pub mod deliveries;
pub mod dependencies;
mod error;
pub mod events;
pub mod idempotency;
pub mod keys;
pub mod migrate;
pub mod nodes;
mod observer;
pub mod owners;
mod postgres;
pub mod rates;
pub mod schedules;
mod schema;
mod set;
pub mod signals;
pub mod slots;
mod statement;
mod store;
pub mod tasks;
pub mod templates;
pub mod trust;
pub mod usage;
pub mod webhooks;
pub mod writer;

pub use connection::{Backend, Conn};
pub use error::StoreError;
pub use observer::{Observer, Operation};
pub use postgres::PostgresUrl;
pub use store::{Location, Options, Store};
