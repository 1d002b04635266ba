//! What can be wrong with a store file, in words that hold nothing of it.

use std::fmt;

use crate::secret::path::PathError;

/// The most that aliases may blow a file up to, in bytes and values: a list of aliases to lists of
/// aliases is small on disk only.
pub(super) const MAX_EXPANDED: usize = 4 * 1024 * 1024;

/// The most brackets that may be open at once: the YAML crate takes time by the square of them
/// before its own limit of 128 levels applies.
pub(super) const MAX_OPEN: usize = 1_000;

/// One thing that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::store::file) enum Fault {
    #[error("it is not valid YAML")]
    Syntax,
    #[error("it holds more than one YAML document")]
    Documents,
    #[error("it is not a map")]
    Top,
    #[error("a secret is neither a map nor a list of maps")]
    Secret,
    #[error("a list of versions is empty")]
    NoVersion,
    #[error("a version is not a map")]
    Version,
    #[error("a key is not a string (quote it)")]
    KeyType,
    #[error("a merge key (`<<`) is not supported")]
    Merge,
    #[error("a key occurs twice in one map")]
    Twice,
    #[error("a secret occurs twice: `mount/path` and `mount/data/path` are the same one")]
    SecretTwice,
    #[error("a key is no `mount/path`: {0}")]
    Path(PathError),
    #[error("a number is infinite or no number, and JSON has no such value (quote it)")]
    NotFinite,
    #[error("a value has a tag")]
    Tag,
    #[error(
        "more than 1,000 brackets are open at once; those inside texts count too (close them, or keep the text base64-encoded)"
    )]
    Deep,
    #[error("its aliases expand to more than 4 MiB")]
    Expanded,
}

/// A fault and, where it is known, its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::file) struct Malformed {
    line: Option<usize>,
    fault: Fault,
}

impl Malformed {
    pub(super) fn at(line: Option<usize>, fault: Fault) -> Self {
        Self { line, fault }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.fault),
            None => write!(f, "{}", self.fault),
        }
    }
}
