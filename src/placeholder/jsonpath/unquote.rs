//! Quoted strings with Go's escapes.

/// The quoted string at the start of `text`, and its length in bytes including the quotes.
///
/// The quotes are `'` or `"`; Go's escapes are decoded (`\n`, `\t`, `\x41`, `\101`, `\u00e9`, `\U0001F600`, `\\`, and the
/// quote itself). `None` if there is no quoted string, it is not closed, an escape is unknown, or `\x` escapes are not
/// UTF-8.
#[must_use]
pub fn quoted(text: &str) -> Option<(String, usize)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let length = closed(text)?;
    let inside = text.get(1..length.checked_sub(1)?)?;
    Some((unescape(inside, quote)?, length))
}

/// The length in bytes of the quoted string at the start of `text`, including its quotes; `None` if it is not closed.
pub(super) fn closed(text: &str) -> Option<usize> {
    let mut chars = text.char_indices();
    let (_, quote) = chars.next()?;
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                chars.next()?;
            }
            '\n' => return None,
            _ if c == quote => return Some(at + c.len_utf8()),
            _ => {}
        }
    }
    None
}

fn unescape(text: &str, quote: char) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\\' {
            escape(&mut chars, quote, &mut bytes)?;
        } else {
            push(c, &mut bytes);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Decodes one escape, the backslash of which has been read.
fn escape(chars: &mut std::str::Chars<'_>, quote: char, bytes: &mut Vec<u8>) -> Option<()> {
    match chars.next()? {
        'a' => bytes.push(0x07),
        'b' => bytes.push(0x08),
        'f' => bytes.push(0x0c),
        'n' => bytes.push(b'\n'),
        'r' => bytes.push(b'\r'),
        't' => bytes.push(b'\t'),
        'v' => bytes.push(0x0b),
        '\\' => bytes.push(b'\\'),
        c if c == quote => push(c, bytes),
        'x' => bytes.push(u8::try_from(digits(chars, 0, 2, 16)?).ok()?),
        'u' => push(char::from_u32(digits(chars, 0, 4, 16)?)?, bytes),
        'U' => push(char::from_u32(digits(chars, 0, 8, 16)?)?, bytes),
        c => bytes.push(u8::try_from(digits(chars, c.to_digit(8)?, 2, 8)?).ok()?),
    }
    Some(())
}

fn digits(chars: &mut std::str::Chars<'_>, start: u32, count: u32, base: u32) -> Option<u32> {
    (0..count).try_fold(start, |number, _| {
        number
            .checked_mul(base)?
            .checked_add(chars.next()?.to_digit(base)?)
    })
}

fn push(c: char, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}
