//! The mode that measures how soon a task reaches its handler when nothing is in the way.

use std::sync::Arc;
use std::time::Duration;

use ains_api::{AgentReport, ClaimRequest, Json};
use anyhow::Context as _;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use crate::agents::{self, Worked};
use crate::args::Options;
use crate::cpu::Reading;
use crate::figures::{Figures, Latency};
use crate::plan::Plan;
use crate::progress::Progress;
use crate::submitters;
use crate::throughput::{all_completed, figures, put_in_backlog};

/// Seconds that an agent waits for a task.
const WAIT: i64 = 20;

/// Submits at a steady rate to an idle queue, and measures until the handler starts.
pub(crate) async fn latency(options: &Options) -> anyhow::Result<Figures> {
    anyhow::ensure!(
        options.rate.is_finite() && options.rate > 0.0,
        "`--rate` must be more than 0"
    );
    let plan = Plan::new(options, 1)?;
    agents::register(&plan, options.agents).await?;
    put_in_backlog(&plan, options).await?;
    let progress = Arc::new(Progress::new(options.tasks));
    let (before, begun) = (Reading::take(&options.server_pid), Instant::now());
    let (submitted, worked, ()) = tokio::try_join!(
        submit(&plan, options),
        work(&plan, options.agents, &progress),
        progress.guard(options.patience()),
    )?;
    let (took, after) = (progress.end().await - begun, Reading::take(&options.server_pid));
    all_completed(&plan, options, &submitted, &worked).await?;
    let figures = Figures {
        backlog_completed: worked.backlog_completed,
        requests: worked.requests.len() + submitted.len(),
        latency_of: "submission to handler",
        latency_us: Latency::of(worked.ages),
        ..figures("latency", &plan, options, took)
    };
    Ok(figures.with_cpu(&before, &after))
}

/// Submits one task after the other at the rate. A task counts from the instant at which it was due, so that a submission that is
/// held up does not hide the time.
async fn submit(plan: &Arc<Plan>, options: &Options) -> anyhow::Result<Vec<String>> {
    let mut ticks =
        tokio::time::interval(Duration::from_secs_f64(1.0 / options.rate).max(Duration::from_micros(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut sent = JoinSet::new();
    for number in 0..options.tasks {
        let due = ticks.tick().await;
        let plan = Arc::clone(plan);
        sent.spawn(async move {
            let mut ids = Vec::with_capacity(1);
            submitters::send(plan.client(number), vec![plan.task(due)], &mut ids).await?;
            anyhow::Ok(ids)
        });
    }
    let mut all = Vec::with_capacity(options.tasks);
    while let Some(ids) = sent.join_next().await {
        all.extend(ids.context("a submission panicked")??);
    }
    Ok(all)
}

/// Lets every agent wait for tasks all the time; completions travel beside.
async fn work(plan: &Arc<Plan>, agents: usize, progress: &Arc<Progress>) -> anyhow::Result<Worked> {
    let mut loops = JoinSet::new();
    for number in 0..agents {
        let (plan, progress) = (Arc::clone(plan), Arc::clone(progress));
        loops.spawn(async move { one(&plan, number, &progress).await });
    }
    let mut all = Worked::default();
    while let Some(worked) = loops.join_next().await {
        all.merge(worked.context("an agent panicked")??);
    }
    Ok(all)
}

async fn one(plan: &Arc<Plan>, number: usize, progress: &Arc<Progress>) -> anyhow::Result<Worked> {
    let (client, agent_id) = (plan.client(number), plan.agent_id(number));
    let output = Json::from_text("{\"done\":true}".to_owned()).expect("JSON");
    let mut claim = ClaimRequest {
        max: i64::try_from(plan.claim()).ok(),
        wait_seconds: Some(WAIT),
        ..ClaimRequest::default()
    };
    let (mut worked, mut reports) = (Worked::default(), JoinSet::new());
    loop {
        claim.claim_id = plan.stubborn.then(|| client.mint());
        let begun = Instant::now();
        let answer = tokio::select! {
            answer = client.claim(&agent_id, &claim) => answer.context("a claim failed")?,
            _ = progress.end() => break,
        };
        if answer.tasks.is_empty() {
            continue;
        }
        worked.requests.push(begun.elapsed());
        let measured: Vec<_> = answer
            .tasks
            .iter()
            .map(|task| plan.is_measured(&task.client_id))
            .collect();
        let results = answer
            .tasks
            .into_iter()
            .map(|task| worked.handle(plan, task, &output))
            .collect();
        let (client, agent_id, progress) = (client.clone(), agent_id.clone(), Arc::clone(progress));
        reports.spawn(async move {
            let (mut reported, begun) = (Worked::default(), Instant::now());
            let report = AgentReport { results, claim: None };
            let mut answer = client
                .report(&agent_id, &report)
                .await
                .context("a report failed")?;
            reported.requests.push(begun.elapsed());
            progress.add(reported.acknowledge(&mut answer, &measured));
            anyhow::Ok(reported)
        });
        while let Some(reported) = reports.try_join_next() {
            worked.merge(reported.context("a report panicked")??);
        }
    }
    while let Some(reported) = reports.join_next().await {
        worked.merge(reported.context("a report panicked")??);
    }
    Ok(worked)
}
