//! The operator's policy in place of the environment.

use super::all;
use crate::vault::setting::variables::{Governed, VaultVars};
use crate::vault::setting::{About, UnderPolicy};

impl Governed {
    /// Whether a variable of the environment, or a key of a credentials Secret, counts besides the policy.
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
    /// The same under a policy: its settings, and of the environment how long the run may take, and credentials that
    /// the policy does not set itself, if it lets them count.
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

    /// Whether a setting may be taken from elsewhere, such as a credentials Secret: any, unless a policy rules; then
    /// credentials alone that it does not set itself.
    pub(super) fn may_take(&self, setting: &About) -> bool {
        self.policy.as_ref().is_none_or(|policy| {
            matches!(setting.under_policy, UnderPolicy::Credential(_)) && policy.leaves(setting)
        })
    }
}
