//! Parses the store file strictly.
//!
//! The first of two passes builds the values and makes all checks. The second one fetches the text of the numbers,
//! since serde passes them on as `f64` (`1.0` would become `1`). The YAML crate's errors quote the input, so only their
//! line is kept.

mod malformed;
mod node;
mod number;

use serde::de::DeserializeSeed;
use serde_yaml::Deserializer;

use self::malformed::{MAX_OPEN, Malformed, Problem};
use self::node::{Level, Node, Reader};
use super::Table;
use crate::secret::path::canonical;
use crate::secret::{Secret, Value};

/// Parses the whole file.
pub(super) fn parse(text: &str) -> Result<Table, Malformed> {
    if most_open(text) > MAX_OPEN {
        return Err(Malformed::at(None, Problem::Deep));
    }
    let reader = Reader::default();
    let mut documents = Deserializer::from_str(text);
    let first = documents
        .next()
        .ok_or_else(|| Malformed::at(None, Problem::Top))?;
    let node = Node {
        reader: &reader,
        level: Level::Top,
    };
    let mut top = node
        .deserialize(first)
        .map_err(|error| reader.malformed(&error))?;
    if documents.next().is_some() {
        return Err(Malformed::at(None, Problem::Documents));
    }
    if reader.has_numbers() {
        number::keep_texts(text, &mut top)?;
    }
    table(top)
}

/// The largest number of brackets that are open at once, those inside strings included. A limit on it keeps hostile
/// files from taking long; the YAML crate itself limits the nesting.
fn most_open(text: &str) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}

/// Builds the table from the values of the first pass, which has checked their structure.
fn table(top: Value) -> Result<Table, Malformed> {
    let Value::Map(secrets) = top else {
        return Err(Malformed::at(None, Problem::Top));
    };
    let mut table = Table::new();
    for (path, content) in secrets {
        let name =
            canonical(&path).map_err(|problem| Malformed::at(None, Problem::Path(problem)))?;
        let versions = match content {
            Value::List(versions) => versions,
            one => vec![one],
        };
        table.insert(name, versions.into_iter().filter_map(secret).collect());
    }
    Ok(table)
}

fn secret(version: Value) -> Option<Secret> {
    match version {
        Value::Map(keys) => Some(Secret::new(keys)),
        _ => None,
    }
}
