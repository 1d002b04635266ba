//! The settings of a Vault server that do not depend on the login, and their values.
//!
//! Each file declares settings, lists them for the reference page and reads them. Nothing is read before a secret is
//! wanted. Files are named here, and read when the first connection is made.

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
    /// Where the server is.
    pub(crate) location: Location,
    /// How the server is trusted.
    pub(crate) tls: Tls,
    /// The proxy on the way to the server.
    pub(crate) proxy: Proxy,
    /// How secrets are read.
    pub(crate) reading: Reading,
    /// What messages call the settings.
    pub(crate) names: Names,
}

impl VaultSettings {
    /// `None` only if there is a problem.
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
