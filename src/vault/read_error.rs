//! Why a read failed, and whether the secret may be at another place.

use super::error::VaultError;
use super::setting::name::Names;
use crate::resolve::{StoreError, StoreErrorKind};

/// Why a read failed.
#[derive(Clone)]
pub(crate) enum ReadError {
    /// The server, the login or the settings are at fault, so every other read fails too.
    Server(VaultError),
    /// The token is invalid or has expired.
    InvalidToken(StoreError),
    /// The token lacks the permission for this secret, or has expired.
    Denied(StoreError),
    /// The secret is not at the place where it was assumed; it may be at another place.
    WrongPlace(StoreError),
    /// The secret cannot be read, whatever its place is.
    Secret(StoreError),
}

impl From<VaultError> for ReadError {
    fn from(error: VaultError) -> Self {
        Self::Server(error)
    }
}

impl ReadError {
    /// Turns the error into that of a store. `names` are the settings as messages call them.
    pub(crate) fn store_error(self, names: &Names) -> StoreError {
        match self {
            Self::Server(error) => error.store_error(names),
            Self::InvalidToken(error)
            | Self::Denied(error)
            | Self::WrongPlace(error)
            | Self::Secret(error) => error,
        }
    }

    /// Whether the secret may be at another place, if this one was only assumed.
    pub(crate) fn may_be_elsewhere(&self) -> bool {
        matches!(self, Self::WrongPlace(_) | Self::Denied(_))
    }
}

/// The error for a secret that cannot be read; trying again does not help.
pub(crate) fn refused(message: String, help: &str) -> StoreError {
    StoreError {
        kind: StoreErrorKind::Refused,
        message,
        help: help.to_owned(),
    }
}

/// The error for a path that is in a mount of another engine.
pub(crate) fn not_kv(path: &str) -> StoreError {
    refused(
        format!("{path} is not in a KV mount, and only KV secrets are read"),
        "name a secret of a KV mount as MOUNT/PATH",
    )
}
