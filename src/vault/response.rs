//! What Vault puts around each answer.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::http::client::{Answer, Client};
use crate::http::error::Fault;

/// An answer. vaultrs' own type asks for more: for one, that a lease is not negative, which that of a KV v1
/// secret with the key `ttl` can be.
#[derive(Deserialize)]
pub struct Envelope<T> {
    /// What was asked for.
    pub data: Option<T>,
    /// The lease; empty if there is none.
    pub lease_id: String,
    /// Only Vault sends one.
    #[serde(rename = "request_id")]
    _request_id: IgnoredAny,
}

/// Opens an answer.
///
/// # Errors
/// [`Fault::NotJson`].
pub fn open<'a, T: Deserialize<'a>>(
    client: &Client,
    answer: &'a Answer,
) -> Result<Envelope<T>, Fault> {
    serde_json::from_slice(&answer.body).map_err(|_| Fault::NotJson(client.host().to_owned()))
}
