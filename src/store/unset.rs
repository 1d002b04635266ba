//! The answers of a run without a store.

use crate::resolve::{SecretStore, StoreError, StoreErrorKind};
use crate::secret::wants::Keys;
use crate::secret::{Secret, SecretRef};

/// The store of a run for which none is configured; every read fails with what to set.
pub(super) struct NoStore;

impl SecretStore for NoStore {
    async fn read(&self, _: &SecretRef, _: &Keys) -> Result<Secret, StoreError> {
        Err(StoreError {
            kind: StoreErrorKind::Config,
            message: "no secret store is configured".to_owned(),
            help: "set VAULT_ADDR=file:secrets.yaml, or leave placeholders with GITOPS_FN_SECRETS=keep"
                .to_owned(),
        })
    }
}
