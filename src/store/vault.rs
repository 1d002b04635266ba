//! The store that is a Vault server: one login, one read for each secret, the token given back.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OnceCell, RwLock};

use super::path::{PathFault, check};
use crate::resolve::{SecretStore, StoreError, StoreErrorKind};
use crate::secret::{Secret, SecretRef};
use crate::settings::vault::{VaultSettings, VaultVars};
use crate::vault::auth::{Session, login, revoke};
use crate::vault::client::Client;
use crate::vault::fault::Fault;
use crate::vault::kv::{Mounts, ReadError, read};

/// The number of a login, and what came of it.
type LoggedIn = (u32, Result<Arc<Session>, StoreError>);

type Shared = Arc<OnceCell<Result<Secret, StoreError>>>;

/// A Vault or OpenBao server. Nothing of the environment is judged, and nothing is connected, before
/// the first read.
#[derive(Default)]
pub struct VaultStore {
    vars: VaultVars,
    client: OnceCell<Result<Client, StoreError>>,
    /// The session, and how many logins there have been.
    session: RwLock<Option<LoggedIn>>,
    mounts: Mounts,
    reads: Mutex<HashMap<SecretRef, Shared>>,
}

impl fmt::Debug for VaultStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VaultStore")
    }
}

impl VaultStore {
    /// A store with the settings that `vars` will be read as.
    #[must_use]
    pub fn new(vars: VaultVars) -> Self {
        Self {
            vars,
            ..Self::default()
        }
    }

    /// What the user must be told once a run: that the server's certificate is not verified.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let client = self.client.get()?.as_ref().ok()?;
        let open = client.settings().tls.skip_verify;
        open.then(|| {
            format!(
                "VAULT_SKIP_VERIFY: the certificate of {} is not verified",
                client.host()
            )
        })
    }

    /// Gives back what a login has made. Call it whatever has become of the reads.
    pub async fn close(&self) {
        let session = self.session.write().await.take();
        if let (Some(Ok(client)), Some((_, Ok(session)))) = (self.client.get(), session) {
            revoke(client, &session).await;
        }
    }

    async fn client(&self) -> Result<&Client, StoreError> {
        self.client
            .get_or_init(|| async {
                let settings =
                    VaultSettings::from_vars(&self.vars).map_err(|problems| StoreError {
                        kind: StoreErrorKind::Config,
                        message: problems
                            .iter()
                            .map(|problem| problem.message.as_str())
                            .collect::<Vec<_>>()
                            .join("; "),
                        help: problems
                            .first()
                            .map_or(String::new(), |problem| problem.help.clone()),
                    })?;
                Client::new(settings).map_err(|fault| fault.store_error())
            })
            .await
            .as_ref()
            .map_err(Clone::clone)
    }

    /// The session, made if there is none yet or the one numbered `stale` has run out.
    async fn session(
        &self,
        client: &Client,
        stale: Option<u32>,
    ) -> Result<(u32, Arc<Session>), StoreError> {
        let usable = |known: &Option<LoggedIn>| match known {
            Some((number, session)) if Some(*number) != stale => {
                Some(session.clone().map(|session| (*number, session)))
            }
            _ => None,
        };
        if let Some(session) = usable(&*self.session.read().await) {
            return session;
        }
        let mut known = self.session.write().await;
        if let Some(session) = usable(&known) {
            return session;
        }
        let number = known.as_ref().map_or(0, |(number, _)| number + 1);
        let made = login(client)
            .await
            .map(Arc::new)
            .map_err(|fault: Fault| fault.store_error());
        *known = Some((number, made.clone()));
        made.map(|session| (number, session))
    }

    async fn fetch(&self, want: &SecretRef) -> Result<Secret, StoreError> {
        let client = self.client().await?;
        let (number, session) = self.session(client, None).await?;
        let denied = match read(client, &session.caller, &self.mounts, want).await {
            Ok(secret) => return Ok(secret),
            Err(ReadError::Denied(error)) => error,
            Err(ReadError::Fault(fault)) => return Err(fault.store_error()),
            Err(ReadError::Secret(error)) => return Err(error),
        };
        if !session.has_expired() {
            return Err(denied);
        }
        let (_, session) = self.session(client, Some(number)).await?;
        match read(client, &session.caller, &self.mounts, want).await {
            Ok(secret) => Ok(secret),
            Err(ReadError::Fault(fault)) => Err(fault.store_error()),
            Err(ReadError::Denied(mut error)) => {
                error
                    .message
                    .push_str("; a token had expired before, and a new one did not help");
                Err(error)
            }
            Err(ReadError::Secret(error)) => Err(error),
        }
    }
}

impl SecretStore for VaultStore {
    async fn read(&self, want: &SecretRef) -> Result<Secret, StoreError> {
        check(&want.path).map_err(PathFault::store_error)?;
        // both spellings of a secret are one read; in KV v1 they are two secrets
        let v1 = &self.client().await?.settings().kv_v1_mounts;
        let mut same = want.clone();
        if let Some((mount, path)) = want
            .path
            .split_once("/data/")
            .filter(|(mount, _)| !mount.contains('/') && v1.iter().all(|listed| listed != mount))
        {
            same.path = format!("{mount}/{path}");
        }
        same.kv = None;
        let shared = {
            let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(reads.entry(same).or_default())
        };
        shared.get_or_init(|| self.fetch(want)).await.clone()
    }
}
