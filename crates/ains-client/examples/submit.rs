//! Submits one task and prints what came of it: `cargo run --example submit -- README.md`.

use ains_client::Client;
use ains_client::api::SubmitTask;
use serde_json::json;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "an example talks to its reader")]
async fn main() -> Result<(), ains_client::Error> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "README.md".to_owned());
    let client = Client::new("http://127.0.0.1:8000")?;
    let task = SubmitTask {
        client_id: Some("example".into()),
        task_type: Some("word-count".into()),
        capability_required: Some("text:v1".into()),
        input_data: Some(json!({"path": path}).into()),
        ..SubmitTask::default()
    };
    let created = client.submit(&task).await?;
    println!("{} is {}", created.task_id, created.status);
    let task = client.wait_for_task(&created.task_id, 60).await?;
    match (task.result_data, task.error_message) {
        (Some(result), _) => println!("{} with {result}", task.status),
        (None, error) => println!("{} {}", task.status, error.unwrap_or_default()),
    }
    Ok(())
}
