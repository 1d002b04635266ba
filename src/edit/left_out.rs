//! Removes a whole document from a text, and keeps the documents around it separate.

use crate::yaml::event::Span;
use crate::yaml::splice::Splice;

/// Adds a splice to `splices`, which are sorted, that removes the document at `span`. Documents must be removed in the
/// order of the text.
///
/// A span begins where the previous document ends, possibly in the middle of a line, and includes the `---` before
/// its document.
pub fn remove(text: &str, span: Span, splices: &mut Vec<Splice>) {
    let start = next_line_start(text, span.start);
    let end = next_line_start(text, span.end);
    // after an insertion at the end of the previous document
    let at = splices.partition_point(|splice| splice.span.end <= start);
    let between = separator(&text[..start], &text[end..]);
    splices.insert(at, Splice::new(Span { start, end }, between.to_owned()));
}

/// The first start of a line at or after `at`.
fn next_line_start(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    if at == 0 || matches!(bytes[at - 1], b'\n' | b'\r') {
        return at;
    }
    match memchr::memchr2(b'\n', b'\r', &bytes[at..]) {
        None => text.len(),
        Some(end) if bytes[at + end..].starts_with(b"\r\n") => at + end + 2,
        Some(end) => at + end + 1,
    }
}

/// The document separator to write between two parts of a text, if they need one.
fn separator(before: &str, after: &str) -> &'static str {
    let mut lines = after.lines().map(str::trim_ascii_end);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
    match first {
        None => "",
        Some(_)
            if before
                .trim_start_matches('\u{feff}')
                .trim_ascii()
                .is_empty() =>
        {
            ""
        }
        Some(line) if line.starts_with("---") => "",
        Some(line) if line.starts_with('%') => "...\n",
        Some(_) => "---\n",
    }
}
