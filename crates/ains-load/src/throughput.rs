//! The modes that measure how much goes through: submit, drain and cycle.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::agents::{self, Worked};
use crate::args::Options;
use crate::check;
use crate::cpu::Reading;
use crate::figures::{Figures, Latency, count};
use crate::followers::Followers;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::submitters;

/// Batches that may wait for each agent in the mode cycle, unless `--window` says otherwise.
const WINDOW: usize = 10;

/// Puts the backlog in; how much it is.
pub(crate) async fn put_in_backlog(plan: &Arc<Plan>, options: &Options) -> anyhow::Result<usize> {
    submitters::put_in_first(plan, options.backlog, false).await?;
    submitters::put_in_first(plan, options.backlog_same_lane, true).await?;
    Ok(options.backlog + options.backlog_same_lane)
}

/// The figures that every mode has.
pub(crate) fn figures(mode: &'static str, plan: &Plan, options: &Options, took: Duration) -> Figures {
    Figures {
        mode,
        tasks: options.tasks,
        batch: plan.batch,
        agents: options.agents,
        connections: options.connections,
        payload_bytes: options.payload,
        backlog: options.backlog + options.backlog_same_lane,
        backlog_completed: 0,
        seconds: took.as_secs_f64(),
        rate: count(options.tasks) / took.as_secs_f64(),
        requests: 0,
        latency_of: "",
        latency_us: Latency::of(vec![]),
        client_cpu_us_per_task: None,
        server_cpu_us_per_task: None,
        servers: vec![],
        followers: 0,
        events: 0,
        checked: !options.no_check,
    }
}

/// Checks that each of these tasks was completed, once.
pub(crate) async fn all_completed(
    plan: &Arc<Plan>,
    options: &Options,
    submitted: &[String],
    worked: &Worked,
) -> anyhow::Result<()> {
    check::acknowledged(submitted, &worked.completed)?;
    if options.no_check {
        Ok(())
    } else {
        check::read_back(plan, submitted, Some("COMPLETED")).await
    }
}

/// Submits tasks; nothing executes.
pub(crate) async fn submit(options: &Options) -> anyhow::Result<Figures> {
    let plan = Plan::new(options, 1)?;
    put_in_backlog(&plan, options).await?;
    let (before, begun) = (Reading::take(&options.server_pid), Instant::now());
    let submitted = submitters::submit(&plan, options.tasks, options.connections, None).await?;
    let (took, after) = (begun.elapsed(), Reading::take(&options.server_pid));
    if !options.no_check {
        check::read_back(&plan, &submitted.ids, None).await?;
    }
    let figures = Figures {
        requests: submitted.latencies.len(),
        latency_of: "request",
        latency_us: Latency::of(submitted.latencies),
        ..figures("submit", &plan, options, took)
    };
    Ok(figures.with_cpu(&before, &after))
}

/// Takes and completes tasks that wait already.
pub(crate) async fn drain(options: &Options) -> anyhow::Result<Figures> {
    let plan = Plan::new(options, 100)?;
    agents::register(&plan, options.agents).await?;
    put_in_backlog(&plan, options).await?;
    let submitted = submitters::put_in_measured(&plan, options.tasks).await?;
    let progress = Arc::new(Progress::new(options.tasks));
    let (before, begun) = (Reading::take(&options.server_pid), Instant::now());
    let (worked, ()) = tokio::try_join!(
        agents::work(&plan, options.agents, &progress, None),
        progress.guard(options.patience()),
    )?;
    let (took, after) = (progress.end().await - begun, Reading::take(&options.server_pid));
    all_completed(&plan, options, &submitted.ids, &worked).await?;
    let figures = Figures {
        backlog_completed: worked.backlog_completed,
        requests: worked.requests.len(),
        latency_of: "report and claim",
        latency_us: Latency::of(worked.requests),
        ..figures("drain", &plan, options, took)
    };
    Ok(figures.with_cpu(&before, &after))
}

/// Submits, takes and completes at once.
pub(crate) async fn cycle(options: &Options) -> anyhow::Result<Figures> {
    let plan = Plan::new(options, 100)?;
    agents::register(&plan, options.agents).await?;
    put_in_backlog(&plan, options).await?;
    let progress = Arc::new(Progress::new(options.tasks));
    // Never less than a batch, or no submission could begin.
    let window = options
        .window
        .unwrap_or(WINDOW * plan.batch * options.agents)
        .max(plan.batch);
    let window = Arc::new(Semaphore::new(window.min(Semaphore::MAX_PERMITS)));
    let followers = Followers::begin(&plan, options.followers, options.tasks).await?;
    let (before, begun) = (Reading::take(&options.server_pid), Instant::now());
    let (submitted, worked, ()) = tokio::try_join!(
        submitters::submit(
            &plan,
            options.tasks,
            options.connections,
            Some(Arc::clone(&window))
        ),
        agents::work(&plan, options.agents, &progress, Some(window)),
        progress.guard(options.patience()),
    )?;
    let (took, after) = (progress.end().await - begun, Reading::take(&options.server_pid));
    let events = followers.end(options.patience()).await?;
    all_completed(&plan, options, &submitted.ids, &worked).await?;
    let figures = Figures {
        followers: options.followers,
        events,
        backlog_completed: worked.backlog_completed,
        requests: worked.requests.len() + submitted.latencies.len(),
        latency_of: "submission to handler",
        latency_us: Latency::of(worked.ages),
        ..figures("cycle", &plan, options, took)
    };
    Ok(figures.with_cpu(&before, &after))
}
