//! What one Kubernetes object is called, and which objects are none of our business.

use std::fmt;
use std::rc::Rc;
use std::str::FromStr;

use kube_core::gvk::GroupVersion;
pub use kube_core::gvk::GroupVersionKind;

use crate::untrusted_text::is_hidden;
use crate::yaml::tree::{Kind, NodeId, Tree};

/// Annotations that kustomize and kpt keep their books in: never read as text, never changed
/// (docs/internals/kustomize-and-kpt.md#bookkeeping-annotations).
#[must_use]
pub fn is_bookkeeping(key: &str) -> bool {
    key.starts_with("internal.config.kubernetes.io/")
        || key.starts_with("internal.config.k8s.io/")
        || key.starts_with("kustomize.config.k8s.io/")
        || matches!(
            key,
            "config.kubernetes.io/path"
                | "config.kubernetes.io/index"
                | "config.k8s.io/id"
                | "config.kubernetes.io/local-config"
                | "config.kubernetes.io/function"
                | "config.k8s.io/function"
        )
}

/// The identity of an object, as messages and results name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Group, version and kind; empty where the object names none.
    pub gvk: Rc<GroupVersionKind>,
    /// `metadata.name`, or `metadata.generateName`; may be empty.
    pub name: String,
    /// `metadata.namespace`, may be empty.
    pub namespace: String,
}

impl Identity {
    /// `apiVersion` as manifests write it.
    #[must_use]
    pub fn api_version(&self) -> String {
        self.gvk.api_version()
    }
}

impl fmt::Display for Identity {
    /// `Kind namespace/name`, or `Kind name`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = shown(&self.gvk.kind);
        let name = shown(&self.name);
        if self.namespace.is_empty() {
            write!(f, "{kind} {name}")
        } else {
            write!(f, "{kind} {}/{name}", shown(&self.namespace))
        }
    }
}

/// A name as messages repeat it: one that holds a placeholder, control characters or more than a name
/// can have is not repeated, since it may hold anything.
#[must_use]
pub fn shown(name: &str) -> &str {
    if name.is_empty() {
        "(none)"
    } else if name.len() > 253 || name.contains(['<', '\\']) || name.chars().any(is_hidden) {
        "(not shown)"
    } else {
        name
    }
}

/// An object of the input, and where it came from; shared by all that is said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// What it is called.
    pub identity: Identity,
    /// The file the orchestrator or the command line named, if any.
    pub file: Option<Rc<str>>,
    /// The object's place in that file, from 0.
    pub index: usize,
}

/// An object's place in a tree, with what the rules ask about it.
#[derive(Clone, Debug)]
pub struct Object {
    /// The root mapping of the object.
    pub root: NodeId,
    /// The `items` of a list object: its members are objects of their own.
    pub items: Option<NodeId>,
    /// Identity and origin.
    pub subject: Rc<Subject>,
}

/// The object at `root` and, for a `…List` with `items`, its members instead, at any depth; the list
/// itself comes first, with [`Object::items`] set.
///
/// `file` and `index` say where the root stands.
#[must_use]
pub fn objects(tree: &Tree<'_>, root: NodeId, file: Option<&Rc<str>>, index: usize) -> Vec<Object> {
    let mut found = Vec::new();
    collect(tree, root, (file, index), &mut found, 0);
    found
}

/// Lists in lists in lists: nobody writes more.
const LIST_DEPTH: u8 = 8;

fn collect(
    tree: &Tree<'_>,
    root: NodeId,
    origin: (Option<&Rc<str>>, usize),
    found: &mut Vec<Object>,
    depth: u8,
) {
    let identity = identity(tree, root);
    let items = tree
        .get_written(root, "items")
        .filter(|&items| matches!(tree.node(items).kind, Kind::Seq { .. }))
        .filter(|&items| depth < LIST_DEPTH && is_list(tree, &identity.gvk.kind, items));
    let annotated = annotation(tree, root, "internal.config.kubernetes.io/path")
        .or_else(|| annotation(tree, root, "config.kubernetes.io/path"));
    let annotated_index = annotation(tree, root, "internal.config.kubernetes.io/index")
        .or_else(|| annotation(tree, root, "config.kubernetes.io/index"))
        .and_then(|index| index.parse().ok());
    found.push(Object {
        root,
        items,
        subject: Rc::new(Subject {
            identity,
            file: annotated
                .map(|file| Rc::from(short(file, PATH)))
                .or(origin.0.cloned()),
            index: annotated_index.unwrap_or(origin.1),
        }),
    });
    for item in items.into_iter().flat_map(|items| tree.children(items)) {
        if matches!(tree.node(item).kind, Kind::Map { .. }) {
            collect(tree, item, origin, found, depth + 1);
        }
    }
}

/// Whether `items` of an object of this kind are objects: those of a `List` have to be, those of a `FooList`
/// are where they say so. A custom resource may have this name too, and entries of its own.
fn is_list(tree: &Tree<'_>, kind: &str, items: NodeId) -> bool {
    let names = |item| ["kind", "apiVersion"].map(|key| tree.get(item, key).is_some());
    let mut maps = tree
        .children(items)
        .filter(|&item| matches!(tree.node(item).kind, Kind::Map { .. }))
        .peekable();
    kind == "List"
        || kind.ends_with("List")
            && (maps.peek().is_none() || maps.any(|item| names(item).contains(&true)))
}

/// More than a name, a kind or an apiVersion can be. What is longer is cut: an alias can give the same text to
/// as many objects as there are, and each object has its own copy.
const NAME: usize = 320;
/// The same for the path of a file.
const PATH: usize = 1024;

fn short(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

fn identity(tree: &Tree<'_>, root: NodeId) -> Identity {
    let field = |map, key| {
        tree.get(map, key)
            .and_then(|id| tree.text(id))
            .map_or("", |text| short(text, NAME))
    };
    let kind = field(root, "kind");
    let version = GroupVersion::from_str(field(root, "apiVersion"))
        .unwrap_or_else(|_| GroupVersion::gv("", ""));
    let metadata = tree.get(root, "metadata");
    let meta = |key| metadata.map_or("", |metadata| field(metadata, key));
    let name = match meta("name") {
        "" => meta("generateName"),
        name => name,
    };
    Identity {
        gvk: Rc::new(version.with_kind(kind)),
        name: name.to_owned(),
        namespace: meta("namespace").to_owned(),
    }
}

/// The text of an annotation on the object at `root`.
#[must_use]
pub fn annotation<'t>(tree: &'t Tree<'_>, root: NodeId, key: &str) -> Option<&'t str> {
    let metadata = tree.get(root, "metadata")?;
    let annotations = tree.get(metadata, "annotations")?;
    tree.text(tree.get(annotations, key)?)
}

impl Object {
    /// Whether it is the input of a KRM function, of any apiVersion.
    #[must_use]
    pub fn is_resource_list(&self) -> bool {
        self.subject.identity.gvk.kind == "ResourceList"
    }

    /// Objects that describe the package and not the cluster: Kptfile, kustomization, local-config
    /// (docs/internals/kustomize-and-kpt.md#objects-that-are-left-alone).
    #[must_use]
    pub fn is_local(&self, tree: &Tree<'_>) -> bool {
        let gvk = &self.subject.identity.gvk;
        (gvk.group == "kpt.dev" && &*gvk.kind == "Kptfile")
            || gvk.group == "kustomize.config.k8s.io"
            || (gvk.group.is_empty() && matches!(&*gvk.kind, "Kptfile" | "Kustomization"))
            || annotation(tree, self.root, "config.kubernetes.io/local-config")
                .is_some_and(|value| value != "false")
            || (gvk.kind.is_empty() && self.subject.file.as_deref().is_some_and(is_package_file))
    }

    /// Whether the object stands in a file that the orchestrator will write back (kpt), so that a
    /// resolved secret would land in a working tree (docs/internals/design.md#function-mode).
    #[must_use]
    pub fn is_in_place(&self, tree: &Tree<'_>) -> bool {
        annotation(tree, self.root, "kustomize.config.k8s.io/id").is_none()
            && [
                "internal.config.kubernetes.io/path",
                "config.kubernetes.io/path",
            ]
            .iter()
            .any(|key| annotation(tree, self.root, key).is_some())
    }
}

fn is_package_file(path: &str) -> bool {
    matches!(
        path.rsplit('/').next().unwrap_or(path),
        "Kptfile" | "kustomization.yaml" | "kustomization.yml" | "Kustomization"
    )
}
