//! Whether the server works; the only routes that need no key.

use ains_api::{AitpHealth, AitpMetrics, Health};
use ains_core::Status;

use super::State;
use crate::convert::{at, count};
use crate::problem::Problem;
use crate::reply::{Answer, Reply};

/// Whether the server can work: 503 while its database is gone.
#[utoipa::path(get, path = "/health", tag = "Health", responses((status = OK, body = Health)))]
pub(crate) async fn health(state: State) -> Answer<Health> {
    if state.ains.health().await.database {
        Ok(Reply(healthy(&state)))
    } else {
        Err(Problem::unavailable())
    }
}

/// Whether the process answers.
#[utoipa::path(get, path = "/health/live", tag = "Health", responses((status = OK, body = Health)))]
pub(crate) async fn live(state: State) -> Reply<Health> {
    Reply(healthy(&state))
}

/// Whether the server can work, as `/health`.
#[utoipa::path(get, path = "/health/ready", tag = "Health", responses((status = OK, body = Health)))]
pub(crate) async fn ready(state: State) -> Answer<Health> {
    health(state).await
}

/// The state of the earlier task protocol, with figures.
#[utoipa::path(get, path = "/health/aitp", tag = "Health", responses((status = OK, body = AitpHealth)))]
pub(crate) async fn aitp(state: State) -> Answer<AitpHealth> {
    let figures = state.ains.stats().await?;
    let tasks = |status| count(figures.by_status.get(&status).copied().unwrap_or(0));
    let (completed, failed) = (tasks(Status::Completed), tasks(Status::Failed));
    Ok(Reply(AitpHealth {
        status: "healthy".into(),
        service: "AITP".into(),
        timestamp: at(state.now()),
        metrics: AitpMetrics {
            queue_depth: tasks(Status::Pending),
            active_tasks: tasks(Status::Active),
            assigned_tasks: tasks(Status::Assigned),
            completed_tasks: completed,
            failed_tasks: failed,
            failure_rate_percent: percent(failed, completed + failed),
        },
    }))
}

fn healthy(state: &State) -> Health {
    Health {
        status: "healthy".into(),
        service: "AINS".into(),
        version: state.version.clone().into(),
    }
}

/// `part` of `whole` in percent, in hundredths; 0 of nothing.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        (part as f64 / whole as f64 * 1e4).round() / 1e2
    }
}
