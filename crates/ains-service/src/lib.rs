//! The use cases of AINS: load, decide, save, each in one transaction.
//!
//! [`Ains`] is the whole service. Embed it with a store and it is a complete orchestrator in the
//! process, without HTTP:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use ains_service::{Ains, Settings, SystemClock};
//! use ains_store::{Options, Store};
//!
//! let store = Store::open(&Options::new("sqlite://ains.db".parse()?))?;
//! let ains = Ains::start(store, Settings::default(), Arc::new(SystemClock)).await?;
//! println!("{:?}", ains.stats().await?);
//! ains.stop().await;
//! # Ok(()) }
//! ```
//!
//! | file | use cases |
//! |---|---|
//! | `tasks` | submit, read, list, cancel, retry, change |
//! | `work` | claim, report |
//! | `agents`, `identity` | register, heartbeat, drain, trust; their keys |
//! | `directory` | the leaderboard and the search |
//! | `chains` | create, read, steer |
//! | `schedules`, `calendars` | create, read, steer, preview; what became of slots |
//! | `feed` | following what happens |
//! | `templates`, `schema` | create, read, change, make tasks from; what inputs must satisfy |
//! | `webhooks`, `deliver` | create, read, end, secrets; their deliveries; the way out |
//! | `access` | whether a caller reaches a thing |
//! | `limits`, `usage` | whose requests pass; what keys are used for |
//! | `vault` | what is kept so that who reads the database cannot read it |
//! | `routing`, `stats`, `cleanup`, `clients`, `keys` | as they say |
//! | `audit` | who did what, and what was refused to whom |
//! | `machine`, `batch` | how operations become one transaction, and what follows from it |
//! | `engine` | what a server knows in memory |
//! | `metrics` | what happened, counted after its commit, for Prometheus |
//! | `background` | timers, signs of life, other servers, the sender of webhooks |

pub mod access;
mod agents;
mod ains;
pub mod audit;
mod background;
mod batch;
mod calendars;
mod chains;
mod cleanup;
mod clients;
mod clock;
mod deliver;
mod dependencies;
mod directory;
mod engine;
mod entropy;
mod error;
mod feed;
mod identity;
mod input;
mod keys;
mod limits;
mod machine;
mod metrics;
pub mod model;
mod op;
mod reply;
mod routing;
mod schedules;
pub mod schema;
mod settings;
mod stats;
mod tasks;
mod templates;
mod usage;
mod vault;
mod webhooks;
mod why;
mod work;

pub use ains::Ains;
pub use clock::SystemClock;
pub use deliver::{Deliver, LONGEST_ATTEMPT, Later};
pub use error::Error;
pub use feed::{EventFilter, EventId, FeedFigures, Followed, Follower, Happening, UnknownEventId};
pub use identity::Signer;
pub use keys::Keychain;
pub use limits::Passage;
pub use metrics::{DeliveryOutcome, Metrics};
pub use model::*;
pub use settings::Settings;
pub use usage::KeyUsage;
pub use vault::{InvalidKeys, Locked, Vault};
