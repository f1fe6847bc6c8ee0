//! The command line.

use std::time::Duration;

use clap::{Parser, Subcommand};

/// Puts load on an AINS server, measures, and checks that nothing was lost.
#[derive(Parser)]
#[command(version)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Submit tasks; nothing executes.
    Submit(Options),
    /// Take and complete tasks that wait already.
    Drain(Options),
    /// Submit, take and complete at once.
    Cycle(Options),
    /// Submit at a steady rate to an idle queue, and measure until the handler starts.
    Latency(Options),
    /// Submit at a steady rate, first alone and then beside keys that do not exist, which one core sends as fast as it can.
    Attack {
        #[command(flatten)]
        options: Options,
        /// Connections of the attack.
        #[arg(long, default_value_t = 16, value_parser = at_least_one)]
        attackers: usize,
    },
    /// Serve `POST /ains/tasks` with a bare actix-web server that parses the body and stores nothing.
    Bare {
        /// The port on 127.0.0.1; 0 takes a free one and prints it.
        #[arg(long, default_value_t = 9000)]
        port: u16,
    },
}

/// How much of what.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The server; several times for several servers on one database, which are then used in turn.
    #[arg(long, default_value = "http://127.0.0.1:8000")]
    pub(crate) url: Vec<String>,
    /// The API key.
    #[arg(long, env = "AINS_ADMIN_KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
    /// Submissions at once.
    #[arg(long, default_value_t = 16, value_parser = at_least_one)]
    pub(crate) connections: usize,
    /// Tasks in one submission (1 to 1000), and at most 100 of them in one claim. Default 100; in the modes submit and latency 1.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) batch: Option<u16>,
    /// Agents, each with one request at a time.
    #[arg(long, default_value_t = 8, value_parser = at_least_one)]
    pub(crate) agents: usize,
    /// Tasks to measure; with attack, both times.
    #[arg(long, default_value_t = 10_000, value_parser = at_least_one)]
    pub(crate) tasks: usize,
    /// Tasks put in first, of a capability that nobody provides.
    #[arg(long, default_value_t = 0)]
    pub(crate) backlog: usize,
    /// Tasks put in first, of the capability that is measured but of a lower priority.
    #[arg(long, default_value_t = 0)]
    pub(crate) backlog_same_lane: usize,
    /// With latency and attack: submissions a second.
    #[arg(long, default_value_t = 100.0)]
    pub(crate) rate: f64,
    /// Bytes of payload in each task.
    #[arg(long, default_value_t = 0, value_parser = payload)]
    pub(crate) payload: usize,
    /// Tasks submitted and not completed at once, at most, in the mode cycle. Default: 10 batches an agent.
    #[arg(long)]
    pub(crate) window: Option<usize>,
    /// Clients that the tasks are of, in turn.
    #[arg(long, default_value_t = 1, value_parser = at_least_one)]
    pub(crate) clients: usize,
    /// With cycle: followers of what happens (server-sent events), each of one client, in turn.
    #[arg(long, default_value_t = 0)]
    pub(crate) followers: usize,
    /// Process ids of the server; their CPU time is reported.
    #[arg(long)]
    pub(crate) server_pid: Vec<u32>,
    /// Name every claim and submission and repeat until answered: for servers that are killed meanwhile.
    #[arg(long)]
    pub(crate) stubborn: bool,
    /// Do not read the tasks back.
    #[arg(long)]
    pub(crate) no_check: bool,
    /// Seconds without a completion after which the run is ended as failed.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..))]
    patience: u64,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Threads of this program.
    #[arg(long, default_value_t = 2, value_parser = at_least_one)]
    pub(crate) threads: usize,
}

impl Options {
    /// How long nothing may be completed.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_secs(self.patience)
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}

/// At most 1,000,000 bytes, so that a task fits a body of 1 MiB.
fn payload(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(bytes @ ..=1_000_000) => Ok(bytes),
        Ok(_) => Err("must be at most 1000000, or the task does not fit a request".to_owned()),
        Err(error) => Err(format!("{error}")),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for wrong in [
            ["--tasks", "0"],
            ["--batch", "1001"],
            ["--payload", "2000000"],
            ["--rate", "fast"],
        ] {
            assert!(
                Args::try_parse_from(["ains-load", "cycle"].into_iter().chain(wrong)).is_err(),
                "{wrong:?}"
            );
        }
    }
}
