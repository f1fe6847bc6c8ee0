//! Runs a real scientific workflow: `cargo run --release -p ains-client --example workflow -- FILE`.
//!
//! The file is in the `WfFormat` of [WfCommons](https://wfcommons.org); without one, a small workflow that comes along is
//! run. The whole workflow is one graph of tasks, submitted in one call. Agents in this process take the tasks as they
//! become ready and sleep as long as each one once ran, times a scale. What is printed at the end compares the
//! time that took with the critical path, below which nothing can be.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example talks to its reader"
)]

mod args;
mod crew;
mod progress;
mod report;
mod run;
mod shape;
mod wfformat;

use std::error::Error;
use std::process::ExitCode;

use ains_client::Client;
use tokio::sync::watch;

use args::Args;
use report::Report;
use run::{Failure, LONGEST_SLEEP, Plan};
use wfformat::Workflow;

/// The workflow that comes along: twelve steps from a pile of photographs to a book.
const SMALL: &str = include_str!("small.json");

#[tokio::main]
async fn main() -> ExitCode {
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(Some(args)) => args,
        Ok(None) => {
            println!("{}", args::USAGE);
            return ExitCode::SUCCESS;
        }
        Err(why) => {
            eprintln!("workflow: {why}\n\n{}", args::USAGE);
            return ExitCode::from(2);
        }
    };
    match workflow(&args).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("workflow: {}", chain(&*error));
            ExitCode::FAILURE
        }
    }
}

/// Reads, runs and judges a workflow; whether all went well.
async fn workflow(args: &Args) -> Result<bool, Failure> {
    let (name, text) = match &args.file {
        None => ("the small workflow".to_owned(), Ok(SMALL.to_owned())),
        Some(path) => (path.display().to_string(), std::fs::read_to_string(path)),
    };
    let text = text.map_err(|error| format!("cannot read {name}: {error}"))?;
    let workflow = Workflow::parse(&text).map_err(|error| format!("cannot run {name}: {}", chain(&error)))?;
    let sleeps = workflow
        .sleeps(args.scale, LONGEST_SLEEP)
        .map_err(|id| format!("task `{id}` would sleep for more than a day: choose a smaller `--scale`"))?;
    let widest = workflow.levels().into_iter().max().unwrap_or(1);
    let plan = Plan {
        workflow: &workflow,
        sleeps: &sleeps,
        agents: args.agents.unwrap_or(crew::enough(widest)),
    };
    let mut client = Client::new(&args.url)?;
    if let Some(key) = &args.key {
        client = client.with_key(key);
    }
    println!("{} at scale {}", workflow.name, args.scale);
    if workflow.one_sided > 0 {
        println!(
            "  note: {} edges are named by one of their ends only; they count",
            workflow.one_sided
        );
    }
    let Some(outcome) = run::run(&client, &plan, stop_on_signal()).await? else {
        println!("Stopped before there was a graph.");
        return Ok(false);
    };
    let report = Report::new(&plan, &outcome);
    println!("  graph           {}\n{report}", outcome.graph_id);
    Ok(report.is_good())
}

/// Becomes true with the first Ctrl-C; the second one ends the program at once.
fn stop_on_signal() -> watch::Receiver<bool> {
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.send_replace(true);
        }
        if tokio::signal::ctrl_c().await.is_ok() {
            // As a shell says it: 128 and the number of the signal.
            std::process::exit(130);
        }
        // Without signals to listen to, nobody asks to stop.
        stop.closed().await;
    });
    stopped
}

/// An error and its causes, in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
