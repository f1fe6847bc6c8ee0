//! Regular expressions of `matches`, bounded: none of them takes long to compile, nor to use.
//!
//! They run in linear time in any case; the bounds are on its factor. Measured, each at its worst: 3 ms to
//! compile, and for a byte of text that is looked at 0.3 µs with a short one, 1.5 µs with the largest.

use regex::{Regex, RegexBuilder};

/// Longest text of a pattern, in bytes.
const MAX_PATTERN: usize = 256;

/// Largest compiled pattern, in bytes: an e-mail address with `\w` of all scripts takes 150 KiB.
const MAX_COMPILED: usize = 1 << 18;

/// Largest cache while a pattern is used, in bytes.
const MAX_CACHE: usize = 1 << 19;

/// Deepest nesting of a pattern.
const MAX_NESTING: u32 = 32;

/// A regular expression that was compiled.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    regex: Regex,
    /// How many things it may be looking for at once, about.
    size: usize,
}

impl Pattern {
    /// Compiles a pattern; the error says what is wrong with it.
    pub(super) fn new(pattern: &str) -> Result<Self, String> {
        let length = pattern.len();
        if length > MAX_PATTERN {
            return Err(format!(
                "a regular expression of {length} bytes; at most {MAX_PATTERN}"
            ));
        }
        if has_class_within_class(pattern) {
            return Err("a regular expression with a class within a class".to_owned());
        }
        RegexBuilder::new(pattern)
            .size_limit(MAX_COMPILED)
            .dfa_size_limit(MAX_CACHE)
            .nest_limit(MAX_NESTING)
            .build()
            .map(|regex| Self {
                regex,
                size: size(pattern),
            })
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => "a regular expression that is too large".to_owned(),
                _ => "not a regular expression".to_owned(),
            })
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// Steps of work that looking at a text is worth.
    pub(super) fn work(&self, text: &str) -> usize {
        text.len().saturating_mul(2 + self.size / 16)
    }
}

/// How many signs a pattern would have without counted repetitions: `(ab{3}){5}` is as long as twenty.
fn size(pattern: &str) -> usize {
    // The size of each open group, and of what came last in it.
    let mut groups = vec![(0_usize, 0_usize)];
    let mut rest = pattern;
    while let Some(sign) = rest.chars().next() {
        let mut length = sign.len_utf8();
        let is_counted = sign == '{'
            && rest[1..]
                .trim_start()
                .starts_with(|sign: char| sign.is_ascii_digit());
        match (sign, groups.as_mut_slice()) {
            ('(', _) => groups.push((0, 0)),
            (')', [.., (outer, last), (inner, _)]) => {
                *last = (*inner).max(1);
                *outer = outer.saturating_add(*last);
                groups.pop();
            }
            ('{', [.., (sum, last)]) if is_counted => {
                let numbers = rest[1..].split('}').next().unwrap_or_default();
                let most = numbers
                    .split(',')
                    .filter_map(|number| number.trim().parse::<usize>().ok())
                    .max();
                let more = last.saturating_mul(most.unwrap_or(1).saturating_sub(1));
                *sum = sum.saturating_add(more);
                *last = last.saturating_add(more);
                length = (numbers.len() + 2).min(rest.len());
            }
            (_, [.., (sum, last)]) => {
                if sign == '\\' {
                    length += rest[1..].chars().next().map_or(0, char::len_utf8);
                }
                *sum = sum.saturating_add(1);
                *last = 1;
            }
            (_, []) => {}
        }
        rest = &rest[length..];
    }
    groups
        .into_iter()
        .fold(0, |sum, (group, _)| sum.saturating_add(group))
}

/// Whether classes are nested or combined: `[a[b]]`, `[a&&b]`, `[a--b]`, `[a~~b]`. RE2, which CEL goes by, has none
/// of that, and thirty of `[\w\W&&\PL]` would take 150 ms to compile. The names of POSIX, as in `[[:alpha:]]`, are
/// no classes of their own.
fn has_class_within_class(pattern: &str) -> bool {
    let mut in_class = false;
    let mut rest = pattern;
    while let Some(sign) = rest.chars().next() {
        let length = match sign {
            '\\' => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            '[' if in_class => match rest.find(":]") {
                Some(end) if rest.starts_with("[:") => end + 2,
                _ => return true,
            },
            '[' => {
                in_class = true;
                // A bracket that comes first is one of the class.
                let first = rest[1..].trim_start_matches('^');
                rest.len() - first.strip_prefix(']').unwrap_or(first).len()
            }
            ']' => {
                in_class = false;
                1
            }
            '&' | '-' | '~' if in_class && rest[1..].starts_with(sign) => return true,
            _ => sign.len_utf8(),
        };
        rest = &rest[length..];
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_patterns_are_accepted() {
        for pattern in [
            "",
            r"^[\w.+-]+@[\w-]+\.[\w.]{2,}$",
            r"(?i)^(error|warning|fatal): \w+ \w+ \w+$",
            r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})$",
            r"[]a][^]a][a\]b][[:alpha:][:digit:]-]--&&~~",
            "[a-]-[é&-]",
        ] {
            assert!(Pattern::new(pattern).is_ok(), "{pattern}");
        }
    }

    #[test]
    fn repetitions_count() {
        for (pattern, expected) in [
            ("", 0),
            ("a+b", 3),
            (r"\d{4}-\d{2}-\d{2}", 10),
            ("(ab{3}){5}", 20),
            ("((a{2,}|é){1,10}){ 7 }", 4 * 10 * 7),
            ("(?:.*\\b){50}c", 5 * 50 + 1),
            ("{x}a{", 5),
            (")((", 1),
        ] {
            assert_eq!(size(pattern), expected, "{pattern}");
        }
        assert!(size(&"(a{9999999}".repeat(20)) > 100_000_000);
    }

    #[test]
    fn patterns_that_cost_too_much_are_refused() {
        for (pattern, reason) in [
            ("(", "not a regular expression"),
            ("(a)\\1", "not a regular expression"),
            (&"a".repeat(257), "a regular expression of 257 bytes; at most 256"),
            (&"(?:".repeat(40), "not a regular expression"),
            ("(a{1000}){1000}", "a regular expression that is too large"),
            (
                &"(?i)[\\w\\W&&\\PL]".repeat(15),
                "a regular expression with a class within a class",
            ),
            ("[a--b]", "a regular expression with a class within a class"),
            ("[a[^b]]", "a regular expression with a class within a class"),
            ("[é~~b]", "a regular expression with a class within a class"),
        ] {
            assert_eq!(Pattern::new(pattern).unwrap_err(), reason, "{pattern}");
        }
    }
}
