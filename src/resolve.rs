//! Resolve: the secrets that a plan wants, read once each.
//!
//! The only asynchronous step, and the only one that may reach a network: through the
//! [`SecretStore`] that `run` was handed.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt};

use crate::secret::{Secret, SecretRef};

/// Where secrets are read.
///
/// A store is asked once for each distinct [`SecretRef`] of a run, and not at all when nothing is
/// wanted; it must not open, connect or log in before the first read.
pub trait SecretStore {
    /// Reads all keys of one version of one secret.
    ///
    /// # Errors
    /// A [`StoreError`], whose texts never hold what was read.
    fn read(&self, want: &SecretRef) -> impl Future<Output = Result<Secret, StoreError>>;
}

/// Why a read failed, and so which exit code it leads to and whether `default` may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// No such path: the one failure that the `default` modifier answers.
    Missing,
    /// The store says no: no such version, deleted, denied, not a KV secret. Exit code 1.
    Refused,
    /// The store cannot be used as it is configured. Exit code 2.
    Config,
    /// Trying again may help. Exit code 3.
    Transient,
}

/// A failed read, in words that may be shown to anyone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct StoreError {
    /// What sort of failure it is.
    pub kind: StoreErrorKind,
    /// The fact, in lower case; paths and settings may be named, values never.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

/// How many reads are under way at once.
const AT_ONCE: usize = 8;

/// What became of every wanted secret.
#[derive(Debug, Default)]
pub struct Resolved(BTreeMap<SecretRef, Result<Secret, StoreError>>);

impl Resolved {
    /// The outcome of a run that has read nothing, for one reason.
    #[must_use]
    pub fn unread(wants: &BTreeSet<SecretRef>, reason: &StoreError) -> Self {
        Self(
            wants
                .iter()
                .map(|want| (want.clone(), Err(reason.clone())))
                .collect(),
        )
    }

    /// The same outcome with an error in place of each secret of more than `bytes` bytes.
    #[must_use]
    pub fn limited(mut self, bytes: u64) -> Self {
        for outcome in self.0.values_mut() {
            if outcome.as_ref().is_ok_and(|secret| secret.size() > bytes) {
                *outcome = Err(StoreError {
                    kind: StoreErrorKind::Refused,
                    message: format!(
                        "the secret is larger than the policy allows: {bytes} bytes (spec.limits.secretBytes)"
                    ),
                    help: "split it, or let the operator raise the limit".to_owned(),
                });
            }
        }
        self
    }

    /// Why those were not read that trying again may help, each reason once.
    pub fn late(&self) -> impl Iterator<Item = &StoreError> {
        let mut told = BTreeSet::new();
        let errors = self.0.values().filter_map(|outcome| outcome.as_ref().err());
        errors
            .filter(|error| error.kind == StoreErrorKind::Transient)
            .filter(move |error| told.insert((&error.message, &error.help)))
    }

    /// The outcome for one of the wanted secrets; `None` if it was not wanted.
    #[must_use]
    pub fn get(&self, want: &SecretRef) -> Option<&Result<Secret, StoreError>> {
        self.0.get(want)
    }
}

/// Reads every wanted secret once, some at the same time, and keeps every failure, so that all can be reported together.
pub async fn resolve(wants: &BTreeSet<SecretRef>, store: &impl SecretStore) -> Resolved {
    let reads = wants
        .iter()
        .map(|want| async move { (want.clone(), store.read(want).await) });
    let resolved = stream::iter(reads)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    Resolved(resolved)
}
