//! What a message calls a setting: the name under which whoever can correct it has set it, or could set it.

use std::collections::BTreeSet;
use std::fmt;

use super::{About, UnderPolicy};

/// A setting, and where its value comes from. Shown, it is the name of the setting there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) setting: &'static About,
    pub(crate) origin: Origin,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// This variable of the environment, or the key of the credentials Secret with its name.
    Variable(String),
    /// The policy.
    Policy,
    /// Nowhere: the setting is not set.
    Unset {
        /// Whether a policy rules, so that its field is what can be set.
        governed: bool,
    },
}

impl Name {
    /// Whether the setting is set.
    pub(crate) fn is_set(&self) -> bool {
        !matches!(self.origin, Origin::Unset { .. })
    }

    /// Whether the setting is not set, and a policy rules.
    pub(super) fn is_unset_under_policy(&self) -> bool {
        matches!(self.origin, Origin::Unset { governed: true })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { setting, origin } = self;
        let is_policys = match origin {
            Origin::Variable(name) => return f.write_str(name),
            Origin::Policy => true,
            Origin::Unset { governed } => {
                *governed && !matches!(setting.under_policy, UnderPolicy::Credential(_))
            }
        };
        let field = setting.field.filter(|_| is_policys);
        f.write_str(field.unwrap_or(setting.name))
    }
}

/// What is set, by name: enough to tell what a message calls any setting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// The variables that are set.
    pub(super) variables: BTreeSet<String>,
    /// The first names of the settings that a policy sets, if there is a policy.
    pub(super) policy: Option<Vec<&'static str>>,
}

impl Names {
    /// What a message calls this setting.
    pub(crate) fn of(&self, setting: &'static About) -> Name {
        let by_policy = self.policy.as_ref();
        let origin = if by_policy.is_some_and(|names| names.contains(&setting.name)) {
            Origin::Policy
        } else {
            let mut names = setting.names();
            match names.find(|name| self.variables.contains(name)) {
                Some(name) => Origin::Variable(name),
                None => Origin::Unset {
                    governed: self.is_governed(),
                },
            }
        };
        Name { setting, origin }
    }

    /// Whether a policy rules.
    pub(crate) fn is_governed(&self) -> bool {
        self.policy.is_some()
    }
}
