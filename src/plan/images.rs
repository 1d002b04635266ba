//! The image rule: sets images wherever kustomize's `images:` does, and in some fields more
//! (docs/internals/kustomize-and-kpt.md#image-fields).

use std::rc::Rc;

use rustc_hash::FxHashSet;

use super::change::{Action, Change};
use super::walk::{Place, Step, field};
use super::{Draft, Scope};
use crate::config::{FieldSpec, ImageRule, Selector};
use crate::finding::Finding;
use crate::image::{ImageRef, Retagged};
use crate::krm::resource::Subject;
use crate::yaml::scalar::is_string;
use crate::yaml::tree::{Kind, NodeId, Tree};

/// The last keys of the configured field specs: a quick check, which most fields fail.
#[derive(Default)]
pub(super) struct Keys(FxHashSet<String>);

impl Keys {
    pub(super) fn of(rules: &[ImageRule]) -> Self {
        let specs = rules.iter().flat_map(|rule| &rule.field_specs);
        let last = specs.filter_map(|spec| spec.path.last());
        Self(last.map(|segment| segment.key.clone()).collect())
    }

    fn may_stand_at(&self, place: &Place<'_, '_>) -> bool {
        match place.path {
            [.., Step::Key(key)] | [.., Step::Key(key), Step::Index(_)] => self.0.contains(*key),
            _ => false,
        }
    }
}

/// Plans the new text of an image field, if `place` is one and a rule matches its image.
pub fn plan(scope: &Scope<'_, '_>, place: &Place<'_, '_>, draft: &mut Draft) {
    let rules = &scope.config.images;
    if rules.is_empty() || place.is_key || scope.is_definition() {
        return;
    }
    let container = container_image(place);
    let node = scope.tree.node(place.id);
    let Some(style) = node.style() else {
        if container && place.last_key() == Some("image") {
            left_alone(scope, place, draft);
        } else if scope.images.may_stand_at(place) {
            ends_early(scope, place, draft);
        }
        return;
    };
    if !is_string(&node.value, style, node.props.tag) {
        return;
    }
    if !container && !scope.images.may_stand_at(place) {
        see_elsewhere(scope, place, &node.value, draft);
        return;
    }
    let mut image = None;
    for (index, rule) in rules.iter().enumerate() {
        let current = image.as_deref().unwrap_or(&*node.value);
        let fits = || {
            let mut specs = rule.field_specs.iter();
            (container || specs.any(|spec| fits_spec(spec, scope, place)))
                && selected(rule, scope, place)
        };
        if !rule.retag.matches(current) || !fits() {
            continue;
        }
        match rule.retag.apply(current) {
            Retagged::NoMatch => {}
            Retagged::Same => draft.matched(index),
            Retagged::Changed(text) => {
                draft.matched(index);
                image = Some(text);
            }
            Retagged::Skipped { reason, renamed } => {
                draft.matched(index);
                image = renamed.or(image);
                draft.report(
                    Finding::from(reason)
                        .as_warning()
                        .at(scope.subject(), field(place.path)),
                );
            }
        }
    }
    let Some(text) = image.filter(|text| *text != node.value) else {
        return;
    };
    let flow = scope.tree.node(place.parent).is_flow();
    let change = Change::of(
        node,
        Action::text(node, flow, text),
        scope.subject(),
        field(place.path),
    );
    draft.change(place, change);
}

/// A field that holds the image of a rule but is not known to hold images.
pub(super) struct Elsewhere {
    subject: Rc<Subject>,
    field: String,
    /// The path in the syntax of a field spec.
    path: String,
}

/// Notes such a field for the message about a rule that matches nothing: custom resources have image fields of their
/// own.
fn see_elsewhere(scope: &Scope<'_, '_>, place: &Place<'_, '_>, text: &str, draft: &mut Draft) {
    let key = place.last_key().unwrap_or_default();
    if !(key.ends_with("image") || key.ends_with("Image")) {
        return;
    }
    for (index, rule) in scope.config.images.iter().enumerate() {
        if !draft.elsewhere.contains_key(&index) && rule.retag.matches(text) {
            let seen = Elsewhere {
                subject: Rc::clone(scope.subject()),
                field: field(place.path),
                path: spec_path(place),
            };
            draft.elsewhere.insert(index, seen);
        }
    }
}

/// The path of a field spec that would reach `place`.
fn spec_path(place: &Place<'_, '_>) -> String {
    let steps = place.path.iter().enumerate().map(|(at, step)| match step {
        Step::Key(key) if at == 0 => key.replace('/', "\\/"),
        Step::Key(key) => format!("/{}", key.replace('/', "\\/")),
        Step::Index(_) => "[]".to_owned(),
    });
    steps.collect()
}

/// The warning about a rule that matched no image, or the error if the rule is required.
pub(super) fn unmatched(rule: &ImageRule, elsewhere: Option<&Elsewhere>) -> Finding {
    let said = |fact, help: String| {
        let finding = Finding::error(fact, help);
        if rule.required {
            finding
        } else {
            finding.as_warning()
        }
    };
    let fact = format!("no image matched {} ({})", rule.place, rule.retag.name);
    if let Some(seen) = elsewhere {
        let help = format!(
            "it is in a field that is not known to hold an image: name it in a Release, under fieldSpecs of the image: `path: {}`",
            seen.path
        );
        return said(fact, help).at(&seen.subject, seen.field.clone());
    }
    let parts = ImageRef::split(&rule.retag.name);
    let help = if parts.tag.is_some() || parts.digest.is_some() {
        "write the name without tag and digest, as the manifests write it before them"
    } else {
        "write the name as the manifests write it, with its registry and without tag"
    };
    said(fact, help.to_owned())
}

/// Reports field specs that end at a map or a list, which is not an image.
fn ends_early(scope: &Scope<'_, '_>, place: &Place<'_, '_>, draft: &mut Draft) {
    let is_list = matches!(scope.tree.node(place.id).kind, Kind::Seq { .. });
    let what = if is_list { "a list" } else { "a map" };
    for rule in &scope.config.images {
        let specs = &rule.field_specs;
        if specs.iter().any(|spec| fits_spec(spec, scope, place)) {
            let fact = format!("a path in fieldSpecs of {} ends at {what}", rule.place);
            let help = if is_list {
                "write `[]` behind it if it is a list of images, or go on to the field that holds the image"
            } else {
                "go on to the field that holds the image"
            };
            draft.report(Finding::error(fact, help).at(scope.subject(), field(place.path)));
        }
    }
}

/// Whether `place` is an `image` of any kind of container, or `volumes[].image.reference`, at any depth, as in
/// kustomize's `LegacyFilter`.
fn container_image(place: &Place<'_, '_>) -> bool {
    match place.path {
        [.., Step::Key(list), Step::Index(_), Step::Key("image")] => {
            matches!(
                *list,
                "containers" | "initContainers" | "ephemeralContainers"
            )
        }
        [
            ..,
            Step::Key("volumes"),
            Step::Index(_),
            Step::Key("image"),
            Step::Key("reference"),
        ] => true,
        _ => false,
    }
}

fn left_alone(scope: &Scope<'_, '_>, place: &Place<'_, '_>, draft: &mut Draft) {
    draft.report(
        Finding::info("image is no text and was left alone").at(scope.subject(), field(place.path)),
    );
}

/// Whether a field spec reaches `place`. Lists before the last step are entered with or without `[]`.
fn fits_spec(spec: &FieldSpec, scope: &Scope<'_, '_>, place: &Place<'_, '_>) -> bool {
    let gvk = &scope.subject().identity.gvk;
    let fits = |wanted: &Option<String>, actual: &str| {
        wanted.as_deref().is_none_or(|wanted| wanted == actual)
    };
    if !(fits(&spec.group, &gvk.group)
        && fits(&spec.version, &gvk.version)
        && fits(&spec.kind, &gvk.kind))
    {
        return false;
    }
    let mut steps = place.path.iter().peekable();
    for segment in &spec.path {
        if steps.next() != Some(&Step::Key(&segment.key)) {
            return false;
        }
        let list = matches!(steps.peek(), Some(Step::Index(_)));
        if list {
            steps.next();
        }
    }
    let leaf_list = spec.path.last().is_some_and(|segment| segment.list);
    steps.next().is_none() && leaf_list == matches!(place.path.last(), Some(Step::Index(_)))
}

fn selected(rule: &ImageRule, scope: &Scope<'_, '_>, place: &Place<'_, '_>) -> bool {
    rule.selectors.is_empty()
        || rule
            .selectors
            .iter()
            .any(|selector| fits_selector(selector, scope, place))
}

fn fits_selector(selector: &Selector, scope: &Scope<'_, '_>, place: &Place<'_, '_>) -> bool {
    let identity = &scope.subject().identity;
    let fits = |wanted: &Option<String>, actual: &str| {
        wanted.as_deref().is_none_or(|wanted| wanted == actual)
    };
    fits(&selector.kind, &identity.gvk.kind)
        && fits(&selector.name, &identity.name)
        && fits(&selector.namespace, &identity.namespace)
        && selector
            .container
            .as_deref()
            .is_none_or(|wanted| container_name(scope.tree, place.parent) == Some(wanted))
}

fn container_name<'t>(tree: &'t Tree<'_>, container: NodeId) -> Option<&'t str> {
    matches!(tree.node(container).kind, Kind::Map { .. })
        .then(|| tree.get(container, "name"))
        .flatten()
        .and_then(|name| tree.text(name))
}
