//! What of a scalar has stood there before any value was put in; the rest has come from a secret.

use std::ops::Range;

use crate::yaml::splice::Splice;

/// The edits that have put the values in, each with the place where it begins in the edited text.
pub(super) struct Edits<'s>(Vec<(usize, &'s Splice)>);

impl<'s> Edits<'s> {
    /// The edits of one text, in its order.
    pub(super) fn new(splices: &'s [Splice]) -> Self {
        let (mut read, mut written) = (0, 0);
        let placed = splices.iter().map(|splice| {
            let at = written + splice.span.start.saturating_sub(read);
            (read, written) = (splice.span.end, at + splice.text.len());
            (at, splice)
        });
        Self(placed.collect())
    }

    /// What is kept of the scalar that begins at `at` in the edited text.
    pub(super) fn kept(&self, at: usize) -> Kept<'s> {
        let behind = self.0.partition_point(|&(start, _)| start <= at);
        match behind.checked_sub(1).and_then(|last| self.0.get(last)) {
            Some(&(start, splice)) if at < start + splice.text.len() => {
                // below the first node of what was put in all is new
                let parts = if start == at { &*splice.kept } else { &[] };
                Kept::Parts(parts)
            }
            _ => Kept::All,
        }
    }
}

/// What of a scalar's value has stood in the old one.
#[derive(Clone, Copy)]
pub(super) enum Kept<'s> {
    /// Everything: nobody has edited it.
    All,
    /// These parts; what stands between them, even if it is empty, is new.
    Parts(&'s [Range<usize>]),
}

impl Kept<'_> {
    /// The kept parts of a value, each with its place.
    pub(super) fn parts(self, value: &str) -> impl Iterator<Item = (usize, &str)> {
        let (all, parts) = match self {
            Self::All => (Some(0..value.len()), [].as_slice()),
            Self::Parts(parts) => (None, parts),
        };
        let parts = all.into_iter().chain(parts.iter().cloned());
        parts.filter_map(|part| Some((part.start, value.get(part)?)))
    }
}
