//! Caches the sorted keys of large mappings, and the mappings merged into each mapping.

use std::cell::RefCell;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::{NodeId, Tree};

/// Mappings of at most this many nodes are searched linearly.
const LARGE: usize = 64;

/// The caches for the mappings of one tree.
#[derive(Default)]
pub(super) struct Index {
    /// The scalar keys of a mapping, sorted by text and then by place.
    keys: RefCell<FxHashMap<NodeId, Rc<[NodeId]>>>,
    sources: RefCell<FxHashMap<NodeId, Rc<[NodeId]>>>,
}

impl Index {
    pub(super) fn clear(&mut self) {
        self.keys.get_mut().clear();
        self.sources.get_mut().clear();
    }

    /// The mappings merged into `map`; calls `find` the first time.
    pub(super) fn sources(&self, map: NodeId, find: impl FnOnce() -> Vec<NodeId>) -> Rc<[NodeId]> {
        cached(&self.sources, map, find)
    }
}

fn cached(
    table: &RefCell<FxHashMap<NodeId, Rc<[NodeId]>>>,
    map: NodeId,
    find: impl FnOnce() -> Vec<NodeId>,
) -> Rc<[NodeId]> {
    if let Some(found) = table.borrow().get(&map) {
        return Rc::clone(found);
    }
    let found: Rc<[NodeId]> = find().into();
    table.borrow_mut().insert(map, Rc::clone(&found));
    found
}

/// The entries of a mapping whose key equals `key` (`whole`) or begins with it. Entries of equal keys are in the order
/// of the text; in a large mapping, different keys are sorted.
pub(super) fn entries<'t, 'a, 'k>(
    tree: &'t Tree<'a>,
    map: NodeId,
    key: &'k str,
    whole: bool,
) -> impl Iterator<Item = (NodeId, NodeId)> + use<'t, 'a, 'k> {
    let fits = move |name| match tree.text(name) {
        Some(text) if whole => text == key,
        Some(text) => text.starts_with(key),
        None => false,
    };
    let is_large = tree.node(map).end - map > LARGE;
    let sorted = is_large.then(|| {
        let keys = cached(&tree.index.keys, map, || sorted(tree, map));
        let first = keys.partition_point(|&name| tree.text(name) < Some(key));
        let entries = (first..keys.len()).map(move |at| (keys[at], tree.node(keys[at]).end));
        entries.take_while(move |&(name, _)| fits(name))
    });
    let written = (!is_large).then(|| tree.entries(map).filter(move |&(name, _)| fits(name)));
    let written = written.into_iter().flatten();
    sorted.into_iter().flatten().chain(written)
}

fn sorted(tree: &Tree<'_>, map: NodeId) -> Vec<NodeId> {
    let names = tree.entries(map).map(|(name, _)| name);
    let mut names: Vec<_> = names.filter(|&name| tree.text(name).is_some()).collect();
    names.sort_by(|&one, &other| tree.text(one).cmp(&tree.text(other)));
    names
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::yaml::event::Events;

    /// The results of some lookups in a mapping with `more` unrelated entries.
    fn found(more: usize) -> Vec<Vec<String>> {
        let mut text =
            "&k name: 1\nnamespace: 2\n*k : 3\nna: 4\nname: 5\n? [name]\n: 6\n".to_owned();
        for number in 0..more {
            let _ = writeln!(text, "other-{number}: 0");
        }
        let mut events = Events::new(&text);
        let mut tree = Tree::default();
        events.pull().unwrap();
        let first = events.pull().unwrap().unwrap();
        let root = tree.read_node(first, &mut events).unwrap();
        let value = |(_, value): (NodeId, NodeId)| tree.node(value).value.to_string();
        let mut prefixed: Vec<_> = tree.with_prefix(root, "name").map(value).collect();
        prefixed.sort();
        let written = tree.get_written(root, "name").unwrap();
        vec![
            tree.named(root, "name").map(value).collect(),
            tree.named(root, "nam").map(value).collect(),
            tree.named(root, "zzz").map(value).collect(),
            prefixed,
            vec![tree.node(written).value.to_string()],
        ]
    }

    #[test]
    fn lookups_in_large_and_small_mappings_agree() {
        let expected = [
            &["1", "3", "5"][..],
            &[],
            &[],
            &["1", "2", "3", "5"],
            &["5"],
        ];
        assert_eq!(found(0), expected);
        assert_eq!(found(1_000), expected);
    }
}
