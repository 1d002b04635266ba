//! Renders findings as text for people. This is the only place that formats stderr.

use std::fmt::Write;

use super::{Finding, Severity};
use crate::untrusted_text::one_line;

/// How many findings are shown; kpt writes all of stderr into the Kptfile.
const SHOWN: usize = 50;

/// The message for a panic, which names only its place: the payload may hold anything.
#[must_use]
pub fn crash(place: Option<&std::panic::Location<'_>>) -> String {
    let place = place.map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    format!("error: gitops-fn has failed at {place}\nhelp: please report this\n")
}

/// The errors and warnings among `findings` as stderr shows them, sorted and without duplicates. The first line of the
/// errors is complete on its own; help follows the finding that it helps with. Empty if there is nothing to show.
#[must_use]
pub fn stderr<'f>(findings: impl IntoIterator<Item = &'f Finding>) -> String {
    let mut sorted: Vec<&Finding> = findings
        .into_iter()
        .filter(|finding| finding.severity != Severity::Info)
        .collect();
    sorted.sort_by_cached_key(|finding| finding.sort_key());
    sorted.dedup();
    let split = sorted.partition_point(|finding| finding.severity == Severity::Error);
    let (errors, warnings) = sorted.split_at(split);
    let mut out = String::new();
    match errors {
        [] => {}
        [error] => {
            let _ = writeln!(out, "error: {}", line(error));
            help(&mut out, "", error);
        }
        errors => {
            let _ = writeln!(out, "error: {} problems; nothing was written", errors.len());
            list(&mut out, errors);
        }
    }
    for warning in warnings.iter().take(SHOWN) {
        let _ = writeln!(out, "warning: {}", line(warning));
        help(&mut out, "", warning);
    }
    if warnings.len() > SHOWN {
        let _ = writeln!(out, "warning: and {} more warnings", warnings.len() - SHOWN);
    }
    out
}

/// Writes each error on its own line. A help text that consecutive errors share is written once, after the last.
fn list(out: &mut String, errors: &[&Finding]) {
    let shown = &errors[..errors.len().min(SHOWN)];
    for (index, error) in shown.iter().enumerate() {
        let _ = writeln!(out, "  {}", line(error));
        let shared = shown
            .get(index + 1)
            .is_some_and(|next| next.help == error.help);
        if !shared {
            help(out, "  ", error);
        }
    }
    if errors.len() > SHOWN {
        let _ = writeln!(out, "  and {} more", errors.len() - SHOWN);
    }
}

fn help(out: &mut String, indent: &str, finding: &Finding) {
    if !finding.help.is_empty() {
        let _ = writeln!(out, "{indent}help: {}", one_line(&finding.help));
    }
}

/// `Kind namespace/name field placeholder: message (file)`, without the parts that are unknown. Always one line, with
/// control and invisible characters escaped.
fn line(finding: &Finding) -> String {
    let object = finding.object();
    let identity = object.map(|(subject, _)| subject.identity.to_string());
    let field = object.map_or("", |(_, field)| field);
    let parts = [&*identity.unwrap_or_default(), field, &finding.placeholder];
    let mut out = parts
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    if !out.is_empty() {
        out.push_str(": ");
    }
    let _ = write!(out, "{finding}");
    let file = object.and_then(|(subject, _)| subject.file.as_deref());
    if let Some(file) = file.filter(|file| *file != "stdin") {
        let _ = write!(out, " ({file})");
    }
    one_line(&out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_error_is_one_line_and_its_help() {
        let finding = Finding::error("the fact", "the way out").about("<path:a#b>");
        assert_eq!(
            stderr(&[finding]),
            "error: <path:a#b>: the fact\nhelp: the way out\n"
        );
    }

    #[test]
    fn nothing_in_a_finding_is_hidden_and_none_forges_another() {
        let bad = "x\nerror: y\u{202e}\u{200b}\u{9b}1m";
        let finding = Finding::error(bad, bad).about(bad).within(bad);
        let said = stderr(&[finding.clone(), Finding::warning(bad, bad)]);
        assert!(
            !said
                .replace('\n', "")
                .contains(crate::untrusted_text::is_hidden),
            "{said:?}"
        );
        assert_eq!(said.lines().count(), 4, "{said}");
        let result = super::super::results::entry(&finding);
        assert!(
            !result.contains(crate::untrusted_text::is_hidden),
            "{result:?}"
        );
        assert!(
            result.contains(r"x\\nerror: y\\u{202e}\\u{200b}\\u{9b}1m"),
            "{result}"
        );
    }

    #[test]
    fn several_errors_have_a_first_line_of_their_own() {
        let findings = [
            Finding::warning("w", ""),
            Finding::error("b", "h"),
            Finding::error("a", "h"),
            Finding::info("done"),
        ];
        assert_eq!(
            stderr(&findings),
            "error: 2 problems; nothing was written\n  a\n  b\n  help: h\nwarning: w\n"
        );
    }
}
