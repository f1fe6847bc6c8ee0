//! Which slots are still wanted when their time has passed.

use super::definition::Catchup;
use super::tally::Range;
use super::timeline::{INSTANT, Timeline};
use super::{MAX_SLOTS, ON_TIME};
use crate::time::Timestamp;

/// What becomes of slots whose time has passed, in order.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is wanted.
    Wanted(Timestamp),
    /// They are not, for a reason.
    Missed(Range, &'static str),
}

/// Why slots are missed.
pub(super) const TOO_OLD: &str = "missed, and older than `catchup_window_seconds`";
pub(super) const TOO_MANY: &str = "missed, with 1000 later ones to be caught up";
pub(super) const NOT_CAUGHT_UP: &str = "missed, and `catchup` is none";
pub(super) const NOT_THE_LAST: &str = "missed, and a later slot is due: `catchup` is last";

impl Verdict {
    /// The last slot that it is about.
    pub(super) fn last(&self) -> Timestamp {
        match self {
            Self::Wanted(at) => *at,
            Self::Missed(range, _) => range.last,
        }
    }
}

/// What becomes of the slots after `decided` until `now`, in order; those that are missed come before those that are
/// wanted. What was on time at `since` still is. With jitter, the last of them may not be due yet; `due` tells when a slot is, given the one after it.
pub(super) fn judge(
    timeline: &Timeline<'_>,
    decided: Timestamp,
    now: Timestamp,
    since: Timestamp,
    due: impl Fn(Timestamp, Option<Timestamp>) -> Timestamp,
) -> Vec<Verdict> {
    let definition = timeline.definition;
    let mut verdicts = Vec::new();
    // What is so late that it is missed in any case is counted, not listed.
    let latest = since.min(now) - definition.catchup_window().max(ON_TIME) - definition.jitter();
    let mut from = decided;
    if decided < latest - INSTANT {
        from = latest - INSTANT;
        let reason = match definition.catchup {
            Catchup::None => NOT_CAUGHT_UP,
            Catchup::Last | Catchup::All => TOO_OLD,
        };
        let too_old = timeline.tally(decided, from);
        verdicts.extend(too_old.map(|range| Verdict::Missed(range, reason)));
    }
    let too_many = match definition.catchup {
        Catchup::All => TOO_MANY,
        Catchup::Last => NOT_THE_LAST,
        Catchup::None => NOT_CAUGHT_UP,
    };
    // One more than are caught up, for the last may not be due yet.
    let (older, from) = timeline.tally_but(MAX_SLOTS as u64 + 1, from, now);
    verdicts.extend(older.map(|range| Verdict::Missed(range, too_many)));
    let slots = timeline.instants(from).map(|slot| slot.at);
    let slots: Vec<Timestamp> = slots.take_while(|at| *at <= now).collect();
    let due_at = |index: usize| {
        let next = slots.get(index + 1).copied();
        let next = next.or_else(|| timeline.next(slots[index]).map(|slot| slot.at));
        due(slots[index], next)
    };
    let come: Vec<(Timestamp, Timestamp)> = (0..slots.len())
        .map(|index| (slots[index], due_at(index)))
        .take_while(|(_, due)| *due <= now)
        .collect();
    let is_on_time = |due: Timestamp| since.since(due) <= ON_TIME;
    let was_away = !verdicts.is_empty() || come.iter().any(|(_, due)| !is_on_time(*due));
    for (index, (at, due)) in come.iter().enumerate() {
        let later = come.len() - index - 1;
        let missed = match definition.catchup {
            Catchup::Last if was_away && later > 0 => Some(NOT_THE_LAST),
            _ if is_on_time(*due) => None,
            Catchup::None => Some(NOT_CAUGHT_UP),
            _ if now.since(*due) > definition.catchup_window() => Some(TOO_OLD),
            Catchup::All if later >= MAX_SLOTS => Some(TOO_MANY),
            Catchup::Last | Catchup::All => None,
        };
        let one = Range::one(*at);
        match (missed, verdicts.last_mut()) {
            (None, _) => verdicts.push(Verdict::Wanted(*at)),
            (Some(reason), Some(Verdict::Missed(range, same))) if *same == reason => {
                *range = range.joined(one);
            }
            (Some(reason), _) => verdicts.push(Verdict::Missed(one, reason)),
        }
    }
    verdicts
}
