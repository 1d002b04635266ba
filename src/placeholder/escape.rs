//! The escape for a literal placeholder: `<!path:…>` is written as `<path:…>`.

use std::ops::Range;

use super::escaped_bracket;
use crate::secret::json::escape::decode_start;

/// The start of an escape.
pub const ESCAPE: &[u8] = b"<!path:";

/// The range of the `!` of an escape at the start of `text`, any characters of which may be escaped as in a JSON string.
pub(super) fn mark(text: &[u8]) -> Option<Range<usize>> {
    if text.starts_with(ESCAPE) {
        return Some(1..2);
    }
    if !escaped_bracket(text, b'c') {
        return None;
    }
    let (decoded, offsets) = decode_start(text, ESCAPE.len());
    (decoded == ESCAPE).then(|| offsets[1]..offsets[2])
}
