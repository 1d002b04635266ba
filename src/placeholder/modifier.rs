//! Modifiers: `<placeholder | name argument | name …>`.
//!
//! The names and their effects are AVP's (`pkg/kube/modifiers.go`), plus `default`, `urlencode`
//! and `json`. Arguments are checked by [`parse`], before any secret is read. AVP's truncated
//! base64, lost indentation, rounded numbers and panics are errors or right here.

mod args;
mod column;
mod error;
pub mod origin;
mod question;
mod transform;

use std::fmt;

use zeroize::Zeroizing;

use super::jsonpath::JsonPath;
use crate::clock::Clock;
use crate::secret::Value;
pub use args::MAX_INDENT;
pub use column::column;
pub use error::ModifierError;
use origin::Origin;
pub use question::{Question, question};

/// One modifier with its checked argument. `Debug` shows the name alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Modifier(Kind);

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    Base64Encode,
    Base64Decode,
    JsonParse,
    YamlParse,
    JsonPath(JsonPath),
    /// By so much, or by the column at which the placeholder stands.
    Indent(Option<usize>),
    Sha256Sum,
    Default(Zeroizing<String>),
    UrlEncode,
    Json,
}

/// The longest text that a modifier makes: no object of Kubernetes holds a tenth of it, and a chain of
/// modifiers that each make more of it would soon fill the memory.
const LONGEST: usize = 16 << 20;

/// How many values the lists and maps hold that a modifier reads: each takes many times the memory of
/// its text.
const MEMBERS: usize = 1 << 18;

/// Every name, for errors that list them.
const NAMES: &str = "base64encode, base64decode, jsonParse, yamlParse, jsonPath, indent, \
                     sha256sum, default, urlencode, json";

impl Modifier {
    /// The name as it is written in a placeholder.
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

    /// Whether this is `base64encode`: as the last modifier it makes a value ready for a Secret's
    /// `data`.
    #[must_use]
    pub fn is_base64encode(&self) -> bool {
        self.0 == Kind::Base64Encode
    }

    /// Whether this is `json`: as the last modifier it has escaped the value for a JSON text.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.0 == Kind::Json
    }

    /// Whether this is `indent` without a number: by the column at which the placeholder stands.
    #[must_use]
    pub fn is_indent_to_column(&self) -> bool {
        self.0 == Kind::Indent(None)
    }

    /// Whether this is `default`, which [`parse`] admits in the first place only.
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

/// Parses the texts between the `|` of a placeholder.
///
/// Blanks of any kind around names and arguments do not count, as with AVP.
///
/// # Errors
/// [`ModifierError`] for the first modifier that is empty or unknown, whose argument is missing,
/// superfluous or wrong, or that is a `default` in another place than the first.
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

/// Applies `modifiers` from left to right.
///
/// `input` is `None` where the path or key is missing; JSON null counts as missing too. A leading
/// `default` then answers with its text; without one the result is `None` and no other modifier is
/// looked at. A `default` changes nothing about a value that is there.
///
/// # Errors
/// [`ModifierError`] for the first modifier that cannot work on what it is given, or whose result would
/// be too large. It never says what that was.
pub fn apply(
    modifiers: &[Modifier],
    input: Option<&Value>,
) -> Result<Option<Value>, ModifierError> {
    let made = apply_timed(modifiers, input, 0, &Clock::default())?;
    Ok(made.map(|(value, _)| value))
}

/// As [`apply`], at a column of its text, and as long as the clock runs: hundreds of modifiers that each take a
/// fraction of a second fit in one placeholder. Says also where the result comes from.
///
/// # Errors
/// [`ModifierError`], [`ModifierError::Stopped`] among them.
pub fn apply_timed(
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
    /// What it makes of a value that comes from `origin`.
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
                transform::sha256_sum(name, &value).map(|value| (value, Origin::Made))
            }
            Kind::UrlEncode => transform::url_encode(name, &value).map(same),
            Kind::Json => transform::json(name, &value).map(same),
        }
    }
}

#[cfg(test)]
mod tests;
