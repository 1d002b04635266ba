//! A GitHub personal access token.

use async_trait::async_trait;
use rustify::endpoint::Endpoint;
use rustify::enums::{RequestMethod, RequestType, ResponseType};
use rustify::errors::ClientError;
use serde::de::IgnoredAny;
use zeroize::Zeroizing;

use super::method::{AuthMount, LoginRequest, Method, TokenSource, required};
use crate::http::answer::Answer;
use crate::secret::json;
use crate::vault::error::VaultError;
use crate::vault::setting::lookup::{Lookup, Named};
use crate::vault::setting::value::{self, Credential};
use crate::vault::setting::{About, NOT_IN_AVP, Setting, Text::Is, UnderPolicy};

pub(super) static METHOD: Method = Method {
    name: "github",
    title: "GitHub",
    meaning: "A GitHub personal access token.",
    settings: &[&GITHUB_TOKEN.about, &GITHUB_TOKEN_FILE.about],
    read,
    ..Method::NOTHING
};

static GITHUB_TOKEN: Setting<Credential> = Setting {
    about: About {
        name: "VAULT_GITHUB_TOKEN",
        avp: Some("AVP_GITHUB_TOKEN"),
        under_policy: UnderPolicy::Credential("GitHub token"),
        meaning: Is("GitHub: a personal access token."),
        ..About::NOTHING
    },
    parse: value::secret,
};
pub(crate) static GITHUB_TOKEN_FILE: Setting<Credential> = Setting {
    about: About {
        name: "VAULT_GITHUB_TOKEN_FILE",
        field: Some("spec.vault.auth.githubTokenFile"),
        is_path: true,
        under_policy: UnderPolicy::Credential("GitHub token"),
        meaning: Is("The file that holds the GitHub token."),
        differs: NOT_IN_AVP,
        ..About::NOTHING
    },
    parse: value::file,
};

/// A login with a GitHub token.
#[derive(Debug)]
pub(crate) struct GitHub {
    pub(crate) token: Named<Credential>,
}

fn read(look: &mut Lookup<'_>) -> Option<TokenSource> {
    let token = required(look, &METHOD, &[&GITHUB_TOKEN, &GITHUB_TOKEN_FILE])?;
    Some(TokenSource::Login(Box::new(GitHub { token })))
}

#[async_trait]
impl LoginRequest for GitHub {
    async fn send(&self, to: &AuthMount<'_>) -> Result<Answer, VaultError> {
        to.call(LoginWithGitHub {
            mount: to.mount(),
            token: self.token.text()?,
        })
        .await
    }
}

/// The request for `auth/MOUNT/login` with a GitHub token, which vaultrs does not have.
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
        let token = json::escape(&self.token);
        Ok(Some(format!("{{\"token\":\"{}\"}}", *token).into_bytes()))
    }
}
