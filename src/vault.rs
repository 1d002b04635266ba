//! A client of Vault and OpenBao for what this program needs: log in, read KV secrets, revoke.
//!
//! [`client`] is one HTTP exchange with everything that can go wrong; [`tls`] whom we trust; [`auth`]
//! the login; [`envelope`] what answers have in common; [`engine`] what mounts hold; [`mount`] where a secret lies; [`kv`] how its answer reads. Requests and answers are those of
//! vaultrs; its own HTTP client is not used (DESIGN §7).

pub mod environment;
pub mod kv;
pub mod locate;
pub mod login;
pub mod mounts;
pub mod response;
pub(crate) mod setting;
pub mod settings;
