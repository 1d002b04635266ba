//! gitops-fn stamps Kubernetes manifests with their repository, sets the image that CI has just
//! built, and replaces Vault placeholders.

pub mod output;
pub mod resolve;
pub mod secret;
pub mod source;
pub mod store;
