//! Which lanes may hold ready tasks, so that a claim looks only into those.
//!
//! A lane is marked when a task became ready in it, here or at another server, and cleared when
//! it was found empty and has not been marked since. Marks are numbered, so a lane that is found
//! empty while somebody fills it stays.
//!
//! An agent that is reserved for a client looks at that client's tasks alone. A lane counts as marked for it only
//! when one of these became ready: work of others does not wake it up.

use std::collections::{BTreeMap, BTreeSet};

use ains_core::fair::Turns;
use ains_core::{ClientId, Lane};

/// The lanes in which tasks became ready, and whose these are, as far as it is known.
pub(crate) type Ready = BTreeMap<Lane, BTreeSet<ClientId>>;

/// What one kind of agent may be given of a lane.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Part {
    pub(crate) lane: Lane,
    /// Only this client's tasks, for its own agents; `None`: all of them, for those that serve everybody.
    pub(crate) client: Option<ClientId>,
}

impl Part {
    /// Whether a task of `client` in `lane` is in it.
    pub(crate) fn holds(&self, lane: &Lane, client: &ClientId) -> bool {
        self.lane == *lane && self.client.as_ref().is_none_or(|own| own == client)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Lanes {
    /// By capability and tenth.
    marked: BTreeMap<String, BTreeMap<u8, Entry>>,
    /// The number of the latest mark.
    latest: u64,
}

#[derive(Debug, Default)]
struct Entry {
    mark: u64,
    /// The latest marks by tasks of clients that have agents of their own.
    own: BTreeMap<ClientId, u64>,
    /// Whose turn it is among priorities (semantics §1.5).
    turns: Turns,
}

impl Lanes {
    /// The number of the latest mark.
    pub(crate) fn latest(&self) -> u64 {
        self.latest
    }

    /// Notes that tasks became ready, and that some are of these clients, which have agents of their own.
    pub(crate) fn mark<'c>(&mut self, lane: &Lane, own: impl IntoIterator<Item = &'c ClientId>) {
        self.latest += 1;
        let latest = self.latest;
        if !self.marked.contains_key(&*lane.capability) {
            self.marked.insert(lane.capability.to_string(), BTreeMap::new());
        }
        if let Some(tenths) = self.marked.get_mut(&*lane.capability) {
            let entry = tenths.entry(lane.tenth).or_default();
            entry.mark = latest;
            entry
                .own
                .extend(own.into_iter().map(|client| (client.clone(), latest)));
        }
    }

    /// Forgets a lane that was found empty by somebody who began to look when `seen` was the
    /// latest mark.
    pub(crate) fn clear(&mut self, lane: &Lane, seen: u64) {
        let Some(tenths) = self.marked.get_mut(&*lane.capability) else {
            return;
        };
        if tenths.get(&lane.tenth).is_some_and(|entry| entry.mark <= seen) {
            tenths.remove(&lane.tenth);
            if tenths.is_empty() {
                self.marked.remove(&*lane.capability);
            }
        }
    }

    /// Whether a lane of `capability` was marked after `seen`, for agents that are reserved for this client or,
    /// without one, for those that serve everybody.
    pub(crate) fn marked_since(&self, reserved_for: Option<&ClientId>, capability: &str, seen: u64) -> bool {
        let is_new = |entry: &Entry| match reserved_for {
            None => entry.mark > seen,
            Some(client) => entry.own.get(client).is_some_and(|mark| *mark > seen),
        };
        self.marked
            .get(capability)
            .is_some_and(|tenths| tenths.values().any(is_new))
    }

    /// The lanes of `capability` that ask for at most `tenth` and may hold tasks.
    pub(crate) fn of(&self, capability: &str, tenth: u8) -> impl Iterator<Item = Lane> + use<> {
        let lanes: Vec<Lane> = self
            .marked
            .get(capability)
            .into_iter()
            .flat_map(|tenths| tenths.range(..=tenth))
            .map(|(tenth, _)| Lane {
                capability: capability.into(),
                tenth: *tenth,
            })
            .collect();
        lanes.into_iter()
    }

    /// Every lane that may hold tasks.
    #[cfg(test)]
    fn all(&self) -> Vec<Lane> {
        self.marked
            .iter()
            .flat_map(|(capability, tenths)| {
                tenths.keys().map(|tenth| Lane {
                    capability: capability.as_str().into(),
                    tenth: *tenth,
                })
            })
            .collect()
    }

    /// The turns of a lane.
    pub(crate) fn turns(&self, lane: &Lane) -> Turns {
        self.marked
            .get(&*lane.capability)
            .and_then(|tenths| tenths.get(&lane.tenth))
            .map(|entry| entry.turns.clone())
            .unwrap_or_default()
    }

    /// Notes what was handed out of a lane.
    pub(crate) fn served(&mut self, lane: &Lane, priority: u8) {
        if let Some(entry) = self
            .marked
            .get_mut(&*lane.capability)
            .and_then(|tenths| tenths.get_mut(&lane.tenth))
        {
            entry.turns.served(priority);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(tenth: u8) -> Lane {
        Lane {
            capability: "text:v1".into(),
            tenth,
        }
    }

    #[test]
    fn a_lane_marked_while_it_was_looked_into_is_not_forgotten() {
        let mut lanes = Lanes::default();
        lanes.mark(&lane(0), []);
        let seen = lanes.latest();
        lanes.mark(&lane(0), []);
        lanes.clear(&lane(0), seen);
        assert!(lanes.marked_since(None, "text:v1", seen));
        assert_eq!(lanes.all(), [lane(0)]);
        lanes.clear(&lane(0), lanes.latest());
        assert_eq!(lanes.all(), []);
    }

    #[test]
    fn an_agent_sees_the_lanes_up_to_its_trust() {
        let mut lanes = Lanes::default();
        for tenth in [0, 5, 9] {
            lanes.mark(&lane(tenth), []);
        }
        assert_eq!(lanes.of("text:v1", 5).collect::<Vec<_>>(), [lane(0), lane(5)]);
        assert_eq!(lanes.of("other", 10).count(), 0);
    }

    #[test]
    fn a_client_is_called_by_its_own_tasks_alone() {
        let [a, b]: [ClientId; 2] = ["a", "b"].map(|name| name.parse().unwrap());
        let mut lanes = Lanes::default();
        lanes.mark(&lane(0), [&b]);
        let seen = lanes.latest();
        lanes.mark(&lane(0), [&a]);
        assert!(lanes.marked_since(None, "text:v1", seen));
        assert!(lanes.marked_since(Some(&a), "text:v1", seen));
        assert!(!lanes.marked_since(Some(&b), "text:v1", seen));
        lanes.mark(&lane(5), [&a, &b]);
        assert!(lanes.marked_since(Some(&b), "text:v1", seen));
    }
}
