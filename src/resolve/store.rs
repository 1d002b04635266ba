//! What every store of secrets can do, and how it fails.

use std::future::ready;

use crate::secret::wants::Keys;
use crate::secret::{Secret, SecretRef};

/// Where secrets are read.
///
/// A store is asked once for each distinct [`SecretRef`] of a run, and not at all if no secret is wanted. It must not
/// open, connect or log in before the first read.
pub trait SecretStore {
    /// Reads one version of one secret, and keeps the keys that are wanted.
    ///
    /// # Errors
    /// A [`StoreError`], whose texts never quote what was read.
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

/// The kind of a failed read, which decides the exit code and whether the `default` modifier answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// The path does not exist: the only failure that the `default` modifier answers.
    Missing,
    /// The store refuses: no such version, deleted, denied, not a KV secret. Exit code 1.
    Refused,
    /// The store cannot be used with this configuration. Exit code 2.
    Config,
    /// Trying again may help. Exit code 3.
    Transient,
    /// The secrets of the run take more memory than allowed, which ends the run. Exit code 1.
    Full,
}

/// A failed read, in texts that may be shown to anyone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct StoreError {
    /// The kind of failure.
    pub kind: StoreErrorKind,
    /// The fact, in lower case. It may name paths and settings, and never a value.
    pub message: String,
    /// What to do about it.
    pub help: String,
}
