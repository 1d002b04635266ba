//! The settings of a Vault server that do not depend on the login, and their values.
//!
//! Nothing is read before a secret is wanted. Files are named here, and read when the first connection is made.

pub(crate) mod reading;
pub(crate) mod server;
pub(crate) mod tls;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::setting::lookup::Lookup;
use super::setting::name::Names;
use crate::secret::KvVersion;

/// How a server is reached and read. `Debug` shows no credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultSettings {
    /// `http://…` or `https://…`, with a base path perhaps, without a slash at its end.
    pub address: String,
    /// The namespace of the secrets, without outer slashes.
    pub namespace: Option<String>,
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
    /// What messages call the settings.
    pub(crate) names: Names,
}

impl VaultSettings {
    /// `None` only if there is a problem.
    pub(crate) fn read(look: &mut Lookup<'_>) -> Option<Self> {
        look.value(&server::TYPE);
        let address = server::read_address(look);
        let (kv_v1_mounts, kv_v2_mounts) = reading::read_mounts(look);
        Some(Self {
            namespace: look.value(&server::NAMESPACE),
            tls: tls::read(look),
            kv_v1_mounts,
            kv_v2_mounts,
            kv_version: look.value(&reading::KV_VERSION),
            redirect_hosts: look.value(&server::REDIRECT_HOSTS).unwrap_or_default(),
            deadline: reading::read_deadline(look),
            body_limit: reading::read_body_limit(look),
            proxy: look.vars().proxy(),
            names: look.names().clone(),
            address: address?,
        })
    }
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
