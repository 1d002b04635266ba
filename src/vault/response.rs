//! The envelope that Vault puts around each answer.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::error::VaultError;
use super::server::Server;
use crate::http::answer::Answer;

/// An answer. vaultrs' own type requires more: for one, that a lease is not negative, which that of a KV v1
/// secret with the key `ttl` can be.
#[derive(Deserialize)]
pub(super) struct Envelope<T> {
    /// What was asked for.
    pub(super) data: Option<T>,
    /// The lease; empty if there is none.
    pub(super) lease_id: String,
    /// Required, since only Vault sends one.
    #[serde(rename = "request_id")]
    _request_id: IgnoredAny,
}

/// Reads the envelope of an answer.
///
/// # Errors
/// [`VaultError::NotJson`].
pub(super) fn open<'a, T: Deserialize<'a>>(
    server: &Server,
    answer: &'a Answer,
) -> Result<Envelope<T>, VaultError> {
    serde_json::from_slice(&answer.body).map_err(|_| VaultError::NotJson(server.host().to_owned()))
}
