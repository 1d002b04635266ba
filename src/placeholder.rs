//! Placeholders in a text: `<path:mount/path#key[#version] | modifier …>` anywhere, and `<key>` where
//! something else names the path (docs/internals/avp.md#what-is-a-placeholder).
//!
//! The grammar is AVP's with its traps closed: a placeholder may span lines in both forms, a `>` or
//! `|` inside a modifier's quotes or braces does not end it, prose between `<` and `>` is left alone,
//! and whatever begins with `<path:` and cannot be read is an error instead of a silent leftover. What is
//! meant literally is escaped ([`escape`]).

pub mod escape;
pub mod jsonpath;
pub mod lookalike;
pub mod modifier;
pub mod signs;

use std::ops::Range;

use crate::secret::json::escape::decode_start;
use crate::secret::wants::Keys;
use modifier::{Modifier, ModifierError};

/// Longest placeholder, in bytes: bounds the search for its end.
const MAX_LENGTH: usize = 8 * 1024;
/// What is looked at first of an escaped one, in bytes.
const SHORT_LENGTH: usize = 512;
/// What is looked at of an escaped one that is not closed, in bytes.
const SHORT_HEAD: usize = 64;
/// How many bytes of one text are looked at in vain: bounds the work for texts full of open braces.
const MAX_WASTE: usize = 16 << 20;
/// How many unreadable placeholders of one text are reported.
pub const MAX_PROBLEMS: usize = 50;

/// Which secret and key a placeholder asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `path:PATH#KEY#VERSION`; version 0 is the latest.
    Path {
        /// Without outer blanks and slashes.
        path: String,
        /// One key, or `*` for the whole secret.
        key: String,
        /// The version, 0 for the latest.
        version: u64,
    },
    /// A key of the secret that an annotation or the config names.
    Key(String),
}

/// One placeholder.
#[derive(Clone, Debug)]
pub struct Placeholder {
    /// What it asks for.
    pub source: Source,
    /// What is done to the value, from left to right.
    pub modifiers: Vec<Modifier>,
    /// Written as `\u003c…\u003e` inside a JSON text: the value goes in escaped likewise.
    pub escaped: bool,
}

impl Placeholder {
    /// The key that it asks for, or `*` for the whole secret.
    #[must_use]
    pub fn key(&self) -> &str {
        match &self.source {
            Source::Path { key, .. } | Source::Key(key) => key,
        }
    }

    /// Whether it asks for every key of a secret, of which modifiers make nothing else.
    #[must_use]
    pub fn is_whole_secret(&self) -> bool {
        self.key() == Keys::EVERY && self.modifiers.iter().all(Modifier::is_default)
    }

    /// The placeholder as messages show it: without modifiers, whose arguments may be secret.
    #[must_use]
    pub fn shown(&self) -> String {
        match &self.source {
            Source::Path {
                path,
                key,
                version: 0,
            } => format!("<path:{path}#{key}>"),
            Source::Path { path, key, version } => format!("<path:{path}#{key}#{version}>"),
            Source::Key(key) => format!("<{key}>"),
        }
    }
}

/// A piece of a text.
#[derive(Clone)]
pub enum Segment {
    /// Stays as it is.
    Text(Vec<u8>),
    /// Is replaced.
    Placeholder(Box<Placeholder>),
}

impl std::fmt::Debug for Segment {
    /// What stands beside a placeholder may be a secret too: of a text only the length is shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Placeholder(placeholder) => placeholder.fmt(f),
        }
    }
}

/// A placeholder that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlaceholderError {
    /// It begins like one but cannot be read.
    #[error("the placeholder at character {character} {reason}")]
    Malformed {
        /// Where it begins in the text, from 1.
        character: usize,
        /// What is wrong; quotes nothing.
        reason: &'static str,
    },
    /// One of its modifiers is wrong.
    #[error("{error}")]
    Modifier {
        /// The placeholder as [`Placeholder::shown`] has it.
        shown: String,
        /// What is wrong.
        error: ModifierError,
    },
}

impl PlaceholderError {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Malformed {
                reason: NOT_CLOSED, ..
            } => {
                "close it with >; without quotes a blank and # begins a comment of YAML, and the rest is lost; \
                 where <path: is meant literally, write <!path:"
                    .to_owned()
            }
            Self::Malformed {
                reason: TOO_LONG, ..
            } => {
                "keep long texts of its modifiers in the secret; \
                 where <path: is meant literally, write <!path:"
                    .to_owned()
            }
            Self::Malformed { .. } => {
                "write <path:MOUNT/PATH#KEY> or <path:MOUNT/PATH#KEY#VERSION>; \
                 where <path: is meant literally, write <!path:"
                    .to_owned()
            }
            Self::Modifier { error, .. } => error.help(),
        }
    }

    /// The placeholder it is about, where it could be read.
    #[must_use]
    pub fn shown(&self) -> Option<&str> {
        match self {
            Self::Malformed { .. } => None,
            Self::Modifier { shown, .. } => Some(shown),
        }
    }
}

/// Whether a text can hold a placeholder at all; cheap.
#[must_use]
pub fn may_hold(text: &[u8], keys: bool) -> bool {
    memchr::memchr2_iter(b'<', b'\\', text).any(|at| {
        let rest = &text[at..];
        rest.starts_with(b"<path:")
            || rest.starts_with(escape::ESCAPE)
            || (keys && rest[0] == b'<')
            || escaped_bracket(rest, b'c')
    })
}

/// Splits a text at its placeholders; `None` when there is none. `keys` allows the `<key>` form. What stands
/// beside them has lost the marks of its escapes; where there are only such, there is text alone.
///
/// # Errors
/// The placeholders in it that cannot be read; not more than [`MAX_PROBLEMS`], since a text with so
/// many is most likely not meant to hold any.
pub fn parse(text: &[u8], keys: bool) -> Result<Option<Vec<Segment>>, Vec<PlaceholderError>> {
    let mut segments = Vec::new();
    let mut errors = Vec::new();
    let mut scan = Scan::new(text, keys);
    let (mut kept, mut at) = (0, 0);
    while let Some(offset) = memchr::memchr2(b'<', b'\\', &text[at..]) {
        let start = at + offset;
        at = start + 1;
        if let Some(mark) = scan.mark_at(start) {
            segments.push(Segment::Text(text[kept..mark.start].to_vec()));
            at = mark.end;
            kept = at;
            continue;
        }
        match scan.placeholder_at(start) {
            Ok(None) => {}
            Ok(Some((placeholder, length))) => {
                if kept < start {
                    segments.push(Segment::Text(text[kept..start].to_vec()));
                }
                segments.push(Segment::Placeholder(Box::new(placeholder)));
                at = start + length;
                kept = at;
            }
            Err(Fault::Reason(reason)) => errors.push(PlaceholderError::Malformed {
                character: String::from_utf8_lossy(&text[..start]).chars().count() + 1,
                reason,
            }),
            Err(Fault::Modifier {
                shown,
                error,
                length,
            }) => {
                errors.push(PlaceholderError::Modifier { shown, error });
                at = start + length;
            }
        }
        if errors.len() >= MAX_PROBLEMS {
            break;
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    if segments.is_empty() {
        return Ok(None);
    }
    if kept < text.len() {
        segments.push(Segment::Text(text[kept..].to_vec()));
    }
    Ok(Some(segments))
}

/// The key of a `<key | modifier …` at the end of a text where no `>` follows: AVP and we leave it as it
/// is, but a modifier's name says that it was meant. In plain YAML a blank and `#` cut it off.
#[must_use]
pub fn cut_off(text: &[u8]) -> Option<&str> {
    let tail = &text[memchr::memrchr(b'>', text).map_or(0, |at| at + 1)..];
    memchr::memchr_iter(b'|', tail).find_map(|bar| {
        let window = &tail[bar.saturating_sub(SHORT_LENGTH)..bar];
        let head = &window[memchr::memrchr(b'<', window)? + 1..];
        let key = std::str::from_utf8(head).ok()?.trim();
        let rest = &tail[bar + 1..tail.len().min(bar + SHORT_HEAD)];
        let mut words = rest
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty());
        let word = std::str::from_utf8(words.next()?).ok()?;
        let is_known = word.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && !matches!(modifier::parse(&[word]), Err(ModifierError::Unknown(_)));
        (is_key(key) && is_known).then_some(key)
    })
}

/// Where the next `>` at or behind `from` stands, escaped or not; the text's length for nowhere.
fn next_close(text: &[u8], from: usize) -> usize {
    memchr::memchr2_iter(b'>', b'\\', text.get(from..).unwrap_or_default())
        .map(|offset| from + offset)
        .find(|&at| text[at] == b'>' || escaped_bracket(&text[at..], b'e'))
        .unwrap_or(text.len())
}

enum Fault {
    Reason(&'static str),
    Modifier {
        shown: String,
        error: ModifierError,
        length: usize,
    },
}

const NOT_CLOSED: &str = "is not closed with >";
const TOO_LONG: &str = "is longer than 8 KiB";

/// Why `text`, which begins with `<path:` or its escaped form, has no end within [`MAX_LENGTH`].
fn endless(text: &[u8]) -> Fault {
    let within = &text[1..text.len().min(MAX_LENGTH)];
    let opens_again = within
        .iter()
        .find(|byte| matches!(byte, b'<' | b'>' | b'|'))
        .is_some_and(|byte| *byte == b'<');
    let is_closed = text.len() > MAX_LENGTH && next_close(text, MAX_LENGTH) < text.len();
    Fault::Reason(if is_closed && !opens_again {
        TOO_LONG
    } else {
        NOT_CLOSED
    })
}

/// One pass over a text; remembers what keeps the pass linear however the text is made.
struct Scan<'t> {
    text: &'t [u8],
    keys: bool,
    /// Where the next `>` stands, escaped or not; the text's length for nowhere. `None` at first.
    close: Option<usize>,
    /// Bytes that were looked at in vain.
    wasted: usize,
}

impl<'t> Scan<'t> {
    fn new(text: &'t [u8], keys: bool) -> Self {
        Self {
            text,
            keys,
            close: None,
            wasted: 0,
        }
    }

    /// Where the mark stands of an escape that begins at `start`.
    fn mark_at(&self, start: usize) -> Option<Range<usize>> {
        let mark = escape::mark(&self.text[start..])?;
        let is_whole = self.text[start] == b'<' || !self.is_in_another(start);
        is_whole.then(|| start + mark.start..start + mark.end)
    }

    /// The placeholder that begins at `start`, with its length in bytes.
    fn placeholder_at(&mut self, start: usize) -> Result<Option<(Placeholder, usize)>, Fault> {
        let text = &self.text[start..];
        let escaped = text[0] != b'<';
        if escaped && (!escaped_bracket(text, b'c') || self.is_in_another(start)) {
            return Ok(None);
        }
        if !self.is_closed(start, escaped) {
            return self.unclosed(text, escaped);
        }
        if self.wasted > MAX_WASTE {
            return Err(Fault::Reason(
                "follows too many others with a brace or quote that is not closed",
            ));
        }
        if escaped {
            return self.escaped_at(text);
        }
        open_at(text, self.keys, false, &mut self.wasted)
    }

    /// `text` begins with `\u003c`. Only the path form counts: JSON texts escape markup too, and what
    /// AVP left there is not to fail or, under `remove-missing`, to go.
    fn escaped_at(&mut self, text: &[u8]) -> Result<Option<(Placeholder, usize)>, Fault> {
        // most are none
        if !decode_start(text, b"<path:".len()).0.starts_with(b"<path:") {
            return Ok(None);
        }
        // most are short
        let mut in_vain = 0;
        let (mut decoded, mut offsets) = decode_start(text, SHORT_LENGTH);
        let mut found = open_at(&decoded, false, true, &mut in_vain);
        let has_head = decoded
            .iter()
            .skip(1)
            .any(|byte| matches!(byte, b'<' | b'>' | b'|'));
        if decoded.len() >= SHORT_LENGTH && (in_vain > 0 || !has_head) {
            (decoded, offsets) = decode_start(text, MAX_LENGTH);
            found = open_at(&decoded, false, true, &mut in_vain);
        }
        self.wasted += in_vain;
        let source_length = |length: usize| offsets.get(length).copied().unwrap_or(text.len());
        match found {
            Ok(found) => {
                Ok(found.map(|(placeholder, length)| (placeholder, source_length(length))))
            }
            Err(Fault::Modifier {
                shown,
                error,
                length,
            }) => Err(Fault::Modifier {
                shown,
                error,
                length: source_length(length),
            }),
            Err(Fault::Reason(NOT_CLOSED)) => Err(endless(text)),
            Err(fault) => Err(fault),
        }
    }

    /// Whether any `>` is near enough behind `start`.
    fn is_closed(&mut self, start: usize, escaped: bool) -> bool {
        let close = match self.close {
            Some(close) if close >= start => close,
            _ => next_close(self.text, start),
        };
        self.close = Some(close);
        // an escaped byte is at most six bytes long
        let window = if escaped { 6 * MAX_LENGTH } else { MAX_LENGTH };
        close < self.text.len() && close - start <= window
    }

    /// Whether the backslash at `start` is itself escaped: in a JSON text within a JSON text, where a value
    /// would have to be escaped as often.
    fn is_in_another(&self, start: usize) -> bool {
        let before = self.text[..start].iter().rev();
        before.take_while(|byte| **byte == b'\\').count() % 2 == 1
    }

    /// What a `<` without any `>` behind it is.
    fn unclosed(&self, text: &[u8], escaped: bool) -> Result<Option<(Placeholder, usize)>, Fault> {
        let decoded;
        let inner = if escaped {
            decoded = decode_start(text, b"<path:".len()).0;
            decoded.get(1..).unwrap_or_default()
        } else {
            &text[1..text.len().min(MAX_LENGTH)]
        };
        let blanks = inner
            .iter()
            .take_while(|byte| self.keys && !escaped && byte.is_ascii_whitespace())
            .count();
        if inner[blanks..].starts_with(b"path:") {
            return Err(endless(text));
        }
        Ok(None)
    }
}

/// `text` begins with `<`.
fn open_at(
    text: &[u8],
    keys: bool,
    escaped: bool,
    wasted: &mut usize,
) -> Result<Option<(Placeholder, usize)>, Fault> {
    let inner = &text[1..text.len().min(MAX_LENGTH)];
    let blanks = inner
        .iter()
        .take_while(|byte| byte.is_ascii_whitespace())
        .count();
    if inner[blanks..].starts_with(b"path:") && (blanks == 0 || keys) {
        let body = find_body(inner, true, wasted).ok_or_else(|| endless(text))?;
        let head = utf8(&inner[body.head.clone()])?;
        let source = path_source(head.trim_start()[5..].trim_start())?;
        return finish(source, inner, &body, escaped).map(Some);
    }
    if !keys {
        return Ok(None);
    }
    let Some(body) = find_body(inner, false, wasted) else {
        return Ok(None);
    };
    let Ok(head) = std::str::from_utf8(&inner[body.head.clone()]) else {
        return Ok(None);
    };
    let key = head.trim();
    if !is_key(key) {
        return Ok(None);
    }
    finish(Source::Key(key.to_owned()), inner, &body, escaped).map(Some)
}

fn finish(
    source: Source,
    inner: &[u8],
    body: &Body,
    escaped: bool,
) -> Result<(Placeholder, usize), Fault> {
    let length = 1 + body.end + 1;
    let mut texts = Vec::with_capacity(body.modifiers.len());
    for range in &body.modifiers {
        texts.push(utf8(&inner[range.clone()])?.trim());
    }
    let mut placeholder = Placeholder {
        source,
        modifiers: Vec::new(),
        escaped,
    };
    match modifiers(&texts, escaped) {
        Ok(modifiers) => {
            placeholder.modifiers = modifiers;
            Ok((placeholder, length))
        }
        Err(error) => Err(Fault::Modifier {
            shown: placeholder.shown(),
            error,
            length,
        }),
    }
}

fn modifiers(texts: &[&str], escaped: bool) -> Result<Vec<Modifier>, ModifierError> {
    let modifiers = modifier::parse(texts)?;
    // the lines of a JSON text are those behind its escapes
    if escaped && modifiers.iter().any(Modifier::is_indent_to_column) {
        return Err(ModifierError::Column);
    }
    Ok(modifiers)
}

fn utf8(bytes: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(bytes).map_err(|_| Fault::Reason("is not UTF-8 text"))
}

/// `.dockerconfigjson` is a key; dots and dashes alone, and arrows, are prose.
fn is_key(text: &str) -> bool {
    let word = text.strip_prefix('.').unwrap_or(text);
    word.starts_with(|ch: char| ch.is_ascii_alphanumeric() || ch == '_')
        && word.bytes().all(is_key_byte)
}

fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

fn path_source(text: &str) -> Result<Source, Fault> {
    let mut parts = text.splitn(3, '#').map(str::trim);
    let path = parts.next().unwrap_or("").trim_matches('/');
    let key = parts.next().ok_or(Fault::Reason("names no #key"))?;
    if path.is_empty() {
        return Err(Fault::Reason("names no path"));
    }
    if key.is_empty() {
        return Err(Fault::Reason("names no key behind its #"));
    }
    if path.chars().chain(key.chars()).any(char::is_control) {
        return Err(Fault::Reason(
            "has a line break or control character in its path or key; is it closed with >?",
        ));
    }
    let version = match parts.next().unwrap_or("") {
        "" | "-1" => 0,
        digits => digits
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| digits.parse().ok())
            .flatten()
            .ok_or(Fault::Reason("has a version that is not a whole number"))?,
    };
    Ok(Source::Path {
        path: path.to_owned(),
        key: key.to_owned(),
        version,
    })
}

/// Where the parts of a placeholder lie behind its `<`.
struct Body {
    head: Range<usize>,
    modifiers: Vec<Range<usize>>,
    end: usize,
}

/// Finds the closing `>`. The head ends at the first `|`; a `<` in it means that it is not closed.
fn find_body(inner: &[u8], path: bool, wasted: &mut usize) -> Option<Body> {
    let head_end = inner.iter().position(|&byte| match byte {
        b'<' | b'>' | b'|' => true,
        // a key's head is short and plain: prose is given up early
        byte => !path && byte.is_ascii() && !is_key_byte(byte) && !byte.is_ascii_whitespace(),
    })?;
    match inner[head_end] {
        b'>' => Some(Body {
            head: 0..head_end,
            modifiers: Vec::new(),
            end: head_end,
        }),
        b'|' => {
            let nested = modifier_ranges(inner, head_end + 1, true);
            if nested.is_none() {
                *wasted += inner.len() - head_end;
            }
            let (modifiers, end) =
                nested.or_else(|| modifier_ranges(inner, head_end + 1, false))?;
            Some(Body {
                head: 0..head_end,
                modifiers,
                end,
            })
        }
        _ => None,
    }
}

/// Splits at `|` up to the closing `>`, both only outside quotes and braces when `nested`.
fn modifier_ranges(inner: &[u8], from: usize, nested: bool) -> Option<(Vec<Range<usize>>, usize)> {
    let mut ranges = Vec::new();
    let (mut start, mut depth, mut quote) = (from, 0_usize, None);
    let mut at = from;
    while at < inner.len() {
        let byte = inner[at];
        let argument_start = at > from && inner[at - 1].is_ascii_whitespace();
        match (quote, byte) {
            (Some(_), b'\\') if nested => at += 1,
            (Some(open), _) if byte == open => quote = None,
            (None, b'\'' | b'"') if nested && (depth > 0 || argument_start) => quote = Some(byte),
            (None, b'{') if nested => depth += 1,
            (None, b'}') if nested => depth = depth.saturating_sub(1),
            (None, b'>') if depth == 0 => {
                ranges.push(start..at);
                return Some((ranges, at));
            }
            (None, b'|') if depth == 0 => {
                ranges.push(start..at);
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Whether `text` begins with `\u003c` (`letter` c) or `\u003e` (`letter` e), in any case.
fn escaped_bracket(text: &[u8], letter: u8) -> bool {
    text.len() >= 6 && text.starts_with(b"\\u003") && text[5].eq_ignore_ascii_case(&letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> &'static str {
        match parse(text.as_bytes(), false).unwrap_err().first() {
            Some(PlaceholderError::Malformed { reason, .. }) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn too_long_is_not_unclosed() {
        let long = "x".repeat(MAX_LENGTH);
        for text in [
            format!("<path:kv/a#k | default '{long}'>"),
            format!("\\u003cpath:kv/a#k | default '{long}'\\u003e"),
            format!("<path:kv/a#{long}>"),
        ] {
            assert_eq!(reason(&text), TOO_LONG, "{text:.40}");
        }
        for text in [
            format!("<path:kv/a#k {long}"),
            format!("<path:kv/a#k <b>{long}</b>"),
            "<path:kv/a#k".to_owned(),
        ] {
            assert_eq!(reason(&text), NOT_CLOSED, "{text:.40}");
        }
    }

    #[test]
    fn what_is_cut_off_is_known_by_its_modifier() {
        for (text, key) in [
            ("<pw | default \"x", Some("pw")),
            ("a> <pw|base64encode", Some("pw")),
            ("<a | <pw | json", Some("pw")),
            ("<pw | default x>", None),
            ("<pw | grep x", None),
            ("a | default", None),
            ("<", None),
        ] {
            assert_eq!(cut_off(text.as_bytes()), key, "{text}");
        }
    }
}
