//! Checks each placeholder against the operator's policy, in each place in which it appears. What the object itself is
//! is determined once.

use super::Scope;
use super::change::Slot;
use super::walk::{Place, Step};
use crate::finding::Finding;
use crate::placeholder::{Placeholder, Source};
use crate::policy::sink::{NOT_A_STRING, Target};
use crate::secret::{KvVersion, SecretRef};
use crate::yaml::tree::{NodeId, Tree};

/// The errors for a placeholder that the policy does not allow at `place`; both its path and the place are judged.
///
/// A map that replaces the whole field puts values below the place, under keys that only the secret knows. So the
/// policy must allow any key there.
pub(super) fn denials(
    scope: &Scope<'_, '_>,
    placeholder: &Placeholder,
    keys_at: Option<&SecretRef>,
    kv: Option<KvVersion>,
    place: &Place<'_, '_>,
    slot: Slot,
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
    found.extend(scope.judge.path(path, kv).err());
    let head = scope
        .head
        .get_or_init(|| Head::of(scope.tree, scope.root()));
    // stands for any key: no policy can list the empty name
    let any = matches!(slot, Slot::Map(_)).then_some(Some(""));
    let path: Vec<_> = place.path.iter().map(key).chain(any).collect();
    found.extend(scope.judge.sink(&head.target(&path)).err());
    if matches!(slot, Slot::Map(_)) && !placeholder.is_whole_secret() {
        found.push(bare_keys());
    }
    found
}

/// The error for a map that is a secret value: its keys are part of the value, and nobody masks the keys of an object's
/// data.
fn bare_keys() -> Finding {
    Finding::error(
        "the policy lets no value become keys, which every reader of the object sees",
        "take all keys of a secret with `#*` alone, or write the keys out",
    )
}

/// The error for a ResourceList among plain manifests. The `args` of an exec function can call `render`, which would
/// then trust the environment as Argo CD's although the repository sets it.
pub(super) fn resource_list() -> Finding {
    Finding::error(
        "a ResourceList is the input of a KRM function, and under a policy `render` takes plain manifests alone",
        "run it without arguments as a function, or give it what kustomize has built",
    )
}

fn key<'t>(step: &Step<'t>) -> Option<&'t str> {
    match step {
        Step::Key(key) => Some(key),
        Step::Index(_) => None,
    }
}

fn namespace<'t>(tree: &'t Tree<'_>, metadata: Option<NodeId>) -> &'t str {
    match metadata.and_then(|metadata| tree.get(metadata, "namespace")) {
        Some(value) if !tree.node(value).is_null() => tree.text(value).unwrap_or(NOT_A_STRING),
        _ => "",
    }
}

/// The identity of an object, the same for every reader: under a policy the input has been rewritten without duplicate
/// and merge keys.
pub(super) struct Head<'t> {
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
            api_version: text(Some(root), "apiVersion"),
            kind: text(Some(root), "kind"),
            namespace: namespace(tree, metadata),
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
