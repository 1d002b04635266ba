//! The words of a scalar that are names of objects with new ones.

use std::ops::Range;

use super::kept::Kept;
use super::names::{Names, New};
use super::token::{LENGTH, tokens};

/// A name where it is met.
pub(super) struct Mention<'v, 'n> {
    /// Where its hash begins in the value.
    pub(super) at: usize,
    /// The name as it is now.
    pub(super) word: &'v str,
    /// Its new hash.
    pub(super) hash: &'n str,
}

/// The mentions in a value, in order; `None` if one of them can mean several objects. `meaning` tells
/// what a word becomes that was put together so.
///
/// The words are those of the text as kustomize has printed it: a value that was put in beside a name
/// does not belong to it, and what stands in a value is no name. Only where the name itself holds a
/// placeholder, the same has to stand there as in the object's own.
pub(super) fn find<'v, 'n>(
    value: &'v str,
    kept: Kept<'_>,
    names: &Names,
    meaning: impl Fn(&str, &[Range<usize>]) -> New<'n>,
) -> Option<Vec<Mention<'v, 'n>>> {
    let mut found = Vec::new();
    for (start, part) in kept.parts(value) {
        for token in tokens(part) {
            let (at, word) = (start + token.hash_at(), token.word);
            match meaning(
                word,
                &[Range {
                    start: 0,
                    end: word.len(),
                }],
            ) {
                New::Same => {}
                New::Hash(hash) => found.push(Mention { at, word, hash }),
                New::Ambiguous => return None,
            }
        }
    }
    if matches!(kept, Kept::All) {
        return Some(found);
    }
    for name in names.mixed() {
        for start in memchr::memmem::find_iter(value.as_bytes(), name) {
            let place = start..start + name.len();
            let Some((make, word)) = kept
                .make(value, place.clone())
                .zip(value.get(place.clone()))
            else {
                continue;
            };
            let at = place.end - LENGTH;
            match meaning(word, &make) {
                New::Same => {}
                New::Hash(hash) => {
                    found.retain(|other| other.at != at);
                    found.push(Mention { at, word, hash });
                }
                New::Ambiguous => return None,
            }
        }
    }
    found.sort_by_key(|mention| mention.at);
    Some(found)
}
