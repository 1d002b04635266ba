//! The second pass: fetches the text of every number. The first pass has checked everything else.

use std::cell::Cell;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::malformed::{Malformed, Problem};
use crate::secret::Value;

/// Replaces every number by its text in the file if that text is a JSON number (`1.0`, `1e3`, any number of digits).
/// Other forms (`0x10`, `+1`, `.5`) keep the value of the first pass.
pub(super) fn keep_texts(text: &str, top: &mut Value) -> Result<(), Malformed> {
    let infinite = Cell::new(false);
    let texts = Texts {
        value: top,
        infinite: &infinite,
    };
    let documents = &mut serde_yaml::Deserializer::from_str(text);
    let Some(first) = documents.next() else {
        return Ok(());
    };
    texts.deserialize(first).map_err(|error| {
        let line = error.location().map(|location| location.line());
        let problem = if infinite.get() {
            Problem::NotFinite
        } else {
            Problem::Syntax
        };
        Malformed::at(line, problem)
    })
}

/// Reads the file a second time, in step with the values of the first pass.
struct Texts<'a> {
    value: &'a mut Value,
    infinite: &'a Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for Texts<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.value {
            Value::Number(_) => deserializer.deserialize_str(self),
            Value::List(_) => deserializer.deserialize_seq(self),
            Value::Map(_) => deserializer.deserialize_map(self),
            _ => deserializer.deserialize_ignored_any(IgnoredAny).map(drop),
        }
    }
}

impl<'de> Visitor<'de> for Texts<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the same value as before")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        if is_json_number(text) {
            *self.value = Value::number(text);
        } else if matches!(self.value, Value::Number(known) if !is_json_number(known)) {
            self.infinite.set(true);
            return Err(E::custom("malformed"));
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Value::List(list) = self.value else {
            return Ok(());
        };
        for value in list {
            let infinite = self.infinite;
            seq.next_element_seed(Texts { value, infinite })?;
        }
        // a list ends only when its last element has been read
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let Value::Map(map) = self.value else {
            return Ok(());
        };
        while let Some(key) = access.next_key::<String>()? {
            let infinite = self.infinite;
            match map.get_mut(&key) {
                Some(value) => access.next_value_seed(Texts { value, infinite })?,
                None => drop(access.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// Whether a text is a number as defined by RFC 8259 §6.
fn is_json_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let signed_digits = |text: &str| digits(text.strip_prefix(['+', '-']).unwrap_or(text));
    let leading_zero = whole.len() > 1 && whole.starts_with('0');
    digits(whole)
        && !leading_zero
        && fraction.is_none_or(digits)
        && exponent.is_none_or(signed_digits)
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::is_json_number;

    #[test]
    fn json_numbers_differ_from_other_spellings() {
        for text in [
            "0",
            "-0",
            "1.0",
            "10",
            "1e3",
            "1E+3",
            "-1.50e-07",
            "123456789012345678901234567890",
        ] {
            assert!(is_json_number(text), "{text}");
        }
        for text in [
            "", "-", "+1", ".5", "5.", "01", "0x10", "1e", "1e+", "1_0", ".inf", "NaN", "--1",
            "1.e5",
        ] {
            assert!(!is_json_number(text), "{text}");
        }
    }
}
