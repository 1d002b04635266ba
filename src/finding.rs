//! Findings: what was changed and what failed, as KRM `results` and stderr know it.

pub mod results;
pub mod text;

use std::rc::Rc;

use super::krm::resource::Subject;
use crate::clock::Stop;

/// How bad a finding is; `error` makes the run fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The run fails.
    Error,
    /// The user should look.
    Warning,
    /// What was done.
    Info,
}

impl Severity {
    /// As `results[].severity` spells it; always written, since kpt and the specification disagree
    /// on the default.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

impl From<Stop> for Finding {
    /// What is said of a run that is stopped.
    fn from(stop: Stop) -> Self {
        Self::error(stop.to_string(), stop.help()).exiting(3)
    }
}

/// One thing to say. No field ever holds a secret value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Exit code that an error leads to (docs/internals/design.md#exit-codes).
    pub exit: u8,
    /// The object it is about.
    pub subject: Option<Rc<Subject>>,
    /// Field path in that object, may be empty.
    pub field: String,
    /// The placeholder without its modifiers, may be empty.
    pub placeholder: String,
    /// The fact, in lower case.
    pub message: String,
    /// What to do about it, may be empty.
    pub help: String,
}

impl Finding {
    /// A finding about the run as a whole.
    #[must_use]
    pub fn new(severity: Severity, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            severity,
            exit: 1,
            subject: None,
            field: String::new(),
            placeholder: String::new(),
            message: message.into(),
            help: help.into(),
        }
    }

    /// An error about the run as a whole.
    #[must_use]
    pub fn error(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(Severity::Error, message, help)
    }

    /// The same finding about a field of an object.
    #[must_use]
    pub fn at(mut self, subject: &Rc<Subject>, field: impl Into<String>) -> Self {
        self.subject = Some(Rc::clone(subject));
        self.field = field.into();
        self
    }

    /// The same finding about a placeholder.
    #[must_use]
    pub fn about(mut self, placeholder: impl Into<String>) -> Self {
        self.placeholder = placeholder.into();
        self
    }

    /// The same finding with another exit code.
    #[must_use]
    pub fn exiting(mut self, exit: u8) -> Self {
        self.exit = exit;
        self
    }

    /// The order in which findings are shown: worst first, then by object, field and placeholder.
    #[must_use]
    pub fn sort_key(&self) -> (Severity, String, &str, &str, &str, &str) {
        let object = self.subject.as_ref().map_or(String::new(), |subject| {
            let identity = &subject.identity;
            format!(
                "{}\0{}\0{}\0{}",
                identity.gvk.kind,
                identity.namespace,
                identity.name,
                subject.file.as_deref().unwrap_or("")
            )
        });
        (
            self.severity,
            object,
            &self.field,
            &self.placeholder,
            &self.message,
            &self.help,
        )
    }
}

/// The exit code of a run with these findings (docs/internals/design.md#exit-codes): 0 without errors; 2 if the
/// configuration is at fault; 1 if trying again cannot help; 3 if it may.
#[must_use]
pub fn exit_code(findings: &[Finding]) -> u8 {
    let errors = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| finding.exit);
    errors.fold(0, |code, exit| match (code, exit) {
        (0, exit) => exit,
        (2, _) | (_, 2) => 2,
        (3, 3) => 3,
        _ => 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_follow_what_can_be_done() {
        let error = |exit| Finding::error("x", "y").exiting(exit);
        let code =
            |exits: &[u8]| exit_code(&exits.iter().map(|exit| error(*exit)).collect::<Vec<_>>());
        assert_eq!(code(&[]), 0);
        assert_eq!(code(&[3, 3]), 3);
        assert_eq!(code(&[3, 1]), 1);
        assert_eq!(code(&[1, 3]), 1);
        assert_eq!(code(&[1, 2, 3]), 2);
        assert_eq!(exit_code(&[Finding::new(Severity::Warning, "x", "")]), 0);
    }
}
