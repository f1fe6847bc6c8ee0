//! What an agent pool should decide, by scanning every agent.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use ains_core::ClientId;
use ains_core::routing::{Ask, Door, Health, Profile, Seat, Strategy};

/// What a pool holds, without any index.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) agents: BTreeMap<Seat, Profile>,
    pub(crate) newest: u64,
    /// Choices since the last trial, for each capability that somebody provides: for the clients that have agents
    /// of their own for it, and together for all others.
    pub(crate) since_trial: BTreeMap<Crowd, u32>,
}

/// A capability, and the client that has agents of its own for it.
pub(crate) type Crowd = (String, Option<ClientId>);

impl Model {
    pub(crate) fn forget_unprovided(&mut self) {
        let agents = &self.agents;
        self.since_trial.retain(|(name, client), _| {
            agents
                .values()
                .any(|agent| agent.capabilities.contains(name) && agent.reserved_for == *client)
        });
    }

    /// Among whom `ask` is decided.
    pub(crate) fn crowd(&self, ask: &Ask<'_>) -> Crowd {
        let is_own = |agent: &&Profile| {
            agent.reserved_for.is_some()
                && agent.reserved_for.as_ref() == ask.client
                && agent.capabilities.iter().any(|own| own == ask.capability)
        };
        let own = self.agents.values().find(is_own);
        (
            ask.capability.to_owned(),
            own.and_then(|agent| agent.reserved_for.clone()),
        )
    }

    /// Who may do `ask` of those that `may_be_handed` lets through.
    pub(crate) fn eligible(
        &self,
        ask: &Ask<'_>,
        may_be_handed: impl Fn(&Profile) -> bool,
    ) -> Vec<(Seat, &Profile)> {
        let able: Vec<_> = self
            .agents
            .iter()
            .filter(|(_, agent)| {
                agent.capabilities.iter().any(|own| own == ask.capability)
                    && (agent.reserved_for.is_none() || agent.reserved_for.as_ref() == ask.client)
                    && agent.health != Health::Inactive
                    && !agent.draining
                    && agent.active < agent.max_concurrency
                    && agent.trust.tenth() >= ask.tenth
                    && may_be_handed(agent)
            })
            .map(|(seat, agent)| (*seat, agent))
            .collect();
        let active = |(_, agent): &(Seat, &Profile)| agent.health == Health::Active;
        if able.iter().any(active) {
            able.into_iter().filter(active).collect()
        } else {
            able
        }
    }

    fn at_the_door(&self, ask: &Ask<'_>) -> Vec<(Seat, &Profile)> {
        self.eligible(ask, |agent| match agent.door {
            Door::Closed => false,
            Door::Unheard => !ask.heartbeat_needed,
            Door::Open => true,
        })
    }

    /// All that could be chosen: one for the ordered strategies.
    pub(crate) fn choices(&self, ask: &Ask<'_>) -> BTreeSet<Seat> {
        let mut eligible = self.at_the_door(ask);
        let since_trial = self.since_trial.get(&self.crowd(ask)).copied().unwrap_or(0);
        match ask.strategy {
            Strategy::RoundRobin => {}
            Strategy::LeastLoaded => {
                let fewest = |(_, a): &(Seat, &Profile), (_, b): &(Seat, &Profile)| {
                    let left = u64::from(a.active) * u64::from(b.max_concurrency);
                    left.cmp(&(u64::from(b.active) * u64::from(a.max_concurrency)))
                };
                keep_least(&mut eligible, fewest);
            }
            Strategy::TrustWeighted => {
                let trusted = |(_, agent): &(Seat, &Profile)| agent.trust.get() >= 0.3;
                if eligible.iter().any(trusted) {
                    eligible.retain(trusted);
                }
                return eligible.into_iter().map(|(seat, _)| seat).collect();
            }
            Strategy::FastestResponse => {
                let measured = |(_, agent): &(Seat, &Profile)| agent.average_seconds.is_some();
                let trial = since_trial >= 19 && !eligible.iter().all(measured);
                if trial || !eligible.iter().any(measured) {
                    eligible.retain(|agent| !measured(agent));
                } else {
                    eligible.retain(measured);
                    keep_least(&mut eligible, |(_, a), (_, b)| {
                        a.average_seconds.partial_cmp(&b.average_seconds).expect("finite")
                    });
                }
            }
        }
        eligible
            .into_iter()
            .min_by(round)
            .map(|(seat, _)| seat)
            .into_iter()
            .collect()
    }

    pub(crate) fn assigned(&mut self, seat: Seat, ask: Option<&Ask<'_>>) {
        self.newest += 1;
        let newest = self.newest;
        let crowd = ask.map(|ask| self.crowd(ask));
        let agent = self.agents.get_mut(&seat).expect("a seat that was chosen");
        agent.active += 1;
        agent.last_assigned = newest;
        if let Some(ask) = ask
            && let Some(crowd) = crowd
            && ask.strategy == Strategy::FastestResponse
        {
            let since_trial = self.since_trial.entry(crowd).or_default();
            *since_trial = if agent.average_seconds.is_none() {
                0
            } else {
                *since_trial + 1
            };
        }
    }
}

fn keep_least<T: Copy>(all: &mut Vec<T>, order: impl Fn(&T, &T) -> Ordering) {
    if let Some(least) = all.iter().copied().min_by(&order) {
        all.retain(|one| order(one, &least) == Ordering::Equal);
    }
}

/// The order of the round.
fn round((x, a): &(Seat, &Profile), (y, b): &(Seat, &Profile)) -> Ordering {
    let by_trust = || {
        if a.last_assigned == 0 {
            b.trust.get().total_cmp(&a.trust.get())
        } else {
            Ordering::Equal
        }
    };
    a.last_assigned
        .cmp(&b.last_assigned)
        .then_with(by_trust)
        .then(a.registered.cmp(&b.registered))
        .then(x.cmp(y))
}
