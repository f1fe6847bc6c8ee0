//! What an expression works on: JSON as it is given, and what is made of it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::{Map as JsonMap, Value as Json};

use super::MAX_LIST;
use super::evaluate::{Meter, Stop};

/// Entries in a node of the tree that a JSON object is, at least, and bytes of the node.
const NODE_ENTRIES: usize = 6;
const NODE_BYTES: usize = 640;

/// A value. A copy of it is cheap, however large it is.
#[derive(Debug, Clone)]
pub(super) enum Value<'v> {
    Null,
    Bool(bool),
    Int(i64),
    UInt(u64),
    Double(f64),
    Text(Text<'v>),
    List(List<'v>),
    Map(Map<'v>),
}

#[derive(Debug, Clone)]
pub(super) enum Text<'v> {
    Given(&'v str),
    Made(Arc<str>),
}

#[derive(Debug, Clone)]
pub(super) enum List<'v> {
    Given(&'v [Json]),
    Made(Arc<[Value<'v>]>),
}

#[derive(Debug, Clone)]
pub(super) enum Map<'v> {
    Given(&'v JsonMap<String, Json>),
    Made(Arc<BTreeMap<Key, Value<'v>>>),
}

/// The key of a map that an expression made; JSON has only texts. A number that two kinds can hold is an int.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Bool(bool),
    Int(i64),
    UInt(u64),
    Text(Arc<str>),
}

impl<'v> Value<'v> {
    pub(super) fn given(json: &'v Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(int), _) => Self::Int(int),
                (None, Some(uint)) => Self::UInt(uint),
                (None, None) => number.as_f64().map_or(Self::Null, Self::Double),
            },
            Json::String(text) => Self::Text(Text::Given(text)),
            Json::Array(items) => Self::List(List::Given(items)),
            Json::Object(map) => Self::Map(Map::Given(map)),
        }
    }

    pub(super) fn made(text: impl Into<Arc<str>>) -> Self {
        Self::Text(Text::Made(text.into()))
    }

    /// Its kind, with an article, for those who read an error.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a bool",
            Self::Int(_) => "an int",
            Self::UInt(_) => "a uint",
            Self::Double(_) => "a double",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }

    /// As JSON that is independent of what was given.
    pub(super) fn to_json(&self, meter: &Meter) -> Result<Json, Stop> {
        meter.spend(1)?;
        meter.make(size_of::<Json>())?;
        Ok(match self {
            Self::Null => Json::Null,
            Self::Bool(value) => (*value).into(),
            Self::Int(value) => (*value).into(),
            Self::UInt(value) => (*value).into(),
            Self::Double(value) => finite(*value)?,
            Self::Text(text) => {
                meter.make(text.len())?;
                Json::String(text.to_string())
            }
            Self::List(list) => {
                list.check()?;
                let items = list.iter().map(|item| item.to_json(meter));
                Json::Array(items.collect::<Result<_, _>>()?)
            }
            Self::Map(map) => {
                meter.make(map.len().div_ceil(NODE_ENTRIES) * NODE_BYTES)?;
                let entries = map.iter().map(|(key, value)| {
                    meter.make(key.len())?;
                    Ok((key.to_string(), value.to_json(meter)?))
                });
                Json::Object(entries.collect::<Result<_, Stop>>()?)
            }
        })
    }

    /// Writes it as JSON text.
    pub(super) fn write_json(&self, out: &mut String, meter: &Meter) -> Result<(), Stop> {
        use fmt::Write as _;
        meter.spend(1)?;
        let before = out.len();
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Int(value) => write!(out, "{value}").unwrap_or_default(),
            Self::UInt(value) => write!(out, "{value}").unwrap_or_default(),
            Self::Double(value) => write!(out, "{}", finite(*value)?).unwrap_or_default(),
            Self::Text(text) => write_text(out, text),
            Self::List(list) => {
                list.check()?;
                out.push('[');
                for (at, item) in list.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { "," });
                    item.write_json(out, meter)?;
                }
                out.push(']');
            }
            Self::Map(map) => {
                out.push('{');
                for (at, (key, value)) in map.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { "," });
                    write_text(out, &key);
                    out.push(':');
                    value.write_json(out, meter)?;
                }
                out.push('}');
            }
        }
        if !matches!(self, Self::List(_) | Self::Map(_)) {
            meter.make(out.len() - before)?;
        }
        Ok(())
    }
}

/// Writes a text as JSON does, quotes included.
pub(super) fn write_text(out: &mut String, text: &str) {
    // Writing a text cannot fail.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

fn finite(value: f64) -> Result<Json, Stop> {
    serde_json::Number::from_f64(value)
        .map(Json::Number)
        .ok_or_else(|| Stop::fault("it comes to a number that JSON cannot hold"))
}

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Given(text) => text,
            Self::Made(text) => text,
        }
    }
}

impl<'v> List<'v> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Given(items) => items.len(),
            Self::Made(items) => items.len(),
        }
    }

    pub(super) fn get(&self, at: usize) -> Option<Value<'v>> {
        match self {
            Self::Given(items) => items.get(at).map(Value::given),
            Self::Made(items) => items.get(at).cloned(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Value<'v>> {
        (0..self.len()).filter_map(|at| self.get(at))
    }

    /// Refuses a list that is too long to be gone through.
    pub(super) fn check(&self) -> Result<(), Stop> {
        if self.len() > MAX_LIST {
            return Err(Stop::fault(format!(
                "a list of {} items; at most {MAX_LIST}",
                self.len()
            )));
        }
        Ok(())
    }
}

impl<'v> Map<'v> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Given(map) => map.len(),
            Self::Made(map) => map.len(),
        }
    }

    pub(super) fn field(&self, name: &str) -> Option<Value<'v>> {
        match self {
            Self::Given(map) => map.get(name).map(Value::given),
            Self::Made(map) => map.get(&Key::Text(name.into())).cloned(),
        }
    }

    pub(super) fn get(&self, key: &Key) -> Option<Value<'v>> {
        match (self, key) {
            (Self::Given(map), Key::Text(name)) => map.get(&**name).map(Value::given),
            (Self::Given(_), _) => None,
            (Self::Made(map), key) => map.get(key).cloned(),
        }
    }

    /// The keys as values, in order.
    pub(super) fn keys(&self) -> Vec<Value<'v>> {
        match self {
            Self::Given(map) => map.keys().map(|key| Value::Text(Text::Given(key))).collect(),
            Self::Made(map) => map.keys().map(Key::value).collect(),
        }
    }

    /// All of it in order, with keys as JSON has them.
    pub(super) fn iter(&self) -> Box<dyn Iterator<Item = (Text<'v>, Value<'v>)> + '_> {
        match self {
            Self::Given(map) => Box::new(
                map.iter()
                    .map(|(key, value)| (Text::Given(key), Value::given(value))),
            ),
            Self::Made(map) => Box::new(map.iter().map(|(key, value)| (key.text(), value.clone()))),
        }
    }

    /// The keys, as they are, with the values, in order.
    pub(super) fn entries(&self) -> impl Iterator<Item = (KeyRef<'_>, Value<'v>)> {
        let (given, made) = match self {
            Self::Given(map) => (Some(*map), None),
            Self::Made(map) => (None, Some(map)),
        };
        let given = given.into_iter().flatten();
        let made = made.into_iter().flat_map(|map| map.iter());
        given
            .map(|(key, value)| (KeyRef::Text(key), Value::given(value)))
            .chain(made.map(|(key, value)| (key.as_ref(), value.clone())))
    }

    pub(super) fn entry(&self, key: &KeyRef<'_>) -> Option<Value<'v>> {
        match (self, key) {
            (Self::Given(map), KeyRef::Text(name)) => map.get(*name).map(Value::given),
            (Self::Given(_), KeyRef::Other(_)) => None,
            (Self::Made(_), KeyRef::Text(name)) => self.field(name),
            (Self::Made(map), KeyRef::Other(key)) => map.get(key).cloned(),
        }
    }
}

/// A key without a copy of its text.
pub(super) enum KeyRef<'k> {
    Text(&'k str),
    Other(&'k Key),
}

impl Key {
    /// The key that a value is, if it can be one.
    pub(super) fn of(value: &Value<'_>) -> Option<Self> {
        Some(match value {
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::Int(*value),
            Value::UInt(value) => i64::try_from(*value).map_or(Self::UInt(*value), Self::Int),
            Value::Text(text) => Self::Text((&**text).into()),
            _ => return None,
        })
    }

    fn as_ref(&self) -> KeyRef<'_> {
        match self {
            Self::Text(text) => KeyRef::Text(text),
            other => KeyRef::Other(other),
        }
    }

    fn value<'v>(&self) -> Value<'v> {
        match self {
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Int(*value),
            Self::UInt(value) => Value::UInt(*value),
            Self::Text(text) => Value::Text(Text::Made(text.clone())),
        }
    }

    fn text<'v>(&self) -> Text<'v> {
        match self {
            Self::Text(text) => Text::Made(text.clone()),
            other => Text::Made(other.to_string().into()),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::UInt(value) => value.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}
