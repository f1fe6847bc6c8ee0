//! The lines of an iCalendar text (RFC 5545, section 3.1).

use std::borrow::Cow;
use std::iter::{Enumerate, Peekable};
use std::str;

use super::shown;

/// The lines that are not empty, put together where they were folded, with the number of the first, from 1.
pub(super) struct Lines<'t> {
    rest: Peekable<Enumerate<str::Lines<'t>>>,
}

impl<'t> Lines<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self {
            rest: text.lines().enumerate().peekable(),
        }
    }
}

impl<'t> Iterator for Lines<'t> {
    type Item = (usize, Cow<'t, str>);

    fn next(&mut self) -> Option<Self::Item> {
        let (index, first) = self.rest.find(|(_, line)| !line.trim().is_empty())?;
        let mut content = Cow::Borrowed(first);
        let folded = |(_, line): &(usize, &str)| line.starts_with([' ', '\t']);
        while let Some((_, line)) = self.rest.next_if(folded) {
            content.to_mut().push_str(&line[1..]);
        }
        Some((index + 1, content))
    }
}

/// A line taken apart: `NAME;PARAMETER=VALUE;…:VALUE`.
pub(super) struct Property<'l> {
    pub(super) name: &'l str,
    parameters: Vec<(&'l str, &'l str)>,
    pub(super) value: &'l str,
}

impl<'l> Property<'l> {
    /// Takes a line apart.
    pub(super) fn parse(line: &'l str) -> Result<Self, String> {
        let no_property = || format!("`{}` is not a property (NAME:VALUE)", shown(line));
        let (name, mut rest) = word(line);
        let mut parameters = Vec::new();
        while let Some(parameter) = rest.strip_prefix(';') {
            let (name, value) = word(parameter);
            let value = value.strip_prefix('=').ok_or_else(no_property)?;
            let end = end_of_values(value).ok_or_else(no_property)?;
            parameters.push((name, value[..end].trim_matches('"')));
            rest = &value[end..];
        }
        let value = rest.strip_prefix(':').ok_or_else(no_property)?;
        if name.is_empty() {
            return Err(no_property());
        }
        Ok(Self {
            name,
            parameters,
            value,
        })
    }

    /// The value of a parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&'l str> {
        let mut parameters = self.parameters.iter();
        parameters
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| *value)
    }
}

/// A name at the beginning of `text`, and what follows it.
fn word(text: &str) -> (&str, &str) {
    let end = text.find(|char: char| !char.is_ascii_alphanumeric() && char != '-');
    text.split_at(end.unwrap_or(text.len()))
}

/// Where the values of a parameter end: at the first `;` or `:` that is not in quotes.
fn end_of_values(text: &str) -> Option<usize> {
    let mut quoted = false;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b';' | b':' if !quoted => return Some(index),
            _ => {}
        }
    }
    None
}
