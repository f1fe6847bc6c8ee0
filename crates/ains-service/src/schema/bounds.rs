//! How much work a schema can be.
//!
//! Checking a value costs at most a step for each part of the schema and each part of the value, if the schema is
//! written out: with everything that it refers to in place of the reference. So what is written out is counted, and may
//! be so large and so deep, and what it lists by value counts as parts too. A schema that refers to itself cannot be
//! written out, and is refused. How much work a value is, [`steps`] says.
//!
//! What is wrong with a schema in any other way is for the library to find.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{Fault, MAX_FAULTS};

/// Most parts of a schema that is written out.
pub(super) const MAX_PARTS: usize = 2000;

/// Most levels of a schema that is written out.
pub(super) const MAX_LEVELS: usize = 64;

/// Most regular expressions in a schema.
pub(super) const MAX_PATTERNS: usize = 32;

/// The drafts that are known, by what `$schema` says of them, without the empty fragment.
const DRAFTS: [&str; 4] = [
    "https://json-schema.org/draft/2020-12/schema",
    "https://json-schema.org/draft/2019-09/schema",
    "http://json-schema.org/draft-07/schema",
    "http://json-schema.org/draft-06/schema",
];

/// Keywords that hold a schema.
const ONE: [&str; 12] = [
    "additionalItems",
    "additionalProperties",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// Keywords that hold a list of schemas.
const LIST: [&str; 5] = ["allOf", "anyOf", "items", "oneOf", "prefixItems"];

/// Keywords that hold schemas by name.
const NAMED: [&str; 6] = [
    "$defs",
    "definitions",
    "dependencies",
    "dependentSchemas",
    "patternProperties",
    "properties",
];

/// Where schemas stand for others to refer to.
const DEFINED: [&str; 2] = ["/$defs/", "/definitions/"];

/// Keywords that make a reference mean different things in different places.
const MOVING: [&str; 6] = [
    "$anchor",
    "$dynamicAnchor",
    "$dynamicRef",
    "$recursiveAnchor",
    "$recursiveRef",
    "$vocabulary",
];

/// Keywords for which a library looks at their neighbours a second time.
const TWICE: [&str; 2] = ["unevaluatedItems", "unevaluatedProperties"];

/// Keywords for which the library collects what is wrong in every branch, even if only the first fault is asked for.
const COLLECTING: [&str; 6] = [
    "anyOf",
    "contains",
    "if",
    "oneOf",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// What one regular expression counts, in parts.
const PATTERN: usize = 8;

/// Bytes of a text that count as a value of their own: expressions and formats read them.
const TEXT: usize = 32;

/// What a schema is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Weight {
    /// Parts, written out.
    pub(super) parts: usize,
    /// Regular expressions.
    pub(super) patterns: usize,
    /// Whether asking for one fault is asking for all.
    pub(super) collects: bool,
}

/// How many steps it takes at most to check `value` with a schema of so many parts.
pub(super) fn steps(parts: usize, value: &Value) -> usize {
    parts.saturating_mul(values(value))
}

/// The values that a value is made of; long texts count as several.
fn values(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(values).sum::<usize>() + 1,
        Value::Object(members) => {
            members
                .iter()
                .map(|(name, value)| name.len() / TEXT + values(value))
                .sum::<usize>()
                + 1
        }
        Value::String(text) => text.len() / TEXT + 1,
        _ => 1,
    }
}

/// How much work `schema` is.
pub(super) fn check(schema: &Value) -> Result<Weight, Vec<Fault>> {
    let mut walk = Walk {
        root: schema,
        known: HashMap::new(),
        patterns: 0,
        collects: false,
        faults: Vec::new(),
    };
    if !schema.is_object() {
        walk.fail("", "must be an object");
    }
    if let Some(draft) = schema.get("$schema") {
        let named = draft.as_str().map(|draft| draft.trim_end_matches('#'));
        if !named.is_some_and(|named| DRAFTS.contains(&named)) {
            walk.fail(
                "/$schema",
                format!("must be one of {}, or left out", DRAFTS.join(", ")),
            );
        }
    }
    let size = walk.part(schema, "", 1);
    if size.is_some_and(|size| size.parts > MAX_PARTS) {
        walk.fail(
            "",
            format!("has more than {MAX_PARTS} parts, with all that it refers to written out"),
        );
    }
    if walk.patterns > MAX_PATTERNS {
        walk.fail("", format!("has more than {MAX_PATTERNS} regular expressions"));
    }
    match size {
        Some(size) if walk.faults.is_empty() => Ok(Weight {
            parts: size.parts,
            patterns: walk.patterns,
            collects: walk.collects,
        }),
        _ => Err(walk.faults),
    }
}

/// A part, with everything below it written out.
#[derive(Debug, Clone, Copy)]
struct Size {
    parts: usize,
    levels: usize,
}

struct Walk<'a> {
    root: &'a Value,
    /// Parts by their pointers; `None` for those that are being looked at, and those that are bad.
    known: HashMap<String, Option<Size>>,
    patterns: usize,
    collects: bool,
    faults: Vec<Fault>,
}

impl<'a> Walk<'a> {
    fn fail(&mut self, pointer: &str, message: impl Into<String>) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(Fault {
                pointer: pointer.to_owned(),
                message: message.into(),
            });
        }
    }

    /// How large the part at `pointer` is, which is on this level; `None` if something is wrong with it.
    fn part(&mut self, part: &'a Value, pointer: &str, level: usize) -> Option<Size> {
        if let Some(known) = self.known.get(pointer) {
            let known = *known;
            if known.is_some_and(|size| level + size.levels > MAX_LEVELS + 1) {
                return self.too_deep(pointer);
            }
            return known;
        }
        if level > MAX_LEVELS {
            return self.too_deep(pointer);
        }
        self.known.insert(pointer.to_owned(), None);
        let size = match part {
            Value::Object(keywords) => self.below(keywords, pointer, level),
            // True, false, or something for the library to find.
            _ => Some(Size { parts: 1, levels: 1 }),
        };
        self.known.insert(pointer.to_owned(), size);
        size
    }

    fn too_deep(&mut self, pointer: &str) -> Option<Size> {
        self.fail(
            pointer,
            format!("is deeper than {MAX_LEVELS} levels, with all that it refers to written out"),
        );
        None
    }

    fn below(&mut self, keywords: &'a Map<String, Value>, pointer: &str, level: usize) -> Option<Size> {
        for keyword in MOVING.iter().filter(|keyword| keywords.contains_key(**keyword)) {
            self.fail(&format!("{pointer}/{keyword}"), "is not supported");
        }
        if !pointer.is_empty() && keywords.contains_key("$id") {
            self.fail(
                &format!("{pointer}/$id"),
                "is supported only for the whole schema",
            );
        }
        self.patterns += usize::from(keywords.contains_key("pattern"));
        self.collects |= COLLECTING.iter().any(|keyword| keywords.contains_key(*keyword));
        let mut size = Size {
            parts: listed(keywords),
            levels: 0,
        };
        let mut is_good = true;
        for (place, child) in children(keywords) {
            if place.starts_with("/patternProperties/") {
                self.patterns += 1;
                size.parts += PATTERN;
            }
            match self.part(child, &format!("{pointer}{place}"), level + 1) {
                // Nothing is checked by it where it stands.
                Some(_) if DEFINED.iter().any(|keyword| place.starts_with(keyword)) => {}
                Some(child) => size = size.with(child),
                None => is_good = false,
            }
        }
        if let Some(reference) = keywords.get("$ref") {
            match self.target(reference, &format!("{pointer}/$ref"), level + 1) {
                Some(target) => size = size.with(target),
                None => is_good = false,
            }
        }
        if TWICE.iter().any(|keyword| keywords.contains_key(*keyword)) {
            size.parts = size.parts.saturating_mul(2);
        }
        is_good.then_some(Size {
            parts: size.parts.saturating_add(1),
            levels: size.levels + 1,
        })
    }

    /// How large it is what a reference at `pointer` leads to.
    fn target(&mut self, reference: &Value, pointer: &str, level: usize) -> Option<Size> {
        let fragment = reference.as_str().and_then(|text| text.strip_prefix('#'));
        let local = fragment.filter(|place| place.is_empty() || place.starts_with('/'));
        let Some(place) = local else {
            self.fail(
                pointer,
                "must lead to a place in this schema, such as #/$defs/name",
            );
            return None;
        };
        let found = unescaped(place).and_then(|place| Some((self.root.pointer(&place)?, place)));
        let Some((target, place)) = found else {
            self.fail(pointer, "leads to nothing");
            return None;
        };
        let is_open = matches!(self.known.get(&place), Some(None));
        let size = self.part(target, &place, level);
        if is_open && self.faults.is_empty() {
            self.fail(
                pointer,
                "leads back to where it stands: a schema may not contain itself",
            );
        }
        size
    }
}

/// What a schema lists by value: each may be compared with what is checked.
fn listed(keywords: &Map<String, Value>) -> usize {
    let compared = ["const", "dependentRequired", "enum", "required"];
    let compared = compared.iter().filter_map(|keyword| keywords.get(*keyword));
    let pattern = usize::from(keywords.contains_key("pattern")) * PATTERN;
    compared.map(values).sum::<usize>() + pattern
}

impl Size {
    fn with(self, child: Self) -> Self {
        Self {
            parts: self.parts.saturating_add(child.parts),
            levels: self.levels.max(child.levels),
        }
    }
}

/// The schemas that a schema holds, with the pointers to them.
fn children(keywords: &Map<String, Value>) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for (keyword, value) in keywords {
        let name = keyword.as_str();
        match value {
            Value::Object(members) if NAMED.contains(&name) => {
                let members = members.iter().filter(|(_, value)| !value.is_array());
                found.extend(members.map(|(member, value)| (format!("/{name}/{}", escaped(member)), value)));
            }
            Value::Array(members) if LIST.contains(&name) => {
                let members = members.iter().enumerate();
                found.extend(members.map(|(index, value)| (format!("/{name}/{index}"), value)));
            }
            Value::Object(_) | Value::Bool(_) if ONE.contains(&name) => {
                found.push((format!("/{name}"), value));
            }
            _ => {}
        }
    }
    found
}

/// As a part of a JSON Pointer.
fn escaped(member: &str) -> String {
    member.replace('~', "~0").replace('/', "~1")
}

/// A JSON Pointer as it stands in a fragment, with its percent signs resolved.
fn unescaped(fragment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let digits = std::str::from_utf8(&digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}
