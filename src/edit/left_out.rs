//! Takes a whole document out of a text, so that those around it stay apart.

use crate::yaml::event::Span;
use crate::yaml::splice::Splice;

/// Adds to `splices`, which are sorted, one that takes out the document at `span`; documents are taken out in
/// the order of the text.
///
/// A span begins where the document before it ends, which can be in the middle of a line, and holds the `---` in
/// front of its document.
pub fn take(text: &str, span: Span, splices: &mut Vec<Splice>) {
    let start = line_start(text, span.start);
    let end = line_start(text, span.end);
    // behind what is put at the end of the document before it
    let at = splices.partition_point(|splice| splice.span.end <= start);
    let between = separator(&text[..start], &text[end..]);
    splices.insert(at, Splice::new(Span { start, end }, between.to_owned()));
}

/// Where the line ends that `at` is in, unless `at` begins one.
fn line_start(text: &str, at: usize) -> usize {
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

/// What has to be written between two parts of a text that were apart.
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
