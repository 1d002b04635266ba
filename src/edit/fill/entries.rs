//! Converts a value to a map of strings.

use std::collections::BTreeMap;

use crate::finding::Finding;
use crate::plan::change::Values;
use crate::secret::{Value, base64, json};

use super::super::map::Entries;
use super::encode::is_long_key;
use super::not_base64;

/// The entries for a field that must be a map of strings; `None` if they are longer than `room` bytes. Entries with null
/// are omitted.
pub(super) fn entries(
    value: Value,
    values: Values,
    room: usize,
) -> Result<Option<Entries>, Finding> {
    let Value::Map(map) = value else {
        return Err(not_a_map());
    };
    check_keys(&map, values)?;
    let mut left = room;
    let mut entries = Entries::with_capacity(map.len());
    for (key, value) in map {
        if value == Value::Null {
            continue;
        }
        let Some(text) = text(value, values, left)? else {
            return Ok(None);
        };
        let Some(rest) = left.checked_sub(key.len() + text.len()) else {
            return Ok(None);
        };
        left = rest;
        entries.push((key, text));
    }
    Ok(Some(entries))
}

/// One value as text; `None` if it is longer than `room` bytes.
fn text(value: Value, values: Values, room: usize) -> Result<Option<String>, Finding> {
    let is_string = matches!(value, Value::String(_));
    let text = match value {
        Value::String(text) | Value::Number(text) => text.as_str().to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Null => String::new(),
        Value::Bytes(raw) => return encoded(&raw, values).map(Some),
        Value::List(_) | Value::Map(_) => match json::compact_within(&value, room) {
            Some(json) => json.as_str().to_owned(),
            None => return Ok(None),
        },
    };
    match values {
        Values::Base64 { encode: true } => encoded(text.as_bytes(), values).map(Some),
        Values::Base64 { encode: false } if !is_string || base64::decode(&text).is_none() => {
            Err(not_base64())
        }
        _ => Ok(Some(text)),
    }
}

fn encoded(bytes: &[u8], values: Values) -> Result<String, Finding> {
    match values {
        Values::Base64 { encode: true } => Ok(base64::encode(bytes)),
        _ => Err(not_base64()),
    }
}

/// Rejects keys that the field cannot have. They are not quoted, since they are part of the secret.
fn check_keys(map: &BTreeMap<String, Value>, values: Values) -> Result<(), Finding> {
    let are_names = values != Values::Labels;
    if are_names && !map.keys().all(|key| is_name(key)) {
        return Err(Finding::error(
            "the map has a key that is not valid in data: only letters, digits, `-`, `_` and `.` are allowed",
            "rename the key in the store, or name each wanted key in a placeholder of its own",
        ));
    }
    if map.keys().any(|key| is_long_key(key)) {
        return Err(super::long_key());
    }
    Ok(())
}

/// Kubernetes' rule for the keys of Secrets and `ConfigMap`s, which become file names.
fn is_name(key: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=253).contains(&key.len()) && key.bytes().all(fits) && key != "." && !key.starts_with("..")
}

/// The error for a value that is not a map in a field that must be one.
pub(super) fn not_a_map() -> Finding {
    Finding::error(
        "the result is not a map, which this field has to be",
        "name a key that holds a map, or `#*` alone for all keys of the secret; a map that is stored as text needs `| jsonParse`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(value: &str, values: Values) -> Result<Vec<(String, String)>, Finding> {
        let entries = entries(json::parse(value).unwrap(), values, 1_000)?;
        Ok(entries.unwrap())
    }

    #[test]
    fn every_value_becomes_a_string() {
        let value = r#"{"b": 1.50, "a": "x", "c": true, "d": {"y": [1, "z"]}, "e": null, "f": ""}"#;
        let texts = ["x", "1.50", "true", r#"{"y":[1,"z"]}"#, ""];
        for values in [Values::Text, Values::Labels] {
            let entries = run(value, values).unwrap();
            let keys: Vec<_> = entries.iter().map(|(key, _)| key.as_str()).collect();
            assert_eq!(keys, ["a", "b", "c", "d", "f"]);
            let found: Vec<_> = entries.iter().map(|(_, text)| text.as_str()).collect();
            assert_eq!(found, texts);
        }
        let entries = run(value, Values::Base64 { encode: true }).unwrap();
        for ((_, found), text) in entries.iter().zip(texts) {
            assert_eq!(*found, base64::encode(text.as_bytes()));
        }
    }

    #[test]
    fn values_that_are_not_encoded_must_be_base64() {
        let plain = Values::Base64 { encode: false };
        assert!(run(r#"{"a": "eA==", "b": ""}"#, plain).is_ok());
        for value in [
            r#"{"a": "x"}"#,
            r#"{"a": 5432}"#,
            r#"{"a": true}"#,
            r#"{"a": {}}"#,
        ] {
            assert!(run(value, plain).is_err(), "{value}");
        }
    }

    #[test]
    fn invalid_keys_are_rejected_and_never_quoted() {
        for key in ["", "a b", "a/b", "ä", ".", "..", "..a", &"k".repeat(254)] {
            let value = json::compact(&Value::Map(
                [(key.to_owned(), Value::string("x"))].into_iter().collect(),
            ));
            let problem = run(&value, Values::Text).unwrap_err();
            assert!(key.len() < 3 || !format!("{problem:?}").contains(key));
            let long = key.len() > 1_000;
            assert_eq!(run(&value, Values::Labels).is_ok(), !long, "{key}");
        }
        for key in [
            "a",
            ".dockerconfigjson",
            "tls.crt",
            "A_b-1",
            &"k".repeat(253),
        ] {
            assert!(run(&format!("{{\"{key}\": \"x\"}}"), Values::Text).is_ok());
        }
        let long = format!("{{\"{}\": \"x\"}}", "k".repeat(1_001));
        assert!(run(&long, Values::Labels).is_err());
    }

    #[test]
    fn values_other_than_maps_are_rejected() {
        for value in ["\"{}\"", "1", "true", "[]"] {
            assert!(run(value, Values::Text).is_err(), "{value}");
        }
        assert_eq!(run("{}", Values::Text).unwrap(), []);
    }

    #[test]
    fn entries_are_limited_in_length() {
        let value = json::parse(r#"{"a": "xxxxxxxxxx", "b": [1, 2, 3]}"#).unwrap();
        for (room, fits) in [(5, false), (15, false), (19, true)] {
            let made = entries(value.clone(), Values::Text, room).unwrap();
            assert_eq!(made.is_some(), fits, "{room}");
        }
    }
}
