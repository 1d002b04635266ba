//! Texts as objects, to compare what two programs mean.

use std::fmt::Write as _;

use serde::Deserialize as _;
use serde_yaml::{Mapping, Value};

/// What a program made of an input.
#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    /// These objects.
    Objects(Vec<Value>),
    /// An error that it reported.
    Error,
    /// A crash.
    Crash,
}

impl Outcome {
    /// The same, in an order that does not depend on the program.
    pub(crate) fn sorted(self) -> Self {
        match self {
            Self::Objects(mut objects) => {
                objects.sort_by_cached_key(|object| {
                    let name = object
                        .get("metadata")
                        .and_then(|metadata| metadata.get("name"));
                    format!(
                        "{:?} {:?} {name:?}",
                        object.get("apiVersion"),
                        object.get("kind")
                    )
                });
                Self::Objects(objects)
            }
            other => other,
        }
    }

    /// Both, for a person to read.
    pub(crate) fn diff(&self, real: &Self) -> String {
        format!("--- wanted\n{}--- real\n{}", self.show(), real.show())
    }

    fn show(&self) -> String {
        let Self::Objects(objects) = self else {
            return format!("{self:?}\n");
        };
        objects.iter().fold(String::new(), |mut text, object| {
            let yaml = serde_yaml::to_string(object).unwrap_or_else(|error| error.to_string());
            let _ = writeln!(text, "{yaml}---");
            text
        })
    }
}

/// The objects of a stream, normalised: aliases and merge keys expanded, keys sorted and as text,
/// numbers by their value; documents without content are dropped.
pub(crate) fn read(text: &[u8]) -> Result<Vec<Value>, String> {
    let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut objects = Vec::new();
    for document in serde_yaml::Deserializer::from_str(text) {
        let mut object = Value::deserialize(document).map_err(|error| error.to_string())?;
        object.apply_merge().map_err(|error| error.to_string())?;
        if !object.is_null() {
            objects.push(normal(object));
        }
    }
    Ok(objects)
}

/// A normalised value.
pub(crate) fn normal(value: Value) -> Value {
    match value {
        Value::Mapping(map) => {
            let mut entries: Vec<_> = map
                .into_iter()
                .map(|(key, value)| (key_text(&key), normal(value)))
                .collect();
            entries.sort_by(|one, other| one.0.cmp(&other.0));
            let entries = entries.into_iter().map(|(key, value)| (key.into(), value));
            Value::Mapping(entries.collect::<Mapping>())
        }
        Value::Sequence(list) => list.into_iter().map(normal).collect(),
        Value::Number(number) if number.is_f64() => {
            let float = number.as_f64().unwrap_or_default();
            // 1.0 and 1 are the same number
            match format!("{float}").parse::<i64>() {
                Ok(whole) => whole.into(),
                Err(_) => float.into(),
            }
        }
        other => other,
    }
}

fn key_text(key: &Value) -> String {
    match key {
        Value::String(text) => text.clone(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        other => format!("{other:?}"),
    }
}

/// Whether `part` is in `whole`: each entry of its maps, each element of its lists.
pub(crate) fn is_part(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Mapping(part), Value::Mapping(whole)) => part
            .iter()
            .all(|(key, value)| (whole.get(key)).is_some_and(|other| is_part(value, other))),
        (Value::Sequence(part), Value::Sequence(whole)) => {
            part.len() == whole.len() && part.iter().zip(whole).all(|(a, b)| is_part(a, b))
        }
        _ => part == whole,
    }
}
