//! Finds the place of a secret: its mount, its path in the mount, and the KV version.

use super::login::session::Session;
use super::mounts::{Engine, Mount, Mounts, below, first};
use super::read_error::{ReadError, not_kv, refused};
use super::server::Server;
use crate::resolve::{StoreError, StoreErrorKind};
use crate::secret::{KvVersion, SecretRef};
use crate::vault::setting::name::Names;
use crate::vault::settings::VaultSettings;
use crate::vault::settings::reading::{KV_V1_MOUNTS, KV_V2_MOUNTS};

/// The place of a secret. Different spellings of one secret lead to the same place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The mount, without outer slashes.
    pub(crate) mount: String,
    /// The path below the mount, without the `data` of KV v2.
    pub(crate) path: String,
    /// The KV version of the mount.
    pub(crate) version: KvVersion,
    /// The path as written in the placeholder.
    asked: String,
    source: Source,
}

/// Where the knowledge of the mount and its KV version comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Server,
    Operator,
    /// It is a guess, which a successful read confirms.
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

    /// The secret as `MOUNT/PATH`, for messages.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.mount, self.path)
    }

    /// Remembers the mount if the place was a guess, since a read has now succeeded there.
    pub(crate) fn confirm(&self, mounts: &Mounts) {
        if self.source == Source::Guess {
            mounts.remember(&self.asked, &self.mount, self.version);
        }
    }

    /// Asks the server for the right place, after a read at this one has failed.
    ///
    /// # Errors
    /// A [`ReadError`] if the mount is not KV, or differs from what the operator has set.
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

    /// Whether this path would read another secret, or metadata, if the mount were in fact KV v2. The operator's
    /// setting is then checked with the server before it is used.
    fn may_be_of_another_version(&self) -> bool {
        self.version == KvVersion::V1
            && matches!(
                first(&self.path),
                "config" | "data" | "metadata" | "subkeys"
            )
    }

    /// The error of a second read, at the place that the server named after the first read had failed.
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

    /// The error if the server contradicts the operator's setting for a mount. Nothing is read then, since the policy
    /// has judged the path by that setting.
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

/// The right place of a secret that could not be read at the first one.
pub(crate) enum Elsewhere {
    /// It is here.
    At(Place),
    /// There is no other place; the error of the first read applies.
    Nowhere,
    /// The server does not reveal the mount.
    Unknown,
}

/// The error of a read at a guessed place, if the server does not reveal its mounts. It is never
/// [`StoreErrorKind::Missing`]: the secret may exist under the other KV version, so the `default` modifier must not
/// apply.
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

/// Finds the mount from the operator's settings, from a `data` segment in the path, or by asking the server.
///
/// The path of `want` must be valid and have no outer slashes.
///
/// # Errors
/// A [`ReadError`] if the mount is not KV, or if the manifest contradicts what is known of it.
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

/// The place to try if neither the operator nor the server says which mount it is: the first segment is taken for the
/// mount's name.
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

/// Path segments below which a read makes other engines create a credential.
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

/// Whether reading a path could make another engine create a credential. A mount's name may end in `/data`, so a path
/// can merely look like KV v2. Asking the server first costs no more than for a path without `/data/`.
fn may_create_something(path: &str) -> bool {
    path.rsplit('/')
        .skip(1)
        .any(|part| CREATING.contains(&part))
}

/// The place, or an error if the manifest contradicts it.
fn checked(place: Place, want: &SecretRef) -> Result<Place, ReadError> {
    match check_annotation(&place.mount, place.version, want) {
        Ok(()) => Ok(place),
        Err(error) => Err(ReadError::Secret(error)),
    }
}

/// Checks the manifest's annotation against the known KV version of the mount.
///
/// # Errors
/// The error if `avp.kubernetes.io/kv-version` names another version.
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
