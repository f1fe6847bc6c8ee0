//! Finds the value of a JSON text that an offset points at, and its JSON pointer (RFC 6901).
//!
//! Only for texts that have been read to their end once: what is not JSON yields some place.

use std::borrow::Cow;

/// A value within a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Its JSON pointer.
    pub(super) pointer: String,
    /// Where it begins.
    pub(super) start: usize,
    /// Where it ends: the first byte behind it.
    pub(super) end: usize,
}

/// The innermost value that contains, begins at or ends at `offset`: there serde stops at a value of the wrong type.
pub(super) fn at(text: &str, offset: usize) -> Place {
    let mut walk = Walk {
        text: text.as_bytes(),
        offset,
        pointer: String::new(),
        found: None,
    };
    let start = walk.space(0);
    let end = walk.value(start);
    walk.found.unwrap_or(Place {
        pointer: String::new(),
        start: 0,
        end,
    })
}

/// The member `name` of the object that begins at `start`, the last one if there are several: the range to cut out.
pub(super) fn member(text: &str, start: usize, name: &str) -> Option<std::ops::Range<usize>> {
    let mut walk = Walk {
        text: text.as_bytes(),
        offset: usize::MAX,
        pointer: String::new(),
        found: None,
    };
    let mut found = None;
    let mut position = walk.space(start + 1);
    let mut before = start + 1;
    while walk.byte(position) == b'"' {
        let key_end = walk.string(position);
        let key = unquoted(&text.as_bytes()[position..key_end]);
        let start = walk.space(walk.space(key_end) + 1);
        let end = walk.value(start);
        let next = walk.space(end);
        let more = walk.byte(next) == b',';
        if key == name {
            // With the comma behind it, or else the one before it.
            found = Some(if more { position..next + 1 } else { before..end });
        }
        before = next;
        position = if more { walk.space(next + 1) } else { next };
    }
    found
}

/// A name as a part of a pointer.
pub(super) fn escape(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    escape_into(&mut escaped, name);
    escaped
}

fn escape_into(pointer: &mut String, name: &str) {
    if name.contains(['~', '/']) {
        pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
    } else {
        pointer.push_str(name);
    }
}

/// What a string in quotes says; nothing if it cannot be read. Most need no reading.
fn unquoted(quoted: &[u8]) -> Cow<'_, str> {
    let inner = quoted
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""))
        .and_then(|inner| std::str::from_utf8(inner).ok());
    match inner {
        Some(inner) if !inner.contains('\\') => inner.into(),
        _ => serde_json::from_slice::<String>(quoted)
            .unwrap_or_default()
            .into(),
    }
}

struct Walk<'t> {
    text: &'t [u8],
    offset: usize,
    pointer: String,
    found: Option<Place>,
}

impl Walk<'_> {
    fn byte(&self, position: usize) -> u8 {
        self.text.get(position).copied().unwrap_or(0)
    }

    fn space(&self, mut position: usize) -> usize {
        while matches!(self.byte(position), b' ' | b'\t' | b'\n' | b'\r') {
            position += 1;
        }
        position
    }

    /// Walks the value at `start` and returns where it ends, or anything once the place is found. Depth is bounded
    /// before (64 levels).
    fn value(&mut self, start: usize) -> usize {
        let end = match self.byte(start) {
            b'{' => self.children(start, b'}'),
            b'[' => self.children(start, b']'),
            b'"' => self.string(start),
            _ => self.word(start),
        };
        if self.found.is_none() && (start..=end).contains(&self.offset) {
            self.found = Some(Place {
                pointer: self.pointer.clone(),
                start,
                end,
            });
        }
        end
    }

    fn children(&mut self, start: usize, close: u8) -> usize {
        let mut position = self.space(start + 1);
        let mut index = 0_usize;
        while self.found.is_none() && position < self.text.len() && self.byte(position) != close {
            let length = self.pointer.len();
            self.pointer.push('/');
            if close == b'}' {
                let key_end = self.string(position);
                let key = self.text.get(position..key_end).unwrap_or_default();
                escape_into(&mut self.pointer, &unquoted(key));
                position = self.space(self.space(key_end) + 1);
            } else {
                self.pointer.push_str(&index.to_string());
                index += 1;
            }
            let end = self.value(position).max(position + 1);
            position = self.space(end);
            self.pointer.truncate(length);
            if self.byte(position) == b',' {
                position = self.space(position + 1);
            }
        }
        position + 1
    }

    /// Where the string at `start` ends.
    fn string(&self, start: usize) -> usize {
        let mut position = start + 1;
        while position < self.text.len() {
            match self.byte(position) {
                b'"' => return position + 1,
                b'\\' => position += 2,
                _ => position += 1,
            }
        }
        self.text.len()
    }

    /// Where the number, `true`, `false` or `null` at `start` ends.
    fn word(&self, start: usize) -> usize {
        let rest = self.text.get(start..).unwrap_or_default();
        let length = rest
            .iter()
            .position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r'));
        start + length.unwrap_or(rest.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#" {"a": [1, {"b/c": "x\"]"}], "d" : null, "e": {}} "#;

    fn pointer(marker: &str) -> String {
        at(TEXT, TEXT.find(marker).unwrap()).pointer
    }

    #[test]
    fn the_innermost_value_is_named() {
        assert_eq!(pointer("1,"), "/a/0");
        assert_eq!(pointer("x"), "/a/1/b~1c");
        assert_eq!(pointer("null"), "/d");
        assert_eq!(pointer("{}"), "/e");
        assert_eq!(pointer("\"d\""), "", "a key belongs to its object");
        assert_eq!(
            at(TEXT, TEXT.find(r#"], "d""#).unwrap() + 1).pointer,
            "/a",
            "just behind the array"
        );
    }

    #[test]
    fn a_member_is_cut_out_with_its_comma() {
        for (text, name, rest) in [
            (r#"{"a":1,"b":[2]}"#, "a", r#"{"b":[2]}"#),
            (r#"{"a":1,"b":[2]}"#, "b", r#"{"a":1}"#),
            (r#"{ "a" : 1 }"#, "a", "{ }"),
            (r#"{"a":1,"a":2,"b":3}"#, "a", r#"{"a":1,"b":3}"#),
        ] {
            let mut left = text.to_owned();
            left.replace_range(member(text, 0, name).unwrap(), "");
            assert_eq!(left, rest, "{text} without {name}");
        }
        assert_eq!(member("{}", 0, "a"), None);
    }

    #[test]
    fn broken_text_ends_all_the_same() {
        for text in [
            "", "{", "[1,", r#"{"a"#, r#"{"a":"#, "[[[", "nul", "{,}", "[,]", "\\", "{1:2}",
        ] {
            for offset in 0..5 {
                at(text, offset);
            }
        }
    }
}
