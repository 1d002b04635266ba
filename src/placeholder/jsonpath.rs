//! Kubernetes `jsonpath` templates (client-go's `util/jsonpath`), as the `jsonPath` modifier and
//! `kubectl -o jsonpath` know them.
//!
//! Where client-go has no order (map values under `*` and `..`) ours is that of the sorted keys.
//! Numbers print their own text and are compared as numbers. Wildcards do not take strings apart
//! into bytes. No error holds a piece of the value; key names come from the expression only.

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
    /// [`JsonPathError`] with client-go's wording where it has one; also for a text without any
    /// `{` and for a `{range}` without its `{end}`, which client-go prints as they are.
    pub fn parse(text: &str) -> Result<Self, JsonPathError> {
        parse::template(text).map(Self)
    }

    /// Fills the template from `value`, with at most `most` bytes, as long as the clock runs.
    ///
    /// Several results of one action are joined by a blank; lists and maps are compact JSON as
    /// Go's `json.Marshal` writes it; null is `null`.
    ///
    /// # Errors
    /// [`JsonPathError`] where a key is missing, an index is out of bounds, a filter compares what
    /// cannot be compared, or the template would produce or compare far more than it reads.
    pub fn evaluate(
        &self,
        value: &Value,
        most: usize,
        clock: &Clock,
    ) -> Result<Filled, JsonPathError> {
        eval::evaluate(&self.0, value, most, clock)
    }
}

/// A template that has been filled.
pub struct Filled {
    /// Its text.
    pub text: Zeroizing<String>,
    /// Whether the text is one string of the value and nothing else: no digits of a number, and no several parts.
    pub is_one_string: bool,
}

impl fmt::Debug for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JsonPath(..)")
    }
}

/// A piece of a template.
#[derive(Clone, PartialEq, Eq)]
enum Block {
    /// Text outside braces.
    Text(Value),
    /// `{steps}`.
    Action(Vec<Step>),
    /// `{range steps}body{end}`.
    Range(Vec<Step>, Vec<Block>),
}

/// One step of an action: what it makes of the results so far.
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

/// `[start:end:step]`; `[n]` is `[n:n+1]` with a derived end.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Slice {
    start: i64,
    end: Option<i64>,
    derived: bool,
    step: Option<i64>,
}

/// Why a template cannot be parsed or filled.
///
/// Texts in here are pieces of the expression, which stands in the manifest; nothing comes from
/// the value but types and lengths.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonPathError {
    /// Nothing but text: client-go would print the expression itself.
    #[error("the expression has no {{…}} and would only print itself")]
    NoAction,
    /// The expression is no template; the text is client-go's.
    #[error("{0}")]
    Syntax(String),
    /// Too many `{range}` in each other.
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
    /// An index or slice on something else than a list.
    #[error("{0} is not array or slice")]
    NotList(&'static str),
    /// A filter on something else than a list.
    #[error("{0} is not array or slice and cannot be filtered")]
    NotFilterable(&'static str),
    /// An index outside the list.
    #[error("array index out of bounds: index {index}, length {length}")]
    OutOfBounds {
        /// The first index that is not there.
        index: i64,
        /// The length of the list.
        length: usize,
    },
    /// A slice whose start lies behind its end.
    #[error("starting index {0} is greater than ending index {1}")]
    Backwards(i64, i64),
    /// Texts with numbers, booleans with texts.
    #[error("incompatible types for comparison")]
    Incompatible,
    /// Null, lists and maps have no order and no equality; booleans have no order.
    #[error("invalid type for comparison")]
    Incomparable,
    /// A filter side with several results.
    #[error("can only compare one element at a time")]
    ManyCompared,
    /// Results beyond any sensible use.
    #[error("the expression produces too many results")]
    TooMuch,
    /// More bytes looked up, compared and copied than any sensible use takes.
    #[error("the expression compares or copies too much text")]
    TooMuchWork,
    /// The caller has no more time.
    #[error("stopped before the end of the expression")]
    Stopped,
    /// More text than the caller wants.
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
