//! How a command ends without output.

use std::fmt::Display;
use std::io;

use gitops_fn::finding::{Finding, exit_code, text};
use gitops_fn::settings::SettingsError;
use gitops_fn::source::SourceError;
use gitops_fn::vault::environment::SettingProblem;

use super::streams::say;

/// Why a command ends without output, with its exit code.
pub(crate) struct Refusal {
    findings: Vec<Finding>,
    code: u8,
}

impl Refusal {
    /// The command cannot be run as it was asked for: exit code 2.
    pub(crate) fn usage(fact: impl Into<String>, help: &str) -> Self {
        Finding::error(fact, help).exiting(2).into()
    }

    /// The operating system refuses something that the command needs: exit code 2.
    pub(crate) fn system(what: impl Display, error: &io::Error, help: &str) -> Self {
        Self::usage(format!("{what}: {error}"), help)
    }

    /// Replaces the exit code.
    pub(crate) fn exiting(self, code: u8) -> Self {
        Self { code, ..self }
    }

    /// Prints the findings to standard error and returns the exit code.
    pub(crate) fn end(self) -> u8 {
        say(&text::stderr(&self.findings));
        self.code
    }
}

impl From<Vec<Finding>> for Refusal {
    fn from(findings: Vec<Finding>) -> Self {
        let code = exit_code(&findings);
        Self { findings, code }
    }
}

impl From<Finding> for Refusal {
    fn from(finding: Finding) -> Self {
        vec![finding].into()
    }
}

/// Environment variables that cannot be used.
impl From<Vec<SettingsError>> for Refusal {
    fn from(errors: Vec<SettingsError>) -> Self {
        let findings = errors.into_iter().map(Finding::from);
        findings.collect::<Vec<_>>().into()
    }
}

/// Settings of the secret server that cannot be used.
impl From<Vec<SettingProblem>> for Refusal {
    fn from(problems: Vec<SettingProblem>) -> Self {
        let finding = |problem: SettingProblem| {
            Finding::error(problem.to_string(), problem.help()).exiting(2)
        };
        let findings = problems.into_iter().map(finding);
        findings.collect::<Vec<_>>().into()
    }
}

/// One finding for each file that cannot be read.
impl From<SourceError> for Refusal {
    fn from(error: SourceError) -> Self {
        let facts = error.to_string();
        let finding = |fact: &str| Finding {
            message: fact.to_owned(),
            ..Finding::from(&error)
        };
        facts.lines().map(finding).collect::<Vec<_>>().into()
    }
}
