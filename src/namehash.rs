//! Name hashes of generated objects, as kustomize would have given them to the resolved content.
//!
//! kustomize puts a hash of its content behind the name of a generated Secret or `ConfigMap`, and
//! writes the name wherever it is referred to. It has hashed placeholders: a rotated secret would
//! roll no workload. Here each such name gets the hash of what is now in the object.
//!
//! Everything is decided before anything is replaced, as in kustomize, which hashes all objects before
//! it fixes a single reference: a new name in an object's data does not change its own hash.

mod content;
mod document;
mod kept;
mod mention;
mod names;
mod reference;
mod scope;
mod token;

use crate::clock::Clock;
use crate::finding::Finding;
use crate::yaml::splice::Splice;

use kept::Edits;
use names::Names;

/// What becomes of the text.
#[derive(Debug, Default)]
pub struct Renamed {
    /// The changes, sorted by place; each replaces a hash, or the scalar that holds it.
    pub splices: Vec<Splice>,
    /// What is wrong; after an error nothing may be written.
    pub findings: Vec<Finding>,
}

/// The splices that give `after` its new names.
///
/// `before` is what kustomize has printed, `edits` put the values in place of its placeholders, and
/// `after` is what has come of that. A Secret or `ConfigMap` whose name ends in the hash of its content in
/// `before` gets the hash of its content in `after`. The old name is replaced wherever it was a word of
/// its own in a scalar of the same namespace (none is `default`) or of a cluster-scoped object; never in
/// keys, in names of other objects, or in anything that has come from a secret: by [`Splice::kept`], a
/// name of which a part has not stood in `before` is none. Only a name that holds placeholders itself is
/// also replaced where it was put together in the same way. Each changed document is read again and
/// compared with the plan. Once the clock has stopped, that is all there is to say.
#[must_use]
pub fn rename(before: &str, after: &str, edits: &[Splice], clock: &Clock) -> Renamed {
    let renamed = renamed(before, after, edits, clock);
    match clock.check() {
        Ok(()) => renamed,
        Err(stop) => Renamed {
            splices: Vec::new(),
            findings: vec![stop.into()],
        },
    }
}

fn renamed(before: &str, after: &str, edits: &[Splice], clock: &Clock) -> Renamed {
    let mut renamed = Renamed::default();
    if before == after {
        return renamed;
    }
    let (old, new) = (document::split(before), document::split(after));
    if old.len() != new.len() {
        renamed
            .findings
            .push(internal(&"the documents before and after do not match"));
        return renamed;
    }
    let pairs: Vec<_> = old.into_iter().zip(new).collect();
    let pairs = pairs.iter().map(|(old, new)| Pair {
        before: before.get(old.clone()).unwrap_or_default(),
        after: after.get(new.clone()).unwrap_or_default(),
        at: new.start,
    });
    let edits = Edits::new(edits);
    match Names::find(pairs.clone(), &edits, clock) {
        Ok((names, _)) if names.is_empty() => {}
        Ok((names, read)) => {
            let mut read = read.into_iter().peekable();
            for (index, pair) in pairs.enumerate() {
                if clock.spend(pair.after.len()).is_err() {
                    break;
                }
                let known = read.next_if(|(known, _)| *known == index);
                let known = known.map(|(_, document)| document);
                let replaced =
                    reference::replace(&pair, known, &names, &edits, clock, &mut renamed);
                if let Err(finding) = replaced {
                    renamed.findings.push(finding);
                }
            }
        }
        Err(finding) => renamed.findings.push(finding),
    }
    renamed
}

fn internal(message: &dyn std::fmt::Display) -> Finding {
    Finding::error(
        format!("name hashes: {message}; nothing was written"),
        "this is a fault of gitops-fn: please report it with the manifest, its secrets taken out",
    )
}

/// One document before and after.
struct Pair<'t> {
    before: &'t str,
    after: &'t str,
    /// Where `after` begins in its stream.
    at: usize,
}

#[cfg(test)]
mod tests;
