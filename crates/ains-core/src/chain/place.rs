//! What is named within a chain: the place of a task, what must be found out, and the answer.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The place of one task in its chain. No two tasks of a chain have the same: it is the unique key
/// that lets a step start once, whatever crashes.
///
/// Its text is `<step>.<run>.<iteration>`, then `.<item>` of a `for_each`, and `c` before it all for
/// a compensation: `3.1.1`, `3.1.1.250`, `c3.2.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Place {
    /// The index of the step.
    pub step: u32,
    /// The run of the chain in which it started, from 1.
    pub run: u32,
    /// From 1; more than 1 only with `repeat_until`.
    pub iteration: u32,
    /// The index of the item, with `for_each`.
    pub item: Option<u32>,
    /// Whether it undoes the step.
    pub compensation: bool,
}

/// A text that is not the place of a task.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a place in a chain")]
pub struct InvalidPlace(pub String);

/// What must be found out before a chain can go on. It is the same question as long as it is equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// Whether a step is done at all: [`Answer::Truth`].
    When {
        /// The index of the step.
        step: u32,
        /// The run of the chain.
        run: u32,
    },
    /// What a step goes through: [`Answer::Items`]. Whoever answers keeps the list: the items are asked for by their
    /// index from then on.
    ForEach {
        /// The index of the step.
        step: u32,
        /// The run of the chain.
        run: u32,
    },
    /// Whether a step that is repeated is done: [`Answer::Truth`].
    RepeatUntil {
        /// The index of the step.
        step: u32,
        /// The run of the chain.
        run: u32,
        /// The iteration that has just completed.
        iteration: u32,
    },
    /// The input of a task, where it holds expressions: [`Answer::Input`]. The task is started after the answer.
    Input {
        /// The task that waits for it.
        place: Place,
    },
    /// The output of a `for_each`, made of the results of its items: [`Answer::Output`]. Whoever answers keeps it. An
    /// output that is too large is answered with a fault, and fails the step.
    Output {
        /// The index of the step.
        step: u32,
        /// The run of the chain.
        run: u32,
        /// How many items it has.
        total: u32,
    },
}

/// The answer to a [`Question`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// To `When` and `RepeatUntil`.
    Truth(bool),
    /// To `ForEach`: how many items there are.
    Items(u32),
    /// To `Input`: the text of the JSON object that it came to.
    Input(Box<str>),
    /// To `Output`: it has been put together.
    Output,
}

impl Question {
    /// The index of the step that it is about.
    pub fn step(&self) -> u32 {
        match *self {
            Self::When { step, .. }
            | Self::ForEach { step, .. }
            | Self::RepeatUntil { step, .. }
            | Self::Output { step, .. } => step,
            Self::Input { place } => place.step,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.compensation {
            f.write_str("c")?;
        }
        write!(f, "{}.{}.{}", self.step, self.run, self.iteration)?;
        self.item.map_or(Ok(()), |item| write!(f, ".{item}"))
    }
}

impl FromStr for Place {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let place = || {
            let numbers = text.strip_prefix('c');
            let mut parts = numbers.unwrap_or(text).split('.').map(|part| part.parse().ok());
            let place = Self {
                step: parts.next()??,
                run: parts.next()??,
                iteration: parts.next()??,
                item: match parts.next() {
                    Some(item) => Some(item?),
                    None => None,
                },
                compensation: numbers.is_some(),
            };
            // Only one text names a place: no leading zeros or signs, nothing behind it.
            (place.to_string() == text).then_some(place)
        };
        place().ok_or_else(|| InvalidPlace(text.chars().take(64).collect()))
    }
}

impl TryFrom<String> for Place {
    type Error = InvalidPlace;

    fn try_from(text: String) -> Result<Self, InvalidPlace> {
        text.parse()
    }
}

impl From<Place> for String {
    fn from(place: Place) -> Self {
        place.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_back_from_its_text() {
        let place = |item, compensation| Place {
            step: 3,
            run: 2,
            iteration: 1,
            item,
            compensation,
        };
        for (place, text) in [
            (place(None, false), "3.2.1"),
            (place(Some(250), false), "3.2.1.250"),
            (place(None, true), "c3.2.1"),
        ] {
            assert_eq!(place.to_string(), text);
            assert_eq!(text.parse(), Ok(place));
            let json = serde_json::to_string(&place).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<Place>(&json).unwrap(), place);
        }
    }

    #[test]
    fn only_one_text_names_a_place() {
        for text in [
            "",
            "3",
            "3.2",
            "3.2.",
            "3.2.1.",
            "03.2.1",
            "+3.2.1",
            "3.2.1.0.0",
            "C3.2.1",
            "3.2.99999999999",
            "3.2.x",
        ] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }
}
