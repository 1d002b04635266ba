//! Renders findings as entries of a `ResourceList`'s `results`.

use std::fmt::Write;

use super::{Finding, Severity};
use crate::krm::resource::shown;
use crate::untrusted_text::one_line;
use crate::yaml::scalar;

/// The entry of `results` (functions-spec v1) as a flow mapping on one line, which both YAML and JSON readers accept.
/// Control and invisible characters are escaped.
#[must_use]
pub fn entry(finding: &Finding) -> String {
    let mut message = finding.to_string();
    if !finding.placeholder.is_empty() {
        message = format!("{}: {message}", finding.placeholder);
    }
    if finding.severity != Severity::Info && !finding.help.is_empty() {
        let _ = write!(message, " (help: {})", finding.help);
    }
    let mut out = format!(
        "{{\"message\": {}, \"severity\": \"{}\"",
        double_quote(&message),
        finding.severity.as_str()
    );
    if let Some((subject, field)) = finding.object() {
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
        if !field.is_empty() {
            let _ = write!(out, ", \"field\": {{\"path\": {}}}", double_quote(field));
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

/// A text in double quotes, with control and invisible characters escaped.
fn double_quote(text: &str) -> String {
    scalar::double_quote(&one_line(text))
}
