#![doc = include_str!("../README.md")]

pub mod clock;
pub mod db;
mod environment;
pub mod postgres;
pub mod server;
pub mod sqlite;

pub use clock::ManualClock;
pub use db::{Backend, TestDb};
pub use server::ServerProcess;
pub use sqlite::SqliteFile;
