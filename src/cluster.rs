//! The Kubernetes cluster that the program runs in: a Secret of it can hold the settings for Vault.

pub mod credentials;
pub mod secret_name;
