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
use crate::secret::KvVersion;

/// Everything that the client wants to know. Its `Debug` shows no credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultSettings {
    /// `http://…` or `https://…`, with a base path perhaps, without a slash at its end.
    pub address: String,
    /// The namespace of the secrets, without outer slashes.
    pub namespace: Option<String>,
    /// Who we are.
    pub login: Login,
    /// How the server is trusted.
    pub tls: Tls,
    /// Mounts that are KV v1, without outer slashes (`GITOPS_FN_KV_V1_MOUNTS`).
    pub kv_v1_mounts: Vec<String>,
    /// Mounts that are KV v2, without outer slashes (`GITOPS_FN_KV_V2_MOUNTS`).
    pub kv_v2_mounts: Vec<String>,
    /// The version of mounts that cannot be detected (`AVP_KV_VERSION`).
    pub kv_version: Option<KvVersion>,
    /// Hosts (`host` or `host:port`) that a redirect may lead to, beside the server's own.
    pub redirect_hosts: Vec<String>,
    /// How long all of a run may take.
    pub deadline: Duration,
    /// Longest answer that is read, in bytes.
    pub body_limit: usize,
    /// The way to the server.
    pub proxy: Proxy,
}

/// The way to a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Proxy {
    /// As `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` say.
    #[default]
    Environment,
    /// Straight, whatever they say.
    None,
    /// Through this one.
    At(String),
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

/// How the server is trusted, and how we prove ourselves to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Authorities that replace the system's, if any are named.
    pub authorities: Option<Authorities>,
    /// The system's are read where the system keeps them, and not where `SSL_CERT_FILE` or
    /// `SSL_CERT_DIR` say: a policy rules.
    pub fixed_places: bool,
    /// PEM files with our certificate and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The name to expect in the server's certificate instead of the address's host.
    pub server_name: Option<String>,
    /// No verification at all; the user is warned each run.
    pub skip_verify: bool,
}

/// Where authorities are read, as PEM. Its `Debug` shows no text.
#[derive(Clone, PartialEq, Eq)]
pub enum Authorities {
    /// `VAULT_CACERT_BYTES`
    Bytes(String),
    /// `VAULT_CACERT`
    File(PathBuf),
    /// `VAULT_CAPATH`: every file in the folder.
    Folder(PathBuf),
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(_) => f.write_str("<PEM text>"),
            Self::File(path) => write!(f, "<file {}>", path.display()),
            Self::Folder(path) => write!(f, "<folder {}>", path.display()),
        }
    }
}

#[cfg(test)]
mod tests;
