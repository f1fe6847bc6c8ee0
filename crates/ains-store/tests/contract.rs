//! What the store promises, on both databases from one source.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "contract/support.rs"]
mod support;

#[path = "contract/agents.rs"]
mod agents;
#[path = "contract/audit.rs"]
mod audit;
#[path = "contract/bookkeeping.rs"]
mod bookkeeping;
#[path = "contract/calendars.rs"]
mod calendars;
#[path = "contract/chains.rs"]
mod chains;
#[path = "contract/deliveries.rs"]
mod deliveries;
#[path = "contract/dependencies.rs"]
mod dependencies;
#[path = "contract/events.rs"]
mod events;
#[path = "contract/keys.rs"]
mod keys;
#[path = "contract/locks.rs"]
mod locks;
#[path = "contract/made.rs"]
mod made;
#[path = "contract/owners.rs"]
mod owners;
#[path = "contract/queues.rs"]
mod queues;
#[path = "contract/rates.rs"]
mod rates;
#[path = "contract/schedules.rs"]
mod schedules;
#[path = "contract/servers.rs"]
mod servers;
#[path = "contract/slots.rs"]
mod slots;
#[path = "contract/tasks.rs"]
mod tasks;
#[path = "contract/templates.rs"]
mod templates;
#[path = "contract/webhooks.rs"]
mod webhooks;
#[path = "contract/writer.rs"]
mod writer;
