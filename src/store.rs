//! The stores that secrets can come from.
//!
//! To add a store, write a file here that implements [`SecretStore`] and add a variant to [`Store`], to `each!` and
//! to [`Store::new`]; no other code lists the stores. A store does nothing until the first secret is needed, so a run
//! without placeholders works without one.

pub mod file;
mod unset;
pub mod vault;

use std::time::Instant;

use crate::cluster::credentials::CredentialsSecret;
use crate::explain::Explain;
use crate::resolve::{MemoryBudget, SecretStore, StoreError, StoreErrorKind, StoreWarning};
use crate::secret::path::PathError;
use crate::secret::wants::Keys;
use crate::secret::{Secret, SecretRef};
use crate::settings::{Settings, StoreSetting};

use file::FileStore;
use unset::NoStore;
use vault::VaultStore;

/// The store of a run.
#[derive(Debug)]
pub enum Store {
    /// `VAULT_ADDR=file:…`: a local file, for demos, tests and CI.
    File(FileStore),
    /// A Vault or OpenBao server.
    Vault(Box<VaultStore>),
    /// No store is configured. This is an error only if a secret is needed.
    Unset,
}

/// Evaluates an expression for the store in whichever variant.
macro_rules! each {
    ($enum:expr, $store:ident => $do:expr) => {
        match $enum {
            Store::File($store) => $do,
            Store::Vault($store) => $do,
            Store::Unset => {
                let $store = &NoStore;
                $do
            }
        }
    };
}

impl Store {
    /// Creates the store that the settings name. `credentials` is a Secret of the cluster with further settings for a
    /// server. Everything that is read counts against `memory`, and a server's deadline counts from `begun`.
    #[must_use]
    pub fn new(
        settings: &Settings,
        credentials: Option<CredentialsSecret>,
        memory: MemoryBudget,
        begun: Instant,
    ) -> Self {
        match &settings.store {
            StoreSetting::File(path) => Self::File(FileStore::new(path).limited_to(memory)),
            StoreSetting::Unset if credentials.is_none() => Self::Unset,
            StoreSetting::Vault | StoreSetting::Unset => Self::Vault(Box::new(
                VaultStore::new(settings.vault.clone(), credentials, begun).limited_to(memory),
            )),
        }
    }
}

impl SecretStore for Store {
    async fn read(&self, want: &SecretRef, keys: &Keys) -> Result<Secret, StoreError> {
        each!(self, store => store.read(want, keys).await)
    }

    fn warning(&self) -> Option<StoreWarning> {
        each!(self, store => store.warning())
    }

    async fn close(&self) -> Option<StoreWarning> {
        each!(self, store => store.close().await)
    }

    async fn settle(&self) {
        each!(self, store => store.settle().await);
    }
}

/// The error for a path that cannot be that of a secret.
fn refused(error: PathError) -> StoreError {
    StoreError {
        kind: StoreErrorKind::Refused,
        message: error.to_string(),
        help: error.help(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The result of a read that never waits.
    pub(super) fn read(
        store: &impl SecretStore,
        path: &str,
        version: u64,
    ) -> Result<Secret, StoreError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let want = SecretRef {
            path: path.to_owned(),
            version,
            kv: None,
        };
        runtime.block_on(store.read(&want, &Keys::All))
    }

    #[test]
    fn without_a_store_a_read_says_what_to_set() {
        let error = read(&Store::Unset, "kv/shop/web", 0).unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Config);
        assert_eq!(error.message, "no secret store is configured");
        assert!(error.help.contains("VAULT_ADDR=file:secrets.yaml"));
        assert_eq!(Store::Unset.warning(), None);
    }

    #[test]
    fn the_warning_comes_only_after_a_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secrets.yaml");
        std::fs::write(&path, "kv/a: {k: v}").unwrap();
        let store = Store::File(FileStore::new(&path));
        assert_eq!(store.warning(), None);
        read(&store, "kv/a", 0).unwrap();
        let expected = format!("secrets come from file {}", path.display());
        assert_eq!(store.warning().unwrap().message, expected);
    }
}
