//! Revokes the token that a login has created.

use async_trait::async_trait;
use rustify::endpoint::Endpoint;
use rustify::enums::{RequestMethod, RequestType, ResponseType};
use serde::de::IgnoredAny;
use tokio::time::{Duration, Instant};

use super::session::Session;
use crate::http::answer::Answer;
use crate::vault::server::Server;

/// How long the revocation may take. It is short, since a run that has its secrets should not wait for it.
const REVOCATION: Duration = Duration::from_secs(2);

/// A token that could not be revoked, for a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnrevokedToken {
    /// How long the token stays valid; `None` if it does not expire.
    lives: Option<Duration>,
    /// Whether the token's Vault policy forbids the revocation.
    forbidden: bool,
}

impl UnrevokedToken {
    /// The warning's message.
    pub(crate) fn message(&self) -> String {
        let lives = self.lives.map_or_else(
            || ", and it never expires".to_owned(),
            |lives| format!(": it stays valid for another {}", in_words(lives)),
        );
        format!("the token of this run was not revoked{lives}")
    }

    /// The warning's help.
    pub(crate) fn help(&self) -> &'static str {
        if self.forbidden {
            r#"the policy needs: path "auth/token/revoke-self" { capabilities = ["update"] }"#
        } else {
            "the server refused to revoke it, or did not answer; its log may say why"
        }
    }
}

/// Revokes the token of a session, if this run has created it. A failure does not fail the run; it returns the token.
pub(crate) async fn revoke(server: &Server, session: &Session) -> Option<UnrevokedToken> {
    let revoker = session.revoker.as_ref()?;
    let answer = server.call_within(RevokeSelf, revoker, REVOCATION).await;
    let forbidden = match &answer {
        Ok(answer) if answer.status < 300 => {
            tracing::info!("revoked the token of this run");
            return None;
        }
        // already expired, or used up (`token_num_uses`)
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

/// A duration, rounded to seconds, minutes, hours or days: the largest unit of which there are at least two.
fn in_words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (length, unit) = match seconds {
        1 => return "1 second".to_owned(),
        0..120 => (1, "seconds"),
        120..7_200 => (60, "minutes"),
        7_200..172_800 => (3_600, "hours"),
        _ => (86_400, "days"),
    };
    format!("{} {unit}", seconds.saturating_add(length / 2) / length)
}

/// Whether the server refused because the token is invalid, as opposed to lacking a permission.
fn is_invalid_token(answer: &Answer) -> bool {
    answer.contains("invalid token") || answer.contains("bad token")
}

/// `auth/token/revoke-self`. The request of vaultrs is not used, since its path contains a tab.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_a_token_stays_valid_is_told_in_one_unit() {
        for (seconds, words) in [
            (1, "1 second"),
            (2, "2 seconds"),
            (119, "119 seconds"),
            (120, "2 minutes"),
            (599, "10 minutes"),
            (7_199, "120 minutes"),
            (7_200, "2 hours"),
            (86_400, "24 hours"),
            (172_800, "2 days"),
            (2_764_799, "32 days"),
            (u64::MAX, "213503982334601 days"),
        ] {
            assert_eq!(in_words(Duration::from_secs(seconds)), words, "{seconds}");
        }
    }
}
