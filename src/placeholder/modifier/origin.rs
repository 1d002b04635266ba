//! Where a value comes from: digits and hashes look like base64 and are none.

use crate::placeholder::jsonpath::Filled;
use crate::secret::Value;

/// What a value was before it became what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// One string of the store, of a text that was parsed, or of a `default`: it may be base64.
    String,
    /// `base64encode` has made it.
    Base64,
    /// A number, a boolean, a map or a list; several parts put together; a hash.
    Made,
}

impl Origin {
    /// That of a value that nothing has been made of yet.
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::String(_) => Self::String,
            _ => Self::Made,
        }
    }

    /// That of a template's text.
    pub(super) fn of_path(filled: &Filled) -> Self {
        if filled.is_one_string {
            Self::String
        } else {
            Self::Made
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{apply_timed, parse};
    use super::*;
    use crate::clock::Clock;
    use crate::secret::json;

    fn origin(chain: &[&str], value: &str) -> Origin {
        let modifiers = parse(chain).unwrap();
        let value = json::parse(value).unwrap();
        let made = apply_timed(&modifiers, Some(&value), 0, &Clock::default());
        made.unwrap().unwrap().1
    }

    #[test]
    fn strings_stay_strings_and_numbers_never_become_one() {
        let document = r#"{"s": "eA==", "n": 5432, "b": true, "l": ["eA=="]}"#;
        for (chain, value, expected) in [
            (&[][..], r#""eA==""#, Origin::String),
            (&[], "5432", Origin::Made),
            (&[], "true", Origin::Made),
            (&[], "[]", Origin::Made),
            (&["default 'x'"], "5432", Origin::Made),
            (&["indent 2"], "5432", Origin::Made),
            (&["urlencode"], "5432", Origin::Made),
            (&["json"], "5432", Origin::Made),
            (&["base64encode"], "5432", Origin::Base64),
            (&["base64encode", "urlencode"], "5432", Origin::Base64),
            (&["sha256sum"], r#""x""#, Origin::Made),
            (&["sha256sum", "base64encode"], r#""x""#, Origin::Base64),
            (&["base64decode"], r#""NTQzMg==""#, Origin::String),
            (&["jsonParse"], r#""5432""#, Origin::Made),
            (&["yamlParse"], r#""'5432'""#, Origin::String),
            (&["jsonPath {.s}"], document, Origin::String),
            (&["jsonPath {.l[0]}"], document, Origin::String),
            (&["jsonPath {.l[*]}"], document, Origin::String),
            (&["jsonPath {.n}"], document, Origin::Made),
            (&["jsonPath {.b}"], document, Origin::Made),
            (&["jsonPath {.l}"], document, Origin::Made),
            (&["jsonPath {.s}{.s}"], document, Origin::Made),
            (&["jsonPath x{.s}"], document, Origin::Made),
        ] {
            assert_eq!(origin(chain, value), expected, "{chain:?} {value}");
        }
    }
}
