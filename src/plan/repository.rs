//! The repository rule: sets an annotation on every object and, on request, on its pod templates
//! (docs/internals/kustomize-and-kpt.md#annotations-that-kustomize-sets).

use std::rc::Rc;

use super::change::{Action, Change};
use super::duplicates::{TWICE, TWICE_HELP};
use super::insertion::{self, Entry, Form, Lines};
use super::walk::{Step, field};
use super::{Draft, Scope};
use crate::config::Repository;
use crate::explain::Explain;
use crate::finding::Finding;
use crate::krm::resource::GroupVersionKind;
use crate::yaml::event::{Span, Style, Tag};
use crate::yaml::plain;
use crate::yaml::scalar::is_string;
use crate::yaml::tree::{Kind, Node, NodeId};
use crate::yaml::trivia;

/// Paths of pod templates: those that kustomize knows, and that of `PodTemplate`.
const TEMPLATES: [&[&str]; 4] = [
    &["spec", "template"],
    &["spec", "jobTemplate"],
    &["spec", "jobTemplate", "spec", "template"],
    &["template"],
];

/// The annotation to set on every object. `quoted` requires quotes around the value even where YAML needs none.
#[must_use]
pub fn setting(repository: Option<&Repository>, quoted: bool) -> insertion::Setting {
    let (key, value) = repository.map_or(("", ""), |repository| {
        (&*repository.annotation, &*repository.url)
    });
    insertion::Setting {
        keys: ["metadata", "annotations", key].map(str::to_owned).to_vec(),
        value: value.to_owned(),
        plain: !quoted && plain::is_safe(value, false),
    }
}

/// Plans the annotation of one object and, if configured, of its pod templates.
pub fn plan(scope: &Scope<'_, '_>, draft: &mut Draft) {
    let Some(repository) = &scope.config.repository else {
        return;
    };
    annotate(scope, repository, scope.root(), &[], draft);
    if !repository.pod_templates {
        return;
    }
    for way in TEMPLATES {
        if !has_template(&scope.subject().identity.gvk, way) {
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

/// Whether objects of this kind have a pod template at `way`: kustomize's list, and `PodTemplate`.
fn has_template(gvk: &GroupVersionKind, way: &[&str]) -> bool {
    match (&*gvk.group, &*gvk.kind) {
        (_, "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet")
        | ("batch", "Job")
        | ("", "ReplicationController") => way == ["spec", "template"],
        ("batch", "CronJob") => way.get(1) == Some(&"jobTemplate"),
        ("", "PodTemplate") => way == ["template"],
        _ => false,
    }
}

/// Sets `metadata.annotations[KEY]` below `start`, which is at the path `way` in the object.
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
        keys,
        field: field(&path),
    };
    match setting.descend(start, None, 0, draft) {
        Ok(()) => {}
        Err(obstacle) => {
            let field = match obstacle {
                Obstacle::Twice(there) => field(&path[..=way.len() + there]),
                _ => setting.field,
            };
            draft.report(Finding::from(obstacle).at(scope.subject(), field));
        }
    }
}

/// Why the annotation cannot be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Obstacle {
    /// A duplicate key: the one at this index in the path `metadata`, `annotations`, annotation key.
    #[error("{TWICE}")]
    Twice(usize),
    #[error("the mapping comes through a merge key")]
    Merged,
    #[error("it is an alias of something that stands elsewhere")]
    Alias,
    #[error("a mapping was expected on the way to it, and a text at its end")]
    Shape,
    #[error("its value cannot be placed")]
    Unplaceable,
    #[error("the mapping is a pair without braces in a list")]
    Pair,
}

impl Explain for Obstacle {
    fn help(&self) -> String {
        match self {
            Self::Twice(_) => TWICE_HELP,
            _ => "write metadata and annotations of this object as plain mappings, or set the annotation there by hand",
        }
        .to_owned()
    }
}

struct Setting<'s, 'o, 'a> {
    scope: &'s Scope<'o, 'a>,
    url: &'s str,
    keys: [&'s str; 3],
    field: String,
}

impl Setting<'_, '_, '_> {
    /// Follows the keys, starting at number `there`, from the mapping `map` with the key `map_key`, and sets the last
    /// one.
    fn descend(
        &self,
        map: NodeId,
        map_key: Option<NodeId>,
        there: usize,
        draft: &mut Draft,
    ) -> Result<(), Obstacle> {
        let tree = self.scope.tree;
        let key = self.keys[there];
        let is_last = there + 1 == self.keys.len();
        let mut written = tree
            .entries(map)
            .filter(|&(name, _)| tree.node(name).value == key && tree.node(name).style().is_some());
        let found = written.next();
        if written.next().is_some() {
            return Err(Obstacle::Twice(there));
        }
        let Some((name, value)) = found else {
            if !is_last && tree.get(map, key).is_some() {
                return Err(Obstacle::Merged);
            }
            return self.insert(map, map_key, there, draft);
        };
        let node = tree.node(value);
        match node.kind {
            Kind::Map { .. } if !is_last => self.descend(value, Some(name), there + 1, draft),
            Kind::Scalar(style) if is_last && style != Style::Empty => {
                self.replace(map, value, draft);
                Ok(())
            }
            Kind::Alias(_) if is_last && tree.text(value).is_some() => {
                if tree.text(value) != Some(self.url) {
                    self.replace(map, value, draft);
                }
                Ok(())
            }
            Kind::Scalar(_)
                if node.is_null() && node.props.tag == Tag::None && node.props.anchor == 0 =>
            {
                self.fill_null(map, name, value, there + 1, draft)
            }
            Kind::Alias(_) => Err(Obstacle::Alias),
            _ => Err(Obstacle::Shape),
        }
    }

    fn replace(&self, map: NodeId, value: NodeId, draft: &mut Draft) {
        let node = self.scope.tree.node(value);
        let same = node.value == self.url
            && node
                .style()
                .is_some_and(|style| is_string(&node.value, style, node.props.tag));
        if same {
            draft.settle(node.ordinal);
            return;
        }
        let flow = self.scope.tree.node(map).is_flow();
        let action = Action::text(node, flow, self.url.to_owned());
        draft.add(Change::of(
            node,
            action,
            self.scope.subject(),
            self.field.clone(),
        ));
    }

    fn entry(
        &self,
        span: Span,
        ordinal: u32,
        replaced: Option<&Node<'_>>,
        there: usize,
        form: Form,
    ) -> Change {
        Change {
            span,
            ordinal,
            style: Style::Empty,
            anchor: 0,
            replaces: replaced.is_some(),
            digest: replaced.map_or(0, Node::digest),
            action: Action::Entry(Entry {
                setting: Rc::clone(self.scope.annotation),
                there,
                form,
            }),
            subject: Rc::clone(self.scope.subject()),
            field: self.field.clone(),
        }
    }

    /// Replaces a null or missing value of the key `name` with the annotation and the mappings that are missing.
    fn fill_null(
        &self,
        map: NodeId,
        name: NodeId,
        value: NodeId,
        there: usize,
        draft: &mut Draft,
    ) -> Result<(), Obstacle> {
        let (tree, text) = (self.scope.tree, self.scope.text);
        let key = tree.node(name);
        let node = tree.node(value);
        let colon = text
            .get(key.span.end..)
            .and_then(|tail| tail.find(':').filter(|&at| trivia::is_blank(&tail[..at])))
            .map(|at| key.span.end + at + 1)
            .ok_or(Obstacle::Unplaceable)?;
        let end = node.span.end.max(colon);
        let (end, form) = if tree.node(map).is_flow() {
            (end, Form::Inline)
        } else if there == self.keys.len() {
            (end, Form::Value)
        } else {
            // including its trailing blanks, which some readers would refuse after the value
            let comment = &text[end..trivia::line_end(text, end)];
            let lines = Lines {
                indent: column(text, key.span.start) + 2,
                eol: self.scope.eol(),
            };
            (end + comment.len(), Form::Below(lines, Box::from(comment)))
        };
        let span = Span { start: colon, end };
        draft.add(self.entry(span, node.ordinal, Some(node), there, form));
        Ok(())
    }

    /// Inserts the entry, with the mappings around it that are missing, into the mapping `map`.
    fn insert(
        &self,
        map: NodeId,
        map_key: Option<NodeId>,
        there: usize,
        draft: &mut Draft,
    ) -> Result<(), Obstacle> {
        let (tree, text) = (self.scope.tree, self.scope.text);
        let node = tree.node(map);
        let front = node.ordinal + 1;
        let (at, ordinal, form) = if node.is_flow() {
            if !text[node.span.start..].starts_with('{') {
                return Err(Obstacle::Pair);
            }
            let brace = node.span.start + 1;
            // skips to where the first entry begins, which can be a `?`, an anchor or a tag instead of its key
            let first = (node.end > map + 1).then(|| trivia::skip(text, brace));
            let between = first.map(|first| Box::from(blanks(text, brace, first)));
            (first.unwrap_or(brace), front, Form::Front(between))
        } else {
            let start = node.span.start;
            let lines = Lines {
                indent: column(text, start),
                eol: self.scope.eol(),
            };
            match self.line_for(map, map_key, start) {
                Some((at, ordinal)) if text[..at].ends_with(['\n', '\r']) => {
                    (at, ordinal, Form::Line(lines))
                }
                Some((at, ordinal)) => (at, ordinal, Form::AfterLast(lines)),
                None => (start, front, Form::Before(lines)),
            }
        };
        draft.add(self.entry(Span { start: at, end: at }, ordinal, None, there, form));
        Ok(())
    }

    /// The start of a line of a block mapping at which an entry can be inserted, and the event that follows it: the
    /// first line of a mapping below a key; in the object's root, the line after `kind`.
    fn line_for(&self, map: NodeId, map_key: Option<NodeId>, first: usize) -> Option<(usize, u32)> {
        let (tree, text) = (self.scope.tree, self.scope.text);
        if let Some(key) = map_key {
            let plain = tree.node(map).props.anchor == 0 && tree.node(map).props.tag == Tag::None;
            let key_end = tree.node(key).span.end;
            let colon = text.get(key_end..)?.trim_start_matches([' ', '\t']);
            let plain = plain && colon.starts_with(':');
            let line = trivia::next_line(text, key_end);
            return (plain && line <= first).then_some((line, tree.node(map).ordinal + 1));
        }
        let kind = tree.node(tree.get_written(map, "kind")?);
        let one_line = matches!(
            kind.style(),
            Some(Style::Plain | Style::Single | Style::Double)
        );
        one_line.then(|| (trivia::next_line(text, kind.span.end), kind.ordinal + 1))
    }
}

/// What is between the brace and the first entry, or one blank: so that pretty-printed JSON stays pretty.
fn blanks(text: &str, from: usize, to: usize) -> &str {
    match text.get(from..to) {
        Some(blank) if !blank.is_empty() && trivia::is_blank(blank) => blank,
        _ => " ",
    }
}

fn column(text: &str, at: usize) -> usize {
    let line = text.get(trivia::line_start(text, at)..at).unwrap_or("");
    line.trim_start_matches('\u{feff}').len()
}
