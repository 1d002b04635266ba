//! What is wrong with a policy.

use crate::document::Problem;
use crate::vault::setting::problem::BadValue;

/// Collects what is wrong.
#[derive(Default)]
pub(super) struct Problems(pub(super) Vec<Problem>);

impl Problems {
    pub(super) fn add(&mut self, path: &str, message: &str, help: &str) {
        self.0.push(Problem {
            path: path.to_owned(),
            message: message.to_owned(),
            help: help.to_owned(),
        });
    }

    /// A value that its setting does not take.
    pub(super) fn bad_value(&mut self, path: &str, bad: &BadValue) {
        self.add(path, bad.fact, &bad.help);
    }
}
