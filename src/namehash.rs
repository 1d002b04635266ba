//! Updates the name hashes of generated objects to those that kustomize would give the resolved content.
//!
//! kustomize appends a hash of its content to the name of a generated Secret or `ConfigMap`, and updates all
//! references to it. It has hashed placeholders, so a rotated secret would not restart any workload. Here each such
//! name gets the hash of the content with the secrets filled in.
//!
//! All hashes are computed before any name is replaced, as in kustomize: a new name in an object's data does not
//! change the hash of that object.

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

/// The outcome of [`rename`].
#[derive(Debug, Default)]
pub struct Renamed {
    /// The changes to the text, sorted by place; each replaces a hash, or the scalar that holds it.
    pub splices: Vec<Splice>,
    /// Errors; if there are any, nothing may be written.
    pub findings: Vec<Finding>,
}

/// Returns the splices that update the names in `after`.
///
/// `before` is the output of kustomize, `edits` are the splices that filled in its placeholders, and `after` is the
/// result. A Secret or `ConfigMap` whose name ends in the hash of its content in `before` gets the hash of its content
/// in `after`.
///
/// The old name is replaced wherever it is a whole word in a scalar of the same namespace (no namespace means
/// `default`) or of a cluster-scoped object; but never in keys, in names of other objects, or in text from a secret.
/// By [`Splice::kept`], a word that is not entirely from `before` is not such a name. The exception is a name that
/// holds placeholders itself: it is replaced where the same parts of it are from `before`.
///
/// Each changed document is parsed again and compared with the plan. If the clock has stopped, that is the only
/// finding.
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
    match Names::collect(pairs.clone(), &edits, clock) {
        Ok((names, _)) if names.is_empty() => {}
        Ok((names, read)) => {
            let mut read = read.into_iter().peekable();
            for (index, pair) in pairs.enumerate() {
                if clock.spend(pair.after.len()).is_err() {
                    break;
                }
                let parsed = read.next_if(|(parsed, _)| *parsed == index);
                let parsed = parsed.map(|(_, document)| document);
                let replaced =
                    reference::replace(&pair, parsed, &names, &edits, clock, &mut renamed);
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
        "this is a fault of gitops-fn: please report it with the manifest, without its secrets",
    )
}

/// One document before and after the placeholders were filled in.
struct Pair<'t> {
    before: &'t str,
    after: &'t str,
    /// The offset of `after` in its stream.
    at: usize,
}

#[cfg(test)]
mod tests;
