//! A second reader: libyaml, which shares no code with the first. What both read alike is what other
//! readers read too.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::canonical;
use super::event::{Style, Tag};
use super::load::resolve;
use super::tree::Node;
use crate::clock::{self, Clock};
use crate::secret::Value;

/// What a reader takes a text for.
#[derive(PartialEq)]
pub enum Reading {
    /// Null.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number, in the spelling of [`canonical`].
    Number(String),
    /// A string.
    Text(String),
    /// A list.
    List(Vec<Reading>),
    /// A mapping, in the order of the text.
    Map(Vec<(String, Reading)>),
}

impl fmt::Debug for Reading {
    /// It may hold secrets: only its type is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "Null",
            Self::Bool(_) => "Bool",
            Self::Number(_) => "Number",
            Self::Text(_) => "Text",
            Self::List(_) => "List",
            Self::Map(_) => "Map",
        })
    }
}

impl Reading {
    /// The value under a key of a mapping.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(entries) = self else {
            return None;
        };
        let found = entries.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value)
    }

    /// The text of a scalar, as it would be written without quotes.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Null => Some("null"),
            Self::Bool(true) => Some("true"),
            Self::Bool(false) => Some("false"),
            Self::Number(text) | Self::Text(text) => Some(text),
            Self::List(_) | Self::Map(_) => None,
        }
    }
}

/// What the first reader takes a scalar of a canonical text for; `None` for other nodes, and for scalars with tags or that are no
/// values.
#[must_use]
pub fn of_scalar(node: &Node<'_>) -> Option<Reading> {
    let style = node.style().filter(|_| node.props.tag == Tag::None)?;
    let value = match style {
        Style::Empty => return Some(Reading::Null),
        Style::Plain => resolve::plain(&node.value).ok()?,
        _ => return Some(Reading::Text(node.value.to_string())),
    };
    Some(match value {
        Value::Null => Reading::Null,
        Value::Bool(flag) => Reading::Bool(flag),
        Value::Number(text) => Reading::Number(canonical::number(&text)),
        Value::String(text) => Reading::Text(text.as_str().to_owned()),
        Value::Bytes(_) | Value::List(_) | Value::Map(_) => return None,
    })
}

/// Reads the only document of `text`; `None` where it cannot be read, where a key is written twice or is not
/// a string, and where the clock has stopped.
#[must_use]
pub fn read(text: &str, clock: &Clock) -> Option<Reading> {
    let deserializer = serde_yaml::Deserializer::from_str(text);
    Reader { clock }.deserialize(deserializer).ok()
}

#[derive(Clone, Copy)]
struct Reader<'c> {
    clock: &'c Clock,
}

impl Reader<'_> {
    /// Counts a node with its text.
    fn spend<E: serde::de::Error>(self, text: usize) -> Result<(), E> {
        self.clock.spend(clock::NODE + text).map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Reading;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Reading, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Reading;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_unit<E>(self) -> Result<Reading, E> {
        Ok(Reading::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Reading, E> {
        Ok(Reading::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Reading, E> {
        Ok(Reading::Number(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Reading, E> {
        Ok(Reading::Number(number.to_string()))
    }

    fn visit_i128<E>(self, number: i128) -> Result<Reading, E> {
        Ok(Reading::Number(canonical::number(&number.to_string())))
    }

    fn visit_u128<E>(self, number: u128) -> Result<Reading, E> {
        Ok(Reading::Number(canonical::number(&number.to_string())))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Reading, E> {
        if !number.is_finite() {
            return Err(E::custom("not finite"));
        }
        Ok(Reading::Number(canonical::number(&format!("{number:?}"))))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Reading, E> {
        self.spend(text.len())?;
        Ok(Reading::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Reading, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            self.spend(0)?;
            list.push(item);
        }
        Ok(Reading::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Reading, A::Error> {
        let mut map = Vec::new();
        while let Some((key, value)) = entries.next_entry_seed(self, self)? {
            let Reading::Text(key) = key else {
                return Err(A::Error::custom("a key is not a string"));
            };
            map.push((key, value));
        }
        let mut keys: Vec<&str> = map.iter().map(|(key, _): &(String, _)| &**key).collect();
        keys.sort_unstable();
        if keys.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(A::Error::custom("a key is written twice"));
        }
        Ok(Reading::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_written_canonically() {
        let Some(Reading::Map(entries)) = read(
            "a: null\nb: [true, -1, 1.5, 1.0e+300, 18446744073709551615, 12345678901234567890123]\nc: {\"d\": \"\\u2028\"}\n",
            &Clock::default(),
        ) else {
            panic!("not read");
        };
        let read: Vec<_> = entries
            .iter()
            .map(|(key, value)| (key.as_str(), value))
            .collect();
        let number = |text: &str| Reading::Number(text.to_owned());
        let numbers = Reading::List(vec![
            Reading::Bool(true),
            number("-1"),
            number("1.5"),
            number("1.0e+300"),
            number("18446744073709551615"),
            number("1.2345678901234568e+22"),
        ]);
        let map = Reading::Map(vec![("d".to_owned(), Reading::Text("\u{2028}".to_owned()))]);
        assert_eq!(read, [("a", &Reading::Null), ("b", &numbers), ("c", &map)]);
    }

    #[test]
    fn refuses_what_is_read_in_several_ways() {
        for text in [
            "a: 1\na: 2",
            "1: a",
            "~: a",
            "a: b\n---\nc: d",
            "a: [",
            "a: .inf",
        ] {
            assert_eq!(read(text, &Clock::default()), None, "{text}");
        }
    }
}
