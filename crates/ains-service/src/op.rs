//! What is queued to the writer: one operation of a caller, with the way back to it.

use std::time::Instant;

use ains_core::chain::{self, Event, Question};
use ains_core::{AgentId, ChainId, ClientId, Dependency, ScheduleId, Task, TaskId};
use ains_store::StoreError;
use ains_store::chains::StepList;

use crate::batch::{Swept, Tx};
use crate::engine::Part;
use crate::error::Error;
use crate::machine::Answers;
use crate::model::{
    Answer, ChainSummary, Changed, Delivery, NewChain, NewTask, Once, ScheduleSteer, Steered, StoredTask,
    TaskChange,
};
use crate::reply::{Post, Reply};

/// One operation.
pub(crate) enum Op {
    /// Anything that is not hot: a closure on the transaction.
    Act(Box<dyn Act>),
    /// Changes by clients or operators.
    Change {
        changes: Vec<Change>,
        reply: Reply<Vec<Result<Changed, Error>>>,
    },
    /// What an agent reports, and perhaps claims with it.
    Report {
        deliveries: Vec<Delivery>,
        reply: Option<Reply<Vec<Result<Task, Error>>>>,
        claim: Option<Claim>,
    },
    /// New tasks.
    Submit {
        tasks: Vec<(TaskId, NewTask)>,
        push: bool,
        once: Option<Once<[Task]>>,
        reply: Reply<Answer<Vec<Task>>>,
    },
    /// A new chain.
    CreateChain {
        id: ChainId,
        new: NewChain,
        once: Option<Once<ChainSummary>>,
        reply: Reply<Answer<ChainSummary>>,
    },
    /// What a client does with a chain.
    SteerChain {
        chain: ChainId,
        /// Only if it is this client's.
        owner: Option<ClientId>,
        event: Event,
        reply: Reply<Answer<ChainSummary>>,
    },
    /// What a client does with a schedule.
    SteerSchedule {
        schedule: ScheduleId,
        /// Only if it is this client's.
        owner: Option<ClientId>,
        steer: ScheduleSteer,
        once: Option<Once<Steered>>,
        reply: Reply<Answer<Steered>>,
    },
    /// What a chain asked about has been found out.
    Advance(Found),
    /// An agent asks for work.
    Claim(Claim),
    /// Ready tasks and agents with room may have missed each other in these lanes.
    Match {
        parts: Vec<Part>,
        /// Whether nobody was told so, but the slow re-check found it.
        rechecked: bool,
    },
    /// Instants have come: leases, due tasks, expiry, silent agents, schedules.
    Sweep { reply: Reply<Swept> },
    /// Tells dependants of ended tasks that one transaction could not tell all of; the answers of
    /// that transaction wait for it.
    Settle { held: Answers },
    /// Leases that an agent does not know of any more.
    Lost { agent: AgentId, tasks: Vec<TaskId> },
}

/// Answers to what a chain asked.
pub(crate) struct Found {
    pub(crate) chain: ChainId,
    pub(crate) answers: Vec<Answered>,
}

/// An answer to a question of a chain.
pub(crate) struct Answered {
    pub(crate) question: Question,
    pub(crate) answer: Result<chain::Answer, String>,
    /// A list that is kept with the answer.
    pub(crate) list: Option<StepList>,
}

/// A change to one task that no agent asked for.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) task: TaskId,
    /// Only if this client submitted it.
    pub(crate) owner: Option<ClientId>,
    pub(crate) kind: ChangeKind,
}

impl Change {
    /// What the task shall wait for from now on, if that is changed.
    pub(crate) fn new_dependencies(&self) -> Option<&[Dependency]> {
        match &self.kind {
            ChangeKind::Edit(edit) => edit.depends_on.as_deref(),
            _ => None,
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) enum ChangeKind {
    Cancel { reason: String },
    RetryNow { cascade: bool },
    RetryLater,
    Edit(TaskChange),
}

/// A claim, and who waits for it.
pub(crate) struct Claim {
    /// Which claim it is, unique in this process.
    pub(crate) number: u64,
    pub(crate) agent: AgentId,
    pub(crate) max: u32,
    /// A subset of the agent's capabilities, in lower case.
    pub(crate) capabilities: Option<Vec<String>>,
    #[expect(clippy::struct_field_names, reason = "the name of the wire")]
    pub(crate) claim_id: Option<String>,
    /// Whether it is dropped when the report that it comes with is refused.
    pub(crate) only_after_success: bool,
    /// Until when it waits for work; `None` if it does not.
    pub(crate) until: Option<Instant>,
    pub(crate) reply: Reply<Vec<StoredTask>>,
}

/// A closure on the transaction, run perhaps more than once, and the way back to its caller.
pub(crate) trait Act: Send {
    /// Runs in the transaction.
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<(), StoreError>;
    /// Answers the caller: what the last run gave, or why it could not be kept.
    fn answer(self: Box<Self>, failed: Option<Error>, post: &mut Post);
}

/// An [`Act`] made of a closure.
pub(crate) struct Closure<F, T> {
    run: F,
    outcome: Option<Result<T, Error>>,
    reply: Reply<T>,
}

impl<F, T> Closure<F, T>
where
    F: FnMut(&mut Tx<'_>) -> Result<Result<T, Error>, StoreError> + Send + 'static,
    T: Send + 'static,
{
    pub(crate) fn boxed(run: F, reply: Reply<T>) -> Box<dyn Act> {
        Box::new(Self {
            run,
            outcome: None,
            reply,
        })
    }
}

impl<F, T> Act for Closure<F, T>
where
    F: FnMut(&mut Tx<'_>) -> Result<Result<T, Error>, StoreError> + Send,
    T: Send + 'static,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        self.outcome = Some((self.run)(tx)?);
        Ok(())
    }

    fn answer(self: Box<Self>, failed: Option<Error>, post: &mut Post) {
        let outcome = failed.map_or(self.outcome, |error| Some(Err(error)));
        self.reply.post(outcome.unwrap_or(Err(Error::Stopping)), post);
    }
}
