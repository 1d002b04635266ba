//! The variables of the environment that say where a Vault server is and who we are there.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

use super::lookup::SettingProblem;
use super::{Proxy, table};

/// What the environment says of a Vault server, as it stands: nothing of it is judged before a
/// secret is wanted ([`super::VaultSettings::from_vars`]). Its `Debug` shows names and no value,
/// and its memory is wiped when it is dropped.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct VaultVars {
    /// `None` is a value that is not UTF-8 text.
    pub(super) vars: BTreeMap<String, Option<Zeroizing<String>>>,
    /// The way to the server; only a policy says another than the environment's.
    pub(super) proxy: Proxy,
    /// The longest deadline, if a policy says one.
    pub(super) deadline: Option<Duration>,
    /// The settings that a policy has named.
    pub(super) by_policy: Vec<&'static str>,
    /// Whether credentials count that a policy has not named.
    pub(super) takes_credentials: bool,
}

impl VaultVars {
    /// Takes the settings that are known out of an environment; empty ones count as unset, as with
    /// AVP and the official client.
    pub(crate) fn take(all: &mut BTreeMap<String, OsString>) -> Self {
        let mut vars = BTreeMap::new();
        for name in table::all().flat_map(table::Setting::names) {
            if let Some(value) = all.remove(&name).filter(|value| !value.is_empty()) {
                vars.insert(name, value.into_string().ok().map(Zeroizing::new));
            }
        }
        Self {
            vars,
            ..Self::default()
        }
    }

    /// The way to the server.
    pub(super) fn proxy(&self) -> Proxy {
        self.proxy.clone()
    }

    /// The longest deadline, if there is one.
    pub(super) fn longest(&self) -> Option<Duration> {
        self.deadline
    }

    /// These variables, and those of a credentials Secret. Other keys of the Secret do not count, nor do
    /// blanks around a value: a file that a Secret was made from ends with a line break. Under a policy only
    /// credentials count ([`Self::may_take`]).
    ///
    /// # Errors
    /// Every variable that both set, to different values: AVP lets the Secret win for `VAULT_*` and the
    /// environment for `AVP_*`, which nobody expects.
    pub fn with_secret(
        &self,
        mut secret: BTreeMap<String, Zeroizing<String>>,
    ) -> Result<Self, Vec<SettingProblem>> {
        let mut all = self.clone();
        let mut problems = Vec::new();
        for name in table::all().flat_map(table::Setting::names) {
            let Some(value) = secret.remove(&name).filter(|_| self.may_take(&name)) else {
                continue;
            };
            let value = Some(Zeroizing::new(value.trim().to_owned()));
            if value.as_ref().is_some_and(|text| text.is_empty()) {
                continue;
            }
            match all.vars.get(&name) {
                Some(known) if *known != value => problems.push(SettingProblem {
                    message: format!(
                        "{name} of the environment and {name} of the credentials Secret say different things"
                    ),
                    help: "unset one of them, or set both to the same".to_owned(),
                }),
                _ => {
                    all.vars.insert(name, value);
                }
            }
        }
        if problems.is_empty() {
            Ok(all)
        } else {
            Err(problems)
        }
    }

    /// Whether a policy rules.
    pub(super) fn is_governed(&self) -> bool {
        self.deadline.is_some()
    }

    /// Whether a variable is set, to whatever.
    pub(super) fn has(&self, name: &str) -> bool {
        self.vars.contains_key(name)
    }

    /// The value of a variable, `None` if it is unset.
    pub(super) fn get(&self, name: &str) -> Option<Result<&str, NotText>> {
        let value = self.vars.get(name)?;
        Some(value.as_ref().map(|text| text.as_str()).ok_or(NotText))
    }
}

/// A value that is not UTF-8 text.
pub(super) struct NotText;

impl fmt::Debug for VaultVars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.vars.keys()).finish()
    }
}
