//! A secret id that comes wrapped: the token around it can be used once, and only if it was made where
//! secret ids are.

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

/// What an answer is about; nothing else in it is required, since an unwrapped secret id comes only once.
#[derive(Deserialize)]
struct Body<T> {
    data: Option<T>,
}

/// Where a wrapping token was made.
#[derive(Deserialize)]
struct Origin {
    creation_path: String,
}

/// What a wrapping token for an `AppRole` secret id holds.
#[derive(Deserialize)]
struct SecretId {
    secret_id: String,
}

/// The secret id behind a wrapping token, if the token was made where secret ids are.
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
            "was made at {}, not where the AppRole mount auth/{mount} makes secret ids: somebody may have put it in its place",
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
        .ok_or_else(|| refused("holds no secret id"))
}

fn data<T: DeserializeOwned>(server: &Server, answer: &Answer) -> Result<Option<T>, VaultError> {
    serde_json::from_slice::<Body<T>>(&answer.body)
        .map(|body| body.data)
        .map_err(|_| VaultError::NotJson(server.host().to_owned()))
}

/// Whether a path makes secret ids of a role: those that Vault invents, or one that its caller names.
fn is_of_secret_ids(path: &str, mount: &str) -> bool {
    let role = path
        .strip_prefix(&format!("auth/{mount}/role/"))
        .and_then(|rest| {
            rest.strip_suffix("/secret-id")
                .or_else(|| rest.strip_suffix("/custom-secret-id"))
        });
    role.is_some_and(|role| !role.is_empty() && !role.contains('/'))
}

/// A path of the server's for a message.
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
