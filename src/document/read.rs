//! Reads a YAML text as one map. Messages of the YAML crate are not passed on, because they quote values.

use serde::Deserialize;
use serde_yaml::{Deserializer, Error, Mapping, Value};

use super::unquoted;
use crate::finding::Finding;
use crate::yaml::alias_bombs::{self, Outsized};
use crate::yaml::surrogates;

/// The longest text that is read, in bytes (256 KiB). A configuration is about a page.
const MAX_BYTES: usize = 1 << 18;
/// The maximum nesting depth. The YAML crate has a limit too, but checks it only after it has scanned the whole text,
/// which takes time quadratic in the depth.
const MAX_DEPTH: usize = 64;

/// Reads the single document of a text; `None` if the text is empty. Messages call the text `what`.
pub(crate) fn read(text: &str, what: &str) -> Result<Option<Mapping>, Finding> {
    let problem = |message: &str, help: &str| Finding::invalid(what, message, help);
    if text.len() > MAX_BYTES {
        return Err(problem(
            "larger than 256 KiB",
            "a configuration is a short text; is this the right one?",
        ));
    }
    alias_bombs::check(text, MAX_DEPTH).map_err(|outsized| match &outsized {
        Outsized::Deep => problem(
            "nested too deeply",
            "a configuration is at most 6 levels deep",
        ),
        Outsized::Large => problem(&outsized.to_string(), "write the values out"),
        Outsized::Malformed(error) => not_yaml(what, Some((error.line, error.column))),
    })?;
    let mut found = None;
    let text = unquoted::marked(text);
    for document in Deserializer::from_str(&surrogates::joined(&text)) {
        let mut value = Value::deserialize(document).map_err(|error| unreadable(what, &error))?;
        value.apply_merge().map_err(|_| {
            problem(
                "holds a merge key `<<` that does not name a map",
                "write the fields out",
            )
        })?;
        match value {
            Value::Null => {}
            Value::Mapping(_) if found.is_some() => {
                return Err(problem("holds more than one document", "keep one of them"));
            }
            Value::Mapping(map) => found = Some(map),
            _ => {
                return Err(problem(
                    "not a map",
                    "write apiVersion, kind and spec; see fn-config/minimal.yaml",
                ));
            }
        }
    }
    Ok(found)
}

fn unreadable(what: &str, error: &Error) -> Finding {
    let place = error
        .location()
        .map(|location| (location.line(), location.column()));
    if error.to_string().contains("duplicate entry") {
        let message = format!("the same key stands twice in a map{}", at(place));
        return Finding::invalid(what, &message, "keep one of them");
    }
    not_yaml(what, place)
}

fn not_yaml(what: &str, place: Option<(usize, usize)>) -> Finding {
    let message = format!("not readable as YAML{}", at(place));
    Finding::invalid(
        what,
        &message,
        "check the indentation, the quotes and the anchors there",
    )
}

fn at(place: Option<(usize, usize)>) -> String {
    place.map_or_else(String::new, |(line, column)| {
        format!(", at line {line}, column {column}")
    })
}
