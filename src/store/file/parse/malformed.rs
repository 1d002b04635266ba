//! What can be wrong with a store file. Messages never quote its content.

use std::fmt;

use crate::secret::path::PathError;

/// The largest number of bytes and values after aliases are expanded, since aliases to lists of aliases grow
/// exponentially.
pub(super) const MAX_EXPANDED: usize = 4 * 1024 * 1024;

/// The largest number of brackets that may be open at once. The YAML crate takes quadratic time before its own limit of
/// 128 levels applies.
pub(super) const MAX_OPEN: usize = 1_000;

/// One problem of a store file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::store::file) enum Problem {
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
    #[error("a secret occurs twice: `mount/path` and `mount/data/path` are the same secret")]
    SecretTwice,
    #[error("a key is not a `mount/path`: {0}")]
    Path(PathError),
    #[error("a number is infinite or not a number, which JSON cannot express (quote it)")]
    NotFinite,
    #[error("a value has a tag")]
    Tag,
    #[error(
        "more than 1,000 brackets are open at once; those inside strings count too (close them, or keep the string base64-encoded)"
    )]
    Deep,
    #[error("its aliases expand to more than 4 MiB")]
    Expanded,
}

/// A problem, with its line if known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::file) struct Malformed {
    line: Option<usize>,
    problem: Problem,
}

impl Malformed {
    pub(super) fn at(line: Option<usize>, problem: Problem) -> Self {
        Self { line, problem }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.problem),
            None => write!(f, "{}", self.problem),
        }
    }
}
