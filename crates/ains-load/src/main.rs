#![doc = include_str!("../README.md")]

mod agents;
mod args;
mod attack;
mod bare;
mod check;
mod cpu;
mod figures;
mod followers;
mod latency;
mod plan;
mod progress;
mod submitters;
mod throughput;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Args, Command, Options};
use crate::figures::Report;

fn main() -> ExitCode {
    match run(Args::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error may be closed; the exit code tells the rest.
            let _ = writeln!(std::io::stderr(), "ains-load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Bare { port } => bare::serve(port),
        Command::Submit(options) => measure(&options, throughput::submit(&options)),
        Command::Drain(options) => measure(&options, throughput::drain(&options)),
        Command::Cycle(options) => measure(&options, throughput::cycle(&options)),
        Command::Latency(options) => measure(&options, latency::latency(&options)),
        Command::Attack { options, attackers } => measure(&options, attack::attack(&options, attackers)),
    }
}

/// Runs a mode to its end and prints what it found.
fn measure<R: Report>(
    options: &Options,
    mode: impl Future<Output = anyhow::Result<R>>,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(options.threads)
        .enable_all()
        .build()?;
    let figures = runtime.block_on(mode)?;
    let table = figures.table();
    if options.json {
        writeln!(std::io::stderr(), "{table}")?;
        writeln!(std::io::stdout(), "{}", serde_json::to_string(&figures)?)?;
    } else {
        writeln!(std::io::stdout(), "{table}")?;
    }
    Ok(())
}
