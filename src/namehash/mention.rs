//! Finds the names of renamed objects in a scalar.

use std::cmp::Reverse;
use std::ops::Range;

use super::kept::Kept;
use super::names::{Names, Replacement};
use super::token::{self, LENGTH, tokens};

/// A name in a scalar's value.
pub(super) struct Mention<'v> {
    /// The offset of its hash in the value.
    pub(super) at: usize,
    /// The name, with its old hash.
    pub(super) word: &'v str,
    /// Its new hash.
    pub(super) hash: &'v str,
}

/// The mentions in `value`, in order; `None` if one of them is ambiguous. `meaning` maps a word, and the ranges of it
/// that are from the manifest, to its replacement.
///
/// Words are looked for in the kept parts only: a secret value next to a name is not part of it, and a name inside a
/// secret value does not count. Only a name that holds a placeholder itself may span both, and then the same parts of
/// it must be from the manifest as in the object's own name.
pub(super) fn find<'v>(
    value: &'v str,
    kept: Kept<'_>,
    names: &'v Names,
    meaning: impl Fn(&str, &[Range<usize>]) -> Replacement<'v>,
) -> Option<Vec<Mention<'v>>> {
    let mut found = Vec::new();
    if let Kept::Parts(parts) = kept {
        for place in names.templated_in(value) {
            let at = place.end - LENGTH;
            let (Some(fixed), Some(word)) =
                (fixed_parts(value, parts, &place), value.get(place.clone()))
            else {
                continue;
            };
            match meaning(word, &fixed) {
                Replacement::Unchanged => {}
                Replacement::Hash(hash) => found.push(Mention { at, word, hash }),
                Replacement::Ambiguous => return None,
            }
        }
        // one name can be the end of another: prefer the longer one
        found.sort_by_key(|mention| (mention.at, Reverse(mention.word.len())));
        found.dedup_by_key(|mention| mention.at);
    }
    let templated = found.len();
    for (start, part) in kept.parts(value) {
        for token in tokens(part) {
            let (at, word) = (start + token.hash_at(), token.word);
            if found[..templated]
                .binary_search_by_key(&at, |mention| mention.at)
                .is_ok()
            {
                continue;
            }
            let fixed = Range {
                start: 0,
                end: word.len(),
            };
            match meaning(word, &[fixed]) {
                Replacement::Unchanged => {}
                Replacement::Hash(hash) => found.push(Mention { at, word, hash }),
                Replacement::Ambiguous => return None,
            }
        }
    }
    found.sort_by_key(|mention| mention.at);
    Some(found)
}

/// The kept ranges of the word at `word`, relative to its start; `None` if it is only a part of a longer word or of a
/// secret value.
fn fixed_parts(
    value: &str,
    parts: &[Range<usize>],
    word: &Range<usize>,
) -> Option<Vec<Range<usize>>> {
    let Range { start, end } = *word;
    let first = parts.partition_point(|part| part.end < start);
    let parts = parts.get(first..).unwrap_or_default().iter();
    let mut parts = parts.take_while(|part| part.start <= end);
    let is_name = |at: usize| {
        value
            .as_bytes()
            .get(at)
            .copied()
            .is_some_and(token::is_name)
    };
    let begins =
        |part: &Range<usize>| part.start == start || (part.start < start && !is_name(start - 1));
    let stops = |part: &Range<usize>| part.end == end || (part.end > end && !is_name(end));
    let clipped = parts
        .clone()
        .map(|part| part.start.max(start) - start..part.end.min(end) - start)
        .filter(|part| !part.is_empty());
    let whole =
        (start == 0 || parts.clone().any(begins)) && (end == value.len() || parts.any(stops));
    whole.then(|| clipped.collect())
}
