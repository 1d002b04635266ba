//! Where a secret lies: its mount, its path there, and the KV version.

use super::login::session::Session;
use super::mounts::{Engine, Mounts, Told, below, first};
use super::read_error::{ReadError, not_kv, refused};
use super::server::Server;
use crate::resolve::{StoreError, StoreErrorKind};
use crate::secret::{KvVersion, SecretRef};
use crate::vault::setting::name::Names;
use crate::vault::settings::VaultSettings;
use crate::vault::settings::reading::{KV_V1_MOUNTS, KV_V2_MOUNTS};

/// Where a secret lies: two spellings of one secret have one mount and path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The mount, without outer slashes.
    pub(crate) mount: String,
    /// The path below it.
    pub(crate) path: String,
    /// The mount's version.
    pub(crate) version: KvVersion,
    /// The path as it was asked for.
    asked: String,
    teller: Teller,
}

/// Who says what a mount is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Teller {
    Server,
    Operator,
    /// It is a guess, that the answer has to confirm.
    Nobody,
}

impl Place {
    fn new(asked: &str, mount: &str, version: KvVersion, teller: Teller) -> Self {
        let path = version.below(mount, asked).unwrap_or_default();
        Self {
            mount: mount.to_owned(),
            path: path.to_owned(),
            version,
            asked: asked.to_owned(),
            teller,
        }
    }

    /// The secret, as messages name it.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.mount, self.path)
    }

    /// Remembers that a read has found the place to be right.
    pub(crate) fn confirm(&self, mounts: &Mounts) {
        if self.teller == Teller::Nobody {
            mounts.shown(&self.asked, &self.mount, self.version);
        }
    }

    /// Where the secret lies if not here; asked once a read has failed.
    ///
    /// # Errors
    /// A [`ReadError`] where the mount holds no KV secrets, or is not what the operator says.
    pub(crate) async fn elsewhere(
        &self,
        server: &Server,
        session: &Session,
        mounts: &Mounts,
    ) -> Result<Elsewhere, ReadError> {
        if self.teller == Teller::Server {
            return Ok(Elsewhere::Nowhere);
        }
        let by_operator = self.teller == Teller::Operator;
        Ok(match mounts.of(server, session, &self.asked).await? {
            Told::Nothing if by_operator => Elsewhere::Nowhere,
            Told::Nothing => Elsewhere::Unknown,
            Told::Mount(_, Engine::Other) => return Err(ReadError::Secret(not_kv(&self.asked))),
            Told::Mount(mount, Engine::Kv(version)) => {
                if version == self.version && mount == self.mount {
                    Elsewhere::Nowhere
                } else if by_operator {
                    return Err(ReadError::Secret(self.misjudged(
                        &mount,
                        version,
                        server.settings(),
                    )));
                } else {
                    Elsewhere::At(Self::new(&self.asked, &mount, version, Teller::Server))
                }
            }
        })
    }

    /// Whether the path would read another secret, or its metadata, in a mount that is KV v2: then the
    /// operator's word is not taken before it is seen to be true.
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

    /// What is allowed has been judged by what the operator says of the mount, so nothing else is read.
    fn misjudged(&self, mount: &str, version: KvVersion, settings: &VaultSettings) -> StoreError {
        let listed = match self.version {
            KvVersion::V1 => &KV_V1_MOUNTS,
            KvVersion::V2 => &KV_V2_MOUNTS,
        };
        refused(
            format!(
                "the mount {mount} is KV v{version}, and the settings say that {} is KV v{}",
                self.mount, self.version
            ),
            &format!("correct {}", settings.names.of(listed)),
        )
    }
}

/// What is known once a read has failed.
pub(crate) enum Elsewhere {
    /// The secret lies here.
    At(Place),
    /// The place was right.
    Nowhere,
    /// The server does not tell.
    Unknown,
}

/// The failure of a read at an assumed place, where the server does not say which mounts it has: a secret that seems
/// missing may have been sought in the wrong way, so no default answers.
pub(crate) fn error_of_unknown(error: ReadError, names: &Names) -> StoreError {
    let error = error.store_error(names);
    StoreError {
        kind: match error.kind {
            StoreErrorKind::Missing => StoreErrorKind::Refused,
            kind => kind,
        },
        help: format!(
            "{}; the server does not say what its mounts are: if this one is KV v1, let the operator list it in {}",
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
            let place = Place::new(&want.path, mount, version, Teller::Operator);
            if place.may_be_of_another_version() {
                place.elsewhere(server, session, mounts).await?;
            }
            return confirmed(place, want);
        }
    }
    let says_v1 =
        want.kv == Some(KvVersion::V1) || settings.reading.kv_version == Some(KvVersion::V1);
    let seen = want.path.split_once("/data/").filter(|_| !says_v1);
    let assumed =
        seen.map(|(mount, _)| Place::new(&want.path, mount, KvVersion::V2, Teller::Nobody));
    let assumed = match assumed {
        Some(place) if !may_make_something(&place.path) => return Ok(place),
        assumed => assumed,
    };
    match mounts.of(server, session, &want.path).await? {
        Told::Mount(_, Engine::Other) => Err(ReadError::Secret(not_kv(&want.path))),
        Told::Mount(mount, Engine::Kv(version)) => confirmed(
            Place::new(&want.path, &mount, version, Teller::Server),
            want,
        ),
        Told::Nothing => match assumed {
            Some(place) => Ok(place),
            None => guess(settings, want),
        },
    }
}

/// What is tried where nobody says what the mount is.
fn guess(settings: &VaultSettings, want: &SecretRef) -> Result<Place, ReadError> {
    let mount = first(&want.path);
    let guess = |version, teller| Place::new(&want.path, mount, version, teller);
    if settings.reading.kv_version == Some(KvVersion::V1) {
        return Ok(guess(KvVersion::V1, Teller::Operator));
    }
    if want.kv == Some(KvVersion::V1) {
        return Err(ReadError::Secret(refused(
            format!("whether {mount} is KV v1 cannot be seen, and a manifest alone may not say so"),
            &format!(
                "let the operator list the mount in {}; check its name, and that the token may read in it",
                settings.names.of(&KV_V1_MOUNTS)
            ),
        )));
    }
    Ok(guess(KvVersion::V2, Teller::Nobody))
}

/// Parts of paths at which engines of other sorts make a credential when they are read.
const MAKERS: [&str; 10] = [
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

/// Whether a path is one that another engine may make something at. The name of its mount may end in
/// `/data`, so it is worth a question, which costs no more than for a path without `/data/`.
fn may_make_something(path: &str) -> bool {
    path.rsplit('/').skip(1).any(|part| MAKERS.contains(&part))
}

fn confirmed(place: Place, want: &SecretRef) -> Result<Place, ReadError> {
    match agree(&place.mount, place.version, want) {
        Ok(()) => Ok(place),
        Err(error) => Err(ReadError::Secret(error)),
    }
}

/// Compares what is known of a mount with what the manifest says of it.
///
/// # Errors
/// Where `avp.kubernetes.io/kv-version` is wrong.
pub(crate) fn agree(mount: &str, version: KvVersion, want: &SecretRef) -> Result<(), StoreError> {
    let claimed = want.kv.unwrap_or(version);
    if claimed == version {
        return Ok(());
    }
    Err(refused(
        format!(
            "the mount {mount} is KV v{version}, and avp.kubernetes.io/kv-version says {claimed}"
        ),
        "remove the annotation, or correct it",
    ))
}
