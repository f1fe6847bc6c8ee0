//! Serves what a server cannot do without: parses a task, stores nothing, and answers in the same shape.

use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use actix_web::{App, HttpServer, web};
use ains_api::{SubmitTask, TaskCreated, Timestamp};

/// Threads, as many as the server has by default on the machine that the figures come from.
const WORKERS: usize = 2;

static NEXT: AtomicU64 = AtomicU64::new(1);

/// Serves until it is interrupted.
pub(crate) fn serve(port: u16) -> anyhow::Result<()> {
    actix_web::rt::System::new().block_on(async {
        let server = HttpServer::new(|| App::new().route("/ains/tasks", web::post().to(submit)))
            .workers(WORKERS)
            .bind(("127.0.0.1", port))?;
        for address in server.addrs() {
            writeln!(std::io::stdout(), "http://{address}")?;
        }
        server.run().await?;
        Ok(())
    })
}

async fn submit(task: web::Json<SubmitTask>) -> web::Json<TaskCreated> {
    let task = task.into_inner();
    let since = UNIX_EPOCH.elapsed().unwrap_or_default().as_micros();
    web::Json(TaskCreated {
        task_id: format!("task_{:032x}", NEXT.fetch_add(1, Ordering::Relaxed)),
        status: "PENDING".into(),
        priority: task
            .priority
            .and_then(|priority| u8::try_from(priority).ok())
            .unwrap_or(5),
        depends_on: task.depends_on.unwrap_or_default(),
        is_blocked: false,
        routing_strategy: task.routing_strategy.map_or("round_robin".into(), Into::into),
        assigned_agent_id: None,
        created_at: Timestamp(i64::try_from(since).unwrap_or(i64::MAX)),
    })
}
