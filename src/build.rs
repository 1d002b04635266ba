//! Build: kustomize's output, and what its name hashes must become once secrets are in it.

pub mod namehash;
