//! Comparisons in filters.

use std::cmp::Ordering;

use super::JsonPathError;
use crate::secret::Value;

/// The operator between the two sides of a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

impl Operator {
    pub(super) fn parse(sign: &str) -> Option<Self> {
        Some(match sign {
            "==" => Self::Equal,
            "!=" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterEqual,
            _ => return None,
        })
    }

    /// Compares texts with texts, numbers with numbers, and booleans for equality.
    ///
    /// A number can also be compared with a text that is a number: AVP reads the numbers of a stored map as texts, so
    /// templates written for it quote them.
    pub(super) fn holds(self, left: &Value, right: &Value) -> Result<bool, JsonPathError> {
        let order = match (left, right) {
            (Value::Bool(left), Value::Bool(right)) => match self {
                Self::Equal | Self::NotEqual => left.cmp(right),
                _ => return Err(JsonPathError::Incomparable),
            },
            (Value::String(left), Value::String(right)) => left.as_str().cmp(right.as_str()),
            (
                Value::Number(left) | Value::String(left),
                Value::Number(right) | Value::String(right),
            ) => numbers(left, right).ok_or(JsonPathError::Incompatible)?,
            (
                Value::Bool(_) | Value::Number(_) | Value::String(_),
                Value::Bool(_) | Value::Number(_) | Value::String(_),
            ) => return Err(JsonPathError::Incompatible),
            _ => return Err(JsonPathError::Incomparable),
        };
        Ok(match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterEqual => order.is_ge(),
        })
    }
}

/// Compares integers exactly, and other numbers as 64-bit floats; `None` if one is not a finite number.
fn numbers(left: &str, right: &str) -> Option<Ordering> {
    if let (Ok(left), Ok(right)) = (left.parse::<i128>(), right.parse::<i128>()) {
        return Some(left.cmp(&right));
    }
    let finite = |text: &str| text.parse().ok().filter(|number: &f64| number.is_finite());
    finite(left)?.partial_cmp(&finite(right)?)
}
