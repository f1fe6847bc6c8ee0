//! Submits tasks, many at once, and keeps the ids.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ains_api::{BatchSubmit, SubmitTask};
use ains_client::Client;
use anyhow::Context as _;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::plan::Plan;

/// What was submitted, and how long each request took.
#[derive(Default)]
pub(crate) struct Submitted {
    pub(crate) ids: Vec<String>,
    pub(crate) latencies: Vec<Duration>,
}

impl Submitted {
    fn merge(&mut self, other: Self) {
        self.ids.extend(other.ids);
        self.latencies.extend(other.latencies);
    }
}

/// Submits `tasks` tasks over `connections` connections. With a window, each task takes a permit before it is submitted;
/// whoever completes it gives one back.
pub(crate) async fn submit(
    plan: &Arc<Plan>,
    tasks: usize,
    connections: usize,
    window: Option<Arc<Semaphore>>,
) -> anyhow::Result<Submitted> {
    let (batch, plan) = (plan.batch, Arc::clone(plan));
    let make = move |plan: &Plan| plan.task(Instant::now());
    spread(&plan, tasks, connections, batch, window, make).await
}

/// Puts tasks in before the measurement, without a rush.
pub(crate) async fn put_in_first(
    plan: &Arc<Plan>,
    tasks: usize,
    same_lane: bool,
) -> anyhow::Result<Submitted> {
    spread(plan, tasks, 4, plan.bulk(), None, move |plan| {
        plan.backlog_task(same_lane)
    })
    .await
}

/// Puts the tasks of the measurement in before it.
pub(crate) async fn put_in_measured(plan: &Arc<Plan>, tasks: usize) -> anyhow::Result<Submitted> {
    spread(plan, tasks, 4, plan.bulk(), None, |plan| plan.task(plan.born)).await
}

async fn spread(
    plan: &Arc<Plan>,
    tasks: usize,
    connections: usize,
    batch: usize,
    window: Option<Arc<Semaphore>>,
    make: impl Fn(&Plan) -> SubmitTask + Clone + Send + 'static,
) -> anyhow::Result<Submitted> {
    let taken = Arc::new(AtomicUsize::new(0));
    let mut loops = JoinSet::new();
    for number in 0..connections {
        let (plan, taken, window, make) =
            (Arc::clone(plan), Arc::clone(&taken), window.clone(), make.clone());
        loops.spawn(async move {
            let mut submitted = Submitted::default();
            loop {
                let size = batch.min(tasks.saturating_sub(taken.fetch_add(batch, Ordering::Relaxed)));
                if size == 0 {
                    return anyhow::Ok(submitted);
                }
                if let Some(window) = &window {
                    let permits = u32::try_from(size).expect("a batch has at most 1,000 tasks");
                    window
                        .acquire_many(permits)
                        .await
                        .expect("the window is never closed")
                        .forget();
                }
                let all = (0..size).map(|_| make(&plan)).collect();
                let begun = Instant::now();
                send(plan.client(number), all, &mut submitted.ids).await?;
                submitted.latencies.push(begun.elapsed());
            }
        });
    }
    let mut all = Submitted::default();
    while let Some(submitted) = loops.join_next().await {
        all.merge(submitted.context("a submitter panicked")??);
    }
    Ok(all)
}

/// One request: a task alone, or a batch.
pub(crate) async fn send(
    client: &Client,
    mut tasks: Vec<SubmitTask>,
    ids: &mut Vec<String>,
) -> anyhow::Result<()> {
    if let (1, Some(task)) = (tasks.len(), tasks.last()) {
        let created = client
            .submit(task)
            .await
            .context("a task could not be submitted")?;
        ids.push(created.task_id);
        return Ok(());
    }
    let batch = BatchSubmit {
        tasks: std::mem::take(&mut tasks),
        ..BatchSubmit::default()
    };
    let answer = client
        .submit_batch(&batch)
        .await
        .context("a batch could not be submitted")?;
    let before = ids.len();
    ids.extend(answer.tasks.into_iter().filter_map(|task| task.task_id));
    anyhow::ensure!(
        ids.len() - before == batch.tasks.len(),
        "a batch of {} tasks was answered with {} ids",
        batch.tasks.len(),
        ids.len() - before
    );
    Ok(())
}
