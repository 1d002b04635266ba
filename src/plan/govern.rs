//! The operator's policy, asked about each placeholder in each place that it shows in. What the object itself
//! is, is looked at once.

use super::Scope;
use super::walk::{Place, Step};
use crate::krm::result::Finding;
use crate::placeholder::{Placeholder, Source};
use crate::policy::decide::Denial;
use crate::policy::sink::Target;
use crate::secret::{KvVersion, SecretRef};
use crate::yaml::tree::{MAX_SOURCES, NodeId, Tree};

/// What the policy has against a placeholder at a place; both the path and the place are judged.
pub(super) fn denials(
    scope: &Scope<'_, '_>,
    placeholder: &Placeholder,
    keys_at: Option<&SecretRef>,
    kv: Option<KvVersion>,
    place: &Place<'_, '_>,
) -> Vec<Finding> {
    if !scope.judge.has_policy() {
        return Vec::new();
    }
    let path = match (&placeholder.source, keys_at) {
        (Source::Path { path, .. }, _) => path,
        (Source::Key(_), Some(at)) => &at.path,
        (Source::Key(_), None) => return Vec::new(),
    };
    let mut found = Vec::new();
    if let Err(denial) = scope.judge.path(path, kv) {
        found.push(finding(denial));
    }
    let head = scope
        .head
        .get_or_init(|| Head::of(scope.tree, scope.root()));
    let path: Vec<_> = place.path.iter().map(key).collect();
    if !head.is_plain {
        found.push(Finding::error(
            "what the object is cannot be judged: its apiVersion, kind, metadata or namespace is not written exactly once",
            "write each out once, without merge keys and aliases in the place of keys",
        ));
    } else if let Err(denial) = scope.judge.sink(&head.target(&path)) {
        found.push(finding(denial));
    }
    found
}

/// What is said of a ResourceList among plain manifests: `args` of an exec function can say `render`, and
/// then the environment would be taken for Argo CD's and not for the repository's.
pub(super) fn resource_list() -> Finding {
    Finding::error(
        "a ResourceList is the input of a KRM function, and under a policy `render` takes plain manifests alone",
        "run it without arguments as a function, or give it what kustomize has built",
    )
}

/// A denial as the user sees it.
pub(super) fn finding(denial: Denial) -> Finding {
    Finding::error(denial.message, denial.help).exiting(denial.exit)
}

fn key<'t>(step: &Step<'t>) -> Option<&'t str> {
    match step {
        Step::Key(key) => Some(key),
        Step::Index(_) => None,
    }
}

/// What an object is, to those who read it.
pub(super) struct Head<'t> {
    /// Whether every reader takes the object for the same: YAML libraries disagree on keys that stand twice,
    /// and on which of a written and a merged one counts.
    is_plain: bool,
    api_version: &'t str,
    kind: &'t str,
    namespace: &'t str,
}

impl<'t> Head<'t> {
    fn of(tree: &'t Tree<'_>, root: NodeId) -> Self {
        let metadata = tree.get(root, "metadata");
        let text = |map: Option<NodeId>, key| {
            map.and_then(|map| tree.get(map, key))
                .and_then(|value| tree.text(value))
                .unwrap_or_default()
        };
        Self {
            is_plain: stand_once(tree, root, &["apiVersion", "kind", "metadata"])
                && metadata.is_none_or(|metadata| stand_once(tree, metadata, &["namespace"])),
            api_version: text(Some(root), "apiVersion"),
            kind: text(Some(root), "kind"),
            namespace: text(metadata, "namespace"),
        }
    }

    fn target<'p>(&'p self, path: &'p [Option<&'p str>]) -> Target<'p> {
        Target {
            api_version: self.api_version,
            kind: self.kind,
            namespace: self.namespace,
            path,
        }
    }
}

fn stand_once(tree: &Tree<'_>, map: NodeId, names: &[&str]) -> bool {
    let merged = tree.sources(map);
    // where there are more, not all of them are known
    merged.len() < MAX_SOURCES
        && names.iter().all(|name| {
            let mut written = tree.named(map, name);
            let plain = written
                .next()
                .is_none_or(|(key, _)| tree.node(key).style().is_some());
            plain
                && written.next().is_none()
                && merged
                    .iter()
                    .all(|&source| tree.named(source, name).next().is_none())
        })
}
