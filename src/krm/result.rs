//! Findings: what was changed and what failed, as KRM `results` and stderr know it.

use std::fmt::Write;
use std::rc::Rc;

use super::resource::{Subject, shown};
use crate::clock::Stop;
use crate::text::one_line;
use crate::yaml::scalar;

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
    /// Exit code that an error leads to (DESIGN §2).
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

    /// The entry of `results` (functions-spec v1), as one flow mapping of one line that YAML and JSON
    /// readers both accept. What they read has no hidden characters.
    #[must_use]
    pub fn to_result(&self) -> String {
        let mut message = self.message.clone();
        if !self.placeholder.is_empty() {
            message = format!("{}: {message}", self.placeholder);
        }
        if self.severity != Severity::Info && !self.help.is_empty() {
            let _ = write!(message, " (help: {})", self.help);
        }
        let mut out = format!(
            "{{\"message\": {}, \"severity\": \"{}\"",
            double_quote(&message),
            self.severity.as_str()
        );
        if let Some(subject) = &self.subject {
            let identity = &subject.identity;
            let _ = write!(
                out,
                ", \"resourceRef\": {{\"apiVersion\": {}, \"kind\": {}, \"name\": {}",
                double_quote(&identity.api_version()),
                double_quote(shown(&identity.gvk.kind)),
                double_quote(shown(&identity.name))
            );
            if !identity.namespace.is_empty() {
                let _ = write!(
                    out,
                    ", \"namespace\": {}",
                    double_quote(shown(&identity.namespace))
                );
            }
            out.push('}');
            if !self.field.is_empty() {
                let _ = write!(
                    out,
                    ", \"field\": {{\"path\": {}}}",
                    double_quote(&self.field)
                );
            }
            if let Some(file) = &subject.file {
                let _ = write!(
                    out,
                    ", \"file\": {{\"path\": {}, \"index\": {}}}",
                    double_quote(file),
                    subject.index
                );
            }
        }
        out.push('}');
        out
    }
}

/// A text between double quotes, once nothing in it is hidden.
fn double_quote(text: &str) -> String {
    scalar::double_quote(&one_line(text))
}
