//! A set of item numbers, one bit each.
//!
//! Items start in order and end in any, so those between are a window that moves: what lies before it
//! has ended, what lies behind it has not started. The window's text is six items a letter: at most
//! 1,667 letters for 10,000 items, usually far fewer.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// The 64 values of six bits.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Items in one letter.
const BITS: u32 = 6;

/// A set of item numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(super) struct Items {
    /// How many sixes of items lie before the window.
    skipped: u32,
    /// The window: neither its first nor its last six is empty.
    sixes: VecDeque<u8>,
}

/// A text that is not a set of items.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a set of items")]
pub(super) struct InvalidItems(String);

impl Items {
    /// No items.
    pub(super) const fn new() -> Self {
        Self {
            skipped: 0,
            sixes: VecDeque::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sixes.is_empty()
    }

    /// How many there are.
    pub(super) fn len(&self) -> u32 {
        self.sixes.iter().map(|six| six.count_ones()).sum()
    }

    pub(super) fn contains(&self, item: u32) -> bool {
        let at = (item / BITS).checked_sub(self.skipped);
        let six = at.and_then(|at| self.sixes.get(at as usize));
        six.is_some_and(|six| six & bit(item) != 0)
    }

    /// All of them, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        let sixes = (self.skipped..).zip(&self.sixes);
        sixes.flat_map(|(at, &six)| (at * BITS..(at + 1) * BITS).filter(move |&item| six & bit(item) != 0))
    }

    /// Adds an item.
    pub(super) fn insert(&mut self, item: u32) {
        let at = item / BITS;
        if self.sixes.is_empty() {
            self.skipped = at;
        }
        for _ in at..self.skipped {
            self.sixes.push_front(0);
        }
        self.skipped = self.skipped.min(at);
        let at = (at - self.skipped) as usize;
        if at >= self.sixes.len() {
            self.sixes.resize(at + 1, 0);
        }
        self.sixes[at] |= bit(item);
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }

    /// Takes an item out, and returns whether it was in there.
    pub(super) fn remove(&mut self, item: u32) -> bool {
        let found = self.contains(item);
        if found {
            self.sixes[(item / BITS - self.skipped) as usize] &= !bit(item);
            self.trim();
        }
        found
    }

    fn trim(&mut self) {
        while self.sixes.front() == Some(&0) {
            self.sixes.pop_front();
            self.skipped += 1;
        }
        while self.sixes.back() == Some(&0) {
            self.sixes.pop_back();
        }
        if self.sixes.is_empty() {
            self.skipped = 0;
        }
    }
}

fn bit(item: u32) -> u8 {
    1 << (item % BITS)
}

impl From<Items> for String {
    fn from(items: Items) -> Self {
        let letters = items
            .sixes
            .iter()
            .map(|&six| char::from(LETTERS[usize::from(six)]));
        format!("{}:{}", items.skipped, letters.collect::<String>())
    }
}

impl TryFrom<String> for Items {
    type Error = InvalidItems;

    fn try_from(text: String) -> Result<Self, InvalidItems> {
        let read = || {
            let (skipped, letters) = text.split_once(':')?;
            let six = |letter| LETTERS.iter().position(|known| *known == letter);
            let sixes = letters.bytes().map(|letter| u8::try_from(six(letter)?).ok());
            let mut items = Self {
                skipped: skipped
                    .parse()
                    .ok()
                    .filter(|skipped| *skipped < u32::MAX / BITS / 2)?,
                sixes: sixes.collect::<Option<_>>()?,
            };
            items.trim();
            Some(items)
        };
        read().ok_or_else(|| InvalidItems(text.chars().take(64).collect()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn text(items: &[u32]) -> String {
        let mut set = Items::new();
        for item in items {
            set.insert(*item);
        }
        set.into()
    }

    #[test]
    fn a_set_is_six_items_a_letter() {
        for (items, expected) in [
            (&[][..], "0:"),
            (&[0], "0:B"),
            (&[0, 1, 2, 3, 4, 5], "0:_"),
            (&[6, 17], "1:Bg"),
            (&[9_999], "1666:I"),
            (&[17, 6], "1:Bg"),
        ] {
            assert_eq!(text(items), expected);
        }
        let all: Vec<u32> = (0..10_000).collect();
        assert_eq!(text(&all).len(), 1_669);
    }

    #[test]
    fn a_text_that_is_no_set_is_refused() {
        for text in ["", "B", "0:?", "-1:B", "x:B", "0:B:B", "4294967295:B"] {
            assert!(Items::try_from(text.to_owned()).is_err(), "{text}");
        }
        // One that we would not write is read all the same.
        assert_eq!(
            Items::try_from("0:ABA".to_owned())
                .unwrap()
                .iter()
                .collect::<Vec<_>>(),
            [6]
        );
    }

    proptest! {
        #[test]
        fn a_set_holds_what_was_put_in_and_not_taken_out(
            changes in prop::collection::vec((0..200_u32, any::<bool>()), 0..200),
        ) {
            let mut set = Items::new();
            let mut model = BTreeSet::new();
            for (item, add) in changes {
                if add {
                    set.insert(item);
                    model.insert(item);
                } else {
                    prop_assert_eq!(set.remove(item), model.remove(&item));
                }
                prop_assert_eq!(set.len() as usize, model.len());
                prop_assert_eq!(set.is_empty(), model.is_empty());
                prop_assert!((0..210).all(|item| set.contains(item) == model.contains(&item)));
                prop_assert!(set.iter().eq(model.iter().copied()));
                let text = String::from(set.clone());
                let read = Items::try_from(text).unwrap();
                prop_assert_eq!(&read, &set, "the same items have one form");
            }
        }
    }
}
