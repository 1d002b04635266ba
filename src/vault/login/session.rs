//! A session with the server: the token of a login, until it is revoked.

use tokio::time::Instant;
use zeroize::Zeroizing;

use super::grant::{Grant, NoGrant};
use super::method::{AuthMount, TokenSource};
use super::{AUTH_MOUNT, Login};
use crate::http::answer::Answer;
use crate::http::client::millis;
use crate::vault::error::VaultError;
use crate::vault::request::Caller;
use crate::vault::server::Server;

/// Where the token of a session comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MadeBy {
    /// An agent adds it between this program and the server.
    Agent,
    /// The user provides it.
    User,
    /// The login of this run created it.
    Login,
}

/// The result of a login: what to send with each request, and what to revoke at the end.
pub(crate) struct Session {
    /// The token and the namespace for reading secrets.
    pub(crate) caller: Caller,
    /// Where the token comes from.
    pub(crate) made_by: MadeBy,
    /// The token and the namespace for revoking it; `None` if this run has not created it, or it is a batch token. The
    /// namespace is that of the login, because the token exists, and may revoke itself, only there.
    pub(super) revoker: Option<Caller>,
    /// When the token expires, if this run has created it.
    pub(super) expires: Option<Instant>,
}

impl Session {
    /// Whether this run has created the token and it has expired, which may be why the server refuses it.
    pub(crate) fn has_expired(&self) -> bool {
        self.expires.is_some_and(|at| Instant::now() >= at)
    }
}

/// Logs in, unless the user or an agent provides the token.
///
/// # Errors
/// A [`VaultError`], which concerns the whole run.
pub(crate) async fn login(server: &Server, login: &Login) -> Result<Session, VaultError> {
    let settings = server.settings();
    let reader = Caller {
        token: None,
        namespace: settings.location.namespace.clone(),
    };
    let request = match &login.token {
        TokenSource::Agent => {
            tracing::info!("no login: an agent adds the token");
            return Ok(user_session(reader, MadeBy::Agent, None));
        }
        TokenSource::User(token) => {
            let text = token.text()?;
            tracing::info!("no login: the token of {} is used", token.name);
            return Ok(user_session(reader, MadeBy::User, Some(text)));
        }
        TokenSource::Login(request) => request,
    };
    let caller = Caller {
        token: None,
        namespace: login
            .namespace
            .clone()
            .or_else(|| settings.location.namespace.clone()),
    };
    let begun = Instant::now();
    let to = AuthMount {
        server,
        mount: &login.mount,
        caller: &caller,
    };
    let answer = request.send(&to).await?;
    let session = session(server, login, reader, caller, begun, &answer)?;
    tracing::info!(
        method = login.method.name,
        mount = login.mount,
        millis = millis(begun.elapsed()),
        seconds_to_live = session.expires.map(|at| (at - Instant::now()).as_secs()),
        is_revoked_at_the_end = session.revoker.is_some(),
        "logged in"
    );
    Ok(session)
}

fn user_session(mut caller: Caller, made_by: MadeBy, token: Option<Zeroizing<String>>) -> Session {
    caller.token = token;
    Session {
        caller,
        made_by,
        revoker: None,
        expires: None,
    }
}

fn session(
    server: &Server,
    login: &Login,
    mut caller: Caller,
    mut revoker: Caller,
    begun: Instant,
    answer: &Answer,
) -> Result<Session, VaultError> {
    let method = login.method.name;
    let mount = || login.mount.clone();
    if answer.status != 200 {
        return Err(VaultError::Login {
            method,
            mount: mount(),
            mount_setting: &AUTH_MOUNT,
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
        made_by: MadeBy::Login,
        revoker: (!grant.is_batch).then_some(revoker),
        // the server counts from before its answer arrives, so count from before the login; a lease that is too long
        // for the clock counts as unlimited
        expires: grant.lease.and_then(|lease| begun.checked_add(lease)),
    })
}
