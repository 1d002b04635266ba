//! Finds unquoted texts that are strings to our reader but not to all others. kustomize reads a configuration before it
//! passes it on, and turns `010` into 8.

use std::borrow::Cow;

use serde_yaml::Value;

use crate::yaml::event::{Events, Span, Style, Tag};
use crate::yaml::plain::is_always_string;
use crate::yaml::splice::{Splice, spliced};
use crate::yaml::tree::{Kind, Node, NodeId, Tree};

/// The tag that marks such a text. It makes a type of its own, which fits no field.
pub(super) const TAG: &str = "unquoted";

/// Returns the text with [`TAG`] in front of each value that needs quotes. A text that is not YAML is returned
/// unchanged.
pub(super) fn marked(text: &str) -> Cow<'_, str> {
    let mut splices = Vec::new();
    let mut events = Events::new(text);
    let mut tree = Tree::default();
    loop {
        match tree.next_document(&mut events) {
            Ok(Some(root)) => splices.extend(marks(&tree, root)),
            Ok(None) => break,
            Err(_) => return Cow::Borrowed(text),
        }
    }
    if splices.is_empty() {
        return Cow::Borrowed(text);
    }
    let all = Span {
        start: 0,
        end: text.len(),
    };
    Cow::Owned(spliced(text, all, &splices).collect())
}

/// The tags to insert into a document, in text order.
fn marks(tree: &Tree<'_>, root: NodeId) -> Vec<Splice> {
    let mut starts = Vec::new();
    for id in root..tree.node(root).end {
        match tree.node(id).kind {
            Kind::Map { .. } => {
                starts.extend(
                    tree.entries(id)
                        .filter_map(|(_, value)| start(tree.node(value))),
                );
            }
            Kind::Seq { .. } => {
                starts.extend(tree.children(id).filter_map(|item| start(tree.node(item))));
            }
            _ => {}
        }
    }
    starts.sort_unstable();
    let mark = |start| Splice::new(Span { start, end: start }, format!("!{TAG} "));
    starts.into_iter().map(mark).collect()
}

/// Where a value begins, if it needs quotes.
fn start(node: &Node<'_>) -> Option<usize> {
    let is_plain = node.style() == Some(Style::Plain) && node.props.tag == Tag::None;
    let is_text = || matches!(serde_yaml::from_str(&node.value), Ok(Value::String(_)));
    (is_plain && !is_always_string(&node.value) && is_text()).then_some(node.span.start)
}
