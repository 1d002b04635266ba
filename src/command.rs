//! The commands that take more than a page; like `main` they may read the environment and print.

pub(crate) mod build;
pub(crate) mod child;
pub(crate) mod session;
