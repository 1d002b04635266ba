//! Validates the mounts, and the rules with their paths.

use crate::policy::identity::Variable;
use crate::policy::identity::is_literal;
use crate::policy::problems::Problems;
use crate::policy::template::{InvalidPath, Mount, Template};
use crate::policy::{Rule, raw};
use crate::secret::KvVersion;

/// Mounts that every Vault server has and that never hold KV secrets.
const NOT_KV: [&str; 4] = ["auth", "sys", "cubbyhole", "identity"];

pub(super) fn mounts(raw: &[raw::Mount], problems: &mut Problems) -> Vec<Mount> {
    let mut mounts: Vec<Mount> = Vec::new();
    for (index, raw) in raw.iter().enumerate() {
        let at = format!("spec.mounts[{index}]");
        let version = match raw.version {
            Some(1) => KvVersion::V1,
            Some(2) | None => KvVersion::V2,
            Some(_) => {
                problems.add(&format!("{at}.version"), "neither 1 nor 2", "write 1 or 2");
                KvVersion::V2
            }
        };
        let Some(path) = raw.path.clone() else {
            continue;
        };
        let at = format!("{at}.path");
        let first = path.split('/').next().unwrap_or_default();
        if !path.split('/').all(is_literal) {
            let help = "write it as kv or team/kv, in A-Z, a-z, 0-9, `.`, `_` and `-`";
            problems.add(&at, "not a plain path", help);
        } else if NOT_KV.contains(&first) {
            let help = "auth, sys, cubbyhole and identity are never read";
            problems.add(&at, "one of Vault's own mounts", help);
        } else if mounts.iter().any(|other| nested(&other.path, &path)) {
            let help = "Vault has no mount in another; list each once";
            problems.add(&at, "the same as another mount, or inside it", help);
        } else {
            mounts.push(Mount { path, version });
        }
    }
    mounts
}

fn nested(one: &str, other: &str) -> bool {
    let within = |outer: &str, inner: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    within(one, other) || within(other, one)
}

pub(super) fn rules(raw: &[raw::Rule], mounts: &[Mount], problems: &mut Problems) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for (index, raw) in raw.iter().enumerate() {
        let at = format!("spec.allow[{index}]");
        let name = raw.name.clone().unwrap_or_default();
        if raw.name.is_some() && !is_literal(&name) {
            let help = "write it in A-Z, a-z, 0-9, `.`, `_` and `-`";
            problems.add(&format!("{at}.name"), "not a plain word", help);
        } else if raw.name.is_some() && rules.iter().any(|rule| rule.name == name) {
            let help = "denials speak of rules by their names";
            problems.add(&format!("{at}.name"), "the name of another rule", help);
        }
        let projects = raw.projects.as_deref().map(|list| {
            if list.is_empty() {
                let help = "list the projects, or leave it out for all";
                problems.add(&format!("{at}.projects"), "empty", help);
            }
            for (number, project) in list.iter().enumerate() {
                if !is_literal(project) {
                    let help = "write the project's name; it is never a pattern";
                    problems.add(
                        &format!("{at}.projects[{number}]"),
                        "not a project's name",
                        help,
                    );
                }
            }
            list.to_vec()
        });
        let paths = raw.paths.as_deref().unwrap_or_default();
        if raw.paths.is_some() && paths.is_empty() {
            problems.add(&format!("{at}.paths"), "empty", "list at least one path");
        }
        let templates = paths
            .iter()
            .enumerate()
            .filter_map(|(number, text)| {
                let at = format!("{at}.paths[{number}]");
                template(&at, text, mounts, projects.is_some(), problems)
            })
            .collect();
        rules.push(Rule {
            name,
            templates,
            projects,
        });
    }
    rules
}

/// Validates one path of a rule; `for_projects` says whether the rule lists projects. A path that depends on the name
/// or namespace of an Application must depend on its project too, since whoever edits the Application chooses its name
/// and namespace.
fn template(
    at: &str,
    text: &str,
    mounts: &[Mount],
    for_projects: bool,
    problems: &mut Problems,
) -> Option<Template> {
    match Template::parse(text, mounts) {
        Ok(template) => {
            let variables: Vec<_> = template.variables().collect();
            if !variables.is_empty() && !variables.contains(&Variable::Project) && !for_projects {
                let help = "whoever edits an Application chooses its name and namespace: put ${ARGOCD_APP_PROJECT_NAME} into the path too, or list `projects` beside it";
                problems.add(
                    at,
                    "depends on the Application and not on its project",
                    help,
                );
            }
            Some(template)
        }
        Err(error) => {
            let help = match error {
                InvalidPath::NoMount => "begin it with the path of one of spec.mounts, written out",
                InvalidPath::Variable => {
                    "known are ${ARGOCD_APP_PROJECT_NAME}, ${ARGOCD_APP_NAME} and ${ARGOCD_APP_NAMESPACE}, between slashes"
                }
                _ => {
                    "write MOUNT/SEGMENT/…, with `*` for any segment and `**` at the end for any depth"
                }
            };
            problems.add(at, &error.to_string(), help);
            None
        }
    }
}
