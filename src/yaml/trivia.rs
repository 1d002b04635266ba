//! What stands between the nodes of a text, where spans do not say it: lines, comments, the commas of
//! flow mappings, and what a key has in front of it.

/// What ends a line in YAML 1.2.
pub const BREAKS: [char; 2] = ['\n', '\r'];
/// What separates in a line. Other characters that look empty, such as U+00A0 and U+3000, are content.
pub const BLANKS: [char; 2] = [' ', '\t'];
/// Both.
pub const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// Where the line that `at` stands on begins. Lines end in LF, CR LF or CR alone.
#[must_use]
pub fn line_start(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    before.rfind(BREAKS).map_or(0, |newline| newline + 1)
}

/// Where the line that `at` stands on ends: at its line break, or with the text.
#[must_use]
pub fn line_end(text: &str, at: usize) -> usize {
    let behind = text.get(at..).unwrap_or_default();
    behind
        .find(BREAKS)
        .map_or(text.len(), |newline| at + newline)
}

/// Where the line behind that of `at` begins; the text's length if there is none.
#[must_use]
pub fn next_line(text: &str, at: usize) -> usize {
    let end = line_end(text, at);
    let behind = text.get(end..).unwrap_or_default();
    let breaks = match behind.as_bytes() {
        [b'\r', b'\n', ..] => 2,
        [] => 0,
        _ => 1,
    };
    end + breaks
}

/// Whether nothing but blanks (and a byte order mark) stands before `at` on its line.
#[must_use]
pub fn starts_line(text: &str, at: usize) -> bool {
    let before = text.get(line_start(text, at)..at).unwrap_or_default();
    before
        .trim_start_matches('\u{feff}')
        .trim_matches(BLANKS)
        .is_empty()
}

/// The next character at or behind `at` that is neither blank nor part of a comment.
#[must_use]
pub fn skip(text: &str, mut at: usize) -> usize {
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let content = rest.trim_start_matches(SPACE);
        at += rest.len() - content.len();
        if !content.starts_with('#') {
            return at;
        }
        at = line_end(text, at);
    }
}

/// The comma behind an entry of a flow mapping whose last scalar or bracket ends at `at`: there may be
/// comments before it, and the colon and the properties of a value that is not there.
#[must_use]
pub fn comma(text: &str, mut at: usize) -> Option<usize> {
    loop {
        at = skip(text, at);
        let rest = text.get(at..)?;
        at += match rest.as_bytes().first()? {
            b',' => return Some(at),
            b':' => 1,
            b'!' if rest.starts_with("!<") => rest.find('>')? + 1,
            b'&' | b'!' => rest.find(|ch: char| {
                SPACE.contains(&ch) || matches!(ch, ',' | '[' | ']' | '{' | '}')
            })?,
            _ => return None,
        };
    }
}

/// Where a key of a block mapping whose text begins at `at` begins with its anchor and its tag, `count` of them,
/// which are on the same line.
#[must_use]
pub fn with_props(text: &str, at: usize, count: usize) -> usize {
    let line = line_start(text, at);
    let mut start = at;
    for _ in 0..count {
        let before = text.get(line..start).unwrap_or_default();
        let token = before.trim_end_matches(BLANKS);
        let begin = token.rfind(BLANKS).map_or(0, |blank| blank + 1);
        if !token[begin..].starts_with(['&', '!']) {
            break;
        }
        start = line + begin;
    }
    start
}

/// Whether a text holds nothing but blanks and line breaks.
#[must_use]
pub fn is_blank(text: &str) -> bool {
    text.trim_matches(SPACE).is_empty()
}

/// Whether a colon follows on the same line: that of a key without `?`, in a block mapping.
#[must_use]
pub fn colon_follows(text: &str, at: usize) -> bool {
    let rest = text.get(at..).unwrap_or_default();
    rest.trim_start_matches(BLANKS).starts_with(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_all_line_breaks() {
        for text in ["a\nbc", "a\rbc"] {
            assert_eq!(
                (line_start(text, 3), line_end(text, 0), next_line(text, 0)),
                (2, 1, 2)
            );
        }
        assert_eq!((next_line("a\r\nb", 0), next_line("a", 0)), (3, 1));
        assert!(starts_line("a\r  b", 4) && !starts_line("a b", 2));
    }

    #[test]
    fn what_looks_empty_is_content() {
        for content in [
            "\u{85}", "\u{a0}", "\u{1680}", "\u{2003}", "\u{2028}", "\u{3000}", "\u{b}", "\u{c}",
        ] {
            let text = format!("{{ # c{content}\n {content}: 1}}");
            let at = text.rfind(content).unwrap();
            assert_eq!(skip(&text, 1), at, "{text:?}");
            assert_eq!(line_start(&text, at), at - 1);
            assert!(starts_line(&text, at) && !starts_line(&text, at + content.len()));
            assert!(!is_blank(content) && is_blank(" \t\r\n"));
        }
    }

    #[test]
    fn finds_commas_behind_what_no_span_covers() {
        for (text, at) in [
            ("1, b", Some(1)),
            ("1 # a, b\n , b", Some(10)),
            ("1: , b", Some(3)),
            ("1: !<x,y> &a , b", Some(13)),
            ("1: !!str, b", Some(8)),
            ("1 }", None),
            ("1", None),
            ("1: &\u{a0}a\u{3000} , b", Some(11)),
            ("1\u{a0}, b", None),
        ] {
            assert_eq!(comma(text, 1), at, "{text}");
        }
    }

    #[test]
    fn keys_begin_with_their_properties() {
        assert_eq!(with_props("- !!str  &a b: c", 12, 2), 2);
        assert_eq!(with_props("&a !!str b: c", 9, 1), 3);
    }
}
