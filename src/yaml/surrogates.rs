//! Rewrites surrogate pairs, JSON's escapes for characters beyond U+FFFF, which libyaml rejects.

use std::borrow::Cow;
use std::fmt::Write;

use super::event::{Event, Events, Span, Style};

/// The text with `\U0001f600` for `\ud83d\ude00` in double-quoted scalars, which every YAML parser accepts. Borrowed
/// if there is no such pair, or if the text is not valid YAML.
#[must_use]
pub fn joined(text: &str) -> Cow<'_, str> {
    let Some(spans) = quoted_with_pairs(text) else {
        return Cow::Borrowed(text);
    };
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for span in spans {
        out.push_str(&text[done..span.start]);
        join(&text[span.range()], &mut out);
        done = span.end;
    }
    out.push_str(&text[done..]);
    Cow::Owned(out)
}

/// The double-quoted scalars that may hold a pair; `None` if there are none.
fn quoted_with_pairs(text: &str) -> Option<Vec<Span>> {
    if !may_have_pair(text) {
        return None;
    }
    let mut events = Events::new(text);
    let mut spans = Vec::new();
    while let Some((event, span)) = events.pull().ok()? {
        if let Event::Scalar {
            style: Style::Double,
            ..
        } = event
            && may_have_pair(&text[span.range()])
        {
            spans.push(span);
        }
    }
    (!spans.is_empty()).then_some(spans)
}

fn may_have_pair(text: &str) -> bool {
    ["\\ud", "\\uD"].iter().any(|sign| text.contains(sign))
}

fn join(quoted: &str, out: &mut String) {
    let mut rest = quoted;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        if let Some((character, after)) = pair(escape) {
            let _ = write!(out, "\\U{:08x}", u32::from(character));
            rest = after;
        } else {
            // a backslash and the character it escapes
            let length = 1 + escape[1..].chars().next().map_or(0, char::len_utf8);
            out.push_str(&escape[..length]);
            rest = &escape[length..];
        }
    }
    out.push_str(rest);
}

/// The character of a pair at the start of `text`, and the text after the pair.
fn pair(text: &str) -> Option<(char, &str)> {
    let half = |text: &str| u16::from_str_radix(text.strip_prefix("\\u")?, 16).ok();
    let halves = [half(text.get(..6)?)?, half(text.get(6..12)?)?];
    let mut characters = char::decode_utf16(halves);
    let character = characters
        .next()?
        .ok()
        .filter(|ch| u32::from(*ch) > 0xffff)?;
    Some((character, &text[12..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_joined_only_in_double_quotes() {
        for (text, expected) in [
            (r#"{"a": "\ud83d\ude00"}"#, r#"{"a": "\U0001f600"}"#),
            (
                r#""\uD83D\uDE00\\ud83d\u00e9\"é": '\ud83d\ude00'"#,
                r#""\U0001f600\\ud83d\u00e9\"é": '\ud83d\ude00'"#,
            ),
            (r"a: \ud83d\ude00", r"a: \ud83d\ude00"),
            (r#""\ud83d""#, r#""\ud83d""#),
            (r#""\ud83d\u0041""#, r#""\ud83d\u0041""#),
        ] {
            assert_eq!(joined(text), expected);
        }
    }
}
