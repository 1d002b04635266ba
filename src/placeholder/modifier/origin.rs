//! The origin of a value, which tells base64 from numbers and hashes that only look like it.

use crate::placeholder::jsonpath::Filled;
use crate::secret::Value;

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A single string from the store, from a parsed text or from `default`: it may be base64.
    String,
    /// The result of `base64encode`.
    Base64,
    /// A number, a boolean, a map, a list, a hash, or a text joined from several parts.
    Other,
}

impl Origin {
    /// The origin of a value from the store or of a parsed value.
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::String(_) => Self::String,
            _ => Self::Other,
        }
    }

    /// The origin of the text of a filled-in template.
    pub(super) fn of_path(filled: &Filled) -> Self {
        if filled.is_one_string {
            Self::String
        } else {
            Self::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{apply, parse};
    use super::*;
    use crate::clock::Clock;
    use crate::secret::json;

    fn origin(chain: &[&str], value: &str) -> Origin {
        let modifiers = parse(chain).unwrap();
        let value = json::parse(value).unwrap();
        let made = apply(&modifiers, Some(&value), 0, &Clock::default());
        made.unwrap().unwrap().1
    }

    #[test]
    fn the_origin_follows_a_value_through_modifiers() {
        let document = r#"{"s": "eA==", "n": 5432, "b": true, "l": ["eA=="]}"#;
        for (chain, value, expected) in [
            (&[][..], r#""eA==""#, Origin::String),
            (&[], "5432", Origin::Other),
            (&[], "true", Origin::Other),
            (&[], "[]", Origin::Other),
            (&["default 'x'"], "5432", Origin::Other),
            (&["indent 2"], "5432", Origin::Other),
            (&["urlencode"], "5432", Origin::Other),
            (&["json"], "5432", Origin::Other),
            (&["base64encode"], "5432", Origin::Base64),
            (&["base64encode", "urlencode"], "5432", Origin::Base64),
            (&["sha256sum"], r#""x""#, Origin::Other),
            (&["sha256sum", "base64encode"], r#""x""#, Origin::Base64),
            (&["base64decode"], r#""NTQzMg==""#, Origin::String),
            (&["jsonParse"], r#""5432""#, Origin::Other),
            (&["yamlParse"], r#""'5432'""#, Origin::String),
            (&["jsonPath {.s}"], document, Origin::String),
            (&["jsonPath {.l[0]}"], document, Origin::String),
            (&["jsonPath {.l[*]}"], document, Origin::String),
            (&["jsonPath {.n}"], document, Origin::Other),
            (&["jsonPath {.b}"], document, Origin::Other),
            (&["jsonPath {.l}"], document, Origin::Other),
            (&["jsonPath {.s}{.s}"], document, Origin::Other),
            (&["jsonPath x{.s}"], document, Origin::Other),
        ] {
            assert_eq!(origin(chain, value), expected, "{chain:?} {value}");
        }
    }
}
