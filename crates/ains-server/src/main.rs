//! The AINS server: reads its settings, puts the crates together, and ends when it is asked to.
//!
//! | file | holds |
//! |---|---|
//! | `config` | the settings: flags over environment over file over defaults |
//! | `connections` | how many there may be, and what ends one |
//! | `wiring` | the way from the settings to a running server |
//! | `shutdown` | what ends it, and in which order it ends |
//! | `webhooks` | who calls webhooks |
//! | `secret_key` | the key that secrets are kept with |
//! | `telemetry` | the log, on standard error |
//! | `screen` | what is printed for people, on standard output |
//! | `keys` | `ains-server key …`: keys, from the command line |
//! | `demo` | `--demo`: three agents at work on real files |

mod config;
mod connections;
mod demo;
mod keys;
mod screen;
mod secret_key;
mod shutdown;
mod telemetry;
mod webhooks;
mod wiring;

use std::process::ExitCode;
use std::time::Duration;

use config::Config;

/// Requests allocate much and briefly, on one thread and freed on another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Status of a start that its settings do not allow; any other failure ends with 1.
const WRONG_SETTING: u8 = 2;

/// Threads for what is not HTTP: timers, notifications and, in the demo, agents.
const THREADS: usize = 2;

/// Most threads for what blocks.
const BLOCKING_THREADS: usize = 32;

/// How long what still runs at the end may take.
const LAST_WORK: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let config = match Config::read(std::env::args_os()) {
        Ok(config) => config,
        Err(fault) => return screen::failed(&fault, WRONG_SETTING),
    };
    telemetry::start(config.log.clone());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()
        .expect("the system has threads and a clock to give");
    let ended = runtime.block_on(async {
        match &config.keys {
            Some(_) => wiring::keys(config).await,
            None => wiring::run(config).await,
        }
    });
    runtime.shutdown_timeout(LAST_WORK);
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => screen::failed(&format_args!("{failure:#}"), 1),
    }
}
