//! Reads the YAML documents that users write for gitops-fn, a Release or an operator's Policy, and checks them against
//! their schema. Messages never quote their contents.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_yaml::Value;

use crate::finding::Finding;

pub(crate) mod check;
pub(crate) mod read;
pub mod schema;
mod unquoted;

/// Returns what was read if there are no problems.
///
/// # Errors
/// All problems, sorted by field, without duplicates; also if `read` is `None`.
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

/// Reads a document of type `T`, by the schema of that type. Messages call the text `what`.
///
/// What does not fit is added to `problems` and left out of the result. The result is `None` only if `problems` says
/// why.
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
