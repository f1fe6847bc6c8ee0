//! The agents that may be given a client's work: the shared ones and the client's own, as one crowd.

use rand_core::Rng;

use crate::routing::group::Group;
use crate::routing::profile::Seat;
use crate::routing::providers::Providers;
use crate::routing::standing::Standing;
use crate::routing::trust_weighted::TRUSTED_TENTH;
use crate::routing::{Ask, Strategy, fastest_response, least_loaded, round_robin, trust_weighted};

/// Those that provide one capability and may do the work of one client.
#[derive(Debug, Clone, Copy)]
pub(super) struct Circle<'p> {
    pub(super) shared: Option<&'p Providers>,
    pub(super) own: Option<&'p Providers>,
}

/// What a strategy decided.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice {
    pub(super) seat: Seat,
    /// Whether the agent was chosen because it has no history.
    pub(super) trial: bool,
}

impl<'p> Circle<'p> {
    /// The agent for `ask`: a degraded one only if no other may be handed it.
    pub(super) fn choose<R: Rng + ?Sized>(self, ask: &Ask<'_>, rng: &mut R) -> Option<Choice> {
        let door = |providers: &'p Providers, degraded, tenth| providers.at_the_door(degraded, ask, tenth);
        match (self.shared, self.own) {
            (Some(shared), Some(own)) => choose(
                ask,
                own.trial_due(),
                |degraded, tenth| door(shared, degraded, tenth).chain(door(own, degraded, tenth)),
                rng,
            ),
            (Some(only), None) | (None, Some(only)) => choose(
                ask,
                only.trial_due(),
                |degraded, tenth| door(only, degraded, tenth),
                rng,
            ),
            (None, None) => None,
        }
    }

    /// Whether an agent that is not degraded could be given work of `tenth`, whatever its door.
    pub(super) fn any_able(self, tenth: u8) -> bool {
        self.all().any(|providers| providers.any_able(tenth))
    }

    /// Everybody, in no useful order.
    pub(super) fn standings(self) -> impl Iterator<Item = &'p Standing> {
        self.all().flat_map(Providers::standings)
    }

    fn all(self) -> impl Iterator<Item = &'p Providers> {
        self.shared.into_iter().chain(self.own)
    }
}

/// Chooses among the groups that `at_the_door` gives, of agents that are degraded or not, from a tenth on.
fn choose<'p, I, R>(
    ask: &Ask<'_>,
    trial_due: bool,
    at_the_door: impl Fn(bool, u8) -> I,
    rng: &mut R,
) -> Option<Choice>
where
    I: Iterator<Item = &'p Group> + Clone,
    R: Rng + ?Sized,
{
    [false, true].into_iter().find_map(|degraded| {
        let groups = at_the_door(degraded, ask.tenth);
        let sure = |seat| Choice { seat, trial: false };
        match ask.strategy {
            Strategy::RoundRobin => round_robin::choose(groups).map(sure),
            Strategy::LeastLoaded => least_loaded::choose(groups).map(sure),
            Strategy::TrustWeighted => {
                let trusted = at_the_door(degraded, ask.tenth.max(TRUSTED_TENTH));
                trust_weighted::choose(trusted, groups, rng).map(sure)
            }
            Strategy::FastestResponse => {
                fastest_response::choose(groups, trial_due).map(|(seat, trial)| Choice { seat, trial })
            }
        }
    })
}
