//! Texts that need no quotes: every parser of YAML 1.1 and 1.2 reads them as exactly this string.

use super::event::{Style, Tag};
use super::load::resolve;
use super::scalar::is_string;
use crate::secret::Value;

/// Whether a text can be written without quotes, in block style or (`flow`) inside brackets or braces.
///
/// False if any parser could read it as something else: a number, a date, a boolean, a marker.
#[must_use]
pub fn is_safe(text: &str, flow: bool) -> bool {
    let Some((first, last)) = text.chars().next().zip(text.chars().next_back()) else {
        return false;
    };
    let is_outer = |ch: char| ch.is_ascii_alphanumeric() || matches!(ch, '_' | '.' | '/');
    let begins = is_outer(first)
        || (first == '-' && !["--", "- "].iter().any(|start| text.starts_with(start)));
    begins
        && last != ':'
        && !last.is_whitespace()
        && text.chars().all(|ch| ch == ' ' || ch.is_ascii_graphic())
        && !text.contains(": ")
        && !text.contains(" #")
        // inside brackets some parsers take any colon for that of a key
        && !(flow && text.contains([',', '[', ']', '{', '}', ':', '?']))
        && !may_be_typed(text)
}

/// Whether every parser of YAML 1.1 and 1.2 reads a plain scalar without a tag as a string: not null, a boolean, a
/// number in any base or a date.
#[must_use]
pub fn is_always_string(text: &str) -> bool {
    is_string(text, Style::Plain, Tag::None)
        && matches!(resolve::plain(text), Ok(Value::String(_)))
        && !is_date(text)
        && !is_sexagesimal(text)
        && !matches!(text, "<<" | "=")
}

/// A date such as `2024-1-31`, with or without a time.
fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let (Some(year), Some(month), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let end = rest.find(['T', 't', ' ', '\t']).unwrap_or(rest.len());
    let (day, time) = rest.split_at(end);
    year.len() == 4
        && [year, month, day].into_iter().all(digits)
        && [month, day].iter().all(|part| matches!(part.len(), 1 | 2))
        && (time.is_empty() || time.bytes().any(|byte| byte.is_ascii_digit()))
}

/// A number in base 60, such as `190:20:30`.
fn is_sexagesimal(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    text.contains(':')
        && text.starts_with(|ch: char| ch.is_ascii_digit())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'_' | b'.'))
}

/// Whether some parser reads a plain scalar as something other than a string, or as a marker.
fn may_be_typed(text: &str) -> bool {
    const KEYWORDS: [&str; 10] = [
        "y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan",
    ];
    if KEYWORDS
        .iter()
        .any(|keyword| keyword.eq_ignore_ascii_case(text))
    {
        return true;
    }
    // integers in any base, floats, sexagesimals, dates, infinities, `-` and `...` consist of these
    let numeric = |byte: u8| {
        byte.is_ascii_digit()
            || matches!(
                byte.to_ascii_lowercase(),
                b'a'..=b'f'
                    | b'x'
                    | b'o'
                    | b't'
                    | b'z'
                    | b'i'
                    | b'n'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b':'
                    | b'_'
                    | b','
                    | b' '
            )
    };
    let begins = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b'+' | b'_');
    text.bytes().next().is_some_and(begins) && text.bytes().all(numeric)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::yaml::event::{Event, Events};
    use crate::yaml::second::{self, Reading};

    #[test]
    fn only_texts_that_every_parser_reads_as_strings_are_always_strings() {
        for text in [
            "2024-01-01",
            "2024-1-1",
            "2024-01-01T00:00:00Z",
            "2024-01-01 10:00:00",
            "010",
            "1_0",
            "0x1",
            "0b1",
            "0o7",
            "1e3",
            "1.10",
            ".5",
            "on",
            "No",
            "y",
            "~",
            "",
            "null",
            "True",
            ".inf",
            ".NaN",
            "190:20:30",
            "1:30.5",
            "<<",
            "=",
            "-1",
            "+1",
        ] {
            assert!(!is_always_string(text), "{text}");
        }
        for text in [
            "1.2.3",
            "v1",
            "1.27-alpine",
            "2024-01-01-abc",
            "2024-01-01T",
            "20240101-1",
            "latest",
            "sha-0123",
            "a:b",
            "yess",
            "0x",
            "1_a",
            "nginx",
        ] {
            assert!(is_always_string(text), "{text}");
        }
    }

    #[test]
    fn images_and_urls_need_no_quotes() {
        for text in [
            "nginx",
            "nginx:1.27",
            "registry.example:5000/acme/shop:1.10@sha256:0123456789abcdef",
            "1password/connect-api:1.7",
            "7zip:1.0",
            "https://git.example/acme/shop-deploy?a=b#c",
            "git@git.example:acme/shop.git",
            "acme/shop",
            "-v",
            "a b",
            "_shop",
            "/bin/sh",
            "nullx",
        ] {
            assert!(is_safe(text, false), "{text}");
        }
        assert!(is_safe("registry.example/acme/shop", true));
        assert!(!is_safe("nginx:1.27", true));
    }

    #[test]
    fn ambiguous_texts_need_quotes() {
        for text in [
            "",
            " ",
            "a ",
            " a",
            "a:",
            "a: b",
            "a #b",
            "a\tb",
            "- a",
            "a\nb",
            "#a",
            "&a",
            "*a",
            "!a",
            "|",
            ">",
            "%a",
            "@a",
            "`a",
            "\"a",
            "'a",
            "[a",
            "{a",
            "}a",
            "]a",
            ",a",
            "?",
            "? a",
            ":a",
            "- a",
            "-",
            "--",
            "---",
            "--- a",
            "...",
            "=",
            "<<",
            "~",
            "null",
            "NULL",
            "y",
            "N",
            "Yes",
            "nO",
            "on",
            "OFF",
            "true",
            "False",
            "1",
            "-1",
            "+1",
            "1.0",
            "1.",
            ".5",
            "1e3",
            "1E+3",
            "010",
            "0o17",
            "0x1F",
            "0b1",
            "1_000",
            "1,000",
            "12:30",
            "190:20:30.15",
            "2001-12-14",
            "2001-12-14t21:59:43.10-05:00",
            "_1",
            "_.5",
            "2001-12-14 21:59:43.10 -5",
            ".inf",
            "-.INF",
            ".nan",
            "NaN",
            "ä",
            "a\u{a0}b",
            "a\u{7f}",
        ] {
            assert!(!is_safe(text, false), "{text:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Both parsers read it as this string: as a value, as a key and inside brackets.
        #[test]
        fn safe_texts_are_read_back_unchanged(
            text in prop_oneof![
                "[a-z0-9.:/@_-]{1,24}",
                "[-+.0-9eExobTtZ:_ ,]{1,12}",
                "[ -~]{1,12}",
                "\\PC{1,6}",
            ]
        ) {
            let mut inputs = Vec::new();
            if is_safe(&text, false) {
                inputs.push(format!("k: {text} # c\n"));
                inputs.push(format!("k:\n- {text}\n"));
                inputs.push(format!("{text}: v\n"));
            }
            if is_safe(&text, true) {
                inputs.push(format!("{{k: {text}, l: [{text}]}}\n"));
            }
            for input in inputs {
                let mut events = Events::new(&input);
                let mut found = false;
                while let Some((event, _)) = events.pull().unwrap() {
                    if let Event::Scalar { value, style, props } = event {
                        found |= value == text && is_string(&value, style, props.tag);
                    }
                }
                prop_assert!(found, "{input}");
                let second = second::read(&input, &crate::clock::Clock::default());
                prop_assert!(second.is_some_and(|second| holds(&second, &text)), "{input}");
            }
        }
    }

    fn holds(reading: &Reading, text: &str) -> bool {
        match reading {
            Reading::Text(found) => found == text,
            Reading::List(items) => items.iter().any(|item| holds(item, text)),
            Reading::Map(entries) => entries
                .iter()
                .any(|(key, value)| key == text || holds(value, text)),
            _ => false,
        }
    }
}
