//! The agents that provide one capability.

use rand_core::Rng;

use crate::routing::fastest_response::CHOICES_BETWEEN_TRIALS;
use crate::routing::group::Group;
use crate::routing::profile::Seat;
use crate::routing::standing::{HOMES, Home, Standing, TENTHS};
use crate::routing::trust_weighted::TRUSTED_TENTH;
use crate::routing::{Ask, Strategy, fastest_response, least_loaded, round_robin, trust_weighted};

/// All that provide one capability, by home.
#[derive(Debug)]
pub(super) struct Providers {
    groups: [Option<Box<Group>>; HOMES],
    agents: u32,
    /// Choices of `fastest_response` since an agent without history was tried.
    since_trial: u32,
}

/// What a strategy decided.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice {
    pub(super) seat: Seat,
    /// Whether the agent was chosen because it has no history.
    pub(super) trial: bool,
}

/// What a choice of `fastest_response` did to the count since the last trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    /// It added one.
    One,
    /// It was a trial, and ended a count of so many.
    Trial(u32),
}

impl Default for Providers {
    fn default() -> Self {
        Self {
            groups: [const { None }; HOMES],
            agents: 0,
            since_trial: 0,
        }
    }
}

impl Providers {
    pub(super) fn is_empty(&self) -> bool {
        self.agents == 0
    }

    /// Takes an agent in and returns its slot in the group of its home.
    pub(super) fn join(&mut self, home: Home, standing: Standing) -> u32 {
        self.agents += 1;
        self.groups[home.index()].get_or_insert_default().join(standing)
    }

    /// Lets an agent go.
    pub(super) fn leave(&mut self, home: Home, slot: u32) {
        self.agents -= 1;
        let group = &mut self.groups[home.index()];
        if let Some(members) = group {
            members.leave(slot);
            if members.is_empty() {
                *group = None;
            }
        }
    }

    /// Puts the trees right after a change of an agent that stays where it is.
    pub(super) fn update(&mut self, home: Home, slot: u32, standing: Standing) {
        if let Some(group) = &mut self.groups[home.index()] {
            group.update(slot, standing);
        }
    }

    /// The agent for `ask`: a degraded one only if no other may be handed it.
    pub(super) fn choose<R: Rng + ?Sized>(&self, ask: &Ask<'_>, rng: &mut R) -> Option<Choice> {
        [false, true].into_iter().find_map(|degraded| {
            let groups = self.at_the_door(degraded, ask, ask.tenth);
            let sure = |seat| Choice { seat, trial: false };
            match ask.strategy {
                Strategy::RoundRobin => round_robin::choose(groups).map(sure),
                Strategy::LeastLoaded => least_loaded::choose(groups).map(sure),
                Strategy::TrustWeighted => {
                    let trusted = self.at_the_door(degraded, ask, ask.tenth.max(TRUSTED_TENTH));
                    trust_weighted::choose(trusted, groups, rng).map(sure)
                }
                Strategy::FastestResponse => fastest_response::choose(groups, self.trial_due())
                    .map(|(seat, trial)| Choice { seat, trial }),
            }
        })
    }

    fn trial_due(&self) -> bool {
        self.since_trial >= CHOICES_BETWEEN_TRIALS
    }

    /// Counts a choice of `fastest_response`.
    pub(super) fn count(&mut self, trial: bool) -> Counted {
        if trial {
            Counted::Trial(std::mem::take(&mut self.since_trial))
        } else {
            self.since_trial = self.since_trial.saturating_add(1);
            Counted::One
        }
    }

    /// Takes such a count back.
    pub(super) fn uncount(&mut self, counted: Counted) {
        self.since_trial = match counted {
            Counted::One => self.since_trial.saturating_sub(1),
            Counted::Trial(before) => self.since_trial.saturating_add(before),
        };
    }

    /// Whether an agent that is not degraded could be given work of `tenth`, whatever its door.
    pub(super) fn any_able(&self, tenth: u8) -> bool {
        self.homes(false, false, tenth)
            .chain(self.homes(false, true, tenth))
            .any(Group::is_able)
    }

    /// Everybody, in no useful order.
    pub(super) fn standings(&self) -> impl Iterator<Item = &Standing> {
        self.groups.iter().flatten().flat_map(|group| group.standings())
    }

    /// The groups that `ask` may look at, from `tenth` on.
    fn at_the_door(&self, degraded: bool, ask: &Ask<'_>, tenth: u8) -> impl Iterator<Item = &Group> + Clone {
        let unheard_tenth = if ask.heartbeat_needed { u8::MAX } else { tenth };
        self.homes(degraded, false, tenth)
            .chain(self.homes(degraded, true, unheard_tenth))
    }

    /// The groups of such agents, from `tenth` on.
    fn homes(&self, degraded: bool, unheard: bool, tenth: u8) -> impl Iterator<Item = &Group> + Clone {
        let first = Home::first(degraded, unheard).index();
        let skipped = usize::from(tenth).min(TENTHS);
        self.groups[first + skipped..first + TENTHS]
            .iter()
            .filter_map(Option::as_deref)
    }
}
