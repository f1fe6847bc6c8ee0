//! An agent that counts words: `cargo run --example worker`.

use ains_client::{Client, Task, TaskError, Worker};
use serde_json::{Value, json};

async fn count_words(task: Task) -> Result<Value, TaskError> {
    let path: String = task.input_field("path")?;
    let text = std::fs::read_to_string(path)?;
    Ok(json!({"words": text.split_whitespace().count()}))
}

#[tokio::main]
async fn main() -> Result<(), ains_client::Error> {
    let client = Client::new("http://127.0.0.1:8000")?;
    Worker::new(client, "counter")
        .capability("text:v1")
        .concurrency(8)
        .run(count_words)
        .await?;
    Ok(())
}
