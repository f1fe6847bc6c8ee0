//! Collects what is wrong with an input, so that the caller learns of everything at once.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use ains_api::{FieldFault, Json};
use ains_core::ids::MAX_NAME;

use super::{LIMIT, place, readable};
use crate::problem::Problem;

/// Most faults that one answer lists.
const MOST: usize = 100;

/// The faults of one input; of one place only the first.
///
/// The checks below return `None` where they added a fault, so that a caller runs all of them first and
/// puts their results together with `?` last.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    list: Vec<FieldFault>,
    /// Whether there may be more than are listed.
    more: bool,
    /// The first thing that was named and does not exist.
    absent: Option<String>,
    /// The places of those that are answered with 400 where nothing else is wrong.
    unusable: Vec<String>,
    prefix: String,
}

impl Faults {
    /// One fault.
    pub(crate) fn of(pointer: &str, message: impl Into<String>) -> Self {
        let mut faults = Self::default();
        faults.add(pointer, message);
        faults
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty() && self.absent.is_none()
    }

    /// Whether there is one at this place.
    pub(crate) fn name(&self, pointer: &str) -> bool {
        let mut named = self
            .list
            .iter()
            .map(|fault| fault.pointer.strip_prefix(&*self.prefix));
        named.any(|place| place == Some(pointer))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Notes that no more are looked for, though there may be some.
    pub(crate) fn leave_off(&mut self) {
        self.more = true;
    }

    /// Notes that `what` was named and does not exist, as nothing of that name can. Where nothing else is wrong, that
    /// is 404, as it is for a name that something could have.
    pub(crate) fn absent(&mut self, what: String) {
        self.absent.get_or_insert(what);
    }

    /// Adds one, unless the same place, or something that it lies within, has one already.
    pub(crate) fn add(&mut self, pointer: &str, message: impl Into<String>) {
        let pointer = format!("{}{pointer}", self.prefix);
        let covers = |fault: &FieldFault| {
            pointer
                .strip_prefix(&*fault.pointer)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if self.list.iter().any(covers) {
            return;
        }
        if self.list.len() == MOST {
            self.more = true;
            return;
        }
        self.list.push(FieldFault {
            pointer,
            message: message.into(),
        });
    }

    /// Adds one of several that were found in the same document, whatever is wrong around it: of members that are missing
    /// and one that is wrong, each is told.
    pub(crate) fn add_beside(&mut self, pointer: &str, message: impl Into<String>) {
        let fault = FieldFault {
            pointer: format!("{}{pointer}", self.prefix),
            message: message.into(),
        };
        if self.list.contains(&fault) {
            return;
        }
        if self.list.len() == MOST {
            self.more = true;
            return;
        }
        self.list.push(fault);
    }

    /// Adds one as [`add`](Self::add) does. Where nothing else is wrong, that is 400: it has the right form, but means
    /// nothing.
    pub(crate) fn unusable(&mut self, pointer: &str, message: impl Into<String>) {
        let known = self.list.len();
        self.add(pointer, message);
        let added = self.list.get(known).map(|fault| fault.pointer.clone());
        self.unusable.extend(added);
    }

    /// Runs `check` with every pointer below `prefix`: `/tasks/3`.
    pub(crate) fn below<T>(&mut self, prefix: &str, check: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.prefix.len();
        self.prefix.push_str(prefix);
        let checked = check(self);
        self.prefix.truncate(length);
        checked
    }

    /// Adds all of another's, below this one's prefix.
    pub(crate) fn absorb(&mut self, other: Self) {
        for fault in other.list {
            if other.unusable.contains(&fault.pointer) {
                self.unusable(&fault.pointer, fault.message);
            } else {
                self.add(&fault.pointer, fault.message);
            }
        }
        self.more |= other.more;
        self.absent = self.absent.take().or(other.absent);
    }

    /// The same, with `what` they are about before each message.
    pub(crate) fn about(mut self, what: &str) -> Self {
        for fault in &mut self.list {
            fault.message.insert_str(0, what);
        }
        self
    }

    /// `value` if nothing is wrong.
    ///
    /// # Errors
    /// 422 with every fault, or 404 if there is none and something does not exist.
    pub(crate) fn into_result<T>(self, value: Option<T>) -> Result<T, Problem> {
        match value {
            Some(value) if self.is_empty() => Ok(value),
            _ => Err(self.into_problem()),
        }
    }

    /// 422 with every fault, or 404 if there is none and something does not exist; 400 if all of them are of that kind.
    pub(crate) fn into_problem(self) -> Problem {
        match self.absent {
            Some(what) if self.list.is_empty() => Problem::not_found(&what),
            _ if !self.list.is_empty() && self.unusable.len() == self.list.len() => {
                Problem::unusable(self.list)
            }
            _ => Problem::invalid(self.list, self.more),
        }
    }

    /// A whole number within `range`.
    pub(crate) fn within<N>(&mut self, pointer: &str, value: i64, range: &RangeInclusive<N>) -> Option<N>
    where
        N: TryFrom<i64> + PartialOrd + Display + Copy,
    {
        let checked = N::try_from(value).ok().filter(|number| range.contains(number));
        if checked.is_none() {
            self.add(
                pointer,
                format!("must be between {} and {}", range.start(), range.end()),
            );
        }
        checked
    }

    /// A whole number within `range`, `default` where there is none.
    pub(crate) fn within_or<N>(
        &mut self,
        at: &str,
        value: Option<i64>,
        range: &RangeInclusive<N>,
        default: N,
    ) -> Option<N>
    where
        N: TryFrom<i64> + PartialOrd + Display + Copy,
    {
        value.map_or(Some(default), |value| self.within(at, value, range))
    }

    /// A whole number within `range`, if there is one. `None` is a fault, `Some(None)` is none given.
    #[expect(
        clippy::option_option,
        reason = "the outer option is the verdict, as in every check"
    )]
    pub(crate) fn within_opt<N>(
        &mut self,
        at: &str,
        value: Option<i64>,
        range: &RangeInclusive<N>,
    ) -> Option<Option<N>>
    where
        N: TryFrom<i64> + PartialOrd + Display + Copy,
    {
        value.map_or(Some(None), |value| self.within(at, value, range).map(Some))
    }

    /// A number within `range`.
    pub(crate) fn number(&mut self, pointer: &str, value: f64, range: &RangeInclusive<f64>) -> Option<f64> {
        let checked = range.contains(&value).then_some(value);
        if checked.is_none() {
            self.add(
                pointer,
                format!("must be between {} and {}", range.start(), range.end()),
            );
        }
        checked
    }

    /// A number that is not negative.
    pub(crate) fn amount(&mut self, pointer: &str, value: f64) -> Option<f64> {
        let checked = Some(value).filter(|value| value.is_finite() && *value >= 0.0);
        if checked.is_none() {
            self.add(pointer, "must not be negative");
        }
        checked
    }

    /// An id, a name or a word of a closed set.
    pub(crate) fn parse<T>(&mut self, pointer: &str, text: &str) -> Option<T>
    where
        T: FromStr<Err: Display>,
    {
        text.parse()
            .map_err(|error| self.add(pointer, clip(format!("{error}"))))
            .ok()
    }

    /// An id, a name or a word of a closed set, if there is one.
    #[expect(
        clippy::option_option,
        reason = "the outer option is the verdict, as in every check"
    )]
    pub(crate) fn parse_opt<T>(&mut self, pointer: &str, text: Option<&str>) -> Option<Option<T>>
    where
        T: FromStr<Err: Display>,
    {
        text.map_or(Some(None), |text| self.parse(pointer, text).map(Some))
    }

    /// What one of these words stands for, the first of them where there is none.
    pub(crate) fn choice<T: Copy>(
        &mut self,
        pointer: &str,
        text: Option<&str>,
        words: &[(&str, T)],
    ) -> Option<T> {
        let Some(text) = text else {
            return words.first().map(|(_, default)| *default);
        };
        let chosen = words.iter().find(|(word, _)| *word == text);
        if chosen.is_none() {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            self.add(pointer, format!("must be one of {}", words.join(", ")));
        }
        chosen.map(|(_, meant)| *meant)
    }

    /// A list of ids, names or words.
    pub(crate) fn parse_all<T>(&mut self, pointer: &str, texts: &[String]) -> Option<Vec<T>>
    where
        T: FromStr<Err: Display>,
    {
        let checked: Vec<_> = texts
            .iter()
            .enumerate()
            .map(|(index, text)| self.parse(&format!("{pointer}/{index}"), text))
            .collect();
        checked.into_iter().collect()
    }

    /// Whether a text is short enough.
    fn bounded(&mut self, pointer: &str, text: &str) -> Option<()> {
        if text.len() > LIMIT {
            self.add(pointer, format!("is larger than the limit of {LIMIT} bytes"));
            return None;
        }
        Some(())
    }

    /// Free text. The databases cannot keep NUL.
    pub(crate) fn text(&mut self, pointer: &str, text: String) -> Option<String> {
        self.bounded(pointer, &text)?;
        if text.contains('\0') {
            self.add(pointer, "must not contain NUL characters");
            return None;
        }
        Some(text)
    }

    /// Free text, if there is some.
    #[expect(
        clippy::option_option,
        reason = "the outer option is the verdict, as in every check"
    )]
    pub(crate) fn text_opt(&mut self, pointer: &str, text: Option<String>) -> Option<Option<String>> {
        text.map_or(Some(None), |text| self.text(pointer, text).map(Some))
    }

    /// Text of 1 to 255 characters.
    pub(crate) fn label(&mut self, pointer: &str, text: String) -> Option<String> {
        let text = self.text(pointer, text)?;
        if text.is_empty() || text.chars().count() > MAX_NAME {
            self.add(pointer, format!("must have 1 to {MAX_NAME} characters"));
            return None;
        }
        Some(text)
    }

    /// Any JSON that can be read again, as text.
    pub(crate) fn document(&mut self, pointer: &str, json: Json) -> Option<Box<str>> {
        let text = json.into_text();
        self.bounded(pointer, &text)?;
        if let Err(fault) = readable::check(&text) {
            let place = place::at(&text, fault.offset);
            self.add(&format!("{pointer}{}", place.pointer), fault.message);
            return None;
        }
        Some(text.into_boxed_str())
    }

    /// Any JSON, as text, if there is some.
    #[expect(
        clippy::option_option,
        reason = "the outer option is the verdict, as in every check"
    )]
    pub(crate) fn document_opt(&mut self, pointer: &str, json: Option<Json>) -> Option<Option<Box<str>>> {
        json.map_or(Some(None), |json| self.document(pointer, json).map(Some))
    }

    /// A JSON object, as text.
    pub(crate) fn object(&mut self, pointer: &str, json: Json) -> Option<Box<str>> {
        if json.is_object() {
            return self.document(pointer, json);
        }
        self.add(pointer, "must be an object");
        None
    }

    /// A JSON object, as text, if there is one.
    #[expect(
        clippy::option_option,
        reason = "the outer option is the verdict, as in every check"
    )]
    pub(crate) fn object_opt(&mut self, pointer: &str, json: Option<Json>) -> Option<Option<Box<str>>> {
        json.map_or(Some(None), |json| self.object(pointer, json).map(Some))
    }
}

/// A message of bearable length.
pub(super) fn clip(mut message: String) -> String {
    if let Some((end, _)) = message.char_indices().nth(400) {
        message.truncate(end);
        message.push('…');
    }
    message
}
