//! The operator's policy: which secrets an Application may read, where they may be placed, and how much
//! a run may take (docs/internals/design.md#the-operators-policy). No application can widen it.
//!
//! `raw` is the document as written, [`Policy`] the validated result, and [`judge::Judge`] applies it to one run. What
//! the policy denies is never requested from a store.

pub mod identity;
pub mod judge;
pub mod load;
pub mod mode;
mod problems;
pub mod raw;
pub mod reference;
mod server;
mod settings;
pub mod sink;
pub mod template;
pub mod test_report;
mod validate;

use std::path::PathBuf;
use std::time::Duration;

pub use self::raw::Method;
pub use self::server::VaultPolicy;
use crate::cluster::secret_name::SecretName;
use sink::Sink;
use template::{Mount, Template};

/// A validated policy.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The server to read secrets from, and the login there; `None` if no server is used.
    pub vault: Option<VaultPolicy>,
    /// The store file, if [`Enable::file_store`] is set; `None` lets the environment name it.
    pub secrets_file: Option<PathBuf>,
    /// The KV mounts. They never nest.
    pub mounts: Vec<Mount>,
    /// The paths that may be read; a path has to match at least one rule.
    pub rules: Vec<Rule>,
    /// Whether the placeholders of an Application are resolved, kept or forbidden.
    pub modes: mode::Modes,
    /// The fields that may hold a value, besides `data` and `stringData` of v1 Secrets.
    pub sinks: Vec<Sink>,
    /// Whether an object that holds a secret must be in the Application's destination namespace or leave its namespace
    /// out.
    pub match_destination_namespace: bool,
    /// The limits of one run.
    pub limits: Limits,
    /// The optional features that the operator has switched on.
    pub enable: Enable,
    /// How long a run may take. The environment can only shorten it.
    pub deadline: Duration,
    /// What `build` does if its child process cannot be confined.
    pub sandbox: Sandbox,
    /// The Secrets that `AVP_SECRET` may name, as `NAME` or `NAMESPACE:NAME`.
    pub credentials_secrets: Vec<String>,
}

/// A named list of paths that may be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The name, as denials and `gitops-fn policy test` show it.
    pub name: String,
    /// The paths that the rule allows.
    pub templates: Vec<Template>,
    /// The Argo CD projects that the rule applies to; `None` means all.
    pub projects: Option<Vec<String>>,
}

/// The limits of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Size of the input, in bytes.
    pub input_bytes: u64,
    /// Number of placeholders; one that occurs in several places counts once for each.
    pub placeholders: u64,
    /// Number of distinct secrets, where each version of a path counts.
    pub paths: u64,
    /// Size of one secret, keys included, in bytes.
    pub secret_bytes: u64,
    /// Memory for all secrets of the run, in bytes.
    pub secrets_bytes: u64,
    /// Data memory (`RLIMIT_DATA`) of kustomize, and of each helm that it starts, in bytes.
    pub child_memory_bytes: u64,
    /// By how many bytes the output may be longer than the input.
    pub output_bytes: u64,
}

impl Limits {
    /// The limits of a policy that does not set them.
    pub const DEFAULT: Self = Self {
        input_bytes: 64 << 20,
        placeholders: 10_000,
        paths: 1_000,
        secret_bytes: 1 << 20,
        secrets_bytes: 64 << 20,
        child_memory_bytes: 512 << 20,
        output_bytes: 16 << 20,
    };
}

/// The optional features that a policy can switch on; all are off by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the operator's own"
)]
pub struct Enable {
    /// `build` may inflate helm charts.
    pub helm: bool,
    /// `build` may download helm charts.
    pub remote_charts: bool,
    /// `store: file`: secrets are read from a file.
    pub file_store: bool,
    /// `secrets.mode: keep` may leave placeholders as they are.
    pub keep: bool,
    /// `jsonPath` may use filters, which reveal something about the values that they compare.
    pub json_path_filters: bool,
    /// `functionMode: allow`: secrets are resolved in a KRM function too.
    pub function_mode: bool,
}

/// What `build` does if its child process cannot be confined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sandbox {
    /// The run fails.
    #[default]
    Required,
    /// The run continues with a warning.
    Optional,
}

impl Policy {
    /// Whether `AVP_SECRET` may name this Secret, as `NAME` or `NAMESPACE:NAME`. The namespace is `argocd` if left out,
    /// both in `name` and in the policy.
    #[must_use]
    pub fn allows_credentials_secret(&self, name: &str) -> bool {
        let Some(name) = SecretName::parse(name) else {
            return false;
        };
        let mut listed = self.credentials_secrets.iter();
        listed.any(|one| SecretName::parse(one).as_ref() == Some(&name))
    }
}
