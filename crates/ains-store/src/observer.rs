//! Whoever wants to know how long the database takes.

use std::time::Duration;

/// What took its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// The statements of a writer's transaction, up to its commit.
    Write,
    /// The commit of such a transaction: the flush of the disk, above all.
    Commit,
    /// A transaction of a writer that came to nothing, from its begin; it is run again, or refused.
    Rollback,
    /// A read, without its wait for a connection.
    Read,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Write, Self::Commit, Self::Rollback, Self::Read];

    /// The name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Commit => "commit",
            Self::Rollback => "rollback",
            Self::Read => "read",
        }
    }
}

/// Is told after each operation, on the thread that did it: must neither block nor take long.
pub trait Observer: Send + Sync + 'static {
    /// `operation` took so long.
    fn took(&self, operation: Operation, time: Duration);
}
