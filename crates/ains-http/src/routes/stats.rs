//! Figures, from counters, and maintenance.

use std::collections::BTreeMap;

use ains_api::{
    AgentLoad, AgentStats, CapabilityStats, CleanupAnswer, CleanupQuery, DatabaseStats, QueueDepth,
    QueueStats, Stats, TableStats, TaskStats, TimeoutCheck, Workload,
};
use ains_core::Status;

use super::State;
use crate::auth::Caller;
use crate::convert::{at, count};
use crate::query::QueryOrBody;
use crate::reply::{Answer, Reply};

/// Days that `cleanup` may keep (api.md part A).
const DAYS: std::ops::RangeInclusive<u32> = 7..=365;

/// Days that `cleanup` keeps where it is not told (api.md part A).
const DEFAULT_DAYS: u32 = 30;

/// Figures of the whole system.
#[utoipa::path(get, path = "/ains/stats", tag = "Statistics", responses((status = OK, body = Stats)))]
pub(crate) async fn stats(state: State) -> Answer<Stats> {
    let figures = state.ains.stats().await?;
    let tasks = |status| count(figures.by_status.get(&status).copied().unwrap_or(0));
    let completed_last_hour = count(figures.completed_last_hour);
    Ok(Reply(Stats {
        tasks: TaskStats {
            total: count(figures.total),
            pending: tasks(Status::Pending),
            active: tasks(Status::Assigned) + tasks(Status::Active),
            completed: tasks(Status::Completed),
            throughput_last_hour: per_hour(completed_last_hour),
            completed_last_hour,
            avg_completion_time_seconds: figures.avg_completion_seconds,
        },
        agents: AgentStats {
            total: count(figures.agents),
            active: count(figures.agents_active),
        },
        capabilities: CapabilityStats {
            total: count(figures.capabilities),
        },
        timestamp: at(state.now()),
    }))
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn per_hour(in_the_last: u64) -> f64 {
    in_the_last as f64
}

/// How many rows the tables hold.
#[utoipa::path(get, path = "/ains/stats/database", tag = "Statistics", responses((status = OK, body = DatabaseStats)))]
pub(crate) async fn database(state: State) -> Answer<DatabaseStats> {
    let rows = state.ains.database_rows().await?.rows;
    let table = |name| TableStats {
        rows: count(rows.get(name).copied().unwrap_or(0)),
    };
    Ok(Reply(DatabaseStats {
        tasks: table("tasks"),
        agents: table("agents"),
        capabilities: table("capabilities"),
        webhooks: table("webhooks"),
        webhook_deliveries: table("webhook_deliveries"),
        trust_records: table("trust_records"),
    }))
}

/// Delete tasks and chains that ended long ago, in bounded pieces. What somebody may still need stays: a task that an
/// unfinished one waited for, and the tasks of a chain that stays. So do records of trust.
#[utoipa::path(
    post,
    path = "/ains/maintenance/cleanup",
    tag = "Statistics",
    params(CleanupQuery),
    responses((status = OK, body = CleanupAnswer))
)]
pub(crate) async fn cleanup(
    state: State,
    caller: Caller,
    QueryOrBody(mut query): QueryOrBody,
) -> Answer<CleanupAnswer> {
    let days = query.within("days", &DAYS, DEFAULT_DAYS);
    let days = query.finish(Some(days))?;
    let deleted = state.ains.cleanup(&caller.actor(), days).await?;
    Ok(Reply(CleanupAnswer {
        deleted_tasks: deleted.tasks,
        deleted_deliveries: deleted.deliveries,
    }))
}

/// What waits and who works.
#[utoipa::path(get, path = "/aitp/queue/stats", tag = "AITP", responses((status = OK, body = QueueStats)))]
pub(crate) async fn queue(state: State) -> Answer<QueueStats> {
    let figures = state.ains.stats().await?;
    let waiting = figures.pending_by_priority;
    let between = |priorities: std::ops::RangeInclusive<u8>| {
        waiting
            .range(priorities)
            .map(|(_, tasks)| count(*tasks))
            .sum::<u64>()
    };
    let queue = QueueDepth {
        total_pending: between(0..=u8::MAX),
        high_priority: between(8..=10),
        medium_priority: between(5..=7),
        low_priority: between(1..=4),
        by_priority: waiting
            .iter()
            .filter(|(_, tasks)| **tasks > 0)
            .map(|(priority, tasks)| (priority.to_string(), count(*tasks)))
            .collect::<BTreeMap<_, _>>(),
    };
    let held = |status| count(figures.by_status.get(&status).copied().unwrap_or(0));
    let agents = figures.workload.into_iter();
    let workload = Workload {
        total_active: held(Status::Assigned) + held(Status::Active),
        agents: agents
            .map(|(agent, active_tasks)| AgentLoad {
                agent_id: agent.into(),
                active_tasks,
            })
            .collect(),
    };
    Ok(Reply(QueueStats {
        queue,
        workload,
        timestamp: at(state.now()),
    }))
}

/// Judge attempts that have taken too long now, instead of within the second.
#[utoipa::path(
    post,
    path = "/aitp/maintenance/check-timeouts",
    tag = "AITP",
    responses((status = OK, body = TimeoutCheck))
)]
pub(crate) async fn check_timeouts(state: State) -> Answer<TimeoutCheck> {
    let timed_out_count = state.ains.check_timeouts().await?;
    Ok(Reply(TimeoutCheck {
        timed_out_count,
        timestamp: at(state.now()),
    }))
}
