//! What kustomize and kpt cannot carry from a function into their output.

use crate::finding::Finding;
use crate::plan::change::Context;
use crate::yaml::expected::Shape;

use super::Filled;

/// Refuses what would be lost, changed or printed on the way.
pub(super) fn check(filled: &Filled<'_>, context: &Context) -> Result<(), Finding> {
    match filled {
        Filled::Text(text, _) => characters(text, context),
        Filled::Tokens(_, shapes) if matches!(shapes.first(), Some(Shape::Map | Shape::Seq)) => {
            Err(structure())
        }
        Filled::Tokens(_, shapes) => shapes.iter().try_for_each(|shape| match shape {
            Shape::Text(text) => characters(text, context),
            _ => Ok(()),
        }),
        Filled::Entries(_) => Err(structure()),
        Filled::Removed(_) => Ok(()),
    }
}

/// kustomize and kpt copy comments from the item as it was: where a text has become a map or a list
/// they fail, and print it.
fn structure() -> Finding {
    Finding::error(
        "the result is a map or a list, at which kustomize and kpt fail and print it",
        "take a part of it with `jsonPath`, or resolve it in a pipe with `gitops-fn render -`",
    )
}

/// Refuses what kustomize cannot carry: it would print the whole object in an error, or change the
/// value on the way (docs/internals/kustomize-and-kpt.md#characters-that-kustomize-cannot-carry).
fn characters(text: &str, context: &Context) -> Result<(), Finding> {
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
