//! Writes a value into a text, or as YAML of its own.

use zeroize::Zeroizing;

use crate::placeholder::Placeholder;
use crate::placeholder::modifier::Modifier;
use crate::plan::change::Wrap;
use crate::secret::{Value, base64, json};
use crate::yaml::event::Style;
use crate::yaml::expected::Shape;
use crate::yaml::scalar::quote_within;

/// Appends the value of a placeholder to `bytes`; `None` if they would become longer than `room`.
pub(super) fn append(
    bytes: &mut Vec<u8>,
    room: usize,
    placeholder: &Placeholder,
    value: &Value,
) -> Option<()> {
    let room = room.checked_sub(bytes.len())?;
    let json: Zeroizing<String>;
    let text = match value {
        Value::String(text) | Value::Number(text) => text.as_bytes(),
        Value::Bytes(raw) => raw,
        Value::Bool(true) => b"true",
        Value::Bool(false) => b"false",
        Value::Null => b"null",
        Value::List(_) | Value::Map(_) => {
            json = json::compact_within(value, room)?;
            json.as_bytes()
        }
    };
    let is_escaped = placeholder.modifiers.last().is_some_and(Modifier::is_json);
    let escaped = match std::str::from_utf8(text) {
        Ok(text) if placeholder.escaped && !is_escaped => Some(json::escape_within(text, room)?),
        _ => None,
    };
    let text = escaped.as_ref().map_or(text, |escaped| escaped.as_bytes());
    if text.len() > room {
        return None;
    }
    bytes.extend_from_slice(text);
    Some(())
}

/// Base64, on one line or wrapped.
pub(super) fn encode(bytes: &[u8], wrap: Wrap) -> String {
    let line = base64::encode(bytes);
    if wrap == Wrap::Line || line.len() < 70 {
        return line;
    }
    let mut out = String::with_capacity(line.len() + line.len() / 70 + 1);
    let mut rest = line.as_str();
    while !rest.is_empty() {
        let (head, tail) = rest.split_at(rest.len().min(70));
        out.push_str(head);
        out.push('\n');
        rest = tail;
    }
    out
}

/// The longest key of a map, in bytes as written: YAML parsers look 1,024 characters ahead for the colon.
const MAX_KEY: usize = 1_000;

/// Whether a key is too long for some parsers to find its colon.
pub(super) fn is_long_key(key: &str) -> bool {
    quote_within(key, Style::Double, MAX_KEY).is_none()
}

/// Whether a map in a value has a key that is too long.
pub(super) fn has_long_key(value: &Value) -> bool {
    match value {
        Value::List(items) => items.iter().any(has_long_key),
        Value::Map(entries) => entries
            .iter()
            .any(|(key, item)| is_long_key(key) || has_long_key(item)),
        _ => false,
    }
}

/// Appends the shapes that the JSON of a value parses to.
pub(super) fn shapes(value: &Value, out: &mut Vec<Shape>) {
    match value {
        Value::Null => out.push(Shape::Token("null".to_owned())),
        Value::Bool(value) => out.push(Shape::Token(value.to_string())),
        Value::Number(text) => out.push(Shape::Token(text.to_string())),
        Value::String(text) => out.push(Shape::Text(text.to_string())),
        Value::Bytes(raw) => out.push(Shape::Text(String::from_utf8_lossy(raw).into_owned())),
        Value::List(items) => {
            out.push(Shape::Seq);
            for item in items {
                shapes(item, out);
            }
            out.push(Shape::Close);
        }
        Value::Map(entries) => {
            out.push(Shape::Map);
            for (key, item) in entries {
                out.push(Shape::Text(key.clone()));
                shapes(item, out);
            }
            out.push(Shape::Close);
        }
    }
}
