//! Giving back the token that a login has made.

use async_trait::async_trait;
use rustify::endpoint::Endpoint;
use rustify::enums::{RequestMethod, RequestType, ResponseType};
use serde::de::IgnoredAny;
use tokio::time::{Duration, Instant};

use super::session::Session;
use crate::http::answer::Answer;
use crate::vault::server::Server;

/// How long the revocation may take; it must not keep a run waiting that has its secrets.
const REVOCATION: Duration = Duration::from_secs(2);

/// A token of this run that could not be revoked, which its owner should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnrevokedToken {
    /// How long it stays valid; `None` if it does not expire.
    lives: Option<Duration>,
    /// Whether its own policy does not allow the revocation.
    forbidden: bool,
}

impl UnrevokedToken {
    /// What has happened.
    pub(crate) fn message(&self) -> String {
        let lives = self.lives.map_or_else(
            || ", and it does not run out".to_owned(),
            |lives| format!(": it lives for {} s more", lives.as_secs()),
        );
        format!("the token of this run was not revoked{lives}")
    }

    /// What to do about it.
    pub(crate) fn help(&self) -> &'static str {
        if self.forbidden {
            r#"the policy needs: path "auth/token/revoke-self" { capabilities = ["update"] }"#
        } else {
            "the server did not take it back, or did not answer; its log may say why"
        }
    }
}

/// Revokes the token of a login. A failure does not fail the run; the token is returned then.
pub(crate) async fn revoke(server: &Server, session: &Session) -> Option<UnrevokedToken> {
    let revoker = session.revoker.as_ref()?;
    let answer = server.call_within(RevokeSelf, revoker, REVOCATION).await;
    let forbidden = match &answer {
        Ok(answer) if answer.status < 300 => {
            tracing::info!("revoked the token of this run");
            return None;
        }
        // expired, or used up (`token_num_uses`)
        Ok(answer) if answer.status == 403 && is_invalid_token(answer) => return None,
        Ok(answer) => answer.status == 403,
        Err(_) => false,
    };
    let lives = session
        .expires
        .map(|at| at.saturating_duration_since(Instant::now()));
    let is_over = lives.is_some_and(|lives| lives < Duration::from_secs(1));
    (!is_over).then_some(UnrevokedToken { lives, forbidden })
}

/// Whether the server refused because the token is invalid, and not because of what the token may do.
fn is_invalid_token(answer: &Answer) -> bool {
    answer.contains("invalid token") || answer.contains("bad token")
}

/// `auth/token/revoke-self`; vaultrs' own has a tab in its path.
struct RevokeSelf;

#[async_trait]
impl Endpoint for RevokeSelf {
    type Response = IgnoredAny;
    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        "auth/token/revoke-self".to_owned()
    }

    fn method(&self) -> RequestMethod {
        RequestMethod::POST
    }
}
