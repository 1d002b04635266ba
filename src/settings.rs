//! What the environment of the process says, as data.
//!
//! Two kinds of variables never mix: those that a configuration may put into its texts
//! (`ARGOCD_APP_*`, `ARGOCD_ENV_*`, `PARAM_*`, …: an application's author may set them), and those
//! that say where secrets come from (`VAULT_ADDR`, `AVP_PATH_VALIDATION`: the operator's alone).

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;

/// Prefixes of the variables that `${NAME}` may name.
const PREFIXES: [&str; 3] = ["ARGOCD_APP_", "ARGOCD_ENV_", "PARAM_"];
/// Names that stand for `ARGOCD_ENV_NAME`, and where that is not set for themselves.
const SHORT: [&str; 3] = ["APP_REPO", "IMAGE_NAME", "IMAGE_TAG"];
/// The other name that `${NAME}` may name.
const KUBE_VERSION: &str = "KUBE_VERSION";
/// What an application's author may not set, and AVP let them.
const CREDENTIALS: [&str; 3] = ["VAULT_", "AVP_", "BAO_"];

/// Everything that the program wants to know of its environment. Its `Debug` shows no value.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Settings {
    vars: BTreeMap<String, OsString>,
    /// `GITOPS_FN_SECRETS=keep`: leave placeholders, whatever the configuration says.
    pub secrets_keep: bool,
    /// Where secrets are read (`VAULT_ADDR`, else `BAO_ADDR`).
    pub store: StoreSetting,
    /// `AVP_PATH_VALIDATION`, as it stands; see [`Settings::path_allowed`].
    pub path_validation: Option<String>,
    /// `GITOPS_FN_LOG`.
    pub log: Option<String>,
    /// Names of `ARGOCD_ENV_*` and `PARAM_*` variables that look like credentials or addresses
    /// for a store, and count for nothing; sorted. One stderr line lists them.
    pub ignored: Vec<String>,
}

/// Where secrets are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StoreSetting {
    /// No address is set: an error only where a secret is wanted.
    #[default]
    Unset,
    /// `VAULT_ADDR=file:PATH`: the embedded file store.
    File(PathBuf),
    /// Any other address: a Vault or `OpenBao` server.
    Vault,
}

/// A variable that cannot be used; its value is never shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// Not UTF-8.
    #[error("the environment variable {0} is not UTF-8 text")]
    NotUtf8(String),
    /// `GITOPS_FN_SECRETS` is neither `keep` nor `resolve`.
    #[error("the environment variable GITOPS_FN_SECRETS is neither `keep` nor `resolve`")]
    SecretsMode,
    /// `file:` without a path, or with a host.
    #[error("the file: address in {0} names no local file")]
    FileAddress(&'static str),
    /// `AVP_PATH_VALIDATION` is no regular expression.
    #[error("the environment variable AVP_PATH_VALIDATION is not a regular expression")]
    PathValidation,
}

impl SettingsError {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::NotUtf8(_) => "set it to UTF-8 text, or unset it",
            Self::SecretsMode => {
                "set it to `keep` to leave placeholders, or unset it to resolve them"
            }
            Self::FileAddress(_) => "write file:secrets.yaml or file:/absolute/path.yaml",
            Self::PathValidation => {
                "it is matched anywhere in the path unless it begins with ^ and ends with $"
            }
        }
    }
}

/// The answer to [`Settings::variable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variable<'a> {
    /// Its value, possibly empty.
    Set(&'a str),
    /// It may be used and is not set.
    Unset,
    /// It is set, to something that is not text.
    NotUtf8,
    /// A configuration may not use this name.
    NotAllowed,
}

impl Settings {
    /// Takes what matters out of an environment; `main` gives the process's own.
    ///
    /// # Errors
    /// Every setting that cannot be used, sorted.
    pub fn from_vars(
        vars: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, Vec<SettingsError>> {
        let all: BTreeMap<String, OsString> = vars
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .collect();
        let mut errors = Vec::new();
        let mut text = |name: &str| match all.get(name).map(|value| value.to_str()) {
            None | Some(Some("")) => None,
            Some(Some(value)) => Some(value.to_owned()),
            Some(None) => {
                errors.push(SettingsError::NotUtf8(name.to_owned()));
                None
            }
        };
        let mode = text("GITOPS_FN_SECRETS");
        let path_validation = text("AVP_PATH_VALIDATION");
        let log = text("GITOPS_FN_LOG");
        let (vault, bao) = (address(&all, "VAULT_ADDR"), address(&all, "BAO_ADDR"));
        let store = vault.or(bao).unwrap_or(Ok(StoreSetting::Unset));
        let secrets_keep = match mode.as_deref() {
            Some("keep") => true,
            None | Some("resolve") => false,
            Some(_) => {
                errors.push(SettingsError::SecretsMode);
                false
            }
        };
        let store = store.unwrap_or_else(|error| {
            errors.push(error);
            StoreSetting::Unset
        });
        if !errors.is_empty() {
            errors.sort();
            return Err(errors);
        }
        let ignored = all
            .keys()
            .filter(|name| is_ignored(name))
            .cloned()
            .collect();
        let vars = all
            .into_iter()
            .filter(|(name, _)| is_allowed(name))
            .collect();
        Ok(Self {
            vars,
            secrets_keep,
            store,
            path_validation,
            log,
            ignored,
        })
    }

    /// Looks up a variable for `${NAME}`.
    ///
    /// `APP_REPO`, `IMAGE_NAME` and `IMAGE_TAG` mean the plugin parameter `ARGOCD_ENV_…` first,
    /// and themselves where that is not set or empty.
    #[must_use]
    pub fn variable(&self, name: &str) -> Variable<'_> {
        if !is_allowed(name) {
            return Variable::NotAllowed;
        }
        let get = |name: &str| match self.vars.get(name).map(|value| value.to_str()) {
            None => Variable::Unset,
            Some(Some(value)) => Variable::Set(value),
            Some(None) => Variable::NotUtf8,
        };
        let own = get(name);
        if !SHORT.contains(&name) {
            return own;
        }
        match (get(&format!("ARGOCD_ENV_{name}")), own) {
            (Variable::Unset | Variable::Set(""), Variable::Set("")) => Variable::Set(""),
            (Variable::Unset, own) => own,
            (Variable::Set(""), own) if own != Variable::Unset => own,
            (parameter, _) => parameter,
        }
    }

    /// Whether `AVP_PATH_VALIDATION` lets a secret path be read; without it every path may be.
    ///
    /// As with AVP the expression may match anywhere in the path; unlike AVP it sees the path that
    /// is asked for in the end, so give the normalised one.
    ///
    /// # Errors
    /// [`SettingsError::PathValidation`] if it is no regular expression.
    pub fn path_allowed(&self, path: &str) -> Result<bool, SettingsError> {
        let Some(expression) = &self.path_validation else {
            return Ok(true);
        };
        // Compiled at each call: once a distinct path, which is next to nothing beside the read.
        let regex = regex::Regex::new(expression).map_err(|_| SettingsError::PathValidation)?;
        Ok(regex.is_match(path))
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: BTreeSet<&String> = self.vars.keys().collect();
        f.debug_struct("Settings")
            .field("vars", &names)
            .field("secrets_keep", &self.secrets_keep)
            .field("store", &self.store)
            .field(
                "path_validation",
                &self.path_validation.as_ref().map(|_| "<set>"),
            )
            .field("log", &self.log.as_ref().map(|_| "<set>"))
            .field("ignored", &self.ignored)
            .finish()
    }
}

/// What one address variable says; `None` if it is unset or empty. A server's address is not kept.
fn address(
    all: &BTreeMap<String, OsString>,
    name: &'static str,
) -> Option<Result<StoreSetting, SettingsError>> {
    let value = all.get(name).filter(|value| !value.is_empty())?;
    let Some(text) = value.to_str() else {
        return Some(Err(SettingsError::NotUtf8(name.to_owned())));
    };
    Some(match text.strip_prefix("file:") {
        None => Ok(StoreSetting::Vault),
        Some(path) => local_file(path).ok_or(SettingsError::FileAddress(name)),
    })
}

/// The path behind `file:`; `file:///x` is `/x`, and `file://x` names a host.
fn local_file(path: &str) -> Option<StoreSetting> {
    let path = match path.strip_prefix("//") {
        Some(rest) if rest.starts_with('/') => rest,
        Some(_) => return None,
        None => path,
    };
    let usable = !path.is_empty() && !path.contains('\0');
    usable.then(|| StoreSetting::File(PathBuf::from(OsStr::new(path))))
}

fn is_allowed(name: &str) -> bool {
    let prefixed = PREFIXES.iter().any(|prefix| {
        name.strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty())
    });
    (prefixed || name == KUBE_VERSION || SHORT.contains(&name)) && !is_ignored(name)
}

/// Whether a plugin parameter looks like a setting of the secret store.
fn is_ignored(name: &str) -> bool {
    ["ARGOCD_ENV_", "PARAM_"]
        .iter()
        .filter_map(|prefix| name.strip_prefix(prefix))
        .any(|rest| CREDENTIALS.iter().any(|prefix| rest.starts_with(prefix)))
}
