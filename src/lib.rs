//! gitops-fn stamps Kubernetes manifests with their repository, sets the image that CI has just
//! built, and replaces Vault placeholders.
//!
//! ```text
//! read ──► config ──► plan ──► resolve ──► edit ──► write
//! source   document   plan     resolve     edit     output
//! yaml     config     image    store       yaml     finding
//! krm      settings   placeholder          namehash
//! unrelated           policy   vault, http
//! kustomize                    cluster
//! ```
//!
//! [`pipeline`] runs the steps. The longest way to read is [`kustomize`]: a confined child process, whose output is
//! then rendered like any other input. [`namehash`] corrects the names of generated objects at the end, after the
//! edits. [`policy`] is asked while the plan is made, so that a denied secret is never requested.
//!
//! Invariants:
//! - a plan is a value: `plan` and `edit` are pure, except that they stop with the [`clock`], and cannot fail for
//!   network reasons; nothing is read from a store before the plan is complete, and nothing is edited before every
//!   secret has been read;
//! - no step imports a store: [`function`] and [`render`] are given a function that resolves secrets;
//! - only `main` and the `command` modules print or read the environment;
//! - only `kustomize::process` starts programs; it confines them and clears their environment;
//! - `yaml` does not know Kubernetes, and `krm` does not know our configuration;
//! - all or nothing: an edited document is read again and compared with the plan before anything is written, and after
//!   an error nothing is written;
//! - bytes outside the planned scalars are copied unchanged.

pub mod cli;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod document;
pub mod edit;
pub mod explain;
pub mod finding;
mod go_syntax;
mod http;
pub mod image;
pub mod input;
pub mod krm;
pub mod kustomize;
pub mod namehash;
pub mod output;
pub mod pipeline;
pub mod placeholder;
pub mod plan;
pub mod policy;
mod recheck;
pub mod resolve;
pub mod secret;
pub mod settings;
pub mod source;
mod special_files;
pub mod store;
pub mod unrelated;
pub mod untrusted_text;
pub mod vault;
pub mod yaml;

pub use input::Input;
pub use pipeline::{Outcome, Output, function, judged, render};
