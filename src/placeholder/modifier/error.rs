//! Errors of modifiers.

use super::NAMES;
use crate::explain::Explain;
use crate::placeholder::jsonpath::JsonPathError;
use crate::secret::json::JsonError;
use crate::yaml::load::LoadError;

/// A modifier that is malformed, or cannot be applied to a value.
///
/// The messages are those of AVP if it has one, and never quote the value or a `default` text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModifierError {
    /// Nothing between two `|`, or after the last.
    #[error("invalid modifier: nothing follows the `|`")]
    Empty,
    /// No modifier has this name.
    #[error("invalid modifier: {0}")]
    Unknown(String),
    /// The name has invalid characters. It is not quoted, because it may be anything.
    #[error("invalid modifier: its name has other characters than letters, digits and `_`")]
    NoName,
    /// An argument is missing, superfluous or not closed.
    #[error("{0}: invalid parameters")]
    Parameters(&'static str),
    /// The number of `indent` is invalid or too large.
    #[error("indent: invalid indentation level")]
    Level,
    /// `indent` without a number, where the column is unknown.
    #[error("indent: needs a number inside a JSON text")]
    Column,
    /// `default` after another modifier.
    #[error("default: must be the first modifier")]
    DefaultPlace,
    /// The value has a type that the modifier does not accept.
    #[error("{modifier}: invalid datatype {found}, expected {expected}")]
    Datatype {
        /// The modifier.
        modifier: &'static str,
        /// The type of the value.
        found: &'static str,
        /// The type that it accepts.
        expected: &'static str,
    },
    /// The result would be too long.
    #[error("{0}: the result is larger than 16 MiB")]
    Large(&'static str),
    /// The input of `base64decode` is not base64.
    #[error("base64decode: illegal base64 data")]
    Base64,
    /// The parsed text is `null`, or YAML without content.
    #[error("{0}: the value is null")]
    Null(&'static str),
    /// The value is not JSON.
    #[error("{0}: {1}")]
    Json(&'static str, JsonError),
    /// The value is not YAML, or cannot be expressed in JSON.
    #[error("yamlParse: error converting YAML to JSON: {0}")]
    Yaml(LoadError),
    /// The clock has stopped.
    #[error("stopped before the last modifier")]
    Stopped,
    /// The expression is wrong or does not fit the value.
    #[error("jsonPath: {0}")]
    JsonPath(JsonPathError),
}

impl Explain for ModifierError {
    fn help(&self) -> String {
        match self {
            Self::Empty => "remove the `|`, or write a modifier after it",
            Self::Unknown(_) | Self::NoName => return format!("modifiers are {NAMES}"),
            Self::Parameters("indent") => "write one number, as in `indent 4`, or none",
            Self::Parameters("default") => {
                "write one text, as in `default 'text'`; a `'` in it is doubled"
            }
            Self::Parameters("jsonPath") => "write an expression, as in `jsonPath {.user}`",
            Self::Parameters(_) => "this modifier takes no arguments",
            Self::Level => "write a whole number up to 1000, as in `indent 4`",
            Self::Column => "write the number, as in `indent 4`",
            Self::DefaultPlace => {
                "`default` answers for a missing key, so it stands before what changes the value"
            }
            Self::Datatype {
                found: "list" | "map",
                ..
            } => "take a part of it first, as in `| jsonPath {.user}`",
            Self::Datatype { found: "bytes", .. } => {
                "bytes that are no text go through base64encode, sha256sum or nothing"
            }
            Self::Datatype { .. } => "this modifier is not needed here",
            Self::Large(_) => "take a part of the value, or use fewer modifiers",
            Self::Json(_, JsonError::Members(_)) | Self::Yaml(LoadError::Members(..)) => {
                "store a smaller value, or the parts of it by themselves"
            }
            Self::Base64 => {
                "the stored value must be standard base64 with padding, in the alphabet with + and /"
            }
            Self::Null(_) => "store a value other than null",
            Self::Json(..) => "the stored value must be one JSON document",
            Self::Yaml(_) => "the stored value must be one YAML document that JSON can express",
            Self::Stopped => "try again",
            Self::JsonPath(error) => return error.help(),
        }
        .to_owned()
    }
}
