//! Warns about YAML and JSON texts inside fields that no longer parse with their values filled in.

use std::ops::Range;

use crate::clock::Clock;
use crate::finding::Finding;
use crate::secret::json::{self, JsonError};
use crate::yaml::event::{Event, Events};

/// JSON texts with more members are not checked: each takes many times the memory of its text.
const MAX_MEMBERS: usize = 1 << 18;

/// A warning if `text` was YAML or JSON before values were filled in, and no longer is. `kept` are the ranges of `text`
/// that are from the manifest.
///
/// `None` also if the time is up, since the run ends then anyway.
pub(super) fn warning(text: &[u8], kept: &[Range<usize>], clock: &Clock) -> Option<Finding> {
    if kept.is_empty() || !may_break(text, kept) {
        return None;
    }
    clock.spend(2 * text.len()).ok()?;
    let text = std::str::from_utf8(text).ok()?;
    let before = template(text, kept)?;
    if is_json(&before) {
        let is_broken = json::parse_within(text, MAX_MEMBERS)
            .is_err_and(|error| !matches!(error, JsonError::Members(_)));
        return is_broken.then(|| {
            Finding::warning("with its value the text is no longer valid JSON",
                "add `| json` to a placeholder between double quotes: it escapes quotes, backslashes and line breaks",
            )
        });
    }
    let is_broken = is_yaml(&before, clock) && !is_yaml(text, clock) && clock.check().is_ok();
    is_broken.then(|| {
        Finding::warning("with its value the text is no longer valid YAML",
            "add `| indent` to the placeholder of a value of several lines (as the text of a `|` block), or write \"…\" around the placeholder and add `| json`",
        )
    })
}

/// The ranges between those of `kept` in a text of this length, each of one value or several.
fn values(kept: &[Range<usize>], length: usize) -> impl Iterator<Item = Range<usize>> {
    let starts = std::iter::once(0).chain(kept.iter().map(|kept| kept.end));
    let ends = kept.iter().map(|kept| kept.start).chain([length]);
    starts.zip(ends).map(|(start, end)| start..end)
}

/// Whether a value holds characters that may have a meaning in YAML or JSON.
fn may_break(text: &[u8], kept: &[Range<usize>]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.+/=".contains(byte);
    values(kept, text.len()).any(|value| !text[value].iter().all(is_plain))
}

/// The text with a digit in place of each value, which is valid inside and outside of JSON strings.
fn template(text: &str, kept: &[Range<usize>]) -> Option<String> {
    let mut template = String::new();
    let mut at = 0;
    for value in values(kept, text.len()) {
        template.push_str(text.get(at..value.start)?);
        if !value.is_empty() {
            template.push('0');
        }
        at = value.end;
    }
    Some(template)
}

fn is_json(text: &str) -> bool {
    text.trim_ascii_start().starts_with(['{', '[']) && json::parse_within(text, MAX_MEMBERS).is_ok()
}

/// Whether it is YAML in which each document is a list or a mapping: any line of prose would be a valid scalar.
fn is_yaml(text: &str, clock: &Clock) -> bool {
    let mut events = Events::timed(text, clock);
    let mut documents = 0;
    loop {
        match events.pull() {
            Ok(None) => return documents > 0,
            Err(_) => return false,
            Ok(Some((event, _))) if events.ordinal() == 1 => match event {
                Event::Open { .. } => documents += 1,
                _ => return false,
            },
            Ok(Some(_)) => {}
        }
    }
}
