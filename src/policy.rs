//! The operator's policy: which secrets an Application may read, where they may be placed, and how much
//! a run may take (docs/internals/design.md#the-operators-policy). No application can widen it.
//!
//! `raw` is the document, [`Policy`] what holds of it, [`judge::Judge`] answers for one run. A denial
//! is an answer: nothing is asked of a store for it.

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

/// A policy that holds.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Where secrets are read and as whom; `None` where nothing is to be read from a server.
    pub vault: Option<VaultPolicy>,
    /// With [`Enable::file_store`], the file; `None` leaves it to the environment.
    pub secrets_file: Option<PathBuf>,
    /// The KV mounts; none lies in another.
    pub mounts: Vec<Mount>,
    /// The paths that may be read.
    pub rules: Vec<Rule>,
    /// What becomes of placeholders.
    pub modes: mode::Modes,
    /// Where values may be placed, beside `data` and `stringData` of v1 Secrets.
    pub sinks: Vec<Sink>,
    /// Whether an object with a secret has to be in the destination namespace, or name none.
    pub match_destination_namespace: bool,
    /// How much one run may take.
    pub limits: Limits,
    /// What else may be used.
    pub enable: Enable,
    /// How long a run may take, whatever the environment says.
    pub deadline: Duration,
    /// What `build` does where its child cannot be confined.
    pub sandbox: Sandbox,
    /// The Secrets that `AVP_SECRET` may name, `NAME` or `NAMESPACE:NAME`.
    pub credentials_secrets: Vec<String>,
}

/// Paths that may be read, by a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The name.
    pub name: String,
    /// The paths.
    pub templates: Vec<Template>,
    /// The projects that it is for; `None` is all.
    pub projects: Option<Vec<String>>,
}

/// How much one run may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of input.
    pub input_bytes: u64,
    /// Placeholders, in each place that they show in.
    pub placeholders: u64,
    /// Distinct secret paths and versions.
    pub paths: u64,
    /// Bytes of one secret.
    pub secret_bytes: u64,
    /// Bytes of memory for all of them.
    pub secrets_bytes: u64,
    /// Bytes of memory for the data of kustomize, and of each helm.
    pub child_memory_bytes: u64,
    /// Bytes by which the output may be longer than the input.
    pub output_bytes: u64,
}

impl Limits {
    /// What counts where a policy says nothing.
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

/// What else may be used; nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the operator's own"
)]
pub struct Enable {
    /// `build` inflates helm charts.
    pub helm: bool,
    /// `build` downloads them.
    pub remote_charts: bool,
    /// `store: file`
    pub file_store: bool,
    /// `secrets.mode: keep`
    pub keep: bool,
    /// `jsonPath` asks questions about values.
    pub json_path_filters: bool,
    /// `functionMode: allow`
    pub function_mode: bool,
}

/// What `build` does where its child cannot be confined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sandbox {
    /// It fails.
    #[default]
    Required,
    /// It warns.
    Optional,
}

impl Policy {
    /// Whether `AVP_SECRET` may name this Secret, written `NAME` or `NAMESPACE:NAME`; the namespace is `argocd`
    /// otherwise, there and here.
    #[must_use]
    pub fn allows_credentials_secret(&self, name: &str) -> bool {
        let Some(name) = SecretName::parse(name) else {
            return false;
        };
        let mut listed = self.credentials_secrets.iter();
        listed.any(|one| SecretName::parse(one).as_ref() == Some(&name))
    }
}
