//! Findings: what was changed and what failed. They become KRM `results` and lines on stderr.

pub mod results;
pub mod text;

use std::fmt;
use std::rc::Rc;

use super::krm::resource::Subject;
use crate::explain::Explain;

/// The severity of a finding; `Error` makes the run fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The run fails.
    Error,
    /// Something the user should check; the run continues.
    Warning,
    /// A note about what was done.
    Info,
}

impl Severity {
    /// The spelling in `results[].severity`. It is always written, since kpt and the specification disagree on the
    /// default.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// What a finding is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The run as a whole.
    Run,
    /// A file, or a field of a configuration or a policy.
    Named(String),
    /// An object, and the path of a field in it, which may be empty.
    Object(Rc<Subject>, String),
}

/// One message for the user. No field ever holds a secret value.
///
/// A step whose errors are told apart by its caller or by tests has an error enum that implements [`Explain`]. Errors
/// that are only shown are made as findings directly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How severe it is.
    pub severity: Severity,
    /// The exit code for an error (docs/internals/design.md#exit-codes).
    pub exit: u8,
    /// What it is about.
    pub place: Place,
    /// The placeholder without its modifiers; may be empty.
    pub placeholder: String,
    /// The fact, beginning in lower case.
    pub message: String,
    /// What to do about it; may be empty.
    pub help: String,
}

impl<E: Explain> From<E> for Finding {
    fn from(error: E) -> Self {
        Self::error(error.to_string(), error.help()).exiting(error.exit_code())
    }
}

impl fmt::Display for Finding {
    /// Writes the message, preceded by the place if that is a file or a field. An object is not written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Place::Named(name) = &self.place {
            write!(f, "{name}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl Finding {
    fn new(severity: Severity, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            severity,
            exit: 1,
            place: Place::Run,
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

    /// An error in a configuration or a policy at `place`. Its exit code is 2, and nothing runs until it is corrected.
    #[must_use]
    pub fn invalid(
        place: impl Into<String>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self::error(message, help).within(place).exiting(2)
    }

    /// A warning about the run as a whole.
    #[must_use]
    pub fn warning(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(Severity::Warning, message, help)
    }

    /// A note about what was done.
    #[must_use]
    pub fn info(message: impl Into<String>) -> Self {
        Self::new(Severity::Info, message, "")
    }

    /// The same finding as a warning.
    #[must_use]
    pub fn as_warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// The same finding about a file, or about a field of a configuration or a policy.
    #[must_use]
    pub fn within(mut self, place: impl Into<String>) -> Self {
        self.place = Place::Named(place.into());
        self
    }

    /// The same finding about a field of an object.
    #[must_use]
    pub fn at(mut self, subject: &Rc<Subject>, field: impl Into<String>) -> Self {
        self.place = Place::Object(Rc::clone(subject), field.into());
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

    /// The file, or the field of a configuration or a policy, that the finding is about; otherwise empty.
    #[must_use]
    pub fn named(&self) -> &str {
        match &self.place {
            Place::Named(name) => name,
            Place::Run | Place::Object(..) => "",
        }
    }

    /// The object that the finding is about, and the path of the field in it.
    #[must_use]
    pub fn object(&self) -> Option<(&Subject, &str)> {
        match &self.place {
            Place::Object(subject, field) => Some((subject, field)),
            Place::Run | Place::Named(_) => None,
        }
    }

    /// The sort key for showing findings: most severe first, then by object, field and placeholder.
    #[must_use]
    pub fn sort_key(&self) -> (Severity, String, &str, &str, String, &str) {
        let (object, field) = self
            .object()
            .map_or_else(Default::default, |(subject, field)| {
                let identity = &subject.identity;
                let object = format!(
                    "{}\0{}\0{}\0{}",
                    identity.gvk.kind,
                    identity.namespace,
                    identity.name,
                    subject.file.as_deref().unwrap_or("")
                );
                (object, field)
            });
        (
            self.severity,
            object,
            field,
            &self.placeholder,
            self.to_string(),
            &self.help,
        )
    }
}

/// The exit code of a run with these findings (docs/internals/design.md#exit-codes): 0 without errors, 2 if the
/// configuration has to be corrected, 3 if trying again may help with all errors, 1 otherwise.
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
        assert_eq!(exit_code(&[Finding::warning("x", "")]), 0);
    }
}
