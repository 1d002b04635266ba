//! The final check of an output under a policy. It is read again as Argo CD reads it, split by lines and then parsed by
//! another YAML parser, and the policy is applied once more to the place of each secret value.
//!
//! The first check relied on our own parser. This one shares no code with it, and an output that the two parsers read
//! differently is not written.

use crate::clock::Clock;
use crate::finding::Finding;
use crate::plan::walk::{Step, field};
use crate::policy::judge::Judge;
use crate::policy::sink::{NOT_A_STRING, Target};
use crate::yaml::event::{Event, Events};
use crate::yaml::lines;
use crate::yaml::second::{self, Reading};
use crate::yaml::tree::{Kind, NodeId, Tree};

/// Checks `output`, in which secret values begin at the offsets `values`, sorted.
///
/// # Errors
/// The two parsers read the output differently, the policy does not allow a value at its place, or the clock has
/// stopped.
pub(crate) fn check(
    output: &str,
    values: &[usize],
    judge: &Judge<'_>,
    clock: &Clock,
) -> Result<(), Vec<Finding>> {
    if values.is_empty() {
        return Ok(());
    }
    let denials = denials(output, values, judge, clock);
    // after a stop the readings may be incomplete
    clock.check().map_err(|stop| vec![stop.into()])?;
    match denials {
        None => Err(vec![differs()]),
        Some(denials) if denials.is_empty() => Ok(()),
        Some(denials) => Err(denials),
    }
}

/// Names no place, since knowing which value it was could reveal something about it.
fn differs() -> Finding {
    Finding::error(
        "with its values filled in, YAML parsers would not agree on the output",
        "a whole map or list from a secret may be nested too deeply: take a part of it with `jsonPath`",
    )
}

/// The violations of the policy; `None` if the parsers disagree.
fn denials(
    output: &str,
    values: &[usize],
    judge: &Judge<'_>,
    clock: &Clock,
) -> Option<Vec<Finding>> {
    // Argo CD reads a text that begins with a brace as JSON, ignoring the lines
    if output.trim_start().starts_with('{') {
        return None;
    }
    let mut left = values;
    let mut denials = Vec::new();
    for place in lines::documents(output).ok()? {
        let inside = left.partition_point(|&value| value < place.end);
        let (here, rest) = left.split_at(inside);
        left = rest;
        if !here.is_empty() {
            let here: Option<Vec<_>> = here
                .iter()
                .map(|value| value.checked_sub(place.start))
                .collect();
            denials.append(&mut document(&output[place], &here?, judge, clock)?);
        }
    }
    left.is_empty().then_some(denials)
}

/// As [`denials`], for one document.
fn document(
    text: &str,
    values: &[usize],
    judge: &Judge<'_>,
    clock: &Clock,
) -> Option<Vec<Finding>> {
    let mut tree = Tree::default();
    let root = only_root(text, &mut tree, clock)?;
    let second = second::read(text, clock)?;
    let mut walk = Walk {
        tree: &tree,
        root: &second,
        values,
        judge,
        path: Vec::new(),
        found: 0,
        denials: Vec::new(),
    };
    let same = walk.same(root, &second) && walk.found == values.len();
    same.then_some(walk.denials)
}

/// Parses a text that must be exactly one document; returns its root.
fn only_root<'t>(text: &'t str, tree: &mut Tree<'t>, clock: &Clock) -> Option<NodeId> {
    let mut events = Events::timed(text, clock);
    let start = events.pull().ok()??;
    let first = events.pull().ok()??;
    let root = tree.read_node(first, &mut events).ok()?;
    let end = events.pull().ok()??;
    let one = (start.0, end.0) == (Event::DocumentStart, Event::DocumentEnd);
    (one && events.pull().ok()?.is_none()).then_some(root)
}

/// A walk through both readings of a document in parallel.
struct Walk<'w, 't> {
    tree: &'w Tree<'t>,
    root: &'w Reading,
    /// The offsets at which values begin, sorted.
    values: &'w [usize],
    judge: &'w Judge<'w>,
    /// The path of the current node.
    path: Vec<Step<'w>>,
    /// How many values have been found.
    found: usize,
    denials: Vec<Finding>,
}

impl<'w> Walk<'w, '_> {
    /// Whether both parsers read a node as the same value. Applies the policy to the secret values in it.
    fn same(&mut self, id: NodeId, second: &'w Reading) -> bool {
        let tree = self.tree;
        let node = tree.node(id);
        // the span of a block collection is that of its first node
        let has_place = node.style().is_some() || node.is_flow();
        if has_place && self.values.get(self.found) == Some(&node.span.start) {
            self.found += 1;
            self.judge();
        }
        match (node.kind, second) {
            (Kind::Map { .. }, Reading::Map(entries)) => {
                let mut entries = entries.iter();
                for (key, value) in tree.entries(id) {
                    let Some((name, second)) = entries.next() else {
                        return false;
                    };
                    self.path.push(Step::Key(name));
                    let is_key = second::of_scalar(tree.node(key))
                        .is_some_and(|key| matches!(&key, Reading::Text(text) if text == name));
                    if !is_key || tree.is_merge_key(key) || !self.same(value, second) {
                        return false;
                    }
                    self.path.pop();
                }
                entries.next().is_none()
            }
            (Kind::Seq { .. }, Reading::List(items)) => {
                let mut items = items.iter().enumerate();
                for item in tree.children(id) {
                    let Some((index, second)) = items.next() else {
                        return false;
                    };
                    self.path.push(Step::Index(index));
                    if !self.same(item, second) {
                        return false;
                    }
                    self.path.pop();
                }
                items.next().is_none()
            }
            (Kind::Scalar(_), second) => {
                second::of_scalar(node).is_some_and(|first| first == *second)
            }
            _ => false,
        }
    }

    /// Applies the policy to the current value, with the identity of its object as the second parser reads it.
    fn judge(&mut self) {
        let (object, path) = self.object();
        let text = |map: Option<&'w Reading>, key| {
            map.and_then(|map| map.get(key))
                .and_then(Reading::text)
                .unwrap_or_default()
        };
        let keys: Vec<_> = path
            .iter()
            .map(|step| match step {
                Step::Key(key) => Some(*key),
                Step::Index(_) => None,
            })
            .collect();
        let target = Target {
            api_version: text(Some(object), "apiVersion"),
            kind: text(Some(object), "kind"),
            namespace: namespace(object),
            path: &keys,
        };
        let denial = self.judge.sink(&target).err();
        self.denials
            .extend(denial.map(|denial| denial.within(field(path))));
    }

    /// The object that contains the current node, and the path within it; members of a list are objects of their own. Argo
    /// CD splits a list, but not a list inside a list, whose members it neither applies nor masks.
    fn object(&self) -> (&'w Reading, &[Step<'w>]) {
        let (mut object, mut path) = (self.root, &*self.path);
        // Argo CD receives the items of a ResourceList on their own
        let kind = object.get("kind").and_then(Reading::text);
        let lists = 1 + usize::from(kind == Some("ResourceList"));
        for _ in 0..lists {
            let [Step::Key("items"), Step::Index(index), rest @ ..] = path else {
                break;
            };
            let is_list = object
                .get("kind")
                .and_then(Reading::text)
                .is_some_and(|kind| kind.ends_with("List"));
            match object.get("items") {
                Some(Reading::List(items)) if is_list => match items.get(*index) {
                    Some(item) => (object, path) = (item, rest),
                    None => break,
                },
                _ => break,
            }
        }
        (object, path)
    }
}

/// The namespace of an object, by the rule of the first check.
fn namespace(object: &Reading) -> &str {
    let namespace = object
        .get("metadata")
        .and_then(|metadata| metadata.get("namespace"));
    match namespace {
        None | Some(Reading::Null) => "",
        Some(value) => value.text().unwrap_or(NOT_A_STRING),
    }
}
