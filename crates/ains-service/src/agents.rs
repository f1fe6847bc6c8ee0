//! Agents: registering, heartbeats, what they can do, how far they are trusted.

use std::collections::BTreeSet;
use std::time::Duration;

use ains_core::agent::{Agent, AgentStatus, Availability, Capability, limits};
use ains_core::directory::{Offer, Viewer};
use ains_core::task::{Report, ReportKind};
use ains_core::trust::TrustEvent;
use ains_core::{AgentId, AuditEvent, CapabilityId, EventType, TaskId, TrustRecordId, TrustScore};
use ains_store::trust::TrustRecord;
use ains_store::{StoreError, agents, capabilities, tasks, trust};

use crate::ains::{Ains, with_offers};
use crate::audit::{self, Note};
use crate::batch::Tx;
use crate::batch::once::{earlier_answer, keep_answer};
use crate::engine::provided;
use crate::entropy::mint;
use crate::error::Error;
use crate::model::{
    Actor, AgentChange, AgentFilter, AgentView, Answer, Delivery, Heartbeat, HeartbeatSeen, NewAgent,
    NewCapability, Once,
};
use crate::op::Op;

/// Heartbeats in a row that must leave a lease out before it counts as lost (semantics §1.2).
const UNLISTED_TWICE: u32 = 2;

pub(crate) fn not_found(id: &AgentId) -> Error {
    Error::NotFound {
        entity: "Agent",
        id: id.to_string(),
    }
}

impl Ains {
    /// Registers an agent.
    ///
    /// # Errors
    /// When the id is taken, the signature is not good, or it brings too many tags.
    pub async fn register(&self, new: NewAgent, once: Option<Once<Agent>>) -> Result<Answer<Agent>, Error> {
        self.check_registration(&new)?;
        let names: BTreeSet<String> = new.tags.iter().map(|tag| tag.as_str().to_lowercase()).collect();
        if names.len() > limits::CAPABILITIES {
            return Err(Error::TooManyCapabilities(limits::CAPABILITIES));
        }
        self.write(move |tx| {
            if let Some(once) = &once
                && let Some(earlier) = earlier_answer(tx.conn, once, tx.now)?
            {
                return Ok(earlier.map(Answer::Replayed));
            }
            let agent = registered(&new, tx);
            if !agents::insert(tx.conn, &agent)? {
                return Ok(Err(Error::AgentExists(agent.id.to_string())));
            }
            tx.tell_agent(EventType::AgentRegistered, &agent);
            tx.after.count("agents", 1);
            tx.after.count("agents.active", 1);
            if let Some(once) = &once {
                keep_answer(tx.conn, once, (once.render)(&agent), tx.now)?;
            }
            tx.after.put.push((agent.clone(), Vec::new()));
            Ok(Ok(Answer::Fresh(agent)))
        })
        .await
    }

    /// An agent and how much it holds.
    ///
    /// # Errors
    /// When there is no such agent, or the store fails.
    pub async fn agent(&self, id: AgentId) -> Result<AgentView, Error> {
        let wanted = id.clone();
        let found = self
            .read(move |conn| {
                let Some(agent) = agents::find(conn, &wanted)? else {
                    return Ok(None);
                };
                let active = tasks::loads(conn, &[wanted])?
                    .first()
                    .map_or(0, |(_, load)| load.held);
                Ok(Some(AgentView { agent, active }))
            })
            .await?;
        found
            .map(|view| self.as_last_seen(view))
            .ok_or_else(|| not_found(&id))
    }

    /// A page of the agents that `viewer` sees in order of registration, and how many there are in all.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn agents(
        &self,
        viewer: &Viewer,
        filter: Option<AgentFilter>,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<AgentView>, i64), Error> {
        let known = self.matching(viewer, filter);
        let total = i64::try_from(known.len()).unwrap_or(i64::MAX);
        let skipped = usize::try_from(offset).unwrap_or(usize::MAX);
        let page: Vec<AgentId> = known
            .into_iter()
            .skip(skipped)
            .take(usize::try_from(limit).unwrap_or(0))
            .map(|(_, id)| id)
            .collect();
        let found = self.read(move |conn| agents::by_ids(conn, &page)).await?;
        let views = found.into_iter().map(|agent| {
            let active = {
                let state = self.engine().lock();
                state
                    .pool
                    .seat(&agent.id)
                    .map_or(0, |seat| state.pool.agent(seat).active)
            };
            self.as_last_seen(AgentView { agent, active })
        });
        Ok((views.collect(), total))
    }

    /// The agents that `viewer` sees and `filter` lets through, in order of registration, from memory.
    fn matching(&self, viewer: &Viewer, filter: Option<AgentFilter>) -> Vec<(i64, AgentId)> {
        use ains_core::routing::{Health, Profile};
        let status = |profile: &Profile| match profile.health {
            Health::Active => AgentStatus::Active,
            Health::Degraded => AgentStatus::Degraded,
            Health::Inactive => AgentStatus::Inactive,
        };
        let availability = |profile: &Profile| match profile {
            profile if profile.health == Health::Inactive => Availability::Inactive,
            profile if profile.draining => Availability::Draining,
            profile if profile.room() == 0 => Availability::Busy,
            _ => Availability::Available,
        };
        let state = self.engine().lock();
        let mut known: Vec<(i64, AgentId)> = state
            .pool
            .iter()
            .filter(|(_, profile)| viewer.sees(profile.reserved_for.as_ref()))
            .filter(|(_, profile)| match filter {
                None => true,
                Some(AgentFilter::Status(wanted)) => status(profile) == wanted,
                Some(AgentFilter::Availability(wanted)) => availability(profile) == wanted,
            })
            .map(|(_, profile)| (profile.registered, profile.id.clone()))
            .collect();
        drop(state);
        known.sort();
        known
    }

    /// Signs of life that are not stored yet count too.
    fn as_last_seen(&self, mut view: AgentView) -> AgentView {
        let state = self.engine().lock();
        if let Some(known) = state.roster.get(&view.agent.id) {
            view.agent.last_seen_at = view.agent.last_seen_at.max(known.last_seen);
            view.agent.last_heartbeat_at = view.agent.last_heartbeat_at.max(known.last_heartbeat);
            view.agent.last_assigned_at = view.agent.last_assigned_at.max(known.last_assigned);
        }
        view
    }

    /// Takes a heartbeat. It is written only when it says something new, or at times; the rest of
    /// them are kept in memory.
    ///
    /// # Errors
    /// When there is no such agent, or the store fails.
    pub async fn heartbeat(&self, id: AgentId, heartbeat: Heartbeat) -> Result<HeartbeatSeen, Error> {
        let now = self.now();
        let status = heartbeat.status.status();
        self.meet(&id).await?;
        let first = {
            let mut state = self.engine().lock();
            let known = state.roster.get(&id).ok_or_else(|| not_found(&id))?;
            let first = known.last_heartbeat.is_none() || known.is_unresponsive();
            state.sign(&id, now, true);
            first
        };
        let view = self.agent(id.clone()).await?;
        let view = if first || view.agent.status != status {
            let wanted = id.clone();
            self.write(move |tx| {
                edit(tx, &wanted, |agent, now| {
                    agent.status = status;
                    agent.unresponsive = false;
                    agent.last_heartbeat_at = Some(now);
                    agent.last_seen_at = agent.last_seen_at.max(now);
                })
            })
            .await?
        } else {
            view
        };
        let held: BTreeSet<TaskId> = {
            let wanted = id.clone();
            self.read(move |conn| tasks::held_by(conn, &wanted))
                .await?
                .into_iter()
                .collect()
        };
        if status == AgentStatus::Inactive && !held.is_empty() {
            // It says that it is gone, so what it holds is given to others.
            self.queue(Op::Lost {
                agent: id.clone(),
                tasks: held.iter().copied().collect(),
            });
        }
        let cancelled = self.compare(&id, heartbeat.holding, &held);
        Ok(HeartbeatSeen {
            view,
            at: now,
            cancelled,
        })
    }

    /// Makes sure that this server knows an agent: it may have been registered at another just now.
    pub(crate) async fn meet(&self, id: &AgentId) -> Result<(), Error> {
        if !self.engine().lock().roster.contains_key(id) {
            crate::background::reread(self, vec![id.clone()]).await?;
        }
        Ok(())
    }

    /// Compares what an agent believes it holds with what it does hold: what it should stop, and
    /// in the background, leases that it has left out twice.
    fn compare(&self, id: &AgentId, holding: Option<Vec<TaskId>>, held: &BTreeSet<TaskId>) -> Vec<TaskId> {
        let mut lost = Vec::new();
        let mut state = self.engine().lock();
        let Some(known) = state.roster.get_mut(id) else {
            return Vec::new();
        };
        let mut cancelled: BTreeSet<TaskId> = std::mem::take(&mut known.stops);
        cancelled.retain(|task| !held.contains(task));
        if let Some(holding) = holding {
            let holding: BTreeSet<TaskId> = holding.into_iter().collect();
            cancelled.extend(holding.difference(held));
            known
                .unlisted
                .retain(|task, _| held.contains(task) && !holding.contains(task));
            for task in held.difference(&holding) {
                let times = known.unlisted.entry(*task).or_default();
                *times += 1;
                if *times >= UNLISTED_TWICE {
                    lost.push(*task);
                }
            }
            known.unlisted.retain(|task, _| !lost.contains(task));
        }
        drop(state);
        if !lost.is_empty() {
            self.queue(Op::Lost {
                agent: id.clone(),
                tasks: lost,
            });
        }
        cancelled.into_iter().collect()
    }

    /// Publishes a capability.
    ///
    /// # Errors
    /// When there is no such agent, or it provides as many as it may.
    pub async fn publish(
        &self,
        id: AgentId,
        new: NewCapability,
        once: Option<Once<Capability>>,
    ) -> Result<Answer<Capability>, Error> {
        self.write(move |tx| {
            if let Some(once) = &once
                && let Some(earlier) = earlier_answer(tx.conn, once, tx.now)?
            {
                return Ok(earlier.map(Answer::Replayed));
            }
            let Some((mut agent, mut offers)) = loaded(tx, &id)? else {
                return Ok(Err(not_found(&id)));
            };
            let name = new.name.as_str().to_lowercase();
            let provided = provided(&agent, &offers);
            if !provided.contains(&name) && provided.len() >= limits::CAPABILITIES {
                return Ok(Err(Error::TooManyCapabilities(limits::CAPABILITIES)));
            }
            let replaced = replace(tx, &id, &name)?;
            offers.retain(|offer| offer.name.as_str().to_lowercase() != name);
            let capability = Capability {
                id: mint!(tx.entropy, CapabilityId, tx.now),
                agent: id.clone(),
                name: new.name.clone(),
                description: new.description.clone(),
                input_schema: new.input_schema.to_string(),
                output_schema: new.output_schema.to_string(),
                pricing_model: new.pricing_model.clone(),
                price: new.price,
                latency_p99_ms: new.latency_p99_ms,
                availability_percent: new.availability_percent,
                deprecated: false,
                created_at: tx.now,
            };
            capabilities::insert(tx.conn, &capability)?;
            // So that other servers see a change, should they miss the word of it.
            agent.touch(tx.now);
            agents::save(tx.conn, &[&agent])?;
            tx.after.count("capabilities", 1 - replaced);
            if let Some(once) = &once {
                keep_answer(tx.conn, once, (once.render)(&capability), tx.now)?;
            }
            offers.push(Offer {
                name: capability.name.clone(),
                price: capability.price,
                latency_p99_ms: capability.latency_p99_ms,
            });
            tx.after.put.push((agent, offers));
            Ok(Ok(Answer::Fresh(capability)))
        })
        .await
    }

    /// What an agent published, oldest first.
    ///
    /// # Errors
    /// When there is no such agent, or the store fails.
    pub async fn capabilities(&self, id: AgentId) -> Result<Vec<Capability>, Error> {
        let wanted = id.clone();
        let found = self
            .read(move |conn| {
                let Some(_) = agents::find(conn, &wanted)? else {
                    return Ok(None);
                };
                capabilities::of_agent(conn, &wanted).map(Some)
            })
            .await?;
        found.ok_or_else(|| not_found(&id))
    }

    /// Changes an agent. One that is no longer shared finishes what it holds of others.
    ///
    /// # Errors
    /// When there is no such agent, it would provide more than it may, or serve nobody.
    pub async fn change_agent(&self, id: AgentId, change: AgentChange) -> Result<AgentView, Error> {
        self.write(move |tx| {
            // The tags are part of what it provides, so they are checked first and read again after.
            if let Some(tags) = &change.tags {
                let published = capabilities::offered_by(tx.conn, std::slice::from_ref(&id))?;
                let published = published
                    .into_iter()
                    .map(|(_, offer)| offer.name.as_str().to_lowercase());
                let tags = tags.iter().map(|tag| tag.as_str().to_lowercase());
                if tags.chain(published).collect::<BTreeSet<_>>().len() > limits::CAPABILITIES {
                    return Ok(Err(Error::TooManyCapabilities(limits::CAPABILITIES)));
                }
            }
            if change.shared == Some(false)
                && let Some(agent) = agents::find(tx.conn, &id)?
                && agent.client.is_none()
            {
                return Ok(Err(Error::AgentOfNobody(id.to_string())));
            }
            let changed = edit(tx, &id, |agent, _| apply(agent, &change))?;
            if change.tags.is_some()
                && let Some((agent, offers)) = loaded(tx, &id)?
            {
                tx.after.put.push((agent, offers));
            }
            Ok(changed)
        })
        .await
    }

    /// Removes an agent. With `force` what it holds goes back to the queue first.
    ///
    /// # Errors
    /// When there is no such agent, or it holds tasks and `force` is not given.
    pub async fn remove_agent(&self, by: &Actor, id: AgentId, force: bool) -> Result<(), Error> {
        if force {
            let draining = AgentChange {
                draining: Some(true),
                ..AgentChange::default()
            };
            self.change_agent(id.clone(), draining).await?;
            let wanted = id.clone();
            let held = self.read(move |conn| tasks::held_by(conn, &wanted)).await?;
            let releases = held.into_iter().map(|task| release(task, &id)).collect();
            self.ask(|reply| Op::Report {
                deliveries: releases,
                reply: Some(reply),
                claim: None,
            })
            .await?;
        }
        let by = by.clone();
        self.write(move |tx| {
            let Some(agent) = agents::lock(tx.conn, std::slice::from_ref(&id))?.pop() else {
                return Ok(Err(not_found(&id)));
            };
            let held = tasks::loads(tx.conn, std::slice::from_ref(&id))?
                .first()
                .map_or(0, |(_, load)| load.held);
            if held > 0 {
                return Ok(Err(Error::AgentBusy {
                    id: id.to_string(),
                    held,
                }));
            }
            let published = i64::try_from(capabilities::of_agent(tx.conn, &id)?.len()).unwrap_or(0);
            agents::remove(tx.conn, &id)?;
            audit::note(tx, &by, Note::deleted("agent", &id).with("force", force))?;
            tx.after.count("agents", -1);
            tx.after
                .count("agents.active", -i64::from(agent.status != AgentStatus::Inactive));
            tx.after.count("capabilities", -published);
            tx.after.removed.push(id.clone());
            Ok(Ok(()))
        })
        .await
    }

    /// Changes of an agent's trust, newest first: the latest ones, or those before `before`; at most `limit`.
    ///
    /// # Errors
    /// When there is no such agent, or the store fails.
    pub async fn trust_history(
        &self,
        id: AgentId,
        before: Option<TrustRecordId>,
        limit: i64,
    ) -> Result<Vec<TrustRecord>, Error> {
        let wanted = id.clone();
        let found = self
            .read(move |conn| {
                let Some(_) = agents::find(conn, &wanted)? else {
                    return Ok(None);
                };
                trust::of_agent(conn, &wanted, before, limit).map(Some)
            })
            .await?;
        found.ok_or_else(|| not_found(&id))
    }

    /// Moves an agent's trust by hand.
    ///
    /// # Errors
    /// When there is no such agent, or the store fails.
    pub async fn adjust_trust(
        &self,
        by: &Actor,
        id: AgentId,
        delta: f64,
        reason: String,
    ) -> Result<TrustRecord, Error> {
        let by = by.clone();
        self.write(move |tx| {
            let mut before = TrustScore::INITIAL;
            let changed = edit(tx, &id, |agent, _| {
                before = agent.trust;
                agent.trust = agent.trust.moved(delta);
            })?;
            let view = match changed {
                Ok(view) => view,
                Err(error) => return Ok(Err(error)),
            };
            let after = view.agent.trust;
            let record = TrustRecord {
                id: tx.entropy.mint_at(view.agent.updated_at, TrustRecordId::mint),
                agent: id.clone(),
                event: TrustEvent::Adjusted.as_str().to_owned(),
                delta: after.change_from(before),
                before: before.get(),
                after: after.get(),
                reason: Some(reason.clone()),
                task: None,
                created_at: view.agent.updated_at,
            };
            trust::insert(tx.conn, std::slice::from_ref(&record))?;
            tx.after.count("rows.trust_records", 1);
            let note = Note::new(AuditEvent::TrustAdjusted, "adjust_trust").of("agent", &id);
            let note = note.with("before", record.before).with("after", record.after);
            audit::note(tx, &by, note.with("record_id", record.id.to_string()))?;
            Ok(Ok(record))
        })
        .await
    }
}

/// The agent that a registration makes.
fn registered(new: &NewAgent, tx: &Tx<'_>) -> Agent {
    Agent {
        id: new.id.clone(),
        public_key: new.public_key.clone(),
        display_name: new.display_name.clone(),
        description: new.description.clone(),
        endpoint: new.endpoint.clone(),
        tags: new.tags.clone(),
        labels: new.labels.clone(),
        status: AgentStatus::Active,
        draining: false,
        client: new.client.clone(),
        shared: new.shared || new.client.is_none(),
        max_concurrency: new.max_concurrency,
        heartbeat_interval: new.heartbeat_interval,
        trust: TrustScore::INITIAL,
        average_seconds: None,
        completed: 0,
        failed: 0,
        last_completed_at: None,
        last_seen_at: tx.now,
        last_heartbeat_at: None,
        last_assigned_at: None,
        claims: false,
        unresponsive: false,
        created_at: tx.now,
        updated_at: tx.now,
    }
}

fn apply(agent: &mut Agent, change: &AgentChange) {
    let set = |field: &mut String, value: &Option<String>| {
        if let Some(value) = value {
            field.clone_from(value);
        }
    };
    set(&mut agent.display_name, &change.display_name);
    set(&mut agent.endpoint, &change.endpoint);
    if change.description.is_some() {
        agent.description.clone_from(&change.description);
    }
    if let Some(tags) = &change.tags {
        agent.tags.clone_from(tags);
    }
    if let Some(labels) = &change.labels {
        agent.labels.clone_from(labels);
    }
    agent.max_concurrency = change.max_concurrency.unwrap_or(agent.max_concurrency);
    let interval: Option<Duration> = change.heartbeat_interval;
    agent.heartbeat_interval = interval.unwrap_or(agent.heartbeat_interval);
    agent.draining = change.draining.unwrap_or(agent.draining);
    agent.shared = change.shared.unwrap_or(agent.shared);
}

/// Loads an agent to be changed, changes and saves it.
pub(crate) fn edit(
    tx: &mut Tx<'_>,
    id: &AgentId,
    change: impl FnOnce(&mut Agent, ains_core::Timestamp),
) -> Result<Result<AgentView, Error>, StoreError> {
    let Some(mut agent) = agents::lock(tx.conn, std::slice::from_ref(id))?.pop() else {
        return Ok(Err(not_found(id)));
    };
    let was_inactive = agent.status == AgentStatus::Inactive;
    change(&mut agent, tx.now);
    agent.touch(tx.now);
    agents::save(tx.conn, &[&agent])?;
    let is_inactive = agent.status == AgentStatus::Inactive;
    if is_inactive && !was_inactive {
        tx.tell_agent(EventType::AgentInactive, &agent);
    }
    tx.after
        .count("agents.active", i64::from(was_inactive) - i64::from(is_inactive));
    let active = tasks::loads(tx.conn, std::slice::from_ref(id))?
        .first()
        .map_or(0, |(_, load)| load.held);
    tx.after.updated.insert(id.clone(), agent.clone());
    Ok(Ok(AgentView { agent, active }))
}

/// An agent, locked, with what it offers.
fn loaded(tx: &mut Tx<'_>, id: &AgentId) -> Result<Option<(Agent, Vec<Offer>)>, StoreError> {
    let found = agents::lock(tx.conn, std::slice::from_ref(id))?;
    Ok(with_offers(tx.conn, found)?.pop())
}

/// Removes what an agent published under `name` (in lower case) before; how many capabilities.
fn replace(tx: &mut Tx<'_>, id: &AgentId, name: &str) -> Result<i64, StoreError> {
    let mut replaced = 0;
    for earlier in capabilities::of_agent(tx.conn, id)? {
        if earlier.name.as_str().to_lowercase() == name {
            capabilities::remove(tx.conn, earlier.id)?;
            replaced += 1;
        }
    }
    Ok(replaced)
}

fn release(task: TaskId, agent: &AgentId) -> Delivery {
    let report = Report {
        task,
        agent: agent.clone(),
        attempt: None,
        kind: ReportKind::Release,
    };
    Delivery {
        report,
        result: None,
        usage: None,
        progress: None,
    }
}
