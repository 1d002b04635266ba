//! Filling the placeholders of one scalar with what the store has given.

use std::ops::Range;

use zeroize::Zeroizing;

use crate::krm::result::Finding;
use crate::placeholder::modifier::{Modifier, apply};
use crate::placeholder::{Placeholder, Segment, Source};
use crate::plan::Mode;
use crate::plan::change::{Change, Context, Fill, Removal, Slot, Wrap};
use crate::plan::substitute::{placeholders, wanted};
use crate::resolve::{Resolved, StoreErrorKind};
use crate::secret::{Value, base64, json};
use crate::yaml::shape::{Shape, one_line};

/// The outcome for one scalar.
pub enum Filled<'f> {
    /// It becomes this text, whose parts at these places have stood beside the placeholders.
    Text(String, Vec<Range<usize>>),
    /// It becomes this JSON, which reads so.
    Tokens(String, Vec<Shape>),
    /// Its entry goes, since a key is missing.
    Removed(&'f Removal),
}

/// Fills one scalar.
///
/// # Errors
/// A finding for each placeholder that cannot be filled, or for the whole text.
pub fn fill<'f>(
    fill: &'f Fill,
    change: &Change,
    resolved: &Resolved,
    mode: Mode,
) -> Result<Filled<'f>, Vec<Finding>> {
    let mut values = Vec::new();
    let mut problems = Vec::new();
    let mut missing = false;
    for placeholder in placeholders(&fill.segments) {
        match value(placeholder, &fill.context, resolved) {
            Ok(Some(value)) => values.push(value),
            Ok(None) if fill.context.remove_missing && fill.removal.is_some() => missing = true,
            Ok(None) if fill.context.remove_missing => problems.push(not_removable(placeholder)),
            Ok(None) => problems.push(missing_key(placeholder)),
            Err(problem) => problems.push(problem.about(placeholder.shown())),
        }
    }
    let at_field = |finding: Finding| match finding.exit {
        // the store cannot be used at all: that is said once, not once a field
        2 | 3 => finding.about(""),
        _ => finding.at(&change.subject, change.field.clone()),
    };
    let whole = |problem: Finding| vec![at_field(problem.about(shown(fill)))];
    if !problems.is_empty() {
        return Err(problems.into_iter().map(at_field).collect());
    }
    if let (true, Some(removal)) = (missing, &fill.removal) {
        return Ok(Filled::Removed(removal));
    }
    let filled = put_together(fill, &values).map_err(whole)?;
    if mode == Mode::Function && is_structure(&filled) {
        return Err(whole(structure()));
    }
    if mode == Mode::Function {
        let texts: Box<dyn Iterator<Item = &str>> = match &filled {
            Filled::Text(text, _) => Box::new(std::iter::once(text.as_str())),
            Filled::Tokens(_, shapes) => Box::new(shapes.iter().filter_map(|shape| match shape {
                Shape::Text(text) => Some(text.as_str()),
                _ => None,
            })),
            Filled::Removed(_) => Box::new(std::iter::empty()),
        };
        for text in texts {
            carried(text, &fill.context).map_err(whole)?;
        }
    }
    Ok(filled)
}

fn is_structure(filled: &Filled<'_>) -> bool {
    matches!(filled, Filled::Tokens(_, shapes) if matches!(shapes.first(), Some(Shape::Map | Shape::Seq)))
}

/// kustomize and kpt copy comments from the item as it was: where a text has become a map or a list
/// they fail, and print it.
fn structure() -> Finding {
    Finding::error(
        "the result is a map or a list, at which kustomize and kpt fail and print it",
        "take a part of it with `jsonPath`, or resolve it in a pipe with `gitops-fn render -`",
    )
}

/// What to tell the user of a filled scalar.
#[must_use]
pub fn note(fill: &Fill) -> String {
    format!("resolved {}", shown(fill))
}

/// The scalar's placeholders as messages show them.
fn shown(fill: &Fill) -> String {
    let shown: Vec<_> = placeholders(&fill.segments)
        .map(Placeholder::shown)
        .collect();
    shown.join(", ")
}

/// The value of one placeholder with its modifiers; `None` if its key is missing.
fn value(
    placeholder: &Placeholder,
    context: &Context,
    resolved: &Resolved,
) -> Result<Option<Value>, Finding> {
    let outcome = wanted(placeholder, context).and_then(|want| resolved.get(&want));
    let has_default = placeholder.modifiers.iter().any(Modifier::is_default);
    let stored = match outcome {
        Some(Ok(secret)) => stored(placeholder, secret.expose()),
        Some(Err(error)) if error.kind == StoreErrorKind::Missing && has_default => None,
        Some(Err(error)) => {
            let exit = match error.kind {
                StoreErrorKind::Missing | StoreErrorKind::Refused => 1,
                StoreErrorKind::Config => 2,
                StoreErrorKind::Transient => 3,
            };
            return Err(Finding::error(&error.message, &error.help).exiting(exit));
        }
        None => {
            return Err(Finding::error(
                "its secret was not read",
                "please report this",
            ));
        }
    };
    apply(&placeholder.modifiers, stored.as_ref())
        .map_err(|error| Finding::error(error.to_string(), error.help()))
}

fn stored(
    placeholder: &Placeholder,
    secret: &std::collections::BTreeMap<String, Value>,
) -> Option<Value> {
    let key = match &placeholder.source {
        Source::Path { key, .. } | Source::Key(key) => key,
    };
    if key == "*" {
        return Some(Value::String(json::compact(&Value::Map(secret.clone()))));
    }
    secret
        .get(key)
        .filter(|value| **value != Value::Null)
        .cloned()
}

fn not_removable(placeholder: &Placeholder) -> Finding {
    Finding::error(
        "its key is missing, and the entry cannot be removed (missing Vault value)",
        "entries of lists, entries with an anchor or behind an alias, pairs without braces ([a: b]) and mappings with a comment behind a ? stay: write the entry plainly, or remove it by hand",
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

fn put_together<'f>(fill: &Fill, values: &[Value]) -> Result<Filled<'f>, Finding> {
    let context = &fill.context;
    if let ([Segment::Placeholder(placeholder)], [value], Slot::Any, None) =
        (&*fill.segments, values, context.slot, context.base64)
        && !placeholder.escaped
        && !matches!(value, Value::String(_) | Value::Bytes(_) | Value::Null)
    {
        let mut shapes = Vec::new();
        json_shapes(value, &mut shapes);
        return Ok(Filled::Tokens(one_line(&shapes), shapes));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    let mut kept = Vec::new();
    let mut values = values.iter();
    for segment in &fill.segments {
        match segment {
            Segment::Text(text) => {
                kept.push(bytes.len()..bytes.len() + text.len());
                bytes.extend_from_slice(text);
            }
            Segment::Placeholder(placeholder) => {
                if let Some(value) = values.next() {
                    append(&mut bytes, placeholder, value);
                }
            }
        }
    }
    let already = placeholders(&fill.segments).any(|placeholder| {
        placeholder
            .modifiers
            .last()
            .is_some_and(Modifier::is_base64encode)
    });
    if let Some(wrap) = context.base64 {
        return Ok(Filled::Text(encode(&bytes, wrap), Vec::new()));
    }
    if let (Slot::SecretData { encode: true }, false) = (context.slot, already) {
        return Ok(Filled::Text(encode(&bytes, Wrap::Line), Vec::new()));
    }
    let text = String::from_utf8(std::mem::take(&mut *bytes)).map_err(|_| {
        Finding::error(
            "the result is not UTF-8 text",
            "put binary values into a Secret's data, with `| base64encode`",
        )
    })?;
    if matches!(context.slot, Slot::SecretData { .. }) && base64::decode(&text).is_none() {
        return Err(Finding::error(
            "the result is not base64, as a Secret's data has to be",
            "move the entry to stringData, add `| base64encode`, or set spec.secrets.encodeData: true",
        ));
    }
    Ok(Filled::Text(text, kept))
}

fn append(bytes: &mut Vec<u8>, placeholder: &Placeholder, value: &Value) {
    let text = match value {
        Value::String(text) | Value::Number(text) => text.as_bytes().to_vec(),
        Value::Bytes(raw) => raw.to_vec(),
        Value::Bool(true) => b"true".to_vec(),
        Value::Bool(false) => b"false".to_vec(),
        Value::Null => b"null".to_vec(),
        Value::List(_) | Value::Map(_) => json::compact(value).as_bytes().to_vec(),
    };
    let text = Zeroizing::new(text);
    let escaped_already = placeholder.modifiers.last().is_some_and(Modifier::is_json);
    match std::str::from_utf8(&text) {
        Ok(text) if placeholder.escaped && !escaped_already => {
            bytes.extend_from_slice(json::escape(text).as_bytes());
        }
        _ => bytes.extend_from_slice(&text),
    }
}

/// Base64 in the wanted layout.
fn encode(bytes: &[u8], wrap: Wrap) -> String {
    let line = base64::encode(bytes);
    if wrap == Wrap::Line || line.len() < 70 {
        return line;
    }
    let mut out = String::with_capacity(line.len() + line.len() / 70 + 1);
    let mut rest = line.as_str();
    while !rest.is_empty() {
        let (head, tail) = rest.split_at(rest.len().min(70));
        out.push_str(head);
        out.push('\n');
        rest = tail;
    }
    out
}

fn json_shapes(value: &Value, shapes: &mut Vec<Shape>) {
    match value {
        Value::Null => shapes.push(Shape::Token("null".to_owned())),
        Value::Bool(value) => shapes.push(Shape::Token(value.to_string())),
        Value::Number(text) => shapes.push(Shape::Token(text.to_string())),
        Value::String(text) => shapes.push(Shape::Text(text.to_string())),
        Value::Bytes(raw) => shapes.push(Shape::Text(String::from_utf8_lossy(raw).into_owned())),
        Value::List(items) => {
            shapes.push(Shape::Seq);
            for item in items {
                json_shapes(item, shapes);
            }
            shapes.push(Shape::Close);
        }
        Value::Map(entries) => {
            shapes.push(Shape::Map);
            for (key, item) in entries {
                shapes.push(Shape::Text(key.clone()));
                json_shapes(item, shapes);
            }
            shapes.push(Shape::Close);
        }
    }
}

/// Refuses what kustomize cannot carry: it would print the whole object in an error, or change the
/// value on the way (krm-functions.md §2.4, 2.5).
fn carried(text: &str, context: &Context) -> Result<(), Finding> {
    let reason = text.chars().find_map(|ch| match ch {
        '\u{85}' | '\u{2028}' | '\u{2029}' => {
            Some("the result has a line separator (U+0085, U+2028 or U+2029) that kustomize changes on the way")
        }
        '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => Some(
            "the result has a character (DEL, U+0080 to U+009F, U+FFFE or U+FFFF) at which kustomize fails and prints the whole object",
        ),
        _ => None,
    });
    match reason {
        Some(reason) if context.base64.is_none() => Err(Finding::error(
            reason,
            "put the value into a Secret's data as base64, with `| base64encode` or by a secretGenerator",
        )),
        _ => Ok(()),
    }
}
