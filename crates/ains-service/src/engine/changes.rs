//! What the directory has not been told yet, one note an agent.

use std::collections::BTreeMap;

use ains_core::AgentId;
use ains_core::directory::{Card, Directory, Offer};

/// Notes for the directory.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// `None`: the agent is gone.
    notes: BTreeMap<AgentId, Option<Note>>,
}

/// What became of an agent.
#[derive(Debug)]
struct Note {
    card: Card,
    /// `None`: as before.
    offers: Option<Vec<Offer>>,
    /// Whether it had been removed before, so that nothing of it stays.
    anew: bool,
}

impl Changes {
    pub(crate) fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    /// An agent came or changed; without `offers` what it offers did not.
    pub(crate) fn put(&mut self, card: Card, offers: Option<Vec<Offer>>) {
        let before = self.notes.remove(&card.id);
        let (known, anew) = match before {
            None => (None, false),
            Some(None) => (None, true),
            Some(Some(note)) => (note.offers, note.anew),
        };
        let note = Note {
            offers: offers.or(known),
            anew,
            card,
        };
        self.notes.insert(note.card.id.clone(), Some(note));
    }

    /// An agent is gone.
    pub(crate) fn remove(&mut self, agent: AgentId) {
        self.notes.insert(agent, None);
    }

    /// Tells it all.
    pub(super) fn tell(self, directory: &mut Directory) {
        for (agent, note) in self.notes {
            match note {
                None => directory.remove(&agent),
                Some(note) => {
                    if note.anew {
                        directory.remove(&agent);
                    }
                    directory.put(note.card, note.offers);
                }
            }
        }
    }
}
