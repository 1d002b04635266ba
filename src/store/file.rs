//! The file store: secrets from one local YAML file (`VAULT_ADDR=file:secrets.yaml`), for demos, tests and CI
//! (docs/internals/design.md#the-file-store).
//!
//! ```yaml
//! kv/shop/web: {user: bob, pw: s3}      # also found as kv/data/shop/web
//! kv/shop/db:                           # a list holds the versions, oldest first
//!   - {pw: old}
//!   - {pw: new}
//! ```

mod open;
mod parse;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use zeroize::Zeroizing;

use crate::resolve::{MemoryBudget, SecretStore, StoreError, StoreErrorKind, StoreWarning};
use crate::secret::path::canonical;
use crate::secret::wants::Keys;
use crate::secret::{Secret, SecretRef};
use crate::yaml::surrogates;

/// The format of the file, for messages.
const FORM: &str = "the file is a YAML map of `mount/path: {key: value}`, or of a list of such `{key: value}` maps, one for each version, oldest first";

/// The versions of every secret, oldest first, by the secret's canonical name.
type Table = BTreeMap<String, Vec<Secret>>;

/// Secrets from one local file. The file is opened once, at the first read; it must be a regular file (not a symbolic
/// link) of at most 1 MiB.
#[derive(Debug)]
pub struct FileStore {
    path: PathBuf,
    memory: MemoryBudget,
    table: OnceLock<Result<Table, StoreError>>,
}

impl FileStore {
    /// Creates a store for this file, which is opened at the first read.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            memory: MemoryBudget::default(),
            table: OnceLock::new(),
        }
    }

    /// The same store, with everything that is read counting against `memory`.
    pub(crate) fn limited_to(self, memory: MemoryBudget) -> Self {
        Self { memory, ..self }
    }

    fn table(&self) -> Result<&Table, StoreError> {
        let table = self.table.get_or_init(|| self.load());
        table.as_ref().map_err(Clone::clone)
    }

    fn load(&self) -> Result<Table, StoreError> {
        let file = self.path.display();
        let text = open::read(&self.path).map_err(|unusable| StoreError {
            kind: StoreErrorKind::Config,
            message: format!("cannot use the secret store file {file}: {unusable}"),
            help: unusable.help().to_owned(),
        })?;
        let joined = match surrogates::joined(&text) {
            Cow::Owned(joined) => Some(Zeroizing::new(joined)),
            Cow::Borrowed(_) => None,
        };
        parse::parse(joined.as_ref().unwrap_or(&text)).map_err(|malformed| StoreError {
            kind: StoreErrorKind::Config,
            message: format!("the secret store file {file} is malformed: {malformed}"),
            help: FORM.to_owned(),
        })
    }

    fn find(&self, want: &SecretRef) -> Result<Secret, StoreError> {
        let name = canonical(&want.path).map_err(super::refused)?;
        let Some(versions) = self.table()?.get(&name) else {
            return Err(self.missing(&name));
        };
        version(versions, want.version).ok_or_else(|| self.no_version(&name, want, versions.len()))
    }

    fn missing(&self, name: &str) -> StoreError {
        StoreError {
            kind: StoreErrorKind::Missing,
            message: format!("there is no secret {name} in file {}", self.path.display()),
            help: "check the mount and the path, here and in the file; upper and lower case differ"
                .to_owned(),
        }
    }

    fn no_version(&self, name: &str, want: &SecretRef, newest: usize) -> StoreError {
        let (version, file) = (want.version, self.path.display());
        StoreError {
            kind: StoreErrorKind::Refused,
            message: format!("there is no version {version} of secret {name} in file {file}"),
            help: format!("the newest version is {newest}; without a version the newest is read"),
        }
    }
}

impl SecretStore for FileStore {
    /// Reads a secret from the table. `want.kv` is ignored: both spellings of a path are the same secret in a file.
    async fn read(&self, want: &SecretRef, keys: &Keys) -> Result<Secret, StoreError> {
        let secret = self.find(want)?.only(keys);
        self.memory.take(secret.memory())?;
        Ok(secret)
    }

    /// Warns that secrets come from a plain file, if it was read.
    fn warning(&self) -> Option<StoreWarning> {
        let was_read = matches!(self.table.get(), Some(Ok(_)));
        was_read.then(|| StoreWarning {
            message: format!("secrets come from file {}", self.path.display()),
            help: String::new(),
        })
    }
}

/// A version by its number: 1 is the oldest, 0 means the latest.
fn version(versions: &[Secret], wanted: u64) -> Option<Secret> {
    if wanted == 0 {
        return versions.last().cloned();
    }
    let index = usize::try_from(wanted.checked_sub(1)?).ok()?;
    versions.get(index).cloned()
}

#[cfg(test)]
mod tests;
