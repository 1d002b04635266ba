//! Duplicate keys on the path to a change: YAML readers disagree on which one counts.

use rustc_hash::FxHashMap;

use super::walk::{Step, field};
use super::{Draft, Scope};
use crate::clock;
use crate::finding::Finding;
use crate::yaml::tree::{Kind, NodeId, Tree};

/// The message about a duplicate key.
pub(super) const TWICE: &str = "the key stands twice in its mapping";
/// The help for it.
pub(super) const TWICE_HELP: &str = "remove one of them; readers disagree on which one counts";

/// Reports duplicate keys on the paths to the changes of one object. The first `before` changes of the draft belong to
/// other objects.
pub(super) fn find(scope: &Scope<'_, '_>, before: usize, draft: &mut Draft) {
    let tree = scope.tree;
    let mut ordinals: Vec<u32> = draft.changes[before..]
        .iter()
        .map(|change| change.ordinal)
        .collect();
    ordinals.sort_unstable();
    let is_changed = |id: NodeId| {
        let (first, last) = (tree.node(id).ordinal, tree.node(id).last);
        let from = ordinals.partition_point(|&ordinal| ordinal < first);
        ordinals.get(from).is_some_and(|&ordinal| ordinal <= last)
    };
    let mut way = Way::default();
    for map in scope.root()..tree.node(scope.root()).end {
        if scope.clock.spend(clock::NODE).is_err() {
            break;
        }
        way.enter(tree, map);
        if !matches!(tree.node(map).kind, Kind::Map { .. }) || !is_changed(map) {
            continue;
        }
        // by key: how often it has been seen, and whether one of its values changes
        let mut seen: FxHashMap<&str, (usize, bool)> = FxHashMap::default();
        let mut doubled = Vec::new();
        for (key, value) in tree.entries(map) {
            let Some(name) = tree.text(key) else { continue };
            let (count, changes) = seen.entry(name).or_default();
            *count += 1;
            *changes |= is_changed(value);
            if *count == 2 {
                doubled.push(name);
            }
        }
        doubled.retain(|name| seen.get(name).is_some_and(|&(_, changes)| changes));
        for name in doubled {
            let finding = Finding::error(TWICE, TWICE_HELP);
            draft.report(finding.at(scope.subject(), way.to(name)));
        }
    }
}

/// The path to the node that was entered last, while all nodes of a tree are entered in order.
#[derive(Default)]
struct Way<'t>(Vec<Level<'t>>);

struct Level<'t> {
    end: NodeId,
    is_map: bool,
    /// Number of its direct children that have been entered; a map's keys and values count separately.
    met: usize,
    key: &'t str,
}

impl<'t> Way<'t> {
    fn enter(&mut self, tree: &'t Tree<'_>, id: NodeId) {
        while self.0.pop_if(|level| level.end <= id).is_some() {}
        if let Some(level) = self.0.last_mut() {
            if level.is_map && level.met.is_multiple_of(2) {
                level.key = tree.text(id).unwrap_or_default();
            }
            level.met += 1;
        }
        let node = tree.node(id);
        if let Kind::Map { .. } | Kind::Seq { .. } = node.kind {
            self.0.push(Level {
                end: node.end,
                is_map: matches!(node.kind, Kind::Map { .. }),
                met: 0,
                key: "",
            });
        }
    }

    /// The path, as messages show it, to the entry `name` of the mapping that was entered last.
    fn to(&self, name: &str) -> String {
        let around = self.0.split_last().map_or(&[][..], |(_, around)| around);
        let steps = around.iter().map(|level| {
            if level.is_map {
                Step::Key(level.key)
            } else {
                Step::Index(level.met.saturating_sub(1))
            }
        });
        let path: Vec<_> = steps.chain([Step::Key(name)]).collect();
        field(&path)
    }
}
