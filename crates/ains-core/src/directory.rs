//! Who is there: agents by trust, by what they offer and by their tags, in memory.
//!
//! [`Directory`] answers the leaderboard and the search. It keeps:
//!
//! - the agents by rank: trust, then completed tasks, then id (`ranks`). The leaderboard is the head of
//!   that order, and so is a search that filters by trust alone;
//! - which agents offer a capability, by its name, and which have a tag: a search by those looks at
//!   the different names, not at the agents, and then at the agents it found (`search`).
//!
//! Whoever looks sees the agents that serve it. Those reserved for a client have an order of their own, so that what
//! a client sees is two orders merged, and so is what sees everything.
//!
//! INACTIVE agents keep their rank on the leaderboard and are not found by a search.

mod ranks;
mod search;

pub use search::{Found, Search, SortBy};

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::agent::{Agent, AgentStatus, success_rate};
use crate::ids::{AgentId, ClientId, Name};
use crate::trust::TrustScore;
use ranks::{Both, Ranking};

/// A capability that an agent offers: published, and not deprecated.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// Its name.
    pub name: Name,
    /// What it costs, in the unit of its pricing model.
    pub price: f64,
    /// The promised 99th percentile, in milliseconds.
    pub latency_p99_ms: i64,
}

/// What the directory knows of an agent, without what it offers.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// The agent.
    pub id: AgentId,
    /// Its name for people.
    pub display_name: String,
    /// The client that alone it serves, and that alone sees it; `None`: everybody.
    pub reserved_for: Option<ClientId>,
    /// Its trust.
    pub trust: TrustScore,
    /// How many tasks it completed.
    pub completed: i64,
    /// How many of its attempts failed, timed out or were lost.
    pub failed: i64,
    /// Whether it is not INACTIVE.
    pub present: bool,
    /// Its tags.
    pub tags: Vec<Name>,
}

impl Card {
    /// The share of its attempts that ended well, 0.0..=1.0; 0 before the first.
    pub fn success_rate(&self) -> f64 {
        success_rate(self.completed, self.failed)
    }
}

impl From<&Agent> for Card {
    fn from(agent: &Agent) -> Self {
        Self {
            id: agent.id.clone(),
            display_name: agent.display_name.clone(),
            reserved_for: agent.reserved_for().cloned(),
            trust: agent.trust,
            completed: agent.completed,
            failed: agent.failed,
            present: agent.status != AgentStatus::Inactive,
            tags: agent.tags.clone(),
        }
    }
}

/// Who looks, and so which agents are seen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Viewer {
    /// One who sees all.
    #[default]
    Everything,
    /// One of a client's: the agents that serve it.
    Client(ClientId),
    /// Somebody of no client: the agents that serve everybody.
    Nobody,
}

impl Viewer {
    /// Whether it sees an agent that is reserved for this client, or for none.
    pub fn sees(&self, reserved_for: Option<&ClientId>) -> bool {
        match self {
            Self::Everything => true,
            Self::Client(client) => reserved_for.is_none_or(|own| own == client),
            Self::Nobody => reserved_for.is_none(),
        }
    }
}

/// An agent in the directory.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What is known of it.
    pub card: Card,
    /// What it offers, oldest first.
    pub offers: Vec<Offer>,
    /// The names of the offers, in lower case and in the same order.
    lower: Vec<String>,
}

/// Where an agent stands in `Directory::entries`.
type Slot = u32;

/// The agents, as the leaderboard and the search see them.
#[derive(Debug, Default)]
pub struct Directory {
    entries: Vec<Option<Entry>>,
    free: Vec<Slot>,
    // Only asked, never iterated: its order is not the same in every process.
    slots: HashMap<AgentId, Slot>,
    /// Those that serve everybody.
    shared: Ranking,
    /// Those that are reserved for a client.
    reserved: Ranking,
    /// The same, client by client.
    own: BTreeMap<ClientId, Ranking>,
    /// Who offers a capability, by its name in lower case.
    offered: BTreeMap<String, BTreeSet<Slot>>,
    /// Who has a tag, by its text in lower case.
    tagged: BTreeMap<String, BTreeSet<Slot>>,
}

impl Directory {
    /// Takes an agent in, or replaces what is known of it. Without `offers` what it offered stays.
    ///
    /// # Panics
    /// If there are 2³² agents.
    pub fn put(&mut self, card: Card, offers: Option<Vec<Offer>>) {
        let slot = self.slots.get(&card.id).copied();
        let before = slot.and_then(|slot| self.entries[slot as usize].take());
        let slot = slot.unwrap_or_else(|| self.new_slot(&card.id));
        if let Some(before) = &before {
            self.unrank(&before.card);
        }
        self.rank(&card, slot);
        let tags_changed = before.as_ref().is_none_or(|before| before.card.tags != card.tags);
        let mut entry = match (before, offers) {
            (Some(before), None) => before,
            (before, offers) => {
                if let Some(before) = &before {
                    take_out(&mut self.offered, before.lower.iter().cloned(), slot);
                }
                let offers = offers.unwrap_or_default();
                let lower: Vec<String> = offers.iter().map(|offer| lower(&offer.name)).collect();
                put_in(&mut self.offered, lower.iter().cloned(), slot);
                Entry {
                    card: before.map_or_else(|| card.clone(), |before| before.card),
                    offers,
                    lower,
                }
            }
        };
        if tags_changed {
            take_out(&mut self.tagged, entry.card.tags.iter().map(lower), slot);
            put_in(&mut self.tagged, card.tags.iter().map(lower), slot);
        }
        entry.card = card;
        self.entries[slot as usize] = Some(entry);
    }

    /// Lets an agent go.
    pub fn remove(&mut self, id: &AgentId) {
        let Some(slot) = self.slots.remove(id) else {
            return;
        };
        if let Some(entry) = self.entries[slot as usize].take() {
            self.unrank(&entry.card);
            take_out(&mut self.offered, entry.lower.into_iter(), slot);
            take_out(&mut self.tagged, entry.card.tags.iter().map(lower), slot);
        }
        self.free.push(slot);
    }

    /// How many agents there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// What is known of an agent.
    pub fn get(&self, id: &AgentId) -> Option<&Entry> {
        self.entry(*self.slots.get(id)?)
    }

    /// The first `limit` agents by trust, then completed tasks, then id, of those that completed at least
    /// `min_completed` and that `viewer` sees.
    ///
    /// Costs O(`limit` + different scores): outcomes move a score by hundredths, so these are about a hundred,
    /// however many agents there are, unless many scores are set by hand.
    pub fn leaders(&self, viewer: &Viewer, limit: usize, min_completed: i64) -> Vec<&Card> {
        let (shared, own) = self.seen_by(viewer);
        let slots = Both(&shared.all, own.map(|ranking| &ranking.all));
        slots
            .completed_at_least(min_completed)
            .take(limit)
            .filter_map(|slot| Some(&self.entry(slot)?.card))
            .collect()
    }

    /// What `viewer` sees: the agents that serve everybody, and its own, or all others.
    fn seen_by(&self, viewer: &Viewer) -> (&Ranking, Option<&Ranking>) {
        let others = match viewer {
            Viewer::Everything => Some(&self.reserved),
            Viewer::Client(client) => self.own.get(client),
            Viewer::Nobody => None,
        };
        (&self.shared, others)
    }

    fn rank(&mut self, card: &Card, slot: Slot) {
        match &card.reserved_for {
            None => self.shared.insert(card, slot),
            Some(client) => {
                self.reserved.insert(card, slot);
                self.own.entry(client.clone()).or_default().insert(card, slot);
            }
        }
    }

    fn unrank(&mut self, card: &Card) {
        let Some(client) = &card.reserved_for else {
            self.shared.remove(card);
            return;
        };
        self.reserved.remove(card);
        if let Some(own) = self.own.get_mut(client) {
            own.remove(card);
            if own.is_empty() {
                self.own.remove(client);
            }
        }
    }

    fn entry(&self, slot: Slot) -> Option<&Entry> {
        self.entries.get(slot as usize)?.as_ref()
    }

    fn new_slot(&mut self, id: &AgentId) -> Slot {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            Slot::try_from(self.entries.len() - 1).expect("there are fewer than 2³² agents")
        });
        self.slots.insert(id.clone(), slot);
        slot
    }
}

fn lower(name: &Name) -> String {
    name.as_str().to_lowercase()
}

fn put_in(index: &mut BTreeMap<String, BTreeSet<Slot>>, keys: impl Iterator<Item = String>, slot: Slot) {
    for key in keys {
        index.entry(key).or_default().insert(slot);
    }
}

fn take_out(index: &mut BTreeMap<String, BTreeSet<Slot>>, keys: impl Iterator<Item = String>, slot: Slot) {
    for key in keys {
        if let Some(slots) = index.get_mut(&key) {
            slots.remove(&slot);
            if slots.is_empty() {
                index.remove(&key);
            }
        }
    }
}
