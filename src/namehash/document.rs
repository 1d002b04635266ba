//! Splits a stream into documents without parsing it, so that only those that change are parsed.

use std::ops::Range;

use crate::clock::Clock;
use crate::yaml::event::{Event, Events, SyntaxError};
use crate::yaml::tree::{NodeId, Tree};

/// The byte ranges of the documents of `text`, each including its `---`.
///
/// A line that begins with `---` or `...` and white space ends a document even inside a scalar (YAML 1.2.2,
/// `c-forbidden`), so no parser is needed to find it.
pub(super) fn split(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut starts = vec![0];
    for newline in memchr::memchr_iter(b'\n', bytes) {
        let rest = bytes.get(newline + 1..).unwrap_or_default();
        let marker = rest.starts_with(b"---") || rest.starts_with(b"...");
        if marker && matches!(rest.get(3), None | Some(b' ' | b'\t' | b'\r' | b'\n')) {
            starts.push(newline + 1);
        }
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts
        .iter()
        .copied()
        .zip(ends)
        .map(|(start, end)| start..end)
        .collect()
}

/// The node of `metadata.name` of the object at `root`.
pub(super) fn name_of(tree: &Tree<'_>, root: NodeId) -> Option<NodeId> {
    let metadata = tree.get_written(root, "metadata")?;
    tree.get_written(metadata, "name")
}

/// A parsed document.
pub(super) struct Document<'t> {
    /// Its nodes; their spans are relative to the start of the document.
    pub(super) tree: Tree<'t>,
    /// The root node.
    pub(super) root: NodeId,
    /// The sum of the digests of all its events, for verification.
    pub(super) digest: u64,
}

impl<'t> Document<'t> {
    /// Parses the text of one document; `None` if it is empty.
    pub(super) fn read(text: &'t str, clock: &Clock) -> Result<Option<Self>, SyntaxError> {
        let mut events = Events::timed(text, clock);
        let mut tree = Tree::default();
        while let Some((event, _)) = events.pull()? {
            if event != Event::DocumentStart {
                continue;
            }
            let Some(first) = events.pull()? else { break };
            let root = tree.read_node(first, &mut events)?;
            let digest = events.digest();
            return Ok(Some(Self { tree, root, digest }));
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_end_only_at_marker_lines() {
        let text = "a: |\n  ---\n  b\n---\nc: ---x\n----\n--- d\n...\n---";
        let parts: Vec<_> = split(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(
            parts,
            [
                "a: |\n  ---\n  b\n",
                "---\nc: ---x\n----\n",
                "--- d\n",
                "...\n",
                "---"
            ]
        );
        assert_eq!(split("a: b\r\n---\r\nc: d\r\n").len(), 2);
        assert_eq!(split("").len(), 1);
    }
}
