//! A client of Vault and OpenBao with the three operations that this program needs: log in, read KV secrets, revoke the
//! token.
//!
//! A [`setting`] is declared in [`settings`], or in [`login`] if it belongs to a login method; [`environment`] lists
//! all of them. [`server`] sends [`request`]s, [`login`] obtains a token and revokes it, [`mounts`] asks the server for
//! the type of a mount, [`locate`] finds the mount of a secret, and [`kv`] reads the secret. An [`error`] concerns all
//! secrets, a [`read_error`] only one. The requests are those of vaultrs. Its HTTP client is not used, since its errors
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
