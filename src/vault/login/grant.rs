//! Parses the answer to a login. Only the token is required: Vault omits empty fields and adds others between versions.
//! An unexpected field must not make the token unreadable, or it would never be revoked.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

/// The token that a login has created.
pub(super) struct Grant {
    pub(super) token: Zeroizing<String>,
    /// How long the token is valid; `None` if it does not expire.
    pub(super) lease: Option<Duration>,
    /// Whether it is a batch token, which cannot be revoked.
    pub(super) is_batch: bool,
}

/// Why an answer holds no token.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoGrant {
    /// The login requires a second factor.
    SecondFactor,
    /// The answer is not Vault's answer to a login.
    NotVault,
}

#[derive(Deserialize)]
struct Body<'b> {
    #[serde(borrow)]
    auth: Option<Auth<'b>>,
}

#[derive(Deserialize)]
struct Auth<'b> {
    #[serde(borrow)]
    client_token: Option<&'b RawValue>,
    #[serde(borrow)]
    lease_duration: Option<&'b RawValue>,
    #[serde(borrow)]
    token_type: Option<&'b RawValue>,
    #[serde(borrow)]
    mfa_requirement: Option<&'b RawValue>,
}

impl Grant {
    /// Parses the body of the answer.
    ///
    /// # Errors
    /// [`NoGrant`] if it holds no token.
    pub(super) fn read(body: &[u8]) -> Result<Self, NoGrant> {
        let body: Body<'_> = serde_json::from_slice(body).map_err(|_| NoGrant::NotVault)?;
        let auth = body.auth.ok_or(NoGrant::NotVault)?;
        let token = auth
            .client_token
            .and_then(|token| serde_json::from_str(token.get()).ok())
            .map(Zeroizing::<String>::new)
            .filter(|token| !token.is_empty())
            .ok_or(if auth.mfa_requirement.is_some() {
                NoGrant::SecondFactor
            } else {
                NoGrant::NotVault
            })?;
        let lease = auth
            .lease_duration
            .and_then(|lease| serde_json::from_str::<u64>(lease.get()).ok());
        let kind = auth
            .token_type
            .and_then(|kind| serde_json::from_str::<Cow<'_, str>>(kind.get()).ok());
        Ok(Self {
            token,
            lease: lease
                .filter(|seconds| *seconds > 0)
                .map(Duration::from_secs),
            is_batch: kind.is_some_and(|kind| kind == "batch"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(auth: &str) -> Result<Grant, NoGrant> {
        Grant::read(format!("{{\"request_id\": 1, \"auth\": {auth}}}").as_bytes())
    }

    #[test]
    fn the_token_counts_whatever_is_next_to_it() {
        for (others, seconds) in [
            ("", None),
            (
                r#", "lease_duration": 60, "token_type": "service""#,
                Some(60),
            ),
            (r#", "lease_duration": 0, "mfa_requirement": {}"#, None),
            (r#", "lease_duration": "60", "token_type": 7"#, None),
            (r#", "lease_duration": 1e999, "policies": 3"#, None),
            (
                r#", "lease_duration": 18446744073709551615"#,
                Some(u64::MAX),
            ),
            (r#", "lease_duration": 18446744073709551616"#, None),
            (r#", "lease_duration": -1, "metadata": []"#, None),
        ] {
            let grant = read(&format!("{{\"client_token\": \"t\"{others}}}"))
                .ok()
                .unwrap();
            assert_eq!(*grant.token, "t", "{others}");
            assert_eq!(grant.lease, seconds.map(Duration::from_secs), "{others}");
            assert!(!grant.is_batch);
        }
        let batch = read(r#"{"client_token": "t", "token_type": "batch"}"#);
        assert!(batch.is_ok_and(|grant| grant.is_batch));
    }

    #[test]
    fn answers_without_a_token() {
        for (auth, why) in [
            ("null", NoGrant::NotVault),
            ("{}", NoGrant::NotVault),
            ("[1]", NoGrant::NotVault),
            (r#"{"client_token": 7}"#, NoGrant::NotVault),
            (
                r#"{"client_token": "", "mfa_requirement": null}"#,
                NoGrant::NotVault,
            ),
            (
                r#"{"client_token": "", "mfa_requirement": {"mfa_request_id": "r"}}"#,
                NoGrant::SecondFactor,
            ),
            (
                r#"{"client_token": null, "mfa_requirement": {}}"#,
                NoGrant::SecondFactor,
            ),
        ] {
            assert_eq!(read(auth).err(), Some(why), "{auth}");
        }
    }
}
