//! Texts whose placeholders are all escaped: no secret is read for them.

use super::slot::{is_avp_annotation, takes_text};
use super::walk::{Place, field};
use super::{Draft, Mode, Scope};
use crate::finding::Finding;

/// Whether the escapes stay in the text: because a later run resolves them, or because placeholders are never replaced
/// in this place, which is reported.
pub(super) fn stays(scope: &Scope<'_, '_>, place: &Place<'_, '_>, draft: &mut Draft) -> bool {
    let is_written_back = scope.mode == Mode::Function && scope.in_place;
    if scope.keeps() || (is_written_back && !scope.config.secrets.allow_in_place) {
        return true;
    }
    let is_replaced = !place.is_key && !is_avp_annotation(place) && takes_text(scope, place);
    if !is_replaced {
        draft.report(no_effect().at(scope.subject(), field(place.path)));
    }
    !is_replaced
}

fn no_effect() -> Finding {
    Finding::warning(
        "the escape <!path: counts in values alone and stays as it is here",
        "map keys, values with a YAML tag and avp.kubernetes.io annotations are not changed; \
         to have <path: there, annotate the object with avp.kubernetes.io/ignore: \"true\"",
    )
}
