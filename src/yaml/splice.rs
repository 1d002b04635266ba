//! Edits as values: a span of the text, and what stands there afterwards.

use std::ops::Range;

use super::event::Span;

/// One replacement; an empty span inserts.
#[derive(Clone, PartialEq, Eq)]
pub struct Splice {
    /// What goes away.
    pub span: Span,
    /// What comes in its place.
    pub text: String,
    /// Where a scalar replaces a scalar: the parts of its new value that have stood in the old one, in
    /// order, each as long as it stood there. All the rest is new.
    pub kept: Vec<Range<usize>>,
    /// Where the values of secrets begin in the new text, in order.
    pub values: Vec<usize>,
}

impl Splice {
    /// A replacement that keeps nothing of what was there.
    #[must_use]
    pub fn new(span: Span, text: String) -> Self {
        Self {
            span,
            text,
            kept: Vec::new(),
            values: Vec::new(),
        }
    }
}

impl std::fmt::Debug for Splice {
    /// The text may be a secret: only its length is shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Span { start, end } = self.span;
        write!(f, "Splice({start}..{end}, {} bytes)", self.text.len())
    }
}

/// The pieces of `text[range]` with the splices put in: write them one after the other.
///
/// `splices` are sorted by span and do not overlap; a piece that would lie outside the text or
/// before the previous splice is empty, and verification then fails.
pub fn pieces<'t>(
    text: &'t str,
    range: Span,
    splices: &'t [Splice],
) -> impl Iterator<Item = &'t str> {
    let mut at = range.start;
    let between = splices.iter().flat_map(move |splice| {
        let kept = text.get(at..splice.span.start).unwrap_or("");
        at = splice.span.end;
        [kept, splice.text.as_str()]
    });
    let rest = splices.last().map_or(range.start, |last| last.span.end);
    between.chain(std::iter::once(text.get(rest..range.end).unwrap_or("")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn splice(start: usize, end: usize, text: &str) -> Splice {
        Splice::new(Span { start, end }, text.to_owned())
    }

    #[test]
    fn puts_splices_between_what_is_kept() {
        let text = "abcdef";
        let all = Span { start: 1, end: 6 };
        let splices = [splice(1, 2, "X"), splice(3, 3, "Y"), splice(4, 6, "")];
        assert_eq!(pieces(text, all, &splices).collect::<String>(), "XcYd");
        assert_eq!(pieces(text, all, &[]).collect::<String>(), "bcdef");
    }
}
