//! Resolve: the secrets that a plan wants, read once each.
//!
//! The only asynchronous step, and the only one that may reach a network: through the [`SecretStore`] that it was
//! handed. The trait is here and not in `store`, so that the step does not know which stores there are.

mod memory;
mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;

use futures_util::stream::{self, StreamExt};

pub use self::memory::MemoryBudget;
pub use self::store::{SecretStore, StoreError, StoreErrorKind, StoreWarning};
use crate::secret::wants::Wants;
use crate::secret::{Secret, SecretRef};

/// How many secrets are read at once.
const AT_ONCE: usize = 8;

/// The outcome for every wanted secret.
#[derive(Debug, Default)]
pub struct Resolved(BTreeMap<SecretRef, Result<Secret, StoreError>>);

impl Resolved {
    /// The same failure for every secret: nothing was read.
    #[must_use]
    pub fn unread(wants: &Wants, reason: &StoreError) -> Self {
        Self(
            wants
                .secrets()
                .map(|want| (want.clone(), Err(reason.clone())))
                .collect(),
        )
    }

    /// The same outcome, with an error instead of each secret of more than `bytes` bytes.
    pub(crate) fn limited(mut self, bytes: u64) -> Self {
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

    /// The transient failures, each reason once.
    pub(crate) fn late(&self) -> impl Iterator<Item = &StoreError> {
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

/// Reads every wanted secret once, several at the same time, and keeps every failure, so that all can be reported
/// together. If they exceed the limit on memory none is kept, so that the outcome does not depend on their order.
pub async fn resolve(wants: &Wants, store: &impl SecretStore) -> Resolved {
    let reads = wants.secrets().map(|want| async move {
        let keys = wants.keys(want);
        (want, store.read(want, &keys).await)
    });
    let mut reads = pin!(stream::iter(reads).buffer_unordered(AT_ONCE));
    let mut resolved = BTreeMap::new();
    while let Some((want, outcome)) = reads.next().await {
        match outcome {
            Err(error) if error.kind == StoreErrorKind::Full => {
                return Resolved::unread(wants, &error);
            }
            outcome => resolved.insert(want.clone(), outcome),
        };
    }
    Resolved(resolved)
}
