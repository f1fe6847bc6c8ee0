//! The audit log: who did what, and what was refused to whom (semantics §9).
//!
//! What was done is noted in the transaction that does it (`note`): it is there if and only if the change is. What was
//! refused changes nothing and may be asked for a million times, so it is counted in memory (`ledger`) and added to one
//! row for each type, caller and minute. Nothing that a caller sent is kept but the names of things.

mod ledger;

use std::fmt::Display;

use ains_core::{AuditEvent, AuditId, Timestamp};
use ains_store::audit::{self, AuditEntry, Filter};
use ains_store::{Backend, Conn, StoreError};
use serde_json::{Map, Value};

pub use ledger::Refusal;
pub(crate) use ledger::{Ledger, SOON};

use crate::ains::Ains;
use crate::batch::Tx;
use crate::entropy::{Entropy, mint};
use crate::error::Error;
use crate::model::Actor;

/// Something that was done.
#[derive(Debug, Clone)]
pub(crate) struct Note {
    event: AuditEvent,
    action: &'static str,
    resource: Option<(String, String)>,
    metadata: Map<String, Value>,
}

impl Note {
    pub(crate) fn new(event: AuditEvent, action: &'static str) -> Self {
        Self {
            event,
            action,
            resource: None,
            metadata: Map::new(),
        }
    }

    /// Something of this kind was removed.
    pub(crate) fn deleted(kind: &'static str, id: impl Display) -> Self {
        Self::new(AuditEvent::ResourceDeleted, "delete").of(kind, id)
    }

    /// It happened to this.
    pub(crate) fn of(mut self, kind: &'static str, id: impl Display) -> Self {
        self.resource = Some((kind.to_owned(), id.to_string()));
        self
    }

    /// More about it, which no caller has written.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.metadata.insert(name.to_owned(), value.into());
        self
    }

    /// The entry of it.
    pub(crate) fn entry(self, by: &Actor, entropy: &Entropy, now: Timestamp) -> AuditEntry {
        AuditEntry {
            id: mint!(entropy, AuditId, now),
            event: self.event,
            action: self.action.to_owned(),
            last_action: None,
            client: by.client.clone(),
            key: by.key,
            agent: by.agent.clone(),
            resource: self.resource,
            success: true,
            error: None,
            metadata: Value::Object(self.metadata).to_string().into(),
            address: by.address.clone(),
            request: by.request.clone(),
            count: 1,
            created_at: now,
            last_at: now,
        }
    }
}

/// Notes what somebody does in one transaction.
#[derive(Debug)]
pub(crate) struct Scribe<'a> {
    pub(crate) by: &'a Actor,
    pub(crate) entropy: &'a Entropy,
    /// The instant of the transaction.
    pub(crate) now: Timestamp,
}

impl Scribe<'_> {
    pub(crate) fn note(&self, conn: &mut Conn, note: Note) -> Result<(), StoreError> {
        audit::insert(conn, &note.entry(self.by, self.entropy, self.now))
    }
}

/// Notes what is done in this transaction.
pub(crate) fn note(tx: &mut Tx<'_>, by: &Actor, note: Note) -> Result<(), StoreError> {
    let (entropy, now) = (tx.entropy, tx.now);
    Scribe { by, entropy, now }.note(tx.conn, note)
}

impl Ains {
    /// The entry of something that a transaction is about to do, for it to store.
    pub(crate) fn noted(&self, by: &Actor, note: Note) -> AuditEntry {
        note.entry(by, self.entropy(), self.now())
    }

    /// Counts something that was refused. It is written soon, and nobody waits for that.
    pub fn refused(&self, refusal: Refusal) {
        self.inner.ledger.count(refusal, self.now());
    }

    /// Entries of the audit log, newest first; at most `limit`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn audit_log(&self, filter: Filter, limit: i64) -> Result<Vec<AuditEntry>, Error> {
        self.read(move |conn| audit::list(conn, &filter, limit)).await
    }

    /// Writes what was refused for the first time, or with `everything` what was refused at all, since the last time.
    pub(crate) async fn write_refusals(&self, everything: bool) -> Result<(), Error> {
        let entries = self.inner.ledger.take(everything, self.now());
        if entries.is_empty() {
            return Ok(());
        }
        let to_write = entries.clone();
        let written = match self.inner.store.backend() {
            Backend::Sqlite => {
                self.write(move |tx| audit::count(tx.conn, &to_write).map(Ok))
                    .await
            }
            // Several servers add to the same rows: with nothing else locked they cannot wait for each other in a circle.
            Backend::Postgres => {
                self.write_alone(move |conn| audit::count(conn, &to_write).map(Ok))
                    .await
            }
        };
        if written.is_err() {
            self.inner.ledger.give_back(&entries);
        }
        written
    }
}
