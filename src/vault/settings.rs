//! How a Vault server is reached and who we are there: what the operator's environment says, as data.
//!
//! Read only when a secret is wanted from a server. Files are named here and read at login.

mod address;
mod govern;
mod login;
mod lookup;
mod read;
mod reference;
mod table;
mod value;
mod vars;
mod words;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

pub use self::govern::{Governed, check_value, duration};
pub use self::lookup::SettingProblem;
pub use self::reference::environment_markdown;
pub use self::vars::VaultVars;
pub use self::words::policy_field;
use crate::http::options::{Authorities, Proxy, Tls};
use crate::secret::KvVersion;

/// Everything that the client wants to know. Its `Debug` shows no credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VaultSettings {
    /// `http://…` or `https://…`, with a base path perhaps, without a slash at its end.
    pub(crate) address: String,
    /// The namespace of the secrets, without outer slashes.
    pub(crate) namespace: Option<String>,
    /// Who we are.
    pub(crate) login: Login,
    /// How the server is trusted.
    pub(crate) tls: Tls,
    /// Mounts that are KV v1, without outer slashes (`GITOPS_FN_KV_V1_MOUNTS`).
    pub(crate) kv_v1_mounts: Vec<String>,
    /// Mounts that are KV v2, without outer slashes (`GITOPS_FN_KV_V2_MOUNTS`).
    pub(crate) kv_v2_mounts: Vec<String>,
    /// The version of mounts that cannot be detected (`AVP_KV_VERSION`).
    pub(crate) kv_version: Option<KvVersion>,
    /// Hosts (`host` or `host:port`) that a redirect may lead to, beside the server's own.
    pub(crate) redirect_hosts: Vec<String>,
    /// How long all of a run may take.
    pub(crate) deadline: Duration,
    /// Longest answer that is read, in bytes.
    pub(crate) body_limit: usize,
    /// The way to the server.
    pub(crate) proxy: Proxy,
}

/// A login, and where it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// How.
    pub method: Method,
    /// The auth mount, without `auth/` and outer slashes; empty where the method has none.
    pub mount: String,
    /// The namespace of the login, where it differs from that of the secrets.
    pub namespace: Option<String>,
}

/// The ways to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// None: a Vault Agent or Proxy with auto-auth adds the token.
    None,
    /// A token of the user's, never revoked by us.
    Token(Credential),
    /// `AppRole`.
    AppRole {
        /// The role id.
        role_id: Credential,
        /// The secret id, or a token that wraps it.
        secret_id: Credential,
        /// Whether it is a wrapping token.
        wrapped: bool,
    },
    /// Kubernetes (`kubernetes`) or JWT/OIDC: a role and a signed token.
    Jwt {
        /// Vault's Kubernetes method, else its JWT method; both take the same request.
        kubernetes: bool,
        /// The role.
        role: String,
        /// The file that holds the token.
        jwt: Credential,
    },
    /// User name and password.
    Userpass {
        /// The user.
        username: String,
        /// The password.
        password: Credential,
    },
    /// A GitHub personal access token.
    GitHub(Credential),
}

/// A text that must not be shown, or the file that holds it.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// Itself.
    Text(Zeroizing<String>),
    /// The file to read it from; blanks around it do not count.
    File(PathBuf),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("<redacted>"),
            Self::File(path) => write!(f, "<file {}>", path.display()),
        }
    }
}

#[cfg(test)]
mod tests;
