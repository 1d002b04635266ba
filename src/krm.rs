//! Kubernetes objects and the KRM functions contract: identity of an object, ResourceList, results.

pub mod list;
pub mod resource;
