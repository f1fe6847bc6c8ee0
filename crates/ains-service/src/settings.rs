//! What an operator can set.

use std::sync::Arc;
use std::time::Duration;

use ains_core::webhook::RetryPlan;

use crate::deliver::Deliver;
use crate::vault::Vault;

/// Settings of the service; [`Settings::default`] is what a server uses unless told otherwise.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long an agent may take to start what it was assigned.
    pub assignment_timeout: Duration,
    /// Writer threads on PostgreSQL; SQLite has one.
    pub pg_writers: usize,
    /// Operations that may wait for a writer before more are refused.
    pub write_queue: usize,
    /// Most dependants that one transaction tells how what they waited for ended; the rest follows
    /// in further ones. At most [`ains_store::dependencies::MOST`].
    pub cascade: usize,
    /// How long it is kept what became of a slot of a schedule (semantics §6).
    pub slot_retention: Duration,
    /// How long it is kept what happened, for followers that come back; with zero it is not (semantics §8).
    pub event_retention: Duration,
    /// How long tasks and chains are kept after they ended; `None`: until a clean-up is asked for.
    pub task_retention: Option<Duration>,
    /// How long entries of the audit log are kept; `None`: for ever.
    pub audit_retention: Option<Duration>,
    /// Who calls webhooks; without, there are none.
    pub deliver: Option<Arc<dyn Deliver>>,
    /// What keeps the secrets of webhooks; without a key none are registered.
    pub vault: Vault,
    /// When a delivery to a webhook that failed is tried again (semantics §8).
    pub webhook_retries: RetryPlan,
    /// Fixes all randomness.
    pub seed: Option<u64>,
    /// Whether a registration's signature must verify, or only be hex.
    pub verify_identity: bool,
    /// Requests without a valid key that pass from one address in a minute; 0: any number.
    pub address_limit: u32,
    /// Keys that are not known to be good, tried from one address in a minute; 0: any number.
    pub guess_limit: u32,
    /// A key that is accepted as an admin's, beside those that are stored.
    pub admin_key: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            assignment_timeout: Duration::from_secs(60),
            pg_writers: 2,
            write_queue: 8192,
            cascade: ains_store::dependencies::MOST,
            slot_retention: Duration::from_hours(30 * 24),
            event_retention: Duration::from_hours(1),
            task_retention: None,
            audit_retention: Some(Duration::from_hours(90 * 24)),
            deliver: None,
            vault: Vault::default(),
            webhook_retries: RetryPlan::default(),
            seed: None,
            verify_identity: true,
            address_limit: 6000,
            guess_limit: 600,
            admin_key: None,
        }
    }
}
