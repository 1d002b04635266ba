//! Replaces the old names of renamed objects in a document.

use rustc_hash::FxHashSet;

use crate::clock::{self, Clock};
use crate::finding::Finding;
use crate::krm::resource::{Object, objects};
use crate::plan::walk::{Step, field};
use crate::yaml::event::{Span, Style};
use crate::yaml::expected::Shape;
use crate::yaml::scalar::{is_string, literal, quote};
use crate::yaml::splice::{Splice, spliced};
use crate::yaml::tree::{Kind, NodeId, Tree};
use crate::yaml::verify::{Expectation, verify};

use super::document::{Document, name_of};
use super::kept::{Edits, Kept};
use super::mention::{self, Mention};
use super::names::Names;
use super::scope::Scope;
use super::token::{LENGTH, tokens};
use super::{Pair, Renamed, internal};

/// Adds the splices of one document to `out`, after verifying them. `parsed` is the document if it has been parsed
/// already.
///
/// # Errors
/// The document cannot be parsed, or the edited one does not parse as planned.
pub(super) fn replace<'t>(
    pair: &Pair<'t>,
    parsed: Option<Document<'t>>,
    names: &Names,
    edits: &Edits<'_>,
    clock: &Clock,
    out: &mut Renamed,
) -> Result<(), Finding> {
    // a document without an old name needs no parsing; only an escape can hide one in its text
    let has_escape = || memchr::memchr(b'\\', pair.before.as_bytes()).is_some();
    let holds_name = || tokens(pair.before).any(|token| names.knows_hash(token.hash()));
    let document = match parsed {
        Some(document) => document,
        None if !has_escape() && !holds_name() => return Ok(()),
        None => match Document::read(pair.after, clock).map_err(|error| internal(&error))? {
            Some(document) => document,
            None => return Ok(()),
        },
    };
    let mut editor = Editor {
        text: pair.after,
        at: pair.at,
        tree: &document.tree,
        names,
        edits,
        clock,
        splices: Vec::new(),
        expected: Vec::new(),
        digest: document.digest,
    };
    for object in objects(&document.tree, document.root, None, 0) {
        editor.object(&object, out);
    }
    editor.finish(out)
}

/// How many ambiguous names are reported: the path of each is searched from the root of its object.
const MAX_FINDINGS: usize = 50;

struct Editor<'d, 't> {
    text: &'d str,
    /// The offset of the text in its stream.
    at: usize,
    tree: &'d Tree<'t>,
    names: &'d Names,
    edits: &'d Edits<'d>,
    clock: &'d Clock,
    splices: Vec<Splice>,
    expected: Vec<Expectation>,
    digest: u64,
}

impl Editor<'_, '_> {
    /// Edits all values of an object. The members of a list are objects of their own.
    fn object(&mut self, object: &Object, out: &mut Renamed) {
        let tree = self.tree;
        let identity = &object.subject.identity;
        let scope = Scope::of(identity);
        let kept = name_of(tree, object.root).filter(|_| !self.names.renames(identity));
        let mut open = vec![(object.root, object.root)];
        while let Some((id, parent)) = open.pop() {
            let work = clock::NODE + tree.node(id).value.len();
            if self.clock.spend(work).is_err() {
                return;
            }
            if Some(id) == kept || Some(id) == object.items {
                continue;
            }
            match tree.node(id).kind {
                Kind::Map { .. } => open.extend(tree.entries(id).map(|(_, value)| (value, id))),
                Kind::Seq { .. } => open.extend(tree.children(id).map(|item| (item, id))),
                Kind::Scalar(style) => {
                    if !self.scalar(id, style, scope, parent) && out.findings.len() < MAX_FINDINGS {
                        out.findings.push(ambiguous(tree, id, object));
                    }
                }
                Kind::Alias(_) => {}
            }
        }
    }

    /// Plans the new text of a scalar; false if a name in it is ambiguous.
    fn scalar(&mut self, id: NodeId, style: Style, scope: Scope<'_>, parent: NodeId) -> bool {
        let node = self.tree.node(id);
        let value = &*node.value;
        if value.len() <= LENGTH || !is_string(value, style, node.props.tag) {
            return true;
        }
        let kept = self.edits.kept(self.at + node.span.start);
        let (tree, names) = (self.tree, self.names);
        let mentions = mention::find(value, kept, names, |word, fixed| {
            let sibling = tree.get(parent, "namespace").and_then(|id| tree.text(id));
            names.meaning(word, fixed, scope, sibling)
        });
        let Some(mentions) = mentions else {
            return false;
        };
        if mentions.is_empty() {
            return true;
        }
        let mut new = value.to_owned();
        for mention in &mentions {
            new.replace_range(mention.at..mention.at + LENGTH, mention.hash);
        }
        self.write(id, style, &new, kept, &mentions);
        self.digest = self.digest.wrapping_sub(node.digest());
        self.expected.push(Expectation {
            at: node.ordinal,
            removed: 1,
            shapes: vec![Shape::Text(new)],
            anchor: node.props.anchor,
        });
        true
    }

    fn write(
        &mut self,
        id: NodeId,
        style: Style,
        new: &str,
        kept: Kept<'_>,
        mentions: &[Mention<'_>],
    ) {
        let node = self.tree.node(id);
        let written = self.text.get(node.span.range()).unwrap_or_default();
        // the text of a block scalar begins after its header
        let body = match style {
            Style::Literal | Style::Folded => written.find('\n').unwrap_or(written.len()),
            _ => 0,
        };
        let words: FxHashSet<_> = mentions.iter().map(|mention| mention.word).collect();
        let raw: Vec<_> = tokens(written.get(body..).unwrap_or_default())
            .filter(|token| words.contains(token.word))
            .collect();
        // only in an unedited scalar: elsewhere a secret value may hold the same word
        let can_patch = matches!(kept, Kept::All)
            && raw.len() == mentions.len()
            && raw
                .iter()
                .zip(mentions)
                .all(|(raw, mention)| raw.word == mention.word)
            && is_string(new, style, node.props.tag);
        if can_patch {
            let start = node.span.start + body;
            self.splices
                .extend(raw.iter().zip(mentions).map(|(token, mention)| {
                    let span = Span {
                        start: start + token.hash_at(),
                        end: start + token.hash_at() + LENGTH,
                    };
                    Splice::new(span, mention.hash.to_owned())
                }));
            return;
        }
        let text = (style == Style::Literal)
            .then(|| literal(written, &node.value, new))
            .flatten()
            .unwrap_or_else(|| quote(new, style));
        self.splices.push(Splice::new(node.span, text));
    }

    /// Verifies the edited document and adds its splices to `out`.
    fn finish(mut self, out: &mut Renamed) -> Result<(), Finding> {
        if self.splices.is_empty() {
            return Ok(());
        }
        self.splices.sort_by_key(|splice| splice.span.start);
        self.expected.sort_by_key(|expectation| expectation.at);
        let all = Span {
            start: 0,
            end: self.text.len(),
        };
        let edited: String = spliced(self.text, all, &self.splices).collect();
        verify(&edited, &self.expected, self.digest, self.clock)
            .map_err(|error| internal(&error))?;
        out.splices
            .extend(self.splices.into_iter().map(|splice| Splice {
                span: Span {
                    start: self.at + splice.span.start,
                    end: self.at + splice.span.end,
                },
                ..splice
            }));
        Ok(())
    }
}

/// kustomize fails too in this case, but prints the objects.
fn ambiguous(tree: &Tree<'_>, id: NodeId, object: &Object) -> Finding {
    Finding::error(
        "this name belongs to several generated objects in different namespaces, whose hashes differ now that their secrets are known",
        "give the generated objects different names, or refer to them from within their namespaces",
    )
    .at(&object.subject, field(&path(tree, object.root, id)))
}

/// The path from `root` to a node below it.
fn path<'d>(tree: &'d Tree<'_>, root: NodeId, id: NodeId) -> Vec<Step<'d>> {
    let mut path = Vec::new();
    let mut at = root;
    while at != id {
        let below = |child: NodeId| (child..tree.node(child).end).contains(&id);
        let entry = tree.entries(at).find(|&(_, value)| below(value));
        let member = || tree.children(at).enumerate().find(|&(_, item)| below(item));
        at = match entry {
            Some((key, value)) => {
                path.push(Step::Key(&tree.node(key).value));
                value
            }
            None => match member() {
                Some((index, item)) => {
                    path.push(Step::Index(index));
                    item
                }
                None => break,
            },
        };
    }
    path
}
