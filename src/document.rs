//! The YAML documents that users write for this program, a Release or an operator's Policy: read without quoting
//! what they hold, and checked against their schema.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_yaml::Value;

pub(crate) mod check;
pub(crate) mod read;
pub mod schema;
mod unquoted;

/// One thing that is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{path}: {message}")]
pub struct Problem {
    /// The field (`spec.images[0].newTag`), or the variable, or `functionConfig` as a whole.
    pub path: String,
    /// The fact, in lower case; never the value that was found.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

impl Problem {
    pub(crate) fn new(path: &str, message: &str, help: &str) -> Self {
        Self {
            path: path.to_owned(),
            message: message.to_owned(),
            help: help.to_owned(),
        }
    }
}

/// Reads a document of the kind `T` from its text, which messages call `what`, by the schema of its type.
///
/// `None` only where `problems` says why; what does not fit is listed there, and left out.
pub fn typed<T: JsonSchema + DeserializeOwned>(
    text: &str,
    what: &str,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    let document = match read::read(text, what) {
        Ok(Some(document)) => document,
        Ok(None) => {
            let help = "an empty document says nothing; write apiVersion, kind and spec";
            problems.push(Problem::new(what, "empty", help));
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
        problems.push(Problem::new(
            what,
            "cannot be read",
            "see its reference page",
        ));
    }
    read
}
