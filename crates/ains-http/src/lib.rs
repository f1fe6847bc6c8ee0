#![doc = include_str!("../README.md")]

mod address;
mod app;
mod auth;
mod convert;
mod cors;
mod defences;
mod front;
mod json;
mod limits;
mod once;
pub mod openapi;
mod page;
mod path;
pub mod problem;
mod query;
mod refusals;
mod reply;
mod request_id;
mod requests;
mod routes;
mod tls;

pub use address::{NotANetwork, TrustedProxies};
pub use app::{HttpState, Serving, app, configure, serve};
pub use auth::Auth;
pub use cors::{InvalidOrigins, Origins};
pub use tls::{Tls, TlsError};
