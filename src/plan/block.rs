//! How a map that replaces a scalar is written, in the style of the text around it.

use super::Scope;
use super::insertion::Lines;
use super::walk::Place;
use crate::yaml::event::Span;
use crate::yaml::trivia;

/// How a block mapping replaces a scalar.
#[derive(Clone, Debug)]
pub struct Block {
    /// Indentation and line break of its lines.
    pub lines: Lines,
    /// The rest of the line after the scalar, such as a comment, which moves in front of the first entry. `None` if the
    /// scalar is on a line of its own, which becomes the first entry's line.
    pub comment: Option<Box<str>>,
}

/// The bytes to replace, and how. The second is `None` for a flow mapping in the scalar's place, which is valid
/// everywhere.
pub(super) fn plan(scope: &Scope<'_, '_>, place: &Place<'_, '_>) -> (Span, Option<Block>) {
    let (tree, text) = (scope.tree, scope.text);
    let span = tree.node(place.id).span;
    let parent = tree.node(place.parent);
    if place.alias.is_some() || parent.is_flow() {
        return (span, None);
    }
    let start = trivia::line_start(text, span.start);
    let before = text.get(start..span.start).unwrap_or_default();
    let lines = |indent| Lines {
        indent,
        eol: scope.eol(),
    };
    if before.bytes().all(|byte| byte == b' ') && !before.is_empty() {
        let block = Block {
            lines: lines(before.len()),
            comment: None,
        };
        return (span, Some(block));
    }
    let behind = text
        .get(span.end..trivia::line_end(text, span.end))
        .unwrap_or_default()
        .trim_end_matches([' ', '\t']);
    let block = Block {
        lines: lines(column(text, parent.span.start) + step(scope)),
        comment: Some(Box::from(behind)),
    };
    let span = Span {
        start: start + before.trim_end_matches([' ', '\t']).len(),
        end: span.end + behind.len(),
    };
    (span, Some(block))
}

/// By how many columns the object indents nested mappings, measured on its `metadata`; 2 if that is not known.
fn step(scope: &Scope<'_, '_>) -> usize {
    let (tree, text) = (scope.tree, scope.text);
    let root = column(text, tree.node(scope.root()).span.start);
    let metadata = tree
        .get_written(scope.root(), "metadata")
        .map(|id| tree.node(id))
        .filter(|node| node.style().is_none() && !node.is_flow());
    metadata
        .map(|node| column(text, node.span.start).saturating_sub(root))
        .filter(|step| (1..=8).contains(step))
        .unwrap_or(2)
}

fn column(text: &str, at: usize) -> usize {
    let line = text
        .get(trivia::line_start(text, at)..at)
        .unwrap_or_default();
    line.trim_start_matches('\u{feff}').chars().count()
}
