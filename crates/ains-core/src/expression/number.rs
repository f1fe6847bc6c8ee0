//! Arithmetic and comparison of numbers of all kinds.
//!
//! JSON does not tell `1` from `1.0`, so kinds mix, other than in strict CEL: what two whole numbers
//! come to is whole (`7 / 2 == 3`) and must fit 64 bits; with a double it is a double.

use std::cmp::Ordering;

use super::evaluate::Stop;
use super::node::Binary;
use super::value::Value;

/// A number.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    /// An int or a uint.
    Whole(i128),
    Double(f64),
}

impl Number {
    pub(super) fn of(value: &Value<'_>) -> Option<Self> {
        Some(match value {
            Value::Int(value) => Self::Whole((*value).into()),
            Value::UInt(value) => Self::Whole((*value).into()),
            Value::Double(value) => Self::Double(*value),
            _ => return None,
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "as CEL's `double(…)`")]
    pub(super) fn as_double(self) -> f64 {
        match self {
            Self::Whole(value) => value as f64,
            Self::Double(value) => value,
        }
    }

    /// Which is larger; `None` only with a double that is no number.
    pub(super) fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(left), Self::Whole(right)) => Some(left.cmp(&right)),
            (Self::Double(left), Self::Double(right)) => left.partial_cmp(&right),
            (Self::Whole(left), Self::Double(right)) => compare_mixed(left, right),
            (Self::Double(left), Self::Whole(right)) => compare_mixed(right, left).map(Ordering::reverse),
        }
    }
}

/// Exact, where a conversion to a double would round.
fn compare_mixed(whole: i128, double: f64) -> Option<Ordering> {
    if double.is_nan() {
        return None;
    }
    // Whole numbers have 65 bits at most: beyond 2^100 the sign decides, below that i128 holds it.
    if double.abs() > 2_f64.powi(100) {
        return Some(if double > 0.0 {
            Ordering::Less
        } else {
            Ordering::Greater
        });
    }
    let floor = double.floor();
    #[expect(clippy::cast_possible_truncation, reason = "at most 2^100")]
    let ordering = whole.cmp(&(floor as i128));
    Some(ordering.then(if double > floor {
        Ordering::Less
    } else {
        Ordering::Equal
    }))
}

/// What an operator makes of two numbers. Kinds decide whether it is an int or a uint.
pub(super) fn calculate<'v>(
    operator: Binary,
    left: &Value<'_>,
    right: &Value<'_>,
) -> Result<Option<Value<'v>>, Stop> {
    let (Some(one), Some(other)) = (Number::of(left), Number::of(right)) else {
        return Ok(None);
    };
    let (Number::Whole(one), Number::Whole(other)) = (one, other) else {
        let (one, other) = (one.as_double(), other.as_double());
        return Ok(match operator {
            Binary::Add => Some(Value::Double(one + other)),
            Binary::Subtract => Some(Value::Double(one - other)),
            Binary::Multiply => Some(Value::Double(one * other)),
            Binary::Divide => Some(Value::Double(one / other)),
            _ => None,
        });
    };
    // Neither can overflow 128 bits: both have at most 65.
    let result = match operator {
        Binary::Add => one + other,
        Binary::Subtract => one - other,
        Binary::Multiply => one * other,
        Binary::Divide | Binary::Remainder if other == 0 => return Err(Stop::fault("a division by zero")),
        Binary::Divide => one / other,
        Binary::Remainder => one % other,
        _ => return Ok(None),
    };
    let is_uint = |value: &Value<'_>| matches!(value, Value::UInt(_));
    whole(result, is_uint(left) && is_uint(right)).map(Some)
}

/// A whole number of a kind that can hold it.
pub(super) fn whole<'v>(value: i128, uint: bool) -> Result<Value<'v>, Stop> {
    let overflow = || Stop::fault("a number that 64 bits cannot hold");
    if uint {
        return u64::try_from(value).map(Value::UInt).map_err(|_| overflow());
    }
    i64::try_from(value).map(Value::Int).map_err(|_| overflow())
}

/// `int(double)` and `uint(double)`: towards zero.
#[expect(clippy::cast_possible_truncation, reason = "at most 2^100")]
pub(super) fn truncate(value: f64) -> Option<i128> {
    (value.abs() < 2_f64.powi(100)).then_some(value.trunc() as i128)
}
