//! Reading KV secrets: the requests, and how their answers read (DESIGN §4: only KV is read).

use serde::Deserialize;
use serde_json::value::RawValue;
use vaultrs::api::kv1::requests::GetSecretRequest;
use vaultrs::api::kv2::requests::ReadSecretRequest;
use vaultrs::api::kv2::responses::SecretVersionMetadata;

use super::locate::Place;
use super::login::session::{MadeBy, Session};
use super::response::{Envelope, open};
use crate::http::client::{Answer, Client, Retry};
use crate::http::error::Fault;
use crate::resolve::{Room, StoreError, StoreErrorKind};
use crate::secret::json::{self, JsonError};
use crate::secret::wants::Keys;
use crate::secret::{KvVersion, Secret};

/// A failed read: one that concerns the run, or this secret alone.
#[derive(Clone)]
pub enum ReadError {
    /// The whole store.
    Fault(Fault),
    /// The token is none, or none any more.
    Invalid(StoreError),
    /// The token has no right to it here, or may have run out.
    Denied(StoreError),
    /// This secret, unless its mount is not the one that was assumed.
    Doubtful(StoreError),
    /// This secret.
    Secret(StoreError),
}

impl ReadError {
    /// The failure, as a store tells it.
    #[must_use]
    pub fn store_error(self) -> StoreError {
        match self {
            Self::Fault(fault) => fault.store_error(),
            Self::Invalid(error)
            | Self::Denied(error)
            | Self::Doubtful(error)
            | Self::Secret(error) => error,
        }
    }

    /// Whether the secret may lie elsewhere, if its mount was assumed.
    #[must_use]
    pub fn is_of_the_place(&self) -> bool {
        matches!(self, Self::Doubtful(_) | Self::Denied(_))
    }

    /// The failure at the place that was found instead of the one that was assumed.
    #[must_use]
    pub fn moved_to(self, real: &Place) -> StoreError {
        match self {
            Self::Doubtful(error) if real.version == KvVersion::V1 => StoreError {
                kind: StoreErrorKind::Refused,
                help: format!(
                    "{} is KV v1: leave out /data/, and check the path",
                    real.mount
                ),
                ..error
            },
            other => other.store_error(),
        }
    }

    /// The failure at a place that the server says nothing of: a secret that is not there may have been
    /// sought in the wrong way, so no default answers.
    #[must_use]
    pub fn untold(self) -> StoreError {
        let error = self.store_error();
        StoreError {
            kind: match error.kind {
                StoreErrorKind::Missing => StoreErrorKind::Refused,
                kind => kind,
            },
            help: format!(
                "{}; the server does not say what its mounts are: if this one is KV v1, let the operator list it in GITOPS_FN_KV_V1_MOUNTS",
                error.help
            ),
            ..error
        }
    }
}

impl From<Fault> for ReadError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// What is asked for at a place.
pub struct Asked<'r> {
    /// The version, 0 for the latest.
    pub version: u64,
    /// The keys that are kept.
    pub keys: &'r Keys,
    /// The memory for them.
    pub room: &'r Room,
}

/// Reads the secret at a place, and keeps what is asked for.
///
/// # Errors
/// A [`ReadError`]; its texts hold no value.
pub async fn read(
    client: &Client,
    session: &Session,
    place: &Place,
    asked: &Asked<'_>,
) -> Result<Secret, ReadError> {
    match place.version {
        KvVersion::V1 => read_v1(client, session, place, asked).await,
        KvVersion::V2 => read_v2(client, session, place, asked).await,
    }
}

async fn read_v1(
    client: &Client,
    session: &Session,
    place: &Place,
    asked: &Asked<'_>,
) -> Result<Secret, ReadError> {
    let request = GetSecretRequest {
        mount: place.mount.clone(),
        path: place.path.clone(),
    };
    let answer = client.call(request, &session.caller, Retry::Read).await?;
    let shown = place.name();
    match answer.status {
        200 => {}
        403 => return Err(denied(session, &answer, &shown)),
        404 => return Err(ReadError::Doubtful(missing(place))),
        status => return Err(odd_status(client, &answer, &shown, status)),
    }
    let data = data_of(client, &answer, &shown)?;
    let data = data.ok_or_else(|| ReadError::Doubtful(missing(place)))?;
    keys(client, data, &shown, asked)
}

async fn read_v2(
    client: &Client,
    session: &Session,
    place: &Place,
    asked: &Asked<'_>,
) -> Result<Secret, ReadError> {
    let version = asked.version;
    let request = ReadSecretRequest {
        mount: place.mount.clone(),
        path: place.path.clone(),
        version: (version != 0).then_some(version),
    };
    let answer = client.call(request, &session.caller, Retry::Read).await?;
    let shown = format!("{}/data/{}", place.mount, place.path);
    match answer.status {
        200 => versioned(client, &answer, &shown, asked),
        403 => Err(denied(session, &answer, &shown)),
        404 => Err(match gone(&answer, place) {
            Some(error) => ReadError::Secret(error),
            None if version == 0 => ReadError::Doubtful(missing(place)),
            None => ReadError::Doubtful(no_version(place, version)),
        }),
        status => Err(odd_status(client, &answer, &shown, status)),
    }
}

#[derive(Deserialize)]
struct Versioned<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    metadata: Option<SecretVersionMetadata>,
}

/// The keys of an answer that has KV v2's shape; any other comes from another engine.
fn versioned(
    client: &Client,
    answer: &Answer,
    shown: &str,
    asked: &Asked<'_>,
) -> Result<Secret, ReadError> {
    let inner = data_of(client, answer, shown)?
        .and_then(|data| serde_json::from_str::<Versioned<'_>>(data.get()).ok());
    match inner {
        Some(Versioned {
            data: Some(data),
            metadata: Some(_),
        }) => keys(client, data, shown, asked),
        _ => Err(ReadError::Doubtful(not_kv(shown))),
    }
}

/// The `data` of an answer; one with a lease comes from another engine.
fn data_of<'a>(
    client: &Client,
    answer: &'a Answer,
    shown: &str,
) -> Result<Option<&'a RawValue>, ReadError> {
    let body = open::<&RawValue>(client, answer)?;
    if !body.lease_id.is_empty() {
        return Err(ReadError::Secret(leased(shown)));
    }
    Ok(body.data)
}

fn keys(
    client: &Client,
    data: &RawValue,
    shown: &str,
    asked: &Asked<'_>,
) -> Result<Secret, ReadError> {
    let unreadable = |reason: &str| {
        ReadError::Secret(refused(
            format!("the secret at {shown} cannot be read: {reason}"),
            "write it in another form, such as a text",
        ))
    };
    match json::secret(data.get(), asked.keys, asked.room.left()) {
        Ok((secret, held)) => {
            asked.room.take(held).map_err(ReadError::Secret)?;
            Ok(secret)
        }
        Err(JsonError::Room) => Err(ReadError::Secret(asked.room.over())),
        // it is JSON, and would be no other next time; where in it tells how long the values before are
        Err(depth @ JsonError::Depth) => Err(unreadable(&depth.to_string())),
        Err(JsonError::Range(_)) => Err(unreadable("a number in it is out of range")),
        Err(_) => Err(ReadError::Fault(Fault::NotJson(client.host().to_owned()))),
    }
}

/// A deleted or destroyed version, which Vault answers with 404 and its metadata.
fn gone(answer: &Answer, place: &Place) -> Option<StoreError> {
    let body: Envelope<Versioned<'_>> = serde_json::from_slice(&answer.body).ok()?;
    let metadata = body.data?.metadata?;
    let path = place.name();
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

/// A secret that is not there: the one failure that `default` answers.
fn missing(place: &Place) -> StoreError {
    let doubled = place.version == KvVersion::V2 && place.path.starts_with("data/");
    StoreError {
        kind: StoreErrorKind::Missing,
        message: format!("there is no secret {}", place.name()),
        help: if doubled {
            "/data/ stands twice in the path: write it once, or not at all"
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

fn denied(session: &Session, answer: &Answer, path: &str) -> ReadError {
    if answer.says("invalid token") {
        let help = match session.made_by {
            MadeBy::User => "set a fresh token, or let a login make one",
            MadeBy::Agent => "look at the agent that adds the token",
            MadeBy::Login => {
                "the token of this run's login does not count any more: see whether it was revoked, or the role's token_num_uses are too few"
            }
        };
        return ReadError::Invalid(refused(
            format!("the token is invalid or has expired: permission denied for {path}"),
            help,
        ));
    }
    // so Vault answers where there is none; of a token without the right it says that an error has occurred
    let had_none = answer.body.trim_ascii() == br#"{"errors":["permission denied"]}"#;
    if session.made_by == MadeBy::Agent && had_none {
        return ReadError::Denied(refused(
            format!(
                "permission denied for {path}: no token was sent, and none was added on the way"
            ),
            "behind VAULT_AUTH_METHOD=none there has to be an agent or proxy with auto-auth (`use_auto_auth_token = true`); else set a login",
        ));
    }
    ReadError::Denied(refused(
        format!("permission denied for {path}"),
        &format!("the policy needs: path \"{path}\" {{ capabilities = [\"read\"] }}"),
    ))
}

/// A path of another engine.
#[must_use]
pub fn not_kv(path: &str) -> StoreError {
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
    if answer.says("HTTP request to an HTTPS server") {
        return ReadError::Fault(Fault::Setting(format!(
            "{} speaks https, and VAULT_ADDR says http",
            client.host()
        )));
    }
    // Vault says so while `enable-versioning` is at work
    if answer.says("Upgrading from non-versioned") {
        return ReadError::Secret(StoreError {
            kind: StoreErrorKind::Transient,
            message: format!("the mount of {path} is being upgraded to KV v2 (transient)"),
            help: "try again".to_owned(),
        });
    }
    ReadError::Secret(refused(
        format!("the server answered {status} for {path}"),
        "check the path, and look at the server's log for this request",
    ))
}

/// The store says no.
#[must_use]
pub fn refused(message: String, help: &str) -> StoreError {
    StoreError {
        kind: StoreErrorKind::Refused,
        message,
        help: help.to_owned(),
    }
}
