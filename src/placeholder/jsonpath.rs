//! Kubernetes `jsonpath` templates (client-go's `util/jsonpath`), as used by the `jsonPath` modifier and
//! `kubectl -o jsonpath`.
//!
//! Differences from client-go: map values under `*` and `..` are in the order of the sorted keys rather than in random
//! order, numbers print their original text and are compared as numbers, and wildcards do not split strings into bytes.
//! Errors never quote the value; key names in them come from the expression.

mod compare;
mod eval;
mod inspect;
mod parse;
pub mod unquote;

use std::fmt;

use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::explain::Explain;
use crate::secret::Value;
use compare::Operator;

/// A parsed template.
#[derive(Clone, PartialEq, Eq)]
pub struct JsonPath(Vec<Block>);

impl JsonPath {
    /// Parses a template: text, `{…}` actions, `{range …}` and `{end}`.
    ///
    /// # Errors
    /// [`JsonPathError`], in client-go's wording if it has one; also for a text without any `{` and for a `{range}`
    /// without `{end}`, which client-go prints unchanged.
    pub fn parse(text: &str) -> Result<Self, JsonPathError> {
        parse::template(text).map(Self)
    }

    /// Fills in the template from `value`; the result may have at most `max` bytes. Stops with the clock.
    ///
    /// Several results of one action are joined by blanks; lists and maps are printed as compact JSON like Go's
    /// `json.Marshal` does, null as `null`.
    ///
    /// # Errors
    /// [`JsonPathError`] if a key is missing, an index is out of bounds, a filter compares values that cannot be compared,
    /// or the evaluation exceeds a limit.
    pub fn evaluate(
        &self,
        value: &Value,
        max: usize,
        clock: &Clock,
    ) -> Result<Filled, JsonPathError> {
        eval::evaluate(&self.0, value, max, clock)
    }
}

/// A filled-in template.
pub struct Filled {
    /// The text.
    pub text: Zeroizing<String>,
    /// Whether the text is exactly one string of the value, rather than a number or several parts.
    pub is_one_string: bool,
}

impl fmt::Debug for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JsonPath(..)")
    }
}

/// A part of a template.
#[derive(Clone, PartialEq, Eq)]
enum Block {
    /// Text outside braces.
    Text(Value),
    /// `{steps}`.
    Action(Vec<Step>),
    /// `{range steps}body{end}`.
    Range(Vec<Step>, Vec<Block>),
}

/// One step of an action, which maps the results so far to new ones.
#[derive(Clone, PartialEq, Eq)]
enum Step {
    /// A quoted text, number or boolean: replaces the results.
    Literal(Value),
    Field(String),
    Wildcard,
    Recursive,
    Slice(Slice),
    Union(Vec<Vec<Step>>),
    Exists(Vec<Step>),
    Compare(Vec<Step>, Operator, Vec<Step>),
}

/// `[start:end:step]`. `[n]` is `[n:n+1]` with `derived` set.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Slice {
    start: i64,
    end: Option<i64>,
    derived: bool,
    step: Option<i64>,
}

/// Why a template cannot be parsed or filled in.
///
/// Quotes only the expression, which is in the manifest; of the value only types and lengths are given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonPathError {
    /// Only text: client-go would print the expression itself.
    #[error("the expression has no {{…}} and would only print itself")]
    NoAction,
    /// Not a valid template; in client-go's words.
    #[error("{0}")]
    Syntax(String),
    /// Too many nested `{range}`.
    #[error("ranges are nested too deep")]
    RangeDepth,
    /// `{range}` without `{end}`.
    #[error("range is not closed by {{end}}")]
    OpenRange,
    /// `{end}` without `{range}`.
    #[error("not in range, nothing to end")]
    End,
    /// A key that no result so far has.
    #[error("{0} is not found")]
    NotFound(String),
    /// An index or slice of a value that is not a list.
    #[error("{0} is not array or slice")]
    NotList(&'static str),
    /// A filter on a value that is not a list.
    #[error("{0} is not array or slice and cannot be filtered")]
    NotFilterable(&'static str),
    /// An index outside the list.
    #[error("array index out of bounds: index {index}, length {length}")]
    OutOfBounds {
        /// The index that is out of bounds.
        index: i64,
        /// The length of the list.
        length: usize,
    },
    /// A slice that starts after its end.
    #[error("starting index {0} is greater than ending index {1}")]
    Backwards(i64, i64),
    /// A comparison of different types, such as text and number.
    #[error("incompatible types for comparison")]
    Incompatible,
    /// Null, lists and maps have no order and no equality; booleans have no order.
    #[error("invalid type for comparison")]
    Incomparable,
    /// One side of a filter has several results.
    #[error("can only compare one element at a time")]
    ManyCompared,
    /// Too many results.
    #[error("the expression produces too many results")]
    TooMuch,
    /// Too many bytes looked up, compared and copied.
    #[error("the expression compares or copies too much text")]
    TooMuchWork,
    /// The clock has stopped.
    #[error("stopped before the end of the expression")]
    Stopped,
    /// More text than the caller allows.
    #[error("the expression produces too much text")]
    TooLong,
}

impl Explain for JsonPathError {
    fn help(&self) -> String {
        match self {
            Self::NoAction => "write the path in braces, as in `jsonPath {.user}`",
            Self::OpenRange | Self::End => "a loop is written `{range .items[*]}{.name}{end}`",
            Self::RangeDepth => "write fewer loops in each other",
            Self::NotFound(_) => {
                "a dot or blank in a key is escaped: `{.tls\\.crt}`; a filter fails when one element lacks the key"
            }
            Self::NotList(_) => {
                "indexes, slices and `[*]` work on lists, as in `{.items[0]}`; a key of a map is written `{.name}`"
            }
            Self::NotFilterable(_) => "filters work on lists: `{.items[?(@.name==\"a\")]}`",
            Self::OutOfBounds { .. } => {
                "the first element is [0], the last [-1]; the end of a slice is not above the length"
            }
            Self::Backwards(..) => "write the smaller index first, as in `{.items[0:2]}`",
            Self::Syntax(_) => "see https://kubernetes.io/docs/reference/kubectl/jsonpath/",
            Self::Incompatible => "write numbers without quotes and texts with them",
            Self::Incomparable => {
                "compare texts or numbers; true and false only with == and !=, the presence of a key as in `[?(@.name)]`"
            }
            Self::ManyCompared => "compare with one value, as in `{.items[?(@.name==\"a\")]}`",
            Self::TooMuch | Self::TooMuchWork | Self::TooLong => "take a smaller part of the value",
            Self::Stopped => "try again",
        }.to_owned()
    }
}

#[cfg(test)]
mod tests;
