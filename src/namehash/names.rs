//! The new names: which objects get one, and whose name it is that stands somewhere.

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

/// How many bytes of text are not read twice.
const KEPT: usize = 1 << 20;

/// The objects of a document whose names end in the hash of their content, by their place, and the hash.
fn hashed(document: &Document<'_>) -> Vec<(usize, String)> {
    let objects = objects(&document.tree, document.root, None, 0);
    let hashed = objects.iter().enumerate().filter_map(|(index, object)| {
        let given = token::hash(&object.subject.identity.name)?;
        let hash = content::hash(&document.tree, object.root)?;
        (hash == given).then_some((index, hash))
    });
    hashed.collect()
}

/// What becomes of the objects with one old name; there may be as many as there are namespaces.
#[derive(Default)]
struct Renames {
    /// Kind and namespace of each.
    objects: FxHashSet<(String, String)>,
    /// By what of the old name is kept: all, unless it holds placeholders.
    by_make: FxHashMap<Vec<Range<usize>>, Meaning>,
}

/// What a name means that is made so.
#[derive(Default)]
struct Meaning {
    anywhere: Hash,
    within: FxHashMap<String, Hash>,
}

/// The new hash of all the objects that a name can mean.
#[derive(Default)]
enum Hash {
    #[default]
    None,
    One(Rc<str>),
    /// They have different ones.
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

    fn meaning(&self) -> New<'_> {
        match self {
            Self::None => New::Same,
            Self::One(hash) => New::Hash(hash),
            Self::Several => New::Ambiguous,
        }
    }
}

/// Every object that gets a new name, by its old one.
#[derive(Default)]
pub(super) struct Names {
    renames: FxHashMap<String, Renames>,
    /// The old names that hold placeholders, as they are now; sought together, because a search for each
    /// would take names times scalars.
    mixed: Option<AhoCorasick>,
    hashes: FxHashSet<String>,
}

/// What a name that is met is to become.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum New<'n> {
    /// It stays.
    Same,
    /// It gets this hash.
    Hash(&'n str),
    /// Several objects have had it, and now have different ones.
    Ambiguous,
}

impl Names {
    /// Compares the objects of all documents with what they were. What has been read of the documents
    /// with new names is handed on, as far as it is little.
    ///
    /// # Errors
    /// A document does not read.
    pub(super) fn find<'t>(
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
            let Some(before) = read_whole(pair.before, clock)? else {
                continue;
            };
            let hashed = hashed(&before);
            if hashed.is_empty() {
                continue;
            }
            if let Some(after) = read_whole(pair.after, clock)? {
                bytes += pair.after.len();
                if names.compare(&hashed, &after, pair.at, edits) && bytes <= KEPT {
                    read.push((index, after));
                }
            }
        }
        names.mixed = names.search().map_err(|error| internal(&error))?;
        Ok((names, read))
    }

    /// What finds the old names that hold placeholders; nothing if there is none.
    fn search(&self) -> Result<Option<AhoCorasick>, aho_corasick::BuildError> {
        let is_mixed = |name: &str, new: &Renames| {
            let mut makes = new.by_make.keys();
            makes.any(|make| !is_whole(make, name))
        };
        let mixed = self
            .renames
            .iter()
            .filter(|(name, new)| is_mixed(name, new));
        let mut mixed = mixed.map(|(name, _)| name).peekable();
        mixed
            .peek()
            .is_some()
            .then(|| AhoCorasick::new(mixed))
            .transpose()
    }

    /// Adds the objects of a document whose names must change; whether there is one. `hashed` are those
    /// that had a hash, by their place, and it; `at` is where the document begins.
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
            // a name can hold placeholders of its own; the hash behind it must still be there
            if token::hash(&identity.name) != Some(given) {
                continue;
            }
            match content::hash(&after.tree, object.root) {
                Some(hash) if hash != *given => {
                    let name = &identity.name;
                    let start = name_of(&after.tree, object.root)
                        .map_or(at, |id| at + after.tree.node(id).span.start);
                    let kept = edits.kept(start).parts(name);
                    let make = kept.map(|(start, part)| start..start + part.len());
                    self.add(identity, given, make.collect(), hash);
                    any = true;
                }
                _ => {}
            }
        }
        any
    }

    fn add(&mut self, identity: &Identity, given: &str, make: Vec<Range<usize>>, hash: String) {
        self.hashes.insert(given.to_owned());
        let namespace = namespace(&identity.namespace).to_owned();
        let hash = Rc::from(hash);
        let renames = self.renames.entry(identity.name.clone()).or_default();
        let meaning = renames.by_make.entry(make).or_default();
        meaning.anywhere.add(&hash);
        meaning
            .within
            .entry(namespace.clone())
            .or_default()
            .add(&hash);
        let kind = identity.gvk.kind.clone();
        renames.objects.insert((kind, namespace));
    }

    /// Whether nothing gets a new name.
    pub(super) fn is_empty(&self) -> bool {
        self.renames.is_empty()
    }

    /// Where the old names that hold placeholders stand in a value, as they are now, also inside each other.
    pub(super) fn mixed_in(&self, value: &str) -> impl Iterator<Item = Range<usize>> {
        let mixed = self.mixed.iter();
        mixed.flat_map(move |mixed| {
            mixed
                .find_overlapping_iter(value)
                .map(|found| found.range())
        })
    }

    /// Whether this is the old hash of any object.
    pub(super) fn knows_hash(&self, hash: &str) -> bool {
        self.hashes.contains(hash)
    }

    /// Whether the object itself is one of them, and not a namesake of another kind.
    pub(super) fn renames(&self, identity: &Identity) -> bool {
        self.renames.get(&identity.name).is_some_and(|renames| {
            let namespace = namespace(&identity.namespace).to_owned();
            let object = (identity.gvk.kind.clone(), namespace);
            renames.objects.contains(&object)
        })
    }

    /// What `name`, of which this is kept, becomes in an object of this scope. `beside` is the namespace
    /// that stands beside the name, which tells a cluster-scoped object whose name it is.
    pub(super) fn meaning(
        &self,
        name: &str,
        make: &[Range<usize>],
        scope: Scope<'_>,
        beside: Option<&str>,
    ) -> New<'_> {
        let renames = self.renames.get(name);
        let Some(meaning) = renames.and_then(|renames| renames.by_make.get(make)) else {
            return New::Same;
        };
        let within = |wanted: &str| meaning.within.get(wanted).map_or(New::Same, Hash::meaning);
        let any = || match beside {
            Some(beside) => within(namespace(beside)),
            None => meaning.anywhere.meaning(),
        };
        match scope {
            Scope::Namespace(name) => within(name),
            Scope::Cluster => any(),
            Scope::Unknown => match within(namespace("")) {
                New::Same => any(),
                found => found,
            },
        }
    }
}

fn read_whole<'t>(text: &'t str, clock: &Clock) -> Result<Option<Document<'t>>, Finding> {
    Document::read(text, clock).map_err(|error| internal(&error))
}

fn is_whole(make: &[Range<usize>], name: &str) -> bool {
    matches!(make, [only] if *only == (0..name.len()))
}
