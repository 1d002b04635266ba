//! The first pass: builds the values and makes every check that depends on where in the file a value is.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, Visitor};

use super::malformed::{MAX_EXPANDED, Malformed, Problem};
use crate::secret::Value;
use crate::secret::path::canonical;

/// The state of the pass.
#[derive(Default)]
pub(super) struct Reader {
    /// The first problem found; serde's own error is used only for the line.
    problem: Cell<Option<Problem>>,
    /// Bytes of text plus number of values so far.
    size: Cell<usize>,
    numbers: Cell<bool>,
}

impl Reader {
    pub(super) fn has_numbers(&self) -> bool {
        self.numbers.get()
    }

    /// The problem that stopped the pass, with its line.
    pub(super) fn malformed(&self, error: &serde_yaml::Error) -> Malformed {
        let line = error.location().map(|location| location.line());
        Malformed::at(line, self.problem.get().unwrap_or(Problem::Syntax))
    }

    /// Records the problem and stops the pass. The error holds nothing of the file.
    fn stop<E: de::Error>(&self, problem: Problem) -> E {
        if self.problem.get().is_none() {
            self.problem.set(Some(problem));
        }
        E::custom("malformed")
    }

    fn count<E: de::Error>(&self, bytes: usize) -> Result<(), E> {
        let size = self.size.get().saturating_add(bytes).saturating_add(1);
        self.size.set(size);
        if size > MAX_EXPANDED {
            return Err(self.stop(Problem::Expanded));
        }
        Ok(())
    }
}

/// Where in the file a value is, which determines what it may be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// The map of all secrets.
    Top,
    /// A secret: a map, or a list of versions.
    Secret,
    /// One version in a list: a map.
    Version,
    /// A value below a key of a secret.
    Value,
}

impl Level {
    fn in_map(self) -> Self {
        match self {
            Self::Top => Self::Secret,
            Self::Secret | Self::Version | Self::Value => Self::Value,
        }
    }

    fn in_list(self) -> Self {
        match self {
            Self::Secret => Self::Version,
            Self::Top | Self::Version | Self::Value => Self::Value,
        }
    }

    /// The problem if the value at this level is not a map.
    fn problem(self) -> Problem {
        match self {
            Self::Top => Problem::Top,
            Self::Secret => Problem::Secret,
            Self::Version | Self::Value => Problem::Version,
        }
    }
}

/// Deserializes one value.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    pub(super) reader: &'a Reader,
    pub(super) level: Level,
}

impl Node<'_> {
    fn scalar<E: de::Error>(self, value: Value) -> Result<Value, E> {
        if self.level != Level::Value {
            return Err(self.reader.stop(self.level.problem()));
        }
        let bytes = match &value {
            Value::String(text) => text.len(),
            _ => 0,
        };
        self.reader.count(bytes)?;
        Ok(value)
    }

    fn number<E: de::Error>(self, text: String) -> Result<Value, E> {
        self.reader.numbers.set(true);
        self.scalar(Value::number(text))
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        self.scalar(Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        self.scalar(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        self.scalar(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        self.number(value.to_string())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        self.number(value.to_string())
    }

    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Value, E> {
        self.number(value.to_string())
    }

    fn visit_u128<E: de::Error>(self, value: u128) -> Result<Value, E> {
        self.number(value.to_string())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        // the second pass rejects infinite numbers, since it visits every number
        self.number(value.to_string())
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        self.scalar(Value::string(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        if matches!(self.level, Level::Top | Level::Version) {
            return Err(self.reader.stop(self.level.problem()));
        }
        self.reader.count(0)?;
        let item = Node {
            reader: self.reader,
            level: self.level.in_list(),
        };
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(item)? {
            list.push(value);
        }
        if list.is_empty() && self.level == Level::Secret {
            return Err(self.reader.stop(Problem::NoVersion));
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        self.reader.count(0)?;
        let item = Node {
            reader: self.reader,
            level: self.level.in_map(),
        };
        let mut names = BTreeSet::new();
        let mut map = BTreeMap::new();
        while let Some(key) = access.next_key_seed(Key {
            reader: self.reader,
            level: self.level,
            names: &mut names,
        })? {
            map.insert(key, access.next_value_seed(item)?);
        }
        Ok(Value::Map(map))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<Value, A::Error> {
        Err(self.reader.stop(Problem::Tag))
    }
}

/// Deserializes one key of a map. A bad key fails here, while the parser is still at its line.
struct Key<'a> {
    reader: &'a Reader,
    level: Level,
    /// The keys of the map so far; for [`Level::Top`] their canonical names.
    names: &'a mut BTreeSet<String>,
}

impl Key<'_> {
    fn wrong<E: de::Error>(&self) -> E {
        self.reader.stop(Problem::KeyType)
    }

    fn name(&self, key: &str) -> Result<String, Problem> {
        if key == "<<" {
            return Err(Problem::Merge);
        }
        match self.level {
            Level::Top => canonical(key).map_err(Problem::Path),
            Level::Secret | Level::Version | Level::Value => Ok(key.to_owned()),
        }
    }

    fn twice(&self) -> Problem {
        match self.level {
            Level::Top => Problem::SecretTwice,
            Level::Secret | Level::Version | Level::Value => Problem::Twice,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Key<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<String, E> {
        self.reader.count(key.len())?;
        let name = self
            .name(key)
            .map_err(|problem| self.reader.stop(problem))?;
        if !self.names.insert(name) {
            return Err(self.reader.stop(self.twice()));
        }
        Ok(key.to_owned())
    }

    fn visit_unit<E: de::Error>(self) -> Result<String, E> {
        Err(self.wrong())
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<String, E> {
        Err(self.wrong())
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<String, E> {
        Err(self.wrong())
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<String, E> {
        Err(self.wrong())
    }

    fn visit_i128<E: de::Error>(self, _: i128) -> Result<String, E> {
        Err(self.wrong())
    }

    fn visit_u128<E: de::Error>(self, _: u128) -> Result<String, E> {
        Err(self.wrong())
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<String, E> {
        Err(self.wrong())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<String, A::Error> {
        Err(self.wrong())
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<String, A::Error> {
        Err(self.wrong())
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<String, A::Error> {
        Err(self.wrong())
    }
}
