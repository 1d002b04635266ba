//! Modifiers: `<placeholder | name argument | name …>`.
//!
//! Names and effects are those of AVP (`pkg/kube/modifiers.go`), plus `default`, `urlencode` and `json`. Arguments are
//! checked by [`parse`], before any secret is read. Where AVP truncates base64, loses indentation, rounds numbers or
//! panics, the result is correct here, or an error.

mod args;
mod column;
mod error;
mod oracle;
pub mod origin;
mod transform;

use std::fmt;

use zeroize::Zeroizing;

use super::jsonpath::JsonPath;
use crate::clock::Clock;
use crate::secret::Value;
pub use args::MAX_INDENT;
pub use column::column;
pub use error::ModifierError;
pub use oracle::{Oracle, oracle};
use origin::Origin;

/// A modifier with its checked argument. `Debug` shows only the name.
#[derive(Clone, PartialEq, Eq)]
pub struct Modifier(Kind);

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    Base64Encode,
    Base64Decode,
    JsonParse,
    YamlParse,
    JsonPath(JsonPath),
    /// By this many blanks; without a number, by the column of the placeholder.
    Indent(Option<usize>),
    Sha256Sum,
    Default(Zeroizing<String>),
    UrlEncode,
    Json,
}

/// The longest result of a modifier, in bytes: ten times the size of any Kubernetes object. Without it, a chain of
/// modifiers that enlarge the value could exhaust the memory.
const MAX_RESULT: usize = 16 << 20;

/// How many members the lists and maps of a text may have that a modifier parses, since each takes many times the memory
/// of its text.
const MAX_MEMBERS: usize = 1 << 18;

/// All names, for error messages.
const NAMES: &str = "base64encode, base64decode, jsonParse, yamlParse, jsonPath, indent, \
                     sha256sum, default, urlencode, json";

impl Modifier {
    /// The name, as written in placeholders.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.0 {
            Kind::Base64Encode => "base64encode",
            Kind::Base64Decode => "base64decode",
            Kind::JsonParse => "jsonParse",
            Kind::YamlParse => "yamlParse",
            Kind::JsonPath(_) => "jsonPath",
            Kind::Indent(_) => "indent",
            Kind::Sha256Sum => "sha256sum",
            Kind::Default(_) => "default",
            Kind::UrlEncode => "urlencode",
            Kind::Json => "json",
        }
    }

    /// Whether this is `base64encode`; as the last modifier, it encodes the value for a Secret's `data`.
    #[must_use]
    pub fn is_base64encode(&self) -> bool {
        self.0 == Kind::Base64Encode
    }

    /// Whether this is `json`; as the last modifier, it escapes the value for a JSON text.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.0 == Kind::Json
    }

    /// Whether this is `indent` without a number, which indents by the column of the placeholder.
    #[must_use]
    pub fn is_indent_to_column(&self) -> bool {
        self.0 == Kind::Indent(None)
    }

    /// Whether this is `default`, which [`parse`] only allows as the first modifier.
    #[must_use]
    pub fn is_default(&self) -> bool {
        matches!(self.0, Kind::Default(_))
    }
}

impl fmt::Debug for Modifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Parses the modifiers of a placeholder, each without its `|`.
///
/// White space around names and arguments is ignored, as in AVP.
///
/// # Errors
/// [`ModifierError`] for the first modifier that is empty or unknown, has a missing, superfluous or wrong argument, or is
/// a `default` after another modifier.
pub fn parse(texts: &[&str]) -> Result<Vec<Modifier>, ModifierError> {
    texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let modifier = args::modifier(text)?;
            if index > 0 && modifier.is_default() {
                return Err(ModifierError::DefaultPlace);
            }
            Ok(modifier)
        })
        .collect()
}

/// Applies `modifiers` in order, for a placeholder at `column` (for `indent`). It stops with the clock, since a
/// placeholder can hold hundreds of modifiers that each take a fraction of a second. Also returns the origin of the
/// result.
///
/// `input` is `None` if the path or key is missing; JSON null counts as missing too. A leading `default` then provides
/// its text; without one the result is `None`, and no other modifier is applied. A `default` does not change a value
/// that exists.
///
/// # Errors
/// [`ModifierError`] for the first modifier that cannot be applied to its input, or whose result would be too large;
/// [`ModifierError::Stopped`] if the clock has stopped. Never quotes the value.
pub fn apply(
    modifiers: &[Modifier],
    input: Option<&Value>,
    column: usize,
    clock: &Clock,
) -> Result<Option<(Value, Origin)>, ModifierError> {
    let mut value = match (input, modifiers.first()) {
        (Some(value), _) if *value != Value::Null => value.clone(),
        (_, Some(Modifier(Kind::Default(text)))) => Value::String(text.clone()),
        _ => return Ok(None),
    };
    let mut origin = Origin::of(&value);
    for modifier in modifiers {
        clock.check().map_err(|_| ModifierError::Stopped)?;
        (value, origin) = modifier.apply(value, origin, column, clock)?;
    }
    Ok(Some((value, origin)))
}

impl Modifier {
    /// Applies the modifier to a value with this origin; returns the new value and its origin.
    fn apply(
        &self,
        value: Value,
        origin: Origin,
        column: usize,
        clock: &Clock,
    ) -> Result<(Value, Origin), ModifierError> {
        let name = self.name();
        let same = |value| (value, origin);
        let parsed = |value| {
            let origin = Origin::of(&value);
            (value, origin)
        };
        match &self.0 {
            Kind::Default(_) => Ok((value, origin)),
            Kind::Base64Encode => {
                transform::base64_encode(name, &value).map(|value| (value, Origin::Base64))
            }
            Kind::Base64Decode => transform::base64_decode(name, &value).map(parsed),
            Kind::JsonParse => transform::json_parse(name, &value).map(parsed),
            Kind::YamlParse => transform::yaml_parse(name, &value).map(parsed),
            Kind::JsonPath(path) => transform::json_path(name, path, &value, clock).map(|filled| {
                let origin = Origin::of_path(&filled);
                (Value::String(filled.text), origin)
            }),
            Kind::Indent(level) => {
                transform::indent(name, level.unwrap_or(column), &value).map(same)
            }
            Kind::Sha256Sum => {
                transform::sha256_sum(name, &value).map(|value| (value, Origin::Other))
            }
            Kind::UrlEncode => transform::url_encode(name, &value).map(same),
            Kind::Json => transform::json(name, &value).map(same),
        }
    }
}

#[cfg(test)]
mod tests;
