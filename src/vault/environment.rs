//! All settings of a Vault server and of the login, from the environment, a credentials Secret and a policy.

mod governed;
mod reference;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::Duration;

use zeroize::Zeroizing;

pub use self::reference::environment_markdown;
pub(crate) use self::reference::{help, names_under_policy};
use super::login::{self, Login};
use super::setting::About;
use super::setting::lookup::Lookup;
use super::setting::name::{Name, Origin};
use super::setting::problem::Problem;
pub use super::setting::problem::SettingProblem;
pub use super::setting::variables::VaultVars;
use super::settings::{VaultSettings, reading, server, tls};

/// All settings, under the headings and in the order of the reference page.
fn sections() -> [(&'static str, Vec<&'static About>); 4] {
    [
        ("Server", server::SECTION.to_vec()),
        ("Login", login::settings()),
        ("TLS", tls::SECTION.to_vec()),
        ("Reading", reading::SECTION.to_vec()),
    ]
}

/// All settings, in the order of the reference page.
pub(crate) fn all() -> impl Iterator<Item = &'static About> {
    sections().into_iter().flat_map(|(_, settings)| settings)
}

/// How to reach a Vault server, and how to log in there.
#[derive(Debug)]
pub(crate) struct Access {
    /// How the server is reached and read.
    pub(crate) settings: VaultSettings,
    /// The login method and its credentials.
    pub(crate) login: Login,
}

impl Access {
    /// Checks the settings. This is called only when a secret is needed.
    ///
    /// Files that the settings name are not opened. Settings that the login method does not use are ignored.
    ///
    /// # Errors
    /// Every setting that is invalid, missing or contradicts another one, sorted.
    pub(crate) fn read(vars: &VaultVars) -> Result<Self, Vec<SettingProblem>> {
        let mut look = Lookup::new(vars);
        let settings = VaultSettings::read(&mut look);
        let has_agent = look.is_set(&server::AGENT_ADDR).is_some();
        let namespace = settings
            .as_ref()
            .and_then(|known| known.location.namespace.as_deref());
        let login = Login::read(&mut look, has_agent, namespace);
        let problems = look.problems();
        match (settings, login) {
            (Some(settings), Some(login)) if problems.is_empty() => Ok(Self { settings, login }),
            _ => Err(problems),
        }
    }
}

impl VaultVars {
    /// Moves the settings out of an environment. An empty variable counts as unset, as in AVP and the official client.
    pub(crate) fn take(environment: &mut BTreeMap<String, OsString>) -> Self {
        let mut variables = BTreeMap::new();
        for name in all().flat_map(About::names) {
            if let Some(value) = environment.remove(&name).filter(|value| !value.is_empty()) {
                variables.insert(name, value.into_string().ok().map(Zeroizing::new));
            }
        }
        Self {
            variables,
            policy: None,
        }
    }

    /// Adds the settings in a credentials Secret to these. Other keys of the Secret are ignored. Blanks around a value
    /// are dropped, since a file that a Secret was made from ends with a line break. Under a policy, only credentials
    /// are added ([`Self::may_take`]).
    ///
    /// # Errors
    /// Every variable that both set to different values. AVP lets the Secret win for `VAULT_*` and the environment for
    /// `AVP_*`, which no user expects.
    pub(crate) fn with_secret(
        &self,
        mut secret: BTreeMap<String, Zeroizing<String>>,
    ) -> Result<Self, Vec<SettingProblem>> {
        let mut both = self.clone();
        let mut problems = Vec::new();
        for setting in all().filter(|setting| self.may_take(setting)) {
            for variable in setting.names() {
                let Some(value) = secret.remove(&variable) else {
                    continue;
                };
                let value = Some(Zeroizing::new(value.trim().to_owned()));
                if value.as_ref().is_some_and(|text| text.is_empty()) {
                    continue;
                }
                match both.variables.get(&variable) {
                    Some(known) if *known != value => {
                        let origin = Origin::Variable(variable);
                        problems.push(Problem::SecretDiffers(Name { setting, origin }).into());
                    }
                    _ => {
                        both.variables.insert(variable, value);
                    }
                }
            }
        }
        if problems.is_empty() {
            Ok(both)
        } else {
            Err(problems)
        }
    }

    /// How long a run may take. This is needed before any other setting is checked.
    ///
    /// # Errors
    /// A timeout that is not a valid duration.
    pub fn deadline(&self) -> Result<Duration, Vec<SettingProblem>> {
        let mut look = Lookup::new(self);
        let deadline = reading::read_deadline(&mut look);
        let problems = look.problems();
        if problems.is_empty() {
            Ok(deadline)
        } else {
            Err(problems)
        }
    }
}

#[cfg(test)]
mod tests;
