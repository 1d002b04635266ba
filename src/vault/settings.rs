//! The settings of a Vault server that do not depend on the login method.
//!
//! Each file declares settings, lists them for the reference page and reads them. The settings are read only when a
//! secret is needed. Files that they name are read when the first connection is made.

pub(crate) mod reading;
pub(crate) mod server;
pub(crate) mod tls;

use self::reading::Reading;
use self::server::Location;
use super::setting::lookup::Lookup;
use super::setting::name::Names;
use crate::http::options::{Proxy, Tls};

/// How a server is reached and read. `Debug` shows no credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VaultSettings {
    /// The server's address and namespace, and where it may redirect to.
    pub(crate) location: Location,
    /// How the server is authenticated, and the client's certificate.
    pub(crate) tls: Tls,
    /// The proxy on the way to the server.
    pub(crate) proxy: Proxy,
    /// The KV mounts and the limits for answers and time.
    pub(crate) reading: Reading,
    /// The settings as messages call them.
    pub(crate) names: Names,
}

impl VaultSettings {
    /// Reads the settings; `None` only if there is a problem.
    pub(crate) fn read(look: &mut Lookup<'_>) -> Option<Self> {
        let location = Location::read(look);
        Some(Self {
            tls: tls::read(look),
            proxy: look.vars().proxy(),
            reading: Reading::read(look),
            names: look.names().clone(),
            location: location?,
        })
    }
}
