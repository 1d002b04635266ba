//! Kubernetes objects and the input of KRM functions: [`resource`] identifies objects, [`list`] reads a ResourceList.

pub mod list;
pub mod resource;
