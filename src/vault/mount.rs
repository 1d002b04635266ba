//! Where a secret lies: its mount, its path there, and the KV version.

use std::collections::BTreeMap;

use async_trait::async_trait;
use rustify::endpoint::Endpoint;
use rustify::enums::{RequestMethod, RequestType, ResponseType};
use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::sync::Mutex;

use super::auth::parse;
use super::client::{Caller, Client, Retry};
use super::fault::Fault;
use super::kv::{ReadError, not_kv, refused};
use crate::resolve::StoreError;
use crate::secret::{KvVersion, SecretRef};

/// Mounts that have been asked for, by their path without outer slashes.
#[derive(Default)]
pub struct Mounts(Mutex<Known>);

#[derive(Default)]
struct Known {
    engines: BTreeMap<String, Engine>,
    /// The server has not told what a mount is, so that a read has to show it.
    refused: bool,
}

impl Mounts {
    /// Remembers what a read has shown, where the server does not tell: it would be asked again for each
    /// path. No mount lies within another, so a secret found there settles all paths below.
    pub async fn shown_by(&self, place: &Place) {
        if place.assumed.is_none() {
            return;
        }
        let mut known = self.0.lock().await;
        if known.refused {
            let engine = Engine::Kv(place.version);
            known.engines.entry(place.mount.clone()).or_insert(engine);
        }
    }
}

/// What a mount holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Engine {
    Kv(KvVersion),
    Other,
}

/// Where a secret lies: two spellings of one secret have one mount and path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The mount, without outer slashes.
    pub mount: String,
    /// The path below it.
    pub path: String,
    /// The mount's version.
    pub version: KvVersion,
    /// The path as it was asked for, where nobody has said what its mount is: the answer has to show it.
    pub assumed: Option<String>,
}

impl Place {
    /// The secret, as messages name it.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.mount, self.path)
    }

    /// Where the secret lies if the mount is not the one that was assumed.
    ///
    /// # Errors
    /// A [`ReadError`] where the mount holds no KV secrets.
    pub async fn elsewhere(
        &self,
        client: &Client,
        caller: &Caller,
        mounts: &Mounts,
    ) -> Result<Elsewhere, ReadError> {
        let Some(spelled) = &self.assumed else {
            return Ok(Elsewhere::Nowhere);
        };
        match engine_of(client, caller, mounts, spelled).await? {
            None => Ok(Elsewhere::Unknown),
            Some((_, Engine::Other)) => Err(ReadError::Secret(not_kv(spelled))),
            Some((mount, Engine::Kv(version))) => {
                let real = place(spelled, &mount, version);
                let same = version == self.version && mount == self.mount;
                Ok(if same {
                    Elsewhere::Nowhere
                } else {
                    Elsewhere::At(real)
                })
            }
        }
    }
}

/// What is known once an assumed place was wrong.
pub enum Elsewhere {
    /// The secret lies here.
    At(Place),
    /// The place was right.
    Nowhere,
    /// The server does not tell.
    Unknown,
}

/// Finds the mount: by the operator's settings, by a `data` segment, or by asking the server.
///
/// The path of `want` is checked, without outer slashes.
///
/// # Errors
/// A [`ReadError`] where the mount holds no KV secrets, or the manifest contradicts what is known of it.
pub async fn locate(
    client: &Client,
    caller: &Caller,
    mounts: &Mounts,
    want: &SecretRef,
) -> Result<Place, ReadError> {
    let settings = client.settings();
    for (listed, version) in [
        (&settings.kv_v1_mounts, KvVersion::V1),
        (&settings.kv_v2_mounts, KvVersion::V2),
    ] {
        let mount = listed
            .iter()
            .find(|mount| below(&want.path, mount).is_some());
        if let Some(mount) = mount {
            return confirmed(place(&want.path, mount, version), want);
        }
    }
    let says_v1 = want.kv == Some(KvVersion::V1) || settings.kv_version == Some(KvVersion::V1);
    let seen = want.path.split_once("/data/").filter(|_| !says_v1);
    let assumed = seen.map(|(mount, path)| Place {
        mount: mount.to_owned(),
        path: path.to_owned(),
        version: KvVersion::V2,
        assumed: Some(want.path.clone()),
    });
    let assumed = match assumed {
        Some(place) if !may_make_something(&place.path) => return Ok(place),
        assumed => assumed,
    };
    match engine_of(client, caller, mounts, &want.path).await? {
        Some((_, Engine::Other)) => Err(ReadError::Secret(not_kv(&want.path))),
        Some((mount, Engine::Kv(version))) => confirmed(place(&want.path, &mount, version), want),
        None if let Some(place) = assumed => Ok(place),
        None if settings.kv_version == Some(KvVersion::V1) => {
            let mount = first(&want.path);
            Ok(place(&want.path, mount, KvVersion::V1))
        }
        None if want.kv == Some(KvVersion::V1) => Err(ReadError::Secret(refused(
            format!(
                "whether {} is KV v1 cannot be seen, and a manifest alone may not say so",
                first(&want.path)
            ),
            "let the operator list the mount in GITOPS_FN_KV_V1_MOUNTS, or allow `read` on sys/internal/ui/mounts/*",
        ))),
        None => {
            let mut place = place(&want.path, first(&want.path), KvVersion::V2);
            place.assumed = Some(want.path.clone());
            Ok(place)
        }
    }
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
pub fn agree(mount: &str, version: KvVersion, want: &SecretRef) -> Result<(), StoreError> {
    let claimed = want.kv.unwrap_or(version);
    if claimed == version {
        return Ok(());
    }
    let number = |version| if version == KvVersion::V1 { 1 } else { 2 };
    Err(refused(
        format!(
            "the mount {mount} is KV v{}, and avp.kubernetes.io/kv-version says {}",
            number(version),
            number(claimed)
        ),
        "remove the annotation, or correct it",
    ))
}

fn place(whole: &str, mount: &str, version: KvVersion) -> Place {
    let path = version.below(mount, whole).unwrap_or_default();
    Place {
        mount: mount.to_owned(),
        path: path.to_owned(),
        version,
        assumed: None,
    }
}

fn below<'p>(path: &'p str, mount: &str) -> Option<&'p str> {
    path.strip_prefix(mount)?.strip_prefix('/')
}

fn first(path: &str) -> &str {
    path.split('/').next().unwrap_or(path)
}

/// What the server says of the mount that holds `path`; `None` where it does not tell us.
///
/// Asked once a mount: reads of the same mount wait for the first. A server that does not tell is asked
/// until a read has shown what the mount is.
async fn engine_of(
    client: &Client,
    caller: &Caller,
    mounts: &Mounts,
    path: &str,
) -> Result<Option<(String, Engine)>, Fault> {
    let mut known = mounts.0.lock().await;
    let engines = &known.engines;
    if let Some((mount, engine)) = engines
        .iter()
        .find(|(mount, _)| below(path, mount).is_some())
    {
        return Ok(Some((mount.clone(), *engine)));
    }
    let answer = client.call(MountOf(path), caller, Retry::Read).await?;
    if answer.status != 200 {
        tracing::info!(
            path,
            status = answer.status,
            "the server does not say which mount holds this path"
        );
        known.refused = true;
        return Ok(None);
    }
    let Some(info) = parse::<MountInfo>(client, &answer)?.data else {
        return Ok(None);
    };
    let version = info
        .options
        .as_ref()
        .and_then(|options| options.version.as_deref());
    let engine = match (&*info.kind, version) {
        ("kv", Some("2")) => Engine::Kv(KvVersion::V2),
        ("kv" | "generic", _) => Engine::Kv(KvVersion::V1),
        _ => Engine::Other,
    };
    let mount = info.path.trim_matches('/').to_owned();
    // a namespace in front of the mount is not part of what we were asked for
    if below(path, &mount).is_none() {
        return Ok(None);
    }
    tracing::debug!(mount, ?engine, "found the mount");
    known.engines.insert(mount.clone(), engine);
    Ok(Some((mount, engine)))
}

#[derive(Deserialize)]
struct MountInfo {
    path: String,
    #[serde(rename = "type")]
    kind: String,
    options: Option<MountOptions>,
}

#[derive(Deserialize)]
struct MountOptions {
    version: Option<String>,
}

/// `sys/internal/ui/mounts/PATH`: which mount holds a path, and what it is.
struct MountOf<'p>(&'p str);

#[async_trait]
impl Endpoint for MountOf<'_> {
    type Response = IgnoredAny;
    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        format!("sys/internal/ui/mounts/{}", self.0)
    }

    fn method(&self) -> RequestMethod {
        RequestMethod::GET
    }
}
