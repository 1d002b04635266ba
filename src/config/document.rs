//! YAML text to one map; what the YAML crate says of a failure is not passed on, as it quotes
//! what it found.

use serde::Deserialize;
use serde_yaml::{Deserializer, Error, Mapping, Value};

use super::ConfigProblem;

/// The longest text that is read; a configuration is a page.
const MAX_BYTES: usize = 1 << 18;
/// How deep brackets may nest. The YAML crate's own limit counts only after it has scanned the whole
/// text, in a time that grows with the square of the depth.
const MAX_DEPTH: usize = 64;

/// Reads the one document of a text; `None` if there is nothing in it.
pub(super) fn read(text: &str, what: &str) -> Result<Option<Mapping>, ConfigProblem> {
    let problem = |message: &str, help: &str| ConfigProblem::new(what, message, help);
    if text.len() > MAX_BYTES {
        return Err(problem(
            "larger than 256 KiB",
            "a configuration is a short text; is this the right one?",
        ));
    }
    if depth(text) > MAX_DEPTH {
        return Err(problem(
            "nested too deeply",
            "a configuration is at most 6 levels deep",
        ));
    }
    let mut found = None;
    for document in Deserializer::from_str(text) {
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

/// The deepest nesting of brackets, those in texts included.
fn depth(text: &str) -> usize {
    let depths = text.bytes().scan(0_usize, |depth, byte| {
        match byte {
            b'[' | b'{' => *depth += 1,
            b']' | b'}' => *depth = depth.saturating_sub(1),
            _ => {}
        }
        Some(*depth)
    });
    depths.max().unwrap_or_default()
}

fn unreadable(what: &str, error: &Error) -> ConfigProblem {
    let place = error.location().map_or_else(String::new, |location| {
        format!(
            ", at line {}, column {}",
            location.line(),
            location.column()
        )
    });
    if error.to_string().contains("duplicate entry") {
        let message = format!("the same key stands twice in a map{place}");
        return ConfigProblem::new(what, &message, "keep one of them");
    }
    let message = format!("not readable as YAML{place}");
    ConfigProblem::new(
        what,
        &message,
        "check the indentation, the quotes and the anchors there",
    )
}
