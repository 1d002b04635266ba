//! Collects the problems of a policy.

use crate::finding::Finding;
use crate::vault::setting::problem::BadValue;

/// The problems found so far.
#[derive(Default)]
pub(super) struct Problems(pub(super) Vec<Finding>);

impl Problems {
    pub(super) fn add(&mut self, path: &str, message: &str, help: &str) {
        self.0.push(Finding::invalid(path, message, help));
    }

    pub(super) fn push(&mut self, path: &str, error: impl Into<Finding>) {
        self.0.push(error.into().within(path).exiting(2));
    }

    /// Adds a value that its setting does not accept.
    pub(super) fn bad_value(&mut self, path: &str, bad: &BadValue) {
        self.add(path, bad.fact, &bad.help);
    }
}
