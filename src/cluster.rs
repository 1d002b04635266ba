//! The Kubernetes cluster that the program runs in, of which a Secret can hold the settings for Vault.

pub mod credentials;
pub mod secret_name;
