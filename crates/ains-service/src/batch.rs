//! One transaction of the writer: everything that waits, loaded, decided and saved together.
//!
//! The order within a batch is fixed. Nobody in it has been answered yet, so any order is a
//! valid one, and this one needs each statement once:
//!
//! 1. `plan`: reserve agents in memory for new tasks, look up what has come due;
//! 2. closures (registrations and the like);
//! 3. lock the agents, then the tasks, each by id; count what the agents hold;
//! 4. `changes`: what agents report, clients change and the clock says;
//! 5. `settle`: what follows from it for the tasks that wait for those that ended;
//! 6. `follow`: what schedules and chains are to do because of clients, of time, and of tasks that
//!    ended; their new tasks are like loaded ones from here on;
//! 7. `hand_out::place`: ready tasks for agents with room (matches); then `route`: what became ready
//!    in this batch;
//! 8. save, then insert what was submitted;
//! 9. claims, which read the queues as they are now;
//! 10. save agents, attempts, trust and counters; count the uses of templates.
//!
//! Locks are taken in the order agents, schedules, chains, tasks. What must happen after the commit is collected in
//! [`After`].

mod chains;
mod changes;
mod depend;
mod effects;
mod follow;
mod hand_out;
pub(crate) mod once;
mod plan;
mod positions;
mod route;
mod save;
mod schedules;
mod settle;
mod submit;
mod tally;
mod tell;
mod templates;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ains_core::agent::{Agent, AgentStatus};
use ains_core::chain::Place;
use ains_core::directory::Offer;
use ains_core::effect::Attempt;
use ains_core::fair::Turns;
use ains_core::webhook::Directory;
use ains_core::{AgentId, ChainId, Event, Lane, Status, Task, TaskId, Timestamp};
use ains_store::counters::Deltas;
use ains_store::deliveries::NewDelivery;
use ains_store::dependencies::NewEdge;
use ains_store::slots::Run;
use ains_store::tasks::{Load, StoredTask};
use ains_store::trust::TrustRecord;
use ains_store::{Backend, Conn, StoreError};

use self::chains::LoadedChain;
pub(crate) use self::plan::Plan;
use self::positions::Positions;
use self::schedules::Schedules;
pub(crate) use self::tally::{in_status, minute, pending_of};
pub(crate) use self::tell::DELIVERIES;
use crate::chains::Plans;
use crate::engine::{Engine, Ready, Subject};
use crate::entropy::Entropy;
use crate::error::Error;
use crate::metrics::Counts;
use crate::model::{Answer, ChainSummary, Changed, Steered};
use crate::op::Op;
use crate::schema::Schemas;
use crate::settings::Settings;

/// What a closure works on.
pub(crate) struct Tx<'a> {
    /// The connection, inside the transaction.
    pub(crate) conn: &'a mut Conn,
    /// The instant of the transaction.
    pub(crate) now: Timestamp,
    /// Ids and chance.
    pub(crate) entropy: &'a Entropy,
    /// Whether what happens is followed, or kept for those who will.
    pub(crate) is_heard: bool,
    /// The webhooks that are told of what happens.
    pub(crate) hooks: Arc<Directory>,
    /// What to do after the commit.
    pub(crate) after: After,
}

/// What to do after the commit.
#[derive(Default)]
pub(crate) struct After {
    /// Agents to be taken in anew, with what they offer.
    pub(crate) put: Vec<(Agent, Vec<Offer>)>,
    /// Agents whose row changed.
    pub(crate) updated: BTreeMap<AgentId, Agent>,
    /// Agents that are gone.
    pub(crate) removed: Vec<AgentId>,
    /// What agents hold now, where it was counted.
    pub(crate) loads: BTreeMap<AgentId, Load>,
    /// What agents hold less, where it was not counted.
    pub(crate) freed: BTreeMap<AgentId, u32>,
    /// Agents that were given something.
    pub(crate) assigned: BTreeSet<AgentId>,
    /// The lanes in which tasks became ready.
    pub(crate) ready: Ready,
    /// Lanes that were found empty.
    pub(crate) emptied: BTreeSet<Lane>,
    /// What was handed out, by lane and priority, in order.
    pub(crate) served: Vec<(Lane, u8)>,
    /// What ended.
    pub(crate) ended: Vec<Subject>,
    /// Chains that wait for expressions to be evaluated.
    pub(crate) asked: BTreeSet<ChainId>,
    /// What agents should stop working on.
    pub(crate) stops: Vec<(AgentId, TaskId)>,
    /// The nearest instant at which something of this batch comes due.
    pub(crate) next_instant: Option<Timestamp>,
    /// Tasks for waiting claims.
    pub(crate) deliveries: BTreeMap<(AgentId, u64), Vec<StoredTask>>,
    /// What happened, for those who follow it.
    pub(crate) told: Vec<Event>,
    /// Where that is stored, if its place is known: positions, and how many events each holds.
    pub(crate) told_at: Vec<(i64, usize)>,
    /// What webhooks are to be told.
    pub(crate) calls: Vec<NewDelivery>,
    /// How much happened, heard or not.
    pub(crate) events: usize,
    /// Statistics, which are stored.
    pub(crate) deltas: Deltas,
    /// What this server counts for itself.
    pub(crate) counts: Counts,
    /// Whether some dependants of what ended have not been told yet.
    pub(crate) is_unsettled: bool,
}

impl After {
    /// Counts `delta` on a running total.
    pub(crate) fn count(&mut self, name: &'static str, delta: i64) {
        self.count_at(name, 0, delta);
    }

    /// Counts `delta` on the figure of a minute.
    fn count_at(&mut self, name: &'static str, minute: i64, delta: i64) {
        *self.deltas.entry((name, minute)).or_default() += delta;
    }

    /// Counts what happened.
    fn count_events(&mut self, more: usize) {
        self.events += more;
    }

    /// Notes that `task` is ready.
    fn became_ready(&mut self, task: &Task) {
        let clients = self.ready.entry(task.lane()).or_default();
        if !clients.contains(&task.client) {
            clients.insert(task.client.clone());
        }
    }

    /// Brings the next instant nearer.
    pub(crate) fn due(&mut self, at: Option<Timestamp>) {
        self.next_instant = match (self.next_instant, at) {
            (Some(known), Some(at)) => Some(known.min(at)),
            (known, at) => known.or(at),
        };
    }

    /// Brings the next instant nearer to those of `task`.
    fn due_with(&mut self, task: &Task) {
        self.due(task.due_at);
        self.due(task.lease_expires_at);
        self.due(task.expires_at.filter(|_| !task.status.is_terminal()));
    }
}

/// What each operation of a batch came to.
pub(crate) enum Outcome {
    /// Answered elsewhere, or by nobody.
    Nothing,
    Changed(Vec<Result<Changed, Error>>),
    Reported {
        results: Vec<Result<Task, Error>>,
        claimed: Option<Result<Vec<StoredTask>, Error>>,
    },
    Submitted(Answer<Vec<Task>>),
    Chain(Result<Answer<ChainSummary>, Error>),
    Steered(Result<Box<Answer<Steered>>, Error>),
    Claimed(Result<Vec<StoredTask>, Error>),
    Swept(Swept),
}

/// What had come due.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Swept {
    /// Tasks that were judged.
    pub(crate) tasks: u64,
    /// Schedules whose time had come.
    pub(crate) schedules: u64,
    /// How many of both were long due.
    pub(crate) late: u64,
}

/// What a committed batch left to do.
pub(crate) struct Committed {
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) after: After,
    pub(crate) plan: Plan,
    /// The latest mark of the lanes when the batch began to look.
    pub(crate) seen: u64,
    pub(crate) now: Timestamp,
}

/// A task that this batch works on.
struct Loaded {
    stored: StoredTask,
    /// Its state before, for the counters; `None` for a new one, which is inserted.
    before: Option<(Status, u8)>,
    was_leased: bool,
    dirty: bool,
    /// Whether it was put into a queue in this batch.
    queued: bool,
}

impl Loaded {
    /// A task that is made in this batch.
    fn new_task(stored: StoredTask) -> Self {
        Self {
            stored,
            before: None,
            was_leased: false,
            dirty: true,
            queued: false,
        }
    }
}

/// One batch at work.
struct Batch<'a> {
    tx: Tx<'a>,
    engine: &'a Engine,
    settings: &'a Settings,
    /// Since when silence counts (semantics §1.2).
    listening_since: Timestamp,
    /// Since when this server works alone, if it has always done so.
    alone_since: Option<Timestamp>,
    agents: BTreeMap<AgentId, Agent>,
    agents_before: BTreeMap<AgentId, AgentStatus>,
    plans: &'a Plans,
    schemas: &'a Schemas,
    changed_agents: BTreeSet<AgentId>,
    tasks: BTreeMap<TaskId, Loaded>,
    attempts: Vec<Attempt>,
    trust: Vec<TrustRecord>,
    positions: Positions,
    /// Whose turn it is in the lanes of this batch.
    turns: BTreeMap<Lane, Turns>,
    /// What was submitted, to be stored in one statement.
    new_tasks: Vec<StoredTask>,
    /// What they wait for.
    new_edges: Vec<NewEdge>,
    /// Ended tasks whose dependants have been told.
    settled: BTreeSet<TaskId>,
    /// Whether no other transaction changes edges or carries ends far; on SQLite none ever does.
    graphs_locked: bool,
    /// The chains that this batch works on.
    chains: BTreeMap<ChainId, LoadedChain>,
    /// Ended tasks whose chains have been told.
    followed: BTreeSet<TaskId>,
    /// Tasks of chains that could not be made, and why; their chains have not been told.
    unstartable: Vec<(ChainId, Place, String)>,
    /// Steps whose items all have one input, and why no task can be made with it.
    unfit: BTreeMap<(ChainId, u32), String>,
    /// The schedules that this batch works on.
    schedules: Schedules,
    /// The templates that this batch has looked up.
    templates: templates::Known,
    /// Since when more schedules have been due than one batch fires; `None` if that is not so.
    behind_since: Option<Timestamp>,
}

/// What a batch needs besides its operations.
pub(crate) struct Context<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) entropy: &'a Entropy,
    pub(crate) settings: &'a Settings,
    pub(crate) plans: &'a Plans,
    /// The webhooks that are told of what happens.
    pub(crate) hooks: Arc<Directory>,
    pub(crate) schemas: &'a Schemas,
    pub(crate) listening_since: Timestamp,
    /// Since when more schedules have been due than one batch fires.
    pub(crate) behind_since: Option<Timestamp>,
    pub(crate) now: Timestamp,
    /// Since when this server works alone, if it has always done so.
    pub(crate) alone_since: Option<Timestamp>,
    /// Names the writer's counters.
    pub(crate) writer: &'a str,
}

impl Context<'_> {
    /// Whether anybody follows what happens: now, or later because it is kept.
    fn is_heard(&self) -> bool {
        !self.settings.event_retention.is_zero() || self.engine.feed.is_followed(self.now)
    }
}

/// Runs `ops` in the transaction on `conn`.
pub(crate) fn run(context: &Context<'_>, conn: &mut Conn, ops: &mut [Op]) -> Result<Committed, StoreError> {
    let seen = context.engine.lock().lanes.latest();
    let mut plan = Plan::make(context, conn, ops)?;
    match execute(context, conn, ops, &mut plan) {
        Ok((outcomes, after)) => Ok(Committed {
            outcomes,
            after,
            plan,
            seen,
            now: context.now,
        }),
        Err(error) => {
            plan.undo(context.engine);
            Err(error)
        }
    }
}

fn execute(
    context: &Context<'_>,
    conn: &mut Conn,
    ops: &mut [Op],
    plan: &mut Plan,
) -> Result<(Vec<Outcome>, After), StoreError> {
    let tx = Tx {
        conn,
        now: context.now,
        entropy: context.entropy,
        is_heard: context.is_heard(),
        hooks: Arc::clone(&context.hooks),
        after: After::default(),
    };
    let mut batch = Batch {
        tx,
        engine: context.engine,
        settings: context.settings,
        listening_since: context.listening_since,
        alone_since: context.alone_since,
        agents: BTreeMap::new(),
        agents_before: BTreeMap::new(),
        plans: context.plans,
        schemas: context.schemas,
        changed_agents: BTreeSet::new(),
        tasks: BTreeMap::new(),
        attempts: Vec::new(),
        trust: Vec::new(),
        positions: Positions::default(),
        turns: BTreeMap::new(),
        new_tasks: Vec::new(),
        new_edges: Vec::new(),
        settled: BTreeSet::new(),
        graphs_locked: false,
        chains: BTreeMap::new(),
        followed: BTreeSet::new(),
        schedules: Schedules::default(),
        templates: templates::Known::new(),
        unstartable: Vec::new(),
        unfit: BTreeMap::new(),
        behind_since: context.behind_since,
    };
    batch.lock_graphs(ops, plan)?;
    for op in ops.iter_mut() {
        if let Op::Act(act) = op {
            act.run(&mut batch.tx)?;
        }
    }
    batch.lock(ops, plan)?;
    let mut outcomes = Vec::with_capacity(ops.len());
    for op in ops.iter() {
        outcomes.push(batch.change(op, plan)?);
    }
    batch.settle(plan)?;
    batch.follow(ops, plan, &mut outcomes)?;
    batch.place_matches(plan);
    batch.route_ready(context, plan)?;
    batch.save_tasks()?;
    for (number, op) in ops.iter().enumerate() {
        if let Op::Submit { .. } = op {
            outcomes[number] = batch.submit(number, op, plan)?;
        }
    }
    ains_store::tasks::insert(batch.tx.conn, &batch.new_tasks)?;
    ains_store::dependencies::insert(batch.tx.conn, &batch.new_edges)?;
    for (op, outcome) in ops.iter().zip(&mut outcomes) {
        match (op, outcome) {
            (Op::Claim(claim), outcome) => *outcome = Outcome::Claimed(batch.claim(claim)?),
            (
                Op::Report {
                    claim: Some(claim), ..
                },
                Outcome::Reported { results, claimed },
            ) if !claim.only_after_success || results.iter().all(Result::is_ok) => {
                *claimed = Some(batch.claim(claim)?);
            }
            _ => {}
        }
    }
    batch.complete_handed(&mut outcomes)?;
    batch.save_rest(context.writer)?;
    Ok((outcomes, batch.tx.after))
}

impl Batch<'_> {
    /// Keeps other transactions from the graphs, if this one changes them or carries ends far along them,
    /// and finds out how far.
    fn lock_graphs(&mut self, ops: &[Op], plan: &mut Plan) -> Result<(), StoreError> {
        if self.tx.conn.backend() == Backend::Sqlite {
            self.graphs_locked = true;
        } else if plan.changes_graphs(ops) {
            ains_store::dependencies::lock_graphs(self.tx.conn)?;
            plan.look_far(self.tx.conn, self.settings.cascade)?;
            self.graphs_locked = true;
        }
        Ok(())
    }

    /// Locks the agents, schedules, chains and tasks that this batch is about, and counts what the agents
    /// hold, in this order.
    fn lock(&mut self, ops: &[Op], plan: &Plan) -> Result<(), StoreError> {
        let agents: Vec<AgentId> = plan.agents(ops).into_iter().collect();
        if !agents.is_empty() {
            let locked = ains_store::agents::lock(self.tx.conn, &agents)?;
            self.take_in(locked, &agents)?;
        }
        let mut tasks = plan.tasks(ops);
        let mut chains = Plan::chains(ops);
        let mut schedules = Plan::schedules(ops);
        let locks = self.tx.conn.backend() == Backend::Postgres;
        if locks {
            // A chain is locked before its tasks: its end takes others of them along. So is a schedule, which
            // may make more.
            let may_end: Vec<TaskId> = plan.ends().collect();
            let named: Vec<ChainId> = chains.iter().copied().collect();
            schedules.extend(ains_store::chains::schedules_of(self.tx.conn, &named)?);
            let wholes = ains_store::tasks::wholes(self.tx.conn, &may_end)?;
            chains.extend(wholes.chains);
            schedules.extend(wholes.schedules);
            // All rows in one go and in order, so that no two batches wait for each other; what
            // else becomes known to be waiting after this is few, and locked when it is found.
            tasks.extend(&plan.dependants);
        }
        let named = schedules.clone();
        self.load_schedules(schedules)?;
        if ops.iter().any(|op| matches!(op, Op::Sweep { .. })) {
            self.load_due_schedules()?;
        }
        if locks {
            for run in self.cancellable(&named)? {
                match run {
                    Run::Task(task) => drop(tasks.insert(task)),
                    Run::Chain(chain) => drop(chains.insert(chain)),
                }
            }
        }
        self.load_chains(chains)?;
        self.load(tasks)
    }

    /// Takes in agents that have been locked, and counts what they hold, in a statement of its own
    /// after the locks (architecture §3).
    fn take_in(&mut self, locked: Vec<Agent>, counted: &[AgentId]) -> Result<(), StoreError> {
        for agent in locked {
            self.agents_before.insert(agent.id.clone(), agent.status);
            self.agents.insert(agent.id.clone(), agent);
        }
        let loads = ains_store::tasks::loads(self.tx.conn, counted)?;
        self.tx.after.loads.extend(loads);
        Ok(())
    }

    /// Locks tasks that are not loaded yet, in order of id, and loads them.
    fn load(&mut self, tasks: impl IntoIterator<Item = TaskId>) -> Result<(), StoreError> {
        let missing: BTreeSet<TaskId> = tasks
            .into_iter()
            .filter(|task| !self.tasks.contains_key(task))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let missing: Vec<TaskId> = missing.into_iter().collect();
        for stored in ains_store::tasks::lock(self.tx.conn, &missing)? {
            let before = Some((stored.task.status, stored.task.priority));
            let was_leased = stored.task.status.is_leased();
            self.tasks.insert(
                stored.task.id,
                Loaded {
                    stored,
                    before,
                    was_leased,
                    dirty: false,
                    queued: false,
                },
            );
        }
        Ok(())
    }

    fn load_of(&self, agent: &AgentId) -> u32 {
        self.tx.after.loads.get(agent).map_or(0, |load| load.held)
    }
}
