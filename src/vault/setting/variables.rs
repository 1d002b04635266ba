//! The unparsed settings of a Vault server, from the environment, a credentials Secret and a policy.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

use super::name::Names;
use super::typed::Values;
use crate::http::options::Proxy;

/// The settings of a Vault server. Those from the environment are checked only when a secret is needed. `Debug` shows
/// names but no values, and the memory of the values is wiped on drop.
#[derive(Clone, Default)]
pub struct VaultVars {
    /// The variables; `None` means a value that is not UTF-8.
    pub(crate) variables: BTreeMap<String, Option<Zeroizing<String>>>,
    /// The settings of the policy, if there is one.
    pub(crate) policy: Option<Governed>,
}

/// What a policy sets for a server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Governed {
    /// The values of settings.
    pub(crate) values: Values,
    /// The proxy. If it is `None`, none is used: the proxy variables of the environment are ignored.
    pub(crate) proxy: Option<String>,
    /// Whether the environment may set credentials that the policy does not set.
    pub(crate) credentials: bool,
    /// How long a run may take. The environment can only shorten it.
    pub(crate) deadline: Duration,
}

impl VaultVars {
    /// The values that the policy sets, if there is a policy.
    pub(super) fn values(&self) -> Option<&Values> {
        self.policy.as_ref().map(|policy| &policy.values)
    }

    /// Which settings are set, and where.
    pub(crate) fn names(&self) -> Names {
        let names = |values: &Values| values.settings().map(|setting| setting.name).collect();
        Names {
            variables: self.variables.keys().cloned().collect(),
            policy: self.values().map(names),
        }
    }

    /// The proxy for the server: that of the environment, unless there is a policy.
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
