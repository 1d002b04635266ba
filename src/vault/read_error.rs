//! Why a read has failed, and whether the secret may be elsewhere.

use super::error::VaultError;
use super::setting::name::Names;
use crate::resolve::{StoreError, StoreErrorKind};

/// A failed read.
#[derive(Clone)]
pub(crate) enum ReadError {
    /// Every other read fails too: because of the server, the login or the settings.
    Server(VaultError),
    /// The token is invalid or has expired.
    InvalidToken(StoreError),
    /// The token may not read this, or has expired.
    Denied(StoreError),
    /// This secret cannot be read at the place where it was assumed; it may be elsewhere.
    WrongPlace(StoreError),
    /// This secret cannot be read, wherever it is.
    Secret(StoreError),
}

impl From<VaultError> for ReadError {
    fn from(error: VaultError) -> Self {
        Self::Server(error)
    }
}

impl ReadError {
    /// The failure, as a store reports it.
    pub(crate) fn store_error(self, names: &Names) -> StoreError {
        match self {
            Self::Server(error) => error.store_error(names),
            Self::InvalidToken(error)
            | Self::Denied(error)
            | Self::WrongPlace(error)
            | Self::Secret(error) => error,
        }
    }

    /// Whether the secret may be elsewhere, if its mount was assumed.
    pub(crate) fn may_be_elsewhere(&self) -> bool {
        matches!(self, Self::WrongPlace(_) | Self::Denied(_))
    }
}

/// A refusal to give this secret.
pub(crate) fn refused(message: String, help: &str) -> StoreError {
    StoreError {
        kind: StoreErrorKind::Refused,
        message,
        help: help.to_owned(),
    }
}

/// The path is in a mount of another engine.
pub(crate) fn not_kv(path: &str) -> StoreError {
    refused(
        format!("{path} is not in a KV mount, and only KV secrets are read"),
        "name a secret of a KV mount as MOUNT/PATH",
    )
}
