//! The loop of a running worker: one event at a time, and what each one starts.

mod answers;
mod ending;

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use ains_api::{AgentReport, AgentReportAnswer, ClaimAnswer, ClaimRequest, Heartbeat, HeartbeatAnswer};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::handling::{Ended, Handler, handle};
use super::register::Registration;
use super::results::Results;
use super::shutdown::Shutdown;
use super::task::Cancel;
use super::{CLAIM, Task, Worker};
use crate::{Client, Error, api};

/// Seconds that a claim waits for work when there is none.
const WAIT: i64 = 20;
/// The pause after an answer that should not be asked for again at once.
const PAUSE: Duration = Duration::from_secs(1);
/// How long reports and returns may take after the handlers were dropped.
const GOODBYE: Duration = Duration::from_secs(5);

/// What a worker did, once it has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Tasks whose result the server recorded.
    pub completed: u64,
    /// Attempts whose failure the server recorded.
    pub failed: u64,
    /// Tasks whose handler was dropped because they were cancelled or no longer this agent's.
    pub cancelled: u64,
    /// Tasks given back at the end.
    pub released: u64,
    /// Results that the server refused, because the attempt was no longer current, for instance.
    pub refused: u64,
}

/// A call on its way.
type Way<A> = BoxFuture<'static, Result<A, Error>>;

/// A task in the hands of a handler.
struct Running {
    attempt: u32,
    cancel: Cancel,
    handler: Id,
    /// Whether the task is to be given back once the handler is dropped.
    release: bool,
}

/// A claim on its way, and what it asks for.
struct Claim {
    request: ClaimRequest,
    sent: Instant,
    answer: Way<ClaimAnswer>,
}

/// A report on its way, and how many tasks its claim asks for.
struct Report {
    claims: usize,
    answer: Way<AgentReportAnswer>,
}

/// A heartbeat on its way, and the attempts that ran when it was sent.
struct Pulse {
    holding: HashMap<String, u32>,
    answer: Way<HeartbeatAnswer>,
}

/// How far the shutdown is.
#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Working,
    /// Handlers may go on until then.
    Draining(Instant),
    /// Handlers are dropped and their tasks given back; what is left at this instant is left to the server.
    Leaving(Instant),
}

/// What the loop waits for.
enum Event {
    Ended(Result<Ended, JoinError>),
    Claimed(Result<ClaimAnswer, Error>),
    Reported(Result<AgentReportAnswer, Error>),
    Pulsed(Result<HeartbeatAnswer, Error>),
    Registered(Result<(), Error>),
    Drained(Result<api::Agent, Error>),
    Released(bool),
    Tick,
    Stop,
    TimeIsUp,
}

/// A running worker.
struct Run {
    agent_id: Arc<str>,
    /// Tries a few times.
    client: Client,
    /// Tries until there is an answer.
    stubborn: Client,
    /// What registers the agent: it may need more than the agent itself may do.
    registrar: Client,
    registration: Arc<Registration>,
    handler: Handler,
    concurrency: usize,
    drain: Duration,
    born: Instant,
    handlers: JoinSet<Ended>,
    running: HashMap<String, Running>,
    results: Results,
    claim: Option<Claim>,
    report: Option<Report>,
    pulse: Option<Pulse>,
    registering: Option<Way<()>>,
    draining: Option<Way<api::Agent>>,
    releases: JoinSet<bool>,
    /// Claims and reports wait until then.
    not_before: Instant,
    ticks: Interval,
    shutdown: Shutdown,
    phase: Phase,
    summary: Summary,
    fault: Option<Error>,
}

/// Registers and works until the end.
pub(super) async fn run(mut worker: Worker, handler: Handler) -> Result<Summary, Error> {
    let registration = Arc::new(Registration::new(&mut worker)?);
    let mut shutdown = Shutdown::new(worker.shutdown, worker.signals);
    let registrar = worker.client.clone().with_retry(worker.client.retry().endless());
    tokio::select! {
        registered = registration.register(&registrar) => registered?,
        () = shutdown.asked() => return Ok(Summary::default()),
    }
    tracing::info!(agent_id = worker.agent_id, "registered");

    let mut ticks = tokio::time::interval(worker.heartbeat);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let now = Instant::now();
    let client = if worker.sign_requests {
        worker.client.signed_by(&worker.agent_id, registration.key())
    } else {
        worker.client
    };
    let stubborn = client.clone().with_retry(client.retry().endless());
    let run = Run {
        agent_id: worker.agent_id.into(),
        client,
        stubborn,
        registrar,
        registration,
        handler,
        concurrency: worker.concurrency,
        drain: worker.drain,
        born: now,
        handlers: JoinSet::new(),
        running: HashMap::new(),
        results: Results::default(),
        claim: None,
        report: None,
        pulse: None,
        registering: None,
        draining: None,
        releases: JoinSet::new(),
        not_before: now,
        ticks,
        shutdown,
        phase: Phase::Working,
        summary: Summary::default(),
        fault: None,
    };
    run.until_done().await
}

/// The answer of the call that is on its way; without one, this never ends.
async fn turn<F: Future + Unpin>(way: Option<&mut F>) -> F::Output {
    match way {
        Some(way) => way.await,
        None => std::future::pending().await,
    }
}

impl Run {
    async fn until_done(mut self) -> Result<Summary, Error> {
        loop {
            self.start_what_may_start();
            if self.is_done() {
                break;
            }
            let event = self.next().await;
            if matches!((&event, self.phase), (Event::TimeIsUp, Phase::Leaving(_))) {
                tracing::warn!(agent_id = &*self.agent_id, "left before everything was reported");
                break;
            }
            self.apply(event);
        }
        self.goodbye().await;
        self.fault.map_or(Ok(self.summary), Err)
    }

    /// Waits for the next event.
    async fn next(&mut self) -> Event {
        let deadline = match self.phase {
            Phase::Working => None,
            Phase::Draining(at) | Phase::Leaving(at) => Some(at),
        };
        tokio::select! {
            biased;
            Some(ended) = self.handlers.join_next() => Event::Ended(ended),
            answer = turn(self.report.as_mut().map(|report| &mut report.answer)) => Event::Reported(answer),
            answer = turn(self.claim.as_mut().map(|claim| &mut claim.answer)) => Event::Claimed(answer),
            answer = turn(self.pulse.as_mut().map(|pulse| &mut pulse.answer)) => Event::Pulsed(answer),
            answer = turn(self.registering.as_mut()) => Event::Registered(answer),
            answer = turn(self.draining.as_mut()) => Event::Drained(answer),
            Some(released) = self.releases.join_next() => Event::Released(released.unwrap_or(false)),
            () = self.shutdown.asked() => Event::Stop,
            _ = self.ticks.tick() => Event::Tick,
            () = async { tokio::time::sleep_until(deadline.expect("checked")).await }, if deadline.is_some() => {
                Event::TimeIsUp
            }
        }
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Ended(ended) => {
                self.ended(ended);
                // All that ended meanwhile go into the same report.
                while let Some(ended) = self.handlers.try_join_next() {
                    self.ended(ended);
                }
            }
            Event::Claimed(answer) => {
                let claim = self.claim.take().expect("an answer belongs to a claim");
                self.claimed(claim, answer);
            }
            Event::Reported(answer) => {
                self.report = None;
                self.reported(answer);
            }
            Event::Pulsed(answer) => {
                let pulse = self.pulse.take().expect("an answer belongs to a heartbeat");
                self.pulsed(&pulse, answer);
            }
            Event::Registered(answer) => {
                self.registering = None;
                if let Err(error) = answer {
                    self.give_up(error);
                }
            }
            Event::Drained(answer) => {
                self.draining = None;
                if let Err(error) = answer {
                    tracing::warn!(%error, "could not say that no more work is wanted");
                }
                self.collect_claim();
            }
            Event::Released(released) => self.summary.released += u64::from(released),
            Event::Tick => self.beat(),
            Event::Stop => self.stop(),
            Event::TimeIsUp => self.leave(),
        }
    }

    /// Whether the shutdown is complete.
    fn is_done(&self) -> bool {
        self.phase != Phase::Working
            && self.running.is_empty()
            && self.results.are_settled()
            && self.claim.is_none()
            && self.draining.is_none()
            && self.releases.is_empty()
    }

    /// Slots that are neither used nor asked for.
    fn free(&self) -> usize {
        let claimed = self
            .claim
            .as_ref()
            .and_then(|claim| claim.request.max)
            .unwrap_or(0);
        let asked =
            usize::try_from(claimed).unwrap_or(0) + self.report.as_ref().map_or(0, |report| report.claims);
        self.concurrency.saturating_sub(self.running.len() + asked)
    }

    /// Sends the next report and the next claim, where it is their turn.
    fn start_what_may_start(&mut self) {
        if self.registering.is_some() {
            return;
        }
        if self.report.is_none() && self.results.are_waiting() {
            self.send_report();
        }
        // While a report with a claim travels, its answer decides what is still wanted.
        let undecided = self.report.as_ref().is_some_and(|report| report.claims > 0);
        if self.phase == Phase::Working && self.claim.is_none() && !undecided && self.free() > 0 {
            let request = self.claim_for(self.free(), WAIT);
            self.send_claim(request);
        }
    }

    fn claim_for(&self, tasks: usize, wait: i64) -> ClaimRequest {
        ClaimRequest {
            max: i64::try_from(tasks.min(CLAIM)).ok(),
            wait_seconds: Some(wait),
            capabilities: None,
            claim_id: Some(self.client.mint()),
        }
    }

    fn send_claim(&mut self, request: ClaimRequest) {
        let (client, agent_id, not_before) =
            (self.stubborn.clone(), Arc::clone(&self.agent_id), self.not_before);
        let body = request.clone();
        let answer = async move {
            tokio::time::sleep_until(not_before).await;
            client.claim(&agent_id, &body).await
        };
        self.claim = Some(Claim {
            request,
            sent: Instant::now().max(not_before),
            answer: answer.boxed(),
        });
    }

    /// Reports what is finished, and claims the slots that are free.
    fn send_report(&mut self) {
        let claims = if self.phase == Phase::Working {
            self.free().min(CLAIM)
        } else {
            0
        };
        let claim = (claims > 0).then(|| self.claim_for(claims, 0));
        let body = AgentReport {
            results: self.results.depart(),
            claim,
        };
        let (client, agent_id, not_before) =
            (self.stubborn.clone(), Arc::clone(&self.agent_id), self.not_before);
        let answer = async move {
            tokio::time::sleep_until(not_before).await;
            client.report(&agent_id, &body).await
        };
        self.report = Some(Report {
            claims,
            answer: answer.boxed(),
        });
    }

    /// A task was handed out: it is begun, or given back if it comes too late.
    fn accept(&mut self, task: api::Task) {
        if self.phase != Phase::Working {
            self.give_back(task.task_id, task.attempt);
            return;
        }
        if let Some(older) = self.running.get(&task.task_id) {
            if older.attempt >= task.attempt {
                return;
            }
            older.cancel.cancel();
        }
        let (task_id, attempt, cancel) = (task.task_id.clone(), task.attempt, Cancel::new());
        let task = Task::new(
            task,
            cancel.clone(),
            Arc::clone(&self.agent_id),
            self.client.clone(),
        );
        let handler = self.handlers.spawn(handle(Arc::clone(&self.handler), task)).id();
        self.running.insert(
            task_id,
            Running {
                attempt,
                cancel,
                handler,
                release: false,
            },
        );
    }

    fn ended(&mut self, ended: Result<Ended, JoinError>) {
        let ended = match ended {
            Ok(ended) => ended,
            // A panic while the handler was dropped: what it was working on is told by the id of its runtime task.
            Err(error) => {
                let mut all = self.running.iter();
                let Some((task_id, running)) = all.find(|(_, running)| running.handler == error.id()) else {
                    return;
                };
                Ended {
                    task_id: task_id.clone(),
                    attempt: running.attempt,
                    result: None,
                }
            }
        };
        // A newer attempt of the same task may have taken the place.
        if self
            .running
            .get(&ended.task_id)
            .is_none_or(|running| running.attempt != ended.attempt)
        {
            return;
        }
        let Some(running) = self.running.remove(&ended.task_id) else {
            return;
        };
        match ended.result {
            Some(result) => self.results.push(result),
            None if running.release => self.give_back(ended.task_id, ended.attempt),
            None => self.summary.cancelled += 1,
        }
    }

    fn heartbeat(&self, status: &str) -> Heartbeat {
        let holding = self
            .running
            .keys()
            .map(String::as_str)
            .chain(self.results.task_ids());
        Heartbeat {
            timestamp: UNIX_EPOCH
                .elapsed()
                .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX)),
            status: status.to_owned(),
            uptime_ms: i64::try_from(self.born.elapsed().as_millis()).unwrap_or(i64::MAX),
            metrics: None,
            holding: Some(holding.map(str::to_owned).collect()),
        }
    }

    /// Sends a heartbeat, unless one is on its way.
    fn beat(&mut self) {
        if self.pulse.is_some() {
            return;
        }
        let holding = self
            .running
            .iter()
            .map(|(task_id, running)| (task_id.clone(), running.attempt))
            .collect();
        let (client, agent_id, body) = (
            self.client.clone(),
            Arc::clone(&self.agent_id),
            self.heartbeat("ACTIVE"),
        );
        let answer = async move { client.heartbeat(&agent_id, &body).await };
        self.pulse = Some(Pulse {
            holding,
            answer: answer.boxed(),
        });
    }
}
