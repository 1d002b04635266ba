//! Fills in the placeholders of one scalar with the values from the store.

mod broken;
mod encode;
mod entries;
mod portable;

use std::ops::Range;

use zeroize::Zeroizing;

use super::budget::Allowance;
use super::map::Entries;
use crate::finding::Finding;
use crate::placeholder::modifier::origin::Origin;
use crate::placeholder::modifier::{self, Modifier};
use crate::placeholder::{Placeholder, Segment};
use crate::plan::Mode;
use crate::plan::change::{Change, Context, Fill, Removal, Slot, Wrap};
use crate::plan::placeholders::{placeholders, wanted};
use crate::resolve::{Resolved, StoreError, StoreErrorKind};
use crate::secret::wants::Keys;
use crate::secret::{Value, base64, json};
use crate::yaml::expected::{Shape, to_json};
use encode::{append, encode};

/// The outcome for one scalar.
pub(super) enum Filled<'f> {
    /// It becomes this text; the ranges are those copied from the manifest rather than from secrets.
    Text(String, Vec<Range<usize>>),
    /// It becomes this JSON, which parses to these shapes.
    Tokens(String, Vec<Shape>),
    /// It becomes a map of strings.
    Entries(Entries),
    /// Its entry is removed, because a key is missing.
    Removed(&'f Removal),
}

/// Why a scalar could not be filled in.
pub enum Unfilled {
    /// One error for each placeholder without a value, or one for the whole scalar.
    Problems(Vec<Finding>),
    /// A value that cannot be used, without details ([`Context::withholds`]). Not even its place may be reported,
    /// unless it is the only candidate.
    Withheld(Finding),
    /// The run must end: the values exceed what it may hold or add, or its time is up.
    Ended(Finding),
}

/// The value of a scalar, while it is put together.
enum Gathered {
    /// Text from the manifest and from secrets; the ranges are those from the manifest.
    Text(Zeroizing<Vec<u8>>, Vec<Range<usize>>),
    /// The value of the only placeholder, which keeps its type.
    Typed(Value),
}

/// Fills in one scalar. The finding, if any, is a warning about the resulting text.
///
/// # Errors
/// [`Unfilled`]
pub(super) fn fill<'f>(
    fill: &'f Fill,
    change: &Change,
    resolved: &Resolved,
    mode: Mode,
    allowance: &Allowance,
) -> Result<(Filled<'f>, Option<Finding>), Unfilled> {
    let at_field = |finding: Finding| match finding.exit {
        // the store cannot be used at all: reported once, not for each field
        2 | 3 => finding.about(""),
        _ => finding.at(&change.subject, change.field.clone()),
    };
    let whole = |problem: Finding| at_field(problem.about(shown(fill)));
    let of_value = |problem: Finding| {
        if fill.context.withholds {
            Unfilled::Withheld(whole(withheld()))
        } else {
            Unfilled::Problems(vec![whole(problem)])
        }
    };
    let room = allowance.room(change.span.range().len());
    let mut problems = Vec::new();
    let (mut missing, mut unusable) = (false, false);
    let mut outcome = Gathered::Text(Zeroizing::default(), Vec::new());
    let mut is_base64 = true;
    let is_single = is_single_placeholder(fill);
    for segment in &fill.segments {
        let placeholder = match segment {
            Segment::Placeholder(placeholder) => placeholder,
            Segment::Text(text) => {
                if let Gathered::Text(bytes, kept) = &mut outcome {
                    kept.push(bytes.len()..bytes.len() + text.len());
                    bytes.extend_from_slice(text);
                }
                continue;
            }
        };
        allowance.check_time().map_err(Unfilled::Ended)?;
        let before = match &outcome {
            Gathered::Text(bytes, _) => bytes.as_slice(),
            Gathered::Typed(_) => &[],
        };
        match value(placeholder, &fill.context, resolved, before, allowance) {
            Ok(Some((value, _))) if keeps_type(fill, placeholder, &value) => {
                outcome = Gathered::Typed(value);
            }
            Ok(Some((value, origin))) => {
                is_base64 &= origin == Origin::Base64 || (is_single && origin == Origin::String);
                if let Gathered::Text(bytes, _) = &mut outcome {
                    append(bytes, room, placeholder, &value)
                        .ok_or_else(|| Unfilled::Ended(allowance.over()))?;
                }
            }
            Ok(None) if fill.context.remove_missing && fill.removal.is_some() => missing = true,
            Ok(None) if fill.context.remove_missing => problems.push(not_removable(placeholder)),
            Ok(None) => problems.push(missing_key(placeholder)),
            Err(Failure::Full(end)) => return Err(Unfilled::Ended(end)),
            Err(Failure::Unread(problem)) => problems.push(problem.about(placeholder.shown())),
            Err(Failure::Unusable(problem)) => {
                // perhaps only the time was up
                allowance.check_time().map_err(Unfilled::Ended)?;
                unusable = true;
                if !fill.context.withholds {
                    problems.push(problem.about(placeholder.shown()));
                }
            }
        }
    }
    if !problems.is_empty() {
        let problems = problems.into_iter().map(at_field).collect();
        return Err(Unfilled::Problems(problems));
    }
    if unusable {
        return Err(Unfilled::Withheld(whole(withheld())));
    }
    if let (true, Some(removal)) = (missing, &fill.removal) {
        return Ok((Filled::Removed(removal), None));
    }
    let warning = match &outcome {
        Gathered::Text(bytes, kept) if fill.has_values() && !fill.context.withholds => {
            broken::warning(bytes, kept, allowance.clock())
        }
        _ => None,
    };
    is_base64 = is_base64 && (is_single || text_is_base64(fill));
    let filled = finished(fill, outcome, is_base64, room).map_err(of_value)?;
    let filled = filled.ok_or_else(|| Unfilled::Ended(allowance.over()))?;
    if mode == Mode::Function {
        portable::check(&filled, &fill.context).map_err(of_value)?;
    }
    Ok((filled, warning.map(whole)))
}

/// Whether filling in a scalar could fail because of its value: the candidates for [`Unfilled::Withheld`].
#[must_use]
pub fn is_doubtful(fill: &Fill, mode: Mode) -> bool {
    let context = &fill.context;
    let is_judged = mode == Mode::Function
        || matches!(context.slot, Slot::Map(_))
        || (context.slot, context.base64) == (Slot::SecretData { encode: false }, None);
    let changes =
        |placeholder: &Placeholder| !placeholder.modifiers.iter().all(Modifier::is_default);
    fill.has_values() && (is_judged || placeholders(&fill.segments).any(changes))
}

/// The one error for all values that cannot be used, so that it reveals nothing about the value.
fn withheld() -> Finding {
    Finding::error(
        "a value is not what its place or its modifiers need; the policy withholds details",
        "details could reveal the value: render the manifests without the policy, as someone who may read the secret",
    )
}

/// Whether a value replaces the whole scalar and keeps its type.
fn keeps_type(fill: &Fill, placeholder: &Placeholder, value: &Value) -> bool {
    let keeps = match fill.context.slot {
        Slot::Any => !matches!(value, Value::String(_) | Value::Bytes(_) | Value::Null),
        Slot::Map(_) => true,
        Slot::SecretData { .. } | Slot::Text => false,
    };
    keeps && fill.segments.len() == 1 && fill.context.base64.is_none() && !placeholder.escaped
}

/// Whether a scalar is a single placeholder, apart from line breaks, which base64 may have.
fn is_single_placeholder(fill: &Fill) -> bool {
    let is_break = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let mut texts = fill.segments.iter().filter_map(|segment| match segment {
        Segment::Text(text) => Some(text),
        Segment::Placeholder(_) => None,
    });
    placeholders(&fill.segments).count() == 1 && texts.all(|text| text.iter().all(is_break))
}

/// Whether each text between the placeholders is base64 by itself.
fn text_is_base64(fill: &Fill) -> bool {
    fill.segments.iter().all(|segment| match segment {
        Segment::Text(text) => {
            std::str::from_utf8(text).is_ok_and(|text| base64::decode(text).is_some())
        }
        Segment::Placeholder(_) => true,
    })
}

/// The note for the user about a filled scalar.
#[must_use]
pub fn note(fill: &Fill) -> String {
    if fill.has_values() {
        format!("resolved {}", shown(fill))
    } else {
        "wrote <path: for its escape <!path:".to_owned()
    }
}

/// The placeholders of a scalar as messages show them.
fn shown(fill: &Fill) -> String {
    let shown: Vec<_> = placeholders(&fill.segments)
        .map(Placeholder::shown)
        .collect();
    shown.join(", ")
}

/// Why a placeholder has no value.
enum Failure {
    /// Its secret was not read.
    Unread(Finding),
    /// The secrets of the run exceed what it may hold.
    Full(Finding),
    /// A modifier cannot be applied to it.
    Unusable(Finding),
}

/// The value of one placeholder after its modifiers, and its origin; `None` if its key is missing. `before` is the text
/// before the placeholder, for `indent`.
fn value(
    placeholder: &Placeholder,
    context: &Context,
    resolved: &Resolved,
    before: &[u8],
    allowance: &Allowance,
) -> Result<Option<(Value, Origin)>, Failure> {
    let outcome = wanted(placeholder, context).and_then(|want| resolved.get(&want));
    let has_default = placeholder.modifiers.iter().any(Modifier::is_default);
    let stored = match outcome {
        Some(Ok(secret)) => stored(placeholder, context.slot, secret.expose()),
        Some(Err(error)) if error.kind == StoreErrorKind::Missing && has_default => None,
        Some(Err(error)) => {
            return Err(match error.kind {
                StoreErrorKind::Full => Failure::Full(unread(error)),
                _ => Failure::Unread(unread(error)),
            });
        }
        None => {
            let unread = Finding::error("its secret was not read", "please report this");
            return Err(Failure::Unread(unread));
        }
    };
    let modifiers = &placeholder.modifiers;
    let column = if modifiers.iter().any(Modifier::is_indent_to_column) {
        match modifier::column(before) {
            // an error would reveal the length of a value before it
            Err(_) if context.withholds => Ok(modifier::MAX_INDENT),
            column => column,
        }
    } else {
        Ok(0)
    };
    column
        .and_then(|column| modifier::apply(modifiers, stored.as_ref(), column, allowance.clock()))
        .map_err(|error| Failure::Unusable(error.into()))
}

/// The error for a secret that was not read.
pub(super) fn unread(error: &StoreError) -> Finding {
    let exit = match error.kind {
        StoreErrorKind::Missing | StoreErrorKind::Refused | StoreErrorKind::Full => 1,
        StoreErrorKind::Config => 2,
        StoreErrorKind::Transient => 3,
    };
    Finding::error(&error.message, &error.help).exiting(exit)
}

/// The stored value of a placeholder's key. For `*` it is the whole secret, as a map where the field must be one,
/// otherwise as JSON text.
fn stored(
    placeholder: &Placeholder,
    slot: Slot,
    secret: &std::collections::BTreeMap<String, Value>,
) -> Option<Value> {
    let key = placeholder.key();
    if placeholder.is_whole_secret() && matches!(slot, Slot::Map(_)) {
        return Some(Value::Map(secret.clone()));
    }
    if key == Keys::EVERY {
        return Some(Value::String(json::compact_map(secret)));
    }
    secret
        .get(key)
        .filter(|value| **value != Value::Null)
        .cloned()
}

fn not_removable(placeholder: &Placeholder) -> Finding {
    Finding::error(
        "its key is missing, and the entry cannot be removed (missing Vault value)",
        "list items, entries with an anchor or reached through an alias, pairs without braces ([a: b]) and mappings with a comment after a ? cannot be removed: rewrite the entry, or remove it by hand",
    )
    .about(placeholder.shown())
}

fn missing_key(placeholder: &Placeholder) -> Finding {
    Finding::error(
        "the secret has no such key (missing Vault value)",
        "check the key's name and the version; `| default 'text'` gives a value for a missing key",
    )
    .about(placeholder.shown())
}

fn long_key() -> Finding {
    Finding::error(
        "the map has a key longer than 1,000 bytes, which not every YAML parser can read",
        "take a part of it with `jsonPath`, or put it into a text",
    )
}

fn not_base64() -> Finding {
    Finding::error(
        "the result is not base64, as a Secret's data has to be",
        "move the entry to stringData, add `| base64encode`, or set spec.secrets.encodeData: true",
    )
}

/// The outcome for a scalar; `None` if it is longer than `room` bytes.
fn finished<'f>(
    fill: &Fill,
    outcome: Gathered,
    is_base64: bool,
    room: usize,
) -> Result<Option<Filled<'f>>, Finding> {
    match (outcome, fill.context.slot) {
        (Gathered::Typed(value), Slot::Map(values)) => {
            let entries = entries::entries(value, values, room)?;
            Ok(entries.map(Filled::Entries))
        }
        (Gathered::Typed(value), _) => tokens(&value).map(Some),
        (Gathered::Text(..), Slot::Map(_)) => Err(entries::not_a_map()),
        (Gathered::Text(bytes, kept), _) => text(fill, bytes, kept, is_base64).map(Some),
    }
}

/// A value as JSON.
fn tokens<'f>(value: &Value) -> Result<Filled<'f>, Finding> {
    if encode::has_long_key(value) {
        return Err(long_key());
    }
    let mut shapes = Vec::new();
    encode::shapes(value, &mut shapes);
    Ok(Filled::Tokens(to_json(&shapes), shapes))
}

/// A text, encoded as the field requires. `is_base64` says whether it was put together from base64, since other texts
/// can look like it.
fn text<'f>(
    fill: &Fill,
    mut bytes: Zeroizing<Vec<u8>>,
    kept: Vec<Range<usize>>,
    is_base64: bool,
) -> Result<Filled<'f>, Finding> {
    let context = &fill.context;
    let is_encoded = placeholders(&fill.segments).any(|placeholder| {
        placeholder
            .modifiers
            .last()
            .is_some_and(Modifier::is_base64encode)
    });
    if let Some(wrap) = context.base64 {
        return Ok(Filled::Text(encode(&bytes, wrap), Vec::new()));
    }
    if let (Slot::SecretData { encode: true }, false) = (context.slot, is_encoded) {
        return Ok(Filled::Text(encode(&bytes, Wrap::Line), Vec::new()));
    }
    let text = String::from_utf8(std::mem::take(&mut *bytes)).map_err(|_| {
        Finding::error(
            "the result is not UTF-8 text",
            "put binary values into a Secret's data, with `| base64encode`",
        )
    })?;
    let is_base64 = || is_base64 && base64::decode(&text).is_some();
    if matches!(context.slot, Slot::SecretData { .. }) && !is_base64() {
        return Err(not_base64());
    }
    Ok(Filled::Text(text, kept))
}
