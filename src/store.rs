//! The stores that secrets can come from, behind [`SecretStore`].
//!
//! A new store is a new file here and a new variant of [`Store`]; no step imports one, `run` is
//! handed it. A store does nothing until the first secret is wanted, so a run without placeholders
//! works without one.

pub mod file;
pub mod vault;

use crate::resolve::{SecretStore, StoreError, StoreErrorKind};
use crate::secret::path::PathFault;
use crate::secret::wants::Keys;
use crate::secret::{Secret, SecretRef};
use crate::vault::login::revoke::LeftBehind;

use file::FileStore;
use vault::VaultStore;

/// The store of a run, as the settings name it.
#[derive(Debug)]
pub enum Store {
    /// `VAULT_ADDR=file:…`: the embedded store, for demos, tests and CI.
    File(FileStore),
    /// A Vault or OpenBao server.
    Vault(Box<VaultStore>),
    /// No store is configured: fine as long as no secret is wanted.
    Unset,
}

impl Store {
    /// What the user must be told once per run, after the reads: secrets that come from a plain
    /// file. `None` if no secret was read from one.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        match self {
            Self::File(store) if store.is_open() => {
                Some(format!("secrets come from file {}", store.path().display()))
            }
            Self::Vault(store) => store.warning(),
            Self::File(_) | Self::Unset => None,
        }
    }
}

impl Store {
    /// Gives back what the reads have made: a token. Call it at the end, whatever has become of them; a
    /// token that could not be given back is returned.
    pub async fn close(&self) -> Option<LeftBehind> {
        match self {
            Self::Vault(store) => store.close().await,
            Self::File(_) | Self::Unset => None,
        }
    }

    /// Waits for what reads have begun and [`Store::close`] has to undo: a login. The reads have to go on
    /// meanwhile.
    pub async fn settle(&self) {
        if let Self::Vault(store) = self {
            store.settle().await;
        }
    }
}

impl SecretStore for Store {
    async fn read(&self, want: &SecretRef, keys: &Keys) -> Result<Secret, StoreError> {
        match self {
            Self::File(store) => store.read(want, keys).await,
            Self::Vault(store) => store.read(want, keys).await,
            Self::Unset => Err(StoreError {
                kind: StoreErrorKind::Config,
                message: "no secret store is configured".to_owned(),
                help: "set VAULT_ADDR=file:secrets.yaml, or leave placeholders with GITOPS_FN_SECRETS=keep"
                    .to_owned(),
            }),
        }
    }
}

/// The failure of a read whose path names no secret.
fn refused(fault: PathFault) -> StoreError {
    StoreError {
        kind: StoreErrorKind::Refused,
        message: fault.to_string(),
        help: fault.help().to_owned(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The outcome of a read that never waits.
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
        assert_eq!(store.warning(), Some(expected));
    }
}
