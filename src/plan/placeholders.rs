//! The placeholder rule: which scalars hold placeholders, where their secrets are, and what the
//! result has to be (docs/internals/avp.md#what-is-a-placeholder, docs/internals/avp.md#types-here).

use super::avp_annotations::Avp;
use super::change::{Action, Change, Context, Fill, Removal, Slot, Wrap, old_text};
use super::walk::{Place, Step, field};
use super::{Draft, Mode, Scope, block, literal, lookalike, slot};
use crate::finding::{Finding, Severity};
use crate::krm::resource::is_bookkeeping;
use crate::placeholder::{self, Placeholder, PlaceholderError, Segment, Source};
use crate::secret::path::check;
use crate::secret::{KvVersion, SecretRef, base64};
use crate::yaml::event::{Style, Tag};
use crate::yaml::tree::Kind;

/// Plans the replacement of the placeholders in one scalar, and finds those that cannot be replaced.
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
        draft.find(cut_off(key).at(scope.subject(), field(place.path)));
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
            for error in &errors {
                draft.find(unreadable(error).at(scope.subject(), field(place.path)));
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
        // said at the end; what comes now is not even looked at
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

/// The placeholders among a text's pieces.
pub fn placeholders(segments: &[Segment]) -> impl Iterator<Item = &Placeholder> {
    segments.iter().filter_map(|segment| match segment {
        Segment::Placeholder(placeholder) => Some(&**placeholder),
        Segment::Text(_) => None,
    })
}

/// The read that a placeholder asks for; `None` for a `<key>` without a path.
#[must_use]
pub fn wanted(placeholder: &Placeholder, context: &Context) -> Option<SecretRef> {
    match &placeholder.source {
        Source::Key(_) => context.keys_at.clone(),
        Source::Path { path, version, .. } => Some(SecretRef {
            path: path.clone(),
            // KV v1 has no versions; AVP ignores them there
            version: if context.kv == Some(KvVersion::V1) {
                0
            } else {
                *version
            },
            kv: context.kv,
        }),
    }
}

fn unreadable(error: &PlaceholderError) -> Finding {
    Finding::error(error.to_string(), error.help()).about(error.shown().unwrap_or(""))
}

fn cut_off(key: &str) -> Finding {
    Finding::new(
        Severity::Warning,
        format!("<{key} | … is not closed with > and stays as it is"),
        "close it with >; without quotes a blank and # begins a comment of YAML, and the rest is lost",
    )
}

/// The annotations in which kustomize and kpt keep their books.
fn is_books(place: &Place<'_, '_>) -> bool {
    matches!(
        place.path,
        [Step::Key("metadata"), Step::Key("annotations"), Step::Key(key), ..] if is_bookkeeping(key)
    )
}

/// `spec.secrets.path` of the config, where it counts: a Secret's `data` and `stringData`.
fn config_path<'s>(scope: &Scope<'s, '_>, place: &Place<'_, '_>) -> Option<&'s str> {
    let counts = scope.is_secret() && matches!(place.path, [Step::Key("data" | "stringData"), ..]);
    counts
        .then_some(scope.config.secrets.path.as_deref())
        .flatten()
}

type Found = Result<Option<Vec<Segment>>, Vec<PlaceholderError>>;

/// The placeholders in what a text decodes to, if it is base64 (standard alphabet, padded, CR and LF
/// ignored) of something that holds one.
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

/// What decides about the result; `None` when a placeholder may not stand where it does.
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
        let denied = scope.judge.placeholder().map_err(super::policy::finding);
        let mut problems = Vec::from_iter(
            denied
                .err()
                .or_else(|| misplaced(scope, placeholder, keys_at.as_ref(), place, slot)),
        );
        if problems.is_empty() && !scope.keeps() {
            problems =
                super::policy::denials(scope, placeholder, keys_at.as_ref(), avp.kv, place, slot);
            problems.extend(super::oracle::denial(scope, placeholder));
        }
        if problems.is_empty() {
            // in every mode, so that what is kept can be resolved later
            problems.extend(no_secret(placeholder, keys_at.as_ref()));
        }
        for problem in problems {
            draft.find(
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
        Err(error) => Some(Finding::error(error.to_string(), error.help()).exiting(2)),
    }
}

/// What keeps a path from naming a secret, by its form alone.
fn no_secret(placeholder: &Placeholder, keys_at: Option<&SecretRef>) -> Option<Finding> {
    let path = match (&placeholder.source, keys_at) {
        (Source::Path { path, .. }, _) => path,
        (Source::Key(_), at) => &at?.path,
    };
    let fault = check(path).err()?;
    Some(Finding::error(fault.to_string(), fault.help()))
}

fn path_is_plain(path: &str) -> bool {
    !path
        .split('/')
        .any(|segment| matches!(segment, "" | "." | ".."))
}

/// How the entry can be taken out: a scalar without anchor under a plain key, not met through an alias.
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
