//! The repository rule: an annotation on every object, and on its pod templates on request
//! (krm-functions.md §4.3).

use super::change::{Action, Change, old_text};
use super::walk::{Step, field};
use super::{Draft, Scope};
use crate::config::Repository;
use crate::krm::result::Finding;
use crate::yaml::event::{Span, Style, Tag};
use crate::yaml::scalar::{double_quote, is_string, quote};
use crate::yaml::shape::Shape;
use crate::yaml::tree::{Kind, Node, NodeId};

/// Where pod templates stand: kustomize's list, and `PodTemplate`.
const TEMPLATES: [&[&str]; 4] = [
    &["spec", "template"],
    &["spec", "jobTemplate"],
    &["spec", "jobTemplate", "spec", "template"],
    &["template"],
];

/// Plans the annotation on one object.
pub fn plan(scope: &Scope<'_, '_>, draft: &mut Draft) {
    let Some(repository) = &scope.config.repository else {
        return;
    };
    annotate(scope, repository, scope.root(), &[], draft);
    if !repository.pod_templates {
        return;
    }
    for way in TEMPLATES {
        if !has_template(&scope.subject().identity.gvk.kind, way) {
            continue;
        }
        let template = way
            .iter()
            .try_fold(scope.root(), |map, key| scope.tree.get_written(map, key))
            .filter(|&id| matches!(scope.tree.node(id).kind, Kind::Map { .. }));
        if let Some(template) = template {
            annotate(scope, repository, template, way, draft);
        }
    }
}

fn has_template(kind: &str, way: &[&str]) -> bool {
    match kind {
        "Deployment"
        | "ReplicaSet"
        | "DaemonSet"
        | "StatefulSet"
        | "Job"
        | "ReplicationController" => way == ["spec", "template"],
        "CronJob" => way.get(1) == Some(&"jobTemplate"),
        "PodTemplate" => way == ["template"],
        _ => false,
    }
}

/// Sets `metadata.annotations[KEY]` below `start`, which lies `way` below the object's root.
fn annotate(
    scope: &Scope<'_, '_>,
    repository: &Repository,
    start: NodeId,
    way: &[&str],
    draft: &mut Draft,
) {
    let keys = ["metadata", "annotations", repository.annotation.as_str()];
    let path: Vec<_> = way.iter().chain(&keys).map(|key| Step::Key(key)).collect();
    let setting = Setting {
        scope,
        url: &repository.url,
        field: field(&path),
    };
    if let Err(problem) = setting.descend(start, None, &keys, draft) {
        draft.find(
            Finding::error(problem, "write metadata and annotations of this object as plain mappings, or set the annotation there by hand")
                .at(scope.subject(), setting.field.clone()),
        );
    }
}

struct Setting<'s> {
    scope: &'s Scope<'s, 's>,
    url: &'s str,
    field: String,
}

impl Setting<'_> {
    /// Goes down `keys` from the mapping `map`, whose own key is `map_key`, and sets the last one.
    fn descend(
        &self,
        map: NodeId,
        map_key: Option<NodeId>,
        keys: &[&str],
        draft: &mut Draft,
    ) -> Result<(), &'static str> {
        let tree = self.scope.tree;
        let (&key, rest) = keys.split_first().ok_or("has no annotation key")?;
        let mut written = tree
            .entries(map)
            .filter(|&(name, _)| tree.node(name).value == key && tree.node(name).style().is_some());
        let found = written.next();
        if written.next().is_some() {
            return Err("the key stands twice in its mapping");
        }
        let Some((name, value)) = found else {
            if !rest.is_empty() && tree.get(map, key).is_some() {
                return Err("the mapping comes through a merge key");
            }
            self.insert(map, map_key, keys, draft);
            return Ok(());
        };
        let node = tree.node(value);
        match node.kind {
            Kind::Map { .. } if !rest.is_empty() => self.descend(value, Some(name), rest, draft),
            Kind::Scalar(style) if rest.is_empty() && style != Style::Empty => {
                self.replace(value, draft);
                Ok(())
            }
            Kind::Alias(_) if rest.is_empty() && tree.text(value).is_some() => {
                if tree.text(value) != Some(self.url) {
                    self.replace(value, draft);
                }
                Ok(())
            }
            Kind::Scalar(style)
                if is_null(&node.value, style, node.props.tag) && node.props.anchor == 0 =>
            {
                self.fill_null(map, name, value, rest, draft)
            }
            Kind::Alias(_) => Err("it is an alias of something that stands elsewhere"),
            _ => Err("a mapping was expected on the way to it, and a text at its end"),
        }
    }

    fn note(&self) -> String {
        "set annotation".to_owned()
    }

    fn replace(&self, value: NodeId, draft: &mut Draft) {
        let node = self.scope.tree.node(value);
        let same = node.value == self.url
            && node
                .style()
                .is_some_and(|style| is_string(&node.value, style, node.props.tag));
        if same {
            draft.settle(node.ordinal);
            return;
        }
        let action = Action::Text {
            text: self.url.to_owned(),
            old: old_text(node),
            note: Some(self.note()),
        };
        draft.add(Change::of(
            node,
            action,
            self.scope.subject(),
            self.field.clone(),
        ));
    }

    fn structure(
        &self,
        span: Span,
        ordinal: u32,
        replaced: Option<&Node<'_>>,
        text: String,
        shapes: Vec<Shape>,
    ) -> Change {
        Change {
            span,
            ordinal,
            style: Style::Empty,
            anchor: 0,
            replaces: replaced.is_some(),
            digest: replaced.map_or(0, Node::digest),
            action: Action::Structure {
                text,
                shapes,
                note: self.note(),
            },
            subject: std::rc::Rc::clone(self.scope.subject()),
            field: self.field.clone(),
        }
    }

    /// A null, or nothing at all, under `name` becomes the mappings that are missing.
    fn fill_null(
        &self,
        map: NodeId,
        name: NodeId,
        value: NodeId,
        rest: &[&str],
        draft: &mut Draft,
    ) -> Result<(), &'static str> {
        let (tree, text) = (self.scope.tree, self.scope.text);
        let key = tree.node(name);
        let node = tree.node(value);
        let colon = text
            .get(key.span.end..)
            .and_then(|tail| tail.find(':').filter(|&at| tail[..at].trim().is_empty()))
            .map(|at| key.span.end + at + 1)
            .ok_or("its value cannot be placed")?;
        let span = Span {
            start: colon,
            end: node.span.end.max(colon),
        };
        let (new, shapes) = if rest.is_empty() {
            (
                format!(" {}", quote(self.url, Style::Double)),
                vec![Shape::Text(self.url.to_owned())],
            )
        } else if tree.node(map).is_flow() {
            let (entry, shapes) = flow_entries(rest, self.url);
            (format!(" {{{entry}}}"), within_map(shapes))
        } else {
            let eol = self.scope.eol();
            let indent = column(text, key.span.start) + 2;
            let (lines, shapes) = block_entries(rest, self.url, indent, eol);
            (
                format!("{eol}{}{lines}", " ".repeat(indent)),
                within_map(shapes),
            )
        };
        let change = self.structure(span, node.ordinal, Some(node), new, shapes);
        draft.add(change);
        Ok(())
    }

    /// Puts the entry, with the mappings around it that are missing, into a mapping.
    fn insert(&self, map: NodeId, map_key: Option<NodeId>, keys: &[&str], draft: &mut Draft) {
        let (tree, text) = (self.scope.tree, self.scope.text);
        let node = tree.node(map);
        let first = tree.children(map).next();
        let change = if node.is_flow() {
            let (entry, shapes) = flow_entries(keys, self.url);
            let brace = node.span.start + 1;
            let (at, new) = match first.map(|first| tree.node(first).span.start) {
                Some(start) => (start, format!("{entry},{}", gap(text, brace, start))),
                None => (brace, entry),
            };
            self.structure(
                Span { start: at, end: at },
                node.ordinal + 1,
                None,
                new,
                shapes,
            )
        } else {
            let eol = self.scope.eol();
            let start = first.map_or(node.span.start, |first| tree.node(first).span.start);
            let indent = column(text, start);
            let (lines, shapes) = block_entries(keys, self.url, indent, eol);
            let blanks = " ".repeat(indent);
            let (line, ordinal) = self.line_for(map, map_key, start);
            match line {
                Some(at) if at <= text.len() && (at == 0 || text[..at].ends_with('\n')) => self
                    .structure(
                        Span { start: at, end: at },
                        ordinal,
                        None,
                        format!("{blanks}{lines}{eol}"),
                        shapes,
                    ),
                Some(at) => self.structure(
                    Span { start: at, end: at },
                    ordinal,
                    None,
                    format!("{eol}{blanks}{lines}"),
                    shapes,
                ),
                None => self.structure(
                    Span { start, end: start },
                    node.ordinal + 1,
                    None,
                    format!("{lines}{eol}{blanks}"),
                    shapes,
                ),
            }
        };
        draft.add(change);
    }

    /// The start of a line of a block mapping where an entry can go, and the event it goes before: the
    /// first line of a mapping below a key; behind `kind` in the object's root.
    fn line_for(&self, map: NodeId, map_key: Option<NodeId>, first: usize) -> (Option<usize>, u32) {
        let (tree, text) = (self.scope.tree, self.scope.text);
        let front = tree.node(map).ordinal + 1;
        let line_after = |end: usize| {
            text.get(end..).map(|tail| {
                tail.find('\n')
                    .map_or(text.len(), |newline| end + newline + 1)
            })
        };
        if let Some(key) = map_key {
            let plain = tree.node(map).props.anchor == 0 && tree.node(map).props.tag == Tag::None;
            let line = line_after(tree.node(key).span.end).filter(|&at| plain && at <= first);
            return (line, front);
        }
        let kind = tree
            .get_written(map, "kind")
            .map(|kind| tree.node(kind))
            .filter(|kind| {
                matches!(
                    kind.style(),
                    Some(Style::Plain | Style::Single | Style::Double)
                )
            });
        match kind {
            Some(kind) => (line_after(kind.span.end), kind.ordinal + 1),
            None => (None, front),
        }
    }
}

fn is_null(text: &str, style: Style, tag: Tag) -> bool {
    tag == Tag::None
        && (style == Style::Empty
            || (style == Style::Plain && matches!(text, "~" | "null" | "Null" | "NULL")))
}

/// Between the brace and the first entry: so that pretty-printed JSON stays pretty.
fn gap(text: &str, from: usize, to: usize) -> &str {
    match text.get(from..to) {
        Some(blank) if !blank.is_empty() && blank.trim().is_empty() => blank,
        _ => " ",
    }
}

fn column(text: &str, at: usize) -> usize {
    let line = text.get(..at).unwrap_or("");
    let start = line.rfind('\n').map_or(0, |newline| newline + 1);
    line[start..].trim_start_matches('\u{feff}').len()
}

/// `"a": {"b": "url"}`, without braces around it.
fn flow_entries(keys: &[&str], url: &str) -> (String, Vec<Shape>) {
    let mut text = String::new();
    for (depth, key) in keys.iter().enumerate() {
        if depth > 0 {
            text.push('{');
        }
        text.push_str(&double_quote(key));
        text.push_str(": ");
    }
    text.push_str(&double_quote(url));
    text.push_str(&"}".repeat(keys.len() - 1));
    (text, shapes(keys, url))
}

/// The same in block style; the first line is not indented, and no line break ends the last.
fn block_entries(keys: &[&str], url: &str, indent: usize, eol: &str) -> (String, Vec<Shape>) {
    let mut text = String::new();
    for (depth, key) in keys.iter().enumerate() {
        if depth > 0 {
            text.push_str(eol);
            text.push_str(&" ".repeat(indent + 2 * depth));
        }
        // a key with a prefix is a string to every reader; others might be taken for something else
        if key.contains('/') || matches!(*key, "metadata" | "annotations") {
            text.push_str(key);
        } else {
            text.push_str(&double_quote(key));
        }
        text.push(':');
    }
    text.push(' ');
    text.push_str(&double_quote(url));
    (text, shapes(keys, url))
}

fn shapes(keys: &[&str], url: &str) -> Vec<Shape> {
    let mut shapes = Vec::new();
    for (depth, key) in keys.iter().enumerate() {
        if depth > 0 {
            shapes.push(Shape::Map);
        }
        shapes.push(Shape::Text((*key).to_owned()));
    }
    shapes.push(Shape::Text(url.to_owned()));
    shapes.extend((1..keys.len()).map(|_| Shape::Close));
    shapes
}

fn within_map(mut shapes: Vec<Shape>) -> Vec<Shape> {
    shapes.insert(0, Shape::Map);
    shapes.push(Shape::Close);
    shapes
}
