//! A wrapped secret ID: a wrapping token holds it and can be used once. It is used only if it was created where secret
//! IDs are, so that nobody can pass off a token of their own.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use vaultrs::api::sys::requests::{UnwrapRequest, WrappingLookupRequest};
use zeroize::Zeroizing;

use super::method::AuthMount;
use crate::http::answer::Answer;
use crate::http::retry::Retry;
use crate::vault::error::VaultError;
use crate::vault::request::Caller;
use crate::vault::server::Server;
use crate::vault::setting::lookup::Named;
use crate::vault::setting::value::Credential;

/// The `data` of an answer. Nothing else is required, since an unwrapped secret ID comes only once.
#[derive(Deserialize)]
struct Body<T> {
    data: Option<T>,
}

/// Where a wrapping token was created.
#[derive(Deserialize)]
struct Origin {
    creation_path: String,
}

/// The content of a wrapping token for an `AppRole` secret ID.
#[derive(Deserialize)]
struct SecretId {
    secret_id: String,
}

/// The secret ID in a wrapping token, if the token was created where secret IDs are.
pub(super) async fn unwrap(
    to: &AuthMount<'_>,
    wrapping: &Named<Credential>,
) -> Result<Zeroizing<String>, VaultError> {
    let AuthMount { server, mount, .. } = to;
    let token = wrapping.text()?;
    let refused = |why: &str| VaultError::Credential(wrapping.name.clone(), why.to_owned());
    let lookup = WrappingLookupRequest {
        token: token.to_string(),
    };
    let answer = to.call(lookup).await?;
    if answer.status != 200 {
        return Err(refused(
            "is not a wrapping token, has been used, or has expired",
        ));
    }
    let found = data::<Origin>(server, &answer)?;
    let path = found.map(|data| data.creation_path).unwrap_or_default();
    if !is_of_secret_ids(&path, mount) {
        return Err(refused(&format!(
            "was created at {}, and not where the AppRole mount auth/{mount} creates secret IDs: someone may have replaced it",
            shown(&path)
        )));
    }
    let caller = Caller {
        token: Some(token),
        namespace: to.caller.namespace.clone(),
    };
    let answer = server
        .call(UnwrapRequest { token: None }, &caller, Retry::Never)
        .await?;
    if answer.status != 200 {
        return Err(refused("could not be unwrapped"));
    }
    data::<SecretId>(server, &answer)?
        .map(|data| Zeroizing::new(data.secret_id))
        .ok_or_else(|| refused("holds no secret ID"))
}

fn data<T: DeserializeOwned>(server: &Server, answer: &Answer) -> Result<Option<T>, VaultError> {
    serde_json::from_slice::<Body<T>>(&answer.body)
        .map(|body| body.data)
        .map_err(|_| VaultError::NotJson(server.host().to_owned()))
}

/// Whether a path creates secret IDs of a role of this mount: one that Vault generates, or one that the caller chooses.
fn is_of_secret_ids(path: &str, mount: &str) -> bool {
    let role = path
        .strip_prefix(&format!("auth/{mount}/role/"))
        .and_then(|rest| {
            rest.strip_suffix("/secret-id")
                .or_else(|| rest.strip_suffix("/custom-secret-id"))
        });
    role.is_some_and(|role| !role.is_empty() && !role.contains('/'))
}

/// A path that the server has sent, for a message.
fn shown(path: &str) -> &str {
    let fits = path.len() <= 256 && path.chars().all(|ch| ch.is_ascii_graphic());
    if fits { path } else { "another path" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapping_token_is_of_a_role_of_the_mount() {
        for (path, is) in [
            ("auth/teams/web/role/ci/secret-id", true),
            ("auth/teams/web/role/ci/custom-secret-id", true),
            ("auth/teams/web/role//secret-id", false),
            ("auth/teams/web/role/secret-id", false),
            ("auth/teams/web/role/a/b/secret-id", false),
            ("auth/teams/web/role/ci/secret-id/lookup", false),
            ("auth/teams/web/role/ci/other-secret-id", false),
            ("auth/teams/role/ci/secret-id", false),
            ("sys/wrapping/wrap", false),
        ] {
            assert_eq!(is_of_secret_ids(path, "teams/web"), is, "{path}");
        }
    }
}
