//! The agents that provide one capability and serve everybody, or one client alone.

use crate::routing::Ask;
use crate::routing::fastest_response::CHOICES_BETWEEN_TRIALS;
use crate::routing::group::Group;
use crate::routing::standing::{HOMES, Home, Standing, TENTHS};

/// All of them, by home.
#[derive(Debug)]
pub(super) struct Providers {
    groups: [Option<Box<Group>>; HOMES],
    agents: u32,
    /// Choices of `fastest_response` among them since an agent without history was tried. A client's own
    /// agents count the choices among them and the shared ones.
    since_trial: u32,
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

    /// Whether the next choice of `fastest_response` is to try an agent without history.
    pub(super) fn trial_due(&self) -> bool {
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

    /// Whether any of them stands at the door for work of `tenth` that demands no heartbeat.
    pub(super) fn any_open(&self, tenth: u8) -> bool {
        [(false, false), (false, true), (true, false), (true, true)]
            .into_iter()
            .flat_map(|(degraded, unheard)| self.homes(degraded, unheard, tenth))
            .any(|group| group.least_recent().is_some())
    }

    /// Everybody, in no useful order.
    pub(super) fn standings(&self) -> impl Iterator<Item = &Standing> {
        self.groups.iter().flatten().flat_map(|group| group.standings())
    }

    /// The groups that `ask` may look at, from `tenth` on.
    pub(super) fn at_the_door(
        &self,
        degraded: bool,
        ask: &Ask<'_>,
        tenth: u8,
    ) -> impl Iterator<Item = &Group> + Clone + use<'_> {
        let unheard_tenth = if ask.heartbeat_needed { u8::MAX } else { tenth };
        self.homes(degraded, false, tenth)
            .chain(self.homes(degraded, true, unheard_tenth))
    }

    /// The groups of such agents, from `tenth` on.
    fn homes(
        &self,
        degraded: bool,
        unheard: bool,
        tenth: u8,
    ) -> impl Iterator<Item = &Group> + Clone + use<'_> {
        let first = Home::first(degraded, unheard).index();
        let skipped = usize::from(tenth).min(TENTHS);
        self.groups[first + skipped..first + TENTHS]
            .iter()
            .filter_map(Option::as_deref)
    }
}
