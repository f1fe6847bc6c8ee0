//! What is told of each noun: the `data` of its events.

use ains_core::agent::Agent;
use ains_core::event::Entry;
use ains_core::{ChainStatus, ClientId, EventType, Task};
use ains_store::chains::StoredChain;
use ains_store::slots::{Run, StoredSlot};
use serde::Serialize;
use serde_json::Value;

/// Bytes of an error that are told; the whole of it is with the task.
const ERROR: usize = 1024;

/// Bytes of progress that are told; what is longer is only with the task.
const PROGRESS: usize = 4096;

/// What is told of a task.
#[derive(Serialize)]
pub(super) struct TaskData<'a> {
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
    pub(super) error_message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<&'a Value>,
}

/// What is told of a chain.
#[derive(Serialize)]
pub(super) struct ChainData<'a> {
    pub(super) chain_id: String,
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
pub(super) struct SlotData<'a> {
    pub(super) schedule_id: String,
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
pub(super) struct AgentData<'a> {
    agent_id: &'a str,
    display_name: &'a str,
    status: &'static str,
}

impl<'a> TaskData<'a> {
    /// What is told of a task, by its id and the instant of its creation as texts.
    pub(super) fn new(
        task: &'a Task,
        entry: &'a Entry,
        (task_id, created_at): (&'a str, &'a str),
        progress: Option<&'a Value>,
    ) -> Self {
        use EventType::{TaskCancelled, TaskFailed, TaskProgress, TaskRetrying};
        let went_wrong = matches!(entry.kind, TaskFailed | TaskCancelled | TaskRetrying);
        let next_retry_at = task.due_at.filter(|_| entry.kind == TaskRetrying);
        Self {
            task_id,
            client_id: task.client.as_ref(),
            task_type: task.task_type.as_str(),
            capability_required: task.capability.as_str(),
            status: entry.status.as_str(),
            priority: task.priority,
            attempt: entry.attempt,
            retry_count: task.retry_count,
            created_at,
            assigned_agent_id: entry.agent.as_ref().map(AsRef::as_ref),
            name: task.name.as_ref().map(ains_core::Name::as_str),
            graph_id: task.graph.map(|graph| graph.to_string()),
            chain_id: task.chain.map(|(chain, _)| chain.to_string()),
            schedule_id: task.schedule.map(|schedule| schedule.to_string()),
            completed_at: entry.status.is_terminal().then(|| entry.at.to_string()),
            next_retry_at: next_retry_at.map(|at| at.to_string()),
            error_message: task.error.as_deref().filter(|_| went_wrong).map(short),
            progress: progress.filter(|_| entry.kind == TaskProgress),
        }
    }
}

impl<'a> ChainData<'a> {
    pub(super) fn new(stored: &'a StoredChain, kind: EventType) -> Self {
        let status = if kind == EventType::ChainCreated {
            ChainStatus::Pending
        } else {
            stored.chain.status
        };
        let error = stored.chain.error.as_deref();
        Self {
            chain_id: stored.id.to_string(),
            client_id: stored.client.as_ref(),
            name: stored.name.as_str(),
            status: status.as_str(),
            total_steps: stored.total_steps,
            created_at: stored.created_at.to_string(),
            schedule_id: stored.schedule.map(|schedule| schedule.to_string()),
            error_message: error.filter(|_| status == ChainStatus::Failed).map(short),
        }
    }
}

impl<'a> SlotData<'a> {
    pub(super) fn new(slot: &'a StoredSlot, client: &'a ClientId, name: &'a str) -> Self {
        let (task, chain) = match slot.run {
            Some(Run::Task(task)) => (Some(task.to_string()), None),
            Some(Run::Chain(chain)) => (None, Some(chain.to_string())),
            None => (None, None),
        };
        Self {
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
        }
    }
}

impl<'a> AgentData<'a> {
    pub(super) fn new(agent: &'a Agent) -> Self {
        Self {
            agent_id: agent.id.as_ref(),
            display_name: &agent.display_name,
            status: agent.status.as_str(),
        }
    }
}

/// As much of an error as is told.
fn short(error: &str) -> &str {
    &error[..error.floor_char_boundary(ERROR)]
}

/// Progress as it is told: read and written anew, for a stream of events has no room for line ends within one.
pub(super) fn progress(text: &str) -> Option<Value> {
    let text = Some(text).filter(|text| text.len() <= PROGRESS)?;
    serde_json::from_str(text).ok()
}
