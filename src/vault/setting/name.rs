//! What messages call a setting: the name under which the user has set it, or can set it.

use std::collections::BTreeSet;
use std::fmt;

use super::{About, UnderPolicy};

/// A setting, and where its value comes from. `Display` shows the setting's name there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) setting: &'static About,
    pub(crate) origin: Origin,
}

/// Where the value of a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The environment variable of this name, or the key of this name in the credentials Secret.
    Variable(String),
    /// The policy.
    Policy,
    /// Nowhere: the setting is not set.
    Unset {
        /// Whether there is a policy, so that a field of it is what can be set.
        governed: bool,
    },
}

impl Name {
    /// Whether the setting is set.
    pub(crate) fn is_set(&self) -> bool {
        !matches!(self.origin, Origin::Unset { .. })
    }

    /// Whether the setting is not set, and there is a policy.
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

/// Which settings are set: enough to know what messages call any setting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// The names of the variables that are set.
    pub(super) variables: BTreeSet<String>,
    /// The main names of the settings that a policy sets; `None` without a policy.
    pub(super) policy: Option<Vec<&'static str>>,
}

impl Names {
    /// What messages call this setting.
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

    /// Whether there is a policy.
    pub(crate) fn is_governed(&self) -> bool {
        self.policy.is_some()
    }
}
