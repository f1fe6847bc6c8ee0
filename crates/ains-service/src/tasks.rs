//! Tasks: submitting, reading, and what clients change.

use std::time::Duration;

use ains_core::{ClientId, Task, TaskId};
use ains_store::{attempts, tasks};

use crate::ains::Ains;
use crate::dependencies::{add_results, bounded};
use crate::engine::Subject;
use crate::entropy::mint;
use crate::error::Error;
use crate::model::{Answer, Changed, History, NewTask, Once, Page, StoredTask, TaskChange, TaskFilter};
use crate::op::{Change, ChangeKind, Op};

/// Up to where a list is counted: nobody may ask for a count of everything.
const COUNTED: i64 = 100_000;

impl Ains {
    /// Stores new tasks, all or none, and hands them to agents as far as there are any.
    ///
    /// # Errors
    /// When the idempotency key is not good, too much is waiting, or the store fails.
    pub async fn submit(
        &self,
        new: Vec<NewTask>,
        once: Option<Once<[Task]>>,
    ) -> Result<Answer<Vec<Task>>, Error> {
        self.submit_with(new, once, true).await
    }

    /// Stores work from the earlier protocol: its client must be a registered agent, and its
    /// capability one that an agent provides which serves this client. It is stored as PENDING, and pushed after that.
    ///
    /// # Errors
    /// As [`Ains::submit`], and when the client or the capability is unknown.
    pub async fn submit_earlier(
        &self,
        new: Vec<NewTask>,
        once: Option<Once<[Task]>>,
    ) -> Result<Answer<Vec<Task>>, Error> {
        for task in &new {
            if let Ok(client) = task.spec.client.as_str().parse() {
                self.meet(&client).await?;
            }
        }
        {
            let state = self.engine().lock();
            for task in &new {
                let client = task.spec.client.as_str();
                if !state.roster.contains_key(client) {
                    return Err(Error::UnknownClientAgent(client.to_owned()));
                }
                let capability = task.spec.capability.as_str();
                if !state.pool.provides(&task.spec.client, &capability.to_lowercase()) {
                    return Err(Error::NoProvider(capability.to_owned()));
                }
            }
        }
        self.submit_with(new, once, false).await
    }

    async fn submit_with(
        &self,
        new: Vec<NewTask>,
        once: Option<Once<[Task]>>,
        push: bool,
    ) -> Result<Answer<Vec<Task>>, Error> {
        let now = self.now();
        let tasks = new
            .into_iter()
            .map(|new| (mint!(self.entropy(), TaskId, now), new))
            .collect();
        self.submit_made(tasks, once, push).await
    }

    /// Stores tasks that have their ids, dependencies first.
    pub(crate) async fn submit_made(
        &self,
        tasks: Vec<(TaskId, NewTask)>,
        once: Option<Once<[Task]>>,
        push: bool,
    ) -> Result<Answer<Vec<Task>>, Error> {
        bounded(tasks.iter().map(|(_, new)| new.depends_on.len()).sum())?;
        self.ask(|reply| Op::Submit {
            tasks,
            push,
            once,
            reply,
        })
        .await
    }

    /// A task; if it has not ended, as soon as it does, but after `wait` at the latest.
    ///
    /// # Errors
    /// When there is no such task, or the store fails.
    pub async fn task(&self, id: TaskId, wait: Duration) -> Result<StoredTask, Error> {
        let deadline = tokio::time::Instant::now() + wait;
        let watching = (!wait.is_zero()).then(|| self.engine().ends.watch(Subject::Task(id)));
        let mut woken_before = false;
        loop {
            // Registered before the task is read, so that its end does not fall between.
            let mut woken = watching.as_ref().map(|watching| Box::pin(watching.woken()));
            if let Some(woken) = &mut woken {
                woken.as_mut().enable();
            }
            let found = self.read(move |conn| {
                let mut found = tasks::by_ids(conn, &[id])?;
                let mut room = usize::MAX;
                // What its agent was given to work on.
                found
                    .iter_mut()
                    .filter(|stored| stored.task.attempt > 0)
                    .try_for_each(|stored| add_results(conn, stored, &mut room))?;
                Ok(found)
            });
            let found = found.await?.pop();
            let stored = found.ok_or_else(|| Error::NotFound {
                entity: "Task",
                id: id.to_string(),
            })?;
            if woken_before {
                self.metrics().end_seen(stored.task.ended_at, self.now());
            }
            let Some(woken) = woken.filter(|_| !stored.task.status.is_terminal() && !self.is_stopping())
            else {
                return Ok(stored);
            };
            if tokio::time::timeout_at(deadline, woken).await.is_err() {
                return Ok(stored);
            }
            woken_before = true;
        }
    }

    /// Tasks that `filter` lets through, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn tasks(&self, filter: TaskFilter, page: Page) -> Result<Vec<StoredTask>, Error> {
        self.read(move |conn| tasks::list(conn, &filter, page)).await
    }

    /// How many tasks `filter` lets through; exact up to 100,000, which also stands for more.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn count_tasks(&self, filter: TaskFilter) -> Result<i64, Error> {
        self.read(move |conn| tasks::count(conn, &filter, COUNTED)).await
    }

    /// The tasks with these ids, in this order; unknown ids are left out.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn tasks_by_id(&self, ids: Vec<TaskId>) -> Result<Vec<StoredTask>, Error> {
        self.read(move |conn| tasks::by_ids(conn, &ids)).await
    }

    /// Cancels an unfinished task; with `owner`, only if it is that client's.
    ///
    /// # Errors
    /// When there is no such task, it has ended, or it is another's.
    pub async fn cancel(&self, id: TaskId, reason: String, owner: Option<ClientId>) -> Result<Task, Error> {
        Ok(self
            .change_one(id, owner, ChangeKind::Cancel { reason })
            .await?
            .after)
    }

    /// Cancels many, each on its own account.
    ///
    /// # Errors
    /// When the store fails; what concerns one task is in its own result.
    pub async fn cancel_each(
        &self,
        ids: Vec<TaskId>,
        reason: String,
        owner: Option<ClientId>,
    ) -> Result<Vec<Result<Task, Error>>, Error> {
        let kind = ChangeKind::Cancel { reason };
        let changes = ids
            .into_iter()
            .map(|task| Change {
                task,
                owner: owner.clone(),
                kind: kind.clone(),
            })
            .collect();
        let results = self.ask(|reply| Op::Change { changes, reply }).await?;
        Ok(results
            .into_iter()
            .map(|result| result.map(|changed| changed.after))
            .collect())
    }

    /// Tries a FAILED task again, now, with a fresh budget of retries; with `cascade` also those
    /// that failed because of it, and those that failed because of them.
    ///
    /// # Errors
    /// When there is no such task, it has not failed, or too many others are concerned.
    pub async fn retry(&self, id: TaskId, cascade: bool) -> Result<Task, Error> {
        let kind = ChangeKind::RetryNow { cascade };
        Ok(self.change_one(id, None, kind).await?.after)
    }

    /// Tries a FAILED task again as one retry more, after its delay.
    ///
    /// # Errors
    /// When there is no such task, it has not failed, or no retry is left to it.
    pub async fn retry_later(&self, id: TaskId) -> Result<Task, Error> {
        Ok(self.change_one(id, None, ChangeKind::RetryLater).await?.after)
    }

    /// Changes an unfinished task.
    ///
    /// # Errors
    /// When there is no such task, it has ended, or it is not as `change` demands.
    pub async fn change(&self, id: TaskId, change: TaskChange) -> Result<Changed, Error> {
        let owner = change.owner.clone();
        self.change_one(id, owner, ChangeKind::Edit(change)).await
    }

    /// A task and the attempts of it that did not complete.
    ///
    /// # Errors
    /// When there is no such task, or the store fails.
    pub async fn history(&self, id: TaskId) -> Result<History, Error> {
        let read = move |conn: &mut ains_store::Conn| {
            let Some(stored) = tasks::by_ids(conn, &[id])?.pop() else {
                return Ok(None);
            };
            Ok(Some(History {
                task: stored.task,
                attempts: attempts::of_task(conn, id)?,
            }))
        };
        self.read(read).await?.ok_or_else(|| Error::NotFound {
            entity: "Task",
            id: id.to_string(),
        })
    }

    async fn change_one(
        &self,
        task: TaskId,
        owner: Option<ClientId>,
        kind: ChangeKind,
    ) -> Result<Changed, Error> {
        let changes = vec![Change { task, owner, kind }];
        let results = self.ask(|reply| Op::Change { changes, reply }).await?;
        results.into_iter().next().unwrap_or(Err(Error::Stopping))
    }
}
