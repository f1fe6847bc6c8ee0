//! Rows of `tasks`, and how they become core's tasks and back.

use ains_core::event::Log;
use ains_core::{AgentId, Task, TrustScore};
use diesel::prelude::*;
use serde::Serialize;

use super::{Documents, StoredTask};
use crate::codec::{count, instant, length, micros, number, read, read_opt, seconds};
use crate::error::StoreError;
use crate::schema::tasks;

/// The columns that decisions look into.
#[derive(Debug, Queryable, Selectable, Insertable, Serialize)]
#[diesel(table_name = tasks, treat_none_as_default_value = false)]
pub(super) struct StateRow {
    pub(super) id: String,
    pub(super) client_id: String,
    pub(super) task_type: String,
    pub(super) capability: String,
    pub(super) lane: String,
    pub(super) heartbeat_needed: bool,
    pub(super) status: String,
    pub(super) gate: Option<String>,
    pub(super) priority: i32,
    pub(super) queue_key: Option<i64>,
    pub(super) routing_strategy: String,
    pub(super) min_trust: f64,
    pub(super) timeout_seconds: i32,
    pub(super) timeout_policy: String,
    pub(super) heartbeat_timeout_seconds: Option<i32>,
    pub(super) max_retries: i32,
    pub(super) retry_policy: String,
    pub(super) retry_count: i32,
    pub(super) attempt: i32,
    pub(super) lost_to: String,
    pub(super) agent_id: Option<String>,
    pub(super) claim_id: Option<String>,
    pub(super) error: Option<String>,
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
    pub(super) assigned_at: Option<i64>,
    pub(super) started_at: Option<i64>,
    pub(super) ended_at: Option<i64>,
    pub(super) expires_at: Option<i64>,
    pub(super) run_at: Option<i64>,
    pub(super) due_at: Option<i64>,
    pub(super) lease_expires_at: Option<i64>,
    pub(super) gate_since: Option<i64>,
    pub(super) dependencies: i32,
    pub(super) unresolved_dependencies: i32,
    pub(super) results_from_dependencies: bool,
    pub(super) graph_id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) chain_id: Option<String>,
    pub(super) chain_place: Option<String>,
    pub(super) schedule_id: Option<String>,
    pub(super) template_id: Option<String>,
}

/// The columns that nobody looks into.
#[derive(Debug, Queryable, Selectable, Insertable, Serialize)]
#[diesel(table_name = tasks, treat_none_as_default_value = false)]
pub(super) struct DocumentsRow {
    pub(super) input_data: Option<String>,
    pub(super) metadata: Option<String>,
    pub(super) result_data: Option<String>,
    pub(super) usage_data: Option<String>,
    pub(super) progress: Option<String>,
}

/// A whole row.
#[derive(Debug, Queryable, Selectable, Insertable, Serialize)]
#[diesel(table_name = tasks)]
pub(super) struct TaskRow {
    #[diesel(embed)]
    #[serde(flatten)]
    pub(super) state: StateRow,
    #[diesel(embed)]
    #[serde(flatten)]
    pub(super) documents: DocumentsRow,
}

impl StateRow {
    pub(super) fn new(task: &Task, claim_id: Option<&str>) -> Self {
        let lost_to: Vec<&str> = task.lost_to.iter().map(AgentId::as_str).collect();
        Self {
            id: task.id.to_string(),
            client_id: task.client.to_string(),
            task_type: task.task_type.to_string(),
            capability: task.capability.to_string(),
            lane: task.lane().to_string(),
            heartbeat_needed: task.heartbeat_needed,
            status: task.status.as_str().to_owned(),
            gate: task.gate.map(|gate| gate.as_str().to_owned()),
            priority: task.priority.into(),
            queue_key: task.queue_key,
            routing_strategy: task.strategy.as_str().to_owned(),
            min_trust: task.min_trust.get(),
            timeout_seconds: seconds(task.timeout),
            timeout_policy: task.timeout_policy.as_str().to_owned(),
            heartbeat_timeout_seconds: task.heartbeat_timeout.map(seconds),
            max_retries: number(task.max_retries),
            retry_policy: task.retry_policy.as_str().to_owned(),
            retry_count: number(task.retry_count),
            attempt: number(task.attempt),
            lost_to: lost_to.join(","),
            agent_id: task.agent.as_ref().map(AgentId::to_string),
            claim_id: claim_id.map(str::to_owned),
            error: task.error.clone(),
            created_at: task.created_at.as_micros(),
            updated_at: task.updated_at.as_micros(),
            assigned_at: micros(task.assigned_at),
            started_at: micros(task.started_at),
            ended_at: micros(task.ended_at),
            expires_at: micros(task.expires_at),
            run_at: micros(task.run_at),
            due_at: micros(task.due_at),
            lease_expires_at: micros(task.lease_expires_at),
            gate_since: micros(task.gate_since),
            dependencies: number(task.dependencies),
            unresolved_dependencies: number(task.unresolved),
            results_from_dependencies: task.results_from_dependencies,
            graph_id: task.graph.as_ref().map(ToString::to_string),
            name: task.name.as_ref().map(ToString::to_string),
            chain_id: task.chain.map(|(chain, _)| chain.to_string()),
            chain_place: task.chain.map(|(_, place)| place.to_string()),
            schedule_id: task.schedule.map(|schedule| schedule.to_string()),
            template_id: task.template.map(|template| template.to_string()),
        }
    }

    /// The task without documents.
    pub(super) fn into_stored(mut self) -> Result<StoredTask, StoreError> {
        let claim_id = self.claim_id.take();
        Ok(StoredTask {
            task: self.into_task()?,
            documents: Documents::default(),
            claim_id,
            depends_on: Vec::new(),
        })
    }

    fn into_task(self) -> Result<Task, StoreError> {
        const T: &str = "tasks";
        Ok(Task {
            id: read(T, &self.id)?,
            client: read(T, &self.client_id)?,
            task_type: read(T, &self.task_type)?,
            capability: read(T, &self.capability)?,
            heartbeat_needed: self.heartbeat_needed,
            status: read(T, &self.status)?,
            gate: read_opt(T, self.gate.as_deref())?,
            priority: u8::try_from(self.priority).map_err(|error| StoreError::Corrupt {
                table: T,
                reason: error.to_string(),
            })?,
            queue_key: self.queue_key,
            strategy: read(T, &self.routing_strategy)?,
            min_trust: TrustScore::clamped(self.min_trust),
            timeout: length(self.timeout_seconds),
            timeout_policy: read(T, &self.timeout_policy)?,
            heartbeat_timeout: self.heartbeat_timeout_seconds.map(length),
            max_retries: count(self.max_retries),
            retry_policy: read(T, &self.retry_policy)?,
            retry_count: count(self.retry_count),
            attempt: count(self.attempt),
            lost_to: self
                .lost_to
                .split(',')
                .filter(|name| !name.is_empty())
                .map(|name| read(T, name))
                .collect::<Result<_, _>>()?,
            agent: read_opt(T, self.agent_id.as_deref())?,
            error: self.error,
            created_at: ains_core::Timestamp::from_micros(self.created_at),
            updated_at: ains_core::Timestamp::from_micros(self.updated_at),
            assigned_at: instant(self.assigned_at),
            started_at: instant(self.started_at),
            ended_at: instant(self.ended_at),
            expires_at: instant(self.expires_at),
            run_at: instant(self.run_at),
            due_at: instant(self.due_at),
            lease_expires_at: instant(self.lease_expires_at),
            gate_since: instant(self.gate_since),
            dependencies: count(self.dependencies),
            unresolved: count(self.unresolved_dependencies),
            results_from_dependencies: self.results_from_dependencies,
            graph: read_opt(T, self.graph_id.as_deref())?,
            name: read_opt(T, self.name.as_deref())?,
            chain: read_opt(T, self.chain_id.as_deref())?.zip(read_opt(T, self.chain_place.as_deref())?),
            schedule: read_opt(T, self.schedule_id.as_deref())?,
            template: read_opt(T, self.template_id.as_deref())?,
            log: Log::default(),
        })
    }
}

impl DocumentsRow {
    pub(super) fn new(documents: &Documents) -> Self {
        let text = |document: &Option<Box<str>>| document.as_deref().map(str::to_owned);
        Self {
            input_data: text(&documents.input),
            metadata: text(&documents.metadata),
            result_data: text(&documents.result),
            usage_data: text(&documents.usage),
            progress: text(&documents.progress),
        }
    }
}

impl TaskRow {
    pub(super) fn into_stored(self) -> Result<StoredTask, StoreError> {
        Ok(StoredTask {
            documents: Documents {
                input: self.documents.input_data.map(Into::into),
                metadata: self.documents.metadata.map(Into::into),
                result: self.documents.result_data.map(Into::into),
                usage: self.documents.usage_data.map(Into::into),
                progress: self.documents.progress.map(Into::into),
            },
            ..self.state.into_stored()?
        })
    }
}

/// Counts by agent, as rows give them.
pub(super) fn loads(rows: Vec<(Option<String>, i64)>) -> Result<Vec<(AgentId, u32)>, StoreError> {
    rows.into_iter()
        .filter_map(|(agent, held)| agent.map(|agent| (agent, held)))
        .map(|(agent, held)| Ok((read("tasks", &agent)?, u32::try_from(held).unwrap_or(u32::MAX))))
        .collect()
}
