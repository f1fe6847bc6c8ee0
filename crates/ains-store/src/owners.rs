//! Whose things are: what decides whether a caller may see them.
//!
//! Nothing ever changes its owner, so what is read here stays true for as long as the thing exists.

use ains_core::{
    AgentId, CalendarId, ChainId, ClientId, DeliveryId, KeyId, ScheduleId, TaskId, TemplateId, WebhookId,
};
use diesel::prelude::*;

use crate::codec::read;
use crate::connection::Conn;
use crate::error::StoreError;
use crate::schema::{
    api_keys, calendars, scheduled_tasks, task_attempts, task_chains, task_templates, tasks,
    webhook_deliveries, webhooks,
};

/// What the column `$owner` says of the row of `$table` with this id.
macro_rules! owner {
    ($conn:expr, $table:ident, $owner:ident, $id:expr) => {{
        let owner: Option<String> = per_backend!($conn, |c| {
            $table::table
                .filter($table::id.eq($id.to_string()))
                .select($table::$owner)
                .first(c)
                .optional()?
        });
        owner.map(|owner| read(stringify!($table), &owner)).transpose()
    }};
}

/// Whose a task is.
///
/// # Errors
/// When the database fails, or the row is corrupt.
pub fn of_task(conn: &mut Conn, id: TaskId) -> Result<Option<ClientId>, StoreError> {
    owner!(conn, tasks, client_id, id)
}

/// Whose a chain is.
///
/// # Errors
/// When the database fails, or the row is corrupt.
pub fn of_chain(conn: &mut Conn, id: ChainId) -> Result<Option<ClientId>, StoreError> {
    owner!(conn, task_chains, client_id, id)
}

/// Whose a schedule is.
///
/// # Errors
/// When the database fails, or the row is corrupt.
pub fn of_schedule(conn: &mut Conn, id: ScheduleId) -> Result<Option<ClientId>, StoreError> {
    owner!(conn, scheduled_tasks, client_id, id)
}

/// Whose a calendar is.
///
/// # Errors
/// When the database fails, or the row is corrupt.
pub fn of_calendar(conn: &mut Conn, id: CalendarId) -> Result<Option<ClientId>, StoreError> {
    owner!(conn, calendars, client_id, id)
}

/// Whose a template is.
///
/// # Errors
/// When the database fails, or the row is corrupt.
pub fn of_template(conn: &mut Conn, id: TemplateId) -> Result<Option<ClientId>, StoreError> {
    owner!(conn, task_templates, client_id, id)
}

/// Whose a webhook is.
///
/// # Errors
/// When the database fails, or the row is corrupt.
pub fn of_webhook(conn: &mut Conn, id: WebhookId) -> Result<Option<ClientId>, StoreError> {
    owner!(conn, webhooks, owner, id)
}

/// Whose the webhook of a delivery is.
///
/// # Errors
/// When the database fails, or the row is corrupt.
pub fn of_delivery(conn: &mut Conn, id: DeliveryId) -> Result<Option<ClientId>, StoreError> {
    let owner: Option<String> = per_backend!(conn, |c| {
        webhook_deliveries::table
            .inner_join(webhooks::table)
            .filter(webhook_deliveries::id.eq(id.to_string()))
            .select(webhooks::owner)
            .first(c)
            .optional()?
    });
    owner.map(|owner| read("webhooks", &owner)).transpose()
}

/// Whose a key is; an admin's may be nobody's.
///
/// # Errors
/// When the database fails, or the row is corrupt.
pub fn of_key(conn: &mut Conn, id: KeyId) -> Result<Option<ClientId>, StoreError> {
    let owner: Option<Option<String>> = per_backend!(conn, |c| {
        api_keys::table
            .find(id.to_string())
            .select(api_keys::client_id)
            .first(c)
            .optional()?
    });
    owner.flatten().map(|owner| read("api_keys", &owner)).transpose()
}

/// The owners of tasks, by their ids; those that do not exist are left out.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn of_tasks(conn: &mut Conn, ids: &[TaskId]) -> Result<Vec<(TaskId, ClientId)>, StoreError> {
    let ids: Vec<String> = ids.iter().map(TaskId::to_string).collect();
    let rows: Vec<(String, String)> =
        load_in!(conn, tasks::table, tasks::id, &ids, (tasks::id, tasks::client_id));
    rows.iter()
        .map(|(id, client)| Ok((read("tasks", id)?, read("tasks", client)?)))
        .collect()
}

/// Whether an agent holds a task, or held it in an attempt that has ended.
///
/// # Errors
/// When the database fails.
pub fn held(conn: &mut Conn, task: TaskId, agent: &AgentId) -> Result<bool, StoreError> {
    let holds: Option<String> = per_backend!(conn, |c| {
        tasks::table
            .filter(tasks::id.eq(task.to_string()))
            .filter(tasks::agent_id.eq(agent.as_str()))
            .select(tasks::id)
            .first(c)
            .optional()?
    });
    if holds.is_some() {
        return Ok(true);
    }
    let held: Option<String> = per_backend!(conn, |c| {
        task_attempts::table
            .filter(task_attempts::task_id.eq(task.to_string()))
            .filter(task_attempts::agent_id.eq(agent.as_str()))
            .select(task_attempts::task_id)
            .first(c)
            .optional()?
    });
    Ok(held.is_some())
}
