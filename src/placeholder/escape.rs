//! The escape of a placeholder that is meant literally: `<!path:…>` gives `<path:…>`.

use std::ops::Range;

use super::escaped_bracket;
use crate::secret::json::escape::decode_start;

/// How it begins.
pub const ESCAPE: &[u8] = b"<!path:";

/// Where the `!` stands of an escape whose bracket is at the start of `text`, in a JSON text with any of its
/// characters escaped.
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
