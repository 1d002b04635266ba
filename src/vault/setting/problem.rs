//! The problems that settings can have. Their messages never show a value.

use std::borrow::Cow;
use std::fmt;

use super::name::Name;

/// Why a value is invalid. In a message, the fact follows the setting's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadValue {
    pub(crate) fact: &'static str,
    pub(crate) help: Cow<'static, str>,
}

/// A setting that cannot be used, or settings that contradict each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingProblem(Problem);

/// The kind of problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// The value of this setting is invalid.
    Value(Name, BadValue),
    /// The value of this variable is not UTF-8.
    NotText(Name),
    /// Two names of one setting have different values.
    Differ(Name, Name),
    /// This variable has different values in the environment and in the credentials Secret.
    SecretDiffers(Name),
    /// Both settings are set, but only one may be.
    Both(Name, Name),
    /// A setting is set without another one that it needs.
    Alone {
        /// The setting that is set.
        set: Name,
        /// The setting that is missing.
        needs: Name,
    },
    /// The two settings list the same mount as KV v1 and as KV v2.
    MountOfBothVersions(Name, Name),
    /// The server's address is not set.
    NoAddress(Name),
    /// The server's address is that of a file.
    AddressIsFile(Name),
    /// One address is that of a file, another that of a server.
    FileAndServer {
        /// The setting with the file.
        file: Name,
        /// The setting with the server.
        server: Name,
    },
    /// The login method needs a setting that is not set.
    Missing {
        /// The method's name for messages.
        method: &'static str,
        /// The setting that is missing.
        needs: Name,
        /// The setting that can name a file instead.
        file: Option<&'static str>,
    },
    /// No login method is named, and no credentials are set.
    NoLogin {
        /// The setting that names a method.
        method: Name,
    },
    /// No login method is named, and the credentials of several methods are set.
    SeveralLogins {
        /// The setting that names a method.
        method: Name,
        /// One setting of each method.
        set: Vec<Name>,
    },
    /// No login method is named, and a setting is set that two methods share.
    LoginUnclear {
        /// The setting that names a method.
        method: Name,
        /// The setting that they share.
        set: Name,
        /// The two methods.
        methods: [&'static str; 2],
    },
}

impl From<Problem> for SettingProblem {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl std::error::Error for SettingProblem {}

impl fmt::Display for SettingProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Problem::Value(name, bad) => write!(f, "{name} {}", bad.fact),
            Problem::NotText(name) => write!(f, "{name} is not UTF-8 text"),
            Problem::Differ(one, other) => write!(f, "{one} and {other} say different things"),
            Problem::SecretDiffers(name) => write!(
                f,
                "{name} of the environment and {name} of the credentials Secret say different things"
            ),
            Problem::Both(one, other) => {
                write!(
                    f,
                    "{one} and {other} are both set, and one of them can count"
                )
            }
            Problem::Alone { set, needs } => write!(f, "{set} is set and {needs} is not"),
            Problem::MountOfBothVersions(v1, v2) => write!(f, "{v1} and {v2} both list a mount"),
            Problem::NoAddress(name) => write!(f, "{name} is not set"),
            Problem::AddressIsFile(name) => write!(f, "{name} names a file and no server"),
            Problem::FileAndServer { file, server } => {
                write!(f, "{file} names a file and {server} a server")
            }
            Problem::Missing { method, needs, .. } => {
                write!(f, "{method} login requires {needs}, which is not set")
            }
            Problem::NoLogin { .. } => f.write_str(
                "no login is set: neither VAULT_TOKEN nor VAULT_ROLE_ID nor another one",
            ),
            Problem::SeveralLogins { set, .. } => write!(
                f,
                "{} are for different login methods, and none is named",
                set.iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(" and ")
            ),
            Problem::LoginUnclear { method, set, .. } => {
                write!(f, "{set} is for two login methods, and {method} names none")
            }
        }
    }
}

impl SettingProblem {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match &self.0 {
            Problem::Value(_, bad) => bad.help.clone().into_owned(),
            Problem::NotText(_) => "set it to UTF-8 text, or unset it".to_owned(),
            Problem::Differ(..) | Problem::SecretDiffers(_) => {
                "unset one of them, or set both to the same".to_owned()
            }
            Problem::Both(..) | Problem::FileAndServer { .. } => "unset one of them".to_owned(),
            Problem::Alone { .. } => "set both, or none of them".to_owned(),
            Problem::MountOfBothVersions(..) => "list each mount in one of them".to_owned(),
            Problem::NoAddress(_) | Problem::AddressIsFile(_) => {
                "set it to the server's address, such as https://vault.example:8200".to_owned()
            }
            Problem::Missing { needs, file, .. } => missing(needs, *file),
            Problem::NoLogin { method } => format!(
                "set VAULT_TOKEN, or VAULT_ROLE_ID and VAULT_SECRET_ID, or VAULT_AUTH_ROLE in a pod; {method}=none where an agent at that address logs in"
            ),
            Problem::SeveralLogins { method, .. } => {
                format!("set {method}, or unset what is not wanted")
            }
            Problem::LoginUnclear {
                method,
                methods: [one, other],
                ..
            } => format!("set {method} to {one} or {other}"),
        }
    }
}

/// How to set what a login method needs: directly, or in a file if `file` names a setting for one.
fn missing(needs: &Name, file: Option<&'static str>) -> String {
    let names: Vec<_> = needs.setting.names().collect();
    let or_file = file.map_or(String::new(), |file| format!(" or {file}"));
    let help = format!("set {}{or_file}", names.join(", "));
    if needs.is_unset_under_policy() {
        format!(
            "name its file in spec.vault.auth of the policy; outside function mode the environment counts too: {help}"
        )
    } else {
        help
    }
}
