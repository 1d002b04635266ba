//! Which values a field takes, by the object's kind and the field's path.

use super::Scope;
use super::change::{Slot, Values};
use super::walk::{Place, Step};
use crate::yaml::event::Tag;

/// Which values the field at `place` takes.
pub(super) fn of(scope: &Scope<'_, '_>, place: &Place<'_, '_>) -> Slot {
    let encode = scope.config.secrets.encode_data;
    match (scope.kind(), place.path) {
        ("Secret", [Step::Key("data"), Step::Key(_)]) => return Slot::SecretData { encode },
        ("Secret", [Step::Key("data")]) => return Slot::Map(Values::Base64 { encode }),
        ("ConfigMap", [Step::Key("binaryData")]) => {
            return Slot::Map(Values::Base64 { encode: false });
        }
        ("Secret", [Step::Key("stringData")]) | ("ConfigMap", [Step::Key("data")]) => {
            return Slot::Map(Values::Text);
        }
        (_, path) if is_string_map(path) => return Slot::Map(Values::Labels),
        _ => {}
    }
    let tagged = matches!(scope.tree.node(place.id).props.tag, Tag::Str | Tag::Bare);
    if tagged || scope.is_secret() || scope.is_config_map() || is_string(place.path) {
        Slot::Text
    } else {
        Slot::Any
    }
}

/// Whether Kubernetes requires a map of strings at this path.
fn is_string_map(path: &[Step<'_>]) -> bool {
    matches!(
        path,
        [
            ..,
            Step::Key("metadata"),
            Step::Key("labels" | "annotations")
        ] | [.., Step::Key("matchLabels" | "nodeSelector")]
    )
}

/// Whether Kubernetes requires a string at this path, in its own objects and in most custom ones.
fn is_string(path: &[Step<'_>]) -> bool {
    matches!(
        path,
        [
            ..,
            Step::Key("labels" | "annotations" | "matchLabels" | "nodeSelector" | "stringData"),
            Step::Key(_)
        ] | [.., Step::Key("env"), Step::Index(_), Step::Key("value")]
            | [.., Step::Key("args" | "command"), Step::Index(_)]
            | [
                ..,
                Step::Key("metadata"),
                Step::Key("name" | "namespace" | "generateName")
            ]
    )
}

/// Whether the value at `place` has no YAML tag, or one that allows any text.
pub(super) fn takes_text(scope: &Scope<'_, '_>, place: &Place<'_, '_>) -> bool {
    let tag = scope.tree.node(place.id).props.tag;
    matches!(tag, Tag::None | Tag::Str | Tag::Bare)
}

/// Whether the value is an annotation that gitops-fn itself obeys.
pub(super) fn is_avp_annotation(place: &Place<'_, '_>) -> bool {
    matches!(
        place.path,
        [Step::Key("metadata"), Step::Key("annotations"), Step::Key(key)] if key.starts_with("avp.kubernetes.io/")
    )
}
