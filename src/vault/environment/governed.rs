//! Applies the operator's policy to the settings of the environment.

use super::all;
use crate::vault::setting::variables::{Governed, VaultVars};
use crate::vault::setting::{About, UnderPolicy};

impl Governed {
    /// Whether the environment can still set this setting under the policy.
    fn leaves(&self, setting: &About) -> bool {
        match setting.under_policy {
            UnderPolicy::Ignored => false,
            UnderPolicy::Shortens => true,
            UnderPolicy::Credential(word) => self.credentials && !self.sets_credential(word),
        }
    }

    fn sets_credential(&self, word: &'static str) -> bool {
        let mut settings = self.values.settings();
        settings.any(|setting| setting.under_policy == UnderPolicy::Credential(word))
    }
}

impl VaultVars {
    /// These settings under a policy. The policy's settings replace them, except for the timeout and, if the policy
    /// permits it, credentials that the policy does not set.
    #[must_use]
    pub(crate) fn governed(&self, by: Governed) -> Self {
        let mut variables = self.variables.clone();
        for name in all()
            .filter(|setting| !by.leaves(setting))
            .flat_map(About::names)
        {
            variables.remove(&name);
        }
        Self {
            variables,
            policy: Some(by),
        }
    }

    /// Whether a credentials Secret may set this setting: always without a policy, and otherwise only if it is a
    /// credential that the policy does not set.
    pub(super) fn may_take(&self, setting: &About) -> bool {
        self.policy.as_ref().is_none_or(|policy| {
            matches!(setting.under_policy, UnderPolicy::Credential(_)) && policy.leaves(setting)
        })
    }
}
