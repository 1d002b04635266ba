//! Reading KV secrets: where one lies, which version of the engine holds it, and how the answer reads
//! (DESIGN §4: only KV is read).

use std::collections::BTreeMap;

use async_trait::async_trait;
use rustify::endpoint::Endpoint;
use rustify::enums::{RequestMethod, RequestType, ResponseType};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use tokio::sync::Mutex;
use vaultrs::api::kv1::requests::GetSecretRequest;
use vaultrs::api::kv2::requests::ReadSecretRequest;
use vaultrs::api::kv2::responses::SecretVersionMetadata;

use super::auth::parse;
use super::client::{Answer, Caller, Client, Retry};
use super::fault::Fault;
use crate::resolve::{StoreError, StoreErrorKind};
use crate::secret::{KvVersion, Secret, SecretRef, Value, json};

/// Mounts that have been asked for, by their path without outer slashes.
#[derive(Default)]
pub struct Mounts(Mutex<BTreeMap<String, Engine>>);

/// What a mount holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Engine {
    Kv(KvVersion),
    Other,
}

/// Where a secret lies.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    mount: String,
    path: String,
    version: KvVersion,
    /// Nobody has said so: the answer has to show it.
    assumed: bool,
}

/// A failed read: one that concerns the run, or this secret alone.
pub enum ReadError {
    /// The whole store.
    Fault(Fault),
    /// The token may have run out.
    Denied(StoreError),
    /// This secret.
    Secret(StoreError),
}

impl From<Fault> for ReadError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Reads one version of one secret. `path` is checked, without outer slashes.
///
/// # Errors
/// A [`ReadError`]; its texts hold no value.
pub async fn read(
    client: &Client,
    caller: &Caller,
    mounts: &Mounts,
    want: &SecretRef,
) -> Result<Secret, ReadError> {
    let place = locate(client, caller, mounts, want).await?;
    match place.version {
        KvVersion::V1 => read_v1(client, caller, &place).await,
        KvVersion::V2 => read_v2(client, caller, mounts, &place, want).await,
    }
}

/// Finds the mount: by the operator's settings, by a `data` segment, or by asking the server.
async fn locate(
    client: &Client,
    caller: &Caller,
    mounts: &Mounts,
    want: &SecretRef,
) -> Result<Place, ReadError> {
    let settings = client.settings();
    if let Some(mount) = settings
        .kv_v1_mounts
        .iter()
        .find(|mount| below(&want.path, mount).is_some())
    {
        return confirmed(place(&want.path, mount, KvVersion::V1), want);
    }
    if let Some(mount) = settings
        .kv_v2_mounts
        .iter()
        .find(|mount| below(&want.path, mount).is_some())
    {
        return confirmed(place(&want.path, mount, KvVersion::V2), want);
    }
    let says_v1 = want.kv == Some(KvVersion::V1) || settings.kv_version == Some(KvVersion::V1);
    if let (Some((mount, path)), false) = (want.path.split_once("/data/"), says_v1) {
        return Ok(Place {
            mount: mount.to_owned(),
            path: path.to_owned(),
            version: KvVersion::V2,
            assumed: true,
        });
    }
    match engine_of(client, caller, mounts, &want.path).await? {
        Some((_, Engine::Other)) => Err(ReadError::Secret(not_kv(&want.path))),
        Some((mount, Engine::Kv(version))) => confirmed(place(&want.path, &mount, version), want),
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
            place.assumed = true;
            Ok(place)
        }
    }
}

/// A place whose engine is known, unless the manifest says otherwise.
fn confirmed(place: Place, want: &SecretRef) -> Result<Place, ReadError> {
    let claimed = want.kv.unwrap_or(place.version);
    if claimed == place.version {
        return Ok(place);
    }
    let number = |version| if version == KvVersion::V1 { 1 } else { 2 };
    Err(ReadError::Secret(refused(
        format!(
            "the mount {} is KV v{}, and avp.kubernetes.io/kv-version says {}",
            place.mount,
            number(place.version),
            number(claimed)
        ),
        "remove the annotation, or correct it",
    )))
}

fn place(whole: &str, mount: &str, version: KvVersion) -> Place {
    Place {
        mount: mount.to_owned(),
        path: version.below(mount, whole).unwrap_or_default().to_owned(),
        version,
        assumed: false,
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
/// Asked once a mount: reads of the same mount wait for the first.
async fn engine_of(
    client: &Client,
    caller: &Caller,
    mounts: &Mounts,
    path: &str,
) -> Result<Option<(String, Engine)>, Fault> {
    let mut known = mounts.0.lock().await;
    if let Some((mount, engine)) = known.iter().find(|(mount, _)| below(path, mount).is_some()) {
        return Ok(Some((mount.clone(), *engine)));
    }
    let answer = client.call(MountOf(path), caller, Retry::Read).await?;
    if answer.status != 200 {
        tracing::info!(
            path,
            status = answer.status,
            "the server does not say which mount holds this path"
        );
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
    known.insert(mount.clone(), engine);
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

async fn read_v1(client: &Client, caller: &Caller, place: &Place) -> Result<Secret, ReadError> {
    let request = GetSecretRequest {
        mount: place.mount.clone(),
        path: place.path.clone(),
    };
    let answer = client.call(request, caller, Retry::Read).await?;
    let shown = format!("{}/{}", place.mount, place.path);
    match answer.status {
        200 => {}
        403 => return Err(ReadError::Denied(denied(&answer, &shown))),
        404 => return Err(ReadError::Secret(missing(&shown))),
        status => return Err(odd_status(client, &answer, &shown, status)),
    }
    let data = data_of(client, &answer, &shown)?;
    keys(
        client,
        &data.ok_or_else(|| ReadError::Secret(missing(&shown)))?,
    )
}

async fn read_v2(
    client: &Client,
    caller: &Caller,
    mounts: &Mounts,
    place: &Place,
    want: &SecretRef,
) -> Result<Secret, ReadError> {
    let answer = get_v2(client, caller, place, want.version).await?;
    let shown = format!("{}/data/{}", place.mount, place.path);
    match answer.status {
        200 => versioned(client, &answer, &shown),
        403 => Err(ReadError::Denied(denied(&answer, &shown))),
        404 => match gone(&answer, want) {
            Some(error) => Err(ReadError::Secret(error)),
            None => not_found(client, caller, mounts, place, want).await,
        },
        status => Err(odd_status(client, &answer, &shown, status)),
    }
}

async fn get_v2(
    client: &Client,
    caller: &Caller,
    place: &Place,
    version: u64,
) -> Result<Answer, Fault> {
    let request = ReadSecretRequest {
        mount: place.mount.clone(),
        path: place.path.clone(),
        version: (version != 0).then_some(version),
    };
    client.call(request, caller, Retry::Read).await
}

#[derive(Deserialize)]
struct Versioned {
    data: Option<Box<RawValue>>,
    metadata: Option<SecretVersionMetadata>,
}

/// The keys of an answer that has KV v2's shape; any other comes from another engine.
fn versioned(client: &Client, answer: &Answer, shown: &str) -> Result<Secret, ReadError> {
    let inner = data_of(client, answer, shown)?
        .and_then(|data| serde_json::from_str::<Versioned>(data.get()).ok());
    match inner {
        Some(Versioned {
            data: Some(data),
            metadata: Some(_),
        }) => keys(client, &data),
        _ => Err(ReadError::Secret(not_kv(shown))),
    }
}

/// The `data` of an answer; one with a lease comes from another engine.
fn data_of(
    client: &Client,
    answer: &Answer,
    shown: &str,
) -> Result<Option<Box<RawValue>>, ReadError> {
    let body = parse::<Box<RawValue>>(client, answer)?;
    if !body.lease_id.is_empty() {
        return Err(ReadError::Secret(leased(shown)));
    }
    Ok(body.data)
}

fn keys(client: &Client, data: &RawValue) -> Result<Secret, ReadError> {
    match json::parse(data.get()) {
        Ok(Value::Map(keys)) => Ok(Secret::new(keys)),
        _ => Err(ReadError::Fault(Fault::NotJson(client.host().to_owned()))),
    }
}

/// A deleted or destroyed version, which Vault answers with 404 and its metadata.
fn gone(answer: &Answer, want: &SecretRef) -> Option<StoreError> {
    let body: vaultrs::api::EndpointResult<Versioned> =
        serde_json::from_slice(&answer.body).ok()?;
    let metadata = body.data?.metadata?;
    let SecretRef { path, .. } = want;
    let version = metadata.version;
    Some(if metadata.destroyed {
        refused(
            format!("version {version} of secret {path} is destroyed"),
            "ask for another version; a destroyed one cannot come back",
        )
    } else {
        refused(
            format!(
                "version {version} of secret {path} was deleted at {}",
                metadata.deletion_time
            ),
            "undelete it, or ask for another version",
        )
    })
}

/// A secret that is not there: why, as far as the server tells.
async fn not_found(
    client: &Client,
    caller: &Caller,
    mounts: &Mounts,
    place: &Place,
    want: &SecretRef,
) -> Result<Secret, ReadError> {
    if want.version != 0 {
        return Err(ReadError::Secret(refused(
            format!(
                "there is no version {} of secret {}, or no such secret",
                want.version, want.path
            ),
            "leave the version out for the latest",
        )));
    }
    let mut error = missing(&want.path);
    if place.assumed {
        match engine_of(client, caller, mounts, &want.path).await? {
            Some((_, Engine::Other)) => return Err(ReadError::Secret(not_kv(&want.path))),
            Some((mount, Engine::Kv(KvVersion::V1))) => {
                error.help = format!("{mount} is KV v1: leave out /data/, and check the path");
                error.kind = StoreErrorKind::Refused;
            }
            Some((mount, Engine::Kv(KvVersion::V2))) if mount != place.mount => {
                // `/data/` was part of the secret's own path
                let real = self::place(&want.path, &mount, KvVersion::V2);
                let answer = get_v2(client, caller, &real, 0).await?;
                if answer.status == 200 {
                    return versioned(client, &answer, &want.path);
                }
            }
            None => {
                error.help.push_str("; the server does not say what its mounts are: if this one is KV v1, let the operator list it in GITOPS_FN_KV_V1_MOUNTS");
            }
            Some(_) => {}
        }
    }
    if place.path.starts_with("data/") {
        "/data/ stands twice in the path: write it once, or not at all".clone_into(&mut error.help);
    }
    Err(ReadError::Secret(error))
}

fn missing(path: &str) -> StoreError {
    StoreError {
        kind: StoreErrorKind::Missing,
        message: format!("there is no secret {path}"),
        help: "check the mount and the path; upper and lower case differ".to_owned(),
    }
}

fn denied(answer: &Answer, path: &str) -> StoreError {
    if memchr::memmem::find(&answer.body, b"invalid token").is_some() {
        return refused(
            format!("the token is invalid or has expired: permission denied for {path}"),
            "set a fresh token, or let a login make one",
        );
    }
    refused(
        format!("permission denied for {path}"),
        &format!("the policy needs: path \"{path}\" {{ capabilities = [\"read\"] }}"),
    )
}

fn not_kv(path: &str) -> StoreError {
    refused(
        format!("{path} is not in a KV mount, and only KV secrets are read"),
        "name a secret of a KV mount as MOUNT/PATH",
    )
}

fn leased(path: &str) -> StoreError {
    refused(
        format!(
            "the answer for {path} has a lease: it is no KV secret, and only KV secrets are read"
        ),
        "name a secret of a KV mount as MOUNT/PATH",
    )
}

fn odd_status(client: &Client, answer: &Answer, path: &str, status: u16) -> ReadError {
    // Go's server says so to a client that speaks http to it
    if memchr::memmem::find(&answer.body, b"HTTP request to an HTTPS server").is_some() {
        return ReadError::Fault(Fault::Setting(format!(
            "{} speaks https, and VAULT_ADDR says http",
            client.host()
        )));
    }
    ReadError::Secret(refused(
        format!("the server answered {status} for {path}"),
        "check the path, and look at the server's log for this request",
    ))
}

fn refused(message: String, help: &str) -> StoreError {
    StoreError {
        kind: StoreErrorKind::Refused,
        message,
        help: help.to_owned(),
    }
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
