//! Giving back the token that a login has made.

use async_trait::async_trait;
use rustify::endpoint::Endpoint;
use rustify::enums::{RequestMethod, RequestType, ResponseType};
use serde::de::IgnoredAny;
use tokio::time::{Duration, Instant};

use super::session::Session;
use crate::http::client::{Answer, Client, Retry};

/// A token of ours that lives on, which its owner should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftBehind {
    /// How long; `None` if it does not run out.
    lives: Option<Duration>,
    /// Whether its own policy does not let it go.
    forbidden: bool,
}

impl LeftBehind {
    /// What has happened.
    #[must_use]
    pub fn message(&self) -> String {
        let lives = self.lives.map_or_else(
            || ", and it does not run out".to_owned(),
            |lives| format!(": it lives for {} s more", lives.as_secs()),
        );
        format!("the token of this run was not revoked{lives}")
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        if self.forbidden {
            r#"the policy needs: path "auth/token/revoke-self" { capabilities = ["update"] }"#
        } else {
            "the server did not take it back, or did not answer; its log may say why"
        }
    }
}

/// Revokes a token that a login has made. A failure is no failure of the run; what is left behind then.
pub(crate) async fn revoke(client: &Client, session: &Session) -> Option<LeftBehind> {
    let giver = session.revoker.as_ref()?;
    let answer = client.call(RevokeSelf, giver, Retry::Farewell).await;
    let forbidden = match &answer {
        Ok(answer) if answer.status < 300 => {
            tracing::info!("revoked the token of this run");
            return None;
        }
        // run out, or used up (`token_num_uses`)
        Ok(answer) if answer.status == 403 && is_of_no_token(answer) => return None,
        Ok(answer) => answer.status == 403,
        Err(_) => false,
    };
    let lives = session
        .expires
        .map(|at| at.saturating_duration_since(Instant::now()));
    let is_over = lives.is_some_and(|lives| lives < Duration::from_secs(1));
    (!is_over).then_some(LeftBehind { lives, forbidden })
}

/// Whether a refusal is of the token and not of what it may do.
fn is_of_no_token(answer: &Answer) -> bool {
    answer.says("invalid token") || answer.says("bad token")
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
