//! Other servers on the same PostgreSQL: what they are told, what is heard, and the slow
//! re-check that covers a lost word.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ains_core::{AgentId, ClientId, Lane, TaskId};
use ains_store::signals::{self, Heard, MAX_PAYLOAD, Signals};
use ains_store::tasks::Load;
use ains_store::{agents, tasks};
use serde::{Deserialize, Serialize};
use std::sync::atomic::Ordering;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::ains::{Ains, with_offers};
use crate::engine::{News, Part, Ready, Subject};
use crate::error::Error;
use crate::metrics::{LATE, Repair};
use crate::op::Op;

/// How often a server looks for itself what it should have heard (architecture §6).
pub(super) const RECHECK: Duration = Duration::from_secs(1);

/// How far back changes of agents are read again: longer than any transaction takes.
const OVERLAP: Duration = Duration::from_secs(30);

/// Agents that one re-check reads at most.
const REREAD: i64 = 1000;

/// What one server tells the others, as JSON.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Word {
    /// Who says so.
    from: String,
    /// Lanes in which a task became ready.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    ready: BTreeSet<String>,
    /// Those of them in which a task of a client became ready that has agents of its own.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    own: BTreeSet<(String, ClientId)>,
    /// Agents to be read again.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    agents: BTreeSet<AgentId>,
    /// What agents hold.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    loads: BTreeMap<AgentId, Load>,
    /// What ended.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    ended: BTreeSet<Subject>,
    /// What agents should stop.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    stops: BTreeSet<(AgentId, TaskId)>,
    /// Whether there is more for those who follow what happens.
    #[serde(skip_serializing_if = "is_false")]
    told: bool,
    /// Whether somebody follows what happens where this comes from.
    #[serde(skip_serializing_if = "is_false")]
    follows: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde wants it")]
fn is_false(bit: &bool) -> bool {
    !bit
}

impl Word {
    /// The lanes in which tasks became ready, and whose.
    fn ready(&self) -> Ready {
        let lanes = self.ready.iter().filter_map(|lane| lane.parse().ok());
        let mut ready: Ready = lanes.map(|lane| (lane, BTreeSet::new())).collect();
        for (lane, client) in &self.own {
            if let Ok(lane) = lane.parse() {
                ready.entry(lane).or_default().insert(client.clone());
            }
        }
        ready
    }
}

/// Starts speaking, listening and looking, where there can be other servers.
pub(super) fn start(ains: &Ains) -> Vec<JoinHandle<()>> {
    let Some((signals, heard)) = signals::start(&ains.inner.store) else {
        return Vec::new();
    };
    vec![
        tokio::spawn(speak(ains.clone(), signals)),
        tokio::spawn(listen(ains.clone(), heard)),
    ]
}

/// Tells the others what happened here: one word at a time, so that what happens while one is on
/// its way goes into the next.
async fn speak(ains: Ains, signals: Signals) {
    let mut stopping = ains.inner.stopping.subscribe();
    // A first word, so that the others know at once that they are not alone.
    signals
        .send(to_json(&Word {
            from: ains.inner.node.node_id.clone(),
            ..Word::default()
        }))
        .await;
    loop {
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => return,
            () = ains.engine().news.notified() => {}
        }
        let News {
            ready,
            own,
            agents,
            loads,
            ended,
            stops,
            told,
            follows,
        } = std::mem::take(&mut ains.engine().lock().news);
        let word = Word {
            from: ains.inner.node.node_id.clone(),
            ready,
            own,
            agents,
            loads,
            ended,
            stops,
            told,
            follows,
        };
        for payload in fitting(word) {
            signals.send(payload).await;
        }
    }
}

fn to_json(word: &Word) -> String {
    serde_json::to_string(word).unwrap_or_default()
}

/// The JSON of a word, in as many parts as it takes to fit.
fn fitting(word: Word) -> Vec<String> {
    let json = to_json(&word);
    let sets = [
        word.ready.len(),
        word.own.len(),
        word.agents.len(),
        word.loads.len(),
    ];
    let parts = sets.iter().sum::<usize>() + word.ended.len() + word.stops.len();
    if json.len() <= MAX_PAYLOAD || parts <= 1 {
        return vec![json];
    }
    let Word {
        from,
        ready,
        own,
        agents,
        loads,
        ended,
        stops,
        told,
        follows,
    } = word;
    let (ready, more_ready) = halves(ready);
    let (own, more_own) = halves(own);
    let (agents, more_agents) = halves(agents);
    let (loads, more_loads) = halves(loads);
    let (ended, more_ended) = halves(ended);
    let (stops, more_stops) = halves(stops);
    let rest = Word {
        from: from.clone(),
        ready: more_ready,
        own: more_own,
        agents: more_agents,
        loads: more_loads,
        ended: more_ended,
        stops: more_stops,
        told: false,
        follows: false,
    };
    let mut payloads = fitting(Word {
        from,
        ready,
        own,
        agents,
        loads,
        ended,
        stops,
        told,
        follows,
    });
    payloads.extend(fitting(rest));
    payloads
}

fn halves<T, C: IntoIterator<Item = T> + FromIterator<T>>(all: C) -> (C, C) {
    let mut first: Vec<T> = all.into_iter().collect();
    let second = first.split_off(first.len().div_ceil(2));
    (first.into_iter().collect(), second.into_iter().collect())
}

async fn listen(ains: Ains, mut heard: mpsc::Receiver<Heard>) {
    let mut stopping = ains.inner.stopping.subscribe();
    loop {
        let heard = tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => return,
            heard = heard.recv() => heard,
        };
        let done = match heard {
            None => return,
            Some(Heard::Connected) => recheck(&ains).await,
            Some(Heard::Message(text)) => match serde_json::from_str::<Word>(&text) {
                Ok(word) if word.from != ains.inner.node.node_id => take_in(&ains, word).await,
                Ok(_) => Ok(()),
                // Another version of the server speaks another language: look instead.
                Err(_) => recheck(&ains).await,
            },
        };
        if let Err(error) = done {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "what another server did was not taken in"
            );
        }
    }
}

/// Takes in what another server says.
async fn take_in(ains: &Ains, word: Word) -> Result<(), Error> {
    ains.inner.machine.has_peers.store(true, Ordering::Relaxed);
    ains.engine().ends.ended(&word.ended);
    if word.told {
        ains.engine().feed.stored.notify_one();
    }
    if word.follows {
        ains.engine().feed.heard_of_followers(ains.now());
    }
    let ready = word.ready();
    let mut parts = BTreeSet::new();
    {
        let mut state = ains.engine().lock();
        let now = ains.now();
        for agent in &word.agents {
            state.stir(agent, now);
        }
        state.mark(&ready);
        for (agent, load) in &word.loads {
            state.set_load(agent, *load);
            state.stir(agent, now);
            if let Some(seat) = state.pool.seat(agent) {
                parts.extend(state.parts_for(seat));
            }
        }
        for (agent, task) in word.stops {
            if let Some(known) = state.roster.get_mut(&agent) {
                known.stop(task);
            }
        }
    }
    if !word.agents.is_empty() {
        parts.extend(reread(ains, word.agents.into_iter().collect()).await?);
    }
    matched(ains, &ready, parts, false);
    Ok(())
}

/// Reads agents again; those that are gone are let go. What they may be given work of.
pub(crate) async fn reread(ains: &Ains, ids: Vec<AgentId>) -> Result<BTreeSet<Part>, Error> {
    let wanted = ids.clone();
    let (found, loads) = ains
        .read(move |conn| {
            let found = agents::by_ids(conn, &wanted)?;
            let loads = tasks::loads(conn, &wanted)?;
            Ok((with_offers(conn, found)?, loads))
        })
        .await?;
    let mut parts = BTreeSet::new();
    let mut state = ains.engine().lock();
    for gone in ids
        .iter()
        .filter(|id| found.iter().all(|(agent, _)| agent.id != **id))
    {
        state.remove(gone);
    }
    let mut nearest = None;
    for (agent, offers) in found {
        state.put(&agent, offers);
        nearest = nearest.min(Some(agent.silent_at())).or(Some(agent.silent_at()));
    }
    for (agent, load) in loads {
        state.set_load(&agent, load);
        if let Some(seat) = state.pool.seat(&agent) {
            parts.extend(state.parts_for(seat));
        }
    }
    ains.inner.machine.note_instant(&mut state, nearest);
    Ok(parts)
}

/// Looks for what was not heard, or was lost with a failed transaction: agents that changed, tasks
/// that are ready, tasks that ended. Alone, a server looks only while claims wait.
pub(super) async fn recheck(ains: &Ains) -> Result<(), Error> {
    let outdated = std::mem::take(&mut ains.engine().lock().outdated);
    if !outdated.is_empty() {
        let parts = reread(ains, outdated.into_iter().collect()).await?;
        matched(ains, &Ready::new(), parts, false);
    }
    let alone = !ains.inner.machine.has_peers.load(Ordering::Relaxed);
    // A count that came late may make an agent look full.
    let full: Vec<AgentId> = {
        let state = ains.engine().lock();
        if alone && state.waiting.is_empty() {
            return Ok(());
        }
        let is_full = |agent: &&AgentId| {
            state
                .pool
                .seat(agent)
                .is_some_and(|seat| state.pool.room(seat) == 0)
        };
        state.waiting.iter().filter(is_full).cloned().collect()
    };
    let since = ains.now() - OVERLAP;
    let (changed, lanes) = ains
        .read(move |conn| {
            Ok((
                agents::changed_since(conn, since, REREAD)?,
                tasks::ready_lanes(conn)?,
            ))
        })
        .await?;
    let now = ains.now();
    let mut unheard = 0;
    let stale: Vec<AgentId> = {
        let state = ains.engine().lock();
        let is_known = |agent: &ains_core::agent::Agent| {
            state
                .roster
                .get(&agent.id)
                .is_some_and(|known| known.updated_at >= agent.updated_at)
        };
        changed
            .iter()
            .filter(|agent| !is_known(agent))
            .inspect(|agent| unheard += usize::from(agent.updated_at + LATE <= now))
            .map(|agent| agent.id.clone())
            .chain(full)
            .collect()
    };
    ains.metrics().repaired(Repair::Agent, unheard);
    let mut parts = BTreeSet::new();
    if !stale.is_empty() {
        parts.extend(reread(ains, stale).await?);
    }
    let ready = whose(ains, lanes).await?;
    ains.engine().lock().mark(&ready);
    ains.engine().ends.look_again();
    matched(ains, &ready, parts, true);
    Ok(())
}

/// Whose tasks are in `lanes`, of the clients of which agents of their own wait here.
async fn whose(ains: &Ains, lanes: Vec<Lane>) -> Result<Ready, Error> {
    let mut ready: Ready = {
        let state = ains.engine().lock();
        let waiting = lanes.into_iter().map(|lane| {
            let clients = state.clients_waiting(&lane);
            (lane, clients)
        });
        waiting.collect()
    };
    if ready.values().all(BTreeSet::is_empty) {
        return Ok(ready);
    }
    ains.read(move |conn| {
        for (lane, clients) in &mut ready {
            *clients = tasks::waiting_clients(conn, lane, &*clients)?
                .into_iter()
                .collect();
        }
        Ok(ready)
    })
    .await
}

/// Matches with agents what became ready, and what else may hold work for them, if anybody could be given something;
/// with `rechecked` nobody had told so.
fn matched(ains: &Ains, ready: &Ready, mut parts: BTreeSet<Part>, rechecked: bool) {
    let choosy = {
        let mut state = ains.engine().lock();
        parts.retain(|part| state.is_open(part));
        parts.append(&mut state.open_parts(ready));
        state.choosy_for(ready)
    };
    for claim in choosy {
        ains.queue(Op::Claim(claim));
    }
    if !parts.is_empty() {
        ains.queue(Op::Match {
            parts: parts.into_iter().collect(),
            rechecked,
        });
    }
}
