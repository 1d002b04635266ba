//! What a run without a store answers.

use crate::resolve::{SecretStore, StoreError, StoreErrorKind};
use crate::secret::wants::Keys;
use crate::secret::{Secret, SecretRef};

/// No store is configured.
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
