//! The store that is a Vault server: one login, one read for each secret, the token given back.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OnceCell, RwLock, Semaphore, SemaphorePermit};

use crate::cluster::credentials::CredentialsSecret;
use crate::http::client::Client;
use crate::http::error::Fault;
use crate::resolve::{Room, SecretStore, StoreError, StoreErrorKind};
use crate::secret::path::check;
use crate::secret::wants::Keys;
use crate::secret::{KvVersion, Secret, SecretRef};
use crate::vault::environment::Access;
use crate::vault::kv::{Asked, ReadError, read};
use crate::vault::locate::{Elsewhere, Place, agree, locate};
use crate::vault::login::Login;
use crate::vault::login::revoke::{LeftBehind, revoke};
use crate::vault::login::session::{Session, login};
use crate::vault::mounts::Mounts;
use crate::vault::setting::problem::SettingProblem;
use crate::vault::setting::variables::VaultVars;

/// The number of a login, and what came of it.
type LoggedIn = (u32, Result<Arc<Session>, StoreError>);

/// How long the cluster's API server may take for one small answer.
const CLUSTER: Duration = Duration::from_secs(10);

/// Mount, path, the mount's version, and the secret's.
type Key = (String, String, KvVersion, u64);

type Shared = Arc<OnceCell<Result<Secret, ReadError>>>;

/// A Vault or OpenBao server. Nothing of the environment is judged, and nothing is connected, before
/// the first read.
pub struct VaultStore {
    vars: VaultVars,
    begun: Instant,
    credentials: Option<CredentialsSecret>,
    room: Room,
    /// How many KiB of answers may be held at once; made when the client is there.
    answers: OnceCell<Semaphore>,
    access: OnceCell<Result<(Client, Login), StoreError>>,
    /// The session, and how many logins there have been.
    session: RwLock<Option<LoggedIn>>,
    mounts: Mounts,
    reads: Mutex<HashMap<Key, Shared>>,
}

impl fmt::Debug for VaultStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VaultStore")
    }
}

impl VaultStore {
    /// A store with the settings that `vars` will be read as, and those of a Secret of the cluster; the
    /// deadline counts from `begun`.
    #[must_use]
    pub fn new(vars: VaultVars, credentials: Option<CredentialsSecret>, begun: Instant) -> Self {
        Self {
            vars,
            begun,
            credentials,
            room: Room::default(),
            answers: OnceCell::new(),
            access: OnceCell::new(),
            session: RwLock::default(),
            mounts: Mounts::default(),
            reads: Mutex::default(),
        }
    }

    /// The same store, with so much room for what is read.
    #[must_use]
    pub fn within(self, room: Room) -> Self {
        Self { room, ..self }
    }

    /// What the user must be told once a run: that the server's certificate is not verified.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let (client, _) = self.access.get()?.as_ref().ok()?;
        let open = client.settings().tls.skip_verify;
        open.then(|| {
            format!(
                "VAULT_SKIP_VERIFY: the certificate of {} is not verified",
                client.host()
            )
        })
    }

    /// Gives back what a login has made. Call it whatever has become of the reads. What could not be given
    /// back is returned.
    pub async fn close(&self) -> Option<LeftBehind> {
        let session = self.session.write().await.take();
        let (client, _) = self.access.get()?.as_ref().ok()?;
        let left = match session {
            Some((_, Ok(session))) => revoke(client, &session).await,
            _ => None,
        };
        client.log_totals();
        left
    }

    /// Waits for the end of a login that is under way: only then [`VaultStore::close`] knows its token.
    pub async fn settle(&self) {
        drop(self.session.read().await);
    }

    /// What is set, the credentials Secret included.
    async fn vars(&self) -> Result<Cow<'_, VaultVars>, StoreError> {
        let Some(credentials) = &self.credentials else {
            return Ok(Cow::Borrowed(&self.vars));
        };
        let secret = credentials.read(CLUSTER).await?;
        self.vars
            .with_secret(secret)
            .map(Cow::Owned)
            .map_err(|problems| unusable(&problems))
    }

    async fn access(&self) -> Result<&(Client, Login), StoreError> {
        self.access
            .get_or_init(|| async {
                let vars = self.vars().await?;
                let Access { settings, login } =
                    Access::read(&vars).map_err(|problems| unusable(&problems))?;
                let client =
                    Client::new(settings, self.begun).map_err(|fault| fault.store_error())?;
                Ok((client, login))
            })
            .await
            .as_ref()
            .map_err(Clone::clone)
    }

    /// The session, made if there is none yet or the one numbered `stale` has run out.
    async fn session(&self, stale: Option<u32>) -> Result<(u32, Arc<Session>), StoreError> {
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
        let (client, how) = self.access().await?;
        let made = login(client, how)
            .await
            .map(Arc::new)
            .map_err(|fault: Fault| fault.store_error());
        *known = Some((number, made.clone()));
        made.map(|session| (number, session))
    }

    /// Does something with a session; if it is refused because a token of ours has run out, once more
    /// with a new one.
    async fn with_session<T>(
        &self,
        work: impl AsyncFn(&Session) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let session = async |stale| {
            let session = self.session(stale).await;
            session.map_err(ReadError::Secret)
        };
        let (number, first) = session(None).await?;
        let denied = match work(&first).await {
            Err(denied @ (ReadError::Denied(_) | ReadError::Invalid(_))) => denied,
            done => return done,
        };
        if !first.has_expired() {
            return Err(denied);
        }
        let (_, second) = session(Some(number)).await?;
        match work(&second).await {
            Err(ReadError::Denied(mut error) | ReadError::Invalid(mut error)) => {
                error
                    .message
                    .push_str("; a token had expired before, and a new one did not help");
                Err(ReadError::Secret(error))
            }
            done => done,
        }
    }

    /// Reads what lies at a place, once in a run, whatever the spellings it is asked for with.
    async fn fetch(
        &self,
        client: &Client,
        place: &Place,
        version: u64,
        keys: &Keys,
    ) -> Result<Secret, ReadError> {
        let version = match place.version {
            // it has none: they are all one
            KvVersion::V1 => 0,
            KvVersion::V2 => version,
        };
        let key = (
            place.mount.clone(),
            place.path.clone(),
            place.version,
            version,
        );
        let shared = {
            let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(reads.entry(key).or_default())
        };
        let asked = Asked {
            version,
            keys,
            room: &self.room,
        };
        let read = async |session: &Session| read(client, session, place, &asked).await;
        let waited = async || {
            let _held = self.hold_answer(client).await;
            self.with_session(read).await
        };
        shared.get_or_init(waited).await.clone()
    }

    /// Waits until the longest answer has room beside those that are being read: together they take as much memory
    /// as the secrets may, or as one of them.
    async fn hold_answer(&self, client: &Client) -> Option<SemaphorePermit<'_>> {
        let kib = |bytes: u64| u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        let longest = kib(u64::try_from(client.settings().body_limit).unwrap_or(u64::MAX));
        let all = async || {
            let all = kib(self.room.most()).max(longest);
            Semaphore::new(usize::try_from(all).unwrap_or(Semaphore::MAX_PERMITS))
        };
        let answers = self.answers.get_or_init(all).await;
        answers.acquire_many(longest).await.ok()
    }
}

fn unusable(problems: &[SettingProblem]) -> StoreError {
    let facts: Vec<_> = problems.iter().map(ToString::to_string).collect();
    StoreError {
        kind: StoreErrorKind::Config,
        message: facts.join("; "),
        help: problems.first().map_or(String::new(), SettingProblem::help),
    }
}

impl SecretStore for VaultStore {
    async fn read(&self, want: &SecretRef, keys: &Keys) -> Result<Secret, StoreError> {
        check(&want.path).map_err(super::refused)?;
        let (client, _) = self.access().await?;
        let place = self
            .with_session(async |session: &Session| {
                locate(client, session, &self.mounts, want).await
            })
            .await
            .map_err(ReadError::store_error)?;
        let failed = match self.fetch(client, &place, want.version, keys).await {
            Ok(secret) => {
                place.confirm(&self.mounts);
                return agree(&place.mount, place.version, want).map(|()| secret);
            }
            Err(failed) if failed.is_of_the_place() => failed,
            Err(failed) => return Err(failed.store_error()),
        };
        // each spelling for itself: two that were taken for the same place can have different mounts
        let elsewhere = self
            .with_session(async |session: &Session| {
                place.elsewhere(client, session, &self.mounts).await
            })
            .await
            .map_err(ReadError::store_error)?;
        match elsewhere {
            Elsewhere::At(real) => {
                let secret = self.fetch(client, &real, want.version, keys).await;
                let secret = secret.map_err(|failed| failed.moved_to(&real))?;
                agree(&real.mount, real.version, want).map(|()| secret)
            }
            Elsewhere::Nowhere => Err(failed.store_error()),
            Elsewhere::Unknown => Err(failed.untold()),
        }
    }
}
