//! The commands, and what they share. Like `main`, they may read the environment and print.

pub(crate) mod build;
pub(crate) mod child;
pub(crate) mod helm;
mod input;
pub(crate) mod output;
pub(crate) mod policy;
pub(crate) mod refusal;
pub(crate) mod render;
mod session;
mod signals;
mod store;
pub(crate) mod streams;
