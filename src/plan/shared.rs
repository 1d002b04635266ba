//! Nodes that stand in several places: an anchored node and its aliases.
//!
//! A change of an anchored node shows at each alias. So each place says what it wants; where all want
//! the same, the one change serves all; where an alias to a scalar wants something else, the scalar is
//! written out in its place; all else is refused, so that no value appears where nobody asked for it.

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::change::Change;
use super::{Draft, is_plain_text, write_out};
use crate::clock::{self, Clock};
use crate::krm::result::Finding;
use crate::yaml::tree::{NodeId, Tree};

/// A change that a place wants which reaches the node through an alias.
pub struct Demand {
    alias: NodeId,
    change: Change,
}

impl Demand {
    /// `change` is that of the shared node itself.
    #[must_use]
    pub fn new(alias: NodeId, change: Change) -> Self {
        Self { alias, change }
    }
}

/// Compares what the document's aliases want with what is planned for their nodes.
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
        let own = &planned[from..to];
        if own.is_empty() && wanted.is_empty() {
            continue;
        }
        if agree(draft, own, &wanted) {
            continue;
        }
        match expansion(tree, draft, alias, target, own, wanted) {
            Ok(change) => draft.changes.push(change),
            Err(finding) => draft.find(finding),
        }
    }
}

/// Whether each planned change is wanted at the alias too, and the other way round.
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

/// The scalar written out in the alias's place.
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
