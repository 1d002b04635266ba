//! Requests to one server, and everything that can go wrong with them. This module is independent of the product that
//! it talks to: callers supply the options of the connection, and phrase the errors for their users.

pub(crate) mod answer;
mod classify;
pub(crate) mod client;
pub(crate) mod credential_file;
pub(crate) mod error;
pub(crate) mod get;
pub(crate) mod options;
pub(crate) mod retry;
mod retry_after;
mod tls;
