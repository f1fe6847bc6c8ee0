//! Runs a pipeline of its own: `cargo run -p ains-client --example pipeline`.
//!
//! A print shop takes an order: it reserves paper, fetches the pictures, prints them in parallel, and charges the
//! customer. A large order is proofread first. If the customer cannot pay, the paper goes back. The server decides what is
//! done when; the agent, in this process, does it. What both have to know is in one value each: the chain, and `work`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example talks to its reader"
)]

use std::process::ExitCode;
use std::time::Duration;

use ains_client::api::{Json, OnFailure, TaskChain};
use ains_client::{Chain, Client, Error, Step, Task, TaskError, Undo, Worker};
use serde_json::{Value, json};
use tokio::sync::oneshot;

/// The server, unless another is named.
const URL: &str = "http://127.0.0.1:8000";

/// How long a task takes.
const WORK: Duration = Duration::from_millis(50);

#[tokio::main]
async fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let url = words.next().unwrap_or_else(|| URL.to_owned());
    match shop(&url, words.next()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pipeline: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Takes three orders: a small one, a large one, and one that is not paid.
async fn shop(url: &str, key: Option<String>) -> Result<(), Error> {
    let mut client = Client::new(url)?;
    if let Some(key) = key {
        client = client.with_key(key);
    }
    // Of this run alone, so that nobody else does its tasks.
    let shop = format!("print-shop-{}", &client.mint()[..8]);
    let (leave, left) = oneshot::channel::<()>();
    let worker = Worker::new(client.clone(), &shop)
        .description("works in the print shop of the pipeline example")
        .capability(&shop)
        .concurrency(8)
        .without_signals()
        .shutdown_on(async {
            let _ = left.await;
        });
    let orders = async {
        for (customer, pictures, budget) in [("Ada", 3, 100), ("Blaise", 12, 100), ("Charles", 5, 0)] {
            let outcome = client
                .run_chain(&order(&shop, customer, pictures, budget))
                .await?;
            println!("{}", told(&outcome));
        }
        drop(leave);
        Ok(())
    };
    // The agent works until the last order is done; if it cannot, there is no waiting for one.
    let done = tokio::try_join!(worker.run(work), orders);
    let gone = client.delete_agent(&shop, true).await;
    // What went wrong first is told.
    done?;
    gone?;
    Ok(())
}

/// An order, as the server is to run it.
fn order(shop: &str, customer: &str, pictures: usize, budget: u32) -> Chain {
    let ask = |step: &str| Step::new(step, step, shop).on_failure(OnFailure::Compensate);
    Chain::new(format!("order of {customer}"))
        .client("print-shop")
        .input(json!({"customer": customer, "pictures": pictures, "budget": budget}))
        // Paper and pictures at the same time; the paper goes back if the order comes to nothing.
        .step(
            ask("reserve")
                .at_once()
                .input(json!({"sheets": "${{ input.pictures }}"}))
                .compensate_with(Undo::new("return", shop).input(json!({"sheets": "${{ output.sheets }}"}))),
        )
        .step(
            ask("fetch")
                .at_once()
                .input(json!({"count": "${{ input.pictures }}"})),
        )
        // Only large orders are looked at, until there is nothing more to correct.
        .step(
            ask("proofread")
                .after(["fetch"])
                .when("size(steps.fetch.output.pictures) > 10")
                .input(json!({"round": "${{ iteration }}"}))
                .repeat_until("output.mistakes == 0", 5),
        )
        // Every picture is a task; one that is not printed is no reason to print none.
        .step(
            ask("print")
                .after(["reserve", "fetch", "proofread"])
                .for_each("steps.fetch.output.pictures")
                .max_parallel(4)
                .tolerate_failures("20%")
                .max_retries(0)
                .input(json!({"picture": "${{ item }}", "number": "${{ index + 1 }}"})),
        )
        .step(
            ask("charge")
                .input(json!({
                    "amount": "${{ steps.print.output.filter(sheet, sheet != null).size() * 10 }}",
                    "budget": "${{ input.budget }}",
                }))
                .max_retries(0),
        )
        .step(
            ask("thank")
                .input(json!({"to": "${{ input.customer }}, who paid ${{ steps.charge.output.paid }}"})),
        )
}

/// What is done for each type of task.
async fn work(task: Task) -> Result<Value, TaskError> {
    tokio::time::sleep(WORK).await;
    let number = |field: &str| task.input_field::<i64>(field);
    Ok(match &*task.task_type {
        "reserve" | "return" => json!({"sheets": number("sheets")?}),
        "fetch" => {
            let pictures = (1..=number("count")?).map(|number| format!("picture {number}"));
            json!({"pictures": pictures.collect::<Vec<_>>()})
        }
        "proofread" => json!({"mistakes": 2 - number("round")?.min(2)}),
        "print" if number("number")? == 5 => return Err(TaskError::permanent("the paper jams")),
        "print" => json!({"printed": task.input_field::<String>("picture")?}),
        "charge" => {
            let amount = number("amount")?;
            if number("budget")? == 0 {
                return Err(TaskError::permanent("the card is empty"));
            }
            json!({"paid": amount})
        }
        "thank" => json!({"sent": format!("Dear {}!", task.input_field::<String>("to")?)}),
        other => return Err(TaskError::permanent(format!("nobody can `{other}`"))),
    })
}

/// What became of an order, a step a line.
fn told(chain: &TaskChain) -> String {
    let mut lines = vec![format!("{}: {}", chain.name, chain.status)];
    lines.extend(chain.error_message.iter().map(|why| format!("  because {why}")));
    for step in &chain.steps {
        let undone = step.compensation.as_ref();
        let undone = undone.map(|undo| format!(", then undone: {}", undo.status));
        let result = chain.result(&step.name).and_then(|result| result.data.as_ref());
        let result = result.map(|data| format!(" {}", short(data)));
        let (undone, result) = (undone.unwrap_or_default(), result.unwrap_or_default());
        lines.push(format!("  {:<10} {}{undone}{result}", step.name, step.status));
    }
    lines.join("\n")
}

/// The beginning of a result.
fn short(data: &Json) -> String {
    let text = data.get();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
