//! The hash that kustomize gives a Secret or ConfigMap for its content (kustomize
//! `api/hasher/hasher.go`; docs/internals/kustomize-and-kpt.md#name-hashes).
//!
//! Kind, type and data count. The name does not: kustomize looks it up under a key that no object has.
//! Labels, annotations and `immutable` do not either.

use std::collections::BTreeMap;

use crate::secret::{Value, json, sha256};
use crate::yaml::event::Style;
use crate::yaml::scalar::is_string;
use crate::yaml::tree::{Kind, NodeId, Tree};

use super::token;

/// The hash of the object at `root`; `None` if it is neither of the two kinds, or written with aliases
/// or merge keys, as kustomize never prints one.
pub(super) fn hash(tree: &Tree<'_>, root: NodeId) -> Option<String> {
    let kind = tree.text(tree.get_written(root, "kind")?)?;
    let (fields, extra): (&[&str], _) = match kind {
        "ConfigMap" => (&["data"], "binaryData"),
        "Secret" => (&["data", "type"], "stringData"),
        _ => return None,
    };
    let mut content = BTreeMap::new();
    content.insert("kind".to_owned(), Value::string(kind));
    content.insert("name".to_owned(), Value::string(""));
    for name in fields {
        content.insert((*name).to_owned(), field(tree, root, name)?);
    }
    let is_collection = |id| matches!(tree.node(id).kind, Kind::Map { .. } | Kind::Seq { .. });
    if tree.get_written(root, extra).is_some_and(is_collection) {
        content.insert(extra.to_owned(), field(tree, root, extra)?);
    }
    Some(encode(&json::compact_html(&Value::Map(content))))
}

/// A missing field is an empty text, a scalar its text whatever its type, a list nothing.
fn field(tree: &Tree<'_>, root: NodeId, name: &str) -> Option<Value> {
    let Some(id) = tree.get_written(root, name) else {
        return Some(Value::string(""));
    };
    let node = tree.node(id);
    match node.kind {
        Kind::Scalar(_) => Some(Value::string(&*node.value)),
        Kind::Seq { .. } => Some(Value::Null),
        Kind::Map { .. } | Kind::Alias(_) => value(tree, id),
    }
}

/// A node as the JSON that kustomize makes of it; the parser bounds the depth.
fn value(tree: &Tree<'_>, id: NodeId) -> Option<Value> {
    let node = tree.node(id);
    Some(match node.kind {
        Kind::Alias(_) => return None,
        Kind::Seq { .. } => {
            let items: Option<Vec<_>> = tree.children(id).map(|item| value(tree, item)).collect();
            Value::List(items?)
        }
        Kind::Map { .. } => {
            let mut entries = BTreeMap::new();
            for (key, item) in tree.entries(id) {
                let name = tree.node(key).style().map(|_| tree.node(key));
                let name = name.filter(|_| !tree.is_merge_key(key))?;
                entries.insert(name.value.to_string(), value(tree, item)?);
            }
            Value::Map(entries)
        }
        Kind::Scalar(style) => scalar(
            &node.value,
            style,
            is_string(&node.value, style, node.props.tag),
        ),
    })
}

fn scalar(text: &str, style: Style, is_text: bool) -> Value {
    if style == Style::Empty {
        return Value::Null;
    }
    match text {
        _ if is_text => Value::string(text),
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "null" | "~" => Value::Null,
        _ => number(text).map_or_else(|| Value::string(text), Value::number),
    }
}

/// A number on its way through Go's float64 and `encoding/json`.
fn number(text: &str) -> Option<String> {
    let number: f64 = text
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())?;
    let size = number.abs();
    if number == 0.0 || (1e-6..1e21).contains(&size) {
        return Some(number.to_string());
    }
    let text = format!("{number:e}");
    Some(match text.split_once('e') {
        Some((mantissa, power)) if !power.starts_with('-') => format!("{mantissa}e+{power}"),
        _ => text,
    })
}

/// The first digits of the SHA-256, some of them replaced so that no words come of it.
fn encode(text: &str) -> String {
    sha256::hex(text.as_bytes())
        .chars()
        .take(token::LENGTH)
        .map(|digit| match digit {
            '0' => 'g',
            '1' => 'h',
            '3' => 'k',
            'a' => 'm',
            'e' => 't',
            digit => digit,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::event::Events;

    fn hash_of(text: &str) -> Option<String> {
        let mut events = Events::new(text);
        let mut tree = Tree::default();
        events.pull().unwrap();
        let first = events.pull().unwrap()?;
        let root = tree.read_node(first, &mut events).unwrap();
        // what kustomize skips when it looks for the scalar's document start
        hash(&tree, root)
    }

    /// Each hash is what kustomize 5.8.3 gave an object with this content.
    #[test]
    fn hashes_are_those_of_kustomize() {
        for (text, expected) in [
            ("kind: ConfigMap\ndata: {a: b}", "4h2mbtbbt6"),
            (
                "kind: ConfigMap\nmetadata: {name: x, labels: {a: b}}\nimmutable: true\ndata:\n  a: \"b\"",
                "4h2mbtbbt6",
            ),
            ("kind: Secret\ntype: Opaque\ndata: {a: Yg==}", "k695gkmbtk"),
            ("kind: ConfigMap", "6ct58987ht"),
            ("kind: Secret\ntype: Opaque\ndata: {}", "46f8b28mk5"),
            (
                "kind: Secret\ntype: Opaque\ndata: {}\nstringData: {n: m}",
                "k2bd9kkgt2",
            ),
            (
                "kind: ConfigMap\ndata: {k: \"<&>\"}\nbinaryData: {b: /w==}",
                "bdk9b956b4",
            ),
        ] {
            assert_eq!(hash_of(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "kind: Deployment\ndata: {a: b}",
            "kind: ConfigMap\ndata: {a: &x b, c: *x}",
            "x: &x {a: b}\nkind: ConfigMap\ndata: {<<: *x}",
            "x: &x {a: b}\nkind: ConfigMap\ndata: *x",
            "data: {}",
        ] {
            assert_eq!(hash_of(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_those_of_go() {
        for (text, expected) in [
            ("9007199254740993", "9007199254740992"),
            ("1.0", "1"),
            ("1e21", "1e+21"),
            ("1.5e+300", "1.5e+300"),
            ("0.0000001", "1e-7"),
            ("0.000001", "0.000001"),
            ("-2.50", "-2.5"),
            ("100000000000000000000", "100000000000000000000"),
        ] {
            assert_eq!(number(text).as_deref(), Some(expected), "{text}");
        }
    }
}
