//! Reads KV secrets: sends the requests and interprets the answers. Only KV is read, since reading from other engines
//! can create credentials (docs/internals/vault.md#kv-reads).

use serde::Deserialize;
use serde_json::value::RawValue;
use vaultrs::api::kv1::requests::GetSecretRequest;
use vaultrs::api::kv2::requests::ReadSecretRequest;
use vaultrs::api::kv2::responses::SecretVersionMetadata;

use super::error::VaultError;
use super::locate::Place;
use super::login::AUTH_METHOD;
use super::login::session::{MadeBy, Session};
use super::read_error::{ReadError, not_kv, refused};
use super::response::{Envelope, open};
use super::server::Server;
use crate::http::answer::Answer;
use crate::http::retry::Retry;
use crate::resolve::{MemoryBudget, StoreError, StoreErrorKind};
use crate::secret::json::{self, JsonError};
use crate::secret::wants::Keys;
use crate::secret::{KvVersion, Secret};

/// What to read of a secret.
pub(crate) struct Wanted<'r> {
    /// The version; 0 means the latest.
    pub(crate) version: u64,
    /// The keys to keep.
    pub(crate) keys: &'r Keys,
    /// The memory budget that the kept keys count against.
    pub(crate) memory: &'r MemoryBudget,
}

/// Reads the secret at a place, and keeps the keys that are wanted.
///
/// # Errors
/// A [`ReadError`]. Its messages contain no value.
pub(crate) async fn read(
    server: &Server,
    session: &Session,
    place: &Place,
    wanted: &Wanted<'_>,
) -> Result<Secret, ReadError> {
    match place.version {
        KvVersion::V1 => read_v1(server, session, place, wanted).await,
        KvVersion::V2 => read_v2(server, session, place, wanted).await,
    }
}

async fn read_v1(
    server: &Server,
    session: &Session,
    place: &Place,
    wanted: &Wanted<'_>,
) -> Result<Secret, ReadError> {
    let request = GetSecretRequest {
        mount: place.mount.clone(),
        path: place.path.clone(),
    };
    let answer = server.call(request, &session.caller, Retry::Always).await?;
    let shown = place.name();
    match answer.status {
        200 => {}
        403 => return Err(denied(server, session, &answer, &shown)),
        404 => return Err(ReadError::WrongPlace(missing(place))),
        status => return Err(odd_status(server, &answer, &shown, status)),
    }
    let data = data_of(server, &answer, &shown)?;
    let data = data.ok_or_else(|| ReadError::WrongPlace(missing(place)))?;
    keys(server, data, &shown, wanted)
}

async fn read_v2(
    server: &Server,
    session: &Session,
    place: &Place,
    wanted: &Wanted<'_>,
) -> Result<Secret, ReadError> {
    let version = wanted.version;
    let request = ReadSecretRequest {
        mount: place.mount.clone(),
        path: place.path.clone(),
        version: (version != 0).then_some(version),
    };
    let answer = server.call(request, &session.caller, Retry::Always).await?;
    let shown = format!("{}/data/{}", place.mount, place.path);
    match answer.status {
        200 => versioned(server, &answer, &shown, wanted),
        403 => Err(denied(server, session, &answer, &shown)),
        404 => Err(match gone(&answer, place) {
            Some(error) => ReadError::Secret(error),
            None if version == 0 => ReadError::WrongPlace(missing(place)),
            None => ReadError::WrongPlace(no_version(place, version)),
        }),
        status => Err(odd_status(server, &answer, &shown, status)),
    }
}

#[derive(Deserialize)]
struct Versioned<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    metadata: Option<SecretVersionMetadata>,
}

/// The wanted keys of an answer in the format of KV v2. An answer in another format is from another engine.
fn versioned(
    server: &Server,
    answer: &Answer,
    shown: &str,
    wanted: &Wanted<'_>,
) -> Result<Secret, ReadError> {
    let inner = data_of(server, answer, shown)?
        .and_then(|data| serde_json::from_str::<Versioned<'_>>(data.get()).ok());
    match inner {
        Some(Versioned {
            data: Some(data),
            metadata: Some(_),
        }) => keys(server, data, shown, wanted),
        _ => Err(ReadError::WrongPlace(not_kv(shown))),
    }
}

/// The `data` of an answer. An answer with a lease is from another engine, so it is an error.
fn data_of<'a>(
    server: &Server,
    answer: &'a Answer,
    shown: &str,
) -> Result<Option<&'a RawValue>, ReadError> {
    let body = open::<&RawValue>(server, answer)?;
    if !body.lease_id.is_empty() {
        return Err(ReadError::Secret(leased(shown)));
    }
    Ok(body.data)
}

fn keys(
    server: &Server,
    data: &RawValue,
    shown: &str,
    wanted: &Wanted<'_>,
) -> Result<Secret, ReadError> {
    let unreadable = |reason: &str| {
        ReadError::Secret(refused(
            format!("the secret at {shown} cannot be read: {reason}"),
            "store it in another form, such as a string",
        ))
    };
    match json::secret(data.get(), wanted.keys, wanted.memory.left()) {
        Ok((secret, held)) => {
            wanted.memory.take(held).map_err(ReadError::Secret)?;
            Ok(secret)
        }
        Err(JsonError::Room) => Err(ReadError::Secret(wanted.memory.exceeded())),
        // the JSON is valid, so trying again is useless; the position is left out, as it reveals the length of the
        // values before it
        Err(depth @ JsonError::Depth) => Err(unreadable(&depth.to_string())),
        Err(JsonError::Range(_)) => Err(unreadable("a number in it is out of range")),
        Err(_) => Err(ReadError::Server(VaultError::NotJson(
            server.host().to_owned(),
        ))),
    }
}

/// The error for a version that was deleted or destroyed; Vault then answers 404 with the version's metadata. `None`
/// for any other 404.
fn gone(answer: &Answer, place: &Place) -> Option<StoreError> {
    let body: Envelope<Versioned<'_>> = serde_json::from_slice(&answer.body).ok()?;
    let metadata = body.data?.metadata?;
    let path = place.name();
    let version = metadata.version;
    Some(if metadata.destroyed {
        refused(
            format!("version {version} of secret {path} is destroyed"),
            "ask for another version; a destroyed one cannot be restored",
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

/// The error for a secret that does not exist, the only one for which the `default` modifier gives a value.
fn missing(place: &Place) -> StoreError {
    let doubled = place.version == KvVersion::V2 && place.path.starts_with("data/");
    StoreError {
        kind: StoreErrorKind::Missing,
        message: format!("there is no secret {}", place.name()),
        help: if doubled {
            "the path contains /data/ twice: write it once, or not at all"
        } else {
            "check the mount and the path; upper and lower case differ"
        }
        .to_owned(),
    }
}

fn no_version(place: &Place, version: u64) -> StoreError {
    refused(
        format!(
            "there is no version {version} of secret {}, or no such secret",
            place.name()
        ),
        "leave the version out for the latest",
    )
}

fn denied(server: &Server, session: &Session, answer: &Answer, path: &str) -> ReadError {
    if answer.contains("invalid token") {
        let help = match session.made_by {
            MadeBy::User => "set a fresh token, or let a login make one",
            MadeBy::Agent => "check the agent that adds the token",
            MadeBy::Login => {
                "the token of this run's login is no longer valid: check whether it was revoked, and whether the role's token_num_uses is too low"
            }
        };
        return ReadError::InvalidToken(refused(
            format!("the token is invalid or has expired: permission denied for {path}"),
            help,
        ));
    }
    // Vault's whole answer to a request without a token; if the token lacks the permission, the answer contains more
    let had_none = answer.body.trim_ascii() == br#"{"errors":["permission denied"]}"#;
    if session.made_by == MadeBy::Agent && had_none {
        let method = server.settings().names.of(&AUTH_METHOD);
        return ReadError::Denied(refused(
            format!("permission denied for {path}: no token was sent, and no agent added one"),
            &format!(
                "{method}=none needs an agent or proxy with auto-auth (`use_auto_auth_token = true`); otherwise set a login"
            ),
        ));
    }
    ReadError::Denied(refused(
        format!("permission denied for {path}"),
        &format!("the policy needs: path \"{path}\" {{ capabilities = [\"read\"] }}"),
    ))
}

fn leased(path: &str) -> StoreError {
    refused(
        format!(
            "the answer for {path} has a lease, so it is not a KV secret, and only KV secrets are read"
        ),
        "name a secret of a KV mount as MOUNT/PATH",
    )
}

fn odd_status(server: &Server, answer: &Answer, path: &str, status: u16) -> ReadError {
    // the answer of Go's HTTPS server to an HTTP request
    if answer.contains("HTTP request to an HTTPS server") {
        return ReadError::Server(VaultError::WantsHttps(server.host().to_owned()));
    }
    // Vault's answer while `kv enable-versioning` is running
    if answer.contains("Upgrading from non-versioned") {
        return ReadError::Secret(StoreError {
            kind: StoreErrorKind::Transient,
            message: format!("the mount of {path} is being upgraded to KV v2 (transient)"),
            help: "try again".to_owned(),
        });
    }
    ReadError::Secret(refused(
        format!("the server answered {status} for {path}"),
        "check the path, and the server's log for this request",
    ))
}
