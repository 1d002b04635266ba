//! The Kubernetes cluster that the program runs in, where a Secret may hold its settings.

pub mod credentials;
pub mod secret_name;
