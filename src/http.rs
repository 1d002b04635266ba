//! One HTTP exchange with a server, and everything that can go wrong with it; knows nothing of Vault.

mod classify;
pub mod client;
pub mod credential_file;
pub mod error;
pub mod get;
mod middleware;
mod retry;
mod retry_after;
pub mod tls;
