//! The functions that an expression may call.

use super::super::node::Function;
use super::super::number::{self, Number};
use super::super::pattern::Pattern;
use super::super::value::{Text, Value};
use super::{COMPILE, Evaluation, Stop};

impl<'v> Evaluation<'_, 'v> {
    pub(super) fn call(&self, function: Function, arguments: &[Value<'v>]) -> Result<Value<'v>, Stop> {
        let result = match (function, arguments) {
            (Function::Dyn, [value]) | (Function::Bool, [value @ Value::Bool(_)]) => Some(value.clone()),
            (Function::Size, [value]) => self.size(value)?,
            (Function::Contains, [Value::Text(text), Value::Text(part)]) => {
                self.meter.look(text.len() + part.len())?;
                Some(Value::Bool(text.contains(&**part)))
            }
            (Function::StartsWith, [Value::Text(text), Value::Text(part)]) => {
                self.meter.look(part.len())?;
                Some(Value::Bool(text.starts_with(&**part)))
            }
            (Function::EndsWith, [Value::Text(text), Value::Text(part)]) => {
                self.meter.look(part.len())?;
                Some(Value::Bool(text.ends_with(&**part)))
            }
            (Function::Matches, [Value::Text(text), Value::Text(pattern)]) => {
                let pattern = self.compiled(pattern)?;
                Some(self.matches(text, &pattern)?)
            }
            (Function::Int | Function::UInt, [value]) => whole(value, function == Function::UInt)?,
            (Function::Double, [Value::Text(text)]) => text.trim().parse().ok().map(Value::Double),
            (Function::Double, [value]) => Number::of(value).map(|number| Value::Double(number.as_double())),
            (Function::Bool, [Value::Text(text)]) => match &**text {
                "true" | "True" | "TRUE" | "t" | "1" => Some(Value::Bool(true)),
                "false" | "False" | "FALSE" | "f" | "0" => Some(Value::Bool(false)),
                _ => None,
            },
            (Function::Text, [value]) => text(value),
            _ => None,
        };
        result.ok_or_else(|| {
            let kinds: Vec<&str> = arguments.iter().map(Value::kind).collect();
            let cannot = match arguments {
                [Value::Text(text)] => format!(
                    "a string that says `{}`",
                    text.chars().take(64).collect::<String>()
                ),
                _ => kinds.join(" and "),
            };
            Stop::fault(format!("`{}` of {cannot}", function.name()))
        })
    }

    fn size(&self, value: &Value<'v>) -> Result<Option<Value<'v>>, Stop> {
        let size = match value {
            Value::Text(text) => {
                self.meter.look(text.len())?;
                text.chars().count()
            }
            Value::List(list) => list.len(),
            Value::Map(map) => map.len(),
            _ => return Ok(None),
        };
        Ok(i64::try_from(size).ok().map(Value::Int))
    }

    fn compiled(&self, pattern: &Text<'v>) -> Result<Pattern, Stop> {
        if let Some((text, compiled)) = self.pattern.take()
            && *text == **pattern
        {
            self.meter.look(text.len())?;
            self.pattern.set(Some((text, compiled.clone())));
            return Ok(compiled);
        }
        self.meter.spend(COMPILE)?;
        let compiled = Pattern::new(pattern).map_err(Stop::Fault)?;
        self.pattern.set(Some((pattern.clone(), compiled.clone())));
        Ok(compiled)
    }

    pub(super) fn matches(&self, text: &str, pattern: &Pattern) -> Result<Value<'v>, Stop> {
        self.meter.spend(pattern.work(text))?;
        Ok(Value::Bool(pattern.is_match(text)))
    }
}

/// `int(…)` and `uint(…)`.
fn whole<'v>(value: &Value<'v>, uint: bool) -> Result<Option<Value<'v>>, Stop> {
    let number = match (value, Number::of(value)) {
        (Value::Text(text), _) => text.parse().ok(),
        (_, Some(Number::Whole(whole))) => Some(whole),
        (_, Some(Number::Double(double))) => number::truncate(double),
        (_, None) => None,
    };
    number.map(|number| number::whole(number, uint)).transpose()
}

/// `string(…)`.
fn text<'v>(value: &Value<'v>) -> Option<Value<'v>> {
    Some(match value {
        Value::Text(_) => value.clone(),
        Value::Bool(value) => Value::made(value.to_string()),
        Value::Int(value) => Value::made(value.to_string()),
        Value::UInt(value) => Value::made(value.to_string()),
        Value::Double(value) => Value::made(value.to_string()),
        Value::Null | Value::List(_) | Value::Map(_) => return None,
    })
}
