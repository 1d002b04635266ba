//! The report as a table, for people.

use super::Report;
use crate::policy::identity::Variable;
use crate::untrusted_text::one_line;

impl Report<'_> {
    /// The report as a table, without the manifests' findings.
    #[must_use]
    pub fn table(&self) -> String {
        let mut rows: Vec<[String; 3]> = Vec::new();
        let mut row = |one: &str, two: &str, three: &str| {
            // it may be of whoever edits an Application
            rows.push([one, two, three].map(one_line));
        };
        for variable in Variable::ALL {
            let value = self.question.identity.value(variable);
            row("application", variable.name(), value.unwrap_or("(unset)"));
        }
        for (name, value) in self.store() {
            row("store", name, &value);
        }
        row("secrets", "secretsMode", self.secrets_mode());
        for (rule, template, outcome) in self.paths() {
            match outcome {
                Ok(path) => row("path", &path, &format!("rule {rule}")),
                Err(why) => row("no path", &template, &format!("rule {rule}: {why}")),
            }
        }
        for sink in self.sinks() {
            row("sink", &sink, "");
        }
        if self.policy.match_destination_namespace {
            row("sink", "in the destination namespace alone", "");
        }
        for (name, enabled) in self.enabled() {
            row("enable", name, if enabled { "yes" } else { "no" });
        }
        for (name, limit) in self.limits() {
            row("limit", name, &limit.to_string());
        }
        row("limit", "deadline", &format!("{:?}", self.policy.deadline));
        for name in &self.policy.credentials_secrets {
            row("credentials", name, "");
        }
        for verdict in &self.verdicts {
            match &verdict.outcome {
                Ok(by) => row("ALLOWED", &verdict.about, by),
                Err(denial) => row("DENIED", &verdict.about, &denial.message),
            }
        }
        aligned(&rows)
    }
}

/// Columns of one width each.
fn aligned(rows: &[[String; 3]]) -> String {
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or_default()
    };
    let (first, second) = (width(0), width(1));
    let lines = rows.iter().map(|[one, two, three]| {
        format!("{one:first$}  {two:second$}  {three}")
            .trim_end()
            .to_owned()
            + "\n"
    });
    lines.collect()
}
