//! Why an agent is chosen and another is not: a decision told, not taken.
//!
//! Unlike a choice this looks at every agent that provides the capability.

use std::cmp::Ordering;
use std::fmt;

use rand_core::Rng;

use crate::routing::pool::AgentPool;
use crate::routing::profile::{Door, Health, Profile, Seat};
use crate::routing::standing::Standing;
use crate::routing::trust_weighted::TRUSTED_TENTH;
use crate::routing::{Ask, Strategy, fastest_response, least_loaded, round_robin, trust_weighted};

/// A decision told.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// Who would do the work.
    pub chosen: Option<Seat>,
    /// Why, as a sentence without a full stop.
    pub reason: String,
    /// The agents that provide the capability and serve the client: those that may do the work, best first, then the
    /// others, by seat.
    pub candidates: Vec<Candidate>,
}

/// One agent that provides the capability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Where it sits.
    pub seat: Seat,
    /// How good it is by the strategy; more is better.
    ///
    /// `round_robin`: assignments since its last; `least_loaded`: the share of its size that is
    /// free; `trust_weighted`: its probability; `fastest_response`: 1 / (1 + average in seconds).
    pub score: f64,
    /// Whether it may do the work.
    pub eligible: bool,
    /// Why it may not.
    pub why_not: Option<WhyNot>,
}

/// Why an agent may not do the work.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WhyNot {
    /// It is silent or switched off.
    Inactive,
    /// It takes nothing new.
    Draining,
    /// It holds `active` leases of `max`.
    Full {
        /// Leases it holds.
        active: u32,
        /// Leases it may hold.
        max: u32,
    },
    /// Its trust is below what the work demands.
    TrustTooLow {
        /// What it has, 0.0..=1.0.
        trust: f64,
        /// The tenth it would have to reach.
        tenth: u8,
    },
    /// The work demands an agent that has been heard of.
    Unheard,
    /// It is degraded, and others can do the work.
    Degraded,
}

impl fmt::Display for WhyNot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive => f.write_str("inactive"),
            Self::Draining => f.write_str("draining"),
            Self::Full { active, max } => write!(f, "full: holds {active} of at most {max}"),
            Self::TrustTooLow { trust, tenth } => {
                write!(f, "trust {trust} is below {}.{}", tenth / 10, tenth % 10)
            }
            Self::Unheard => f.write_str("has not sent a heartbeat yet"),
            Self::Degraded => f.write_str("degraded, and others can do the work"),
        }
    }
}

/// A provider under judgement.
struct Judged<'p> {
    standing: &'p Standing,
    agent: &'p Profile,
    why_not: Option<WhyNot>,
    /// Its share in the draw of `trust_weighted`.
    weight: u64,
}

impl AgentPool {
    /// Tells who would do the work and why, with at most `limit` candidates, and changes nothing.
    ///
    /// An agent that claims its work counts as eligible even when no claim of its waits: it may do
    /// the work, though only with its next claim, and therefore after those that need not ask.
    pub fn explain<R: Rng + ?Sized>(&self, ask: &Ask<'_>, limit: usize, rng: &mut R) -> Explanation {
        let mut judged = self.judge(ask);
        judged.sort_unstable_by(|a, b| before(ask.strategy, a, b));
        let eligible = judged
            .iter()
            .take_while(|provider| provider.why_not.is_none())
            .count();
        weigh(&mut judged[..eligible]);

        let handed = self.circle_of(ask.capability, ask.client).choose(ask, rng);
        let chosen = match handed {
            Some(choice) => Some(choice.seat),
            None if ask.strategy == Strategy::TrustWeighted => draw(&judged[..eligible], rng),
            None => judged[..eligible]
                .first()
                .map(|provider| provider.standing.turn.seat),
        };
        let reason = match chosen.map(|seat| self.agent(seat)) {
            Some(agent) => why(ask, agent, eligible, handed.is_some_and(|choice| choice.trial)),
            None if judged.is_empty() => format!("no agent provides `{}`", ask.capability),
            None => format!(
                "none of the {} that provide `{}` can take it now",
                judged.len(),
                ask.capability
            ),
        };
        let total = judged.iter().map(|provider| provider.weight).sum();
        let candidates = judged
            .iter()
            .take(limit)
            .map(|provider| self.candidate(ask, provider, total));
        Explanation {
            chosen,
            reason,
            candidates: candidates.collect(),
        }
    }

    fn judge(&self, ask: &Ask<'_>) -> Vec<Judged<'_>> {
        let standings = self.circle_of(ask.capability, ask.client).standings();
        let mut judged: Vec<_> = standings
            .map(|standing| {
                let agent = self.agent(standing.turn.seat);
                Judged {
                    standing,
                    agent,
                    why_not: why_not(ask, agent),
                    weight: 0,
                }
            })
            .collect();
        // A degraded agent gives way to others, but one at the door not to others that are away.
        let serves =
            |provider: &Judged<'_>| provider.why_not.is_none() && provider.agent.health == Health::Active;
        let any = judged.iter().any(serves);
        let any_open = judged
            .iter()
            .any(|provider| serves(provider) && provider.standing.open);
        for provider in &mut judged {
            let others = if provider.standing.open { any_open } else { any };
            if provider.agent.health == Health::Degraded && others {
                provider.why_not.get_or_insert(WhyNot::Degraded);
            }
        }
        judged
    }

    fn candidate(&self, ask: &Ask<'_>, provider: &Judged<'_>, total_weight: u64) -> Candidate {
        Candidate {
            seat: provider.standing.turn.seat,
            score: match ask.strategy {
                Strategy::RoundRobin => round_robin::score(provider.agent, self.newest()),
                Strategy::LeastLoaded => least_loaded::score(provider.agent),
                Strategy::TrustWeighted => trust_weighted::score(provider.weight, total_weight),
                Strategy::FastestResponse => fastest_response::score(provider.agent),
            },
            eligible: provider.why_not.is_none(),
            why_not: provider.why_not,
        }
    }
}

/// The sentence for a choice.
fn why(ask: &Ask<'_>, agent: &Profile, eligible: usize, trial: bool) -> String {
    let later = if agent.door == Door::Closed {
        ", and gets it with its next claim"
    } else {
        ""
    };
    if eligible == 1 {
        return format!("`{}` is the only one that can take it{later}", agent.id);
    }
    let because = match ask.strategy {
        Strategy::RoundRobin if agent.last_assigned == 0 => "was never assigned yet".to_owned(),
        Strategy::RoundRobin => "was assigned least recently".to_owned(),
        Strategy::LeastLoaded => {
            format!(
                "is the least loaded, with {} of {} leases",
                agent.active, agent.max_concurrency
            )
        }
        Strategy::TrustWeighted => {
            format!("was drawn at random by trust, with {}", agent.trust.get())
        }
        Strategy::FastestResponse => match agent.average_seconds {
            _ if trial => "has no history yet and is tried to be measured".to_owned(),
            Some(average) => format!("is the fastest, with {average:.3} s on average"),
            None => "was assigned least recently, and nobody has a history".to_owned(),
        },
    };
    format!("`{}` {because} (of {eligible} eligible){later}", agent.id)
}

/// Why `agent` alone, without regard to others, may not do the work.
fn why_not(ask: &Ask<'_>, agent: &Profile) -> Option<WhyNot> {
    if agent.health == Health::Inactive {
        Some(WhyNot::Inactive)
    } else if agent.draining {
        Some(WhyNot::Draining)
    } else if agent.room() == 0 {
        Some(WhyNot::Full {
            active: agent.active,
            max: agent.max_concurrency,
        })
    } else if agent.trust.tenth() < ask.tenth {
        Some(WhyNot::TrustTooLow {
            trust: agent.trust.get(),
            tenth: ask.tenth,
        })
    } else if ask.heartbeat_needed && agent.door == Door::Unheard {
        Some(WhyNot::Unheard)
    } else {
        None
    }
}

/// Eligible ones first, of them those at the door, then by the strategy; the others by seat.
fn before(strategy: Strategy, a: &Judged<'_>, b: &Judged<'_>) -> Ordering {
    let (x, y) = (a.standing, b.standing);
    a.why_not.is_some().cmp(&b.why_not.is_some()).then_with(|| {
        if a.why_not.is_some() {
            return x.turn.seat.cmp(&y.turn.seat);
        }
        y.open.cmp(&x.open).then_with(|| match strategy {
            Strategy::RoundRobin => round_robin::rank(x).cmp(&round_robin::rank(y)),
            Strategy::LeastLoaded => least_loaded::rank(x).cmp(&least_loaded::rank(y)),
            Strategy::TrustWeighted => y.trust.cmp(&x.trust).then(x.turn.cmp(&y.turn)),
            Strategy::FastestResponse => {
                (x.average.is_none(), x.average, x.turn).cmp(&(y.average.is_none(), y.average, y.turn))
            }
        })
    })
}

/// Gives those among whom `trust_weighted` would draw their weights.
fn weigh(eligible: &mut [Judged<'_>]) {
    let at_the_door = eligible
        .iter()
        .take_while(|provider| provider.standing.open)
        .count();
    let drawn = if at_the_door > 0 {
        &mut eligible[..at_the_door]
    } else {
        eligible
    };
    let trusted = |provider: &Judged<'_>| provider.agent.trust.tenth() >= TRUSTED_TENTH;
    let any_trusted = drawn.iter().any(trusted);
    for provider in drawn
        .iter_mut()
        .filter(|provider| trusted(provider) || !any_trusted)
    {
        provider.weight = trust_weighted::weight(provider.standing);
    }
}

fn draw<R: Rng + ?Sized>(eligible: &[Judged<'_>], rng: &mut R) -> Option<Seat> {
    let mut point = trust_weighted::below(eligible.iter().map(|provider| provider.weight).sum(), rng)?;
    let drawn = eligible
        .iter()
        .find(|provider| match point.checked_sub(provider.weight) {
            Some(rest) => {
                point = rest;
                false
            }
            None => true,
        });
    drawn.map(|provider| provider.standing.turn.seat)
}
