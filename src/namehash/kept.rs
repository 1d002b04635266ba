//! Tells which parts of a scalar are from the manifest, and which from a secret.

use std::ops::Range;

use crate::yaml::splice::Splice;

/// The edits that filled in values, each with its offset in the edited text.
pub(super) struct Edits<'s>(Vec<(usize, &'s Splice)>);

impl<'s> Edits<'s> {
    /// The edits of one text, sorted by place.
    pub(super) fn new(splices: &'s [Splice]) -> Self {
        let (mut read, mut written) = (0, 0);
        let placed = splices.iter().map(|splice| {
            let at = written + splice.span.start.saturating_sub(read);
            (read, written) = (splice.span.end, at + splice.text.len());
            (at, splice)
        });
        Self(placed.collect())
    }

    /// The kept parts of the scalar at offset `at` of the edited text.
    pub(super) fn kept(&self, at: usize) -> Kept<'s> {
        let after = self.0.partition_point(|&(start, _)| start <= at);
        match after.checked_sub(1).and_then(|last| self.0.get(last)) {
            Some(&(start, splice)) if at < start + splice.text.len() => {
                // if a map was inserted, its nodes are all new
                let parts = if start == at { &*splice.kept } else { &[] };
                Kept::Parts(parts)
            }
            _ => Kept::All,
        }
    }
}

/// The parts of a scalar's value that were there before the edit.
#[derive(Clone, Copy)]
pub(super) enum Kept<'s> {
    /// All of it: it was not edited.
    All,
    /// These ranges. A new part, possibly empty, is between any two of them.
    Parts(&'s [Range<usize>]),
}

impl Kept<'_> {
    /// The kept parts of `value`, each with its offset.
    pub(super) fn parts(self, value: &str) -> impl Iterator<Item = (usize, &str)> {
        let (all, parts) = match self {
            Self::All => (Some(0..value.len()), [].as_slice()),
            Self::Parts(parts) => (None, parts),
        };
        let parts = all.into_iter().chain(parts.iter().cloned());
        parts.filter_map(|part| Some((part.start, value.get(part)?)))
    }
}
