//! Detects modifiers that turn a run into an oracle: whoever writes them and only sees whether the run fails learns
//! something about the value from each run, and the whole value after enough runs.

use super::{Kind, Modifier};

/// A way to learn something about a value from success or failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oracle {
    /// A `jsonPath` filter compares a value with a text or a number.
    Comparison,
    /// A text that modifiers have composed is parsed: whether that succeeds can be made to depend on any part of the
    /// value in it.
    Composition,
}

/// The first oracle in a chain of modifiers.
///
/// Modifiers that only select a part of a stored value are not one: whether they fail depends on the structure of the
/// value, which the author of the manifest cannot vary.
#[must_use]
pub fn oracle(modifiers: &[Modifier]) -> Option<Oracle> {
    let mut composed = false;
    for Modifier(kind) in modifiers {
        let parses = matches!(
            kind,
            Kind::JsonPath(_) | Kind::JsonParse | Kind::YamlParse | Kind::Base64Decode
        );
        match kind {
            Kind::JsonPath(path) if path.compares() => return Some(Oracle::Comparison),
            _ if composed && parses => return Some(Oracle::Composition),
            Kind::JsonPath(path) => composed = !path.takes_one_part(),
            Kind::Sha256Sum => composed = true,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placeholder::modifier::parse;

    #[test]
    fn selecting_a_part_is_not_an_oracle() {
        for chain in [
            &[][..],
            &["base64encode"],
            &["jsonPath {.a.b[0].c}"],
            &["jsonPath {.a['b']}", "jsonPath {.c}", "base64encode"],
            &["base64decode", "jsonParse", "jsonPath {.a}"],
            &["yamlParse", "jsonPath {.items[-1]}", "jsonPath x{.a}y{.b}"],
            &["jsonPath {range .items[*]}{.name}{end}", "base64encode"],
            &["jsonPath {.items[?(@.name)].name}"],
            &["jsonPath {..name}", "sha256sum"],
            &["default 'x'", "jsonPath {.a}", "indent 4"],
        ] {
            assert_eq!(oracle(&parse(chain).unwrap()), None, "{chain:?}");
        }
    }

    #[test]
    fn comparisons_anywhere_are_an_oracle() {
        for path in [
            "{[?(@.a==\"s\")]}",
            "{[?(@.a!=1)]}",
            "{.x[?(@.a<\"s\")].nope}",
            "{.x[?(@.a<=@.b)]}",
            "{.x[?(\"s\">@)]}",
            "{.x[?(@.a>=\"s3\")]}",
            "a{.x}b{.y[?(@.a==true)]}",
            "{range .x[?(@.a==\"s\")]}{.b}{end}",
            "{range .x[*]}{.y[?(@.a==\"s\")]}{end}",
        ] {
            let chain = ["base64decode", &format!("jsonPath {path}")];
            let found = oracle(&parse(&chain).unwrap());
            assert_eq!(found, Some(Oracle::Comparison), "{path}");
        }
    }

    #[test]
    fn parsing_a_composed_text_is_an_oracle() {
        for chain in [
            ["jsonPath {'['}{@}{']'}", "jsonPath {[0]}"],
            ["jsonPath 1e{.pin}", "jsonParse"],
            ["jsonPath {.a}{.b}", "yamlParse"],
            ["jsonPath QUJD{.a}", "base64decode"],
            ["jsonPath {.*}", "jsonParse"],
            ["jsonPath {..a}", "jsonParse"],
            ["jsonPath {['a','b']}", "jsonParse"],
            ["jsonPath {.a[0:2]}", "jsonParse"],
            ["jsonPath {.a[?(@.b)]}", "jsonParse"],
            ["jsonPath {range .a[*]}{.b}{end}", "jsonParse"],
            ["jsonPath {\"x\"}", "jsonParse"],
            ["sha256sum", "yamlParse"],
        ] {
            for between in [&[][..], &["base64encode"], &["indent 2", "json"]] {
                let chain = [&chain[..1], between, &chain[1..]].concat();
                let found = oracle(&parse(&chain).unwrap());
                assert_eq!(found, Some(Oracle::Composition), "{chain:?}");
            }
        }
    }
}
