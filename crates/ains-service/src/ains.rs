//! The service itself: starting, stopping, and the two ways to the store.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use ains_core::agent::Agent;
use ains_core::directory::Offer;
use ains_core::{AgentId, Clock, Timestamp};
use ains_store::nodes::{self, Node};
use ains_store::writer::Writer;
use ains_store::{
    Backend, Conn, Observer, Store, StoreError, agents, capabilities, chains, dependencies, schedules, tasks,
};
use tokio::sync::watch;

use crate::audit::Ledger;
use crate::background;
use crate::batch::Tx;
use crate::chains::Plans;
use crate::engine::{Engine, State};
use crate::entropy::{self, Entropy};
use crate::error::Error;
use crate::identity::Signers;
use crate::keys::KeyCache;
use crate::limits::Limits;
use crate::machine::Machine;
use crate::metrics::Metrics;
use crate::op::{Closure, Op};
use crate::reply::Reply;
use crate::schema::Schemas;
use crate::settings::Settings;
use crate::usage::Usage;
use crate::webhooks;

/// The service. Cheap to clone; all clones are the same service.
#[derive(Clone)]
pub struct Ains {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) machine: Arc<Machine>,
    pub(crate) writer: Writer<Machine>,
    pub(crate) node: Node,
    pub(crate) keys: KeyCache,
    /// Whose requests pass.
    pub(crate) limits: Limits,
    /// What keys are used for.
    pub(crate) usage: Usage,
    pub(crate) ledger: Ledger,
    pub(crate) signers: Signers,
    pub(crate) next_claim: AtomicU64,
    /// Turns true when the service stops.
    pub(crate) stopping: watch::Sender<bool>,
    pub(crate) background: std::sync::Mutex<Vec<tokio::task::JoinHandle<()>>>,
}

impl std::fmt::Debug for Ains {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ains")
            .field("store", &self.inner.store)
            .finish_non_exhaustive()
    }
}

/// Chains that wait for expressions that are read at the start; others are found later.
const ASKING: i64 = 1000;

/// Agents that are read at once at the start.
const PAGE: i64 = 500;

impl Ains {
    /// Starts the service on `store`: takes a place among the servers, reads the agents, starts
    /// the writers and the background work. Runs on the current tokio runtime.
    ///
    /// # Errors
    /// When the database cannot be reached, or what is stored is corrupt.
    pub async fn start(store: Store, settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let opened = tokio::task::spawn_blocking(move || Self::open(&store, settings, clock));
        let ains = opened.await.map_err(|_| Error::Stopping)??;
        let handles = background::start(&ains);
        ains.inner
            .background
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(handles);
        Ok(ains)
    }

    fn open(store: &Store, settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let now = clock.now();
        let metrics = Arc::new(Metrics::new());
        let store = store.observed_by(Arc::clone(&metrics) as Arc<dyn Observer>);
        let mut conn = store.connect()?;
        webhooks::seal_anew(&mut conn, &settings.vault)?;
        let others = nodes::all(&mut conn)?;
        let alive = others.iter().map(|node| node.seen_at).max();
        let node_id = entropy::unique();
        let node = conn.transact(|conn| nodes::join(conn, &node_id, now, now - background::DEAD_AFTER))?;
        // Servers that share a seed still draw different numbers.
        let entropy = Entropy::new(
            settings
                .seed
                .map(|seed| seed ^ (u64::from(node.slot.unsigned_abs()) << 32)),
        );
        // After a time without any server, silence counts from now (semantics §1.2).
        let outage = alive.is_none_or(|seen| Timestamp::from_micros(seen) + background::DEAD_AFTER < now);
        let listening_since = if outage { now } else { Timestamp::from_micros(0) };
        let mut state = State::default();
        read_agents(&mut conn, &mut state, now)?;
        for lane in tasks::ready_lanes(&mut conn)? {
            state.lanes.mark(&lane, []);
        }
        let next = [tasks::next_instant(&mut conn)?, schedules::next_due(&mut conn)?];
        state.next_instant = next.into_iter().flatten().min();
        if !dependencies::unsettled(&mut conn, 1)?.is_empty() {
            // The timer goes on with what a server left that was killed.
            state.next_instant = Some(now);
        }
        state.asking.extend(chains::asked(&mut conn, now, ASKING)?);
        let writers = (0..settings.pg_writers.max(1))
            .map(|writer| format!("{}.{writer}", node.slot))
            .collect();
        let (pg_writers, write_queue) = (settings.pg_writers, settings.write_queue);
        let keys = KeyCache::new(settings.admin_key.as_deref());
        let limits = Limits::new(&settings);
        let machine = Arc::new(Machine {
            engine: Engine::with(state),
            entropy,
            settings,
            plans: Plans::default(),
            schemas: Schemas::default(),
            clock,
            writers,
            listening_since: AtomicI64::new(listening_since.as_micros()),
            behind_since: AtomicI64::new(0),
            backend: store.backend(),
            webhooks: tokio::sync::Notify::new(),
            cleaning: tokio::sync::Mutex::default(),
            has_peers: AtomicBool::new(false),
            metrics,
            started_alone: (outage || store.backend() == Backend::Sqlite).then_some(now),
        });
        let writer = Writer::start(&store, &machine, pg_writers, write_queue)?;
        let inner = Inner {
            store,
            machine,
            writer,
            node,
            keys,
            limits,
            usage: Usage::default(),
            ledger: Ledger::default(),
            signers: Signers::default(),
            next_claim: AtomicU64::new(1),
            stopping: watch::Sender::new(false),
            background: std::sync::Mutex::new(Vec::new()),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Stops: waiting claims end empty, what is queued is written, the threads end. Stored leases
    /// stay with their agents.
    pub async fn stop(&self) {
        self.inner.stopping.send_replace(true);
        let waiting = self.engine().lock().everyone_waiting();
        for claim in waiting {
            let _ = claim.reply.send(Ok(Vec::new()));
        }
        self.engine().ends.look_again();
        let handles = std::mem::take(
            &mut *self
                .inner
                .background
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        for handle in handles {
            let _ = handle.await;
        }
        let signs = background::store_signs(self).await;
        if let Err(error) = signs {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "signs of life were not stored"
            );
        }
        if let Err(error) = self.store_usage().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the usage of keys was not stored"
            );
        }
        if let Err(error) = self.write_refusals(true).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "what was refused last is not in the audit log"
            );
        }
        let inner = Arc::clone(&self.inner);
        let _ = tokio::task::spawn_blocking(move || inner.writer.stop()).await;
    }

    /// Whether [`Ains::stop`] has begun.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.inner.stopping.borrow()
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.inner.machine.engine
    }

    /// The present instant, by the server's clock.
    pub fn now(&self) -> Timestamp {
        self.inner.machine.clock.now()
    }

    pub(crate) fn entropy(&self) -> &Entropy {
        &self.inner.machine.entropy
    }

    pub(crate) fn claim_number(&self) -> u64 {
        self.inner.next_claim.fetch_add(1, Ordering::Relaxed)
    }

    /// Queues an operation to the writer; the way back of one that is refused is answered.
    pub(crate) fn queue(&self, op: Op) {
        if let Err((op, error)) = self.inner.writer.queue(op) {
            use ains_store::writer::Work as _;
            self.inner.machine.refuse(op, error);
        }
    }

    /// Queues an operation and waits for its answer.
    pub(crate) async fn ask<T>(&self, op: impl FnOnce(Reply<T>) -> Op) -> Result<T, Error>
    where
        T: Send + 'static,
    {
        let (reply, answer) = Reply::channel();
        self.queue(op(reply));
        answer.await.unwrap_or(Err(Error::Stopping))
    }

    /// Runs `act` on a writer, in the transaction of whatever else waits. It may be run again.
    pub(crate) async fn write<T, F>(&self, act: F) -> Result<T, Error>
    where
        F: FnMut(&mut Tx<'_>) -> Result<Result<T, Error>, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.ask(|reply| Op::Act(Closure::boxed(act, reply))).await
    }

    /// Runs `query` on a reader.
    pub(crate) async fn read<T, F>(&self, query: F) -> Result<T, Error>
    where
        F: FnOnce(&mut Conn) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.inner.store.read(query).await.map_err(|error| match error {
            StoreError::Overloaded => Error::Overloaded,
            StoreError::Stopping => Error::Stopping,
            other => Error::Store(other),
        })
    }
}

fn read_agents(conn: &mut Conn, state: &mut State, now: Timestamp) -> Result<(), StoreError> {
    let loads: BTreeMap<AgentId, u32> = tasks::all_loads(conn)?.into_iter().collect();
    let mut after = String::new();
    loop {
        let page = agents::page(conn, &after, PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.id.to_string();
        for (agent, offered) in with_offers(conn, page)? {
            state.put(&agent, offered);
            state.stir(&agent.id, now);
            let held = loads.get(&agent.id).copied().unwrap_or(0);
            state.set_load(&agent.id, tasks::Load { held, counted_at: 0 });
        }
    }
}

/// Agents with what they offer.
pub(crate) fn with_offers(
    conn: &mut Conn,
    agents: Vec<Agent>,
) -> Result<Vec<(Agent, Vec<Offer>)>, StoreError> {
    let ids: Vec<AgentId> = agents.iter().map(|agent| agent.id.clone()).collect();
    let mut offered: BTreeMap<AgentId, Vec<Offer>> = BTreeMap::new();
    for (agent, offer) in capabilities::offered_by(conn, &ids)? {
        offered.entry(agent).or_default().push(offer);
    }
    let offers = |agent: Agent| {
        let offers = offered.remove(&agent.id).unwrap_or_default();
        (agent, offers)
    };
    Ok(agents.into_iter().map(offers).collect())
}
