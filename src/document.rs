//! The YAML documents that users write for this program, a Release or an operator's Policy: read without quoting
//! what they hold, and checked against their schema.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_yaml::Value;

use crate::finding::Finding;

pub(crate) mod check;
pub(crate) mod read;
pub mod schema;
mod unquoted;

/// What was read, if nothing is wrong with it.
///
/// # Errors
/// All that is wrong, sorted by field.
pub(crate) fn checked<T>(read: Option<T>, mut problems: Vec<Finding>) -> Result<T, Vec<Finding>> {
    match read {
        Some(read) if problems.is_empty() => Ok(read),
        _ => {
            problems.sort_by(|a, b| {
                let one = (a.named(), &a.message, &a.help);
                one.cmp(&(b.named(), &b.message, &b.help))
            });
            problems.dedup();
            Err(problems)
        }
    }
}

/// Reads a document of the kind `T` from its text, which messages call `what`, by the schema of its type.
///
/// `None` only where `problems` says why; what does not fit is listed there, and left out.
pub fn typed<T: JsonSchema + DeserializeOwned>(
    text: &str,
    what: &str,
    problems: &mut Vec<Finding>,
) -> Option<T> {
    let document = match read::read(text, what) {
        Ok(Some(document)) => document,
        Ok(None) => {
            let help = "an empty document says nothing; write apiVersion, kind and spec";
            problems.push(Finding::invalid(what, "empty", help));
            return None;
        }
        Err(problem) => {
            problems.push(problem);
            return None;
        }
    };
    let mut document = Value::Mapping(document);
    check::check(&mut document, &schema::of::<T>(), problems);
    let read = serde_yaml::from_value(document).ok();
    if read.is_none() && problems.is_empty() {
        problems.push(Finding::invalid(
            what,
            "cannot be read",
            "see its reference page",
        ));
    }
    read
}
