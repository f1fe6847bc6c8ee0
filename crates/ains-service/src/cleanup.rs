//! Removing what ended long ago: by hand, and as the retention setting says.
//!
//! It goes in pieces. Each is a transaction of its own that looks at a bounded number of rows, and after each there is a
//! pause as long as it took: half of the write path at most is ever spent on this. On PostgreSQL several servers
//! may do it at the same time; each leaves out what another has locked.

use std::time::{Duration, Instant};

use ains_core::{AuditEvent, Status, TaskId, Timestamp};
use ains_store::counters::{self, Deltas};
use ains_store::{Backend, Conn, StoreError, audit as audit_log, chains, deliveries, tasks};

use crate::ains::Ains;
use crate::audit::{self, Note};
use crate::batch::{DELIVERIES, in_status};
use crate::error::Error;
use crate::model::{Actor, CleanedUp};

/// Tasks that one piece looks at: some ten milliseconds on SQLite.
const TASKS: i64 = 200;

/// Chains that one piece removes, each with its definition and the lists of its steps.
const CHAINS: i64 = 20;

/// Deliveries that one piece removes.
const DELIVERIES_AT_ONCE: i64 = 200;

/// Entries of the audit log that one piece removes.
const ENTRIES_AT_ONCE: i64 = 200;

/// How long deliveries are kept that have ended, where tasks are kept for ever.
pub(crate) const DELIVERIES_KEPT: Duration = Duration::from_hours(30 * 24);

/// Longest pause between two pieces.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// A kind of rows that grow old; [`piece`] says how they go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Chains that ended. Their tasks stay as long as they do.
    Chains,
    /// Tasks that ended in this way.
    Tasks(Status),
    /// Deliveries to webhooks.
    Deliveries,
    /// Entries of the audit log. Only their own retention removes them: whoever asks for a clean-up leaves a trace.
    AuditLog,
}

/// What the clean-up and the retention of tasks remove, in the order in which it goes.
const KINDS: [Kind; 5] = [
    Kind::Chains,
    Kind::Tasks(Status::Completed),
    Kind::Tasks(Status::Failed),
    Kind::Tasks(Status::Cancelled),
    Kind::Deliveries,
];

/// What one piece did.
struct Piece {
    removed: u64,
    /// Whether there may be more.
    more: bool,
    /// The task after which the next one begins, where it does not begin anew.
    last: Option<TaskId>,
}

/// Removes one piece of a kind that ended before `before`; what follows for the counters is added to `deltas`.
fn piece(
    kind: Kind,
    before: Timestamp,
    after: Option<TaskId>,
    conn: &mut Conn,
    deltas: &mut Deltas,
) -> Result<Piece, StoreError> {
    match kind {
        Kind::Chains => {
            let removed = chains::remove_ended(conn, before, CHAINS)?.len() as u64;
            Ok(Piece {
                removed,
                more: removed > 0,
                last: None,
            })
        }
        Kind::Tasks(status) => {
            let tasks::Piece { removed, last } = tasks::remove_ended(conn, status, before, after, TASKS)?;
            let gone = i64::try_from(removed.len()).unwrap_or(i64::MAX);
            *deltas.entry(("tasks", 0)).or_default() -= gone;
            *deltas.entry((in_status(status), 0)).or_default() -= gone;
            Ok(Piece {
                removed: removed.len() as u64,
                more: last.is_some(),
                last,
            })
        }
        Kind::Deliveries => {
            let removed = deliveries::delete_before(conn, before, DELIVERIES_AT_ONCE)?;
            *deltas.entry((DELIVERIES, 0)).or_default() -= i64::try_from(removed).unwrap_or(i64::MAX);
            Ok(Piece {
                removed: removed as u64,
                more: removed > 0,
                last: None,
            })
        }
        Kind::AuditLog => {
            let removed = audit_log::delete_before(conn, before, ENTRIES_AT_ONCE)? as u64;
            Ok(Piece {
                removed,
                more: removed > 0,
                last: None,
            })
        }
    }
}

impl Ains {
    /// Removes what ended more than `days` days ago; how much. Records of trust stay, and so does what somebody may
    /// still need: a task that an unfinished one waited for, and the tasks of a chain that stays.
    ///
    /// # Errors
    /// When the store fails, or the service stops; what was removed until then stays removed.
    pub async fn cleanup(&self, by: &Actor, days: u32) -> Result<CleanedUp, Error> {
        let by = by.clone();
        self.write(move |tx| {
            let note = Note::new(AuditEvent::MaintenanceRun, "cleanup").with("days", days);
            audit::note(tx, &by, note).map(Ok)
        })
        .await?;
        let kept = Duration::from_secs(u64::from(days) * 86_400);
        self.remove_older(self.now() - kept).await
    }

    /// Removes what ended before `before`.
    pub(crate) async fn remove_older(&self, before: Timestamp) -> Result<CleanedUp, Error> {
        let mut done = CleanedUp::default();
        for kind in KINDS {
            let removed = self.remove_kind(kind, before).await?;
            match kind {
                Kind::Chains | Kind::AuditLog => {}
                Kind::Tasks(_) => done.tasks += removed,
                Kind::Deliveries => done.deliveries += removed,
            }
        }
        Ok(done)
    }

    /// Removes deliveries to webhooks that ended before `before`; how many.
    pub(crate) async fn remove_deliveries(&self, before: Timestamp) -> Result<u64, Error> {
        self.remove_kind(Kind::Deliveries, before).await
    }

    /// Removes entries of the audit log that are older than `before`; how many.
    pub(crate) async fn remove_audit_log(&self, before: Timestamp) -> Result<u64, Error> {
        self.remove_kind(Kind::AuditLog, before).await
    }

    async fn remove_kind(&self, kind: Kind, before: Timestamp) -> Result<u64, Error> {
        // One at a time, or several would leave the others no pause.
        let _turn = self.inner.machine.cleaning.lock().await;
        let mut done = 0;
        let mut after = None;
        loop {
            if self.is_stopping() {
                return Err(Error::Stopping);
            }
            let began = Instant::now();
            let Piece { removed, more, last } = self.remove_piece(kind, before, after).await?;
            done += removed;
            if !more {
                return Ok(done);
            }
            after = last;
            tokio::time::sleep(began.elapsed().min(LONGEST_PAUSE)).await;
        }
    }

    async fn remove_piece(
        &self,
        kind: Kind,
        before: Timestamp,
        after: Option<TaskId>,
    ) -> Result<Piece, Error> {
        match self.inner.store.backend() {
            Backend::Sqlite => {
                self.write(move |tx| piece(kind, before, after, tx.conn, &mut tx.after.deltas).map(Ok))
                    .await
            }
            // Not in a batch: chains and tasks would be locked before the agents are. It waits for no lock but
            // that of its counters.
            Backend::Postgres => {
                let writer = format!("{}.cleanup", self.inner.node.slot);
                self.write_alone(move |conn| {
                    let mut deltas = Deltas::new();
                    let piece = piece(kind, before, after, conn, &mut deltas)?;
                    counters::add(conn, &writer, &deltas)?;
                    Ok(Ok(piece))
                })
                .await
            }
        }
    }
}
