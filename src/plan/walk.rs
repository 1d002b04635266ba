//! Visits every node of an object with its path, following aliases and merge keys.

use std::fmt::Write;

use rustc_hash::FxHashSet;

use crate::clock::{self, Clock};
use crate::explain::Explain;
use crate::yaml::tree::{Kind, NodeId, Tree};

/// One step of the path from an object's root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'t> {
    /// Into the value of a key.
    Key(&'t str),
    /// Into an element of a list, counted from 0.
    Index(usize),
}

/// A node together with where it was reached.
#[derive(Clone, Copy)]
pub struct Place<'w, 't> {
    /// The node; never an alias.
    pub id: NodeId,
    /// The innermost alias through which the node was reached, if any.
    pub alias: Option<NodeId>,
    /// The mapping or sequence that contains the node.
    pub parent: NodeId,
    /// The path from the object's root to the node; for a key, to its mapping.
    pub path: &'w [Step<'t>],
    /// Whether the node is a mapping's key, or part of one.
    pub is_key: bool,
}

impl<'t> Place<'_, 't> {
    /// The key of the last step, if that is a key.
    #[must_use]
    pub fn last_key(&self) -> Option<&'t str> {
        match self.path.last() {
            Some(Step::Key(key)) => Some(key),
            _ => None,
        }
    }
}

/// The path as messages show it: `spec.containers[0].image`, `metadata.annotations[a.b/c]`.
///
/// A key that does not look like a Kubernetes name may hold anything, so it is shown as `(key)`. A path of more than
/// 512 bytes is cut off.
#[must_use]
pub fn field(path: &[Step<'_>]) -> String {
    let mut out = String::new();
    for step in path {
        if out.len() > LONGEST {
            out.push('…');
            break;
        }
        match step {
            Step::Index(index) => {
                let _ = write!(out, "[{index}]");
            }
            Step::Key(key) if is_word(key) => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(key);
            }
            Step::Key(key) if is_name(key) => {
                let _ = write!(out, "[{key}]");
            }
            Step::Key(_) => out.push_str("[(key)]"),
        }
    }
    out
}

/// The length in bytes from which a path is cut off after the current step: each finding holds a path.
const LONGEST: usize = 512;

fn is_word(key: &str) -> bool {
    !key.is_empty()
        && key.len() <= 253
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

fn is_name(key: &str) -> bool {
    !key.is_empty()
        && key.len() <= 317
        && key.bytes().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/' | b'$')
        })
}

/// Why an object cannot be walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WalkError {
    /// Aliases in aliases, or aliases of long texts, would make the object enormous.
    #[error("its aliases expand to more than 1,000,000 nodes or 16 MB of text")]
    TooLarge,
    /// Aliases in aliases would nest the object too deeply.
    #[error("its aliases nest more than 1,100 deep")]
    TooDeep,
    /// The clock has stopped.
    #[error("stopped before the end of the object")]
    Stopped,
}

impl Explain for WalkError {
    fn help(&self) -> String {
        match self {
            Self::TooLarge | Self::TooDeep => "write the object without nested aliases",
            Self::Stopped => "try again",
        }
        .to_owned()
    }
}

const MAX_ALIASED: usize = 1_000_000;
/// A text that is reached through an alias is examined each time, so it counts as one more node for each 16 bytes.
const LONG: usize = 16;
const MAX_DEPTH: usize = 1_100;

/// Calls `visit` for `root` and all nodes below it, except for `skip` and what is below that. Adds to `aliased` the
/// number of nodes that are reached through aliases, which is limited for a document as a whole.
///
/// # Errors
/// A [`WalkError`] for alias bombs, or when the clock has stopped; the nodes before that have been visited.
pub fn walk<'t>(
    tree: &'t Tree<'_>,
    root: NodeId,
    skip: Option<NodeId>,
    aliased: &mut usize,
    clock: &Clock,
    visit: &mut dyn FnMut(&Place<'_, 't>),
) -> Result<(), WalkError> {
    let mut walker = Walker {
        tree,
        skip,
        path: Vec::new(),
        aliased,
        clock,
        depth: 0,
        visit,
    };
    walker.node(root, root, None)
}

fn written_keys<'t>(tree: &'t Tree<'_>, map: NodeId) -> FxHashSet<&'t str> {
    tree.entries(map)
        .filter(|&(key, _)| tree.node(key).style().is_some())
        .map(|(key, _)| &*tree.node(key).value)
        .collect()
}

struct Walker<'v, 't, 'a> {
    tree: &'t Tree<'a>,
    skip: Option<NodeId>,
    path: Vec<Step<'t>>,
    aliased: &'v mut usize,
    clock: &'v Clock,
    depth: usize,
    visit: &'v mut dyn FnMut(&Place<'_, 't>),
}

impl<'t> Walker<'_, 't, '_> {
    fn node(&mut self, id: NodeId, parent: NodeId, alias: Option<NodeId>) -> Result<(), WalkError> {
        if self.skip == Some(id) {
            return Ok(());
        }
        let (id, alias) = self.follow(id, alias)?;
        self.meet(id, parent, alias, false)?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(WalkError::TooDeep);
        }
        match self.tree.node(id).kind {
            Kind::Map { .. } => self.map(id, id, alias, None)?,
            Kind::Seq { .. } => {
                for (index, child) in self.tree.children(id).enumerate() {
                    self.path.push(Step::Index(index));
                    self.node(child, id, alias)?;
                    self.path.pop();
                }
            }
            Kind::Scalar(_) | Kind::Alias(_) => {}
        }
        self.depth -= 1;
        Ok(())
    }

    /// Visits the entries of `map` as those of `owner`, into which they may be merged. `written` are the owner's own
    /// keys, which win over merged ones.
    fn map(
        &mut self,
        map: NodeId,
        owner: NodeId,
        alias: Option<NodeId>,
        written: Option<&FxHashSet<&'t str>>,
    ) -> Result<(), WalkError> {
        let tree = self.tree;
        let mut own = None;
        for (key, value) in tree.entries(map) {
            if tree.is_merge_key(key) {
                let written = match written {
                    Some(written) => written,
                    None => own.get_or_insert_with(|| written_keys(tree, owner)),
                };
                self.merge(value, owner, alias, written)?;
                continue;
            }
            let (key, key_alias) = self.follow(key, alias)?;
            for id in key..tree.node(key).end {
                self.meet(id, owner, key_alias, true)?;
                self.count(usize::from(key_alias.is_some() && id > key))?;
            }
            let name = tree.text(key).unwrap_or("");
            if written.is_some_and(|written| written.contains(name)) {
                continue;
            }
            self.path.push(Step::Key(name));
            self.node(value, owner, alias)?;
            self.path.pop();
        }
        Ok(())
    }

    fn merge(
        &mut self,
        value: NodeId,
        owner: NodeId,
        alias: Option<NodeId>,
        written: &FxHashSet<&'t str>,
    ) -> Result<(), WalkError> {
        let (value, alias) = self.follow(value, alias)?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(WalkError::TooDeep);
        }
        match self.tree.node(value).kind {
            Kind::Map { .. } => self.map(value, owner, alias, Some(written))?,
            Kind::Seq { .. } => {
                for source in self.tree.children(value) {
                    self.merge(source, owner, alias, written)?;
                }
            }
            Kind::Scalar(_) | Kind::Alias(_) => {
                // not a mapping, so nothing is merged: the text has no more effect than a key
                self.meet(value, owner, alias, true)?;
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn follow(
        &mut self,
        id: NodeId,
        alias: Option<NodeId>,
    ) -> Result<(NodeId, Option<NodeId>), WalkError> {
        self.count(usize::from(alias.is_some()))?;
        match self.tree.target(id) {
            Some(target) if target != id => Ok((target, Some(id))),
            _ => Ok((id, alias)),
        }
    }

    fn count(&mut self, nodes: usize) -> Result<(), WalkError> {
        *self.aliased += nodes;
        if *self.aliased > MAX_ALIASED {
            return Err(WalkError::TooLarge);
        }
        Ok(())
    }

    fn meet(
        &mut self,
        id: NodeId,
        parent: NodeId,
        alias: Option<NodeId>,
        is_key: bool,
    ) -> Result<(), WalkError> {
        let length = self.tree.node(id).value.len();
        if alias.is_some() {
            self.count(length / LONG)?;
        }
        let work = clock::NODE + length;
        self.clock.spend(work).map_err(|_| WalkError::Stopped)?;
        (self.visit)(&Place {
            id,
            alias,
            parent,
            path: &self.path,
            is_key,
        });
        Ok(())
    }
}
