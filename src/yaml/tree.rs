//! An arena of nodes: one document, or one list item at a time, so that memory follows the largest
//! object and not the stream.
//!
//! Nodes lie in the order of the text; a node's subtree is the run of nodes up to [`Node::end`].
//! Aliases stay aliases: [`Tree::target`] follows one. A large mapping is sorted when something is looked up
//! in it: it may be asked as often as it is long.

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
    /// A mapping; `flow` for `{…}`.
    Map {
        /// `{…}`
        flow: bool,
    },
    /// A sequence; `flow` for `[…]`.
    Seq {
        /// `[…]`
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
    /// Where it stands; a block collection's span is empty, at its first child.
    pub span: Span,
    /// Anchor and tag.
    pub props: Props,
    /// The decoded text of a scalar, else empty.
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
    /// The text of a scalar may be a secret: only its length is shown.
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
    /// The scalar's style, `None` for other nodes.
    #[must_use]
    pub fn style(&self) -> Option<Style> {
        match self.kind {
            Kind::Scalar(style) => Some(style),
            _ => None,
        }
    }

    /// Nothing at all, or a plain `null` in one of its spellings, whatever its tag.
    #[must_use]
    pub fn is_null(&self) -> bool {
        match self.style() {
            Some(Style::Empty) => true,
            Some(Style::Plain) => matches!(&*self.value, "~" | "null" | "Null" | "NULL"),
            _ => false,
        }
    }

    /// Written as `{…}` or `[…]`.
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

/// The arena.
#[derive(Default)]
pub struct Tree<'a> {
    nodes: Vec<Node<'a>>,
    anchors: Vec<Option<NodeId>>,
    aliases: Vec<NodeId>,
    open: Vec<NodeId>,
    index: Index,
    most: Option<usize>,
}

impl<'a> Tree<'a> {
    /// A tree that takes no more than `most` nodes of a document.
    #[must_use]
    pub fn bounded(most: usize) -> Self {
        Self {
            most: Some(most),
            ..Self::default()
        }
    }

    /// Whether a document has more nodes than the tree takes: it is then read no further.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.most.is_some_and(|most| self.nodes.len() > most)
    }

    /// Forgets every node; the memory is kept for the next document.
    pub fn clear(&mut self) {
        self.nodes.clear();
        self.anchors.clear();
        self.aliases.clear();
        self.index.clear();
    }

    /// Reads the next document of `events` in the place of what has been read; its root, `None` where there is none.
    ///
    /// # Errors
    /// The events' own.
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
    /// The events' own.
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
                        self.reaches(open, span.end);
                    }
                    if let Some(&around) = self.open.last() {
                        self.reaches(around, self.nodes[open].text_end);
                    }
                }
                return;
            }
            Event::DocumentStart | Event::DocumentEnd => return,
        };
        let is_open = self.open.last() == Some(&id);
        if let Some(&around) = self.open.iter().nth_back(usize::from(is_open)) {
            self.reaches(around, span.end);
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

    fn reaches(&mut self, id: NodeId, end: usize) {
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

    /// The node that an alias stands for; any other node is its own target. `None` when an alias
    /// stands inside its own anchor's node.
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

    /// Where a node's text ends: that of its last descendant, for a block collection.
    #[must_use]
    pub fn text_end(&self, id: NodeId) -> usize {
        self.nodes[id].text_end
    }

    /// The children of a sequence, or of a mapping as key, value, key, value…; empty otherwise.
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

    /// Key and value nodes of a mapping as they are written; empty for other nodes.
    pub fn entries(&self, id: NodeId) -> impl Iterator<Item = (NodeId, NodeId)> + use<'_, 'a> {
        let is_map = matches!(self.nodes[id].kind, Kind::Map { .. });
        let mut children = self.children(id);
        std::iter::from_fn(move || {
            let key = is_map.then(|| children.next()).flatten()?;
            Some((key, children.next()?))
        })
    }

    /// Whether a key is YAML's merge key: a plain `<<`, or one tagged `!!merge`.
    #[must_use]
    pub fn is_merge_key(&self, key: NodeId) -> bool {
        let node = &self.nodes[key];
        node.value == "<<"
            && (node.props.tag == Tag::Merge
                || (node.style() == Some(Style::Plain) && node.props.tag == Tag::None))
    }

    /// Key and value nodes of the entries of a mapping whose key has this text, itself or through an alias, as
    /// they are written; not those that come through merge keys.
    pub fn named<'k>(
        &self,
        map: NodeId,
        key: &'k str,
    ) -> impl Iterator<Item = (NodeId, NodeId)> + use<'_, 'a, 'k> {
        index::entries(self, map, key, true)
    }

    /// The same for all keys that begin so, in whatever order; equal ones as they are written.
    pub fn beginning<'k>(
        &self,
        map: NodeId,
        prefix: &'k str,
    ) -> impl Iterator<Item = (NodeId, NodeId)> + use<'_, 'a, 'k> {
        index::entries(self, map, prefix, false)
    }

    /// The value written under `key` in a mapping itself, not through a merge key; the last one
    /// where a key stands twice. `None` if there is none, or the node is no mapping.
    #[must_use]
    pub fn get_written(&self, map: NodeId, key: &str) -> Option<NodeId> {
        let written = self
            .named(map, key)
            .filter(|&(name, _)| self.nodes[name].style().is_some());
        written.last().map(|(_, value)| value)
    }

    /// The value under `key`, with aliases followed and merge keys honoured: written entries win
    /// over merged ones. `None` if there is none, or the node is no mapping.
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

    /// Every mapping that a mapping takes entries from through merge keys, directly or through others,
    /// each once, in the order in which they win; not more than 128 of them.
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

    /// The mappings that a mapping's merge keys name, in the order in which they win.
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

    /// The decoded text of a scalar (an alias to one included), `None` for collections.
    #[must_use]
    pub fn text(&self, id: NodeId) -> Option<&str> {
        let node = &self.nodes[self.target(id)?];
        node.style().map(|_| &*node.value)
    }
}

/// How many mappings merge keys may bring into one: they are looked through for each object.
const MAX_SOURCES: usize = 128;
