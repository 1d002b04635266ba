//! An arena of nodes that holds one document or one list item at a time, so that memory grows with the largest
//! object rather than with the stream.
//!
//! Nodes are in the order of the text; a node's subtree is the run of nodes up to [`Node::end`]. Aliases stay
//! aliases: [`Tree::target`] follows one. The keys of a large mapping are sorted on its first lookup, so that as many
//! lookups as it has entries do not take quadratic time.

mod index;

use std::borrow::Cow;
use std::rc::Rc;

use rustc_hash::FxHashSet;

use super::event::{Event, Events, Props, Span, Style, SyntaxError, Tag};
use index::Index;

/// Index of a node in its [`Tree`].
pub type NodeId = usize;

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A mapping.
    Map {
        /// Whether it is written as `{…}`.
        flow: bool,
    },
    /// A sequence.
    Seq {
        /// Whether it is written as `[…]`.
        flow: bool,
    },
    /// A scalar, by its style.
    Scalar(Style),
    /// An alias, by the number of its anchor.
    Alias(u32),
}

/// One node.
#[derive(Clone)]
pub struct Node<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its place in the text; the span of a block collection is empty, at its first child.
    pub span: Span,
    /// Anchor and tag.
    pub props: Props,
    /// The decoded text of a scalar; empty for other nodes.
    pub value: Cow<'a, str>,
    /// One past the last node of the subtree.
    pub end: NodeId,
    /// The number of the node's first event in its document.
    pub ordinal: u32,
    /// The number of the node's last event in its document.
    pub last: u32,
    /// Where the text of its last descendant ends.
    text_end: usize,
}

impl std::fmt::Debug for Node<'_> {
    /// Shows only the length of a scalar, which may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Span { start, end } = self.span;
        write!(
            f,
            "Node({:?}, {start}..{end}, {} bytes)",
            self.kind,
            self.value.len()
        )
    }
}

impl Node<'_> {
    /// The style of a scalar; `None` for other nodes.
    #[must_use]
    pub fn style(&self) -> Option<Style> {
        match self.kind {
            Kind::Scalar(style) => Some(style),
            _ => None,
        }
    }

    /// Whether it is empty or a plain `null` in one of its spellings. Ignores the tag.
    #[must_use]
    pub fn is_null(&self) -> bool {
        match self.style() {
            Some(Style::Empty) => true,
            Some(Style::Plain) => matches!(&*self.value, "~" | "null" | "Null" | "NULL"),
            _ => false,
        }
    }

    /// Whether it is written as `{…}` or `[…]`.
    #[must_use]
    pub fn is_flow(&self) -> bool {
        matches!(
            self.kind,
            Kind::Map { flow: true } | Kind::Seq { flow: true }
        )
    }

    /// The digest of the node's first event.
    #[must_use]
    pub fn digest(&self) -> u64 {
        match self.kind {
            Kind::Scalar(style) => Event::Scalar {
                value: Cow::Borrowed(&*self.value),
                style,
                props: self.props,
            }
            .digest(self.ordinal),
            Kind::Alias(anchor) => Event::Alias { anchor }.digest(self.ordinal),
            Kind::Map { flow } => self.open_digest(true, flow),
            Kind::Seq { flow } => self.open_digest(false, flow),
        }
    }

    fn open_digest(&self, map: bool, flow: bool) -> u64 {
        let props = self.props;
        Event::Open { map, flow, props }.digest(self.ordinal)
    }
}

/// An arena of nodes.
#[derive(Default)]
pub struct Tree<'a> {
    nodes: Vec<Node<'a>>,
    anchors: Vec<Option<NodeId>>,
    aliases: Vec<NodeId>,
    open: Vec<NodeId>,
    index: Index,
    max: Option<usize>,
}

impl<'a> Tree<'a> {
    /// A tree that stops reading a document after `max` nodes.
    #[must_use]
    pub fn bounded(max: usize) -> Self {
        Self {
            max: Some(max),
            ..Self::default()
        }
    }

    /// Whether the document has more nodes than allowed and was not read to its end.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.max.is_some_and(|max| self.nodes.len() > max)
    }

    /// Removes all nodes; keeps the memory for the next document.
    pub fn clear(&mut self) {
        self.nodes.clear();
        self.anchors.clear();
        self.aliases.clear();
        self.index.clear();
    }

    /// Replaces the tree by the next document of `events`. Returns its root, `None` at the end of the stream.
    ///
    /// # Errors
    /// Those of [`Events::pull`].
    pub fn next_document(
        &mut self,
        events: &mut Events<'a>,
    ) -> Result<Option<NodeId>, SyntaxError> {
        while let Some((event, _)) = events.pull()? {
            if event == Event::DocumentStart {
                self.clear();
                return match events.pull()? {
                    Some(first) => self.read_node(first, events).map(Some),
                    None => Ok(None),
                };
            }
        }
        Ok(None)
    }

    /// Reads the node that begins with `first`, and everything below it, from `events`.
    ///
    /// # Errors
    /// Those of [`Events::pull`].
    pub fn read_node(
        &mut self,
        first: (Event<'a>, Span),
        events: &mut Events<'a>,
    ) -> Result<NodeId, SyntaxError> {
        let id = self.nodes.len();
        self.open.clear();
        self.push(first, events.ordinal() - 1);
        while !self.open.is_empty() && !self.is_full() {
            let Some(next) = events.pull()? else { break };
            self.push(next, events.ordinal() - 1);
        }
        Ok(id)
    }

    fn push(&mut self, (event, span): (Event<'a>, Span), ordinal: u32) {
        let id = self.nodes.len();
        let none = Props {
            anchor: 0,
            tag: Tag::None,
        };
        let (kind, props, value) = match event {
            Event::Open { map, flow, props } => {
                self.open.push(id);
                let kind = if map {
                    Kind::Map { flow }
                } else {
                    Kind::Seq { flow }
                };
                (kind, props, Cow::Borrowed(""))
            }
            Event::Scalar {
                value,
                style,
                props,
            } => (Kind::Scalar(style), props, value),
            Event::Alias { anchor } => {
                self.aliases.push(id);
                (Kind::Alias(anchor), none, Cow::Borrowed(""))
            }
            Event::Close => {
                if let Some(open) = self.open.pop() {
                    self.nodes[open].end = id;
                    self.nodes[open].last = ordinal;
                    if self.nodes[open].is_flow() {
                        self.nodes[open].span.end = span.end;
                        self.extend_text(open, span.end);
                    }
                    if let Some(&parent) = self.open.last() {
                        self.extend_text(parent, self.nodes[open].text_end);
                    }
                }
                return;
            }
            Event::DocumentStart | Event::DocumentEnd => return,
        };
        let is_open = self.open.last() == Some(&id);
        if let Some(&parent) = self.open.iter().nth_back(usize::from(is_open)) {
            self.extend_text(parent, span.end);
        }
        if props.anchor != 0 {
            let index = props.anchor as usize;
            if self.anchors.len() <= index {
                self.anchors.resize(index + 1, None);
            }
            self.anchors[index] = Some(id);
        }
        self.nodes.push(Node {
            kind,
            span,
            props,
            value,
            end: id + 1,
            ordinal,
            last: ordinal,
            text_end: span.end,
        });
    }

    fn extend_text(&mut self, id: NodeId, end: usize) {
        let node = &mut self.nodes[id];
        node.text_end = node.text_end.max(end);
    }

    /// The node at `id`.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node<'a> {
        &self.nodes[id]
    }

    /// All nodes, in the order of the text.
    #[must_use]
    pub fn nodes(&self) -> &[Node<'a>] {
        &self.nodes
    }

    /// The target of an alias; any other node is its own target. `None` for an alias inside its own target.
    #[must_use]
    pub fn target(&self, id: NodeId) -> Option<NodeId> {
        match self.nodes[id].kind {
            Kind::Alias(anchor) => {
                let target = self.anchors.get(anchor as usize).copied().flatten()?;
                (self.nodes[target].end <= id).then_some(target)
            }
            _ => Some(id),
        }
    }

    /// Every alias node read so far.
    #[must_use]
    pub fn aliases(&self) -> &[NodeId] {
        &self.aliases
    }

    /// Where the text of a node ends; for a block collection, where that of its last descendant does.
    #[must_use]
    pub fn text_end(&self, id: NodeId) -> usize {
        self.nodes[id].text_end
    }

    /// The items of a sequence, or the entries of a mapping as key, value, key, value…; empty for other nodes.
    pub fn children(&self, id: NodeId) -> impl Iterator<Item = NodeId> + use<'_, 'a> {
        let end = self.nodes[id].end;
        let mut next = id + 1;
        std::iter::from_fn(move || {
            (next < end).then(|| {
                let child = next;
                next = self.nodes[child].end;
                child
            })
        })
    }

    /// The entries of a mapping as key and value, in the order of the text; empty for other nodes.
    pub fn entries(&self, id: NodeId) -> impl Iterator<Item = (NodeId, NodeId)> + use<'_, 'a> {
        let is_map = matches!(self.nodes[id].kind, Kind::Map { .. });
        let mut children = self.children(id);
        std::iter::from_fn(move || {
            let key = is_map.then(|| children.next()).flatten()?;
            Some((key, children.next()?))
        })
    }

    /// Whether a key is a merge key: a plain `<<`, or one tagged `!!merge`.
    #[must_use]
    pub fn is_merge_key(&self, key: NodeId) -> bool {
        let node = &self.nodes[key];
        node.value == "<<"
            && (node.props.tag == Tag::Merge
                || (node.style() == Some(Style::Plain) && node.props.tag == Tag::None))
    }

    /// The entries of a mapping whose key is `key`, directly or through an alias, in the order of the text. Does not
    /// include merged entries.
    pub fn named<'k>(
        &self,
        map: NodeId,
        key: &'k str,
    ) -> impl Iterator<Item = (NodeId, NodeId)> + use<'_, 'a, 'k> {
        index::entries(self, map, key, true)
    }

    /// As [`Tree::named`], for keys that begin with `prefix`; in any order, but equal keys in that of the text.
    pub fn with_prefix<'k>(
        &self,
        map: NodeId,
        prefix: &'k str,
    ) -> impl Iterator<Item = (NodeId, NodeId)> + use<'_, 'a, 'k> {
        index::entries(self, map, prefix, false)
    }

    /// The value of `key` in a mapping, ignoring merge keys; the last one if the key is a duplicate. `None` if there
    /// is none, or if the node is not a mapping.
    #[must_use]
    pub fn get_written(&self, map: NodeId, key: &str) -> Option<NodeId> {
        let written = self
            .named(map, key)
            .filter(|&(name, _)| self.nodes[name].style().is_some());
        written.last().map(|(_, value)| value)
    }

    /// The value of `key`, following aliases and merge keys; the mapping's own entries win over merged ones. `None` if
    /// there is none, or if the node is not a mapping.
    #[must_use]
    pub fn get(&self, map: NodeId, key: &str) -> Option<NodeId> {
        let map = self.target(map)?;
        let written = self.get_written(map, key).or_else(|| {
            self.sources(map)
                .iter()
                .find_map(|&source| self.get_written(source, key))
        });
        self.target(written?)
    }

    /// All mappings that are merged into a mapping, directly or indirectly, each once, in order of precedence; at most
    /// 128 of them.
    #[must_use]
    pub fn sources(&self, map: NodeId) -> Rc<[NodeId]> {
        if self.merged(map).next().is_none() {
            return Rc::default();
        }
        self.index.sources(map, || self.find_sources(map))
    }

    fn find_sources(&self, map: NodeId) -> Vec<NodeId> {
        let mut found = Vec::new();
        let mut open: Vec<_> = self.merged(map).collect();
        open.reverse();
        let mut seen = FxHashSet::default();
        while let Some(source) = open.pop() {
            if found.len() == MAX_SOURCES {
                break;
            }
            if !seen.insert(source) {
                continue;
            }
            found.push(source);
            let from = open.len();
            open.extend(self.merged(source));
            open[from..].reverse();
        }
        found
    }

    /// The mappings that the merge keys of a mapping name directly, in order of precedence.
    pub fn merged(&self, map: NodeId) -> impl Iterator<Item = NodeId> + use<'_, 'a> {
        self.named(map, "<<")
            .filter(|&(key, _)| self.is_merge_key(key))
            .filter_map(|(_, value)| self.target(value))
            .flat_map(|value| {
                let list = matches!(self.nodes[value].kind, Kind::Seq { .. });
                let single = (!list).then_some(value);
                let several = list.then(|| self.children(value)).into_iter().flatten();
                single
                    .into_iter()
                    .chain(several.filter_map(|item| self.target(item)))
            })
    }

    /// The decoded text of a scalar, or of the scalar that an alias refers to; `None` for collections.
    #[must_use]
    pub fn text(&self, id: NodeId) -> Option<&str> {
        let node = &self.nodes[self.target(id)?];
        node.style().map(|_| &*node.value)
    }
}

/// How many mappings may be merged into one: all of them are searched for each object.
const MAX_SOURCES: usize = 128;
