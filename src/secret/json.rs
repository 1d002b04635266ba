//! JSON text to [`Value`] and back, without ever rounding a number.
//!
//! `serde_json` without `arbitrary_precision` would turn `1.0` and integers beyond 64 bits into
//! other texts, and with it would do so for every user of the crate; the grammar is small enough.

use std::collections::BTreeMap;

pub(crate) mod escape;
mod read;

use zeroize::Zeroizing;

use self::escape::write_escaped;
pub use self::escape::{escape, escape_within};
use self::read::Reader;

use super::wants::Keys;
use super::{Secret, Value};

/// How deep lists and maps may be nested in a value: enough for any secret, and far from what
/// would exhaust the stack.
pub const MAX_DEPTH: usize = 512;

/// Why a text is no JSON value. Says where, never what stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The text is empty, blank or cut off.
    #[error("unexpected end of JSON input")]
    End,
    /// Something else was expected at this byte.
    #[error("invalid character at byte {0} of the JSON text")]
    Syntax(usize),
    /// The number at this byte is larger than any reader accepts (`1e400`).
    #[error("number out of range at byte {0} of the JSON text")]
    Range(usize),
    /// More than [`MAX_DEPTH`] levels.
    #[error("lists and maps are nested more than {MAX_DEPTH} levels deep")]
    Depth,
    /// More values than the caller wants.
    #[error("lists and maps have more than {0} members")]
    Members(usize),
    /// What is wanted takes more memory than the caller has.
    #[error("the values take more memory than there is")]
    Room,
}

/// Reads one JSON document (RFC 8259).
///
/// As Go does: the last of several equal keys wins, and a lone surrogate escape becomes U+FFFD.
/// Numbers keep their text.
///
/// # Errors
/// [`JsonError`] where the text is not exactly one JSON value.
pub fn parse(text: &str) -> Result<Value, JsonError> {
    parse_within(text, usize::MAX)
}

/// As [`parse`], with at most `members` values in all lists and maps: each takes many times the memory
/// of its text.
///
/// # Errors
/// [`JsonError`], also where there are more.
pub fn parse_within(text: &str, members: usize) -> Result<Value, JsonError> {
    let mut reader = Reader::new(text, members, u64::MAX);
    let value = reader.value(0)?;
    reader.end()?;
    Ok(value)
}

/// Reads a map that is a secret, and keeps of it what is wanted; the rest is checked and counted, and takes no
/// memory.
///
/// The number beside the secret is the memory that it takes ([`Secret::held`]), at most `room`.
///
/// # Errors
/// [`JsonError`] where the text is not exactly one JSON map, or more is wanted than there is room for.
pub fn secret(text: &str, wanted: &Keys, room: u64) -> Result<(Secret, u64), JsonError> {
    let mut reader = Reader::new(text, usize::MAX, room);
    reader.blanks();
    let keys = reader.entries(0, Some(wanted))?;
    reader.end()?;
    let held = room - reader.room;
    Ok((Secret::part(keys, reader.size), held))
}

/// The value as compact JSON with sorted keys.
#[must_use]
pub fn compact(value: &Value) -> Zeroizing<String> {
    written(value, false, usize::MAX)
}

/// The keys and values of a secret as [`compact`] writes a map.
#[must_use]
pub fn compact_map(entries: &BTreeMap<String, Value>) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::new());
    write_map(entries, false, usize::MAX, &mut out);
    out
}

/// As [`compact`]; `None` if it is longer than `most` bytes, and little more memory is then taken.
#[must_use]
pub fn compact_within(value: &Value, most: usize) -> Option<Zeroizing<String>> {
    Some(written(value, false, most)).filter(|out| out.len() <= most)
}

/// As [`compact`], with `<`, `>`, `&`, U+2028 and U+2029 escaped as Go's `json.Marshal` does.
#[must_use]
pub fn compact_html(value: &Value) -> Zeroizing<String> {
    written(value, true, usize::MAX)
}

/// As [`compact_html`]; `None` if it is longer than `most` bytes, and little more memory is then taken.
#[must_use]
pub fn compact_html_within(value: &Value, most: usize) -> Option<Zeroizing<String>> {
    Some(written(value, true, most)).filter(|out| out.len() <= most)
}

fn written(value: &Value, html: bool, most: usize) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::new());
    write(value, html, most, &mut out);
    out
}

/// Writes on until it is whole, or longer than `most`.
fn write(value: &Value, html: bool, most: usize, out: &mut String) {
    if out.len() > most {
        return;
    }
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(text) => out.push_str(text),
        Value::String(text) => write_quoted(text, html, most, out),
        Value::Bytes(bytes) => write_quoted(&String::from_utf8_lossy(bytes), html, most, out),
        Value::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, html, most, out);
            }
            out.push(']');
        }
        Value::Map(entries) => write_map(entries, html, most, out),
    }
}

fn write_map(entries: &BTreeMap<String, Value>, html: bool, most: usize, out: &mut String) {
    out.push('{');
    for (index, (key, item)) in entries.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_quoted(key, html, most, out);
        out.push(':');
        write(item, html, most, out);
    }
    out.push('}');
}

fn write_quoted(text: &str, html: bool, most: usize, out: &mut String) {
    out.push('"');
    write_escaped(text, html, most, out);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_compact_json_with_sorted_keys() {
        for (text, expect) in [
            (
                " { \"b\" : [1.0, 1e3, -0, 12345678901234567890123] , \"a\" : null } ",
                r#"{"a":null,"b":[1.0,1e3,-0,12345678901234567890123]}"#,
            ),
            (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
            (r#""\u003c\ud834\udd1e\n\/""#, "\"<\u{1d11e}\\n/\""),
            (r#""\ud834x""#, "\"\u{fffd}x\""),
            (r#""\ud834\u0041""#, "\"\u{fffd}A\""),
            (r"[]", "[]"),
            ("true", "true"),
        ] {
            assert_eq!(compact(&parse(text).unwrap()).as_str(), expect, "{text}");
        }
        let html = compact_html(&parse("[\"<&>\u{2028}\"]").unwrap());
        assert_eq!(html.as_str(), r#"["\u003c\u0026\u003e\u2028"]"#);
        assert_eq!(
            escape("a\"b\\\u{1}\u{7f}").as_str(),
            "a\\\"b\\\\\\u0001\u{7f}"
        );
    }

    #[test]
    fn what_is_no_json_says_where_and_not_what() {
        for (text, expect) in [
            ("", JsonError::End),
            (" ", JsonError::End),
            ("[1", JsonError::End),
            ("\"a", JsonError::End),
            ("0644", JsonError::Syntax(1)),
            ("{a:1}", JsonError::Syntax(1)),
            ("\u{feff}1", JsonError::Syntax(0)),
            ("[1,]", JsonError::Syntax(3)),
            ("\"\n\"", JsonError::Syntax(1)),
            ("\"\\x\"", JsonError::Syntax(2)),
            ("-", JsonError::End),
            ("1.x", JsonError::Syntax(2)),
            ("1e400", JsonError::Range(0)),
        ] {
            assert_eq!(parse(text), Err(expect), "{text}");
        }
    }

    #[test]
    fn of_a_secret_only_what_is_wanted_is_kept_and_all_of_it_is_counted() {
        let text = r#"{"a":"x\n","b":{"c":[1,"\u00e4",null]},"a2":true,"d":"kept"}"#;
        let only = |keys: &[&str]| Keys::Only(keys.iter().map(|key| (*key).to_owned()).collect());
        let whole = secret(text, &Keys::All, u64::MAX).unwrap();
        let Value::Map(keys) = parse(text).unwrap() else {
            panic!()
        };
        assert!(whole.0 == Secret::new(keys));
        assert_eq!(whole.1, whole.0.held());
        for wanted in [&["d"][..], &["b", "d"], &["a2", "nosuch"], &[]] {
            let keys = only(wanted);
            let (part, held) = secret(text, &keys, u64::MAX).unwrap();
            assert!(part == whole.0.only(&keys), "{wanted:?}");
            assert_eq!((part.size(), held), (whole.0.size(), part.held()));
            // there is just room for it
            assert!(secret(text, &keys, held).is_ok());
            if held > 0 {
                assert_eq!(secret(text, &keys, held - 1), Err(JsonError::Room));
            }
        }
        // what is not wanted is read all the same
        for broken in [
            r#"{"a":[1,}"#,
            r#"{"a":1e400}"#,
            r#"{"a":"\x"}"#,
            r#"{"a":1} x"#,
            r"[]",
            r"",
        ] {
            assert!(secret(broken, &only(&["d"]), u64::MAX).is_err(), "{broken}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(&deep(MAX_DEPTH)).is_ok());
        assert_eq!(parse(&deep(1_000)), Err(JsonError::Depth));
        assert_eq!(parse(&"{\"a\":".repeat(100_000)), Err(JsonError::Depth));
    }
}
