//! What is set of a Vault server: by variables of the environment, by a credentials Secret, by a policy.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

use super::name::Names;
use super::typed::Values;
use crate::http::options::Proxy;

/// What is set of a Vault server. Nothing of the environment's is judged before a secret is wanted. `Debug` shows names
/// and no value, and the memory of the values is wiped when it is dropped.
#[derive(Clone, Default)]
pub struct VaultVars {
    /// The variables; `None` is a value that is not UTF-8 text.
    pub(crate) variables: BTreeMap<String, Option<Zeroizing<String>>>,
    /// What a policy says, if there is one.
    pub(crate) policy: Option<Governed>,
}

/// What a policy says of a server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Governed {
    /// The settings that it names.
    pub(crate) values: Values,
    /// The proxy, if there is one; those of the environment never count.
    pub(crate) proxy: Option<String>,
    /// Whether the environment's credentials count where the policy names none.
    pub(crate) credentials: bool,
    /// How long a run may take, whatever the environment says.
    pub(crate) deadline: Duration,
}

impl VaultVars {
    /// The policy's values.
    pub(super) fn values(&self) -> Option<&Values> {
        self.policy.as_ref().map(|policy| &policy.values)
    }

    /// The names of what is set.
    pub(crate) fn names(&self) -> Names {
        let names = |values: &Values| values.settings().map(|setting| setting.name).collect();
        Names {
            variables: self.variables.keys().cloned().collect(),
            policy: self.values().map(names),
        }
    }

    /// How the server is reached.
    pub(crate) fn proxy(&self) -> Proxy {
        match &self.policy {
            None => Proxy::Environment,
            Some(Governed { proxy: None, .. }) => Proxy::None,
            Some(Governed {
                proxy: Some(address),
                ..
            }) => Proxy::At(address.clone()),
        }
    }
}

impl fmt::Debug for VaultVars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by_policy = self.values().into_iter().flat_map(Values::settings);
        f.debug_set()
            .entries(self.variables.keys())
            .entries(by_policy.map(|setting| setting.field.unwrap_or(setting.name)))
            .finish()
    }
}
