//! Handing ready tasks to agents: those that were chosen for them, and those that ask.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ains_core::agent::AgentStatus;
use ains_core::fair::Turns;
use ains_core::task::{Report, ReportKind};
use ains_core::{AgentId, ClientId, Lane, Task};
use ains_store::tasks::{self, Documents, Look, Save, StoredTask};
use ains_store::{Backend, Conn, StoreError};

use super::{Batch, Plan, tally};
use crate::engine::Pick;
use crate::error::Error;
use crate::metrics::Repair;
use crate::op::Claim;

/// A task and the priority it goes by: a rescued one takes the place of the best that waits.
pub(super) type Ranked = (u8, StoredTask);

/// Who gets a task in a long poll: the agent, the number of its claim, and the claim's id.
pub(super) type Receiver = (AgentId, u64, Option<String>);

impl Batch<'_> {
    /// Gives a ready task to the agent that was picked, if it still has room; the task goes on
    /// being ready otherwise.
    pub(super) fn give(&mut self, task: &mut Task, pick: Pick, plan: &mut Plan) -> Option<Receiver> {
        let now = self.tx.now;
        let load = self.load_of(&pick.agent);
        let fits = self.agents.get(&pick.agent).is_some_and(|agent| {
            let may_be_pushed = !agent.claims && !agent.unresponsive;
            load < agent.max_concurrency
                && agent.serves(&task.client)
                && !agent.draining
                && agent.status != AgentStatus::Inactive
                && (pick.waiter.is_some() || may_be_pushed)
        });
        let ready = task.gate_since;
        let given = fits
            && match pick.waiter {
                Some(_) => task.hand_over(pick.agent.clone(), now),
                None => task.assign(pick.agent.clone(), self.settings.assignment_timeout, now),
            }
            .is_ok();
        if !given {
            // What this server knew of the agent was old; it is told what the database says.
            match self.agents.get(&pick.agent) {
                Some(agent) => drop(self.tx.after.updated.insert(agent.id.clone(), agent.clone())),
                None => self.tx.after.removed.push(pick.agent.clone()),
            }
            plan.reject(pick);
            return None;
        }
        self.tx.after.counts.handed_out(ready, now);
        self.tx.after.loads.entry(pick.agent.clone()).or_default().held += 1;
        self.tx.after.assigned.insert(pick.agent.clone());
        let number = pick.waiter?;
        let claim_id = self
            .engine
            .lock()
            .roster
            .get(&pick.agent)
            .and_then(|known| known.claim_id(number));
        Some((pick.agent, number, claim_id))
    }

    /// Gives the ready tasks of the matched lanes to the agents that were picked.
    pub(super) fn place_matches(&mut self, plan: &mut Plan) {
        let now = self.tx.now;
        self.tx.after.emptied.extend(std::mem::take(&mut plan.emptied));
        for (lane, clients) in std::mem::take(&mut plan.unfinished) {
            self.tx.after.ready.entry(lane).or_default().extend(clients);
        }
        for (peeked, pick) in std::mem::take(&mut plan.matched) {
            let id = peeked.task.id;
            let Some(mut task) = self.tasks.get(&id).map(|loaded| loaded.stored.task.clone()) else {
                plan.reject(pick);
                continue;
            };
            if !task.is_ready() {
                plan.reject(pick);
                continue;
            }
            let lane = task.lane();
            let late = plan.is_repair(self.engine, &peeked.task, &pick, now);
            let receiver = self.give(&mut task, pick, plan);
            if !task.status.is_leased() {
                // Whoever was picked had no room after all: others may, so look again.
                self.tx.after.became_ready(&task);
                continue;
            }
            if late {
                self.tx.after.counts.repaired(Repair::Match);
            }
            self.note_served(lane, task.priority);
            let claim_id = receiver.as_ref().and_then(|(_, _, id)| id.clone());
            if let Some((agent, number, _)) = receiver {
                let stored = StoredTask {
                    task: task.clone(),
                    claim_id: claim_id.clone(),
                    ..peeked
                };
                self.tx
                    .after
                    .deliveries
                    .entry((agent, number))
                    .or_default()
                    .push(stored);
            }
            if let Some(loaded) = self.tasks.get_mut(&id) {
                loaded.stored.task = task;
                loaded.stored.claim_id = claim_id;
                loaded.dirty = true;
            }
        }
    }

    /// Hands ready tasks to an agent that asks.
    pub(super) fn claim(&mut self, claim: &Claim) -> Result<Result<Vec<StoredTask>, Error>, StoreError> {
        self.hears_from(&claim.agent);
        let now = self.tx.now;
        let Some(agent) = self.agents.get_mut(&claim.agent) else {
            return Ok(Err(Error::NotFound {
                entity: "Agent",
                id: claim.agent.to_string(),
            }));
        };
        let first = !std::mem::replace(&mut agent.claims, true);
        if first {
            agent.touch(now);
            self.changed_agents.insert(claim.agent.clone());
        }
        if let Some(claim_id) = &claim.claim_id {
            let held = tasks::held_for_claim(self.tx.conn, &claim.agent, claim_id)?;
            if !held.is_empty() {
                return Ok(Ok(held));
            }
        }
        if first {
            let pushed = self.begin_pushed(claim)?;
            if !pushed.is_empty() {
                return Ok(Ok(pushed));
            }
        }
        let Some(agent) = self.agents.get(&claim.agent) else {
            return Ok(Ok(Vec::new()));
        };
        let room = agent.max_concurrency.saturating_sub(self.load_of(&claim.agent));
        let wanted = claim.max.min(room);
        if agent.draining || wanted == 0 {
            return Ok(Ok(Vec::new()));
        }
        let tenth = agent.trust.tenth();
        let own = agent.reserved_for().cloned();
        let (mut found, mut fetched) = (Vec::new(), Vec::new());
        for (lane, turns) in self.lanes_of(claim, own.as_ref(), tenth) {
            let mut heads = in_turn(self.tx.conn, (&lane, own.as_ref()), wanted, turns, Look::Take)?;
            fetched.push(heads.len());
            self.leave_to_others(claim, &lane, &mut heads);
            found.push((lane, VecDeque::from(heads)));
        }
        let lanes: Vec<Lane> = found.iter().map(|(lane, _)| lane.clone()).collect();
        let mut given = merge(found, wanted as usize);
        for (lane, fetched) in lanes.into_iter().zip(fetched) {
            let taken = given.iter().filter(|(from, _)| *from == lane).count();
            if fetched >= wanted as usize || taken < fetched {
                continue;
            }
            if !self.is_empty_but_for(&lane, own.as_ref(), fetched)? {
                // Others hold tasks of it that they may not take: looked at again when they are done.
                self.tx.after.ready.entry(lane).or_default().extend(own.clone());
            } else if own.is_none() || (fetched == 0 && self.is_empty(&lane, None)?) {
                self.tx.after.emptied.insert(lane);
            }
        }
        for (lane, stored) in &mut given {
            let before = (stored.task.status, stored.task.priority);
            let ready = stored.task.gate_since;
            // A task at the head of a queue is PENDING, so it is never refused.
            if stored.task.hand_over(claim.agent.clone(), now).is_err() {
                continue;
            }
            self.tx.after.counts.handed_out(ready, now);
            stored.claim_id.clone_from(&claim.claim_id);
            self.tx.after.due(stored.task.lease_expires_at);
            self.tx.tell_task(&mut stored.task, &Documents::default());
            tally::moved(
                &mut self.tx.after,
                Some(before),
                (stored.task.status, stored.task.priority),
            );
            self.note_served(lane.clone(), stored.task.priority);
            self.tx.after.loads.entry(claim.agent.clone()).or_default().held += 1;
        }
        let given: Vec<StoredTask> = given.into_iter().map(|(_, stored)| stored).collect();
        self.save_handed(&given)?;
        if !given.is_empty() {
            self.tx.after.assigned.insert(claim.agent.clone());
        }
        Ok(Ok(given))
    }

    /// Begins what an agent was pushed before it first claimed, and takes back what it did not ask
    /// for: from now on it learns of its work by its claims only.
    fn begin_pushed(&mut self, claim: &Claim) -> Result<Vec<StoredTask>, StoreError> {
        let mut pushed = tasks::assigned_to(self.tx.conn, &claim.agent)?;
        let mut begun = 0;
        for stored in &mut pushed {
            let before = (stored.task.status, stored.task.priority);
            let (agent, task) = (claim.agent.clone(), stored.task.id);
            let capability = stored.task.capability.as_str().to_lowercase();
            let asked = claim
                .capabilities
                .as_ref()
                .is_none_or(|subset| subset.contains(&capability));
            let kind = if asked && begun < claim.max {
                ReportKind::Start
            } else {
                ReportKind::Release
            };
            let report = Report {
                task,
                agent,
                attempt: None,
                kind,
            };
            // It is ASSIGNED to this agent, so neither is refused.
            let Ok(effects) = stored.task.apply(&report, 0.0, self.tx.now) else {
                continue;
            };
            self.apply(task, effects);
            if stored.task.is_ready() {
                stored.task.queue_key = Some(self.positions.of(self.tx.conn, &stored.task, true)?);
                self.tx.after.became_ready(&stored.task);
            } else {
                begun += 1;
                stored.claim_id.clone_from(&claim.claim_id);
            }
            self.tx.after.due_with(&stored.task);
            self.tx.tell_task(&mut stored.task, &Documents::default());
            let after = (stored.task.status, stored.task.priority);
            tally::moved(&mut self.tx.after, Some(before), after);
        }
        self.save_handed(&pushed)?;
        pushed.retain(|stored| stored.task.status.is_leased());
        Ok(pushed)
    }

    /// Notes a hand-out for the turns of the lane, within this batch and after it.
    pub(super) fn note_served(&mut self, lane: Lane, priority: u8) {
        if let Some(turns) = self.turns.get_mut(&lane) {
            turns.served(priority);
        }
        self.tx.after.served.push((lane, priority));
    }

    /// Saves tasks that were handed out; their documents stay as they are.
    fn save_handed(&mut self, handed: &[StoredTask]) -> Result<(), StoreError> {
        let nothing = Documents::default();
        let saves: Vec<Save<'_>> = handed
            .iter()
            .map(|stored| Save {
                task: &stored.task,
                documents: &nothing,
                claim_id: stored.claim_id.as_deref(),
            })
            .collect();
        tasks::save(self.tx.conn, &saves)
    }

    /// Whether a lane of which `fetched` tasks were found, and taken, holds no more, of `client` if it is
    /// given. Where there are other writers, some may be hidden behind their locks, and come back.
    fn is_empty_but_for(
        &mut self,
        lane: &Lane,
        client: Option<&ClientId>,
        fetched: usize,
    ) -> Result<bool, StoreError> {
        Ok(match self.tx.conn.backend() {
            Backend::Sqlite => true,
            Backend::Postgres => fetched == 0 && self.is_empty(lane, client)?,
        })
    }

    fn is_empty(&mut self, lane: &Lane, client: Option<&ClientId>) -> Result<bool, StoreError> {
        Ok(tasks::heads(self.tx.conn, lane, client, None, 1, Look::Peek)?.is_empty())
    }

    /// Leaves out what an agent must leave to others that serve the task's client too.
    fn leave_to_others(&self, claim: &Claim, lane: &Lane, heads: &mut Vec<Ranked>) {
        let state = self.engine.lock();
        let Some(seat) = state.pool.seat(&claim.agent) else {
            return;
        };
        heads.retain(|(_, stored)| {
            let client = Some(&stored.task.client);
            !state.pool.must_yield(seat, client, &lane.capability, lane.tenth)
        });
    }

    /// The lanes that a claim may take from and that may hold something, each with its turns,
    /// beginning at a different one each time.
    fn lanes_of(&mut self, claim: &Claim, own: Option<&ClientId>, tenth: u8) -> Vec<(Lane, Turns)> {
        let state = self.engine.lock();
        let Some(seat) = state.pool.seat(&claim.agent) else {
            return Vec::new();
        };
        let provided = &state.pool.agent(seat).capabilities;
        let wanted = |capability: &str| {
            claim
                .capabilities
                .as_ref()
                .is_none_or(|subset| subset.iter().any(|own| own == capability))
        };
        let mut lanes = BTreeSet::new();
        for capability in provided.iter().filter(|capability| wanted(capability)) {
            lanes.extend(state.lanes.of(capability, tenth));
            // What became ready in this very batch is not in the engine yet.
            let fresh = self.tx.after.ready.iter();
            lanes.extend(
                fresh
                    .map(|(lane, _)| lane)
                    .filter(|lane| *lane.capability == **capability && lane.tenth <= tenth)
                    .cloned(),
            );
        }
        let mut lanes: Vec<(Lane, Turns)> = lanes
            .into_iter()
            .filter(|lane| !state.pool.must_yield(seat, own, &lane.capability, lane.tenth))
            .map(|lane| {
                let turns = self
                    .turns
                    .entry(lane.clone())
                    .or_insert_with(|| state.lanes.turns(&lane));
                let turns = turns.clone();
                (lane, turns)
            })
            .collect();
        if !lanes.is_empty() {
            let start = usize::try_from(claim.number).unwrap_or(0) % lanes.len();
            lanes.rotate_left(start);
        }
        lanes
    }
}

/// The next `n` ready tasks of a lane, or of one client in it, in the order in which they are handed out: by
/// priority and position, but one in eight for the priority that waited longest (semantics §1.5).
pub(super) fn in_turn(
    conn: &mut Conn,
    (lane, client): (&Lane, Option<&ClientId>),
    n: u32,
    mut turns: Turns,
    look: Look,
) -> Result<Vec<Ranked>, StoreError> {
    let heads = tasks::heads(conn, lane, client, None, n.into(), look)?;
    let rescues = turns.rescues_within(n.into());
    if rescues == 0 || heads.is_empty() {
        return Ok(heads
            .into_iter()
            .map(|stored| (stored.task.priority, stored))
            .collect());
    }
    let mut by_priority: BTreeMap<u8, VecDeque<StoredTask>> = BTreeMap::new();
    for stored in heads {
        by_priority
            .entry(stored.task.priority)
            .or_default()
            .push_back(stored);
    }
    let waiting = tasks::waiting_priorities(conn, lane, client)?;
    for priority in waiting {
        if let Entry::Vacant(unseen) = by_priority.entry(priority) {
            let limit = i64::try_from(rescues).unwrap_or(i64::MAX);
            unseen.insert(tasks::heads(conn, lane, client, Some(priority), limit, look)?.into());
        }
    }
    let mut ordered = Vec::with_capacity(n as usize);
    while ordered.len() < n as usize {
        by_priority.retain(|_, waiting| !waiting.is_empty());
        let best = by_priority.keys().next_back().copied();
        let Some((best, priority)) = best.zip(turns.next(by_priority.keys().copied())) else {
            break;
        };
        turns.served(priority);
        let next = by_priority.get_mut(&priority).and_then(VecDeque::pop_front);
        ordered.extend(next.map(|stored| (best, stored)));
    }
    Ok(ordered)
}

/// Takes `n` tasks from several lanes: by the rank of each lane's next, then lanes in turn.
fn merge(mut lanes: Vec<(Lane, VecDeque<Ranked>)>, n: usize) -> Vec<(Lane, StoredTask)> {
    let mut merged = Vec::with_capacity(n.min(100));
    while merged.len() < n {
        let best = lanes
            .iter()
            .enumerate()
            .filter_map(|(place, (_, tasks))| Some((tasks.front()?.0, place)))
            .max_by_key(|(rank, place)| (*rank, std::cmp::Reverse(*place)));
        let Some((_, place)) = best else { break };
        let mut lane = lanes.remove(place);
        if let Some((_, stored)) = lane.1.pop_front() {
            merged.push((lane.0.clone(), stored));
        }
        // To the end, so that lanes of equal rank take turns.
        lanes.push(lane);
    }
    merged
}
