//! `${{ … }}` in the strings of a JSON text.

#[cfg(test)]
mod tests;

use serde::de::IgnoredAny;

use super::evaluate::{Meter, evaluate};
use super::scan::{Kind, position, words};
use super::value::{Value, write_text};
use super::{Context, Expression, Fault, MAX_EXPRESSIONS, MAX_FILLED, MAX_PATTERNS, ParseFault};

/// A JSON text with expressions in its strings.
///
/// A string that is only one expression becomes its value, of whatever type. In any other string the
/// expression's place is taken by text: a string as it is, anything else as JSON. Everything around is
/// left as it was written. The keys of objects are no place for expressions.
#[derive(Debug, Clone)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    /// JSON text, as it is.
    Text(String),
    /// The value of an expression, as JSON.
    Whole(Expression),
    /// The value of an expression, as text within a string.
    Within(Expression),
}

/// An expression in a JSON text that is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {fault}")]
pub struct TemplateFault {
    /// The string it is in: `rows[0].query`; empty for the whole text.
    pub path: String,
    /// What is wrong, and where in the string.
    #[source]
    pub fault: ParseFault,
}

/// What the scan of a JSON text is in.
enum Level {
    Object { key: String, before_key: bool },
    Array { index: usize },
}

/// Most faults that are told of one text.
const MAX_FAULTS: usize = 100;

impl Template {
    /// Parses a JSON text and the expressions in its strings.
    ///
    /// # Errors
    /// Every fault in it, up to a hundred.
    pub fn parse(text: &str) -> Result<Self, Vec<TemplateFault>> {
        if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
            return Err(vec![fault("", error.column(), "not JSON")]);
        }
        let mut reader = Reader::default();
        reader.read(text);
        if reader.faults.is_empty() {
            Ok(Self { parts: reader.parts })
        } else {
            Err(reader.faults)
        }
    }

    /// Whether there is no expression in it.
    pub fn is_constant(&self) -> bool {
        self.expressions().next().is_none()
    }

    /// The expressions in it, in order of the text.
    pub fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Whole(expression) | Part::Within(expression) => Some(expression),
        })
    }

    /// The JSON text with every expression replaced by its value. All of them together may cost as much work as one.
    ///
    /// # Errors
    /// [`Fault`] of the first expression that cannot be evaluated, or with which the text becomes too large.
    pub fn fill(&self, context: &Context<'_>) -> Result<Box<str>, Fault> {
        let meter = Meter::new();
        let mut out = String::new();
        for part in &self.parts {
            let (expression, is_whole) = match part {
                Part::Text(text) => {
                    out.push_str(text);
                    continue;
                }
                Part::Whole(expression) => (expression, true),
                Part::Within(expression) => (expression, false),
            };
            let write = |value: Value<'_>| {
                if is_whole {
                    return value.write_json(&mut out, &meter);
                }
                let mut text = String::new();
                match value {
                    Value::Text(value) => {
                        meter.make(value.len())?;
                        write_text(&mut text, &value);
                    }
                    value => {
                        let mut json = String::new();
                        value.write_json(&mut json, &meter)?;
                        write_text(&mut text, &json);
                    }
                }
                out.push_str(&text[1..text.len() - 1]);
                Ok(())
            };
            evaluate(expression.root(), context, &meter)
                .and_then(write)
                .map_err(|stop| expression.fault(&stop.to_string()))?;
            if out.len() > MAX_FILLED {
                return Err(expression.fault(&format!("the input becomes larger than {MAX_FILLED} bytes")));
            }
        }
        Ok(out.into())
    }
}

fn fault(path: &str, position: usize, message: impl Into<String>) -> TemplateFault {
    TemplateFault {
        path: path.to_owned(),
        fault: ParseFault {
            position,
            message: message.into(),
        },
    }
}

/// Reads a text that is known to be JSON.
#[derive(Default)]
struct Reader {
    parts: Vec<Part>,
    faults: Vec<TemplateFault>,
    levels: Vec<Level>,
    expressions: usize,
    /// Bytes of regular expressions.
    patterns: usize,
}

impl Reader {
    fn read(&mut self, text: &str) {
        let mut at = 0;
        while let Some(sign) = text.as_bytes().get(at) {
            if self.is_full() {
                return;
            }
            match sign {
                b'"' => {
                    let end = at + string_length(&text[at..]);
                    self.string(&text[at..end]);
                    at = end;
                    continue;
                }
                b'{' => self.levels.push(Level::Object {
                    key: String::new(),
                    before_key: true,
                }),
                b'[' => self.levels.push(Level::Array { index: 0 }),
                b'}' | b']' => drop(self.levels.pop()),
                b',' => match self.levels.last_mut() {
                    Some(Level::Object { before_key, .. }) => *before_key = true,
                    Some(Level::Array { index }) => *index += 1,
                    None => {}
                },
                b':' => {
                    if let Some(Level::Object { before_key, .. }) = self.levels.last_mut() {
                        *before_key = false;
                    }
                }
                _ => {}
            }
            // Up to the next sign that matters: numbers, words and spaces are ASCII.
            let rest = &text[at + 1..];
            let next = rest
                .find(['"', '{', '[', '}', ']', ',', ':'])
                .unwrap_or(rest.len());
            self.text(&text[at..at + 1 + next]);
            at += 1 + next;
        }
    }

    /// Takes a string, quotes and escapes included.
    fn string(&mut self, raw: &str) {
        let Ok(value) = serde_json::from_str::<String>(raw) else {
            return self.text(raw);
        };
        if let Some(Level::Object {
            key,
            before_key: true,
        }) = self.levels.last_mut()
        {
            *key = value;
            return self.text(raw);
        }
        if !value.contains("${{") {
            return self.text(raw);
        }
        self.fill_in(&value);
    }

    /// Takes a string with expressions.
    fn fill_in(&mut self, value: &str) {
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(opening) = value[at..].find("${{") {
            if self.is_full() {
                return;
            }
            let start = at + opening + "${{".len();
            let Some(length) = expression_length(&value[start..]) else {
                let message = "`${{` without `}}`";
                return self.fail(fault(&self.path(), position(value, at + opening), message));
            };
            let inner = &value[start..start + length];
            let source = inner.trim();
            let source_at = start + (inner.len() - inner.trim_start().len());
            self.expressions += 1;
            if self.expressions > MAX_EXPRESSIONS {
                let message = format!("more than {MAX_EXPRESSIONS} expressions in one input");
                return self.fail(fault(&self.path(), position(value, start), message));
            }
            let end = start + length + "}}".len();
            let parsed = Expression::parse(source);
            // One that is refused may have been compiled, too.
            self.patterns += parsed.as_ref().map_or(source.len(), Expression::pattern_bytes);
            if self.patterns > MAX_PATTERNS {
                let message = format!("more than {MAX_PATTERNS} bytes of regular expressions");
                return self.fail(fault(&self.path(), position(value, start), message));
            }
            match parsed {
                Ok(expression) if at + opening == 0 && end == value.len() => {
                    self.parts.push(Part::Whole(expression));
                    return;
                }
                Ok(expression) => {
                    parts.push(Part::Text(value[at..at + opening].to_owned()));
                    parts.push(Part::Within(expression));
                }
                Err(error) => {
                    let within = position(value, source_at) + error.position - 1;
                    self.fail(fault(&self.path(), within, error.message));
                }
            }
            at = end;
        }
        parts.push(Part::Text(value[at..].to_owned()));
        self.text("\"");
        for part in parts {
            match part {
                Part::Text(text) => {
                    let mut quoted = String::new();
                    write_text(&mut quoted, &text);
                    self.text(&quoted[1..quoted.len() - 1]);
                }
                part => self.parts.push(part),
            }
        }
        self.text("\"");
    }

    fn text(&mut self, text: &str) {
        match self.parts.last_mut() {
            Some(Part::Text(before)) => before.push_str(text),
            _ => self.parts.push(Part::Text(text.to_owned())),
        }
    }

    /// Whether nothing more needs to be read.
    fn is_full(&self) -> bool {
        self.faults.len() >= MAX_FAULTS || self.expressions > MAX_EXPRESSIONS || self.patterns > MAX_PATTERNS
    }

    fn fail(&mut self, fault: TemplateFault) {
        self.faults.push(fault);
    }

    fn path(&self) -> String {
        let mut path = String::new();
        for level in &self.levels {
            match level {
                Level::Object { key, .. } => {
                    path.push_str(if path.is_empty() { "" } else { "." });
                    path.push_str(key);
                }
                Level::Array { index } => path.extend(["[", &index.to_string(), "]"]),
            }
        }
        path
    }
}

/// How long the JSON string is that `text` begins with, both quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// How long the expression is that stands before `}}`: braces and quotes in it are its own.
fn expression_length(text: &str) -> Option<usize> {
    let mut braces = 0_usize;
    for word in words(text) {
        match word.kind {
            Kind::Sign('{') => braces += 1,
            Kind::Sign('}') if braces > 0 => braces -= 1,
            Kind::Sign('}') => return text[word.start..].starts_with("}}").then_some(word.start),
            Kind::Unclosed => return None,
            _ => {}
        }
    }
    None
}
