//! Edits as values: a span of the text and its replacement.

use std::ops::Range;

use super::event::Span;

/// One replacement; with an empty span, an insertion.
#[derive(Clone, PartialEq, Eq)]
pub struct Splice {
    /// The bytes to replace.
    pub span: Span,
    /// The replacement.
    pub text: String,
    /// If a scalar replaces a scalar: the ranges of its new (decoded) value that were copied unchanged from the old
    /// one, in order. Everything else is new.
    pub kept: Vec<Range<usize>>,
    /// Offsets in `text` at which secret values begin, in order.
    pub values: Vec<usize>,
}

impl Splice {
    /// A replacement that keeps nothing of the old text and holds no secret.
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
    /// Shows only the length of the text, which may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Span { start, end } = self.span;
        write!(f, "Splice({start}..{end}, {} bytes)", self.text.len())
    }
}

/// `text[range]` with the splices applied, as a sequence of slices to be concatenated.
///
/// `splices` must be sorted by span and must not overlap. A slice that would be outside the text or before the
/// previous splice is empty; verification then fails.
pub fn spliced<'t>(
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
    fn splices_replace_insert_and_remove() {
        let text = "abcdef";
        let all = Span { start: 1, end: 6 };
        let splices = [splice(1, 2, "X"), splice(3, 3, "Y"), splice(4, 6, "")];
        assert_eq!(spliced(text, all, &splices).collect::<String>(), "XcYd");
        assert_eq!(spliced(text, all, &[]).collect::<String>(), "bcdef");
    }
}
