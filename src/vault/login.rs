//! Logging in, and giving back the token that it made (docs/internals/vault.md#logins).

mod grant;
mod revoke;
mod wrapped;

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
pub use self::revoke::{LeftBehind, revoke};
use self::wrapped::unwrap;
use crate::http::client::{Answer, Caller, Client, Retry, millis};
use crate::http::credential_file;
use crate::http::error::Fault;
use crate::vault::settings::{Credential, Method};

/// What we are allowed to use, and what has to be done with it at the end.
pub struct Session {
    /// Who asks from now on.
    pub caller: Caller,
    /// Who gives the token back, if it was made for us: a token lives in the namespace of its login, and
    /// its own policies allow that there alone.
    giver: Option<Caller>,
    /// When a token of ours runs out.
    expires: Option<Instant>,
}

impl Session {
    /// Whether the token was ours and has run out, so that a refusal may come from that.
    #[must_use]
    pub fn has_expired(&self) -> bool {
        self.expires.is_some_and(|at| Instant::now() >= at)
    }
}

/// Logs in by the settings' method; without one the server's agent does it for us.
///
/// # Errors
/// A [`Fault`] that concerns the whole run.
pub async fn login(client: &Client) -> Result<Session, Fault> {
    let settings = client.settings();
    let login = &settings.login;
    let reader = Caller {
        token: None,
        namespace: settings.namespace.clone(),
    };
    let front = Caller {
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
            tracing::info!("no login: an agent in between adds the token");
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
                    client,
                    &front,
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
            client.call(request, &front, Retry::Login).await?
        }
        Method::Jwt { role, jwt, .. } => {
            let request = LoginWithKubernetesRequest {
                mount,
                role: role.clone(),
                jwt: read(jwt, "VAULT_AUTH_JWT_FILE")?.to_string(),
            };
            client.call(request, &front, Retry::Login).await?
        }
        Method::Userpass { username, password } => {
            let request = LoginWithUserpassRequest {
                mount,
                username: username.clone(),
                password: read(password, "VAULT_PASSWORD")?.to_string(),
            };
            client.call(request, &front, Retry::Login).await?
        }
        Method::GitHub(token) => {
            let request = LoginWithGitHub {
                mount,
                token: read(token, "VAULT_GITHUB_TOKEN")?,
            };
            client.call(request, &front, Retry::Login).await?
        }
    };
    let session = session(client, reader, front, begun, &answer)?;
    tracing::info!(
        method = method_name(&login.method),
        mount = login.mount,
        millis = millis(begun),
        seconds_to_live = session.expires.map(|at| (at - Instant::now()).as_secs()),
        is_revoked_at_the_end = session.giver.is_some(),
        "logged in"
    );
    Ok(session)
}

fn user_session(mut caller: Caller, token: Option<Zeroizing<String>>) -> Session {
    caller.token = token;
    Session {
        caller,
        giver: None,
        expires: None,
    }
}

fn session(
    client: &Client,
    mut caller: Caller,
    mut giver: Caller,
    begun: Instant,
    answer: &Answer,
) -> Result<Session, Fault> {
    let login = &client.settings().login;
    let method = method_name(&login.method);
    let mount = || login.mount.clone();
    if answer.status != 200 {
        return Err(Fault::Login {
            method,
            mount: mount(),
            status: answer.status,
        });
    }
    let grant = Grant::read(&answer.body).map_err(|why| match why {
        NoGrant::SecondFactor => Fault::SecondFactor(method, mount()),
        NoGrant::NotVault => Fault::NotJson(client.host().to_owned()),
    })?;
    giver.token = Some(grant.token.clone());
    caller.token = Some(grant.token);
    Ok(Session {
        caller,
        giver: (!grant.is_batch).then_some(giver),
        // counted from before the login: the server's clock has started when its answer comes; beyond what
        // a clock can show it does not run out
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

/// The text of a credential, without the blanks around what a file holds.
fn read(credential: &Credential, setting: &str) -> Result<Zeroizing<String>, Fault> {
    let longer;
    let mut setting = setting;
    let text = match credential {
        Credential::Text(text) => text.clone(),
        Credential::File(path) => {
            if !setting.ends_with("_FILE") {
                longer = format!("{setting}_FILE");
                setting = &longer;
            }
            let content = credential_file::read(&format!("the file of {setting}"), path)?;
            let text = std::str::from_utf8(&content).map_err(|_| {
                Fault::Setting(format!(
                    "the file of {setting} is no text: {}",
                    path.display()
                ))
            })?;
            Zeroizing::new(text.trim().to_owned())
        }
    };
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(Fault::Setting(format!(
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
