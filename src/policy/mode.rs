//! Whether an Application's placeholders are resolved, kept or forbidden. The policy's answer overrides the Release and
//! the environment.

use super::identity::{Identity, Variable};
pub use super::raw::SecretsMode;

/// The modes of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Modes {
    /// The rules, in order; the first that matches an Application decides.
    pub rules: Vec<ModeRule>,
    /// The mode of every other Application.
    pub otherwise: SecretsMode,
}

/// The mode of some Applications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModeRule {
    /// The mode.
    pub mode: SecretsMode,
    /// The projects that the rule applies to.
    pub projects: Vec<String>,
    /// The Applications of those projects, by name; `None` means all.
    pub applications: Option<Vec<String>>,
}

impl Modes {
    /// The mode of an Application. If its project is unknown, the strictest mode of the policy applies.
    #[must_use]
    pub fn of(&self, identity: &Identity) -> SecretsMode {
        let Some(project) = identity.literal(Variable::Project) else {
            let modes = self.rules.iter().map(|rule| rule.mode);
            return modes.fold(self.otherwise, SecretsMode::max);
        };
        let name = identity.value(Variable::Name);
        let is_for = |rule: &&ModeRule| {
            rule.projects.iter().any(|one| one == project)
                && rule
                    .applications
                    .as_ref()
                    .is_none_or(|names| names.iter().any(|one| Some(one.as_str()) == name))
        };
        let rule = self.rules.iter().find(is_for);
        rule.map_or(self.otherwise, |rule| rule.mode)
    }
}

#[cfg(test)]
mod tests {
    use super::SecretsMode::{Forbidden, Keep, Resolve};
    use super::*;

    fn application(project: Option<&str>, name: &str) -> Identity {
        Identity {
            project: project.map(str::to_owned),
            name: Some(name.to_owned()),
            namespace: None,
        }
    }

    #[test]
    fn the_first_rule_for_an_application_counts() {
        let rule = |mode, project: &str, applications: Option<&[&str]>| ModeRule {
            mode,
            projects: vec![project.to_owned()],
            applications: applications
                .map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
        };
        let modes = Modes {
            rules: vec![
                rule(Keep, "shop", Some(&["web-hydrate"])),
                rule(Forbidden, "lab", None),
                rule(Resolve, "lab", None),
            ],
            otherwise: Resolve,
        };
        for (project, name, mode) in [
            ("shop", "web-hydrate", Keep),
            ("shop", "web", Resolve),
            ("other", "web-hydrate", Resolve),
            ("lab", "any", Forbidden),
        ] {
            assert_eq!(modes.of(&application(Some(project), name)), mode, "{name}");
        }
        // the project of a KRM function is unknown, and `a/b` is not a valid project name
        assert_eq!(modes.of(&application(None, "web")), Forbidden);
        assert_eq!(modes.of(&application(Some("a/b"), "web")), Forbidden);
    }
}
