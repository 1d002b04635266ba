//! The commands of the program that are more than a few lines.

pub(crate) mod build;
pub(crate) mod child;
