//! The last look at an output under a policy: it is read again as Argo CD reads it, by lines and then by
//! another YAML reader, and each value is judged once more where it stands there.
//!
//! What has been judged before is our own reading of the manifests. This one shares no code with it: an
//! output that the two read differently is not written.

use crate::clock::Clock;
use crate::finding::Finding;
use crate::plan::walk::{Step, field};
use crate::policy::judge::Judge;
use crate::policy::sink::{NOT_A_STRING, Target};
use crate::yaml::event::{Event, Events};
use crate::yaml::lines;
use crate::yaml::second::{self, Reading};
use crate::yaml::tree::{Kind, NodeId, Tree};

/// Checks an output in which values begin at `values`, in its order.
///
/// # Errors
/// Readers take the output differently, a value is where the policy does not allow one, or the clock has
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
    // one that has stopped leaves texts half read
    clock.check().map_err(|stop| vec![stop.into()])?;
    match denials {
        None => Err(vec![differs()]),
        Some(denials) if denials.is_empty() => Ok(()),
        Some(denials) => Err(denials),
    }
}

/// It names no place: which value it was would tell something of it.
fn differs() -> Finding {
    Finding::error(
        "with its values the output would not be read alike by every YAML reader",
        "a map or list of a secret that is put in whole may have too many levels: take a part of it with `jsonPath`",
    )
}

/// What the policy has against the values where they are; `None` where readers disagree.
fn denials(
    output: &str,
    values: &[usize],
    judge: &Judge<'_>,
    clock: &Clock,
) -> Option<Vec<Finding>> {
    // what begins with a brace is read as JSON, to its end
    if output.trim_start().starts_with('{') {
        return None;
    }
    let mut left = values;
    let mut denials = Vec::new();
    for place in lines::documents(output).ok()? {
        let inside = left.partition_point(|&value| value < place.end);
        let (here, behind) = left.split_at(inside);
        left = behind;
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

/// The same of one document.
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
        met: 0,
        denials: Vec::new(),
    };
    let same = walk.same(root, &second) && walk.met == values.len();
    same.then_some(walk.denials)
}

/// Reads a text that has to be one document.
fn only_root<'t>(text: &'t str, tree: &mut Tree<'t>, clock: &Clock) -> Option<NodeId> {
    let mut events = Events::timed(text, clock);
    let start = events.pull().ok()??;
    let first = events.pull().ok()??;
    let root = tree.read_node(first, &mut events).ok()?;
    let end = events.pull().ok()??;
    let one = (start.0, end.0) == (Event::DocumentStart, Event::DocumentEnd);
    (one && events.pull().ok()?.is_none()).then_some(root)
}

/// Both readings of a document, side by side.
struct Walk<'w, 't> {
    tree: &'w Tree<'t>,
    root: &'w Reading,
    /// Where values begin.
    values: &'w [usize],
    judge: &'w Judge<'w>,
    /// The way to the node at hand.
    path: Vec<Step<'w>>,
    /// How many values have been met.
    met: usize,
    denials: Vec<Finding>,
}

impl<'w> Walk<'w, '_> {
    /// Whether both readers take a node for the same; judges the values in it.
    fn same(&mut self, id: NodeId, second: &'w Reading) -> bool {
        let tree = self.tree;
        let node = tree.node(id);
        // a block collection has the place of its first node
        let has_place = node.style().is_some() || node.is_flow();
        if has_place && self.values.get(self.met) == Some(&node.span.start) {
            self.met += 1;
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

    /// Judges the value at hand by what the second reader takes its object for.
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
        if let Err(denial) = self.judge.sink(&target) {
            let message = format!("{}: {}", field(path), denial.message);
            let finding = Finding::error(message, denial.help).exiting(denial.exit);
            self.denials.push(finding);
        }
    }

    /// The object that the node at hand belongs to, and the way from there: members of a list are objects
    /// of their own. Argo CD takes apart a list, but not one inside it; what stands there it neither applies
    /// nor masks.
    fn object(&self) -> (&'w Reading, &[Step<'w>]) {
        let (mut object, mut path) = (self.root, &*self.path);
        // the items of a ResourceList come to Argo CD on their own
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

/// The namespace of an object, as the first judgement takes it.
fn namespace(object: &Reading) -> &str {
    let namespace = object
        .get("metadata")
        .and_then(|metadata| metadata.get("namespace"));
    match namespace {
        None | Some(Reading::Null) => "",
        Some(value) => value.text().unwrap_or(NOT_A_STRING),
    }
}
