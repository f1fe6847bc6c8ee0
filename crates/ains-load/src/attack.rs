//! The mode that measures good traffic beside an attack: keys that do not exist, as fast as one core sends them.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use crate::args::Options;
use crate::figures::{Latency, Report, count};
use crate::plan::Plan;
use crate::submitters;

/// Requests that the attack sends at once on a connection, before it reads the answers.
const AT_ONCE: usize = 16;

/// Pause before a connection that could not be made, or broke, is made again.
const PAUSE: Duration = Duration::from_millis(10);

/// What a run found.
#[derive(Serialize)]
pub(crate) struct Attacked {
    mode: &'static str,
    /// Good requests a second that were asked for.
    rate: f64,
    /// Without the attack.
    before: Good,
    /// Beside it.
    during: Good,
    bad: Bad,
}

/// Good requests: submissions of one task each.
#[derive(Serialize)]
struct Good {
    requests: usize,
    /// Requests that were answered a second, of those that were due.
    rate: f64,
    /// From the instant at which a request was due to its answer.
    latency_us: Latency,
}

/// Requests with keys that do not exist, by their answers.
#[derive(Serialize)]
struct Bad {
    seconds: f64,
    rate: f64,
    unauthorized: usize,
    too_many: usize,
    other: usize,
}

/// The attack at work.
struct Attack {
    stop: Arc<AtomicBool>,
    counts: Arc<Counts>,
    begun: Instant,
    thread: JoinHandle<anyhow::Result<()>>,
}

#[derive(Default)]
struct Counts {
    unauthorized: AtomicUsize,
    too_many: AtomicUsize,
    other: AtomicUsize,
    /// For keys that differ.
    made: AtomicUsize,
}

/// Sends good requests at a steady rate for a while, and then again beside the attack.
pub(crate) async fn attack(options: &Options, attackers: usize) -> anyhow::Result<Attacked> {
    ensure!(
        options.rate.is_finite() && options.rate > 0.0,
        "`--rate` must be more than 0"
    );
    let plan = Plan::new(options, 1)?;
    let before = good(&plan, options).await.context("before the attack")?;
    let attack = Attack::begin(&options.url[0], attackers)?;
    let during = good(&plan, options).await.context("beside the attack");
    let bad = attack.end()?;
    ensure!(
        bad.other == 0,
        "{} bad keys were answered with neither 401 nor 429",
        bad.other
    );
    Ok(Attacked {
        mode: "attack",
        rate: options.rate,
        before,
        during: during?,
        bad,
    })
}

/// Submits one task after the other at the rate; every one must be taken.
async fn good(plan: &Arc<Plan>, options: &Options) -> anyhow::Result<Good> {
    let every = Duration::from_secs_f64(1.0 / options.rate).max(Duration::from_micros(1));
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let begun = Instant::now();
    let mut sent = JoinSet::new();
    for _ in 0..options.tasks {
        let due = ticks.tick().await;
        let plan = Arc::clone(plan);
        sent.spawn(async move {
            submitters::send(plan.client(0), vec![plan.task(due)], &mut Vec::new()).await?;
            anyhow::Ok(due.elapsed())
        });
    }
    let mut took = Vec::with_capacity(sent.len());
    while let Some(answered) = sent.join_next().await {
        took.push(
            answered
                .context("a submission panicked")?
                .context("a good request was not answered")?,
        );
    }
    Ok(Good {
        requests: took.len(),
        rate: count(took.len()) / begun.elapsed().as_secs_f64(),
        latency_us: Latency::of(took),
    })
}

impl Attack {
    /// Begins it, on a thread of its own.
    fn begin(url: &str, connections: usize) -> anyhow::Result<Self> {
        let address = url
            .strip_prefix("http://")
            .map(|rest| rest.trim_end_matches('/').to_owned())
            .context("the attack speaks plain HTTP: `--url http://HOST:PORT`")?;
        let (stop, counts) = (Arc::<AtomicBool>::default(), Arc::<Counts>::default());
        let (ended, counted) = (Arc::clone(&stop), Arc::clone(&counts));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                let mut all = JoinSet::new();
                for _ in 0..connections {
                    all.spawn(send(address.clone(), Arc::clone(&ended), Arc::clone(&counted)));
                }
                while let Some(one) = all.join_next().await {
                    one.context("a connection of the attack panicked")?;
                }
                Ok(())
            })
        });
        Ok(Self {
            stop,
            counts,
            begun: Instant::now(),
            thread,
        })
    }

    /// Ends it, and says how it was answered.
    fn end(self) -> anyhow::Result<Bad> {
        let seconds = self.begun.elapsed().as_secs_f64();
        self.stop.store(true, Ordering::Relaxed);
        let ended = self
            .thread
            .join()
            .map_err(|_| anyhow::anyhow!("the attack panicked"))?;
        ended?;
        let read = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        let counts = &self.counts;
        let [unauthorized, too_many, other] =
            [&counts.unauthorized, &counts.too_many, &counts.other].map(read);
        Ok(Bad {
            seconds,
            rate: count(unauthorized + too_many + other) / seconds,
            unauthorized,
            too_many,
            other,
        })
    }
}

/// One connection after the other, until told to stop.
async fn send(address: String, stop: Arc<AtomicBool>, counts: Arc<Counts>) {
    while !stop.load(Ordering::Relaxed) {
        if one_connection(&address, &stop, &counts).await.is_err() {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn one_connection(address: &str, stop: &AtomicBool, counts: &Counts) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut requests, mut answers) = (String::new(), Answers::default());
    let mut bytes = vec![0; 64 * 1024];
    while !stop.load(Ordering::Relaxed) {
        requests.clear();
        for _ in 0..AT_ONCE {
            let number = counts.made.fetch_add(1, Ordering::Relaxed);
            // Writing into a text does not fail.
            let _ = write!(
                requests,
                "GET /ains/tasks HTTP/1.1\r\nHost: {address}\r\nX-API-Key: ains_{number:043}\r\n\r\n"
            );
        }
        stream.write_all(requests.as_bytes()).await?;
        let mut read = 0;
        while read < AT_ONCE {
            let length = stream.read(&mut bytes).await?;
            if length == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            for status in answers.take(&bytes[..length]) {
                read += 1;
                let counter = match &status {
                    b"401" => &counts.unauthorized,
                    b"429" => &counts.too_many,
                    _ => &counts.other,
                };
                counter.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    Ok(())
}

/// Finds where answers begin in what arrives in pieces. No body of the answers holds the mark.
#[derive(Default)]
struct Answers {
    rest: Vec<u8>,
}

impl Answers {
    const MARK: &'static [u8] = b"HTTP/1.1 ";

    /// The status codes of the answers that begin in `bytes`, or began before and are known only now.
    fn take(&mut self, bytes: &[u8]) -> Vec<[u8; 3]> {
        self.rest.extend_from_slice(bytes);
        let mut found = Vec::new();
        let mut from = 0;
        let whole = Self::MARK.len() + 3;
        for (start, window) in self.rest.windows(whole).enumerate() {
            if window.starts_with(Self::MARK) {
                found.push([window[whole - 3], window[whole - 2], window[whole - 1]]);
                from = start + whole;
            }
        }
        // What may be the beginning of a mark is kept.
        let from = from.max(self.rest.len().saturating_sub(whole - 1));
        self.rest.drain(..from);
        found
    }
}

impl Report for Attacked {
    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_header([self.mode, "without", "beside"]);
        let pair = |name: &str, show: &dyn Fn(&Good) -> String| {
            [name.to_owned(), show(&self.before), show(&self.during)]
        };
        table.add_row(pair("good requests", &|good| good.requests.to_string()));
        table.add_row(pair("rate", &|good| format!("{:.0} a second", good.rate)));
        for (name, of) in [
            ("p50", (|latency| latency.p50) as fn(&Latency) -> u64),
            ("p90", |latency| latency.p90),
            ("p99", |latency| latency.p99),
            ("max", |latency| latency.max),
        ] {
            table.add_row(pair(name, &|good| format!("{} µs", of(&good.latency_us))));
        }
        let bad = |name: &str, value: String| [name.to_owned(), String::new(), value];
        table.add_row(bad("bad keys", format!("{:.0} a second", self.bad.rate)));
        table.add_row(bad("answered 401", self.bad.unauthorized.to_string()));
        table.add_row(bad("answered 429", self.bad.too_many.to_string()));
        for number in [1, 2] {
            if let Some(column) = table.column_mut(number) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_found_however_they_are_cut() {
        let bytes = b"HTTP/1.1 401 Unauthorized\r\nx: y\r\n\r\n{}HTTP/1.1 429 Too Many\r\n\r\n{}HTTP/1.1 500 x\r\n\r\n";
        for size in 1..=bytes.len() {
            let mut answers = Answers::default();
            let found: Vec<[u8; 3]> = bytes.chunks(size).flat_map(|piece| answers.take(piece)).collect();
            assert_eq!(found, [*b"401", *b"429", *b"500"], "in pieces of {size}");
        }
    }
}
