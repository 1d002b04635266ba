//! Placeholders in a text: `<path:mount/path#key[#version] | modifier …>` anywhere, and `<key>` where
//! something else names the path (docs/internals/avp.md#what-is-a-placeholder).
//!
//! The grammar is that of AVP without its pitfalls: both forms may span lines, a `>` or `|` inside the quotes or braces
//! of a modifier does not end it, prose between `<` and `>` is left alone, and text that begins with `<path:` but cannot
//! be parsed is an error rather than silently kept. A literal `<path:` is written with an [`escape`].

pub mod escape;
pub mod jsonpath;
pub mod lookalike;
pub mod modifier;
pub mod signs;

use std::ops::Range;

use crate::explain::Explain;
use crate::secret::json::escape::decode_start;
use crate::secret::wants::Keys;
use modifier::{Modifier, ModifierError};

/// The longest placeholder, in bytes: limits the search for its end.
const MAX_LENGTH: usize = 8 * 1024;
/// How many bytes of an escaped placeholder are decoded at first, since most are short.
const SHORT_LENGTH: usize = 512;
/// How many bytes after a `|` are searched for the name of a modifier.
const MAX_NAME: usize = 64;
/// How many bytes of one text may be searched without result: limits the work for texts full of open braces.
const MAX_WASTE: usize = 16 << 20;
/// How many malformed placeholders of one text are reported.
pub const MAX_PROBLEMS: usize = 50;

/// The secret and key that a placeholder refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `path:PATH#KEY#VERSION`; version 0 is the latest.
    Path {
        /// The path, without outer blanks and slashes.
        path: String,
        /// One key, or `*` for the whole secret.
        key: String,
        /// The version, 0 for the latest.
        version: u64,
    },
    /// `key`: a key of the secret that an annotation or the configuration names.
    Key(String),
}

/// One placeholder.
#[derive(Clone, Debug)]
pub struct Placeholder {
    /// What it refers to.
    pub source: Source,
    /// The modifiers to apply to the value, in order.
    pub modifiers: Vec<Modifier>,
    /// Whether it is written as `\u003c…\u003e` in a JSON text; its value is then escaped for JSON.
    pub escaped: bool,
}

impl Placeholder {
    /// The key that it refers to, or `*` for the whole secret.
    #[must_use]
    pub fn key(&self) -> &str {
        match &self.source {
            Source::Path { key, .. } | Source::Key(key) => key,
        }
    }

    /// Whether it stands for the whole secret, without modifiers that change it.
    #[must_use]
    pub fn is_whole_secret(&self) -> bool {
        self.key() == Keys::EVERY && self.modifiers.iter().all(Modifier::is_default)
    }

    /// The placeholder as shown in messages: without modifiers, whose arguments may be secret.
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

/// A part of a text.
#[derive(Clone)]
pub enum Segment {
    /// Text that stays unchanged.
    Text(Vec<u8>),
    /// A placeholder to replace.
    Placeholder(Box<Placeholder>),
}

impl std::fmt::Debug for Segment {
    /// Shows only the length of text next to a placeholder, which may be a secret too.
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
        /// What is wrong.
        reason: Malformed,
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

/// Why a text that begins like a placeholder cannot be read; quotes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// There is no `>`, or not for it.
    #[error("is not closed with >")]
    NotClosed,
    /// It is longer than any that are read.
    #[error("is longer than 8 KiB")]
    TooLong,
    /// Reading it, too, might take long in vain.
    #[error("follows too many others with a brace or quote that is not closed")]
    TooManyOpen,
    /// Not UTF-8.
    #[error("is not UTF-8 text")]
    NotUtf8,
    /// `<path:kv/a>`
    #[error("names no #key")]
    NoKey,
    /// `<path:#b>`
    #[error("names no path")]
    NoPath,
    /// `<path:kv/a#>`
    #[error("names no key behind its #")]
    EmptyKey,
    /// A line break or another control character.
    #[error("has a line break or control character in its path or key; is it closed with >?")]
    Control,
    /// `<path:kv/a#b#c>`
    #[error("has a version that is not a whole number")]
    Version,
}

impl Explain for PlaceholderError {
    fn help(&self) -> String {
        let reason = match self {
            Self::Malformed { reason, .. } => reason,
            Self::Modifier { error, .. } => return error.help(),
        };
        let help = match reason {
            Malformed::NotClosed => {
                "close it with >; without quotes a blank and # begins a comment of YAML, and the rest is lost"
            }
            Malformed::TooLong => "keep long texts of its modifiers in the secret",
            _ => "write <path:MOUNT/PATH#KEY> or <path:MOUNT/PATH#KEY#VERSION>",
        };
        format!("{help}; where <path: is meant literally, write <!path:")
    }
}

impl PlaceholderError {
    /// The placeholder it is about, where it could be read.
    #[must_use]
    pub fn shown(&self) -> Option<&str> {
        match self {
            Self::Malformed { .. } => None,
            Self::Modifier { shown, .. } => Some(shown),
        }
    }
}

/// Whether a text may hold a placeholder; cheap. `keys` includes the `<key>` form.
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

/// Splits a text at its placeholders; `keys` allows the `<key>` form. The `!` of escapes is removed from the text
/// segments. `None` if there are neither placeholders nor escapes.
///
/// # Errors
/// The malformed placeholders; at most [`MAX_PROBLEMS`], since a text with so many is probably not meant to hold any.
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
            Err(Unread::Malformed(reason)) => errors.push(PlaceholderError::Malformed {
                character: String::from_utf8_lossy(&text[..start]).chars().count() + 1,
                reason,
            }),
            Err(Unread::Modifier {
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

/// The key of an unclosed `<key | modifier …` at the end of a text, probably cut off by a YAML comment (a blank and
/// `#`). Such text is left alone, as in AVP, but the name of a modifier shows that it was meant as a placeholder.
#[must_use]
pub fn cut_off(text: &[u8]) -> Option<&str> {
    let tail = &text[memchr::memrchr(b'>', text).map_or(0, |at| at + 1)..];
    memchr::memchr_iter(b'|', tail).find_map(|bar| {
        let window = &tail[bar.saturating_sub(SHORT_LENGTH)..bar];
        let head = &window[memchr::memrchr(b'<', window)? + 1..];
        let key = std::str::from_utf8(head).ok()?.trim();
        let rest = &tail[bar + 1..tail.len().min(bar + MAX_NAME)];
        let mut words = rest
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty());
        let name = std::str::from_utf8(words.next()?).ok()?;
        let is_known = name.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && !matches!(modifier::parse(&[name]), Err(ModifierError::Unknown(_)));
        (is_key(key) && is_known).then_some(key)
    })
}

/// The offset of the first `>` at or after `from`, escaped or not; the length of the text if there is none.
fn next_close(text: &[u8], from: usize) -> usize {
    memchr::memchr2_iter(b'>', b'\\', text.get(from..).unwrap_or_default())
        .map(|offset| from + offset)
        .find(|&at| text[at] == b'>' || escaped_bracket(&text[at..], b'e'))
        .unwrap_or(text.len())
}

/// Why a placeholder is not read.
enum Unread {
    Malformed(Malformed),
    Modifier {
        shown: String,
        error: ModifierError,
        length: usize,
    },
}

impl From<Malformed> for Unread {
    fn from(reason: Malformed) -> Self {
        Self::Malformed(reason)
    }
}

/// Why `text`, which begins with `<path:` or its escaped form, has no end within [`MAX_LENGTH`].
fn endless(text: &[u8]) -> Malformed {
    let within = &text[1..text.len().min(MAX_LENGTH)];
    let opens_again = within
        .iter()
        .find(|byte| matches!(byte, b'<' | b'>' | b'|'))
        .is_some_and(|byte| *byte == b'<');
    let is_closed = text.len() > MAX_LENGTH && next_close(text, MAX_LENGTH) < text.len();
    if is_closed && !opens_again {
        Malformed::TooLong
    } else {
        Malformed::NotClosed
    }
}

/// One pass over a text, with the state that keeps it linear for any text.
struct Scan<'t> {
    text: &'t [u8],
    keys: bool,
    /// The offset of the next `>`, escaped or not; the length of the text if there is none. `None` at first.
    close: Option<usize>,
    /// How many bytes were searched without result.
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

    /// The place of the `!` of an escape that begins at `start`.
    fn mark_at(&self, start: usize) -> Option<Range<usize>> {
        let mark = escape::mark(&self.text[start..])?;
        let is_whole = self.text[start] == b'<' || !self.is_nested(start);
        is_whole.then(|| start + mark.start..start + mark.end)
    }

    /// The placeholder that begins at `start`, with its length in bytes.
    fn placeholder_at(&mut self, start: usize) -> Result<Option<(Placeholder, usize)>, Unread> {
        let text = &self.text[start..];
        let escaped = text[0] != b'<';
        if escaped && (!escaped_bracket(text, b'c') || self.is_nested(start)) {
            return Ok(None);
        }
        if !self.is_closed(start, escaped) {
            return self.unclosed(text, escaped);
        }
        if self.wasted > MAX_WASTE {
            return Err(Malformed::TooManyOpen.into());
        }
        if escaped {
            return self.escaped_at(text);
        }
        open_at(text, self.keys, false, &mut self.wasted)
    }

    /// The placeholder at the start of `text`, which begins with `\u003c`. Only the path form counts: JSON texts escape
    /// markup too, which must neither fail nor, under `remove-missing`, be removed.
    fn escaped_at(&mut self, text: &[u8]) -> Result<Option<(Placeholder, usize)>, Unread> {
        // most escaped brackets are not placeholders
        if !decode_start(text, b"<path:".len()).0.starts_with(b"<path:") {
            return Ok(None);
        }
        // most placeholders are short
        let mut wasted = 0;
        let (mut decoded, mut offsets) = decode_start(text, SHORT_LENGTH);
        let mut found = open_at(&decoded, false, true, &mut wasted);
        let has_head = decoded
            .iter()
            .skip(1)
            .any(|byte| matches!(byte, b'<' | b'>' | b'|'));
        if decoded.len() >= SHORT_LENGTH && (wasted > 0 || !has_head) {
            (decoded, offsets) = decode_start(text, MAX_LENGTH);
            found = open_at(&decoded, false, true, &mut wasted);
        }
        self.wasted += wasted;
        let source_length = |length: usize| offsets.get(length).copied().unwrap_or(text.len());
        match found {
            Ok(found) => {
                Ok(found.map(|(placeholder, length)| (placeholder, source_length(length))))
            }
            Err(Unread::Modifier {
                shown,
                error,
                length,
            }) => Err(Unread::Modifier {
                shown,
                error,
                length: source_length(length),
            }),
            Err(Unread::Malformed(Malformed::NotClosed)) => Err(endless(text).into()),
            Err(other) => Err(other),
        }
    }

    /// Whether a `>` follows `start` within the longest placeholder.
    fn is_closed(&mut self, start: usize, escaped: bool) -> bool {
        let close = match self.close {
            Some(close) if close >= start => close,
            _ => next_close(self.text, start),
        };
        self.close = Some(close);
        // an escaped byte takes at most six bytes
        let window = if escaped { 6 * MAX_LENGTH } else { MAX_LENGTH };
        close < self.text.len() && close - start <= window
    }

    /// Whether the backslash at `start` is itself escaped, as in a JSON text within a JSON text. Such placeholders are not
    /// supported, since their value would have to be escaped twice.
    fn is_nested(&self, start: usize) -> bool {
        let before = self.text[..start].iter().rev();
        before.take_while(|byte| **byte == b'\\').count() % 2 == 1
    }

    /// Handles a `<` that no `>` follows: an error if it begins like a placeholder with a path.
    fn unclosed(&self, text: &[u8], escaped: bool) -> Result<Option<(Placeholder, usize)>, Unread> {
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
            return Err(endless(text).into());
        }
        Ok(None)
    }
}

/// The placeholder at the start of `text`, which begins with `<`, with its length in bytes.
fn open_at(
    text: &[u8],
    keys: bool,
    escaped: bool,
    wasted: &mut usize,
) -> Result<Option<(Placeholder, usize)>, Unread> {
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
) -> Result<(Placeholder, usize), Unread> {
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
        Err(error) => Err(Unread::Modifier {
            shown: placeholder.shown(),
            error,
            length,
        }),
    }
}

fn modifiers(texts: &[&str], escaped: bool) -> Result<Vec<Modifier>, ModifierError> {
    let modifiers = modifier::parse(texts)?;
    // the lines of a JSON text only appear once its escapes are decoded
    if escaped && modifiers.iter().any(Modifier::is_indent_to_column) {
        return Err(ModifierError::Column);
    }
    Ok(modifiers)
}

fn utf8(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes).map_err(|_| Malformed::NotUtf8)
}

/// Whether a text is a key, such as `.dockerconfigjson`; only dots and dashes, or an arrow, are prose.
fn is_key(text: &str) -> bool {
    let word = text.strip_prefix('.').unwrap_or(text);
    word.starts_with(|ch: char| ch.is_ascii_alphanumeric() || ch == '_')
        && word.bytes().all(is_key_byte)
}

fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

fn path_source(text: &str) -> Result<Source, Malformed> {
    let mut parts = text.splitn(3, '#').map(str::trim);
    let path = parts.next().unwrap_or("").trim_matches('/');
    let key = parts.next().ok_or(Malformed::NoKey)?;
    if path.is_empty() {
        return Err(Malformed::NoPath);
    }
    if key.is_empty() {
        return Err(Malformed::EmptyKey);
    }
    if path.chars().chain(key.chars()).any(char::is_control) {
        return Err(Malformed::Control);
    }
    let version = match parts.next().unwrap_or("") {
        "" | "-1" => 0,
        digits => digits
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| digits.parse().ok())
            .flatten()
            .ok_or(Malformed::Version)?,
    };
    Ok(Source::Path {
        path: path.to_owned(),
        key: key.to_owned(),
        version,
    })
}

/// The ranges of the parts of a placeholder, relative to the byte after its `<`.
struct Body {
    head: Range<usize>,
    modifiers: Vec<Range<usize>>,
    end: usize,
}

/// Finds the closing `>`. The head ends at the first `|` or `>`; if a `<` comes first, the placeholder is not closed.
fn find_body(inner: &[u8], path: bool, wasted: &mut usize) -> Option<Body> {
    let head_end = inner.iter().position(|&byte| match byte {
        b'<' | b'>' | b'|' => true,
        // a key consists of few characters: stop early in prose
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

/// Splits the modifiers at `|` up to the closing `>`. If `nested`, `|` and `>` inside quotes and braces do not count.
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

    fn reason(text: &str) -> Malformed {
        match parse(text.as_bytes(), false).unwrap_err().first() {
            Some(PlaceholderError::Malformed { reason, .. }) => *reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn overlong_and_unclosed_placeholders_are_told_apart() {
        let long = "x".repeat(MAX_LENGTH);
        for text in [
            format!("<path:kv/a#k | default '{long}'>"),
            format!("\\u003cpath:kv/a#k | default '{long}'\\u003e"),
            format!("<path:kv/a#{long}>"),
        ] {
            assert_eq!(reason(&text), Malformed::TooLong, "{text:.40}");
        }
        for text in [
            format!("<path:kv/a#k {long}"),
            format!("<path:kv/a#k <b>{long}</b>"),
            "<path:kv/a#k".to_owned(),
        ] {
            assert_eq!(reason(&text), Malformed::NotClosed, "{text:.40}");
        }
    }

    #[test]
    fn truncated_placeholders_are_recognised_by_their_modifier() {
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
