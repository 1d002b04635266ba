//! The operator's policy in place of the environment.

use std::collections::BTreeMap;
use std::time::Duration;

use zeroize::Zeroizing;

use super::lookup::Fault;
use super::vars::VaultVars;
use super::{Proxy, address, table, value};

/// What a policy says of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Governed {
    /// Settings by their names in the environment, such as `VAULT_ADDR`.
    pub settings: Vec<(&'static str, String)>,
    /// The proxy, if there is one; those of the environment never count.
    pub proxy: Option<String>,
    /// Whether the environment's credentials count where the policy names none.
    pub credentials: bool,
    /// How long a run may take, whatever the environment says.
    pub deadline: Duration,
}

/// The credentials that may come from the environment under a policy; of each row, a setting of the
/// policy's takes the place of all.
const CREDENTIALS: [&[&table::Setting]; 8] = [
    &[&table::TOKEN, &table::TOKEN_FILE],
    &[&table::ROLE_ID, &table::ROLE_ID_FILE],
    &[
        &table::SECRET_ID,
        &table::SECRET_ID_FILE,
        &table::WRAPPED_SECRET_ID,
        &table::WRAPPED_SECRET_ID_FILE,
    ],
    &[&table::AUTH_JWT_FILE],
    &[&table::USERNAME],
    &[&table::PASSWORD, &table::PASSWORD_FILE],
    &[&table::GITHUB_TOKEN, &table::GITHUB_TOKEN_FILE],
    &[&table::CLIENT_CERT, &table::CLIENT_KEY],
];

/// What counts whoever has set it: it can only shorten the policy's deadline.
const DEADLINE: [&table::Setting; 2] = [&table::TIMEOUT, &table::CLIENT_TIMEOUT];

impl VaultVars {
    /// The same variables under a policy: its settings, and of the environment credentials alone, if
    /// those count, and how long the run may take.
    #[must_use]
    pub fn governed(&self, by: &Governed) -> Self {
        let mut vars = BTreeMap::new();
        let said = |setting: &table::Setting| {
            let mut names = by.settings.iter().map(|(name, _)| *name);
            names.any(|name| name == setting.name)
        };
        for row in CREDENTIALS.into_iter().filter(|_| by.credentials) {
            if row.iter().any(|setting| said(setting)) {
                continue;
            }
            self.copy(row, &mut vars);
        }
        self.copy(&DEADLINE, &mut vars);
        for (name, value) in &by.settings {
            vars.insert((*name).to_owned(), Some(Zeroizing::new(value.clone())));
        }
        Self {
            vars,
            proxy: match &by.proxy {
                Some(proxy) => Proxy::At(proxy.clone()),
                None => Proxy::None,
            },
            deadline: Some(by.deadline),
            takes_credentials: by.credentials,
            by_policy: by.settings.iter().map(|(name, _)| *name).collect(),
        }
    }

    fn copy(
        &self,
        settings: &[&table::Setting],
        vars: &mut BTreeMap<String, Option<Zeroizing<String>>>,
    ) {
        for name in settings.iter().flat_map(|setting| setting.names()) {
            if let Some(value) = self.vars.get(&name) {
                vars.insert(name, value.clone());
            }
        }
    }
}

impl VaultVars {
    /// Whether a variable may be taken from elsewhere, such as a credentials Secret: any, unless a policy
    /// rules; then credentials alone, where it names none in their place.
    #[must_use]
    pub fn may_take(&self, name: &str) -> bool {
        if self.deadline.is_none() {
            return true;
        }
        let row = CREDENTIALS.into_iter().find(|row| {
            let mut names = row.iter().flat_map(|setting| setting.names());
            names.any(|known| known == name)
        });
        self.takes_credentials
            && row.is_some_and(|row| {
                row.iter()
                    .all(|setting| !self.by_policy.contains(&setting.name))
            })
    }
}

/// Whether a text has the form that the setting of this name has.
///
/// # Errors
/// What is wrong with it, without it, and what to write.
pub fn check_value(setting: &str, text: &str) -> Result<(), (&'static str, &'static str)> {
    let checked = match setting {
        "VAULT_ADDR" => address::server(text).map(drop),
        "VAULT_NAMESPACE" | "VAULT_AUTH_NAMESPACE" => value::namespace(text).map(drop),
        "VAULT_AUTH_MOUNT" => value::auth_mount(text).map(drop),
        "VAULT_AUTH_ROLE" => value::visible(text).map(drop),
        "VAULT_CACERT_BYTES" => value::pem(text).map(drop),
        "VAULT_TLS_SERVER_NAME" => address::server_name(text).map(drop),
        "VAULT_REDIRECT_HOSTS" => value::list(text, address::host).map(drop),
        "VAULT_USERNAME" | "VAULT_AUTH_METHOD" => value::line(text).map(drop),
        _ => absolute(text),
    };
    checked.map_err(|fault| (fault.says, fault.help))
}

/// The path of a file that no working directory decides about.
fn absolute(text: &str) -> Result<(), Fault> {
    value::path(text)?;
    if text.starts_with('/') {
        return Ok(());
    }
    Err(Fault {
        says: "is not an absolute path",
        help: "a relative one would lie in the repository",
    })
}

/// A duration such as `45s`.
///
/// # Errors
/// What is wrong with it, without it, and what to write.
pub fn duration(text: &str) -> Result<Duration, (&'static str, &'static str)> {
    value::duration(text).map_err(|fault| (fault.says, fault.help))
}
