//! A client of Vault and OpenBao for what this program needs: log in, read KV secrets, revoke the token.
//!
//! A [`setting`] is declared in [`settings`] or, of a login method, in [`login`]; [`environment`] knows all of them.
//! [`server`] sends [`request`]s to the server, [`login`] gets a token and revokes it,
//! [`mounts`] asks what a mount holds, [`locate`] finds the mount of a secret, [`kv`] reads it. [`error`] concerns all
//! secrets, [`read_error`] one of them. Requests are those of vaultrs; its HTTP client is not used, since its errors
//! quote answers (docs/internals/vault.md#the-client).

pub mod environment;
pub(crate) mod error;
pub(crate) mod kv;
pub(crate) mod locate;
pub(crate) mod login;
pub(crate) mod mounts;
pub(crate) mod read_error;
mod request;
mod response;
pub(crate) mod server;
pub(crate) mod setting;
pub(crate) mod settings;
