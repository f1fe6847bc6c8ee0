//! A task and everything that can be decided about it.
//!
//! | file | decides |
//! |---|---|
//! | `status` | which state follows which |
//! | `handout` | hand-outs and leases |
//! | `report` | what an agent says: start, progress, complete, fail, release |
//! | `judge` | what the clock says: time-outs, lost leases, expiry, due |
//! | `change` | what a client or operator says: cancel, retry, priority, time-out |
//! | `waiting` | what the tasks say that it waits for |
//! | `retry` | whether and when to try again |
//!
//! Each decision takes the task and the instant, changes the task, and returns the
//! [`Effect`]s that belong into the same transaction. A refusal changes nothing.

mod change;
mod handout;
mod judge;
mod report;
mod retry;
mod status;
#[cfg(test)]
mod tests;
mod waiting;

use std::time::Duration;

pub use change::NotRetryable;
pub use judge::Verdict;
pub use report::{Failure, Refusal, Report, ReportKind};
pub use retry::{RetryPolicy, TimeoutPolicy, UnknownPolicy, is_retryable};
pub use status::{Event, Gate, IllegalTransition, Status, UnknownStatus};
pub use waiting::NotPending;

use crate::chain::Place;
use crate::effect::{Attempt, Effect, Outcome};
use crate::event::{self, EventType};
use crate::ids::{AgentId, ChainId, ClientId, GraphId, Name, ScheduleId, TaskId, TemplateId};
use crate::lane::Lane;
use crate::routing::Strategy;
use crate::time::Timestamp;
use crate::trust::TrustScore;

/// Bounds and defaults of a submission (semantics §1, api.md).
pub mod limits {
    /// Priorities run from 1 (last) to 10 (first).
    pub const PRIORITY: std::ops::RangeInclusive<u8> = 1..=10;
    /// The priority of a task that names none.
    pub const DEFAULT_PRIORITY: u8 = 5;
    /// Seconds an attempt may take.
    pub const TIMEOUT_SECONDS: std::ops::RangeInclusive<u32> = 1..=86_400;
    /// Seconds an attempt may take where the task does not say.
    pub const DEFAULT_TIMEOUT_SECONDS: u32 = 300;
    /// Further attempts after the first.
    pub const MAX_RETRIES: std::ops::RangeInclusive<u32> = 0..=10;
    /// Further attempts where the task does not say.
    pub const DEFAULT_MAX_RETRIES: u32 = 3;
    /// Leases lost in a row that end a task as poison (semantics §1.2).
    pub const POISON_AFTER: usize = 3;
}

/// A task, without the documents (input, metadata, result) that no decision looks into.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// Who submitted it.
    pub client: ClientId,
    /// What kind of work it is, in the client's words.
    pub task_type: Name,
    /// What an agent must provide, as the client wrote it.
    pub capability: Name,
    /// Whether it is pushed only to agents that have sent a heartbeat (work from `/aitp`).
    pub heartbeat_needed: bool,
    /// Its state.
    pub status: Status,
    /// What it waits for, while PENDING.
    pub gate: Option<Gate>,
    /// 1..=10, 10 first.
    pub priority: u8,
    /// Its fair position, while ready.
    pub queue_key: Option<i64>,
    /// How its agent is chosen.
    pub strategy: Strategy,
    /// The least trust its agent must have.
    pub min_trust: TrustScore,
    /// What one attempt may take.
    pub timeout: Duration,
    /// What an attempt that takes longer means.
    pub timeout_policy: TimeoutPolicy,
    /// The longest silence within an attempt, if it is limited.
    pub heartbeat_timeout: Option<Duration>,
    /// Further attempts after the first.
    pub max_retries: u32,
    /// How retries are spaced.
    pub retry_policy: RetryPolicy,
    /// Retries used.
    pub retry_count: u32,
    /// The number of the latest hand-out; 0 before the first.
    pub attempt: u32,
    /// The agents that lost it, in a row.
    pub lost_to: Vec<AgentId>,
    /// Who holds it, or who ended it.
    pub agent: Option<AgentId>,
    /// What went wrong last, or why it was cancelled.
    pub error: Option<String>,
    /// When it was submitted.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When the current attempt was handed out.
    pub assigned_at: Option<Timestamp>,
    /// When the current attempt began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When it fails if it has not ended.
    pub expires_at: Option<Timestamp>,
    /// Not routed before.
    pub run_at: Option<Timestamp>,
    /// Since when it waits for what it waits for, while PENDING.
    pub gate_since: Option<Timestamp>,
    /// How many dependencies it has.
    pub dependencies: u32,
    /// How many of them have not been judged.
    pub unresolved: u32,
    /// Whether their results are put into its input when it is handed out.
    pub results_from_dependencies: bool,
    /// The graph that it was submitted with.
    pub graph: Option<GraphId>,
    /// Its name in that graph, or in its chain.
    pub name: Option<Name>,
    /// The chain that it is part of, and its place there.
    pub chain: Option<(ChainId, Place)>,
    /// The schedule that made it, or its chain.
    pub schedule: Option<ScheduleId>,
    /// The template that it was made from.
    pub template: Option<TemplateId>,
    /// When the gate `not_due` opens.
    pub due_at: Option<Timestamp>,
    /// When the current lease ends.
    pub lease_expires_at: Option<Timestamp>,
    /// What happened to it since it was loaded.
    pub log: event::Log,
}

/// What a client asks for, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskSpec {
    /// Who asks.
    pub client: ClientId,
    /// What kind of work it is.
    pub task_type: Name,
    /// What an agent must provide.
    pub capability: Name,
    /// Whether it is pushed only to agents that have sent a heartbeat.
    pub heartbeat_needed: bool,
    /// 1..=10.
    pub priority: u8,
    /// How its agent is chosen.
    pub strategy: Strategy,
    /// The least trust its agent must have.
    pub min_trust: TrustScore,
    /// What one attempt may take.
    pub timeout: Duration,
    /// What an attempt that takes longer means.
    pub timeout_policy: TimeoutPolicy,
    /// The longest silence within an attempt.
    pub heartbeat_timeout: Option<Duration>,
    /// Further attempts after the first.
    pub max_retries: u32,
    /// How retries are spaced.
    pub retry_policy: RetryPolicy,
    /// When it fails if it has not ended.
    pub expires_at: Option<Timestamp>,
    /// Not routed before.
    pub run_at: Option<Timestamp>,
    /// Whether the results of its dependencies are put into its input when it is handed out.
    pub results_from_dependencies: bool,
    /// The graph that it is submitted with.
    pub graph: Option<GraphId>,
    /// Its name in that graph, or in its chain.
    pub name: Option<Name>,
    /// The chain that it is part of, and its place there.
    pub chain: Option<(ChainId, Place)>,
    /// The schedule that makes it, or its chain.
    pub schedule: Option<ScheduleId>,
    /// The template that it is made from.
    pub template: Option<TemplateId>,
}

impl TaskSpec {
    /// A submission with every default.
    pub fn new(client: ClientId, task_type: Name, capability: Name) -> Self {
        Self {
            client,
            task_type,
            capability,
            heartbeat_needed: false,
            priority: limits::DEFAULT_PRIORITY,
            strategy: Strategy::default(),
            min_trust: TrustScore::clamped(0.0),
            timeout: Duration::from_secs(limits::DEFAULT_TIMEOUT_SECONDS.into()),
            timeout_policy: TimeoutPolicy::default(),
            heartbeat_timeout: None,
            max_retries: limits::DEFAULT_MAX_RETRIES,
            retry_policy: RetryPolicy::default(),
            expires_at: None,
            run_at: None,
            results_from_dependencies: false,
            graph: None,
            name: None,
            chain: None,
            schedule: None,
            template: None,
        }
    }
}

impl Task {
    /// The task that `spec` asks for: PENDING, and ready unless its `run_at` lies ahead.
    pub fn submitted(id: TaskId, spec: TaskSpec, now: Timestamp) -> Self {
        let due_at = spec.run_at.filter(|at| *at > now);
        let mut task = Self {
            id,
            client: spec.client,
            task_type: spec.task_type,
            capability: spec.capability,
            heartbeat_needed: spec.heartbeat_needed,
            status: Status::Pending,
            gate: Some(if due_at.is_some() {
                Gate::NotDue
            } else {
                Gate::Ready
            }),
            priority: spec.priority,
            queue_key: None,
            strategy: spec.strategy,
            min_trust: spec.min_trust,
            timeout: spec.timeout,
            timeout_policy: spec.timeout_policy,
            heartbeat_timeout: spec.heartbeat_timeout,
            max_retries: spec.max_retries,
            retry_policy: spec.retry_policy,
            retry_count: 0,
            attempt: 0,
            lost_to: Vec::new(),
            agent: None,
            error: None,
            created_at: now,
            updated_at: now,
            assigned_at: None,
            started_at: None,
            ended_at: None,
            expires_at: spec.expires_at,
            run_at: spec.run_at,
            gate_since: Some(now),
            dependencies: 0,
            unresolved: 0,
            results_from_dependencies: spec.results_from_dependencies,
            graph: spec.graph,
            name: spec.name,
            chain: spec.chain,
            schedule: spec.schedule,
            template: spec.template,
            due_at,
            lease_expires_at: None,
            log: event::Log::default(),
        };
        task.note(EventType::TaskCreated);
        task
    }

    /// Notes what has just happened.
    fn note(&mut self, kind: EventType) {
        self.log.note(event::Entry {
            kind,
            at: self.updated_at,
            status: self.status,
            attempt: self.attempt,
            agent: self.agent.clone(),
        });
    }

    /// The lane it waits in when it is ready.
    pub fn lane(&self) -> Lane {
        Lane::new(self.capability.as_str(), self.min_trust)
    }

    /// Whether it waits for nothing but an agent.
    pub fn is_ready(&self) -> bool {
        self.status == Status::Pending && self.gate == Some(Gate::Ready)
    }

    /// Moves to the state after `event`. Every change of status passes here.
    ///
    /// The instants of a task never go back, although servers' clocks differ and transactions do not
    /// end in the order in which they began: what comes later is at the earliest at the same instant.
    fn step(&mut self, event: Event, now: Timestamp) -> Result<(), IllegalTransition> {
        self.status = self.status.after(event)?;
        let now = now.max(self.updated_at);
        self.updated_at = now;
        self.queue_key = None;
        self.due_at = None;
        if !self.status.is_leased() {
            self.lease_expires_at = None;
        }
        let waits = self.status == Status::Pending;
        self.gate = waits.then_some(Gate::Ready);
        self.gate_since = waits.then_some(now);
        self.ended_at = self.status.is_terminal().then_some(now);
        match event {
            // Noted when it is known who has it.
            Event::Assigned => {}
            Event::Started => self.note(EventType::TaskStarted),
            Event::Requeued | Event::Retried => self.note(EventType::TaskRetrying),
            Event::Completed => self.note(EventType::TaskCompleted),
            Event::Failed => self.note(EventType::TaskFailed),
            Event::Cancelled => self.note(EventType::TaskCancelled),
        }
        Ok(())
    }

    /// Ends the current attempt without a result: records it and frees its agent.
    fn close_attempt(&self, outcome: Outcome, error: Option<&str>, now: Timestamp) -> Vec<Effect> {
        let Some(agent) = self.agent.clone().filter(|_| self.status.is_leased()) else {
            return Vec::new();
        };
        let attempt = Attempt {
            task: self.id,
            number: self.attempt,
            agent: agent.clone(),
            assigned_at: self.assigned_at.unwrap_or(now),
            started_at: self.started_at,
            ended_at: now,
            outcome,
            error: error.map(str::to_owned),
        };
        vec![Effect::Attempt(attempt), Effect::Free(agent)]
    }

    /// Goes back to PENDING and forgets its agent.
    fn requeue(&mut self, now: Timestamp) -> Result<(), IllegalTransition> {
        self.step(Event::Requeued, now)?;
        self.agent = None;
        self.assigned_at = None;
        self.started_at = None;
        Ok(())
    }
}
