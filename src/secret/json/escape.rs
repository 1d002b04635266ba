//! The escapes inside JSON strings, both ways.

use zeroize::Zeroizing;

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

/// What is escaped grows, so that is where it is seen whether it has grown too long.
pub(super) fn write_escaped(text: &str, html: bool, most: usize, out: &mut String) {
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

/// The character that the escape at the start of `text`, a backslash, stands for, and the escape's length in bytes. A
/// surrogate without its other half is U+FFFD, as with Go.
///
/// # Errors
/// Where in `text` it stops being an escape; its length if it is cut off.
pub(crate) fn decode(text: &[u8]) -> Result<(char, usize), usize> {
    let simple = |ch| Ok((ch, 2));
    match text.get(1) {
        Some(b'"') => simple('"'),
        Some(b'\\') => simple('\\'),
        Some(b'/') => simple('/'),
        Some(b'b') => simple('\u{8}'),
        Some(b'f') => simple('\u{c}'),
        Some(b'n') => simple('\n'),
        Some(b'r') => simple('\r'),
        Some(b't') => simple('\t'),
        Some(b'u') => code(text),
        _ => Err(1),
    }
}

/// `\uXXXX`, or two of them that are a surrogate pair.
fn code(text: &[u8]) -> Result<(char, usize), usize> {
    let first = unit(text, 2)?;
    if let Some(ch) = char::from_u32(first.into()) {
        return Ok((ch, 6));
    }
    let second = text.get(6..8) == Some(b"\\u");
    let second = second.then(|| unit(text, 8)).transpose()?;
    let pair = second.and_then(|second| char::decode_utf16([first, second]).next()?.ok());
    Ok(pair.map_or((char::REPLACEMENT_CHARACTER, 6), |ch| (ch, 12)))
}

/// The four hexadecimal digits at `from`.
fn unit(text: &[u8], from: usize) -> Result<u16, usize> {
    let mut unit = 0;
    for at in from..from + 4 {
        let digit = text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        unit = unit * 16 + digit.ok_or(at)?;
    }
    u16::try_from(unit).map_err(|_| from)
}

/// Decodes the start of the inside of a JSON string, with the offset in `text` of every decoded byte and of the end;
/// stops at a `"`, at what is not an escape, and at `limit` bytes.
pub(crate) fn decode_start(text: &[u8], limit: usize) -> (Vec<u8>, Vec<usize>) {
    let (mut decoded, mut offsets) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < text.len() && decoded.len() < limit {
        let (ch, length) = match text[at] {
            b'"' => break,
            b'\\' => match decode(&text[at..]) {
                Ok(found) => found,
                Err(_) => break,
            },
            byte => {
                decoded.push(byte);
                offsets.push(at);
                at += 1;
                continue;
            }
        };
        let mut buffer = [0; 4];
        for byte in ch.encode_utf8(&mut buffer).bytes() {
            decoded.push(byte);
            offsets.push(at);
        }
        at += length;
    }
    offsets.push(at);
    (decoded, offsets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escape_is_a_character_or_ends_somewhere() {
        for (text, expected) in [
            (r"\n", Ok(('\n', 2))),
            (r"\u00e9x", Ok(('é', 6))),
            (r"\ud83d\ude00", Ok(('😀', 12))),
            (r"\ud83d", Ok(('\u{fffd}', 6))),
            (r"\ud83d\u0041", Ok(('\u{fffd}', 6))),
            (r"\ude00\ud83d", Ok(('\u{fffd}', 6))),
            (r"\ud83d\u12", Err(10)),
            (r"\u00g0", Err(4)),
            (r"\u00", Err(4)),
            (r"\x", Err(1)),
            (r"\", Err(1)),
        ] {
            assert_eq!(decode(text.as_bytes()), expected, "{text}");
        }
    }
}
