//! Modifiers that would reveal a value under a policy by whether they fail.

use super::Scope;
use crate::finding::Finding;
use crate::placeholder::Placeholder;
use crate::placeholder::modifier::{Oracle, oracle};

/// The error for modifiers of a placeholder that the policy does not allow, if there are any.
pub(super) fn denial(scope: &Scope<'_, '_>, placeholder: &Placeholder) -> Option<Finding> {
    if !scope.judge.denies_questions() {
        return None;
    }
    Some(match oracle(&placeholder.modifiers)? {
        Oracle::Comparison => Finding::error(
            "the policy allows no jsonPath filter that compares values",
            "take the part by its key or its place, as in `{.items[0].name}`; the operator can set spec.enable.jsonPathFilters: true",
        ),
        Oracle::Composition => Finding::error(
            "the policy lets no text be parsed that modifiers have put together",
            "parse the value as it is stored, or one part of it, as in `jsonPath {.conf}`; the operator can set spec.enable.jsonPathFilters: true",
        ),
    })
}
