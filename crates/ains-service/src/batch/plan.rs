//! What a batch must know before it locks anything: who gets the new tasks, what has come due.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use ains_core::dependency::{Edge, Ending, NOT_NEEDED};
use ains_core::task::ReportKind;
use ains_core::{AgentId, ChainId, Lane, ScheduleId, Task, TaskId, Timestamp};
use ains_store::dependencies::{Along, Reader};
use ains_store::tasks::StoredTask;
use ains_store::{Conn, StoreError, agents, dependencies, tasks};

use super::Context;
use super::hand_out;
use super::settle::reached;
use crate::engine::{Engine, How, Part, Pick, Ready};
use crate::metrics::LATE;
use crate::model::Delivery;
use crate::op::{Change, ChangeKind, Op};

/// Most instants of each kind that one sweep takes.
const SWEEP: i64 = 256;

/// Most ended tasks whose dependants are told in a transaction of their own.
const UNSETTLED: i64 = 1000;

/// Most silent agents that one look takes.
const SILENT: i64 = 100;

/// Most tasks of a lane that one match places.
pub(super) const MATCH: u32 = 64;

/// What was reserved and looked up.
pub(crate) struct Plan {
    /// Who gets which new task, by operation and place in it.
    pub(super) submitted: BTreeMap<(usize, usize), Pick>,
    /// Ready tasks and who gets them, in order.
    pub(super) matched: Vec<(StoredTask, Pick)>,
    /// Tasks for which an instant has come, and who holds them.
    pub(super) overdue: BTreeMap<TaskId, Option<AgentId>>,
    /// Agents that may be silent, and what they hold.
    pub(super) silent: BTreeMap<AgentId, Vec<TaskId>>,
    /// Ended tasks whose dependants have not all been told.
    pub(super) unsettled: Vec<TaskId>,
    /// Tasks that wait for what may end in this batch.
    pub(super) dependants: BTreeSet<TaskId>,
    /// The edges to them, as they were before anything was locked.
    pub(super) edges: Reader,
    /// Whether edges, or who waits at them, change in this batch before ends are carried along them.
    pub(super) edges_may_change: bool,
    /// How the tasks end that may end in this batch.
    endings: BTreeMap<TaskId, Ending>,
    /// Whether ends may go further than to those that wait for them.
    goes_far: bool,
    /// Lanes that a match found empty.
    pub(super) emptied: BTreeSet<Lane>,
    /// Lanes that a match did not come to the end of.
    pub(super) unfinished: Ready,
    /// What only a re-check found.
    rechecked: BTreeSet<Part>,
    /// Whether what is unsettled was found by the timer, and is not known to be carried on.
    pub(super) found_unsettled: bool,
    /// Every pick, in order.
    picks: Vec<Pick>,
    /// Picks that came to nothing.
    rejected: Vec<Pick>,
}

impl Plan {
    pub(super) fn make(context: &Context<'_>, conn: &mut Conn, ops: &[Op]) -> Result<Self, StoreError> {
        let mut plan = Self {
            submitted: BTreeMap::new(),
            matched: Vec::new(),
            overdue: BTreeMap::new(),
            silent: BTreeMap::new(),
            unsettled: Vec::new(),
            dependants: BTreeSet::new(),
            edges: Reader::new(Along::Waiting),
            edges_may_change: false,
            endings: BTreeMap::new(),
            goes_far: false,
            emptied: BTreeSet::new(),
            unfinished: Ready::new(),
            rechecked: BTreeSet::new(),
            found_unsettled: false,
            picks: Vec::new(),
            rejected: Vec::new(),
        };
        let mut parts = BTreeSet::new();
        if ops
            .iter()
            .any(|op| matches!(op, Op::Sweep { .. } | Op::Settle { .. }))
        {
            plan.unsettled = dependencies::unsettled(conn, UNSETTLED)?;
            plan.found_unsettled = !ops.iter().any(|op| matches!(op, Op::Settle { .. }));
        }
        for op in ops {
            match op {
                Op::Match {
                    parts: ready,
                    rechecked: false,
                } => parts.extend(ready.iter().cloned()),
                Op::Match {
                    parts: ready,
                    rechecked: true,
                } => plan.rechecked.extend(ready.iter().cloned()),
                Op::Sweep { .. } if plan.overdue.is_empty() && plan.silent.is_empty() => {
                    plan.overdue.extend(tasks::overdue(conn, context.now, SWEEP)?);
                    for agent in agents::silent(conn, context.now, SILENT)? {
                        let held = tasks::held_by(conn, &agent)?;
                        plan.silent.insert(agent, held);
                    }
                }
                _ => {}
            }
        }
        plan.rechecked.retain(|part| parts.insert(part.clone()));
        let result = plan
            .match_lanes(context, conn, &parts)
            .and_then(|()| plan.look_at_dependants(context, conn, ops));
        if let Err(error) = result {
            plan.undo(context.engine);
            return Err(error);
        }
        plan.pick_for_submissions(context, ops);
        context.engine.lock().seal(&plan.picks);
        Ok(plan)
    }

    fn pick_for_submissions(&mut self, context: &Context<'_>, ops: &[Op]) {
        let mut state = context.engine.lock();
        for (number, op) in ops.iter().enumerate() {
            let Op::Submit {
                tasks, push: true, ..
            } = op
            else {
                continue;
            };
            for (place, (_, new)) in tasks.iter().enumerate() {
                let spec = &new.spec;
                // What waits for others is as a rule not ready; if it is, it is matched after this.
                if spec.run_at.is_some_and(|at| at > context.now) || !new.depends_on.is_empty() {
                    continue;
                }
                let lane = Lane::new(spec.capability.as_str(), spec.min_trust);
                let how = How {
                    client: &spec.client,
                    strategy: spec.strategy,
                    heartbeat_needed: spec.heartbeat_needed,
                };
                if let Some(pick) = state.pick(how, &lane, context.entropy) {
                    self.picks.push(pick.clone());
                    self.submitted.insert((number, place), pick);
                }
            }
        }
    }

    /// Looks who waits for what may end in this batch, and how far that may go.
    fn look_at_dependants(
        &mut self,
        context: &Context<'_>,
        conn: &mut Conn,
        ops: &[Op],
    ) -> Result<(), StoreError> {
        self.edges_may_change = changes(ops).any(|change| {
            let retries = matches!(change.kind, ChangeKind::RetryNow { .. } | ChangeKind::RetryLater);
            retries || change.new_dependencies().is_some()
        });
        self.goes_far = context.engine.graphs_first.swap(false, Ordering::Relaxed);
        self.endings = self.may_end(conn, ops)?;
        if self.endings.is_empty() {
            return Ok(());
        }
        let ends: Vec<TaskId> = self.endings.keys().copied().collect();
        let edges = self.edges.look(conn, &ends)?;
        self.dependants
            .extend(edges.iter().map(|stored| stored.edge.task));
        self.goes_far |= edges.iter().any(|stored| goes_on(&stored.edge, &self.endings));
        Ok(())
    }

    /// After the graphs have been locked: everything that the ends of this batch may reach, so that it
    /// is locked in one go with the rest.
    pub(super) fn look_far(&mut self, conn: &mut Conn, most: usize) -> Result<(), StoreError> {
        self.dependants.extend(reached(conn, &self.endings, most)?);
        Ok(())
    }

    /// Chooses an agent for a task that became ready in this batch.
    pub(super) fn pick(&mut self, context: &Context<'_>, task: &Task) -> Option<Pick> {
        let how = How {
            client: &task.client,
            strategy: task.strategy,
            heartbeat_needed: task.heartbeat_needed,
        };
        let mut state = context.engine.lock();
        let pick = state.pick(how, &task.lane(), context.entropy)?;
        state.seal(std::slice::from_ref(&pick));
        self.picks.push(pick.clone());
        Some(pick)
    }

    /// Chooses agents for the ready tasks at the heads of `parts`, as far as there are any.
    fn match_lanes(
        &mut self,
        context: &Context<'_>,
        conn: &mut Conn,
        parts: &BTreeSet<Part>,
    ) -> Result<(), StoreError> {
        let mut matched = BTreeSet::new();
        for Part { lane, client } in parts {
            let turns = {
                let state = context.engine.lock();
                if !state.pool.is_open(client.as_ref(), &lane.capability, lane.tenth) {
                    continue;
                }
                state.lanes.turns(lane)
            };
            let heads = hand_out::in_turn(conn, (lane, client.as_ref()), MATCH, turns, tasks::Look::Peek)?;
            if heads.is_empty() && client.is_none() {
                self.emptied.insert(lane.clone());
            }
            let full = heads.len() >= MATCH as usize;
            let mut state = context.engine.lock();
            let mut placed = 0;
            for (_, stored) in heads {
                let task = &stored.task;
                let how = How {
                    client: &task.client,
                    strategy: task.strategy,
                    heartbeat_needed: task.heartbeat_needed,
                };
                // At the head of the lane it may be, and of what its client has there.
                if matched.contains(&task.id) {
                    continue;
                }
                let Some(pick) = state.pick(how, lane, context.entropy) else {
                    continue;
                };
                matched.insert(task.id);
                self.picks.push(pick.clone());
                self.matched.push((stored, pick));
                placed += 1;
            }
            if full && placed > 0 {
                self.unfinished
                    .entry(lane.clone())
                    .or_default()
                    .extend(client.clone());
            }
        }
        Ok(())
    }

    /// Whether `task` and the agent that was picked for it missed each other until a re-check found them: both were
    /// as they are for so long that nothing else can be about to bring them together.
    pub(super) fn is_repair(&self, engine: &Engine, task: &Task, pick: &Pick, now: Timestamp) -> bool {
        let still = |since: Timestamp| since + LATE <= now;
        !self.rechecked.is_empty()
            && self
                .rechecked
                .iter()
                .any(|part| part.holds(&task.lane(), &task.client))
            && task.gate_since.is_some_and(still)
            && engine
                .lock()
                .roster
                .get(&pick.agent)
                .is_some_and(|known| still(known.stirred))
    }

    /// Whether there may be more ended tasks whose dependants have not been told.
    pub(super) fn is_more_unsettled(&self) -> bool {
        i64::try_from(self.unsettled.len()).is_ok_and(|read| read >= UNSETTLED)
    }

    /// Every agent that the batch may change.
    pub(super) fn agents(&self, ops: &[Op]) -> BTreeSet<AgentId> {
        let mut agents: BTreeSet<AgentId> = self.picks.iter().map(|pick| pick.agent.clone()).collect();
        agents.extend(self.overdue.values().flatten().cloned());
        agents.extend(self.silent.keys().cloned());
        for op in ops {
            match op {
                Op::Report {
                    deliveries, claim, ..
                } => {
                    agents.extend(deliveries.iter().map(|delivery| delivery.report.agent.clone()));
                    agents.extend(claim.as_ref().map(|claim| claim.agent.clone()));
                }
                Op::Claim(claim) => drop(agents.insert(claim.agent.clone())),
                Op::Lost { agent, .. } => drop(agents.insert(agent.clone())),
                _ => {}
            }
        }
        agents
    }

    /// Every stored task that the batch may change, but for those that claims find.
    pub(super) fn tasks(&self, ops: &[Op]) -> BTreeSet<TaskId> {
        let mut ids: BTreeSet<TaskId> = self.matched.iter().map(|(stored, _)| stored.task.id).collect();
        ids.extend(self.overdue.keys());
        ids.extend(self.silent.values().flatten());
        ids.extend(&self.unsettled);
        for op in ops {
            match op {
                Op::Report { deliveries, .. } => {
                    ids.extend(deliveries.iter().map(|delivery| delivery.report.task));
                }
                Op::Change { changes, .. } => {
                    for change in changes {
                        ids.insert(change.task);
                        if let Some(depends_on) = change.new_dependencies() {
                            ids.extend(depends_on.iter().map(|dependency| dependency.on));
                        }
                    }
                }
                Op::Submit { tasks, .. } => {
                    let dependencies = tasks.iter().flat_map(|(_, new)| &new.depends_on);
                    ids.extend(dependencies.map(|dependency| dependency.on));
                }
                Op::Lost { tasks, .. } => ids.extend(tasks),
                _ => {}
            }
        }
        ids
    }

    /// The chains that `ops` are about; more come with the tasks that end.
    pub(super) fn chains(ops: &[Op]) -> BTreeSet<ChainId> {
        let named = ops.iter().filter_map(|op| match op {
            Op::SteerChain { chain, .. } => Some(*chain),
            Op::Advance(found) => Some(found.chain),
            _ => None,
        });
        named.collect()
    }

    /// The schedules that `ops` are about; more come with the tasks that end, and with time.
    pub(super) fn schedules(ops: &[Op]) -> BTreeSet<ScheduleId> {
        let named = ops.iter().filter_map(|op| match op {
            Op::SteerSchedule { schedule, .. } => Some(*schedule),
            _ => None,
        });
        named.collect()
    }

    /// The tasks that may end in this batch, and how, as far as can be said before they are locked.
    fn may_end(&self, conn: &mut Conn, ops: &[Op]) -> Result<BTreeMap<TaskId, Ending>, StoreError> {
        let mut endings = BTreeMap::new();
        let mut failing = BTreeMap::new();
        let lost = self.overdue.keys().chain(self.silent.values().flatten());
        endings.extend(lost.map(|task| (*task, Ending::Failed)));
        for op in ops {
            match op {
                Op::Report { deliveries, .. } => {
                    for Delivery { report, .. } in deliveries {
                        match &report.kind {
                            ReportKind::Complete => drop(endings.insert(report.task, Ending::Completed)),
                            ReportKind::Fail(failure) => drop(failing.insert(report.task, failure)),
                            _ => {}
                        }
                    }
                }
                Op::Lost { tasks, .. } => endings.extend(tasks.iter().map(|task| (*task, Ending::Failed))),
                _ => {}
            }
        }
        for change in changes(ops) {
            let ending = match &change.kind {
                ChangeKind::Cancel { reason } if reason == NOT_NEEDED => Ending::NotNeeded,
                ChangeKind::Cancel { .. } => Ending::Cancelled,
                // What it waits for from now on may have failed.
                ChangeKind::RetryNow { .. } | ChangeKind::RetryLater => Ending::Failed,
                ChangeKind::Edit(edit) if edit.depends_on.is_some() => Ending::Failed,
                ChangeKind::Edit(_) => continue,
            };
            endings.insert(change.task, ending);
        }
        let looked_at: Vec<TaskId> = failing.keys().chain(&self.unsettled).copied().collect();
        for task in tasks::states(conn, &looked_at)? {
            let ending = match failing.get(&task.id) {
                Some(failure) => task.is_final(failure).then_some(Ending::Failed),
                None => task.ending(),
            };
            endings.extend(ending.map(|ending| (task.id, ending)));
        }
        Ok(endings)
    }

    /// The tasks that may end in this batch.
    pub(super) fn ends(&self) -> impl Iterator<Item = TaskId> {
        self.endings.keys().copied()
    }

    /// Whether the batch changes stored edges, or goes far along them, and so must do it alone.
    pub(super) fn changes_graphs(&self, ops: &[Op]) -> bool {
        let changes_edges = |change: &Change| {
            change.new_dependencies().is_some()
                || matches!(change.kind, ChangeKind::RetryNow { cascade: true })
        };
        self.goes_far || !self.unsettled.is_empty() || changes(ops).any(changes_edges)
    }

    /// A pick that the transaction could not keep; given back after the commit.
    pub(super) fn reject(&mut self, pick: Pick) {
        self.rejected.push(pick);
    }

    /// Gives back what came to nothing although the transaction was committed.
    pub(crate) fn settle(&self, state: &mut crate::engine::State) {
        self.rejected.iter().rev().for_each(|pick| state.unpick(pick));
    }

    /// Gives everything back: the transaction was not committed. Newest first, so that the pool
    /// is as it was.
    pub(crate) fn undo(&self, engine: &Engine) {
        let mut state = engine.lock();
        self.picks.iter().rev().for_each(|pick| state.unpick(pick));
    }
}

/// What clients change.
fn changes(ops: &[Op]) -> impl Iterator<Item = &Change> {
    let changes = ops.iter().filter_map(|op| match op {
        Op::Change { changes, .. } => Some(changes),
        _ => None,
    });
    changes.flatten()
}

/// Whether the end of what the task of `edge` waits for is its end too.
fn goes_on(edge: &Edge<TaskId>, endings: &BTreeMap<TaskId, Ending>) -> bool {
    let ending = endings.get(&edge.on);
    ending.is_some_and(|ending| edge.when.judge(*ending).ending().is_some())
}
