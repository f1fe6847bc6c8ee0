//! Finding agents by what they offer, by tags and by trust.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::ranks::{Both, millionths};
use super::{Directory, Entry, Slot, Viewer};
use crate::trust::TrustScore;

/// What comes first in a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortBy {
    /// Who is trusted most.
    #[default]
    Trust,
    /// Who asks least. Those that offer nothing come last.
    Price,
    /// Who promises to be quickest. Those that offer nothing come last.
    Latency,
}

/// What agents are looked for. INACTIVE ones are never found.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// Who looks.
    pub viewer: Viewer,
    /// A part of the name of something that the agent offers, in any case of letters.
    pub capability: Option<String>,
    /// Tags of which it has at least one, in any case of letters. None: any agent.
    pub tags: Vec<String>,
    /// The least trust.
    pub min_trust: TrustScore,
    /// The most that it asks, for an offer that also fits the rest.
    pub max_price: Option<f64>,
    /// The longest that it takes, in milliseconds, for an offer that also fits the rest.
    pub max_latency_ms: Option<i64>,
    /// What comes first. Those that are alike in this are in order of trust, then completed tasks, then id.
    pub sort: SortBy,
    /// How many are wanted.
    pub limit: usize,
    /// How many are left out before.
    pub offset: usize,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found<'a> {
    /// How many there are in all.
    pub total: usize,
    /// Those that were wanted, in order.
    pub entries: Vec<&'a Entry>,
}

/// What is sorted by, before the id: the lowest price or latency, trust, completed tasks.
type Place = (u64, Reverse<u32>, Reverse<i64>);

impl Directory {
    /// Looks for agents.
    ///
    /// With trust alone to filter and sort by, this costs O(different scores + page); else it looks at the
    /// different names of capabilities or tags, and at every agent that has one that fits.
    pub fn search(&self, search: &Search) -> Found<'_> {
        let search = &Search {
            capability: search.capability.as_ref().map(|text| text.to_lowercase()),
            tags: search.tags.iter().map(|tag| tag.to_lowercase()).collect(),
            ..search.clone()
        };
        let (total, slots) = if search.is_by_trust_alone() {
            let min = millionths(search.min_trust.get());
            let (shared, own) = self.seen_by(&search.viewer);
            let present = Both(&shared.present, own.map(|ranking| &ranking.present));
            present.page(min, search.offset, search.limit)
        } else {
            self.filtered(search)
        };
        Found {
            total,
            entries: slots.into_iter().filter_map(|slot| self.entry(slot)).collect(),
        }
    }

    fn filtered(&self, search: &Search) -> (usize, Vec<Slot>) {
        let offering = search
            .capability
            .as_deref()
            .map(|part| self.union(holders(&self.offered, part)));
        let tagged = (!search.tags.is_empty()).then(|| {
            let holders = search.tags.iter().filter_map(|tag| self.tagged.get(tag));
            self.union(holders)
        });
        let candidates = match (offering, tagged) {
            (Some(offering), Some(tagged)) => offering.intersection(&tagged),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => Slots::all(self.entries.len()),
        };
        let mut found: Vec<(Place, Slot)> = candidates
            .iter()
            .filter_map(|slot| Some((search.place(self.entry(slot)?)?, slot)))
            .collect();
        let total = found.len();
        let order = |a: &(Place, Slot), b: &(Place, Slot)| {
            let id = |slot| self.entry(slot).map(|entry| &entry.card.id);
            a.0.cmp(&b.0).then_with(|| id(a.1).cmp(&id(b.1)))
        };
        let end = search.offset.saturating_add(search.limit);
        if search.offset >= total {
            return (total, Vec::new());
        }
        if end < total {
            // Only what is wanted is sorted.
            found.select_nth_unstable_by(end, order);
            found.truncate(end);
        }
        found.sort_unstable_by(order);
        let page = found.into_iter().skip(search.offset).map(|(_, slot)| slot);
        (total, page.collect())
    }

    fn union<'a>(&self, sets: impl Iterator<Item = &'a BTreeSet<Slot>>) -> Slots {
        let mut union = Slots::none(self.entries.len());
        for slot in sets.flatten() {
            union.insert(*slot);
        }
        union
    }
}

/// Who has a key with `part` in it.
fn holders<'a>(
    index: &'a BTreeMap<String, BTreeSet<Slot>>,
    part: &'a str,
) -> impl Iterator<Item = &'a BTreeSet<Slot>> {
    index
        .iter()
        .filter(move |(key, _)| key.contains(part))
        .map(|(_, slots)| slots)
}

impl Search {
    fn is_by_trust_alone(&self) -> bool {
        let Self {
            viewer: _,
            capability,
            tags,
            min_trust: _,
            max_price,
            max_latency_ms,
            sort,
            limit: _,
            offset: _,
        } = self;
        capability.is_none()
            && tags.is_empty()
            && max_price.is_none()
            && max_latency_ms.is_none()
            && *sort == SortBy::Trust
    }

    /// Whether it must offer something that fits.
    fn wants_offer(&self) -> bool {
        self.capability.is_some() || self.max_price.is_some() || self.max_latency_ms.is_some()
    }

    /// Where an agent comes, if it is one that is looked for; its tags have been looked at.
    fn place(&self, entry: &Entry) -> Option<Place> {
        let card = &entry.card;
        if !card.present || card.trust < self.min_trust || !self.viewer.sees(card.reserved_for.as_ref()) {
            return None;
        }
        let figure = match self.best_figure(entry) {
            None if self.wants_offer() => return None,
            best => best.unwrap_or(u64::MAX),
        };
        let first = if self.sort == SortBy::Trust { 0 } else { figure };
        let trust = Reverse(millionths(card.trust.get()));
        Some((first, trust, Reverse(card.completed)))
    }

    /// The lowest price or latency of what fits, as a number that sorts likewise; by trust, that of any.
    fn best_figure(&self, entry: &Entry) -> Option<u64> {
        let mut fitting = entry.offers.iter().zip(&entry.lower).filter(|(offer, name)| {
            self.capability.as_ref().is_none_or(|part| name.contains(&**part))
                && self.max_price.is_none_or(|most| offer.price <= most)
                && self
                    .max_latency_ms
                    .is_none_or(|most| offer.latency_p99_ms <= most)
        });
        match self.sort {
            SortBy::Trust => fitting.next().map(|_| 0),
            // Of numbers that are not negative the bits are in the same order.
            SortBy::Price => fitting.map(|(offer, _)| offer.price.max(0.0).to_bits()).min(),
            SortBy::Latency => fitting
                .map(|(offer, _)| u64::try_from(offer.latency_p99_ms).unwrap_or(0))
                .min(),
        }
    }
}

/// A set of agents, one bit each.
#[derive(Debug)]
struct Slots {
    words: Vec<u64>,
}

impl Slots {
    fn none(len: usize) -> Self {
        Self {
            words: vec![0; len.div_ceil(64)],
        }
    }

    fn all(len: usize) -> Self {
        Self {
            words: vec![u64::MAX; len.div_ceil(64)],
        }
    }

    fn insert(&mut self, slot: Slot) {
        self.words[slot as usize / 64] |= 1 << (slot % 64);
    }

    fn intersection(mut self, other: &Self) -> Self {
        for (own, other) in self.words.iter_mut().zip(&other.words) {
            *own &= other;
        }
        self
    }

    fn iter(&self) -> impl Iterator<Item = Slot> {
        self.words.iter().zip(0..).flat_map(|(word, number): (_, Slot)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros();
                rest &= rest.checked_sub(1)?;
                Some(number * 64 + bit)
            })
        })
    }
}
