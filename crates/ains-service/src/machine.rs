//! What runs on the writers: batches of operations, and what follows from their commit.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use ains_core::task::{Report, ReportKind};
use ains_core::{AgentId, Clock, Timestamp};
use ains_store::tasks::StoredTask;
use ains_store::writer::Work;
use ains_store::{Backend, Conn, StoreError};

use crate::batch::{self, Committed, Context, Outcome};
use crate::chains::Plans;
use crate::engine::{Engine, Part, State};
use crate::entropy::Entropy;
use crate::error::Error;
use crate::metrics::Metrics;
use crate::model::{Delivery, ScheduleSteer};
use crate::op::{Claim, Op};
use crate::reply::Post;
use crate::schema::Schemas;
use crate::settings::Settings;

/// Dependencies that fill as much of a transaction as one task.
const EDGES: usize = 20;

/// Ends that other servers are told of one by one; of more they learn when they look again.
const TOLD: usize = 1000;

/// The decisions of one server.
pub(crate) struct Machine {
    pub(crate) engine: Engine,
    pub(crate) entropy: Entropy,
    pub(crate) settings: Settings,
    /// What chains are made of, ready to run.
    pub(crate) plans: Plans,
    /// What inputs of templates must satisfy, ready to be asked.
    pub(crate) schemas: Schemas,
    pub(crate) clock: Arc<dyn Clock>,
    /// Names of the writers' counters.
    pub(crate) writers: Vec<String>,
    /// Since when silence counts, in microseconds (semantics §1.2).
    pub(crate) listening_since: AtomicI64,
    /// Since when more schedules have been due than one batch fires, in microseconds; 0 if that is not so.
    pub(crate) behind_since: AtomicI64,
    /// Which database it is.
    pub(crate) backend: Backend,
    /// Held by who removes what is old.
    pub(crate) cleaning: tokio::sync::Mutex<()>,
    /// Wakes the sender of webhooks: a delivery was inserted, or may be due now.
    pub(crate) webhooks: tokio::sync::Notify,
    /// Whether other servers work on the same database.
    pub(crate) has_peers: AtomicBool,
    /// What happened, for Prometheus.
    pub(crate) metrics: Arc<Metrics>,
    /// When this server started, if it seems to have been the only one.
    pub(crate) started_alone: Option<Timestamp>,
}

/// What a committed batch has to say.
#[derive(Default)]
pub(crate) struct Answers {
    post: Post,
    /// Tasks, which must not get lost when nobody waits for them any more.
    tasks: Vec<(Claim, Vec<StoredTask>)>,
    /// How many of them this batch gave away, and not one before it.
    given: usize,
    /// How many were given away when, to be measured when they are answered.
    handed: Vec<(Timestamp, usize)>,
    /// Operations that follow.
    follow: Vec<Op>,
}

impl Work for Machine {
    type Op = Op;
    type Outcome = Committed;

    fn weight(&self, op: &Op) -> usize {
        match op {
            Op::Submit { tasks, .. } => {
                let edges: usize = tasks.iter().map(|(_, new)| new.depends_on.len()).sum();
                tasks.len().max(1) + edges / EDGES
            }
            Op::Change { changes, .. } => {
                let edges = changes.iter().filter_map(|change| change.new_dependencies());
                changes.len().max(1) + edges.map(<[_]>::len).sum::<usize>() / EDGES
            }
            Op::Report {
                deliveries, claim, ..
            } => deliveries.len() + claim.as_ref().map_or(0, |claim| claim.max as usize),
            Op::Claim(claim) => claim.max as usize,
            Op::Act(_) | Op::Lost { .. } => 1,
            Op::Match { .. }
            | Op::Sweep { .. }
            | Op::Settle { .. }
            | Op::SteerSchedule {
                steer: ScheduleSteer::Backfill { .. },
                ..
            } => 64,
            Op::CreateChain { .. } | Op::SteerChain { .. } | Op::SteerSchedule { .. } | Op::Advance(_) => 4,
        }
    }

    fn run(&self, conn: &mut Conn, writer: usize, ops: &mut [Op]) -> Result<Committed, StoreError> {
        let hooks = match self.settings.deliver {
            Some(_) => self.engine.hooks.current(conn)?,
            None => Arc::default(),
        };
        let context = Context {
            hooks,
            engine: &self.engine,
            entropy: &self.entropy,
            settings: &self.settings,
            plans: &self.plans,
            schemas: &self.schemas,
            listening_since: Timestamp::from_micros(self.listening_since.load(Ordering::Relaxed)),
            behind_since: match self.behind_since.load(Ordering::Relaxed) {
                0 => None,
                since => Some(Timestamp::from_micros(since)),
            },
            now: self.clock.now(),
            alone_since: self
                .started_alone
                .filter(|_| !self.has_peers.load(Ordering::Relaxed)),
            writer: &self.writers[writer],
        };
        batch::run(&context, conn, ops)
    }

    fn undo(&self, committed: Committed) {
        committed.plan.undo(&self.engine);
    }

    fn done(&self, _writer: usize, ops: Vec<Op>, committed: Committed) -> Vec<Op> {
        let Committed {
            outcomes,
            mut after,
            plan,
            seen,
            now,
        } = committed;
        self.metrics.committed(ops.len(), &after.counts);
        let mut answers = Answers::default();
        {
            let mut state = self.engine.lock();
            plan.settle(&mut state);
            let mut opened = take_in(&mut state, &mut after, now);
            after
                .emptied
                .iter()
                .for_each(|lane| state.lanes.clear(lane, seen));
            after
                .served
                .iter()
                .for_each(|(lane, priority)| state.lanes.served(lane, *priority));
            for ((agent, number), tasks) in std::mem::take(&mut after.deliveries) {
                if let Some(claim) = state.serve(&agent, number) {
                    answers.given += tasks.len();
                    answers.tasks.push((claim, tasks));
                } else {
                    answers.follow.extend(give_back(&agent, &tasks));
                }
            }
            for (op, outcome) in ops.into_iter().zip(outcomes) {
                answer(&mut state, op, outcome, (seen, now), &mut answers);
            }
            state.mark(&after.ready);
            answers
                .follow
                .extend(state.choosy_for(&after.ready).into_iter().map(Op::Claim));
            opened.retain(|part| state.is_open(part));
            opened.append(&mut state.open_parts(&after.ready));
            if !opened.is_empty() {
                answers.follow.push(Op::Match {
                    parts: opened.into_iter().collect(),
                    rechecked: false,
                });
            }
            let silences = after
                .put
                .iter()
                .map(|(agent, _)| agent)
                .chain(after.updated.values());
            let silence = silences.map(ains_core::agent::Agent::silent_at).min();
            self.note_instant(&mut state, after.next_instant);
            if !after.asked.is_empty() {
                state.asking.append(&mut after.asked);
                self.engine.questions.notify_one();
            }
            self.note_instant(&mut state, silence);
            self.spread(&mut state, &after);
        }
        if answers.given > 0 {
            answers.handed.push((now, answers.given));
        }
        self.engine.ends.ended(&after.ended);
        self.hand_on(&mut after, now);
        if after.is_unsettled {
            // Nobody is answered before every consequence is durable (semantics §2).
            let mut follow = std::mem::take(&mut answers.follow);
            follow.push(Op::Settle { held: answers });
            return follow;
        }
        self.deliver(answers)
    }

    fn refuse(&self, op: Op, error: StoreError) {
        let failed = match error {
            StoreError::Overloaded => Error::Overloaded,
            StoreError::Stopping => Error::Stopping,
            other => Error::Store(other),
        };
        match op {
            Op::Act(act) => {
                let mut post = Post::default();
                act.answer(Some(failed), &mut post);
                post.deliver();
            }
            Op::Change { reply, .. } => drop(reply.send(Err(failed))),
            Op::Report { reply, claim, .. } => {
                if let Some(claim) = claim {
                    let _ = claim.reply.send(Err(Error::Stopping));
                }
                if let Some(reply) = reply {
                    let _ = reply.send(Err(failed));
                }
            }
            Op::Submit { reply, .. } => drop(reply.send(Err(failed))),
            Op::CreateChain { reply, .. } | Op::SteerChain { reply, .. } => drop(reply.send(Err(failed))),
            Op::SteerSchedule { reply, .. } => drop(reply.send(Err(failed))),
            Op::Claim(claim) => drop(claim.reply.send(Err(failed))),
            Op::Sweep { reply } => drop(reply.send(Err(failed))),
            // What they are about is durable; the timer goes on with the rest.
            Op::Settle { held } => drop(self.deliver(held)),
            Op::Match { .. } | Op::Lost { .. } | Op::Advance(_) => {
                // Looked at again by the slow re-check.
                tracing::warn!(
                    error = &failed as &dyn std::error::Error,
                    "background work was refused"
                );
            }
        }
    }
}

impl Answers {
    /// Takes in what waited to be answered.
    fn join(&mut self, held: Self) {
        self.post.join(held.post);
        self.tasks.extend(held.tasks);
        self.handed.extend(held.handed);
        self.follow.extend(held.follow);
    }
}

impl Machine {
    /// Answers everyone; returns what follows.
    fn deliver(&self, answers: Answers) -> Vec<Op> {
        let Answers {
            post,
            tasks,
            given: _,
            handed,
            mut follow,
        } = answers;
        post.deliver();
        let lost = tasks
            .into_iter()
            .filter_map(|(claim, tasks)| deliver(claim, tasks));
        follow.extend(lost);
        let now = self.clock.now();
        for (decided, tasks) in handed {
            self.metrics.handed_out(tasks, now.since(decided));
        }
        follow
    }

    /// Brings the timer nearer, if something comes due before it would look.
    pub(crate) fn note_instant(&self, state: &mut State, at: Option<Timestamp>) {
        if let Some(at) = at
            && state.next_instant.is_none_or(|known| at < known)
        {
            state.next_instant = Some(at);
            self.engine.timer.notify_one();
        }
    }

    /// Notes whether more schedules are due than one batch fires, as a sweep found that began at `began`.
    pub(crate) fn is_behind(&self, behind: bool, began: Timestamp) {
        if !behind {
            self.behind_since.store(0, Ordering::Relaxed);
        } else if self.behind_since.load(Ordering::Relaxed) == 0 {
            self.behind_since.store(began.as_micros(), Ordering::Relaxed);
        }
    }

    /// Hands on what happened: from memory where there is one writer, else as it is read again.
    fn hand_on(&self, after: &mut batch::After, now: Timestamp) {
        let feed = &self.engine.feed;
        feed.count(after.events);
        if !after.calls.is_empty() {
            self.webhooks.notify_one();
        }
        if after.told.is_empty() {
            return;
        }
        if !after.told_at.is_empty() || self.backend == Backend::Sqlite {
            feed.told(std::mem::take(&mut after.told), &after.told_at);
            return;
        }
        feed.stored.notify_one();
        if feed.is_followed_elsewhere(now) {
            self.engine.lock().news.told = true;
            self.engine.news.notify_one();
        }
    }

    /// Collects what other servers should hear, if there are any.
    fn spread(&self, state: &mut State, after: &batch::After) {
        if !self.has_peers.load(Ordering::Relaxed) {
            return;
        }
        let State { news, pool, .. } = state;
        for (lane, clients) in &after.ready {
            let name = lane.to_string();
            let own = clients
                .iter()
                .filter(|client| pool.has_own(client, &lane.capability));
            news.own.extend(own.map(|client| (name.clone(), client.clone())));
            news.ready.insert(name);
        }
        news.agents.extend(after.updated.keys().cloned());
        news.agents
            .extend(after.put.iter().map(|(agent, _)| agent.id.clone()));
        news.agents.extend(after.removed.iter().cloned());
        news.loads
            .extend(after.loads.iter().map(|(agent, load)| (agent.clone(), *load)));
        news.agents.extend(after.freed.keys().cloned());
        if after.ended.len() <= TOLD {
            news.ended.extend(after.ended.iter().copied());
        }
        news.stops.extend(after.stops.iter().cloned());
        self.engine.news.notify_one();
    }
}

/// Takes what a batch changed about agents into memory; what they may now be given work of.
fn take_in(state: &mut State, after: &mut batch::After, now: Timestamp) -> BTreeSet<Part> {
    let mut opened = BTreeSet::new();
    for (agent, offers) in &after.put {
        state.put(agent, offers.clone());
    }
    for agent in after.updated.values() {
        state.update(agent);
    }
    for agent in &after.removed {
        state.remove(agent);
    }
    for agent in &after.assigned {
        if let Some(known) = state.roster.get_mut(agent) {
            known.assigned(now);
            state.unstored_signs.insert(agent.clone());
        }
    }
    for (agent, load) in &after.loads {
        state.set_load(agent, *load);
    }
    for (agent, fewer) in &after.freed {
        if let Some(seat) = state.pool.seat(agent) {
            (0..*fewer).for_each(|_| state.pool.release(seat));
        }
    }
    for (agent, task) in &after.stops {
        if let Some(known) = state.roster.get_mut(agent) {
            known.stop(*task);
        }
    }
    let touched: BTreeSet<&AgentId> = after
        .put
        .iter()
        .map(|(agent, _)| &agent.id)
        .chain(after.updated.keys())
        .chain(after.loads.keys())
        .chain(after.freed.keys())
        .collect();
    for agent in touched {
        state.stir(agent, now);
        if let Some(seat) = state.pool.seat(agent) {
            opened.extend(state.parts_for(seat));
        }
    }
    opened
}

/// Answers one operation, or lets its claim wait; `at` is the latest mark of the lanes and the instant of its batch.
fn answer(state: &mut State, op: Op, outcome: Outcome, at: (u64, Timestamp), answers: &mut Answers) {
    let post = &mut answers.post;
    match (op, outcome) {
        (Op::Act(act), _) => act.answer(None, post),
        (Op::Change { reply, .. }, Outcome::Changed(results)) => reply.post(Ok(results), post),
        (Op::Report { reply, claim, .. }, Outcome::Reported { results, claimed }) => {
            if let Some(reply) = reply {
                reply.post(Ok(results), post);
            }
            if let (Some(claim), Some(claimed)) = (claim, claimed) {
                answer_claim(state, claim, claimed, at, answers);
            }
        }
        (Op::Submit { reply, .. }, Outcome::Submitted(answer)) => reply.post(Ok(answer), post),
        (Op::Submit { reply, .. }, Outcome::Changed(refused)) => {
            let refusal = refused.into_iter().find_map(Result::err);
            reply.post(Err(refusal.unwrap_or(Error::Stopping)), post);
        }
        (Op::CreateChain { reply, .. } | Op::SteerChain { reply, .. }, Outcome::Chain(answer)) => {
            reply.post(answer, post);
        }
        (Op::SteerSchedule { reply, .. }, Outcome::Steered(steered)) => {
            reply.post(steered.map(|steered| *steered), post);
        }
        (Op::Claim(claim), Outcome::Claimed(claimed)) => answer_claim(state, claim, claimed, at, answers),
        (Op::Sweep { reply }, Outcome::Swept(swept)) => reply.post(Ok(swept), post),
        (Op::Settle { held }, _) => answers.join(held),
        _ => {}
    }
}

fn answer_claim(
    state: &mut State,
    claim: Claim,
    claimed: Result<Vec<StoredTask>, Error>,
    (seen, now): (u64, Timestamp),
    answers: &mut Answers,
) {
    match claimed {
        Ok(tasks) if !tasks.is_empty() => {
            // A claim that is repeated gets what it was given before.
            let given = |stored: &&StoredTask| stored.task.assigned_at.is_some_and(|at| at >= now);
            answers.given += tasks.iter().filter(given).count();
            answers.tasks.push((claim, tasks));
        }
        Ok(_)
            if claim.until.is_some_and(|until| std::time::Instant::now() < until)
                && !claim.reply.is_closed() =>
        {
            answers.follow.extend(state.wait(claim, seen, now).map(Op::Claim));
        }
        other => claim.reply.post(other, &mut answers.post),
    }
}

/// Hands tasks to the caller that waits for them; if it is gone, they go back.
fn deliver(claim: Claim, tasks: Vec<StoredTask>) -> Option<Op> {
    let Claim {
        agent,
        reply,
        claim_id,
        ..
    } = claim;
    match reply.send(Ok(tasks)) {
        // Without a claim id it cannot ask for them again.
        Err(Ok(tasks)) if claim_id.is_none() => give_back(&agent, &tasks),
        _ => None,
    }
}

/// Gives tasks back that reached nobody, if there are any.
fn give_back(agent: &AgentId, tasks: &[StoredTask]) -> Option<Op> {
    if tasks.is_empty() {
        return None;
    }
    let deliveries = tasks
        .iter()
        .map(|stored| Delivery {
            report: Report {
                task: stored.task.id,
                agent: agent.clone(),
                attempt: Some(stored.task.attempt),
                kind: ReportKind::Release,
            },
            result: None,
            usage: None,
            progress: None,
        })
        .collect();
    Some(Op::Report {
        deliveries,
        reply: None,
        claim: None,
    })
}
