//! What can be wrong with settings. No problem shows a value.

use std::borrow::Cow;
use std::fmt;

use super::name::Name;

/// What is wrong with one value: the fact continues the setting's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadValue {
    pub(crate) fact: &'static str,
    pub(crate) help: Cow<'static, str>,
}

/// A setting that cannot be used, or settings that contradict each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingProblem(Problem);

/// Which problem it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// A value that the setting does not take.
    Value(Name, BadValue),
    /// Bytes that are not text.
    NotText(Name),
    /// Two names of one setting with different values.
    Differ(Name, Name),
    /// The environment and the credentials Secret set one variable to different values.
    SecretDiffers(Name),
    /// Two settings that exclude each other.
    Both(Name, Name),
    /// A setting is set that needs another.
    Alone {
        /// This one is set.
        set: Name,
        /// This one is needed.
        needs: Name,
    },
    /// A mount is listed as both versions.
    MountOfBothVersions(Name, Name),
    /// The server's address is not set.
    NoAddress(Name),
    /// The server's address is a file.
    AddressIsFile(Name),
    /// One address is a file and the other a server.
    FileAndServer {
        /// It is set to a file.
        file: Name,
        /// It is set to a server.
        server: Name,
    },
    /// The login method needs a setting that is not set.
    Missing {
        /// The method, as its users write it.
        method: &'static str,
        /// The setting that is not set.
        needs: Name,
        /// The one that can hold a file's name instead.
        file: Option<&'static str>,
    },
    /// No login method is named, and nothing says which one is meant.
    NoLogin {
        /// The setting that names a method.
        method: Name,
    },
    /// No login method is named, and these settings are for different ones.
    SeveralLogins {
        /// The setting that names a method.
        method: Name,
        /// One setting of each method.
        set: Vec<Name>,
    },
    /// No login method is named, and this setting is for two.
    LoginUnclear {
        /// The setting that names a method.
        method: Name,
        /// The setting that is for two.
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

/// How to set what a login method needs.
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
