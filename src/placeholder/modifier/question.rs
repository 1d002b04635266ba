//! What a chain of modifiers asks of a value: whoever sees no more than whether a run fails gets an answer for each
//! run, and step by step the value.

use super::{Kind, Modifier};

/// A way of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// A `jsonPath` filter compares a value with a text or a number.
    Comparison,
    /// A text is parsed that modifiers have put together: how it parses can be made to depend on any part of the
    /// value in it.
    Composition,
}

/// The first question that a chain of modifiers asks.
///
/// What only takes a stored value apart is none: it fails by the value's form, which whoever wrote the chain
/// cannot vary.
#[must_use]
pub fn question(modifiers: &[Modifier]) -> Option<Question> {
    let mut composed = false;
    for Modifier(kind) in modifiers {
        let parses = matches!(
            kind,
            Kind::JsonPath(_) | Kind::JsonParse | Kind::YamlParse | Kind::Base64Decode
        );
        match kind {
            Kind::JsonPath(path) if path.compares() => return Some(Question::Comparison),
            _ if composed && parses => return Some(Question::Composition),
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
    fn what_takes_a_value_apart_asks_nothing() {
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
            assert_eq!(question(&parse(chain).unwrap()), None, "{chain:?}");
        }
    }

    #[test]
    fn comparisons_ask_wherever_they_stand() {
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
            let asked = question(&parse(&chain).unwrap());
            assert_eq!(asked, Some(Question::Comparison), "{path}");
        }
    }

    #[test]
    fn a_text_that_was_put_together_is_not_to_be_parsed() {
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
                let asked = question(&parse(&chain).unwrap());
                assert_eq!(asked, Some(Question::Composition), "{chain:?}");
            }
        }
    }
}
