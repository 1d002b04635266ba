//! Nodes that appear in several places: an anchored node and its aliases.
//!
//! A change of an anchored node shows at each of its aliases, so each place states the change that it needs. If all
//! agree, one change serves all places. If an alias to a scalar needs something else, the scalar is written out in
//! place of the alias. Anything else is refused, so that no value appears where nobody asked for it.

use std::borrow::Cow;
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::change::Change;
use super::{Draft, is_plain_text, write_out};
use crate::clock::{self, Clock};
use crate::finding::Finding;
use crate::yaml::tree::{NodeId, Tree};

/// A change that a place needs of a node that it reaches through an alias.
pub struct Demand {
    alias: NodeId,
    change: Change,
}

impl Demand {
    /// A demand of `alias` that the shared node itself gets `change`.
    #[must_use]
    pub fn new(alias: NodeId, change: Change) -> Self {
        Self { alias, change }
    }
}

/// Compares the demands of the document's aliases with the changes planned for their nodes. Adds a change for each
/// alias that is written out, and an error for each that cannot be. Stops early with the clock.
pub fn settle(tree: &Tree<'_>, draft: &mut Draft, clock: &Clock) {
    if tree.aliases().is_empty() || (draft.changes.is_empty() && draft.demands.is_empty()) {
        return;
    }
    let demands = std::mem::take(&mut draft.demands);
    let mut by_alias: FxHashMap<NodeId, Vec<Demand>> = FxHashMap::default();
    for demand in demands {
        by_alias.entry(demand.alias).or_default().push(demand);
    }
    let mut planned: Vec<(u32, usize)> = draft
        .changes
        .iter()
        .enumerate()
        .map(|(index, change)| (change.ordinal, index))
        .collect();
    planned.sort_unstable();
    let merges = merges(tree);
    let mut overrides = Overrides::new(tree);
    for &alias in tree.aliases() {
        let wanted = by_alias.remove(&alias).unwrap_or_default();
        let work = clock::NODE.saturating_mul(1 + wanted.len());
        if clock.spend(work).is_err() {
            return;
        }
        let Some(target) = tree.target(alias) else {
            continue;
        };
        let (first, last) = (tree.node(target).ordinal, tree.node(target).last);
        let from = planned.partition_point(|&(ordinal, _)| ordinal < first);
        let to = planned.partition_point(|&(ordinal, _)| ordinal <= last);
        let own = match merges.get(&alias) {
            Some(&into) => overrides.seen(&planned[from..to], target, into),
            None => Cow::Borrowed(&planned[from..to]),
        };
        if own.is_empty() && wanted.is_empty() {
            continue;
        }
        if agree(draft, &own, &wanted) {
            continue;
        }
        match expansion(tree, draft, alias, target, &own, wanted) {
            Ok(change) => draft.changes.push(change),
            Err(finding) => draft.report(finding),
        }
    }
}

/// The aliases that merge a mapping into another one, each with that other mapping.
fn merges(tree: &Tree<'_>) -> FxHashMap<NodeId, NodeId> {
    let mut found = FxHashMap::default();
    for map in 0..tree.nodes().len() {
        for (key, value) in tree.named(map, "<<") {
            if tree.is_merge_key(key) {
                let several = tree.children(value);
                found.extend(
                    std::iter::once(value)
                        .chain(several)
                        .map(|alias| (alias, map)),
                );
            }
        }
    }
    found
}

/// Finds the keys that a mapping does not take from a merged mapping because it has them itself.
struct Overrides<'t, 'a> {
    tree: &'t Tree<'a>,
    /// The entries (key and value) of each merged mapping, read once.
    entries: FxHashMap<NodeId, Vec<(NodeId, NodeId)>>,
}

impl<'t, 'a> Overrides<'t, 'a> {
    fn new(tree: &'t Tree<'a>) -> Self {
        let entries = FxHashMap::default();
        Self { tree, entries }
    }

    /// The changes of `source` that show in `into`, the mapping into which it is merged.
    fn seen<'p>(
        &mut self,
        planned: &'p [(u32, usize)],
        source: NodeId,
        into: NodeId,
    ) -> Cow<'p, [(u32, usize)]> {
        let tree = self.tree;
        let entries = self.entries.entry(source);
        let entries = entries.or_insert_with(|| tree.entries(source).collect());
        let shows = |&&(ordinal, _): &&(u32, usize)| {
            let behind = entries.partition_point(|&(key, _)| tree.node(key).ordinal < ordinal);
            // an entry that is inserted between two others is part of neither's value
            let inside = behind
                .checked_sub(1)
                .map(|at| entries[at])
                .filter(|&(_, value)| ordinal <= tree.node(value).last);
            let key = inside.and_then(|(key, _)| tree.text(key));
            key.is_none_or(|key| !is_overridden(tree, into, key))
        };
        planned.iter().filter(shows).copied().collect()
    }
}

/// Whether a mapping has a key of its own that every reader prefers to a merged one. go-yaml v2 takes whichever
/// comes last.
fn is_overridden(tree: &Tree<'_>, map: NodeId, key: &str) -> bool {
    let merge = tree.named(map, "<<").map(|(merge, _)| merge).max();
    tree.get_written(map, key).is_some() && tree.named(map, key).all(|(name, _)| Some(name) > merge)
}

/// Whether the planned changes and the demands at the alias are the same.
fn agree(draft: &Draft, own: &[(u32, usize)], wanted: &[Demand]) -> bool {
    let planned = |ordinal: u32| {
        let from = own.partition_point(|&(other, _)| other < ordinal);
        own.get(from)
            .filter(|&&(other, _)| other == ordinal)
            .map(|&(_, index)| &draft.changes[index])
    };
    wanted.iter().all(|demand| {
        planned(demand.change.ordinal)
            .is_some_and(|change| change.action.same(&demand.change.action))
    }) && {
        let met: FxHashSet<u32> = wanted.iter().map(|demand| demand.change.ordinal).collect();
        own.iter().all(|(ordinal, _)| met.contains(ordinal))
    }
}

/// The change that writes the scalar out in place of the alias.
///
/// # Errors
/// If the node is not an ordinary text, or the demands differ from each other.
fn expansion(
    tree: &Tree<'_>,
    draft: &Draft,
    alias: NodeId,
    target: NodeId,
    own: &[(u32, usize)],
    mut wanted: Vec<Demand>,
) -> Result<Change, Finding> {
    let origin = wanted
        .first()
        .map(|demand| &demand.change)
        .or_else(|| own.first().map(|&(_, index)| &draft.changes[index]));
    let Some((subject, field)) =
        origin.map(|change| (Rc::clone(&change.subject), change.field.clone()))
    else {
        return Err(shared_error());
    };
    let refused = || shared_error().at(&subject, field.clone());
    let same = wanted
        .windows(2)
        .all(|pair| pair[0].change.action.same(&pair[1].change.action));
    if !is_plain_text(tree, target) || !same {
        return Err(refused());
    }
    let action = match wanted.pop() {
        Some(demand) => demand.change.action,
        None => write_out(&tree.node(target).value),
    };
    Ok(Change::of(tree.node(alias), action, &subject, field))
}

fn shared_error() -> Finding {
    Finding::error(
        "the value is shared through an anchor, and its places would need different values",
        "write the value out in each place instead of an alias",
    )
}
