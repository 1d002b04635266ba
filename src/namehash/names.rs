//! Which objects are renamed, and which of them a name refers to.

use std::ops::Range;
use std::rc::Rc;

use aho_corasick::AhoCorasick;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::clock::Clock;
use crate::finding::Finding;
use crate::krm::resource::{Identity, objects};

use super::document::{Document, name_of};
use super::kept::Edits;
use super::scope::{Scope, namespace};
use super::token::{self, tokens};
use super::{Pair, content, internal};

/// How many bytes of documents are kept after parsing; others are parsed again when they are edited.
const MAX_KEPT: usize = 1 << 20;

/// The objects of a document whose names end in the hash of their content, as index and hash.
fn hashed(document: &Document<'_>) -> Vec<(usize, String)> {
    let objects = objects(&document.tree, document.root, None, 0);
    let hashed = objects.iter().enumerate().filter_map(|(index, object)| {
        let given = token::hash(&object.subject.identity.name)?;
        let hash = content::hash(&document.tree, object.root)?;
        (hash == given).then_some((index, hash))
    });
    hashed.collect()
}

/// The objects with one old name: possibly several, in different namespaces.
#[derive(Default)]
struct Renames {
    /// Kind and namespace of each.
    objects: FxHashSet<(String, String)>,
    /// By the ranges of the old name that are from the manifest: the whole name, unless it holds placeholders.
    by_fixed: FxHashMap<Vec<Range<usize>>, Meaning>,
}

/// The new hashes that a name can stand for.
#[derive(Default)]
struct Meaning {
    /// Regardless of namespace.
    anywhere: Hash,
    /// By namespace.
    within: FxHashMap<String, Hash>,
}

/// The new hash of all the objects that a name can refer to.
#[derive(Default)]
enum Hash {
    #[default]
    None,
    One(Rc<str>),
    /// They have different hashes.
    Several,
}

impl Hash {
    fn add(&mut self, hash: &Rc<str>) {
        *self = match std::mem::take(self) {
            Self::None => Self::One(Rc::clone(hash)),
            Self::One(known) if known == *hash => Self::One(known),
            Self::One(_) | Self::Several => Self::Several,
        };
    }

    fn replacement(&self) -> Replacement<'_> {
        match self {
            Self::None => Replacement::Unchanged,
            Self::One(hash) => Replacement::Hash(hash),
            Self::Several => Replacement::Ambiguous,
        }
    }
}

/// All objects that are renamed, by their old names.
#[derive(Default)]
pub(super) struct Names {
    renames: FxHashMap<String, Renames>,
    /// Finds all old names that hold placeholders, with their values filled in, in one search: searching for each of
    /// them would take names × scalars.
    templated: Option<AhoCorasick>,
    /// The old hashes.
    hashes: FxHashSet<String>,
}

/// What replaces a name in a scalar.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Replacement<'n> {
    /// The name is not changed.
    Unchanged,
    /// The name gets this hash.
    Hash(&'n str),
    /// Several objects had this name, and now have different ones.
    Ambiguous,
}

impl Names {
    /// Compares the objects of all documents before and after. Also returns the parsed documents that hold renamed
    /// objects, with their indexes, up to a total size.
    ///
    /// # Errors
    /// A document cannot be parsed.
    pub(super) fn collect<'t>(
        pairs: impl Iterator<Item = Pair<'t>>,
        edits: &Edits<'_>,
        clock: &Clock,
    ) -> Result<(Self, Vec<(usize, Document<'t>)>), Finding> {
        let (mut names, mut read, mut bytes) = (Self::default(), Vec::new(), 0);
        for (index, pair) in pairs.enumerate() {
            if clock.spend(pair.before.len()).is_err() {
                break;
            }
            let text = pair.before.as_bytes();
            let kind = |kind: &[u8]| memchr::memmem::find(text, kind).is_some();
            if pair.before == pair.after
                || !(kind(b"Secret") || kind(b"ConfigMap"))
                || tokens(pair.before).next().is_none()
            {
                continue;
            }
            let Some(before) = parse(pair.before, clock)? else {
                continue;
            };
            let hashed = hashed(&before);
            if hashed.is_empty() {
                continue;
            }
            if let Some(after) = parse(pair.after, clock)? {
                bytes += pair.after.len();
                if names.compare(&hashed, &after, pair.at, edits) && bytes <= MAX_KEPT {
                    read.push((index, after));
                }
            }
        }
        names.templated = names.search().map_err(|error| internal(&error))?;
        Ok((names, read))
    }

    /// The search for old names that hold placeholders; `None` if there are none.
    fn search(&self) -> Result<Option<AhoCorasick>, aho_corasick::BuildError> {
        let is_templated = |name: &str, new: &Renames| {
            let mut fixed = new.by_fixed.keys();
            fixed.any(|fixed| !is_whole(fixed, name))
        };
        let templated = self
            .renames
            .iter()
            .filter(|(name, new)| is_templated(name, new));
        let mut templated = templated.map(|(name, _)| name).peekable();
        templated
            .peek()
            .is_some()
            .then(|| AhoCorasick::new(templated))
            .transpose()
    }

    /// Adds the objects of a document whose names must change; returns whether there are any. `hashed` are the objects
    /// that had a name hash, as index and hash; `at` is the offset of the document.
    fn compare(
        &mut self,
        hashed: &[(usize, String)],
        after: &Document<'_>,
        at: usize,
        edits: &Edits<'_>,
    ) -> bool {
        let objects = objects(&after.tree, after.root, None, 0);
        let mut any = false;
        for (index, given) in hashed {
            let Some(object) = objects.get(*index) else {
                continue;
            };
            let identity = &object.subject.identity;
            // the name can hold placeholders of its own, but must still end in the old hash
            if token::hash(&identity.name) != Some(given) {
                continue;
            }
            match content::hash(&after.tree, object.root) {
                Some(hash) if hash != *given => {
                    let name = &identity.name;
                    let start = name_of(&after.tree, object.root)
                        .map_or(at, |id| at + after.tree.node(id).span.start);
                    let kept = edits.kept(start).parts(name);
                    let fixed = kept.map(|(start, part)| start..start + part.len());
                    self.add(identity, given, fixed.collect(), hash);
                    any = true;
                }
                _ => {}
            }
        }
        any
    }

    fn add(&mut self, identity: &Identity, given: &str, fixed: Vec<Range<usize>>, hash: String) {
        self.hashes.insert(given.to_owned());
        let namespace = namespace(&identity.namespace).to_owned();
        let hash = Rc::from(hash);
        let renames = self.renames.entry(identity.name.clone()).or_default();
        let meaning = renames.by_fixed.entry(fixed).or_default();
        meaning.anywhere.add(&hash);
        meaning
            .within
            .entry(namespace.clone())
            .or_default()
            .add(&hash);
        let kind = identity.gvk.kind.clone();
        renames.objects.insert((kind, namespace));
    }

    /// Whether no object is renamed.
    pub(super) fn is_empty(&self) -> bool {
        self.renames.is_empty()
    }

    /// Where old names that hold placeholders, with their values filled in, are in `value`; may overlap.
    pub(super) fn templated_in(&self, value: &str) -> impl Iterator<Item = Range<usize>> {
        let templated = self.templated.iter();
        templated.flat_map(move |templated| {
            templated
                .find_overlapping_iter(value)
                .map(|found| found.range())
        })
    }

    /// Whether this is the old hash of a renamed object.
    pub(super) fn knows_hash(&self, hash: &str) -> bool {
        self.hashes.contains(hash)
    }

    /// Whether this object itself is renamed, rather than one of another kind with the same name.
    pub(super) fn renames(&self, identity: &Identity) -> bool {
        self.renames.get(&identity.name).is_some_and(|renames| {
            let namespace = namespace(&identity.namespace).to_owned();
            let object = (identity.gvk.kind.clone(), namespace);
            renames.objects.contains(&object)
        })
    }

    /// The replacement for `name` in an object of this scope. `fixed` are the ranges of the name that are from the
    /// manifest. `sibling` is the `namespace` field next to the name, which tells which namespace a cluster-scoped
    /// object refers to.
    pub(super) fn meaning(
        &self,
        name: &str,
        fixed: &[Range<usize>],
        scope: Scope<'_>,
        sibling: Option<&str>,
    ) -> Replacement<'_> {
        let renames = self.renames.get(name);
        let Some(meaning) = renames.and_then(|renames| renames.by_fixed.get(fixed)) else {
            return Replacement::Unchanged;
        };
        let within = |wanted: &str| {
            meaning
                .within
                .get(wanted)
                .map_or(Replacement::Unchanged, Hash::replacement)
        };
        let any = || match sibling {
            Some(sibling) => within(namespace(sibling)),
            None => meaning.anywhere.replacement(),
        };
        match scope {
            Scope::Namespace(name) => within(name),
            Scope::Cluster => any(),
            Scope::Unknown => match within(namespace("")) {
                Replacement::Unchanged => any(),
                found => found,
            },
        }
    }
}

fn parse<'t>(text: &'t str, clock: &Clock) -> Result<Option<Document<'t>>, Finding> {
    Document::read(text, clock).map_err(|error| internal(&error))
}

fn is_whole(fixed: &[Range<usize>], name: &str) -> bool {
    matches!(fixed, [only] if *only == (0..name.len()))
}
