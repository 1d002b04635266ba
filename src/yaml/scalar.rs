//! Writes scalars in quotes or as literals, so that every parser reads them as strings. [`super::plain`] says which
//! texts need no quotes.

use std::fmt::Write;

use super::event::{Style, Tag};
use super::trivia::BLANKS;

/// How many bytes of indentation a literal block may have in total; beyond that the text is quoted.
const MAX_MARGIN: usize = 1 << 20;

/// A text as a quoted scalar on one line: `'…'` if the old scalar had single quotes and the text is printable,
/// otherwise `"…"` with escapes that are valid in JSON too.
#[must_use]
pub fn quote(text: &str, old: Style) -> String {
    quote_until(text, old, usize::MAX)
}

/// As [`quote`]; `None` if the result is longer than `max` bytes. Uses little more memory than that.
#[must_use]
pub fn quote_within(text: &str, old: Style, max: usize) -> Option<String> {
    let fits = |text: &str| text.len() <= max;
    let quoted = fits(text).then(|| quote_until(text, old, max))?;
    fits(&quoted).then_some(quoted)
}

fn quote_until(text: &str, old: Style, max: usize) -> String {
    if old == Style::Single && text.chars().all(is_printable) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    double_quote_until(text, max)
}

/// A text in double quotes, valid as YAML and as JSON. Characters that some parser rejects or reads as line breaks
/// are escaped; other characters beyond ASCII are not, since go-yaml rejects surrogate pairs.
#[must_use]
pub fn double_quote(text: &str) -> String {
    double_quote_until(text, usize::MAX)
}

/// As [`double_quote`], but stops once the result is longer than `max`. Only escapes make a text longer, so only
/// they are checked.
fn double_quote_until(text: &str, max: usize) -> String {
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
                // all unprintable characters are below U+10000
                let _ = write!(out, "\\u{:04x}", u32::from(ch));
            }
        }
        if out.len() > max {
            break;
        }
    }
    out.push('"');
    out
}

/// Whether a literal can hold a character. U+00A0 is read correctly by every parser; it is only invisible.
fn fits_literal(ch: char) -> bool {
    matches!(ch, '\n' | '\t' | '\u{a0}') || is_printable(ch)
}

/// Whether a line holds more than blanks; parsers may take a line of blanks for an empty one.
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

/// A literal block scalar with the value `new`, from the `|` to the last character; `None` if a literal cannot hold it
/// and it has to be quoted.
///
/// `old` is the scalar as written in the input, `old_value` its decoded text. The header, indentation and line breaks
/// of `old` are kept.
#[must_use]
pub fn literal(old: &str, old_value: &str, new: &str) -> Option<String> {
    let (header, body) = old.split_once('\n')?;
    let indicators = header.split('#').next().unwrap_or_default();
    // the document ends here without a line break: parsers that complete the last line read one, others do not
    let lacks_newline = !indicators.contains('-') && !old_value.ends_with('\n');
    // only the lines up to the last one with text are replaced, but lines of blanks after it can be content
    let last = old_value.trim_end_matches('\n').rsplit('\n').next();
    // parsers detect the indentation by the first line
    let shows_indent = !new.starts_with(BLANKS) && new.split('\n').next().is_some_and(has_text);
    let indent = literal_indent(body, old_value)?;
    let fits = !lacks_newline
        && last.is_some_and(has_text)
        && shows_indent
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
            if margin > MAX_MARGIN {
                return None;
            }
            out.push_str(&" ".repeat(indent));
            out.push_str(line);
        }
    }
    Some(out)
}

/// The indentation of a literal's content: that of its first line, if the decoded text confirms it.
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

/// Whether parsers of Kubernetes manifests read a scalar as a string: it is quoted, tagged as a string, or plain text
/// that is not null, a boolean or a number by go-yaml's rules.
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
    fn quotes_and_escapes_as_needed() {
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
            let max = expected.len();
            assert_eq!(quote(text, style), expected);
            assert_eq!(quote_within(text, style, max).as_deref(), Some(expected));
            assert_eq!(quote_within(text, style, max - 1), None);
        }
    }

    #[test]
    fn literals_stay_literals_if_possible() {
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
        // the text ends here without a line break
        assert_eq!(literal("|\n  <x>", "<x>", "a"), None);
        // followed by a line of blanks
        assert_eq!(literal("|-\n  <x>", "<x>\n  ", "a"), None);
        assert_eq!(literal("|+ # -\n  <x>", "<x>", "a"), None);
        for new in [
            " a", "\ta", "\na", "a\n", "a\n\n\n", "a\n \nb", "a\n\t\nb", "\u{85}", "\u{2028}",
            "\u{0}", "",
        ] {
            assert_eq!(literal("|-\n  <x>", "<x>", new), None, "{new:?}");
        }
        let deep = format!("|-\n{}<x>", " ".repeat(1_000));
        assert!(literal(&deep, "<x>", "a\nb").is_some());
        assert_eq!(
            literal(&deep, "<x>", &format!("a{}", "\nb".repeat(1_100))),
            None
        );
    }

    #[test]
    fn tells_strings_from_other_types() {
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
