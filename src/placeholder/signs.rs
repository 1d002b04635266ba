//! Fast checks of the bytes of a YAML text, so that most texts need not be parsed.

use memchr::memmem;

use super::escape::ESCAPE;
use super::lookalike;

/// The common prefixes of a `<` as YAML and JSON may escape it.
const ESCAPED_BRACKETS: [&[u8]; 3] = [b"\\u003", b"\\x3", b"\\U0000003"];

/// Whether any scalar of the text may hold `<path:…>`, an escape or a lookalike. `<key>` does not count.
#[must_use]
pub fn may_hold(text: &[u8]) -> bool {
    let mut signs = [b"<path:", ESCAPE].into_iter().chain(ESCAPED_BRACKETS);
    signs.any(|sign| memmem::find(text, sign).is_some()) || lookalike::find(text).is_some()
}

/// Whether the text contains `<path:`, with a plain or an escaped bracket. Other escapes, which are common in texts of
/// other programs, do not count.
#[must_use]
pub fn has_path(text: &[u8]) -> bool {
    memmem::find_iter(text, b"path:").any(|at| at > 0 && matches!(text[at - 1], b'<' | b'c' | b'C'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_detected_however_they_are_written() {
        for text in [
            "a: <path:kv/a#b>",
            "a: <!path:b>",
            r#"a: "\u003cpath:kv/a#b\u003e""#,
            r#"a: "\U0000003Cpath:kv/a#b>""#,
            r#"a: "\x3cpath:kv/a#b>""#,
            "a: <PATH:kv/a#b>",
            "a: %3Cpath:kv/a#b%3E",
        ] {
            assert!(may_hold(text.as_bytes()), "{text}");
        }
        for text in ["a: <b>", "path: /x", r"a: \u00e9", ""] {
            assert!(!may_hold(text.as_bytes()), "{text}");
            assert!(!has_path(text.as_bytes()), "{text}");
        }
        assert!(has_path(b"a: <path:kv/a#b>") && has_path(br#"a: "\u003Cpath:kv/a#b""#));
        assert!(!has_path(br#"a: "\u003cb\u003e path: x""#));
    }
}
