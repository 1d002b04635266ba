//! The JSON envelope of Vault's answers.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::error::VaultError;
use super::server::Server;
use crate::http::answer::Answer;

/// An answer. The type of vaultrs is stricter: it rejects a negative lease, which a KV v1 secret with the key `ttl` can
/// have.
#[derive(Deserialize)]
pub(super) struct Envelope<T> {
    /// The content of the answer.
    pub(super) data: Option<T>,
    /// The id of the lease; empty if there is none.
    pub(super) lease_id: String,
    /// Required only to recognize Vault, since other servers do not send it.
    #[serde(rename = "request_id")]
    _request_id: IgnoredAny,
}

/// Parses the envelope of an answer.
///
/// # Errors
/// [`VaultError::NotJson`] if it is not Vault's JSON.
pub(super) fn open<'a, T: Deserialize<'a>>(
    server: &Server,
    answer: &'a Answer,
) -> Result<Envelope<T>, VaultError> {
    serde_json::from_slice(&answer.body).map_err(|_| VaultError::NotJson(server.host().to_owned()))
}
