//! The effects of the modifiers.

use super::{MAX_MEMBERS, MAX_RESULT, ModifierError};
use crate::clock::Clock;
use crate::placeholder::jsonpath::{Filled, JsonPath, JsonPathError};
use crate::secret::{Value, base64, json, sha256};
use crate::yaml::load;

type Transformed = Result<Value, ModifierError>;

fn datatype(modifier: &'static str, value: &Value) -> ModifierError {
    ModifierError::Datatype {
        modifier,
        found: value.type_name(),
        expected: "string",
    }
}

/// The bytes of a scalar value; of numbers and booleans, those of their text.
fn bytes<'a>(modifier: &'static str, value: &'a Value) -> Result<&'a [u8], ModifierError> {
    match value {
        Value::Bytes(bytes) => Ok(bytes),
        _ => text(modifier, value).map(str::as_bytes),
    }
}

/// The text of a scalar value.
fn text<'a>(modifier: &'static str, value: &'a Value) -> Result<&'a str, ModifierError> {
    match value {
        Value::String(text) | Value::Number(text) => Ok(text),
        Value::Bool(true) => Ok("true"),
        Value::Bool(false) => Ok("false"),
        Value::Null | Value::Bytes(_) | Value::List(_) | Value::Map(_) => {
            Err(datatype(modifier, value))
        }
    }
}

/// The text of a string, for modifiers that decode, since values of other types are never encoded.
fn string<'a>(modifier: &'static str, value: &'a Value) -> Result<&'a str, ModifierError> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(datatype(modifier, value)),
    }
}

pub(super) fn base64_encode(name: &'static str, value: &Value) -> Transformed {
    let bytes = bytes(name, value)?;
    if bytes.len() > MAX_RESULT / 4 * 3 {
        return Err(ModifierError::Large(name));
    }
    Ok(Value::string(base64::encode(bytes)))
}

/// Line breaks are skipped, as in Go; everything else must be valid.
pub(super) fn base64_decode(name: &'static str, value: &Value) -> Transformed {
    let bytes = base64::decode(string(name, value)?).ok_or(ModifierError::Base64)?;
    Ok(match std::str::from_utf8(&bytes) {
        Ok(text) => Value::string(text),
        Err(_) => Value::Bytes(bytes),
    })
}

pub(super) fn json_parse(name: &'static str, value: &Value) -> Transformed {
    not_null(name, read_json(name, string(name, value)?)?)
}

fn read_json(name: &'static str, text: &str) -> Transformed {
    json::parse_within(text, MAX_MEMBERS).map_err(|error| ModifierError::Json(name, error))
}

pub(super) fn yaml_parse(name: &'static str, value: &Value) -> Transformed {
    let parsed =
        load::load_within(string(name, value)?, MAX_MEMBERS).map_err(ModifierError::Yaml)?;
    not_null(name, parsed)
}

/// Rejects a parsed null, for which AVP leaves the placeholder in the output.
fn not_null(name: &'static str, value: Value) -> Transformed {
    if value == Value::Null {
        Err(ModifierError::Null(name))
    } else {
        Ok(value)
    }
}

/// A string is parsed as JSON first, as in AVP.
pub(super) fn json_path(
    name: &'static str,
    path: &JsonPath,
    value: &Value,
    clock: &Clock,
) -> Result<Filled, ModifierError> {
    let result = match value {
        Value::String(text) => path.evaluate(&read_json(name, text)?, MAX_RESULT, clock),
        Value::Bytes(_) => return Err(datatype(name, value)),
        _ => path.evaluate(value, MAX_RESULT, clock),
    };
    result.map_err(|error| match error {
        JsonPathError::TooLong => ModifierError::Large(name),
        JsonPathError::Stopped => ModifierError::Stopped,
        error => ModifierError::JsonPath(error),
    })
}

/// Indents all lines but the first by `level` blanks; empty lines stay empty.
pub(super) fn indent(name: &'static str, level: usize, value: &Value) -> Transformed {
    let text = text(name, value)?;
    let margin = " ".repeat(level);
    let mut out = String::with_capacity(text.len());
    let mut lines = text.split('\n').peekable();
    let mut first = true;
    while let Some(line) = lines.next() {
        let more = lines.peek().is_some();
        let line = if more {
            line.strip_suffix('\r').unwrap_or(line)
        } else {
            line
        };
        if !first && !line.is_empty() {
            out.push_str(&margin);
        }
        if out.len() + line.len() > MAX_RESULT {
            return Err(ModifierError::Large(name));
        }
        out.push_str(line);
        if more {
            out.push('\n');
        }
        first = false;
    }
    Ok(Value::string(out))
}

pub(super) fn sha256_sum(name: &'static str, value: &Value) -> Transformed {
    Ok(Value::string(sha256::hex(bytes(name, value)?)))
}

/// Percent-encodes everything except the unreserved characters of RFC 3986.
pub(super) fn url_encode(name: &'static str, value: &Value) -> Transformed {
    let mut out = String::new();
    for byte in text(name, value)?.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.extend(hex(byte));
        }
        if out.len() > MAX_RESULT {
            return Err(ModifierError::Large(name));
        }
    }
    Ok(Value::string(out))
}

/// Two upper-case hexadecimal digits.
fn hex(byte: u8) -> [char; 2] {
    [byte >> 4, byte & 0xf].map(|digit| {
        char::from(if digit < 10 {
            b'0' + digit
        } else {
            b'A' + (digit - 10)
        })
    })
}

/// Escapes the value for the inside of a JSON string.
pub(super) fn json(name: &'static str, value: &Value) -> Transformed {
    let json;
    let text = match value {
        Value::List(_) | Value::Map(_) => {
            json = json::compact_within(value, MAX_RESULT).ok_or(ModifierError::Large(name))?;
            &json
        }
        _ => text(name, value)?,
    };
    json::escape_within(text, MAX_RESULT)
        .map(Value::String)
        .ok_or(ModifierError::Large(name))
}
