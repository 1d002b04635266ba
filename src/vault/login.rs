//! Logs in, and revokes the token that the login has made (docs/internals/vault.md#logins).

mod grant;
mod revoke;
mod wrapped;

use std::fmt::Display;

use async_trait::async_trait;
use rustify::endpoint::Endpoint;
use rustify::enums::{RequestMethod, RequestType, ResponseType};
use rustify::errors::ClientError;
use serde::de::IgnoredAny;
use tokio::time::Instant;
use vaultrs::api::auth::approle::requests::LoginWithApproleRequest;
use vaultrs::api::auth::kubernetes::requests::LoginWithKubernetesRequest;
use vaultrs::api::auth::userpass::requests::LoginRequest as LoginWithUserpassRequest;
use zeroize::Zeroizing;

use self::grant::{Grant, NoGrant};
pub(crate) use self::revoke::revoke;
use self::wrapped::unwrap;
use super::error::VaultError;
use super::request::Caller;
use super::server::Server;
use super::settings::{Credential, Method};
use crate::http::answer::Answer;
use crate::http::client::millis;
use crate::http::credential_file;
use crate::http::retry::Retry;

/// A login: what to send with each request, and what to revoke at the end.
pub(crate) struct Session {
    /// Whose token each read carries.
    pub(crate) caller: Caller,
    /// Who revokes the token, if this run has made it: only in the namespace of its login does the token exist, and
    /// may it revoke itself.
    revoker: Option<Caller>,
    /// When a token that this run has made expires.
    expires: Option<Instant>,
}

impl Session {
    /// Whether this run has made the token and it has expired, which may explain a refusal.
    pub(crate) fn has_expired(&self) -> bool {
        self.expires.is_some_and(|at| Instant::now() >= at)
    }
}

/// Logs in by the method of the settings; with `none` an agent in front of the server adds the token.
///
/// # Errors
/// A [`VaultError`] that concerns the whole run.
pub(crate) async fn login(server: &Server) -> Result<Session, VaultError> {
    let settings = server.settings();
    let login = &settings.login;
    let reader = Caller {
        token: None,
        namespace: settings.namespace.clone(),
    };
    let login_caller = Caller {
        token: None,
        namespace: login
            .namespace
            .clone()
            .or_else(|| settings.namespace.clone()),
    };
    let mount = login.mount.clone();
    let begun = Instant::now();
    let answer = match &login.method {
        Method::None => {
            tracing::info!("no login: an agent adds the token");
            return Ok(user_session(reader, None));
        }
        Method::Token(token) => {
            let token = read(token, "VAULT_TOKEN")?;
            tracing::info!("no login: the token of VAULT_TOKEN or its file is used");
            return Ok(user_session(reader, Some(token)));
        }
        Method::AppRole {
            role_id,
            secret_id,
            wrapped,
        } => {
            let role_id = read(role_id, "VAULT_ROLE_ID")?;
            let secret_id = if *wrapped {
                unwrap(
                    server,
                    &login_caller,
                    &mount,
                    &read(secret_id, "VAULT_WRAPPED_SECRET_ID")?,
                )
                .await?
            } else {
                read(secret_id, "VAULT_SECRET_ID")?
            };
            let request = LoginWithApproleRequest {
                mount,
                role_id: role_id.to_string(),
                secret_id: secret_id.to_string(),
            };
            server
                .call(request, &login_caller, Retry::Unprocessed)
                .await?
        }
        Method::Jwt { role, jwt, .. } => {
            let request = LoginWithKubernetesRequest {
                mount,
                role: role.clone(),
                jwt: read(jwt, "VAULT_AUTH_JWT_FILE")?.to_string(),
            };
            server
                .call(request, &login_caller, Retry::Unprocessed)
                .await?
        }
        Method::Userpass { username, password } => {
            let request = LoginWithUserpassRequest {
                mount,
                username: username.clone(),
                password: read(password, "VAULT_PASSWORD")?.to_string(),
            };
            server
                .call(request, &login_caller, Retry::Unprocessed)
                .await?
        }
        Method::GitHub(token) => {
            let request = LoginWithGitHub {
                mount,
                token: read(token, "VAULT_GITHUB_TOKEN")?,
            };
            server
                .call(request, &login_caller, Retry::Unprocessed)
                .await?
        }
    };
    let session = session(server, reader, login_caller, begun, &answer)?;
    tracing::info!(
        method = method_name(&login.method),
        mount = login.mount,
        millis = millis(begun.elapsed()),
        seconds_to_live = session.expires.map(|at| (at - Instant::now()).as_secs()),
        is_revoked_at_the_end = session.revoker.is_some(),
        "logged in"
    );
    Ok(session)
}

fn user_session(mut caller: Caller, token: Option<Zeroizing<String>>) -> Session {
    caller.token = token;
    Session {
        caller,
        revoker: None,
        expires: None,
    }
}

fn session(
    server: &Server,
    mut caller: Caller,
    mut revoker: Caller,
    begun: Instant,
    answer: &Answer,
) -> Result<Session, VaultError> {
    let login = &server.settings().login;
    let method = method_name(&login.method);
    let mount = || login.mount.clone();
    if answer.status != 200 {
        return Err(VaultError::Login {
            method,
            mount: mount(),
            status: answer.status,
        });
    }
    let grant = Grant::read(&answer.body).map_err(|why| match why {
        NoGrant::SecondFactor => VaultError::SecondFactor(method, mount()),
        NoGrant::NotVault => VaultError::NotJson(server.host().to_owned()),
    })?;
    revoker.token = Some(grant.token.clone());
    caller.token = Some(grant.token);
    Ok(Session {
        caller,
        revoker: (!grant.is_batch).then_some(revoker),
        // counted from before the login, since the server has counted before its answer arrives; a lease that is too
        // long for the clock does not expire
        expires: grant.lease.and_then(|lease| begun.checked_add(lease)),
    })
}

fn method_name(method: &Method) -> &'static str {
    match method {
        Method::None => "agent",
        Method::Token(_) => "token",
        Method::AppRole { .. } => "approle",
        Method::Jwt {
            kubernetes: true, ..
        } => "kubernetes",
        Method::Jwt { .. } => "jwt",
        Method::Userpass { .. } => "userpass",
        Method::GitHub(_) => "github",
    }
}

/// The text of a credential, without the blanks at both ends of a file.
fn read(credential: &Credential, setting: &str) -> Result<Zeroizing<String>, VaultError> {
    let longer;
    let mut setting = setting;
    let text = match credential {
        Credential::Text(text) => text.clone(),
        Credential::File(path) => {
            if !setting.ends_with("_FILE") {
                longer = format!("{setting}_FILE");
                setting = &longer;
            }
            let unusable = |problem: &dyn Display| {
                VaultError::Setting(format!(
                    "the file of {setting} {problem}: {}",
                    path.display()
                ))
            };
            let content = credential_file::read(path).map_err(|error| unusable(&error))?;
            let text = std::str::from_utf8(&content).map_err(|_| unusable(&"is not text"))?;
            Zeroizing::new(text.trim().to_owned())
        }
    };
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(VaultError::Setting(format!(
            "{setting} is empty, or has a line break or control character"
        )));
    }
    Ok(text)
}

/// `auth/MOUNT/login` with a GitHub token, which vaultrs does not have.
struct LoginWithGitHub {
    mount: String,
    token: Zeroizing<String>,
}

#[async_trait]
impl Endpoint for LoginWithGitHub {
    type Response = IgnoredAny;
    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        format!("auth/{}/login", self.mount)
    }

    fn method(&self) -> RequestMethod {
        RequestMethod::POST
    }

    fn body(&self) -> Result<Option<Vec<u8>>, ClientError> {
        let token = crate::secret::json::escape(&self.token);
        Ok(Some(format!("{{\"token\":\"{}\"}}", *token).into_bytes()))
    }
}
