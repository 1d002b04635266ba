//! JSON text to [`Value`] and back, without ever rounding a number.
//!
//! `serde_json` without `arbitrary_precision` would turn `1.0` and integers beyond 64 bits into
//! other texts, and with it would do so for every user of the crate; the grammar is small enough.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::wants::Keys;
use super::{NODE, Secret, Value, count};

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

/// The text as it stands inside a JSON string, without the outer quotes.
#[must_use]
pub fn escape(text: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(text.len() + 16));
    write_escaped(text, false, usize::MAX, &mut out);
    out
}

/// As [`escape`]; `None` if it is longer than `most` bytes, and little more memory is then taken.
#[must_use]
pub fn escape_within(text: &str, most: usize) -> Option<Zeroizing<String>> {
    if text.len() > most {
        return None;
    }
    let mut out = Zeroizing::new(String::with_capacity(text.len() + 16));
    write_escaped(text, false, most, &mut out);
    (out.len() <= most).then_some(out)
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

/// What is escaped grows, so that is where it is seen whether it has grown too long.
fn write_escaped(text: &str, html: bool, most: usize, out: &mut String) {
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..='\u{1f}' => write_code(c, out),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' if html => write_code(c, out),
            _ => {
                out.push(c);
                continue;
            }
        }
        if out.len() > most {
            return;
        }
    }
}

/// `\uXXXX` of a character that needs no surrogates.
fn write_code(c: char, out: &mut String) {
    out.push_str("\\u");
    for shift in [12, 8, 4, 0] {
        let digit = (u32::from(c) >> shift) & 0xf;
        out.push(char::from_digit(digit, 16).unwrap_or('0'));
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// How many values there may be, and how many more.
    members: usize,
    left: usize,
    /// Whether what is read is kept, and how much memory is left for that.
    keeps: bool,
    room: u64,
    /// The bytes of all keys and values so far, kept or not.
    size: u64,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, members: usize, room: u64) -> Self {
        Self {
            text,
            at: 0,
            members,
            left: members,
            keeps: true,
            room,
            size: 0,
        }
    }

    /// Nothing may stand behind the document.
    fn end(&mut self) -> Result<(), JsonError> {
        self.blanks();
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(JsonError::Syntax(self.at)),
        }
    }

    /// Takes memory for what is kept.
    fn take(&mut self, bytes: u64) -> Result<(), JsonError> {
        if self.keeps {
            self.room = self.room.checked_sub(bytes).ok_or(JsonError::Room)?;
        }
        Ok(())
    }

    /// Counts bytes of a key or value, and takes memory for them.
    fn count(&mut self, bytes: usize) -> Result<(), JsonError> {
        self.size = self.size.saturating_add(count(bytes));
        self.take(count(bytes))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The error for what stands here instead of what was expected.
    fn unexpected(&self) -> JsonError {
        match self.peek() {
            None => JsonError::End,
            Some(_) => JsonError::Syntax(self.at),
        }
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Steps over `byte` if it stands here.
    fn eat(&mut self, byte: u8) -> bool {
        let here = self.peek() == Some(byte);
        if here {
            self.at += 1;
        }
        here
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.eat(byte) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, JsonError> {
        if depth > MAX_DEPTH {
            return Err(JsonError::Depth);
        }
        self.left = self
            .left
            .checked_sub(1)
            .ok_or(JsonError::Members(self.members))?;
        self.take(NODE)?;
        self.blanks();
        match self.peek() {
            Some(b'{') => self.entries(depth, None).map(Value::Map),
            Some(b'[') => self.list(depth),
            Some(b'"') => Ok(Value::String(self.string()?)),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.unexpected()),
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, JsonError> {
        for byte in word.bytes() {
            self.expect(byte)?;
        }
        self.count(1)?;
        Ok(value)
    }

    fn list(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.at += 1;
        let mut items = Vec::new();
        self.blanks();
        if self.eat(b']') {
            return Ok(Value::List(items));
        }
        loop {
            let item = self.value(depth + 1)?;
            if self.keeps {
                items.push(item);
            }
            self.blanks();
            if self.eat(b']') {
                return Ok(Value::List(items));
            }
            self.expect(b',')?;
        }
    }

    /// The entries of a map; of those that are not wanted nothing is kept.
    fn entries(
        &mut self,
        depth: usize,
        wanted: Option<&Keys>,
    ) -> Result<BTreeMap<String, Value>, JsonError> {
        self.expect(b'{')?;
        let keeps = self.keeps;
        let mut entries = BTreeMap::new();
        self.blanks();
        if self.eat(b'}') {
            return Ok(entries);
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                return Err(self.unexpected());
            }
            let room = std::mem::replace(&mut self.room, u64::MAX);
            let key = self.string()?;
            self.room = room;
            if wanted.is_some_and(|wanted| !wanted.include(&key)) {
                self.keeps = false;
            }
            self.take(count(key.len()))?;
            self.blanks();
            self.expect(b':')?;
            let value = self.value(depth + 1)?;
            if self.keeps {
                entries.insert(key.as_str().to_owned(), value);
            }
            self.keeps = keeps;
            self.blanks();
            if self.eat(b'}') {
                return Ok(entries);
            }
            self.expect(b',')?;
        }
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let start = self.at;
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            if !self.eat(b'+') {
                self.eat(b'-');
            }
            self.digits()?;
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        if !text.parse().is_ok_and(f64::is_finite) {
            return Err(JsonError::Range(start));
        }
        self.count(text.len())?;
        Ok(Value::number(if self.keeps { text } else { "" }))
    }

    /// At least one digit.
    fn digits(&mut self) -> Result<(), JsonError> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.unexpected());
        }
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<Zeroizing<String>, JsonError> {
        self.at += 1;
        let mut out = Zeroizing::new(String::new());
        loop {
            let start = self.at;
            while self
                .peek()
                .is_some_and(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\')
            {
                self.at += 1;
            }
            let piece = self.text.get(start..self.at).unwrap_or_default();
            self.count(piece.len())?;
            if self.keeps {
                out.push_str(piece);
            }
            if self.eat(b'"') {
                return Ok(exact(out));
            }
            if !self.eat(b'\\') {
                return Err(self.unexpected());
            }
            let escaped = self.escaped()?;
            self.count(escaped.len_utf8())?;
            if self.keeps {
                out.push(escaped);
            }
        }
    }

    /// The character that the escape after a backslash stands for.
    fn escaped(&mut self) -> Result<char, JsonError> {
        let c = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.code();
            }
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(c)
    }

    /// The character after `\u`; two halves of a surrogate pair make one.
    fn code(&mut self) -> Result<char, JsonError> {
        let first = self.hex4()?;
        if !(0xd800..0xdc00).contains(&first) {
            return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let back = self.at;
        if self.eat(b'\\') && self.eat(b'u') {
            let second = self.hex4()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
        self.at = back;
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn hex4(&mut self) -> Result<u32, JsonError> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            code = code * 16 + digit.ok_or_else(|| self.unexpected())?;
            self.at += 1;
        }
        Ok(code)
    }
}

/// The text in as much memory as it has bytes: one with escapes has grown piece by piece, into more.
fn exact(text: Zeroizing<String>) -> Zeroizing<String> {
    if text.capacity() == text.len() {
        return text;
    }
    Zeroizing::new(text.as_str().to_owned())
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
