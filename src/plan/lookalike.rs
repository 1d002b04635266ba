//! The last look at what stays: texts that look like placeholders and are none, and placeholders where none is
//! replaced. Each is told once, so that no slip goes to the cluster without a word.

use super::walk::{Place, Step, field};
use super::{Draft, Scope};
use crate::finding::Finding;
use crate::placeholder::lookalike::{self, Lookalike};
use crate::placeholder::{self, Segment};

/// Looks at a text without placeholders, and at what is behind its base64, if that is seen through. `keys` says
/// that `<key>` counts.
pub(super) fn whole(
    scope: &Scope<'_, '_>,
    place: &Place<'_, '_>,
    keys: bool,
    text: &str,
    decoded: Option<&[u8]>,
    draft: &mut Draft,
) {
    let behind = decoded.and_then(|decoded| {
        let text = std::str::from_utf8(decoded).ok();
        lookalike::find(decoded).or_else(|| key(scope, place, keys, text?))
    });
    let found = behind
        .or_else(|| lookalike::find(text.as_bytes()))
        .or_else(|| key(scope, place, keys, text));
    tell(scope, place, found, draft);
}

/// Looks at what stands beside the placeholders of a text.
pub(super) fn beside(
    scope: &Scope<'_, '_>,
    place: &Place<'_, '_>,
    segments: &[Segment],
    draft: &mut Draft,
) {
    let found = segments.iter().find_map(|segment| match segment {
        Segment::Text(text) => lookalike::find(text),
        Segment::Placeholder(_) => None,
    });
    tell(scope, place, found, draft);
}

/// Looks at an annotation in which kustomize or kpt keep their books: nothing is ever replaced there.
pub(super) fn in_books(
    scope: &Scope<'_, '_>,
    place: &Place<'_, '_>,
    text: &[u8],
    draft: &mut Draft,
) {
    let holds =
        placeholder::may_hold(text, false) && !matches!(placeholder::parse(text, false), Ok(None));
    if holds && place.alias.is_none() {
        let finding = Finding::warning(
            "a placeholder in an annotation of kustomize and kpt themselves stays as it is",
            "write it into another annotation or field: what they note there is theirs alone",
        );
        draft.report_lookalike(finding.at(scope.subject(), field(place.path)));
    }
}

fn key(scope: &Scope<'_, '_>, place: &Place<'_, '_>, keys: bool, text: &str) -> Option<Lookalike> {
    let is_entry = matches!(place.path, [Step::Key("data" | "stringData"), Step::Key(_)]);
    let is_value = scope.is_secret() && is_entry && !place.is_key;
    keys.then(|| lookalike::find_key(text, is_value)).flatten()
}

/// A text behind an alias is told in its own place.
fn tell(scope: &Scope<'_, '_>, place: &Place<'_, '_>, found: Option<Lookalike>, draft: &mut Draft) {
    let Some(found) = found.filter(|_| place.alias.is_none()) else {
        return;
    };
    let finding = Finding::from(found).as_warning();
    draft.report_lookalike(finding.at(scope.subject(), field(place.path)));
}
