//! The earlier task protocol's shapes.

use ains_api::{
    AitpSubmitTask, AitpTask, AitpTaskCreated, AitpTaskStatus, AitpTaskSummary, SubmitTask, Timestamp, Word,
};
use ains_core::{ClientId, Status, Task};
use ains_service::model::{Documents, NewTask, StoredTask};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

use super::template::Templates;
use super::{at, json, task};
use crate::json::Faults;

/// What is wrong with a task that names an `expires_at` which is no instant: the original answers 400, not 422.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadExpiry;

/// Checks a submission; `client` is whose it is where it does not say.
pub(crate) fn new_task(
    body: AitpSubmitTask,
    client: Option<&ClientId>,
    faults: &mut Faults,
) -> Option<Result<NewTask, BadExpiry>> {
    let run_at = body.run_at.as_deref().map_or(Some(None), |text| {
        let at = iso_8601(text);
        if at.is_none() {
            faults.add(
                "/run_at",
                "is not an RFC 3339 instant such as 2026-01-02T03:04:05Z",
            );
        }
        at.map(Some)
    });
    let expires_at = body.expires_at.as_deref().map(iso_8601);
    let submission = SubmitTask {
        client_id: body.client_id,
        task_type: Some(body.task_type),
        capability_required: Some(body.capability_required),
        input_data: Some(body.input_data),
        priority: body.priority,
        timeout_seconds: body.timeout_seconds,
        max_retries: body.max_retries,
        depends_on: body.depends_on,
        routing_strategy: body.routing_strategy,
        retry_policy: body.retry_policy,
        timeout_policy: body.timeout_policy,
        metadata: body.metadata,
        expires_at: expires_at.flatten(),
        run_at: run_at.flatten(),
        min_trust: body.min_trust,
        heartbeat_timeout_seconds: body.heartbeat_timeout_seconds,
        results_from_dependencies: body.results_from_dependencies,
        template_id: None,
    };
    let mut new = task::new_task(submission, client, &Templates::new(), faults);
    if let Some(new) = &mut new {
        new.spec.heartbeat_needed = true;
    }
    run_at?;
    new.map(|new| {
        if expires_at == Some(None) {
            Err(BadExpiry)
        } else {
            Ok(new)
        }
    })
}

/// An instant as the original's clients write it: with an offset, or without one, and then in UTC.
fn iso_8601(text: &str) -> Option<Timestamp> {
    let utc = DateTime::parse_from_rfc3339(text)
        .map(|at| at.with_timezone(&Utc))
        .ok()
        .or_else(|| {
            let naive = text
                .parse::<NaiveDateTime>()
                .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f"))
                .or_else(|_| text.parse::<NaiveDate>().map(|day| day.and_time(NaiveTime::MIN)));
            naive.ok().map(|naive| naive.and_utc())
        })?;
    // Only years of four digits have a form on the wire.
    Timestamp::parse(&Timestamp::from_micros(utc.timestamp_micros()).to_string())
        .filter(|at| at.as_micros() == utc.timestamp_micros())
}

/// The fifteen fields.
pub(crate) fn created(task: &Task) -> AitpTaskCreated {
    whole(StoredTask {
        task: task.clone(),
        documents: Documents::default(),
        claim_id: None,
        depends_on: Vec::new(),
    })
    .0
}

/// The fifteen fields and the input.
pub(crate) fn with_input(stored: StoredTask) -> AitpTask {
    let (task, input_data) = whole(stored);
    AitpTask {
        task_id: task.task_id,
        client_id: task.client_id,
        task_type: task.task_type,
        capability_required: task.capability_required,
        status: task.status,
        priority: task.priority,
        assigned_agent_id: task.assigned_agent_id,
        created_at: task.created_at,
        updated_at: task.updated_at,
        assigned_at: task.assigned_at,
        started_at: task.started_at,
        completed_at: task.completed_at,
        result_data: task.result_data,
        error_message: task.error_message,
        retry_count: task.retry_count,
        input_data,
    }
}

fn whole(stored: StoredTask) -> (AitpTaskCreated, ains_api::Json) {
    let StoredTask { task, documents, .. } = stored;
    let created = AitpTaskCreated {
        task_id: task.id.to_string(),
        status: Word::Borrowed(task.status.as_str()),
        client_id: task.client.into(),
        task_type: task.task_type.into(),
        capability_required: task.capability.into(),
        priority: task.priority,
        assigned_agent_id: task.agent.map(Into::into),
        created_at: at(task.created_at),
        updated_at: at(task.updated_at),
        assigned_at: task.assigned_at.map(at),
        started_at: task.started_at.map(at),
        completed_at: task.ended_at.map(at),
        result_data: documents.result.map(json),
        error_message: task.error,
        retry_count: task.retry_count,
    };
    (created, documents.input.map(json).unwrap_or_default())
}

/// One task of a list.
pub(crate) fn summary(stored: StoredTask) -> AitpTaskSummary {
    let StoredTask { task, documents, .. } = stored;
    AitpTaskSummary {
        task_id: task.id.to_string(),
        status: Word::Borrowed(task.status.as_str()),
        client_id: task.client.into(),
        task_type: task.task_type.into(),
        priority: task.priority,
        assigned_agent_id: task.agent.map(Into::into),
        created_at: at(task.created_at),
        updated_at: at(task.updated_at),
        input_data: documents.input.map(json).unwrap_or_default(),
    }
}

/// Where one task of a batch stands.
pub(crate) fn standing(task: &Task) -> AitpTaskStatus {
    AitpTaskStatus {
        task_id: task.id.to_string(),
        status: task::status(task),
        priority: task.priority,
        created_at: at(task.created_at),
        completed_at: task.ended_at.filter(|_| task.status != Status::Cancelled).map(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_with_and_without_an_offset() {
        for (text, utc) in [
            ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000000Z"),
            ("2026-01-02T03:04:05.25", "2026-01-02T03:04:05.250000Z"),
            ("2026-01-02 03:04:05", "2026-01-02T03:04:05.000000Z"),
            ("2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05.000000Z"),
            ("2026-01-02", "2026-01-02T00:00:00.000000Z"),
        ] {
            assert_eq!(
                iso_8601(text).map(|at| at.to_string()).as_deref(),
                Some(utc),
                "{text}"
            );
        }
        for text in [
            "",
            "tomorrow",
            "2026-13-01T00:00:00Z",
            "99999-01-01T00:00:00",
            "+12345-01-01",
        ] {
            assert_eq!(iso_8601(text), None, "{text}");
        }
    }
}
