//! The memory that secrets may take.

use std::sync::atomic::{AtomicU64, Ordering};

use super::store::{StoreError, StoreErrorKind};

/// A limit on the memory of all secrets of a run, which counts down while they are read.
#[derive(Debug)]
pub struct MemoryBudget {
    total: u64,
    left: AtomicU64,
    exceeded: StoreError,
}

impl Default for MemoryBudget {
    /// No limit.
    fn default() -> Self {
        Self::new(u64::MAX, "the secrets take all available memory", "")
    }
}

impl MemoryBudget {
    /// A limit in bytes; `message` and `help` are the error where the secrets exceed it.
    #[must_use]
    pub fn new(total: u64, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            total,
            left: AtomicU64::new(total),
            exceeded: StoreError {
                kind: StoreErrorKind::Full,
                message: message.into(),
                help: help.into(),
            },
        }
    }

    /// The limit.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// How many bytes are left.
    pub(crate) fn left(&self) -> u64 {
        self.left.load(Ordering::SeqCst)
    }

    /// Counts bytes that a secret takes.
    ///
    /// # Errors
    /// If fewer are left.
    pub(crate) fn take(&self, bytes: u64) -> Result<(), StoreError> {
        let less = |left: u64| left.checked_sub(bytes);
        self.left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
            .map(drop)
            .map_err(|_| self.exceeded())
    }

    /// The error of a secret that does not fit.
    pub(crate) fn exceeded(&self) -> StoreError {
        self.exceeded.clone()
    }
}
