//! Finds where a secret is: its mount, its path in the mount, and the KV version.

use super::login::session::Session;
use super::mounts::{Engine, Mount, Mounts, below, first};
use super::read_error::{ReadError, not_kv, refused};
use super::server::Server;
use crate::resolve::{StoreError, StoreErrorKind};
use crate::secret::{KvVersion, SecretRef};
use crate::vault::setting::name::Names;
use crate::vault::settings::VaultSettings;
use crate::vault::settings::reading::{KV_V1_MOUNTS, KV_V2_MOUNTS};

/// Where a secret is. Different spellings of one secret lead to the same place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The mount, without outer slashes.
    pub(crate) mount: String,
    /// The path below it.
    pub(crate) path: String,
    /// The mount's version.
    pub(crate) version: KvVersion,
    /// The path in the placeholder.
    asked: String,
    source: Source,
}

/// Who has said which mount it is, and its KV version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Server,
    Operator,
    /// Nobody: the answer has to confirm it.
    Guess,
}

impl Place {
    fn new(asked: &str, mount: &str, version: KvVersion, source: Source) -> Self {
        let path = version.below(mount, asked).unwrap_or_default();
        Self {
            mount: mount.to_owned(),
            path: path.to_owned(),
            version,
            asked: asked.to_owned(),
            source,
        }
    }

    /// The secret, as messages name it.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.mount, self.path)
    }

    /// Remembers that a read has shown a guess to be right.
    pub(crate) fn confirm(&self, mounts: &Mounts) {
        if self.source == Source::Guess {
            mounts.remember(&self.asked, &self.mount, self.version);
        }
    }

    /// Asks the server where the secret is, after a read at this place has failed.
    ///
    /// # Errors
    /// A [`ReadError`] where the mount holds no KV secrets, or is not what the operator says.
    pub(crate) async fn elsewhere(
        &self,
        server: &Server,
        session: &Session,
        mounts: &Mounts,
    ) -> Result<Elsewhere, ReadError> {
        if self.source == Source::Server {
            return Ok(Elsewhere::Nowhere);
        }
        let by_operator = self.source == Source::Operator;
        Ok(match mounts.of(server, session, &self.asked).await? {
            Mount::Hidden if by_operator => Elsewhere::Nowhere,
            Mount::Hidden => Elsewhere::Unknown,
            Mount::Known(_, Engine::Other) => return Err(ReadError::Secret(not_kv(&self.asked))),
            Mount::Known(mount, Engine::Kv(version)) => {
                if version == self.version && mount == self.mount {
                    Elsewhere::Nowhere
                } else if by_operator {
                    return Err(ReadError::Secret(self.misjudged(
                        &mount,
                        version,
                        server.settings(),
                    )));
                } else {
                    Elsewhere::At(Self::new(&self.asked, &mount, version, Source::Server))
                }
            }
        })
    }

    /// Whether the same path would read another secret, or metadata, if the mount were KV v2: then what the operator
    /// says is checked before it is used.
    fn may_be_of_another_version(&self) -> bool {
        self.version == KvVersion::V1
            && matches!(
                first(&self.path),
                "config" | "data" | "metadata" | "subkeys"
            )
    }

    /// The failure of a read at this place, which was tried after the one that was assumed.
    pub(crate) fn second_error(&self, error: ReadError, names: &Names) -> StoreError {
        match error {
            ReadError::WrongPlace(error) if self.version == KvVersion::V1 => StoreError {
                kind: StoreErrorKind::Refused,
                help: format!(
                    "{} is KV v1: leave out /data/, and check the path",
                    self.mount
                ),
                ..error
            },
            other => other.store_error(names),
        }
    }

    /// The policy has judged the path by what the operator says of the mount, so nothing else is read.
    fn misjudged(&self, mount: &str, version: KvVersion, settings: &VaultSettings) -> StoreError {
        let listed = match self.version {
            KvVersion::V1 => &KV_V1_MOUNTS,
            KvVersion::V2 => &KV_V2_MOUNTS,
        };
        refused(
            format!(
                "the mount {mount} is KV v{version}, but the settings say that {} is KV v{}",
                self.mount, self.version
            ),
            &format!("correct {}", settings.names.of(listed)),
        )
    }
}

/// Where a secret may be that could not be read at its place.
pub(crate) enum Elsewhere {
    /// Here.
    At(Place),
    /// Nowhere else: the place was right.
    Nowhere,
    /// The server does not say.
    Unknown,
}

/// The failure of a read at an assumed place, where the server does not say which mounts it has: a secret that seems
/// missing may have been sought in the wrong way, so no default answers.
pub(crate) fn hidden_mount_error(error: ReadError, names: &Names) -> StoreError {
    let error = error.store_error(names);
    StoreError {
        kind: match error.kind {
            StoreErrorKind::Missing => StoreErrorKind::Refused,
            kind => kind,
        },
        help: format!(
            "{}; the server does not say which mounts it has: if this one is KV v1, let the operator list it in {}",
            error.help,
            names.of(&KV_V1_MOUNTS)
        ),
        ..error
    }
}

/// Finds the mount: by the operator's settings, by a `data` segment, or by asking the server.
///
/// The path of `want` is checked, without outer slashes.
///
/// # Errors
/// A [`ReadError`] where the mount holds no KV secrets, or the manifest contradicts what is known of it.
pub(crate) async fn locate(
    server: &Server,
    session: &Session,
    mounts: &Mounts,
    want: &SecretRef,
) -> Result<Place, ReadError> {
    let settings = server.settings();
    for (listed, version) in [
        (&settings.reading.kv_v1_mounts, KvVersion::V1),
        (&settings.reading.kv_v2_mounts, KvVersion::V2),
    ] {
        let mount = listed
            .iter()
            .find(|mount| below(&want.path, mount).is_some());
        if let Some(mount) = mount {
            let place = Place::new(&want.path, mount, version, Source::Operator);
            if place.may_be_of_another_version() {
                place.elsewhere(server, session, mounts).await?;
            }
            return checked(place, want);
        }
    }
    let says_v1 =
        want.kv == Some(KvVersion::V1) || settings.reading.kv_version == Some(KvVersion::V1);
    let seen = want.path.split_once("/data/").filter(|_| !says_v1);
    let assumed =
        seen.map(|(mount, _)| Place::new(&want.path, mount, KvVersion::V2, Source::Guess));
    let assumed = match assumed {
        Some(place) if !may_create_something(&place.path) => return Ok(place),
        assumed => assumed,
    };
    match mounts.of(server, session, &want.path).await? {
        Mount::Known(_, Engine::Other) => Err(ReadError::Secret(not_kv(&want.path))),
        Mount::Known(mount, Engine::Kv(version)) => checked(
            Place::new(&want.path, &mount, version, Source::Server),
            want,
        ),
        Mount::Hidden => match assumed {
            Some(place) => Ok(place),
            None => guess(settings, want),
        },
    }
}

/// The place to try where neither the operator nor the server says what the mount is.
fn guess(settings: &VaultSettings, want: &SecretRef) -> Result<Place, ReadError> {
    let mount = first(&want.path);
    let guess = |version, source| Place::new(&want.path, mount, version, source);
    if settings.reading.kv_version == Some(KvVersion::V1) {
        return Ok(guess(KvVersion::V1, Source::Operator));
    }
    if want.kv == Some(KvVersion::V1) {
        return Err(ReadError::Secret(refused(
            format!(
                "whether {mount} is KV v1 could not be determined, and a manifest alone may not decide it"
            ),
            &format!(
                "let the operator list the mount in {}; check its name, and that the token may read in it",
                settings.names.of(&KV_V1_MOUNTS)
            ),
        )));
    }
    Ok(guess(KvVersion::V2, Source::Guess))
}

/// Path segments below which reading makes other engines create a credential.
const CREATING: [&str; 10] = [
    "code",
    "creds",
    "impersonated-account",
    "key",
    "roleset",
    "static-account",
    "static-cred",
    "static-creds",
    "sts",
    "token",
];

/// Whether reading a path could make another engine create a credential. The mount's name may end in `/data`, so that
/// the path only looks like KV v2; asking the server first costs no more than for a path without `/data/`.
fn may_create_something(path: &str) -> bool {
    path.rsplit('/')
        .skip(1)
        .any(|part| CREATING.contains(&part))
}

/// The place, unless the manifest contradicts it.
fn checked(place: Place, want: &SecretRef) -> Result<Place, ReadError> {
    match check_annotation(&place.mount, place.version, want) {
        Ok(()) => Ok(place),
        Err(error) => Err(ReadError::Secret(error)),
    }
}

/// Compares what is known of a mount with what the manifest says of it.
///
/// # Errors
/// Where `avp.kubernetes.io/kv-version` is wrong.
pub(crate) fn check_annotation(
    mount: &str,
    version: KvVersion,
    want: &SecretRef,
) -> Result<(), StoreError> {
    let claimed = want.kv.unwrap_or(version);
    if claimed == version {
        return Ok(());
    }
    Err(refused(
        format!(
            "the mount {mount} is KV v{version}, but avp.kubernetes.io/kv-version says {claimed}"
        ),
        "remove the annotation, or correct it",
    ))
}
