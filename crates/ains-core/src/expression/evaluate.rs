//! What an expression comes to, and how much work that may be.
//!
//! The tree is ours to walk, because the parser's own interpreter counts nothing: five macros within each
//! other take it minutes, and it copies what it is given.

mod call;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::node::{Binary, Each, EachKind, Field, Node};
use super::number::{self, Number};
use super::parse::Root;
use super::pattern::Pattern;
use super::value::{Key, List, Map, Text, Value};
use super::{Context, MAX_LIST, MAX_MADE, MAX_WORK};

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stop {
    /// It has none. `&&` and `||` can do without that of one side.
    #[error("{0}")]
    Fault(String),
    /// It is too much work. That ends it all.
    #[error("{0}")]
    TooMuch(&'static str),
}

impl Stop {
    pub(super) fn fault(reason: impl Into<String>) -> Self {
        Self::Fault(reason.into())
    }
}

/// Counts what an evaluation, or several together, may still cost.
#[derive(Debug)]
pub(super) struct Meter {
    work: Cell<usize>,
    made: Cell<usize>,
}

/// Bytes that are looked at in the time of one step of work.
const BYTES_A_STEP: usize = 64;

/// Steps of work that compiling a pattern is worth: 3 ms at most.
const COMPILE: usize = 50_000;

impl Meter {
    pub(super) fn new() -> Self {
        Self {
            work: Cell::new(MAX_WORK),
            made: Cell::new(MAX_MADE),
        }
    }

    /// Takes steps of work.
    pub(super) fn spend(&self, steps: usize) -> Result<(), Stop> {
        let left = self.work.get().checked_sub(steps);
        self.work.set(left.unwrap_or(0));
        left.map(drop).ok_or(Stop::TooMuch("too much work"))
    }

    /// Takes the work of looking at bytes.
    pub(super) fn look(&self, bytes: usize) -> Result<(), Stop> {
        self.spend(bytes / BYTES_A_STEP)
    }

    /// Takes bytes of memory.
    pub(super) fn make(&self, bytes: usize) -> Result<(), Stop> {
        let left = self.made.get().checked_sub(bytes);
        self.made.set(left.unwrap_or(0));
        left.ok_or(Stop::TooMuch("it comes to too much"))?;
        self.look(bytes)
    }
}

/// What a tree comes to in a context.
pub(super) fn evaluate<'v>(node: &Node, context: &Context<'v>, meter: &Meter) -> Result<Value<'v>, Stop> {
    Evaluation {
        context,
        meter,
        pattern: Cell::new(None),
    }
    .value(node, None)
}

struct Evaluation<'e, 'v> {
    context: &'e Context<'v>,
    meter: &'e Meter,
    /// The pattern that was compiled last, with its text: within a macro it is usually the same.
    pattern: Cell<Option<(Text<'v>, Pattern)>>,
}

impl<'v> Evaluation<'_, 'v> {
    fn value(&self, node: &Node, variable: Option<&Value<'v>>) -> Result<Value<'v>, Stop> {
        self.meter.spend(1)?;
        Ok(match node {
            Node::Null => Value::Null,
            Node::Bool(value) => Value::Bool(*value),
            Node::Int(value) => Value::Int(*value),
            Node::UInt(value) => Value::UInt(*value),
            Node::Double(value) => Value::Double(*value),
            Node::Text(text) => Value::made(text.clone()),
            Node::Root(root) => self.root(*root),
            Node::Step(name, field) => self.step(name, *field),
            Node::Variable => variable.cloned().unwrap_or(Value::Null),
            Node::Select(operand, name) => select(&self.value(operand, variable)?, name)?,
            Node::Has(operand, name) => match self.value(operand, variable)? {
                Value::Map(map) => Value::Bool(map.field(name).is_some()),
                other => return Err(no_field(&other, name)),
            },
            Node::HasStep(name, field) => Value::Bool(!matches!(self.step(name, Some(*field)), Value::Null)),
            Node::Index(pair) => {
                let [list, index] = &**pair;
                index_into(&self.value(list, variable)?, &self.value(index, variable)?)?
            }
            Node::Not(operand) => Value::Bool(!self.truth(operand, variable)?),
            Node::Negate(operand) => negate(&self.value(operand, variable)?)?,
            Node::And(terms) => decide(terms.iter().map(|term| self.truth(term, variable)), false)?,
            Node::Or(terms) => decide(terms.iter().map(|term| self.truth(term, variable)), true)?,
            Node::If(nodes) => {
                let [condition, yes, no] = &**nodes;
                let node = if self.truth(condition, variable)? { yes } else { no };
                self.value(node, variable)?
            }
            Node::Binary(operator, pair) => {
                let [left, right] = &**pair;
                let (left, right) = (self.value(left, variable)?, self.value(right, variable)?);
                self.binary(*operator, &left, &right)?
            }
            Node::Call(function, arguments) => {
                let values: Result<Vec<_>, _> =
                    arguments.iter().map(|node| self.value(node, variable)).collect();
                self.call(*function, &values?)?
            }
            Node::Matches(text, pattern) => match self.value(text, variable)? {
                Value::Text(text) => self.matches(&text, pattern)?,
                other => return Err(Stop::fault(format!("`matches` of {}", other.kind()))),
            },
            Node::List(nodes) => {
                let items: Result<Vec<_>, _> = nodes.iter().map(|node| self.value(node, variable)).collect();
                Value::List(List::Made(items?.into()))
            }
            Node::Map(entries) => self.map(entries, variable)?,
            Node::Each(each) => self.each(each)?,
        })
    }

    fn root(&self, root: Root) -> Value<'v> {
        let json = |value: Option<&'v serde_json::Value>| value.map_or(Value::Null, Value::given);
        let count = |value: Option<u32>| value.map_or(Value::Null, |value| Value::Int(value.into()));
        match root {
            Root::Input => json(self.context.input),
            Root::Item => json(self.context.item),
            Root::Output => json(self.context.output),
            Root::Index => count(self.context.index),
            Root::Iteration => count(self.context.iteration),
            Root::Steps => Value::Null,
        }
    }

    fn step(&self, name: &str, field: Option<Field>) -> Value<'v> {
        let Some(step) = self.context.steps.get(name) else {
            return Value::Null;
        };
        let Some(field) = field else {
            let fields = [Field::Output, Field::Status, Field::Error];
            let entries = fields.map(|field| (Key::Text(field.name().into()), self.step(name, Some(field))));
            return Value::Map(Map::Made(Arc::new(entries.into())));
        };
        match field {
            Field::Output => step.output.map_or(Value::Null, Value::given),
            Field::Status => Value::Text(Text::Given(step.status.as_str())),
            Field::Error => step
                .error
                .map_or(Value::Null, |error| Value::Text(Text::Given(error))),
        }
    }

    fn truth(&self, node: &Node, variable: Option<&Value<'v>>) -> Result<bool, Stop> {
        match self.value(node, variable)? {
            Value::Bool(truth) => Ok(truth),
            other => Err(Stop::fault(format!(
                "{} where true or false is wanted",
                other.kind()
            ))),
        }
    }

    fn binary(&self, operator: Binary, left: &Value<'v>, right: &Value<'v>) -> Result<Value<'v>, Stop> {
        let result = match operator {
            Binary::Equal => Some(Value::Bool(self.equal(left, right)?)),
            Binary::NotEqual => Some(Value::Bool(!self.equal(left, right)?)),
            Binary::In => self.is_in(left, right)?,
            Binary::Less | Binary::LessOrEqual | Binary::Greater | Binary::GreaterOrEqual => {
                self.compare(operator, left, right)?
            }
            Binary::Add => match (left, right) {
                (Value::Text(left), Value::Text(right)) => {
                    self.meter.make(left.len() + right.len())?;
                    Some(Value::made([&**left, &**right].concat()))
                }
                (Value::List(left), Value::List(right)) => Some(self.joined(left, right)?),
                _ => number::calculate(operator, left, right)?,
            },
            Binary::Subtract | Binary::Multiply | Binary::Divide | Binary::Remainder => {
                number::calculate(operator, left, right)?
            }
        };
        result.ok_or_else(|| Stop::fault(format!("{} {} {}", left.kind(), operator.sign(), right.kind())))
    }

    fn joined(&self, left: &List<'v>, right: &List<'v>) -> Result<Value<'v>, Stop> {
        let length = left.len() + right.len();
        if length > MAX_LIST {
            return Err(Stop::fault(format!(
                "a list of {length} items; at most {MAX_LIST}"
            )));
        }
        self.meter.spend(length)?;
        self.meter.make(length * size_of::<Value<'_>>())?;
        Ok(Value::List(List::Made(left.iter().chain(right.iter()).collect())))
    }

    /// Which is larger; nothing if the two cannot be compared. A double that is no number is neither.
    fn compare(
        &self,
        operator: Binary,
        left: &Value<'v>,
        right: &Value<'v>,
    ) -> Result<Option<Value<'v>>, Stop> {
        let ordering = match (left, right) {
            (Value::Text(left), Value::Text(right)) => {
                self.meter.look(left.len().min(right.len()))?;
                Some((**left).cmp(&**right))
            }
            (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
            _ => match (Number::of(left), Number::of(right)) {
                (Some(left), Some(right)) => left.compare(right),
                _ => return Ok(None),
            },
        };
        let holds = match operator {
            Binary::Less => Ordering::is_lt,
            Binary::LessOrEqual => Ordering::is_le,
            Binary::Greater => Ordering::is_gt,
            Binary::GreaterOrEqual => Ordering::is_ge,
            _ => return Ok(None),
        };
        Ok(Some(Value::Bool(ordering.is_some_and(holds))))
    }

    /// Values of different kinds are not equal, numbers aside.
    fn equal(&self, left: &Value<'v>, right: &Value<'v>) -> Result<bool, Stop> {
        self.meter.spend(1)?;
        Ok(match (left, right) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(left), Value::Bool(right)) => left == right,
            (Value::Text(left), Value::Text(right)) => {
                self.meter.look(left.len().min(right.len()))?;
                **left == **right
            }
            (Value::List(left), Value::List(right)) => {
                left.len() == right.len() && self.are_equal(left.iter().zip(right.iter()))?
            }
            (Value::Map(left), Value::Map(right)) => {
                if left.len() != right.len() {
                    return Ok(false);
                }
                for (key, value) in left.entries() {
                    match right.entry(&key) {
                        Some(other) if self.equal(&value, &other)? => {}
                        _ => return Ok(false),
                    }
                }
                true
            }
            _ => {
                let numbers = Number::of(left).zip(Number::of(right));
                numbers.is_some_and(|(left, right)| left.compare(right) == Some(Ordering::Equal))
            }
        })
    }

    fn are_equal(&self, pairs: impl Iterator<Item = (Value<'v>, Value<'v>)>) -> Result<bool, Stop> {
        for (left, right) in pairs {
            if !self.equal(&left, &right)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn is_in(&self, value: &Value<'v>, container: &Value<'v>) -> Result<Option<Value<'v>>, Stop> {
        match container {
            Value::List(list) => {
                list.check()?;
                for item in list.iter() {
                    if self.equal(value, &item)? {
                        return Ok(Some(Value::Bool(true)));
                    }
                }
                Ok(Some(Value::Bool(false)))
            }
            Value::Map(map) => {
                let key = Key::of(value);
                Ok(Some(Value::Bool(key.is_some_and(|key| map.get(&key).is_some()))))
            }
            _ => Ok(None),
        }
    }

    fn map(&self, entries: &[(Node, Node)], variable: Option<&Value<'v>>) -> Result<Value<'v>, Stop> {
        let mut map = BTreeMap::new();
        for (key, value) in entries {
            let key = self.value(key, variable)?;
            let Some(key) = Key::of(&key) else {
                return Err(Stop::fault(format!("{} as a key", key.kind())));
            };
            let value = self.value(value, variable)?;
            if map.contains_key(&key) {
                let key: String = key.to_string().chars().take(64).collect();
                return Err(Stop::fault(format!("a map with the key `{key}` twice")));
            }
            map.insert(key, value);
        }
        self.meter.make(entries.len() * 2 * size_of::<Value<'_>>())?;
        Ok(Value::Map(Map::Made(Arc::new(map))))
    }

    fn each(&self, each: &Each) -> Result<Value<'v>, Stop> {
        let range = match self.value(&each.range, None)? {
            Value::List(list) => list,
            Value::Map(map) => {
                self.meter.spend(map.len())?;
                List::Made(map.keys().into())
            }
            other => return Err(Stop::fault(format!("{} where a list is wanted", other.kind()))),
        };
        range.check()?;
        let truth = |item: Value<'v>| match &each.body {
            Some(body) => self.truth(body, Some(&item)),
            None => Ok(true),
        };
        match each.kind {
            EachKind::All => decide(range.iter().map(truth), false),
            EachKind::Exists => decide(range.iter().map(truth), true),
            EachKind::ExistsOne => {
                let mut found = 0_usize;
                for item in range.iter() {
                    found += usize::from(truth(item)?);
                }
                Ok(Value::Bool(found == 1))
            }
            EachKind::List => {
                let mut list = Vec::new();
                for item in range.iter() {
                    if let Some(condition) = &each.condition
                        && !self.truth(condition, Some(&item))?
                    {
                        continue;
                    }
                    self.meter.make(size_of::<Value<'_>>())?;
                    list.push(match &each.body {
                        Some(body) => self.value(body, Some(&item))?,
                        None => item,
                    });
                }
                Ok(Value::List(List::Made(list.into())))
            }
        }
    }
}

/// `decisive` if one of the terms is, whatever becomes of the others; else the first fault.
fn decide<'v>(terms: impl Iterator<Item = Result<bool, Stop>>, decisive: bool) -> Result<Value<'v>, Stop> {
    let mut fault = None;
    for term in terms {
        match term {
            Ok(truth) if truth == decisive => return Ok(Value::Bool(decisive)),
            Ok(_) => {}
            Err(stop @ Stop::TooMuch(_)) => return Err(stop),
            Err(stop) => fault = fault.or(Some(stop)),
        }
    }
    fault.map_or(Ok(Value::Bool(!decisive)), Err)
}

fn select<'v>(value: &Value<'v>, name: &str) -> Result<Value<'v>, Stop> {
    match value {
        Value::Map(map) => map
            .field(name)
            .ok_or_else(|| Stop::fault(format!("there is no `{name}`"))),
        other => Err(no_field(other, name)),
    }
}

fn no_field(value: &Value<'_>, name: &str) -> Stop {
    Stop::fault(format!("`{name}` of {}", value.kind()))
}

fn index_into<'v>(value: &Value<'v>, index: &Value<'v>) -> Result<Value<'v>, Stop> {
    match value {
        Value::List(list) => {
            let at = match Number::of(index) {
                Some(Number::Whole(at)) => usize::try_from(at).ok(),
                Some(Number::Double(at)) if at.fract() == 0.0 => {
                    number::truncate(at).and_then(|at| usize::try_from(at).ok())
                }
                _ => return Err(Stop::fault(format!("{} as an index", index.kind()))),
            };
            let item = at.and_then(|at| list.get(at));
            item.ok_or_else(|| Stop::fault(format!("an index beyond a list of {} items", list.len())))
        }
        Value::Map(map) => {
            let Some(key) = Key::of(index) else {
                return Err(Stop::fault(format!("{} as a key", index.kind())));
            };
            let name = || key.to_string().chars().take(64).collect::<String>();
            map.get(&key)
                .ok_or_else(|| Stop::fault(format!("there is no `{}`", name())))
        }
        other => Err(Stop::fault(format!("an index into {}", other.kind()))),
    }
}

fn negate<'v>(value: &Value<'v>) -> Result<Value<'v>, Stop> {
    match Number::of(value) {
        Some(Number::Whole(whole)) => number::whole(-whole, false),
        Some(Number::Double(double)) => Ok(Value::Double(-double)),
        None => Err(Stop::fault(format!("- {}", value.kind()))),
    }
}
