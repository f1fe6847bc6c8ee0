//! What a batch must know before it locks anything: who gets the new tasks, what has come due.

use std::collections::{BTreeMap, BTreeSet};

use ains_core::{AgentId, Lane, TaskId};
use ains_store::tasks::StoredTask;
use ains_store::{Conn, StoreError, agents, tasks};

use super::Context;
use super::hand_out;
use crate::engine::{Engine, How, Pick};
use crate::op::Op;

/// Most instants of each kind that one sweep takes.
const SWEEP: i64 = 256;

/// Most silent agents that one look takes.
const SILENT: i64 = 100;

/// Most tasks of a lane that one match places.
pub(super) const MATCH: u32 = 64;

/// What was reserved and looked up.
#[derive(Default)]
pub(crate) struct Plan {
    /// Who gets which new task, by operation and place in it.
    pub(super) submitted: BTreeMap<(usize, usize), Pick>,
    /// Ready tasks and who gets them, in order.
    pub(super) matched: Vec<(StoredTask, Pick)>,
    /// Tasks for which an instant has come, and who holds them.
    pub(super) overdue: BTreeMap<TaskId, Option<AgentId>>,
    /// Agents that may be silent, and what they hold.
    pub(super) silent: BTreeMap<AgentId, Vec<TaskId>>,
    /// Lanes that a match found empty.
    pub(super) emptied: BTreeSet<Lane>,
    /// Lanes that a match did not come to the end of.
    pub(super) unfinished: BTreeSet<Lane>,
    /// Every pick, in order.
    picks: Vec<Pick>,
    /// Picks that came to nothing.
    rejected: Vec<Pick>,
}

impl Plan {
    pub(super) fn make(context: &Context<'_>, conn: &mut Conn, ops: &[Op]) -> Result<Self, StoreError> {
        let mut plan = Self::default();
        let mut lanes = BTreeSet::new();
        for op in ops {
            match op {
                Op::Match(ready) => lanes.extend(ready.iter().cloned()),
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
        let result = plan.match_lanes(context, conn, &lanes);
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
                if spec.run_at.is_some_and(|at| at > context.now) {
                    continue;
                }
                let lane = Lane::new(spec.capability.as_str(), spec.min_trust);
                let how = How {
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

    /// Chooses agents for the ready tasks at the head of `lanes`, as far as there are any.
    fn match_lanes(
        &mut self,
        context: &Context<'_>,
        conn: &mut Conn,
        lanes: &BTreeSet<Lane>,
    ) -> Result<(), StoreError> {
        for lane in lanes {
            if !context.engine.lock().somebody_for(lane, context.entropy) {
                continue;
            }
            let turns = context.engine.lock().lanes.turns(lane);
            let heads = hand_out::in_turn(conn, lane, MATCH, turns, tasks::Look::Peek)?;
            if heads.is_empty() {
                self.emptied.insert(lane.clone());
            }
            let full = heads.len() >= MATCH as usize;
            let mut state = context.engine.lock();
            let mut placed = 0;
            for (_, stored) in heads {
                let how = How {
                    strategy: stored.task.strategy,
                    heartbeat_needed: stored.task.heartbeat_needed,
                };
                let Some(pick) = state.pick(how, lane, context.entropy) else {
                    continue;
                };
                self.picks.push(pick.clone());
                self.matched.push((stored, pick));
                placed += 1;
            }
            if full && placed > 0 {
                self.unfinished.insert(lane.clone());
            }
        }
        Ok(())
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
        for op in ops {
            match op {
                Op::Report { deliveries, .. } => {
                    ids.extend(deliveries.iter().map(|delivery| delivery.report.task));
                }
                Op::Change { changes, .. } => ids.extend(changes.iter().map(|change| change.task)),
                Op::Lost { tasks, .. } => ids.extend(tasks),
                _ => {}
            }
        }
        ids
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
