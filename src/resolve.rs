//! Resolve: the secrets that a plan wants, read once each.
//!
//! The only asynchronous step, and the only one that may reach a network: through the [`SecretStore`] that it was
//! handed. The trait is here and not in `store`, so that the step does not know which stores there are.

use std::collections::{BTreeMap, BTreeSet};
use std::future::ready;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::stream::{self, StreamExt};

use crate::secret::wants::{Keys, Wants};
use crate::secret::{Secret, SecretRef};

/// Where secrets are read.
///
/// A store is asked once for each distinct [`SecretRef`] of a run, and not at all when nothing is
/// wanted; it must not open, connect or log in before the first read.
pub trait SecretStore {
    /// Reads one version of one secret, and keeps of it the keys that are wanted.
    ///
    /// # Errors
    /// A [`StoreError`], whose texts never hold what was read.
    fn read(
        &self,
        want: &SecretRef,
        keys: &Keys,
    ) -> impl Future<Output = Result<Secret, StoreError>>;

    /// What the user must be told once per run, after the reads.
    fn warning(&self) -> Option<StoreWarning> {
        None
    }

    /// Undoes what the reads have made, such as a login, and returns what could not be undone. Called once at the end,
    /// whether the reads have succeeded or not.
    fn close(&self) -> impl Future<Output = Option<StoreWarning>> + Send {
        ready(None)
    }

    /// Waits until [`SecretStore::close`] can undo everything, where the run is stopped in the middle of a login. The
    /// reads have to go on meanwhile.
    fn settle(&self) -> impl Future<Output = ()> {
        ready(())
    }
}

/// What a user must know about a store, although the run goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreWarning {
    /// The fact, in lower case.
    pub message: String,
    /// What to do about it; empty if there is nothing to do.
    pub help: String,
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
    /// The secrets of the run take more memory than they may. It ends the run with exit code 1.
    Full,
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

/// How much memory the secrets of a run may take, counted while they are read.
#[derive(Debug)]
pub struct Room {
    most: u64,
    left: AtomicU64,
    over: StoreError,
}

impl Default for Room {
    /// Room for everything.
    fn default() -> Self {
        Self::new(u64::MAX, "the secrets take all the memory there is", "")
    }
}

impl Room {
    /// Room for so many bytes; `message` and `help` are said where it is not enough.
    #[must_use]
    pub fn new(most: u64, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            most,
            left: AtomicU64::new(most),
            over: StoreError {
                kind: StoreErrorKind::Full,
                message: message.into(),
                help: help.into(),
            },
        }
    }

    /// How much there was at first.
    #[must_use]
    pub fn most(&self) -> u64 {
        self.most
    }

    /// How much is left.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.left.load(Ordering::SeqCst)
    }

    /// Takes some of it, for good.
    ///
    /// # Errors
    /// Where there is not as much.
    pub fn take(&self, bytes: u64) -> Result<(), StoreError> {
        let less = |left: u64| left.checked_sub(bytes);
        self.left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
            .map(drop)
            .map_err(|_| self.over())
    }

    /// What there is to say where there is too little.
    #[must_use]
    pub fn over(&self) -> StoreError {
        self.over.clone()
    }
}

/// How many reads are under way at once.
const AT_ONCE: usize = 8;

/// What became of every wanted secret.
#[derive(Debug, Default)]
pub struct Resolved(BTreeMap<SecretRef, Result<Secret, StoreError>>);

impl Resolved {
    /// The outcome of a run that has read nothing, for one reason.
    #[must_use]
    pub fn unread(wants: &Wants, reason: &StoreError) -> Self {
        Self(
            wants
                .secrets()
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

/// Reads every wanted secret once, some at the same time, and keeps every failure, so that all can be reported
/// together. Where there is no room for all of them none is kept, in whichever order they have come.
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
