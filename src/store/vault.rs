//! The Vault store: one login, one read for each secret, and the token revoked at the end.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OnceCell, RwLock, Semaphore, SemaphorePermit};

use crate::cluster::credentials::CredentialsSecret;
use crate::resolve::{MemoryBudget, SecretStore, StoreError, StoreErrorKind, StoreWarning};
use crate::secret::path::check;
use crate::secret::wants::Keys;
use crate::secret::{KvVersion, Secret, SecretRef};
use crate::vault::environment::{Access, SettingProblem, VaultVars};
use crate::vault::kv::{Wanted, read};
use crate::vault::locate::{Elsewhere, Place, check_annotation, hidden_mount_error, locate};
use crate::vault::login::Login;
use crate::vault::login::revoke::revoke;
use crate::vault::login::session::{Session, login};
use crate::vault::mounts::Mounts;
use crate::vault::read_error::ReadError;
use crate::vault::server::Server;
use crate::vault::settings::tls::SKIP_VERIFY;

/// The number of a login (0 for the first), and its result.
type LoggedIn = (u32, Result<Arc<Session>, StoreError>);

/// How long the cluster's API server may take to answer with the credentials Secret.
const CREDENTIALS: Duration = Duration::from_secs(10);

/// The mount, the path in it, the mount's KV version, and the secret's version.
type Key = (String, String, KvVersion, u64);

type Shared = Arc<OnceCell<Result<Secret, ReadError>>>;

/// A Vault or OpenBao server. The settings are checked and the connection is made at the first read.
pub struct VaultStore {
    vars: VaultVars,
    begun: Instant,
    credentials: Option<CredentialsSecret>,
    memory: MemoryBudget,
    /// How many KiB of answers may be in memory at once; set when the settings are read.
    answers: OnceCell<Semaphore>,
    server: OnceCell<Result<(Server, Login), StoreError>>,
    /// The current session, with the number of its login.
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
    /// Creates a store. Its settings come from `vars` and from the Secret `credentials`; its deadline counts from
    /// `begun`.
    #[must_use]
    pub fn new(vars: VaultVars, credentials: Option<CredentialsSecret>, begun: Instant) -> Self {
        Self {
            vars,
            begun,
            credentials,
            memory: MemoryBudget::default(),
            answers: OnceCell::new(),
            server: OnceCell::new(),
            session: RwLock::default(),
            mounts: Mounts::default(),
            reads: Mutex::default(),
        }
    }

    /// The same store, with everything that is read counting against `memory`.
    pub(crate) fn limited_to(self, memory: MemoryBudget) -> Self {
        Self { memory, ..self }
    }

    /// The settings of the environment, combined with those of the credentials Secret.
    async fn vars(&self) -> Result<Cow<'_, VaultVars>, StoreError> {
        let Some(credentials) = &self.credentials else {
            return Ok(Cow::Borrowed(&self.vars));
        };
        let secret = credentials.read(CREDENTIALS).await?;
        self.vars
            .with_secret(secret)
            .map(Cow::Owned)
            .map_err(|problems| unusable(&problems))
    }

    /// The server and how to log in there; both are set up at the first call.
    async fn server(&self) -> Result<&(Server, Login), StoreError> {
        self.server
            .get_or_init(|| async {
                let vars = self.vars().await?;
                let Access { settings, login } =
                    Access::read(&vars).map_err(|problems| unusable(&problems))?;
                let server = Server::new(settings, self.begun)
                    .map_err(|error| error.store_error(&vars.names()))?;
                Ok((server, login))
            })
            .await
            .as_ref()
            .map_err(Clone::clone)
    }

    /// The current session. Logs in if there is none yet, or if the current one has the number `stale`, which has
    /// expired.
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
        let (server, how) = self.server().await?;
        let mut known = self.session.write().await;
        if let Some(session) = usable(&known) {
            return session;
        }
        let number = known.as_ref().map_or(0, |(number, _)| number + 1);
        let made = login(server, how)
            .await
            .map(Arc::new)
            .map_err(|error| error.store_error(&server.settings().names));
        *known = Some((number, made.clone()));
        made.map(|session| (number, session))
    }

    /// Does `work` with the current session, and again after a new login if the token of the first has expired.
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
            Err(denied @ (ReadError::Denied(_) | ReadError::InvalidToken(_))) => denied,
            done => return done,
        };
        if !first.has_expired() {
            return Err(denied);
        }
        let (_, second) = session(Some(number)).await?;
        match work(&second).await {
            Err(ReadError::Denied(mut error) | ReadError::InvalidToken(mut error)) => {
                error
                    .message
                    .push_str("; an earlier token had expired, and a new one did not help");
                Err(ReadError::Secret(error))
            }
            done => done,
        }
    }

    /// Reads the secret at a place, once per run even if several spellings of its path lead there.
    async fn fetch(
        &self,
        server: &Server,
        place: &Place,
        version: u64,
        keys: &Keys,
    ) -> Result<Secret, ReadError> {
        let version = match place.version {
            // KV v1 has no versions, so every version is the same read
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
        let wanted = Wanted {
            version,
            keys,
            memory: &self.memory,
        };
        let read = async |session: &Session| read(server, session, place, &wanted).await;
        let fetched = async || {
            let _held = self.hold_answer(server).await;
            self.with_session(read).await
        };
        shared.get_or_init(fetched).await.clone()
    }

    /// Waits until there is memory for one more answer of the largest size. All answers that are being read may
    /// together take as much memory as the secrets of the run, but at least that of one answer.
    async fn hold_answer(&self, server: &Server) -> Option<SemaphorePermit<'_>> {
        let kib = |bytes: u64| u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        let longest = kib(u64::try_from(server.settings().reading.body_limit).unwrap_or(u64::MAX));
        let all = async || {
            let all = kib(self.memory.total()).max(longest);
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
        let (server, _) = self.server().await?;
        let names = &server.settings().names;
        let place = self
            .with_session(async |session: &Session| {
                locate(server, session, &self.mounts, want).await
            })
            .await
            .map_err(|error| error.store_error(names))?;
        let failed = match self.fetch(server, &place, want.version, keys).await {
            Ok(secret) => {
                place.confirm(&self.mounts);
                return check_annotation(&place.mount, place.version, want).map(|()| secret);
            }
            Err(failed) if failed.may_be_elsewhere() => failed,
            Err(failed) => return Err(failed.store_error(names)),
        };
        // asked for each spelling: two that seemed to lead to the same place can be in different mounts
        let elsewhere = self
            .with_session(async |session: &Session| {
                place.elsewhere(server, session, &self.mounts).await
            })
            .await
            .map_err(|error| error.store_error(names))?;
        match elsewhere {
            Elsewhere::At(real) => {
                let secret = self.fetch(server, &real, want.version, keys).await;
                let secret = secret.map_err(|failed| real.second_error(failed, names))?;
                check_annotation(&real.mount, real.version, want).map(|()| secret)
            }
            Elsewhere::Nowhere => Err(failed.store_error(names)),
            Elsewhere::Unknown => Err(hidden_mount_error(failed, names)),
        }
    }

    /// Warns that the server's certificate is not verified.
    fn warning(&self) -> Option<StoreWarning> {
        let (server, _) = self.server.get()?.as_ref().ok()?;
        let unverified = server.settings().tls.skip_verify;
        unverified.then(|| StoreWarning {
            message: format!(
                "{}: the certificate of {} is not verified",
                server.settings().names.of(&SKIP_VERIFY),
                server.host()
            ),
            help: String::new(),
        })
    }

    /// Revokes the token of the login; the warning says that this failed.
    async fn close(&self) -> Option<StoreWarning> {
        let session = self.session.write().await.take();
        let (server, _) = self.server.get()?.as_ref().ok()?;
        let unrevoked = match session {
            Some((_, Ok(session))) => revoke(server, &session).await,
            _ => None,
        };
        server.log_totals();
        unrevoked.map(|token| StoreWarning {
            message: token.message(),
            help: token.help().to_owned(),
        })
    }

    /// Waits for a login in progress, whose token is known only at its end.
    async fn settle(&self) {
        drop(self.session.read().await);
    }
}
