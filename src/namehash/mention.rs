//! The words of a scalar that are names of objects with new ones.

use std::cmp::Reverse;
use std::ops::Range;

use super::kept::Kept;
use super::names::{Names, New};
use super::token::{self, LENGTH, tokens};

/// A name where it is met.
pub(super) struct Mention<'v> {
    /// Where its hash begins in the value.
    pub(super) at: usize,
    /// The name as it is now.
    pub(super) word: &'v str,
    /// Its new hash.
    pub(super) hash: &'v str,
}

/// The mentions in a value, in order; `None` if one of them can mean several objects. `meaning` tells
/// what a word becomes that was put together so.
///
/// The words are those of the text as kustomize has printed it: a value that was put in beside a name
/// does not belong to it, and what stands in a value is no name. Only where the name itself holds a
/// placeholder, the same has to stand there as in the object's own.
pub(super) fn find<'v>(
    value: &'v str,
    kept: Kept<'_>,
    names: &'v Names,
    meaning: impl Fn(&str, &[Range<usize>]) -> New<'v>,
) -> Option<Vec<Mention<'v>>> {
    let mut found = Vec::new();
    if let Kept::Parts(parts) = kept {
        for place in names.mixed_in(value) {
            let at = place.end - LENGTH;
            let (Some(make), Some(word)) =
                (made_of(value, parts, &place), value.get(place.clone()))
            else {
                continue;
            };
            match meaning(word, &make) {
                New::Same => {}
                New::Hash(hash) => found.push(Mention { at, word, hash }),
                New::Ambiguous => return None,
            }
        }
        // a name can end as another one does
        found.sort_by_key(|mention| (mention.at, Reverse(mention.word.len())));
        found.dedup_by_key(|mention| mention.at);
    }
    let mixed = found.len();
    for (start, part) in kept.parts(value) {
        for token in tokens(part) {
            let (at, word) = (start + token.hash_at(), token.word);
            if found[..mixed]
                .binary_search_by_key(&at, |mention| mention.at)
                .is_ok()
            {
                continue;
            }
            let make = Range {
                start: 0,
                end: word.len(),
            };
            match meaning(word, &[make]) {
                New::Same => {}
                New::Hash(hash) => found.push(Mention { at, word, hash }),
                New::Ambiguous => return None,
            }
        }
    }
    found.sort_by_key(|mention| mention.at);
    Some(found)
}

/// What of the word at `word` is kept, counted from its start; `None` if it is cut out of a longer one, or
/// out of what was put in.
fn made_of(value: &str, parts: &[Range<usize>], word: &Range<usize>) -> Option<Vec<Range<usize>>> {
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
