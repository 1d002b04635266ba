//! Detects texts that look like placeholders but are not: mistakes that would otherwise remain in the output silently.
//!
//! Ordinary text must not match: a placeholder that is encoded once too often is recognised by its `<path:`, a misspelt
//! one only if it has a `#` too.

use crate::explain::Explain;

use super::is_key;

/// How many bytes after an opening bracket are examined.
const MAX_LENGTH: usize = 512;

/// What a text looks like; the messages quote nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lookalike {
    /// `%3Cpath:`
    #[error("looks like a percent-encoded placeholder and stays as it is")]
    Percent,
    /// `&lt;path:`
    #[error("looks like a placeholder escaped for HTML or XML and stays as it is")]
    Markup,
    /// `\x3cpath:`
    #[error("looks like a placeholder with \\x3c for its < and stays as it is")]
    Hex,
    /// `\\u003cpath:`, in a JSON text within a JSON text.
    #[error("looks like a placeholder escaped for JSON twice and stays as it is")]
    Nested,
    /// `PHBhdGg6`, base64 that is not seen through.
    #[error(
        "looks like base64 of a placeholder, which is not seen through here, and stays as it is"
    )]
    Base64,
    /// `< path:`, `<Path:`, `<path=`, `<pth:`, `<vault:`
    #[error("looks like a misspelt placeholder and stays as it is")]
    Misspelt,
    /// `\u003ckey\u003e`, where `<key>` counts.
    #[error("looks like a <key> escaped for JSON and stays as it is")]
    EscapedKey,
    /// `<user name>`, where `<key>` counts and is the whole text.
    #[error("looks like a placeholder with an odd key and stays as it is")]
    Key,
}

impl Explain for Lookalike {
    fn help(&self) -> String {
        match self {
            Self::Percent => "write <path:MOUNT/PATH#KEY | urlencode> with its < and > as they are",
            Self::Markup => "write < and > as they are: <path:MOUNT/PATH#KEY>",
            Self::Hex => {
                "write <path:MOUNT/PATH#KEY>; \\x3c counts only between double quotes of YAML"
            }
            Self::Nested => {
                "write <path:MOUNT/PATH#KEY | json | json> with its < and > as they are"
            }
            Self::Base64 => {
                "write <path:MOUNT/PATH#KEY | base64encode> instead; base64 is seen through once, as the whole text of a Secret's field"
            }
            Self::Misspelt => {
                "write <path:MOUNT/PATH#KEY>: `path` in small letters, no blank around it, and a colon"
            }
            Self::EscapedKey => {
                "write \\u003cpath:MOUNT/PATH#KEY\\u003e, or <KEY | json> with its < and > as they are"
            }
            Self::Key => "write <path:MOUNT/PATH#KEY>, which takes any key",
        }.to_owned()
    }
}

/// The first lookalike in `text`, which may be a single scalar or a whole file but must not hold any placeholder.
#[must_use]
pub fn find(text: &[u8]) -> Option<Lookalike> {
    memchr::memchr3_iter(b'<', b'%', b'&', text)
        .find_map(|at| opened(&text[at..]))
        .or_else(|| memchr::memchr_iter(b'\\', text).find_map(|at| escaped(text, at)))
        .or_else(|| holds_base64(text).then_some(Lookalike::Base64))
}

/// As [`find`], for lookalikes of `<key>`, where that form is enabled. `is_whole_value` says whether `text` is the whole
/// value of a field.
#[must_use]
pub fn find_key(text: &str, is_whole_value: bool) -> Option<Lookalike> {
    if is_whole_value && is_odd_key(text.trim()) {
        return Some(Lookalike::Key);
    }
    holds_escaped_key(text.as_bytes()).then_some(Lookalike::EscapedKey)
}

/// The lookalike at the start of `text`, which begins with `<`, `%` or `&`.
fn opened(text: &[u8]) -> Option<Lookalike> {
    if text[0] == b'<' {
        return is_misspelt(&text[1..]).then_some(Lookalike::Misspelt);
    }
    for (bracket, lookalike) in [
        (&b"%3c"[..], Lookalike::Percent),
        (b"&lt;", Lookalike::Markup),
        (b"&#60;", Lookalike::Markup),
        (b"&#x3c;", Lookalike::Markup),
    ] {
        if let Some(inner) = strip(text, bracket) {
            return is_path(inner).then_some(lookalike);
        }
    }
    None
}

/// The lookalike at the backslash at offset `at`.
fn escaped(text: &[u8], at: usize) -> Option<Lookalike> {
    let rest = &text[at..];
    if let Some(inner) = strip(rest, b"\\x3c") {
        return is_path(inner).then_some(Lookalike::Hex);
    }
    let inner = strip(rest, b"\\u003c")?;
    if at > 0 && text[at - 1] == b'\\' {
        return inner.starts_with(b"path:").then_some(Lookalike::Nested);
    }
    is_misspelt(inner).then_some(Lookalike::Misspelt)
}

/// The text after the prefix `start`, ignoring case.
fn strip<'t>(text: &'t [u8], start: &[u8]) -> Option<&'t [u8]> {
    let (head, rest) = text.split_at_checked(start.len())?;
    head.eq_ignore_ascii_case(start).then_some(rest)
}

/// Whether the text after a bracket begins with `path:`, with the colon possibly encoded.
fn is_path(inner: &[u8]) -> bool {
    inner
        .strip_prefix(b"path")
        .is_some_and(|rest| rest.starts_with(b":") || strip(rest, b"%3a").is_some())
}

/// Whether the text after a bracket begins with a misspelt `path:` and continues like a placeholder.
fn is_misspelt(inner: &[u8]) -> bool {
    let inner = &inner[..inner.len().min(MAX_LENGTH)];
    let after_bracket = inner.trim_ascii_start();
    let letters = after_bracket
        .iter()
        .take_while(|byte| byte.is_ascii_alphabetic())
        .count();
    let (word, rest) = after_bracket.split_at(letters);
    let Some((b':' | b'=', path)) = rest.trim_ascii_start().split_first() else {
        return false;
    };
    let is_exact = word == b"path" && inner.starts_with(b"path:");
    !is_exact && is_nearly_path(word) && names_a_key(path)
}

/// Whether a word is `vault`, or `path` with at most one typo; ignores case.
fn is_nearly_path(word: &[u8]) -> bool {
    const PATH: &[u8] = b"path";
    // at most one additional letter
    if word.len() > PATH.len() + 1 {
        return false;
    }
    let word = word.to_ascii_lowercase();
    if word == PATH || word == b"vault" {
        return true;
    }
    let common = |a: &[u8], b: &[u8]| a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let common = common(&word, PATH);
    let (word_rest, path_rest) = (&word[common..], &PATH[common..]);
    match (word_rest, path_rest) {
        ([_, word @ ..], [_, path @ ..]) if word == path => true,
        // but not `xpath`, which is a word of its own
        ([_, word @ ..], path) if word == path => common > 0,
        (word, [_, path @ ..]) if word == path => true,
        ([a, b, word @ ..], [c, d, path @ ..]) => (a, b, word) == (d, c, path),
        _ => false,
    }
}

/// Whether a text begins with a path, a `#` and a key.
fn names_a_key(text: &[u8]) -> bool {
    let is_in_path =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.');
    let path = text.trim_ascii_start();
    let length = path.iter().take_while(|byte| is_in_path(**byte)).count();
    let byte = |at: usize| path.get(at).copied();
    let has_key = byte(length + 1).is_some_and(|byte| is_in_path(byte) || byte == b'*');
    length > 0 && byte(length) == Some(b'#') && has_key
}

/// Whether a text contains base64 of a text with `<path:`, which has one of three forms, depending on how it is aligned
/// to the groups of base64.
fn holds_base64(text: &[u8]) -> bool {
    let forms: [&[u8]; 3] = [b"PHBhdGg6", b"xwYXRoO", b"8cGF0aD"];
    text.len() >= 8
        && forms
            .iter()
            .any(|form| memchr::memmem::find(text, form).is_some())
}

/// Whether a text is `<…>` with an invalid key that looks like it was meant as one.
fn is_odd_key(text: &str) -> bool {
    let inner = text
        .strip_prefix('<')
        .and_then(|text| text.strip_suffix('>'));
    let Some(inner) = inner.filter(|inner| inner.len() <= MAX_LENGTH) else {
        return false;
    };
    let key = inner.split('|').next().unwrap_or_default().trim();
    let is_plain = |ch: char| ch.is_alphanumeric() || " _-./@:+".contains(ch);
    // `<br/>` and `</a>` are markup
    let is_word = key.starts_with(char::is_alphanumeric) && key.ends_with(char::is_alphanumeric);
    !is_key(key) && is_word && key.chars().all(is_plain)
}

/// Whether a text contains `\u003cKEY\u003e`, but no closing tag, which would show that it is markup.
fn holds_escaped_key(text: &[u8]) -> bool {
    let mut holds = false;
    for at in memchr::memmem::find_iter(text, b"\\u003") {
        let Some(inner) = strip(&text[at..], b"\\u003c") else {
            continue;
        };
        if inner.starts_with(b"/") {
            return false;
        }
        let inner = &inner[..inner.len().min(MAX_LENGTH)];
        let (key, close) = inner.split_at(memchr::memchr(b'\\', inner).unwrap_or(inner.len()));
        holds |= strip(close, b"\\u003e").is_some() && std::str::from_utf8(key).is_ok_and(is_key);
    }
    holds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_recognised() {
        for (text, lookalike) in [
            ("x=%3Cpath%3Akv%2Fa%23k%3E", Lookalike::Percent),
            ("x=%3cpath:kv/a#k%3e", Lookalike::Percent),
            ("<a>&lt;path:kv/a#k&gt;</a>", Lookalike::Markup),
            ("&#60;path:kv/a#k&#62;", Lookalike::Markup),
            ("\\x3cpath:kv/a#k\\x3e", Lookalike::Hex),
            (
                r#"{\"a\":\"\\u003cpath:kv/a#k\\u003e\"}"#,
                Lookalike::Nested,
            ),
            ("Basic dXNlcjo8cGF0aDprdi9hI2s+", Lookalike::Base64),
            ("PHBhdGg6a3YvYSNrPg==", Lookalike::Base64),
            ("eDxwYXRoOmt2L2Ejaz4=", Lookalike::Base64),
            ("< path:kv/a#k>", Lookalike::Misspelt),
            ("<\tpath:kv/a#k>", Lookalike::Misspelt),
            ("<path :kv/a#k>", Lookalike::Misspelt),
            ("<path=kv/a#k>", Lookalike::Misspelt),
            ("<PATH:kv/a#k>", Lookalike::Misspelt),
            ("<Path: kv/a#k | base64encode>", Lookalike::Misspelt),
            ("<pth:kv/a#k>", Lookalike::Misspelt),
            ("<paht:kv/a#*>", Lookalike::Misspelt),
            ("<paths:kv/a#k>", Lookalike::Misspelt),
            ("<patj:kv/a#k>", Lookalike::Misspelt),
            ("a <vault:kv/data/a#k> b", Lookalike::Misspelt),
            (
                "{\"a\": \"\\u003cPATH:kv/a#k\\u003e\"}",
                Lookalike::Misspelt,
            ),
        ] {
            assert_eq!(find(text.as_bytes()), Some(lookalike), "{text}");
        }
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        for text in [
            "",
            "<",
            "a < path: b",
            "--file=<path=/etc/x>",
            "<PATH>:<FILE>#a",
            "usage: x <path:...>",
            "<math:mi href=\"#x\">",
            "<svg><path d='m0'/></svg>",
            "<https://example.com/a#b>",
            "<host:port>/a#b",
            "<user:kv/a#b>",
            "<xpath:a#b>",
            "<pat:a b#c>",
            "%3Cdiv%3E",
            "&lt;svg&gt;",
            "\\x3cdiv\\x3e",
            "\\u003cb\\u003e",
            "\\u003cpath:kv/a#k\\u003e",
            "PHBhdGg=",
            "100%",
            "&",
        ] {
            assert_eq!(find(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn invalid_keys_are_recognised_where_keys_are_enabled() {
        for text in [
            "<user name>",
            " <user/name> ",
            "<a@b | base64encode>",
            "<größe>",
        ] {
            assert_eq!(find_key(text, true), Some(Lookalike::Key), "{text}");
            assert_eq!(find_key(text, false), None, "{text}");
        }
        for text in [
            "<user>",
            "a <user name>",
            "<br/>",
            "<a>b</a>",
            "<a b=\"c\">",
            "<>",
            "< >",
        ] {
            assert_eq!(find_key(text, true), None, "{text}");
        }
        let escaped = r#"{"a": "\u003cuser\u003e"}"#;
        assert_eq!(find_key(escaped, false), Some(Lookalike::EscapedKey));
        for text in [
            r"\u003cb\u003ex\u003c/b\u003e",
            r"\u003ca b\u003e",
            r"\u003c",
            r"\u003ca\u0020",
        ] {
            assert_eq!(find_key(text, false), None, "{text}");
        }
    }
}
