//! The placeholder rule: which scalars hold placeholders, in which secrets their values are, and what type the result
//! must have (docs/internals/avp.md#what-is-a-placeholder, docs/internals/avp.md#types-here).

use super::avp_annotations::Avp;
use super::change::{Action, Change, Context, Fill, Removal, Slot, Wrap, old_text};
use super::walk::{Place, Step, field};
use super::{Draft, Mode, Scope, block, literal, lookalike, slot};
use crate::finding::Finding;
use crate::krm::resource::is_bookkeeping;
use crate::placeholder::{self, Placeholder, PlaceholderError, Segment, Source};
use crate::secret::path::check;
use crate::secret::{KvVersion, SecretRef, base64};
use crate::yaml::event::{Style, Tag};
use crate::yaml::tree::Kind;

/// Plans the replacement of the placeholders in the scalar at `place`, and reports those that cannot be replaced.
pub fn plan(scope: &Scope<'_, '_>, avp: &Avp, place: &Place<'_, '_>, draft: &mut Draft) {
    let node = scope.tree.node(place.id);
    let Some(style) = node.style() else { return };
    let settled = place.alias.is_none() && draft.is_settled(node.ordinal);
    if style == Style::Empty || settled {
        return;
    }
    if is_books(place) {
        lookalike::in_books(scope, place, node.value.as_bytes(), draft);
        return;
    }
    let keys = avp.path.is_some() || (config_path(scope, place).is_some());
    let text = node.value.as_bytes();
    if let (true, Some(key)) = (keys && !place.is_key, placeholder::cut_off(text)) {
        draft.report(cut_off(key).at(scope.subject(), field(place.path)));
    }
    let decoded = (scope.is_secret() && !place.is_key)
        .then(|| base64::decode(&node.value))
        .flatten();
    let seen_through = decoded
        .as_deref()
        .and_then(|decoded| see_through(&node.value, decoded, keys));
    let (found, base64) = match seen_through {
        Some((found, wrap)) => (found, Some(wrap)),
        None if placeholder::may_hold(text, keys) => (placeholder::parse(text, keys), None),
        None => (Ok(None), None),
    };
    let segments = match found {
        Ok(None) => {
            let decoded = decoded.as_deref().map(Vec::as_slice);
            lookalike::whole(scope, place, keys, &node.value, decoded, draft);
            return;
        }
        Ok(Some(segments)) => segments,
        Err(errors) => {
            for error in errors {
                let shown = error.shown().unwrap_or_default().to_owned();
                let finding = Finding::from(error).about(shown);
                draft.report(finding.at(scope.subject(), field(place.path)));
            }
            return;
        }
    };
    lookalike::beside(scope, place, &segments, draft);
    let is_literal = placeholders(&segments).next().is_none();
    if is_literal && literal::stays(scope, place, draft) {
        return;
    }
    draft.count(placeholders(&segments).count());
    if scope.judge.is_exceeded(draft.placeholders()) {
        // reported when planning ends; further placeholders are not examined
        return;
    }
    let Some(context) = context(scope, avp, place, &segments, base64, draft) else {
        return;
    };
    if scope.keeps() {
        draft.keep();
        return;
    }
    for placeholder in placeholders(&segments) {
        if let Some(want) = wanted(placeholder, &context) {
            draft.want(want, placeholder.key());
        }
    }
    let removal = context
        .remove_missing
        .then(|| removal(scope, place, draft))
        .flatten();
    let (span, block) = match context.slot {
        Slot::Map(_) => block::plan(scope, place),
        _ => (node.span, None),
    };
    let fill = Fill {
        segments,
        context,
        old: old_text(node),
        block,
        removal,
    };
    let change = Change::of(
        node,
        Action::Fill(Box::new(fill)),
        scope.subject(),
        field(place.path),
    );
    draft.change(place, Change { span, ..change });
}

/// The placeholders among the pieces of a text.
pub fn placeholders(segments: &[Segment]) -> impl Iterator<Item = &Placeholder> {
    segments.iter().filter_map(|segment| match segment {
        Segment::Placeholder(placeholder) => Some(&**placeholder),
        Segment::Text(_) => None,
    })
}

/// The secret that a placeholder requires; `None` for a `<key>` without a path.
#[must_use]
pub fn wanted(placeholder: &Placeholder, context: &Context) -> Option<SecretRef> {
    match &placeholder.source {
        Source::Key(_) => context.keys_at.clone(),
        Source::Path { path, version, .. } => Some(SecretRef {
            path: path.clone(),
            // KV v1 has no versions, and AVP ignores them there
            version: if context.kv == Some(KvVersion::V1) {
                0
            } else {
                *version
            },
            kv: context.kv,
        }),
    }
}

fn cut_off(key: &str) -> Finding {
    Finding::warning(
        format!("<{key} | … is not closed with > and stays as it is"),
        "close it with >; without quotes a blank and # begins a comment of YAML, and the rest is lost",
    )
}

/// Whether `place` is an annotation that kustomize or kpt use for their own bookkeeping.
fn is_books(place: &Place<'_, '_>) -> bool {
    matches!(
        place.path,
        [Step::Key("metadata"), Step::Key("annotations"), Step::Key(key), ..] if is_bookkeeping(key)
    )
}

/// `spec.secrets.path` of the configuration, where it applies: in a Secret's `data` and `stringData`.
fn config_path<'s>(scope: &Scope<'s, '_>, place: &Place<'_, '_>) -> Option<&'s str> {
    let counts = scope.is_secret() && matches!(place.path, [Step::Key("data" | "stringData"), ..]);
    counts
        .then_some(scope.config.secrets.path.as_deref())
        .flatten()
}

type Found = Result<Option<Vec<Segment>>, Vec<PlaceholderError>>;

/// Finds the placeholders in a decoded base64 text (standard alphabet, padded, CR and LF ignored), and how the base64
/// is laid out. `None` if nothing in it looks like a placeholder.
fn see_through(text: &str, decoded: &[u8], keys: bool) -> Option<(Found, Wrap)> {
    if !placeholder::may_hold(decoded, keys) {
        return None;
    }
    let found = placeholder::parse(decoded, keys);
    if matches!(found, Ok(None)) {
        return None;
    }
    let one_line = text.len() >= 70 && !text.contains('\n');
    Some((
        found,
        if one_line {
            Wrap::Line
        } else {
            Wrap::Kustomize
        },
    ))
}

/// What the result depends on; `None` after an error was reported for one of the placeholders.
fn context(
    scope: &Scope<'_, '_>,
    avp: &Avp,
    place: &Place<'_, '_>,
    segments: &[Segment],
    base64: Option<Wrap>,
    draft: &mut Draft,
) -> Option<Context> {
    let keys_at = match &avp.path {
        Some(path) => (!path.is_empty()).then(|| SecretRef {
            path: path.clone(),
            version: avp.version,
            kv: avp.kv,
        }),
        None => config_path(scope, place).map(|path| SecretRef {
            path: path.to_owned(),
            version: 0,
            kv: avp.kv,
        }),
    };
    let slot = slot::of(scope, place);
    let mut allowed = true;
    for placeholder in placeholders(segments) {
        let denied = scope.judge.placeholder().err();
        let mut problems = Vec::from_iter(
            denied.or_else(|| misplaced(scope, placeholder, keys_at.as_ref(), place, slot)),
        );
        if problems.is_empty() && !scope.keeps() {
            problems =
                super::policy::denials(scope, placeholder, keys_at.as_ref(), avp.kv, place, slot);
            problems.extend(super::oracle::denial(scope, placeholder));
        }
        if problems.is_empty() {
            // in every mode, so that placeholders that are kept can be resolved later
            problems.extend(no_secret(placeholder, keys_at.as_ref()));
        }
        for problem in problems {
            draft.report(
                problem
                    .at(scope.subject(), field(place.path))
                    .about(placeholder.shown()),
            );
            allowed = false;
        }
    }
    allowed.then(|| Context {
        keys_at,
        kv: avp.kv,
        slot,
        base64,
        remove_missing: avp.remove_missing,
        withholds: scope.judge.has_policy() && placeholders(segments).next().is_some(),
    })
}

fn misplaced(
    scope: &Scope<'_, '_>,
    placeholder: &Placeholder,
    keys_at: Option<&SecretRef>,
    place: &Place<'_, '_>,
    slot: Slot,
) -> Option<Finding> {
    let path = match (&placeholder.source, keys_at) {
        (Source::Path { path, .. }, _) => path,
        (Source::Key(_), Some(at)) => &at.path,
        (Source::Key(_), None) => {
            return Some(Finding::error(
                "avp.kubernetes.io/path is empty",
                "name the path in the annotation, or write <path:MOUNT/PATH#KEY>",
            ));
        }
    };
    if place.is_key {
        return Some(Finding::error(
            "a placeholder in a map key, or under a merge key, is not replaced",
            "keys have to be written out; only values can be placeholders",
        ));
    }
    if slot::is_avp_annotation(place) {
        return Some(Finding::error(
            "a placeholder in an avp.kubernetes.io annotation would come too late to count",
            "write the annotation's value out",
        ));
    }
    let fits = match slot {
        Slot::Map(_) => scope.tree.node(place.id).props.tag == Tag::None,
        _ => slot::takes_text(scope, place),
    };
    if !fits {
        return Some(Finding::error(
            "the value carries a YAML tag",
            "remove the tag, so that the value is what the field takes",
        ));
    }
    let secrets = &scope.config.secrets;
    let resolves = !scope.keeps() && !secrets.allow_in_place;
    if scope.mode == Mode::Function && scope.in_place && resolves {
        return Some(Finding::error(
            "resolving it here would write the secret into a file of your working tree",
            "build with kustomize or `gitops-fn render`; if the output goes elsewhere, set spec.secrets.allowInPlace: true",
        ));
    }
    if !path_is_plain(path) {
        return Some(Finding::error(
            "the path has an empty segment, `.` or `..`",
            "write the path as MOUNT/PATH",
        ));
    }
    match scope.settings.path_allowed(path) {
        Ok(true) => None,
        Ok(false) => Some(Finding::error(
            "the path is disallowed by AVP_PATH_VALIDATION restriction",
            "ask for a path that the operator of this environment allows",
        )),
        Err(error) => Some(error.into()),
    }
}

/// The error for a path that cannot name a secret because of its form.
fn no_secret(placeholder: &Placeholder, keys_at: Option<&SecretRef>) -> Option<Finding> {
    let path = match (&placeholder.source, keys_at) {
        (Source::Path { path, .. }, _) => path,
        (Source::Key(_), at) => &at?.path,
    };
    check(path).err().map(Finding::from)
}

fn path_is_plain(path: &str) -> bool {
    !path
        .split('/')
        .any(|segment| matches!(segment, "" | "." | ".."))
}

/// How to remove the entry at `place`; `None` if it cannot be removed: it is not a map entry, was reached through an
/// alias, has an anchor, or its key cannot be removed.
fn removal(scope: &Scope<'_, '_>, place: &Place<'_, '_>, draft: &mut Draft) -> Option<Removal> {
    let tree = scope.tree;
    let is_map = matches!(tree.node(place.parent).kind, Kind::Map { .. });
    if !is_map || place.alias.is_some() || tree.node(place.id).props.anchor != 0 {
        return None;
    }
    let layout = draft.layout(scope.text, tree, place.parent);
    let index = layout
        .values
        .binary_search(&tree.node(place.id).ordinal)
        .ok()?;
    let (key_ordinal, key_digest) = layout.keys.get(index).copied().flatten()?;
    Some(Removal {
        layout,
        index,
        key_ordinal,
        key_digest,
    })
}
