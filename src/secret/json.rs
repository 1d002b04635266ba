//! Converts JSON text to [`Value`] and back without rounding numbers.
//!
//! `serde_json` would change the text of `1.0` and of integers beyond 64 bits. Its feature `arbitrary_precision` would
//! prevent that, but for every user of the crate in the program; the grammar is small enough to parse here.

use std::collections::BTreeMap;

pub(crate) mod escape;
mod read;

use zeroize::Zeroizing;

use self::escape::write_escaped;
pub use self::escape::{escape, escape_within};
use self::read::Reader;

use super::wants::Keys;
use super::{Secret, Value};

/// How deep lists and maps may be nested in a value: enough for any secret, but far from exhausting the stack.
pub const MAX_DEPTH: usize = 512;

/// Why a text is not a JSON value. Says where, but never quotes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The text is empty, blank or truncated.
    #[error("unexpected end of JSON input")]
    End,
    /// The character at this byte offset is not allowed there.
    #[error("invalid character at byte {0} of the JSON text")]
    Syntax(usize),
    /// The number at this byte offset does not fit into a 64-bit float (`1e400`).
    #[error("number out of range at byte {0} of the JSON text")]
    Range(usize),
    /// More than [`MAX_DEPTH`] levels.
    #[error("lists and maps are nested more than {MAX_DEPTH} levels deep")]
    Depth,
    /// More values than the caller allows.
    #[error("lists and maps have more than {0} members")]
    Members(usize),
    /// The wanted values take more memory than the caller allows.
    #[error("the values take more memory than there is")]
    Room,
}

/// Reads one JSON document (RFC 8259).
///
/// As in Go, the last of several equal keys wins, and the escape of a lone surrogate becomes U+FFFD. Numbers keep their
/// text.
///
/// # Errors
/// [`JsonError`] if the text is not exactly one JSON value.
pub fn parse(text: &str) -> Result<Value, JsonError> {
    parse_within(text, usize::MAX)
}

/// As [`parse`], with at most `members` values in all lists and maps together, since each takes many times the memory of
/// its text.
///
/// # Errors
/// [`JsonError`]; [`JsonError::Members`] if there are more.
pub fn parse_within(text: &str, members: usize) -> Result<Value, JsonError> {
    let mut reader = Reader::new(text, members, u64::MAX);
    let value = reader.value(0)?;
    reader.end()?;
    Ok(value)
}

/// Reads a secret, a JSON map, and keeps only the wanted keys. The rest is checked and counted, but takes no memory.
///
/// Also returns the memory that the secret takes in bytes ([`Secret::memory`]), which is at most `room`.
///
/// # Errors
/// [`JsonError`] if the text is not exactly one JSON map, or if the wanted keys take more memory than `room`.
pub fn secret(text: &str, wanted: &Keys, room: u64) -> Result<(Secret, u64), JsonError> {
    let mut reader = Reader::new(text, usize::MAX, room);
    reader.blanks();
    let keys = reader.entries(0, Some(wanted))?;
    reader.end()?;
    let memory = room - reader.room;
    Ok((Secret::part(keys, reader.size), memory))
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

/// As [`compact`]; `None` if the result is longer than `max` bytes. Uses little more memory than that.
#[must_use]
pub fn compact_within(value: &Value, max: usize) -> Option<Zeroizing<String>> {
    Some(written(value, false, max)).filter(|out| out.len() <= max)
}

/// As [`compact`], with `<`, `>`, `&`, U+2028 and U+2029 escaped as Go's `json.Marshal` does.
#[must_use]
pub fn compact_html(value: &Value) -> Zeroizing<String> {
    written(value, true, usize::MAX)
}

/// As [`compact_html`]; `None` if the result is longer than `max` bytes. Uses little more memory than that.
#[must_use]
pub fn compact_html_within(value: &Value, max: usize) -> Option<Zeroizing<String>> {
    Some(written(value, true, max)).filter(|out| out.len() <= max)
}

fn written(value: &Value, html: bool, max: usize) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::new());
    write(value, html, max, &mut out);
    out
}

/// Appends a value to `out`, but stops once that is longer than `max`.
fn write(value: &Value, html: bool, max: usize, out: &mut String) {
    if out.len() > max {
        return;
    }
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(text) => out.push_str(text),
        Value::String(text) => write_quoted(text, html, max, out),
        Value::Bytes(bytes) => write_quoted(&String::from_utf8_lossy(bytes), html, max, out),
        Value::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, html, max, out);
            }
            out.push(']');
        }
        Value::Map(entries) => write_map(entries, html, max, out),
    }
}

fn write_map(entries: &BTreeMap<String, Value>, html: bool, max: usize, out: &mut String) {
    out.push('{');
    for (index, (key, item)) in entries.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_quoted(key, html, max, out);
        out.push(':');
        write(item, html, max, out);
    }
    out.push('}');
}

fn write_quoted(text: &str, html: bool, max: usize, out: &mut String) {
    out.push('"');
    write_escaped(text, html, max, out);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parsed_values_are_written_as_compact_json_with_sorted_keys() {
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
    fn errors_say_where_and_quote_nothing() {
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
    fn only_wanted_keys_of_a_secret_are_kept_but_all_are_counted() {
        let text = r#"{"a":"x\n","b":{"c":[1,"\u00e4",null]},"a2":true,"d":"kept"}"#;
        let only = |keys: &[&str]| Keys::Only(keys.iter().map(|key| (*key).to_owned()).collect());
        let whole = secret(text, &Keys::All, u64::MAX).unwrap();
        let Value::Map(keys) = parse(text).unwrap() else {
            panic!()
        };
        assert!(whole.0 == Secret::new(keys));
        assert_eq!(whole.1, whole.0.memory());
        for wanted in [&["d"][..], &["b", "d"], &["a2", "nosuch"], &[]] {
            let keys = only(wanted);
            let (part, memory) = secret(text, &keys, u64::MAX).unwrap();
            assert!(part == whole.0.only(&keys), "{wanted:?}");
            assert_eq!((part.size(), memory), (whole.0.size(), part.memory()));
            // exactly enough memory
            assert!(secret(text, &keys, memory).is_ok());
            if memory > 0 {
                assert_eq!(secret(text, &keys, memory - 1), Err(JsonError::Room));
            }
        }
        // values that are not wanted are checked all the same
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
