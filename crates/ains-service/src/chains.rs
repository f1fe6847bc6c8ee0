//! Chains: creating, reading, steering.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ains_core::chain::{Event, Output, Place, Plan};
use ains_core::{ChainId, ClientId};
use ains_store::chains::{self, ChainHead, Fixed, StoredChain};
use ains_store::{Conn, StoreError};

use crate::ains::Ains;
use crate::engine::Subject;
use crate::entropy::mint;
use crate::error::Error;
use crate::model::{Answer, ChainFilter, ChainSummary, ChainView, NewChain, Once, Steer, StepResult};
use crate::op::Op;

/// Most characters of results that are shown with a chain: 16 MiB.
const SHOWN: usize = 16 << 20;

/// Most plans that are kept in memory.
const PLANS: usize = 1024;

/// What chains are made of, ready to run; those used last are kept in memory.
#[derive(Debug, Default)]
pub(crate) struct Plans {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    plans: HashMap<ChainId, Arc<Plan>>,
    /// Oldest first.
    order: VecDeque<ChainId>,
}

impl Plans {
    /// The plan of a chain.
    pub(crate) fn of(&self, conn: &mut Conn, id: ChainId) -> Result<Arc<Plan>, StoreError> {
        let known = self.lock().plans.get(&id).cloned();
        if let Some(plan) = known {
            return Ok(plan);
        }
        let Fixed { definition, .. } = chains::fixed(conn, id)?;
        let plan = definition.check().map_err(|faults| StoreError::Corrupt {
            table: "chain_definitions",
            reason: format!("{id}: {faults:?}"),
        })?;
        let plan = Arc::new(plan);
        self.put(id, &plan);
        Ok(plan)
    }

    /// Keeps a plan.
    pub(crate) fn put(&self, id: ChainId, plan: &Arc<Plan>) {
        let mut kept = self.lock();
        if kept.plans.insert(id, Arc::clone(plan)).is_none() {
            kept.order.push_back(id);
        }
        if kept.order.len() > PLANS
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.plans.remove(&oldest);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ains {
    /// Creates a chain and starts its first steps, in one transaction.
    ///
    /// # Errors
    /// When the idempotency key is not good, too much is waiting, or the store fails.
    pub async fn create_chain(
        &self,
        new: NewChain,
        once: Option<Once<ChainSummary>>,
    ) -> Result<Answer<ChainSummary>, Error> {
        let id = mint!(self.entropy(), ChainId, self.now());
        self.ask(|reply| Op::CreateChain { id, new, once, reply }).await
    }

    /// A chain; if it has not ended, as soon as it does, but after `wait` at the latest.
    ///
    /// # Errors
    /// When there is no such chain, or the store fails.
    pub async fn chain(&self, id: ChainId, wait: Duration) -> Result<ChainView, Error> {
        let deadline = tokio::time::Instant::now() + wait;
        let watching = (!wait.is_zero()).then(|| self.engine().ends.watch(Subject::Chain(id)));
        let mut woken_before = false;
        loop {
            // Registered before the chain is read, so that its end does not fall between.
            let mut woken = watching.as_ref().map(|watching| Box::pin(watching.woken()));
            if let Some(woken) = &mut woken {
                woken.as_mut().enable();
            }
            let ended = self
                .read(move |conn| Ok(chains::find(conn, id)?.map(|stored| stored.chain.ended_at)))
                .await?;
            let ended_at = ended.ok_or_else(|| Error::NotFound {
                entity: "Chain",
                id: id.to_string(),
            })?;
            if woken_before {
                self.metrics().end_seen(ended_at, self.now());
            }
            let ended = ended_at.is_some();
            let Some(woken) = woken.filter(|_| !ended && !self.is_stopping()) else {
                return self.view(id).await;
            };
            if tokio::time::timeout_at(deadline, woken).await.is_err() {
                return self.view(id).await;
            }
            woken_before = true;
        }
    }

    async fn view(&self, id: ChainId) -> Result<ChainView, Error> {
        let machine = Arc::clone(&self.inner.machine);
        let view = self.read(move |conn| {
            let Some(stored) = chains::find(conn, id)? else {
                return Ok(None);
            };
            let plan = machine.plans.of(conn, id)?;
            let input = chains::fixed(conn, id)?.input;
            let outputs = (0..plan.len())
                .filter(|step| stored.chain.step(*step).status.is_finished())
                .map(|step| (step, stored.chain.output(&plan, step)));
            let results = results(conn, id, outputs.collect())?;
            Ok(Some(ChainView {
                summary: summary(&stored, &plan),
                chain: stored.chain,
                plan,
                input,
                results,
            }))
        });
        view.await?.ok_or_else(|| Error::NotFound {
            entity: "Chain",
            id: id.to_string(),
        })
    }

    /// Chains that `filter` lets through, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn chains(&self, filter: ChainFilter) -> Result<Vec<ChainSummary>, Error> {
        let heads = self
            .read(move |conn| {
                chains::list(
                    conn,
                    filter.client.as_ref(),
                    filter.status,
                    filter.before,
                    filter.limit,
                )
            })
            .await?;
        Ok(heads.into_iter().map(of_head).collect())
    }

    /// Cancels, pauses, resumes or retries a chain; with `owner`, only if it is that client's.
    ///
    /// # Errors
    /// When there is no such chain, its state does not allow it, or it is another's.
    pub async fn steer_chain(
        &self,
        id: ChainId,
        steer: Steer,
        owner: Option<ClientId>,
    ) -> Result<ChainSummary, Error> {
        let event = match steer {
            Steer::Cancel { reason } => Event::Cancel { reason },
            Steer::Pause => Event::Pause,
            Steer::Resume => Event::Resume,
            Steer::Retry => Event::Retry,
        };
        let answer = self.ask(|reply| Op::SteerChain {
            chain: id,
            owner,
            event,
            reply,
        });
        match answer.await? {
            Answer::Fresh(summary) => Ok(summary),
            // Steering is not kept for repetition.
            Answer::Replayed(_) => Err(Error::Stopping),
        }
    }
}

/// What lists show of a chain.
pub(crate) fn summary(stored: &StoredChain, plan: &Plan) -> ChainSummary {
    ChainSummary {
        id: stored.id,
        client: stored.client.clone(),
        name: stored.name.clone(),
        status: stored.chain.status,
        current_step: stored.chain.current_step(plan),
        total_steps: stored.total_steps,
        created_at: stored.created_at,
        updated_at: stored.updated_at,
    }
}

fn of_head(head: ChainHead) -> ChainSummary {
    ChainSummary {
        id: head.id,
        client: head.client,
        name: head.name,
        status: head.status,
        current_step: head.current_step,
        total_steps: head.total_steps,
        created_at: head.created_at,
        updated_at: head.updated_at,
    }
}

/// What steps resulted in.
fn results(
    conn: &mut Conn,
    id: ChainId,
    outputs: Vec<(u32, Output)>,
) -> Result<BTreeMap<u32, StepResult>, StoreError> {
    let mut shown = BTreeMap::new();
    let places: BTreeMap<Place, u32> = outputs
        .iter()
        .filter_map(|(step, output)| match output {
            Output::Task(place) => Some((*place, *step)),
            _ => None,
        })
        .collect();
    let mut left = SHOWN;
    let at: Vec<Place> = places.keys().copied().collect();
    for (place, placed) in chains::results(conn, id, &at, left)? {
        let result = match placed.result {
            Some(result) => StepResult::Shown(result),
            None if placed.left_out => StepResult::LeftOut,
            None => continue,
        };
        if let StepResult::Shown(text) = &result {
            left = left.saturating_sub(text.len());
        }
        shown.extend(places.get(&place).map(|step| (*step, result)));
    }
    let with_lists: Vec<u32> = outputs
        .iter()
        .filter(|(_, output)| matches!(output, Output::Items { .. }))
        .map(|(step, _)| *step)
        .collect();
    let mut lists = chains::lists(conn, id, &with_lists)?;
    for (step, output) in outputs {
        let Output::Items { total, .. } = output else {
            continue;
        };
        let list = lists.remove(&step).and_then(|(_, output)| output);
        let list = list.or_else(|| (total == 0).then(|| "[]".to_owned()));
        shown.extend(list.map(|list| {
            let fits = list.len() <= left;
            left = left.saturating_sub(if fits { list.len() } else { 0 });
            let result = if fits {
                StepResult::Shown(list.into())
            } else {
                StepResult::LeftOut
            };
            (step, result)
        }));
    }
    Ok(shown)
}
