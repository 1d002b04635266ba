//! Validates the modes for the placeholders of some Applications.

use crate::policy::identity::is_literal;
use crate::policy::mode::ModeRule;
use crate::policy::problems::Problems;
use crate::policy::raw;

pub(super) fn rules(raw: &[raw::ModeRule], problems: &mut Problems) -> Vec<ModeRule> {
    let rule = |(index, raw): (usize, &raw::ModeRule)| {
        let at = format!("spec.secretsModes[{index}]");
        check_names(&format!("{at}.projects"), raw.projects.as_deref(), problems);
        check_names(
            &format!("{at}.applications"),
            raw.applications.as_deref(),
            problems,
        );
        ModeRule {
            mode: raw.mode.unwrap_or_default(),
            projects: raw.projects.clone().unwrap_or_default(),
            applications: raw.applications.clone(),
        }
    };
    raw.iter().enumerate().map(rule).collect()
}

fn check_names(at: &str, names: Option<&[String]>, problems: &mut Problems) {
    let Some(names) = names else { return };
    if names.is_empty() {
        problems.add(at, "empty", "list at least one name, or leave it out");
    }
    for (number, name) in names.iter().enumerate() {
        if !is_literal(name) {
            let help = "write the name itself; it is never a pattern";
            problems.add(&format!("{at}[{number}]"), "not a plain name", help);
        }
    }
}
