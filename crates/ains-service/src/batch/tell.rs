//! Telling what happened: events, in the transaction of what they tell of.
//!
//! Whether anybody is to hear of them is found out once a batch. If nobody is, they are only counted.

use std::sync::Arc;

use ains_core::event::Entry;
use ains_core::schedule::SlotState;
use ains_core::webhook::body::{self, Told, ToldTask};
use ains_core::{AgentId, ChainStatus, ClientId, DeliveryId, Event, EventType, Task, Timestamp};
use ains_store::chains::StoredChain;
use ains_store::deliveries::{self, NewDelivery};
use ains_store::slots::{Run, StoredSlot};
use ains_store::tasks::Documents;
use ains_store::{Backend, StoreError, events};
use serde::Serialize;
use serde_json::Value;

use super::{Batch, Tx};
use crate::entropy::mint;

/// The counter of the deliveries to webhooks that are stored.
pub(crate) const DELIVERIES: &str = "rows.webhook_deliveries";

/// Bytes of an error that are told; the whole of it is with the task.
const ERROR: usize = 1024;

/// Bytes of progress that are told; what is longer is only with the task.
const PROGRESS: usize = 4096;

/// What is told of a task.
#[derive(Serialize)]
struct TaskData<'a> {
    task_id: &'a str,
    client_id: &'a str,
    task_type: &'a str,
    capability_required: &'a str,
    status: &'static str,
    priority: u8,
    attempt: u32,
    retry_count: u32,
    created_at: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    assigned_agent_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    graph_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chain_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_retry_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<&'a Value>,
}

/// What is told of a chain.
#[derive(Serialize)]
struct ChainData<'a> {
    chain_id: String,
    client_id: &'a str,
    name: &'a str,
    status: &'static str,
    total_steps: u32,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<&'a str>,
}

/// What is told of slots of a schedule.
#[derive(Serialize)]
struct SlotData<'a> {
    schedule_id: String,
    client_id: &'a str,
    name: &'a str,
    slot_at: String,
    kind: &'static str,
    state: &'static str,
    count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chain_id: Option<String>,
}

/// What is told of an agent.
#[derive(Serialize)]
struct AgentData<'a> {
    agent_id: &'a str,
    display_name: &'a str,
    status: &'static str,
}

/// Something to tell.
struct News<'a> {
    kind: EventType,
    subject: &'a str,
    client: Option<&'a ClientId>,
    agent: Option<&'a AgentId>,
    at: Timestamp,
    /// The task, if it happened to one.
    task: Option<ToldTask<'a>>,
}

impl Tx<'_> {
    /// Whether what happens is told to anybody.
    fn has_listeners(&self) -> bool {
        self.is_heard || !self.hooks.is_empty()
    }

    /// Tells of something, those who follow and those who want to be called.
    fn tell(&mut self, news: &News<'_>, data: &impl Serialize) {
        let data = serde_json::to_string(data).unwrap_or_else(|_| "{}".to_owned());
        let hooks = Arc::clone(&self.hooks);
        let mut body = None;
        for webhook in hooks.wanting(news.kind, news.client, news.agent) {
            let told = Told {
                kind: news.kind.as_str(),
                at: news.at,
                data: &data,
                task: news.task,
            };
            let body: &String = body.get_or_insert_with(|| body::of(&told));
            self.after.calls.push(NewDelivery {
                id: mint!(self.entropy, DeliveryId, self.now),
                webhook,
                event_type: news.kind.as_str().to_owned(),
                subject: news.subject.to_owned(),
                body: body.clone(),
                created_at: self.now,
            });
        }
        if self.is_heard {
            self.after.told.push(Event {
                kind: news.kind,
                subject: news.subject.to_owned(),
                client: news.client.cloned(),
                agent: news.agent.cloned(),
                at: news.at,
                data: data.into(),
            });
        }
    }

    /// Tells of what happened to a task.
    pub(super) fn tell_task(&mut self, task: &mut Task, documents: &Documents) {
        let entries = task.log.take();
        self.after.count_events(entries.len());
        if !self.has_listeners() {
            return;
        }
        let progress = documents
            .progress
            .as_deref()
            .filter(|text| text.len() <= PROGRESS);
        // Read and written anew: a stream of events has no room for line ends within one.
        let progress: Option<Value> = progress.and_then(|text| serde_json::from_str(text).ok());
        let (id, created_at) = (task.id.to_string(), task.created_at.to_string());
        for entry in entries {
            let data = TaskData {
                task_id: &id,
                created_at: &created_at,
                ..task_data(task, &entry, progress.as_ref())
            };
            let result = documents.result.as_deref();
            let is_failed = data.error_message.is_some();
            let news = News {
                kind: entry.kind,
                subject: &id,
                client: Some(&task.client),
                agent: entry.agent.as_ref(),
                at: entry.at,
                task: Some(ToldTask {
                    id: task.id,
                    status: entry.status.as_str(),
                    created_at: task.created_at,
                    completed_at: entry.status.is_terminal().then_some(entry.at),
                    result_data: result.filter(|_| entry.kind == EventType::TaskCompleted),
                    error_message: task.error.as_deref().filter(|_| is_failed),
                }),
            };
            self.tell(&news, &data);
        }
    }

    /// Tells of an agent.
    pub(crate) fn tell_agent(&mut self, kind: EventType, agent: &ains_core::agent::Agent) {
        self.after.count_events(1);
        if self.has_listeners() {
            let data = AgentData {
                agent_id: agent.id.as_ref(),
                display_name: &agent.display_name,
                status: agent.status.as_str(),
            };
            let news = News {
                kind,
                subject: agent.id.as_ref(),
                client: None,
                agent: Some(&agent.id),
                at: self.now,
                task: None,
            };
            self.tell(&news, &data);
        }
    }

    /// Tells of slots of a schedule that have been decided about.
    pub(super) fn tell_slot(&mut self, slot: &StoredSlot, client: &ClientId, name: &str) {
        let kind = match slot.state {
            SlotState::Fired => EventType::ScheduleFired,
            SlotState::Missed => EventType::ScheduleMissed,
            SlotState::Skipped | SlotState::Dropped => EventType::ScheduleSlotSkipped,
            // What waits is told of when it is known what becomes of it.
            SlotState::Buffered => return,
        };
        self.after.count_events(1);
        if !self.has_listeners() {
            return;
        }
        let (task, chain) = match slot.run {
            Some(Run::Task(task)) => (Some(task.to_string()), None),
            Some(Run::Chain(chain)) => (None, Some(chain.to_string())),
            None => (None, None),
        };
        let data = SlotData {
            schedule_id: slot.schedule.to_string(),
            client_id: client.as_ref(),
            name,
            slot_at: slot.slot_at.to_string(),
            kind: slot.kind.as_str(),
            state: slot.state.as_str(),
            count: slot.count,
            until: slot.until.map(|until| until.to_string()),
            reason: slot.reason.as_deref(),
            task_id: task,
            chain_id: chain,
        };
        let news = News {
            kind,
            subject: &data.schedule_id,
            client: Some(client),
            agent: None,
            at: slot.decided_at,
            task: None,
        };
        self.tell(&news, &data);
    }

    /// Tells of a chain that has come from one state to another.
    pub(super) fn tell_chain(&mut self, stored: &StoredChain, before: Option<ChainStatus>) {
        use ChainStatus::{Cancelled, Completed, Failed, Paused, Pending, Running};
        let after = stored.chain.status;
        let began = match (before, after) {
            (None, _) => Some(EventType::ChainCreated),
            _ => None,
        };
        let became = match (before.unwrap_or(Pending), after) {
            (before, after) if before == after => None,
            (Pending, Running) => Some(EventType::ChainStarted),
            (Paused, Running) => Some(EventType::ChainResumed),
            (Completed | Failed | Cancelled, Running) => Some(EventType::ChainRetrying),
            (_, Paused) => Some(EventType::ChainPaused),
            (_, Completed) => Some(EventType::ChainCompleted),
            (_, Failed) => Some(EventType::ChainFailed),
            (_, Cancelled) => Some(EventType::ChainCancelled),
            (_, Pending | Running) => None,
        };
        for kind in began.into_iter().chain(became) {
            self.after.count_events(1);
            if !self.has_listeners() {
                continue;
            }
            let data = ChainData {
                chain_id: stored.id.to_string(),
                client_id: stored.client.as_ref(),
                name: stored.name.as_str(),
                status: if kind == EventType::ChainCreated {
                    Pending
                } else {
                    after
                }
                .as_str(),
                total_steps: stored.total_steps,
                created_at: stored.created_at.to_string(),
                schedule_id: stored.schedule.map(|schedule| schedule.to_string()),
                error_message: stored
                    .chain
                    .error
                    .as_deref()
                    .filter(|_| after == Failed)
                    .map(short),
            };
            let news = News {
                kind,
                subject: &data.chain_id,
                client: Some(&stored.client),
                agent: None,
                at: stored.updated_at,
                task: None,
            };
            self.tell(&news, &data);
        }
    }
}

/// As much of an error as is told.
fn short(error: &str) -> &str {
    &error[..error.floor_char_boundary(ERROR)]
}

/// What is told of a task, but for what it is called and when it was created.
fn task_data<'a>(task: &'a Task, entry: &'a Entry, progress: Option<&'a Value>) -> TaskData<'a> {
    let is = |kinds: &[EventType]| kinds.contains(&entry.kind);
    let is_end = entry.status.is_terminal();
    TaskData {
        task_id: "",
        client_id: task.client.as_ref(),
        task_type: task.task_type.as_str(),
        capability_required: task.capability.as_str(),
        status: entry.status.as_str(),
        priority: task.priority,
        attempt: entry.attempt,
        retry_count: task.retry_count,
        created_at: "",
        assigned_agent_id: entry.agent.as_ref().map(AsRef::as_ref),
        name: task.name.as_ref().map(ains_core::Name::as_str),
        graph_id: task.graph.map(|graph| graph.to_string()),
        chain_id: task.chain.map(|(chain, _)| chain.to_string()),
        schedule_id: task.schedule.map(|schedule| schedule.to_string()),
        completed_at: is_end.then(|| entry.at.to_string()),
        next_retry_at: task
            .due_at
            .filter(|_| is(&[EventType::TaskRetrying]))
            .map(|at| at.to_string()),
        error_message: task.error.as_deref().map(short).filter(|_| {
            is(&[
                EventType::TaskFailed,
                EventType::TaskCancelled,
                EventType::TaskRetrying,
            ])
        }),
        progress: progress.filter(|_| is(&[EventType::TaskProgress])),
    }
}

impl Batch<'_> {
    /// Stores what was told, if it is kept or another server may have to hand it on, and what webhooks are to be told.
    pub(super) fn save_told(&mut self) -> Result<(), StoreError> {
        let after = &mut self.tx.after;
        let calls = i64::try_from(after.calls.len()).unwrap_or(i64::MAX);
        if calls > 0 {
            after.count(DELIVERIES, calls);
            deliveries::insert(self.tx.conn, &after.calls)?;
        }
        let is_kept = !self.settings.event_retention.is_zero();
        let others = self.tx.conn.backend() == Backend::Postgres;
        if !after.told.is_empty() && (is_kept || others && self.engine.feed.is_followed(self.tx.now)) {
            after.told_at = events::insert(self.tx.conn, &after.told, self.tx.now)?;
        }
        Ok(())
    }
}
