//! The settings from the environment of the process, as data.
//!
//! Two kinds of variables are kept apart: those that a configuration may use in its texts (`ARGOCD_APP_*`,
//! `ARGOCD_ENV_*`, `PARAM_*`, …), which an application's author can set, and those that say where secrets come from
//! (`VAULT_ADDR`, `AVP_PATH_VALIDATION`, …), which only the operator can set.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use std::sync::OnceLock;

use regex::Regex;

use crate::explain::Explain;
use crate::vault::setting::PREFIXES as PREFIXES_OF_STORES;
use crate::vault::setting::variables::VaultVars;

/// Prefixes of the variables that `${NAME}` may use.
const PREFIXES: [&str; 3] = ["ARGOCD_APP_", "ARGOCD_ENV_", "PARAM_"];
/// Names that mean `ARGOCD_ENV_NAME` and, if that is unset or empty, the variable itself.
const SHORT: [&str; 3] = ["APP_REPO", "IMAGE_NAME", "IMAGE_TAG"];
/// The only other name that `${NAME}` may use.
const KUBE_VERSION: &str = "KUBE_VERSION";
/// The plugin parameter that names the Secret of the previous plugin.
pub const AVP_SECRET: &str = "ARGOCD_ENV_AVP_SECRET";

/// Everything that the program uses from its environment. Its `Debug` shows no values.
#[derive(Clone, Default)]
pub struct Settings {
    vars: BTreeMap<String, OsString>,
    /// `GITOPS_FN_SECRETS=keep`: keep placeholders, whatever the configuration says.
    pub secrets_keep: bool,
    /// Where secrets are read from: `VAULT_ADDR` or `BAO_ADDR`, unless `VAULT_AGENT_ADDR` is set.
    pub store: StoreSetting,
    /// The variables about a Vault server; checked only when a secret is required from it.
    pub vault: VaultVars,
    /// `AVP_PATH_VALIDATION`, not yet compiled; see [`Settings::path_allowed`].
    pub path_validation: Option<String>,
    allowed_paths: OnceLock<Result<Regex, SettingsError>>,
    /// `GITOPS_FN_LOG`: the level of the log.
    pub log: Option<String>,
    /// `host:port` of the API server of the cluster in which the program runs (`KUBERNETES_SERVICE_HOST` and `…_PORT`,
    /// which every pod has).
    pub cluster: Option<String>,
    /// The plugin parameter `AVP_SECRET`, which is the previous plugin's option `-s`. It has an effect only if the
    /// operator's policy lists the name.
    pub avp_secret: Option<String>,
    /// Names, sorted, of `ARGOCD_ENV_*` and `PARAM_*` variables that look like credentials or addresses for a store.
    /// They have no effect; one line on stderr lists them.
    pub ignored: Vec<String>,
}

/// Where secrets are read from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StoreSetting {
    /// No address is set, which is an error only if a secret is required.
    #[default]
    Unset,
    /// `VAULT_ADDR=file:PATH`: the embedded file store.
    File(PathBuf),
    /// A Vault or `OpenBao` server: any other address, or addresses that contradict each other, which is reported when
    /// `VaultSettings` is read.
    Vault,
}

/// Why a variable cannot be used. Its value is never shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The variable's value is not UTF-8.
    #[error("the environment variable {0} is not UTF-8 text")]
    NotUtf8(String),
    /// `GITOPS_FN_SECRETS` is neither `keep` nor `resolve`.
    #[error("the environment variable GITOPS_FN_SECRETS is neither `keep` nor `resolve`")]
    SecretsMode,
    /// `GITOPS_FN_LOG` is not a level.
    #[error("the environment variable GITOPS_FN_LOG is no level of the log")]
    LogLevel,
    /// The `file:` address has no path, or has a host.
    #[error("the file: address in {0} names no local file")]
    FileAddress(&'static str),
    /// `AVP_PATH_VALIDATION` is not a regular expression.
    #[error("the environment variable AVP_PATH_VALIDATION is not a regular expression")]
    PathValidation,
}

impl Explain for SettingsError {
    fn help(&self) -> String {
        match self {
            Self::NotUtf8(_) => "set it to UTF-8 text, or unset it",
            Self::SecretsMode => {
                "set it to `keep` to leave placeholders, or unset it to resolve them"
            }
            Self::LogLevel => "set it to `info`, `debug` or `trace`, or unset it",
            Self::FileAddress(_) => "write file:secrets.yaml or file:/absolute/path.yaml",
            Self::PathValidation => {
                "it is matched anywhere in the path unless it begins with ^ and ends with $"
            }
        }
        .to_owned()
    }

    fn exit_code(&self) -> u8 {
        2
    }
}

/// The result of [`Settings::variable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variable<'a> {
    /// The variable's value, possibly empty.
    Set(&'a str),
    /// The variable may be used but is unset.
    Unset,
    /// The variable is set, but not to UTF-8 text.
    NotUtf8,
    /// A configuration may not use this name.
    NotAllowed,
}

impl Settings {
    /// Takes the settings from environment variables; `main` passes those of the process.
    ///
    /// # Errors
    /// Every setting that cannot be used, sorted.
    pub fn from_vars(
        vars: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, Vec<SettingsError>> {
        let mut all: BTreeMap<String, OsString> = vars
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
        let avp_secret = text(AVP_SECRET);
        let cluster = crate::cluster::secret_name::server(
            text("KUBERNETES_SERVICE_HOST"),
            text("KUBERNETES_SERVICE_PORT"),
        );
        let store = store(&all);
        let secrets_keep = match mode.as_deref() {
            Some("keep") => true,
            None | Some("resolve") => false,
            Some(_) => {
                errors.push(SettingsError::SecretsMode);
                false
            }
        };
        if log.as_deref().is_some_and(|level| !is_level(level)) {
            errors.push(SettingsError::LogLevel);
        }
        let store = store.unwrap_or_else(|error| {
            errors.push(error);
            StoreSetting::Unset
        });
        if !errors.is_empty() {
            errors.sort();
            return Err(errors);
        }
        let vault = VaultVars::take(&mut all);
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
            vault,
            path_validation,
            allowed_paths: OnceLock::new(),
            log,
            cluster,
            avp_secret,
            ignored,
        })
    }

    /// Looks up a variable for `${NAME}`.
    ///
    /// `APP_REPO`, `IMAGE_NAME` and `IMAGE_TAG` mean the plugin parameter `ARGOCD_ENV_…` and, if that is unset or
    /// empty, the variable itself.
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

    /// Whether `AVP_PATH_VALIDATION` allows a secret's path; if it is unset, every path is allowed.
    ///
    /// As in AVP the expression may match anywhere in the path. Unlike AVP it is matched against the path that is
    /// finally requested, so `path` must be normalised.
    ///
    /// # Errors
    /// [`SettingsError::PathValidation`] if it is not a regular expression.
    pub fn path_allowed(&self, path: &str) -> Result<bool, SettingsError> {
        let Some(expression) = &self.path_validation else {
            return Ok(true);
        };
        let regex = self
            .allowed_paths
            .get_or_init(|| Regex::new(expression).map_err(|_| SettingsError::PathValidation));
        match regex {
            Ok(regex) => Ok(regex.is_match(path)),
            Err(error) => Err(error.clone()),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: BTreeSet<&String> = self.vars.keys().collect();
        f.debug_struct("Settings")
            .field("vars", &names)
            .field("secrets_keep", &self.secrets_keep)
            .field("store", &self.store)
            .field("vault", &self.vault)
            .field(
                "path_validation",
                &self.path_validation.as_ref().map(|_| "<set>"),
            )
            .field("log", &self.log.as_ref().map(|_| "<set>"))
            .field("ignored", &self.ignored)
            .finish_non_exhaustive()
    }
}

/// Which store the address variables select. An agent wins over a server. A file and another address contradict each
/// other, which is reported when a secret is required.
fn store(all: &BTreeMap<String, OsString>) -> Result<StoreSetting, SettingsError> {
    let set = |name: &str| all.get(name).filter(|value| !value.is_empty());
    if set("VAULT_AGENT_ADDR").or(set("BAO_AGENT_ADDR")).is_some() {
        return Ok(StoreSetting::Vault);
    }
    match (set("VAULT_ADDR"), set("BAO_ADDR")) {
        (Some(vault), Some(bao)) if vault != bao => Ok(StoreSetting::Vault),
        _ => {
            let (vault, bao) = (address(all, "VAULT_ADDR"), address(all, "BAO_ADDR"));
            vault.or(bao).unwrap_or(Ok(StoreSetting::Unset))
        }
    }
}

/// The store that one address variable selects; `None` if it is unset or empty. A server's address is not kept.
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

/// The file after `file:`. `file:///x` is `/x`; `file://x` names a host and is `None`, like an empty path.
fn local_file(path: &str) -> Option<StoreSetting> {
    let path = match path.strip_prefix("//") {
        Some(rest) if rest.starts_with('/') => rest,
        Some(_) => return None,
        None => path,
    };
    let usable = !path.is_empty() && !path.contains('\0');
    usable.then(|| StoreSetting::File(PathBuf::from(OsStr::new(path))))
}

/// Whether the logger accepts a text as a level: a word or a digit.
fn is_level(text: &str) -> bool {
    ["off", "error", "warn", "info", "debug", "trace"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word))
        || matches!(text, "0" | "1" | "2" | "3" | "4" | "5")
}

fn is_allowed(name: &str) -> bool {
    let prefixed = PREFIXES.iter().any(|prefix| {
        name.strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty())
    });
    (prefixed || name == KUBE_VERSION || SHORT.contains(&name)) && !is_ignored(name)
}

/// Whether a plugin parameter looks like a setting of the secret store, which an application's author may not set. In
/// AVP they could.
fn is_ignored(name: &str) -> bool {
    ["ARGOCD_ENV_", "PARAM_"]
        .iter()
        .filter_map(|prefix| name.strip_prefix(prefix))
        .any(|rest| {
            PREFIXES_OF_STORES
                .iter()
                .any(|prefix| rest.starts_with(prefix))
        })
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    fn from(vars: &[(&str, &str)]) -> Result<Settings, Vec<SettingsError>> {
        Settings::from_vars(
            vars.iter()
                .map(|(name, value)| (OsString::from(name), OsString::from(value))),
        )
    }

    #[test]
    fn only_listed_names_can_be_used() {
        let names = [
            "ARGOCD_APP_NAME",
            "ARGOCD_ENV_X",
            "PARAM_X",
            "KUBE_VERSION",
            "APP_REPO",
            "IMAGE_NAME",
            "IMAGE_TAG",
            "HOME",
            "VAULT_ADDR",
            "VAULT_TOKEN",
            "AVP_ROLE_ID",
            "BAO_TOKEN",
            "ARGOCD_ENV_",
            "argocd_env_x",
            "KUBE_VERSIONS",
            "ARGOCD_ENV_VAULT_TOKEN",
            "PARAM_AVP_ROLE_ID",
        ];
        let all: Vec<(&str, &str)> = names.iter().map(|name| (*name, "v")).collect();
        let settings = from(&all).unwrap();
        for name in &names[..7] {
            assert_eq!(settings.variable(name), Variable::Set("v"), "{name}");
        }
        for name in &names[7..] {
            assert_eq!(settings.variable(name), Variable::NotAllowed, "{name}");
        }
        assert_eq!(settings.variable("PARAM_Y"), Variable::Unset);
    }

    #[test]
    fn short_names_are_the_plugin_parameter_first() {
        for (vars, expected) in [
            (
                vec![("ARGOCD_ENV_IMAGE_TAG", "1"), ("IMAGE_TAG", "2")],
                Variable::Set("1"),
            ),
            (vec![("IMAGE_TAG", "2")], Variable::Set("2")),
            (
                vec![("ARGOCD_ENV_IMAGE_TAG", ""), ("IMAGE_TAG", "2")],
                Variable::Set("2"),
            ),
            (
                vec![("ARGOCD_ENV_IMAGE_TAG", "1"), ("IMAGE_TAG", "")],
                Variable::Set("1"),
            ),
            (vec![("ARGOCD_ENV_IMAGE_TAG", "")], Variable::Set("")),
            (vec![("IMAGE_TAG", "")], Variable::Set("")),
            (vec![("PARAM_IMAGE_TAG", "3")], Variable::Unset),
        ] {
            assert_eq!(
                from(&vars).unwrap().variable("IMAGE_TAG"),
                expected,
                "{vars:?}"
            );
        }
    }

    #[test]
    fn an_application_cannot_say_where_secrets_are() {
        let settings = from(&[
            ("ARGOCD_ENV_VAULT_ADDR", "file:evil.yaml"),
            ("ARGOCD_ENV_AVP_PATH_VALIDATION", "^$"),
            ("PARAM_BAO_ADDR", "https://evil"),
            ("ARGOCD_ENV_IMAGE_TAG", "1"),
            ("ARGOCD_ENV_MY_VAULT_", "1"),
        ])
        .unwrap();
        assert_eq!(settings.store, StoreSetting::Unset);
        assert_eq!(settings.path_validation, None);
        assert_eq!(
            settings.ignored,
            [
                "ARGOCD_ENV_AVP_PATH_VALIDATION",
                "ARGOCD_ENV_VAULT_ADDR",
                "PARAM_BAO_ADDR"
            ]
        );
    }

    #[test]
    fn addresses() {
        let file = |path: &str| Ok(StoreSetting::File(PathBuf::from(path)));
        let bad = |name| Err(vec![SettingsError::FileAddress(name)]);
        for (vars, expected) in [
            (vec![], Ok(StoreSetting::Unset)),
            (vec![("VAULT_ADDR", "")], Ok(StoreSetting::Unset)),
            (
                vec![("VAULT_ADDR", "file:secrets.yaml")],
                file("secrets.yaml"),
            ),
            (
                vec![("VAULT_ADDR", "file:/etc/s.yaml")],
                file("/etc/s.yaml"),
            ),
            (
                vec![("VAULT_ADDR", "file:///etc/s.yaml")],
                file("/etc/s.yaml"),
            ),
            (
                vec![("VAULT_ADDR", "file://host/s.yaml")],
                bad("VAULT_ADDR"),
            ),
            (vec![("VAULT_ADDR", "file:")], bad("VAULT_ADDR")),
            (
                vec![("VAULT_ADDR", "https://vault:8200")],
                Ok(StoreSetting::Vault),
            ),
            (
                vec![("BAO_ADDR", "https://bao:8200")],
                Ok(StoreSetting::Vault),
            ),
            (
                vec![("BAO_ADDR", "file:s"), ("VAULT_ADDR", "file:s")],
                file("s"),
            ),
            (
                vec![("BAO_ADDR", "https://bao:8200"), ("VAULT_ADDR", "file:s")],
                Ok(StoreSetting::Vault),
            ),
            (
                vec![("VAULT_AGENT_ADDR", "http://127.0.0.1:8100")],
                Ok(StoreSetting::Vault),
            ),
            (
                vec![
                    ("BAO_AGENT_ADDR", "http://127.0.0.1:8100"),
                    ("VAULT_ADDR", "file:s"),
                ],
                Ok(StoreSetting::Vault),
            ),
        ] {
            assert_eq!(
                from(&vars).map(|settings| settings.store),
                expected,
                "{vars:?}"
            );
        }
    }

    #[test]
    fn the_mode_is_one_of_two_words() {
        for (value, expected) in [
            ("keep", Ok(true)),
            ("resolve", Ok(false)),
            ("", Ok(false)),
            ("Keep", Err(())),
            ("1", Err(())),
        ] {
            let found = from(&[("GITOPS_FN_SECRETS", value)]).map(|settings| settings.secrets_keep);
            assert_eq!(found.map_err(|_| ()), expected, "{value}");
        }
    }

    #[test]
    fn the_log_has_levels() {
        for (value, expected) in [
            ("", None),
            ("info", Some("info")),
            ("TRACE", Some("TRACE")),
            ("3", Some("3")),
        ] {
            assert_eq!(
                from(&[("GITOPS_FN_LOG", value)]).unwrap().log.as_deref(),
                expected
            );
        }
        for value in ["foo", "9", " info", "gitops_fn=info"] {
            let errors = from(&[("GITOPS_FN_LOG", value)]).unwrap_err();
            assert_eq!(errors, [SettingsError::LogLevel], "{value}");
        }
    }

    #[test]
    fn the_path_expression_matches_anywhere_unless_anchored() {
        let allowed = |expression: &str, path: &str| {
            from(&[("AVP_PATH_VALIDATION", expression)])
                .unwrap()
                .path_allowed(path)
        };
        assert_eq!(allowed("", "kv/any"), Ok(true));
        assert_eq!(allowed("team-a", "kv/team-a/x"), Ok(true));
        assert_eq!(allowed("^team-a/", "kv/team-a/x"), Ok(false));
        assert_eq!(allowed("^kv/(a|b)/", "kv/b/x"), Ok(true));
        assert_eq!(allowed("(", "kv/b/x"), Err(SettingsError::PathValidation));
    }

    #[test]
    fn bytes_that_are_no_text_matter_only_where_they_are_needed() {
        let bytes = || OsString::from_vec(vec![0xff]);
        let vars = vec![
            ("OTHER".into(), bytes()),
            ("PARAM_X".into(), bytes()),
            (bytes(), bytes()),
        ];
        let settings = Settings::from_vars(vars).unwrap();
        assert_eq!(settings.variable("PARAM_X"), Variable::NotUtf8);
        let vars = ["VAULT_ADDR", "GITOPS_FN_LOG", "AVP_PATH_VALIDATION"]
            .map(|name| (name.into(), bytes()));
        let errors = Settings::from_vars(vars).unwrap_err();
        let names = ["AVP_PATH_VALIDATION", "GITOPS_FN_LOG", "VAULT_ADDR"];
        assert_eq!(
            errors,
            names.map(|name| SettingsError::NotUtf8(name.to_owned()))
        );
    }

    #[test]
    fn debug_shows_names_and_no_values() {
        let settings = from(&[
            ("ARGOCD_ENV_X", "NEVERSHOWN"),
            ("ARGOCD_ENV_VAULT_TOKEN", "NEVERSHOWN"),
            ("AVP_PATH_VALIDATION", "NEVERSHOWN"),
            ("GITOPS_FN_LOG", "trace"),
            ("VAULT_ADDR", "https://u:NEVERSHOWN@vault"),
            ("VAULT_TOKEN", "NEVERSHOWN"),
            ("AVP_SECRET_ID", "NEVERSHOWN"),
        ]);
        let text = format!("{settings:?}");
        assert!(
            text.contains("ARGOCD_ENV_X")
                && text.contains("AVP_SECRET_ID")
                && !text.contains("NEVERSHOWN")
                && !text.contains("trace"),
            "{text}"
        );
    }
}
