//! Writing scalars in quotes, so that no reader of any YAML version takes a text for another type; which texts need
//! none, [`super::plain`] knows.

use std::fmt::Write;

use super::event::{Style, Tag};
use super::trivia::BLANKS;

/// The longest margin of a literal block, all its lines together; with a longer one it is quoted.
const MARGIN: usize = 1 << 20;

/// A text as a scalar of one line: `'…'` where the old scalar had single quotes and the text is
/// printable, else `"…"` with escapes that JSON knows too.
#[must_use]
pub fn quote(text: &str, old: Style) -> String {
    quote_until(text, old, usize::MAX)
}

/// As [`quote`]; `None` if that is longer than `most` bytes, and not much more memory is then taken.
#[must_use]
pub fn quote_within(text: &str, old: Style, most: usize) -> Option<String> {
    let fits = |text: &str| text.len() <= most;
    let quoted = fits(text).then(|| quote_until(text, old, most))?;
    fits(&quoted).then_some(quoted)
}

fn quote_until(text: &str, old: Style, most: usize) -> String {
    if old == Style::Single && text.chars().all(is_printable) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    double_quote_until(text, most)
}

/// A text between double quotes, valid as YAML and as JSON. Everything that some reader refuses or
/// takes for a line break is escaped; other characters beyond ASCII stay as they are, since go-yaml
/// refuses surrogate pairs.
#[must_use]
pub fn double_quote(text: &str) -> String {
    double_quote_until(text, usize::MAX)
}

/// As [`double_quote`], until it is longer than `most`; only what is escaped grows.
fn double_quote_until(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for ch in text.chars() {
        match ch {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ch if is_printable(ch) => {
                out.push(ch);
                continue;
            }
            ch => {
                // all unprintable characters lie below U+10000
                let _ = write!(out, "\\u{:04x}", u32::from(ch));
            }
        }
        if out.len() > most {
            break;
        }
    }
    out.push('"');
    out
}

/// A line break, or what stands as it is in a literal; U+00A0 does in all readers, it is but not seen.
fn fits_literal(ch: char) -> bool {
    matches!(ch, '\n' | '\t' | '\u{a0}') || is_printable(ch)
}

/// Whether a line holds more than blanks: without it, it could be taken for an empty one.
fn has_text(line: &str) -> bool {
    !line.trim_matches(BLANKS).is_empty()
}

fn is_printable(ch: char) -> bool {
    !(ch.is_control()
        || matches!(
            ch,
            '\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        ))
}

/// The text of a literal block scalar's body in place of the old one, from the `|` to the last
/// character; `None` where a literal cannot hold it and it has to be quoted.
///
/// `old` is the scalar as it stands in the input, `old_value` its decoded text.
#[must_use]
pub fn literal(old: &str, old_value: &str, new: &str) -> Option<String> {
    let (header, body) = old.split_once('\n')?;
    let indicators = header.split('#').next().unwrap_or_default();
    // the end of the text is its last line's: readers that end each line read a line break there, others not
    let is_cut = !indicators.contains('-') && !old_value.ends_with('\n');
    // lines of blanks that are content stand behind the last one with text, which is all that is replaced
    let last = old_value.trim_end_matches('\n').rsplit('\n').next();
    // the first line says how far the text is indented
    let leads = !new.starts_with(BLANKS) && new.split('\n').next().is_some_and(has_text);
    let indent = literal_indent(body, old_value)?;
    let fits = !is_cut
        && last.is_some_and(has_text)
        && leads
        && trailing_newlines(new) == trailing_newlines(old_value)
        && new.chars().all(fits_literal)
        && new
            .split('\n')
            .all(|line| line.is_empty() || has_text(line));
    if !fits {
        return None;
    }
    let eol = if header.ends_with('\r') { "\r\n" } else { "\n" };
    let mut out = String::with_capacity(old.len() + new.len());
    out.push_str(header.strip_suffix('\r').unwrap_or(header));
    let mut margin = 0_usize;
    for line in new.trim_end_matches('\n').split('\n') {
        out.push_str(eol);
        if !line.is_empty() {
            margin = margin.saturating_add(indent);
            if margin > MARGIN {
                return None;
            }
            out.push_str(&" ".repeat(indent));
            out.push_str(line);
        }
    }
    Some(out)
}

/// The indentation of a literal's content: that of its first line, when the decoded text confirms it.
fn literal_indent(body: &str, old_value: &str) -> Option<usize> {
    let first = body.split('\n').next()?;
    let first = first.strip_suffix('\r').unwrap_or(first);
    let value = old_value.split('\n').next()?;
    let blanks = first.strip_suffix(value)?;
    (!value.is_empty() && blanks.bytes().all(|byte| byte == b' ')).then_some(blanks.len())
}

fn trailing_newlines(text: &str) -> usize {
    text.len() - text.trim_end_matches('\n').len()
}

/// Whether a scalar is a string to every reader of Kubernetes manifests: quoted, tagged as one, or
/// plain text that no YAML 1.1 or 1.2 reader takes for null, a boolean or a number (go-yaml's rules).
#[must_use]
pub fn is_string(text: &str, style: Style, tag: Tag) -> bool {
    match (tag, style) {
        (Tag::Str | Tag::Bare, _)
        | (Tag::None, Style::Single | Style::Double | Style::Literal | Style::Folded) => true,
        (Tag::None, Style::Plain) => !is_other_type(text),
        _ => false,
    }
}

fn is_other_type(text: &str) -> bool {
    matches!(
        text,
        "~" | "null" | "Null" | "NULL" | "true" | "True" | "TRUE" | "false" | "False" | "FALSE"
    ) || is_number(text)
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(
        unsigned,
        ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN"
    ) {
        return true;
    }
    let digits = unsigned.replace('_', "");
    let radix = |prefix: &str, radix: u32| {
        digits
            .strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|ch| ch.is_digit(radix)))
    };
    radix("0x", 16)
        || radix("0o", 8)
        || radix("0b", 2)
        || (digits.starts_with(|ch: char| ch.is_ascii_digit() || ch == '.')
            && digits.bytes().any(|byte| byte.is_ascii_digit())
            && digits.parse::<f64>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_what_readers_disagree_on() {
        for (text, style, expected) in [
            ("plain", Style::Plain, "\"plain\""),
            ("it's", Style::Single, "'it''s'"),
            ("a\nb", Style::Single, "\"a\\nb\""),
            ("q\"\\", Style::Double, "\"q\\\"\\\\\""),
            (
                "\u{0}\u{7f}\u{85}\u{2028}\u{feff}\u{ffff}",
                Style::Plain,
                "\"\\u0000\\u007f\\u0085\\u2028\\ufeff\\uffff\"",
            ),
            ("é😀", Style::Plain, "\"é😀\""),
        ] {
            let most = expected.len();
            assert_eq!(quote(text, style), expected);
            assert_eq!(quote_within(text, style, most).as_deref(), Some(expected));
            assert_eq!(quote_within(text, style, most - 1), None);
        }
    }

    #[test]
    fn literals_stay_literals_where_they_can() {
        let old = "|\n    a: <x>\n\n    b";
        assert_eq!(
            literal(old, "a: <x>\n\nb\n", "a: 1\n\nb\n").as_deref(),
            Some("|\n    a: 1\n\n    b")
        );
        assert_eq!(
            literal("|- # c\r\n  <x>", "<x>", "1\n2").as_deref(),
            Some("|- # c\r\n  1\r\n  2")
        );
        for new in [
            "a ",
            "a\t\nb",
            "\u{3000}a\u{2003}",
            "a\u{a0}\n\u{a0}",
            "\u{1680}",
        ] {
            let written = format!("|-\n  {}", new.replace('\n', "\n  "));
            assert_eq!(literal("|-\n  <x>", "<x>", new), Some(written), "{new:?}");
        }
        // the text ends with it, without a line break
        assert_eq!(literal("|\n  <x>", "<x>", "a"), None);
        // a line of blanks stays behind it
        assert_eq!(literal("|-\n  <x>", "<x>\n  ", "a"), None);
        assert_eq!(literal("|+ # -\n  <x>", "<x>", "a"), None);
        for new in [
            " a", "\ta", "\na", "a\n", "a\n\n\n", "a\n \nb", "a\n\t\nb", "\u{85}", "\u{2028}",
            "\u{0}", "",
        ] {
            assert_eq!(literal("|-\n  <x>", "<x>", new), None, "{new:?}");
        }
        let far = format!("|-\n{}<x>", " ".repeat(1_000));
        assert!(literal(&far, "<x>", "a\nb").is_some());
        assert_eq!(
            literal(&far, "<x>", &format!("a{}", "\nb".repeat(1_100))),
            None
        );
    }

    #[test]
    fn knows_strings_from_other_types() {
        for text in [
            "nginx", "1.2.3", "a:1", "0x", "1e", "yes", "12:30", "-", ".", "+", "1_a", "infinity",
        ] {
            assert!(is_string(text, Style::Plain, Tag::None), "{text}");
        }
        for text in [
            "1", "1.0", ".5", "1.", "-1e3", "0x1F", "0o17", "0b1", "1_000", "null", "True", "-.inf",
        ] {
            assert!(!is_string(text, Style::Plain, Tag::None), "{text}");
            assert!(is_string(text, Style::Double, Tag::None), "{text}");
        }
    }
}
