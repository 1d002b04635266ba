//! Planned changes as data: where, what, and how the text reads afterwards.

use std::rc::Rc;

use super::block::Block;
use super::insertion::Entry;
use crate::krm::resource::Subject;
use crate::placeholder::Segment;
use crate::secret::{KvVersion, SecretRef};
use crate::yaml::event::{Span, Style};
use crate::yaml::plain;
use crate::yaml::tree::{Kind, Node, NodeId, Tree};
use crate::yaml::trivia;

/// One change to one node of the input.
#[derive(Debug)]
pub struct Change {
    /// What is replaced; empty for an insertion.
    pub span: Span,
    /// The number of the node's event in its document, or of the event before which is inserted.
    pub ordinal: u32,
    /// How the scalar is written now.
    pub style: Style,
    /// The scalar's anchor, 0 for none.
    pub anchor: u32,
    /// Whether the node at `ordinal` goes; an insertion leaves it.
    pub replaces: bool,
    /// The event digest that the document loses with the node; 0 for an insertion.
    pub digest: u64,
    /// What is done.
    pub action: Action,
    /// The object it is done to.
    pub subject: Rc<Subject>,
    /// The field in that object.
    pub field: String,
}

/// What is done to a node.
pub enum Action {
    /// It becomes this text.
    Text {
        /// The new text; from the configuration, never a secret.
        text: String,
        /// The old one, where a literal block may be kept.
        old: Option<Box<str>>,
        /// Whether it is written without quotes, as the old one was: every reader takes it for this string.
        plain: bool,
        /// Whether the user is told; not for what only keeps an alias's text as it was.
        told: bool,
    },
    /// Placeholders in it are replaced.
    Fill(Box<Fill>),
    /// An entry is written there.
    Entry(Entry),
}

impl std::fmt::Debug for Action {
    /// The sort of action alone: a fill's texts may stand beside secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Text { .. } => "Text",
            Self::Fill(_) => "Fill",
            Self::Entry(_) => "Entry",
        })
    }
}

impl Action {
    /// The node, which stands between brackets if `flow`, becomes this text.
    #[must_use]
    pub fn text(node: &Node<'_>, flow: bool, text: String) -> Self {
        Self::Text {
            plain: node.style() == Some(Style::Plain) && plain::is_safe(&text, flow),
            text,
            old: old_text(node),
            told: true,
        }
    }

    /// Whether two actions planned for the same node from two places come to the same.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text { text, .. }, Self::Text { text: other, .. }) => text == other,
            (Self::Fill(fill), Self::Fill(other)) => fill.context == other.context,
            _ => false,
        }
    }
}

/// Placeholders in one scalar, escaped or not, and what the result has to be.
pub struct Fill {
    /// The decoded text (behind base64, where it was seen through) in pieces.
    pub segments: Vec<Segment>,
    /// What decides what becomes of it.
    pub context: Context,
    /// The scalar's old text, where a literal block may be kept.
    pub old: Option<Box<str>>,
    /// How a map is written that takes the scalar's place, [`Slot::Map`]; `None` for one between braces.
    pub block: Option<Block>,
    /// How the entry can be removed, where a missing key asks for that.
    pub removal: Option<Removal>,
}

impl Fill {
    /// Whether a value goes in: else it holds escaped placeholders alone.
    #[must_use]
    pub fn has_values(&self) -> bool {
        let mut segments = self.segments.iter();
        segments.any(|segment| matches!(segment, Segment::Placeholder(_)))
    }
}

/// All that the result of a fill depends on beside the scalar's own text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// Where `<key>` is looked up.
    pub keys_at: Option<SecretRef>,
    /// What the object says of the KV version.
    pub kv: Option<KvVersion>,
    /// What the field takes.
    pub slot: Slot,
    /// The text was found behind base64 and goes back behind it.
    pub base64: Option<Wrap>,
    /// A missing key removes the entry.
    pub remove_missing: bool,
    /// Nothing is said of a value that cannot be used but that there is one: under a policy whoever sees the
    /// message may not know the value.
    pub withholds: bool,
}

/// What a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// A Secret's `data`: base64; encoded by us where the config says so.
    SecretData {
        /// `secrets.encodeData`.
        encode: bool,
    },
    /// Text only: Secrets, `ConfigMaps`, and what Kubernetes takes no numbers for.
    Text,
    /// A map of strings as a whole.
    Map(Values),
    /// Anything: a lone number, boolean, map or list keeps its type.
    Any,
}

/// What the values of a map are, and what its keys may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// Base64, under keys that can be names of files; encoded by us where the config says so.
    Base64 {
        /// `secrets.encodeData`.
        encode: bool,
    },
    /// Text, under such keys.
    Text,
    /// Text, under any keys: labels, annotations and their like.
    Labels,
}

/// How base64 is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrap {
    /// On one line, however long.
    Line,
    /// As kustomize does: lines of 70 from 70 characters on (docs/internals/kustomize-and-kpt.md#wrapped-base64).
    Kustomize,
}

/// A mapping entry that can be taken out together with its neighbours.
#[derive(Clone, Debug)]
pub struct Removal {
    /// The mapping's entries.
    pub layout: Rc<MapLayout>,
    /// Which of them it is.
    pub index: usize,
    /// Event number of the key.
    pub key_ordinal: u32,
    /// Event digest of the key.
    pub key_digest: u64,
}

/// Where a mapping's entries stand.
#[derive(Debug)]
pub struct MapLayout {
    /// Event number of the mapping, its name among the document's mappings.
    pub ordinal: u32,
    /// The digest of its first event.
    pub digest: u64,
    /// Its anchor, 0 for none.
    pub anchor: u32,
    /// What stands between the braces of a flow mapping; `None` for a block mapping.
    pub braces: Option<Span>,
    /// From the start of each key, with all that belongs to it, to the end of its value.
    pub entries: Vec<Span>,
    /// Whether each entry ends with a block scalar, which takes the lines behind it that look like its own.
    pub block_ends: Vec<bool>,
    /// The comma behind each entry of a flow mapping.
    pub commas: Vec<Option<usize>>,
    /// Event number of each value, in ascending order.
    pub values: Vec<u32>,
    /// Event number and digest of each key; `None` where the entry has to stay: its key is no scalar,
    /// or anchored, or where the entries begin is not clear.
    pub keys: Vec<Option<(u32, u64)>>,
}

impl MapLayout {
    /// The layout of the mapping at `map`.
    #[must_use]
    pub fn of(text: &str, tree: &Tree<'_>, map: NodeId) -> Self {
        let node = tree.node(map);
        let flow = node.kind == Kind::Map { flow: true };
        let mut layout = Self {
            ordinal: node.ordinal,
            digest: node.digest(),
            anchor: node.props.anchor,
            braces: flow.then(|| Span {
                start: node.span.start + 1,
                end: node.span.end.saturating_sub(1),
            }),
            entries: Vec::new(),
            block_ends: Vec::new(),
            commas: Vec::new(),
            values: Vec::new(),
            keys: Vec::new(),
        };
        // a pair in a list may be a mapping without braces: `[a: b]`
        let braced = |text: &str| {
            text.get(node.span.start..)
                .is_some_and(|at| at.starts_with('{'))
        };
        let mut clear = !flow || braced(text);
        let mut comma = Some(node.span.start);
        for (name, value) in tree.entries(map) {
            let key = tree.node(name);
            let key_end = tree.text_end(name);
            let end = tree.text_end(value).max(key_end);
            let begin = if flow {
                let begin = comma.map(|comma| trivia::skip(text, comma + 1));
                comma = trivia::comma(text, end);
                begin
            } else {
                block_begin(text, key, key_end)
            };
            clear &= begin.is_some();
            layout.entries.push(Span {
                start: begin.unwrap_or(key.span.start),
                end,
            });
            let last = tree.node(tree.node(value).end - 1).style();
            let is_block = matches!(last, Some(Style::Literal | Style::Folded));
            layout.block_ends.push(is_block);
            layout.commas.push(comma.filter(|_| flow));
            layout.values.push(tree.node(value).ordinal);
            let plain =
                key.style().is_some_and(|style| style != Style::Empty) && key.props.anchor == 0;
            layout.keys.push(plain.then(|| (key.ordinal, key.digest())));
        }
        if !clear {
            // where one of them begins is not known, so its neighbours cannot go either
            layout.keys.fill(None);
        }
        layout
    }
}

/// Where an entry of a block mapping begins; `None` where comments stand between its `?` and its key.
fn block_begin(text: &str, key: &Node<'_>, key_end: usize) -> Option<usize> {
    let at = trivia::with_props(text, key.span.start, key.props.count());
    if trivia::colon_follows(text, key_end) {
        return Some(at);
    }
    let before = text
        .get(..at)?
        .trim_end_matches(trivia::SPACE)
        .strip_suffix('?')?;
    Some(before.len())
}

impl Change {
    /// A change of a whole scalar or alias node.
    #[must_use]
    pub fn of(node: &Node<'_>, action: Action, subject: &Rc<Subject>, field: String) -> Self {
        Self {
            span: node.span,
            ordinal: node.ordinal,
            style: node.style().unwrap_or(Style::Plain),
            anchor: node.props.anchor,
            replaces: true,
            digest: node.digest(),
            action,
            subject: Rc::clone(subject),
            field,
        }
    }
}

/// The old text of a scalar, kept for literal blocks alone.
#[must_use]
pub fn old_text(node: &Node<'_>) -> Option<Box<str>> {
    (node.style() == Some(Style::Literal)).then(|| Box::from(&*node.value))
}
