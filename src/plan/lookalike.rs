//! Finds texts that look like placeholders but are not, and placeholders in places where none is replaced. Each is
//! reported once, so that no mistake reaches the cluster unnoticed.

use super::walk::{Place, Step, field};
use super::{Draft, Scope};
use crate::finding::Finding;
use crate::placeholder::lookalike::{self, Lookalike};
use crate::placeholder::{self, Segment};

/// Checks a text without placeholders, and what it decodes to if it is base64 (`decoded`). `keys` says whether `<key>`
/// is a placeholder here.
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

/// Checks the text around the placeholders of a scalar.
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

/// Checks an annotation that kustomize or kpt use for their own bookkeeping, in which nothing is ever replaced.
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

/// Reports a lookalike, but not through an alias: the anchored text is reported in its own place.
fn tell(scope: &Scope<'_, '_>, place: &Place<'_, '_>, found: Option<Lookalike>, draft: &mut Draft) {
    let Some(found) = found.filter(|_| place.alias.is_none()) else {
        return;
    };
    let finding = Finding::from(found).as_warning();
    draft.report_lookalike(finding.at(scope.subject(), field(place.path)));
}
