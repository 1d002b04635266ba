//! The settings of a Vault server that do not depend on the login, and their values.
//!
//! Nothing is read before a secret is wanted. Files are named here, and read when the first connection is made.

pub(crate) mod reading;
pub(crate) mod server;
pub(crate) mod tls;

use std::time::Duration;

use super::setting::lookup::Lookup;
use super::setting::name::Names;
use crate::http::options::{Proxy, Tls};
use crate::secret::KvVersion;

/// How a server is reached and read. `Debug` shows no credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VaultSettings {
    /// `http://…` or `https://…`, with a base path perhaps, without a slash at its end.
    pub(crate) address: String,
    /// The namespace of the secrets, without outer slashes.
    pub(crate) namespace: Option<String>,
    /// How the server is trusted.
    pub(crate) tls: Tls,
    /// Mounts that are KV v1, without outer slashes (`GITOPS_FN_KV_V1_MOUNTS`).
    pub(crate) kv_v1_mounts: Vec<String>,
    /// Mounts that are KV v2, without outer slashes (`GITOPS_FN_KV_V2_MOUNTS`).
    pub(crate) kv_v2_mounts: Vec<String>,
    /// The version of mounts that cannot be detected (`AVP_KV_VERSION`).
    pub(crate) kv_version: Option<KvVersion>,
    /// Hosts (`host` or `host:port`) that a redirect may lead to, besides the server's own.
    pub(crate) redirect_hosts: Vec<String>,
    /// How long all of a run may take.
    pub(crate) deadline: Duration,
    /// Longest answer that is read, in bytes.
    pub(crate) body_limit: usize,
    /// The proxy on the way to the server.
    pub(crate) proxy: Proxy,
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
