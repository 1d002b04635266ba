//! Planned changes as data: where they apply, what they do, and what the text becomes.

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
    /// The bytes that are replaced; empty for an insertion.
    pub span: Span,
    /// The number of the node's event in its document; for an insertion, of the event that follows it.
    pub ordinal: u32,
    /// The scalar's current style.
    pub style: Style,
    /// The scalar's anchor, 0 for none.
    pub anchor: u32,
    /// Whether the node at `ordinal` is replaced; an insertion keeps it.
    pub replaces: bool,
    /// The event digest that the document loses with the replaced node; 0 for an insertion.
    pub digest: u64,
    /// What the change does.
    pub action: Action,
    /// The changed object.
    pub subject: Rc<Subject>,
    /// The path of the changed field in that object.
    pub field: String,
}

/// What is done to a node.
pub enum Action {
    /// Replaces the node with a text.
    Text {
        /// The new text. It comes from the configuration and is never a secret.
        text: String,
        /// The old text, if the node is a literal block, whose style may be kept.
        old: Option<Box<str>>,
        /// Whether the new text is written without quotes, like the old one: every YAML reader reads this string.
        plain: bool,
        /// Whether the change is reported. Writing out an alias's unchanged text is not.
        told: bool,
    },
    /// Replaces the placeholders in the node.
    Fill(Box<Fill>),
    /// Inserts a mapping entry.
    Entry(Entry),
}

impl std::fmt::Debug for Action {
    /// Prints the kind of action only: a fill's text may be next to secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Text { .. } => "Text",
            Self::Fill(_) => "Fill",
            Self::Entry(_) => "Entry",
        })
    }
}

impl Action {
    /// Replaces `node` with `text`. `flow` says that the node is in a flow collection, where fewer texts can do without
    /// quotes.
    #[must_use]
    pub fn text(node: &Node<'_>, flow: bool, text: String) -> Self {
        Self::Text {
            plain: node.style() == Some(Style::Plain) && plain::is_safe(&text, flow),
            text,
            old: old_text(node),
            told: true,
        }
    }

    /// Whether two actions that were planned for one node from two places have the same result.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text { text, .. }, Self::Text { text: other, .. }) => text == other,
            (Self::Fill(fill), Self::Fill(other)) => fill.context == other.context,
            _ => false,
        }
    }
}

/// The placeholders in one scalar, escaped or not, and what decides about the result.
pub struct Fill {
    /// The text in pieces, decoded if the scalar is base64 of a text with placeholders.
    pub segments: Vec<Segment>,
    /// What the result depends on besides the text.
    pub context: Context,
    /// The scalar's old text, if it is a literal block, whose style may be kept.
    pub old: Option<Box<str>>,
    /// How to write a map that replaces the scalar ([`Slot::Map`]); `None` for a flow mapping.
    pub block: Option<Block>,
    /// How to remove the entry, if a missing key shall do that and the entry can be removed.
    pub removal: Option<Removal>,
}

impl Fill {
    /// Whether a secret value goes in; otherwise all placeholders are escaped ones.
    #[must_use]
    pub fn has_values(&self) -> bool {
        let mut segments = self.segments.iter();
        segments.any(|segment| matches!(segment, Segment::Placeholder(_)))
    }
}

/// Everything that the result of a fill depends on besides the scalar's own text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The secret in which `<key>` is looked up.
    pub keys_at: Option<SecretRef>,
    /// The KV version that the object's annotation sets.
    pub kv: Option<KvVersion>,
    /// Which values the field takes.
    pub slot: Slot,
    /// Set if the scalar is base64: how the result is laid out when it is encoded again.
    pub base64: Option<Wrap>,
    /// Whether a missing key removes the entry.
    pub remove_missing: bool,
    /// Whether messages about an unusable value hide everything about it. Under a policy, whoever sees the message may
    /// not be allowed to know the value.
    pub withholds: bool,
}

/// Which values a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// An entry of a Secret's `data`, which is base64.
    SecretData {
        /// `secrets.encodeData`: the value is plain text, and gitops-fn encodes it.
        encode: bool,
    },
    /// Text only: the other fields of Secrets and `ConfigMaps`, and fields for which Kubernetes requires a string.
    Text,
    /// A whole map of strings.
    Map(Values),
    /// Anything: a number, boolean, map or list that is the whole value keeps its type.
    Any,
}

/// What the values of a map of strings are, and which keys are valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// Base64, under keys that are valid in Secrets and `ConfigMaps`, which can be file names.
    Base64 {
        /// `secrets.encodeData`: the values are plain text, and gitops-fn encodes them.
        encode: bool,
    },
    /// Text, under keys of the same form.
    Text,
    /// Text, under any keys, as in labels and annotations.
    Labels,
}

/// How base64 is broken into lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrap {
    /// One line of any length.
    Line,
    /// As in kustomize: from 70 characters on, lines of 70 (docs/internals/kustomize-and-kpt.md#wrapped-base64).
    Kustomize,
}

/// A mapping entry that can be removed, possibly together with its neighbours.
#[derive(Clone, Debug)]
pub struct Removal {
    /// Where the mapping's entries are.
    pub layout: Rc<MapLayout>,
    /// Index of the entry in the layout.
    pub index: usize,
    /// Event number of the key.
    pub key_ordinal: u32,
    /// Event digest of the key.
    pub key_digest: u64,
}

/// Where a mapping's entries are in the text. All positions are byte offsets.
#[derive(Debug)]
pub struct MapLayout {
    /// Event number of the mapping, which identifies it in its document.
    pub ordinal: u32,
    /// Digest of the mapping's first event.
    pub digest: u64,
    /// The mapping's anchor, 0 for none.
    pub anchor: u32,
    /// What is between the braces of a flow mapping; `None` for a block mapping.
    pub braces: Option<Span>,
    /// Each entry, from the start of its key, including the key's properties and `?`, to the end of its value.
    pub entries: Vec<Span>,
    /// Whether each entry ends with a block scalar, to which following lines would belong that are indented like it.
    pub block_ends: Vec<bool>,
    /// Position of the comma after each entry of a flow mapping.
    pub commas: Vec<Option<usize>>,
    /// Event number of each value, in ascending order.
    pub values: Vec<u32>,
    /// Event number and digest of each key. `None` if the entry cannot be removed: its key is not a scalar or is
    /// anchored, or it is not clear where the entries begin.
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
        // a pair in a list can be a mapping without braces: `[a: b]`
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
            // if the start of one entry is unknown, its neighbours cannot be removed either
            layout.keys.fill(None);
        }
        layout
    }
}

/// Where an entry of a block mapping begins; `None` if there are comments between its `?` and its key.
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
    /// A change that replaces a whole scalar or alias node. `field` is the path for messages.
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

/// The text of a scalar if it is a literal block; `None` for any other node.
#[must_use]
pub fn old_text(node: &Node<'_>) -> Option<Box<str>> {
    (node.style() == Some(Style::Literal)).then(|| Box::from(&*node.value))
}
