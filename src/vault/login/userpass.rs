//! A user name and a password.

use async_trait::async_trait;
use vaultrs::api::auth::userpass::requests::LoginRequest as LoginWithUserpassRequest;

use super::method::{AuthMount, LoginRequest, Method, TokenSource, required};
use crate::http::answer::Answer;
use crate::vault::error::VaultError;
use crate::vault::setting::lookup::{Lookup, Named};
use crate::vault::setting::value::{self, Credential};
use crate::vault::setting::{About, NOT_IN_AVP, Setting, Text::Is, UnderPolicy};

pub(super) static METHOD: Method = Method {
    name: "userpass",
    title: "Userpass",
    meaning: "A user name and a password.",
    settings: &[&USERNAME.about, &PASSWORD.about, &PASSWORD_FILE.about],
    read,
    ..Method::NOTHING
};

pub(crate) static USERNAME: Setting<String> = Setting {
    about: About {
        name: "VAULT_USERNAME",
        avp: Some("AVP_USERNAME"),
        field: Some("spec.vault.auth.username"),
        under_policy: UnderPolicy::Credential("user"),
        meaning: Is("Userpass: the user."),
        ..About::NOTHING
    },
    parse: value::user,
};
static PASSWORD: Setting<Credential> = Setting {
    about: About {
        name: "VAULT_PASSWORD",
        avp: Some("AVP_PASSWORD"),
        under_policy: UnderPolicy::Credential("password"),
        meaning: Is("Userpass: the password."),
        ..About::NOTHING
    },
    parse: value::secret,
};
pub(crate) static PASSWORD_FILE: Setting<Credential> = Setting {
    about: About {
        name: "VAULT_PASSWORD_FILE",
        field: Some("spec.vault.auth.passwordFile"),
        is_path: true,
        under_policy: UnderPolicy::Credential("password"),
        meaning: Is("The file that holds the password."),
        differs: NOT_IN_AVP,
        ..About::NOTHING
    },
    parse: value::file,
};

/// A login with a user name and a password.
#[derive(Debug)]
pub(crate) struct Userpass {
    pub(crate) username: String,
    pub(crate) password: Named<Credential>,
}

fn read(look: &mut Lookup<'_>) -> Option<TokenSource> {
    let username = required(look, &METHOD, &[&USERNAME]);
    let password = required(look, &METHOD, &[&PASSWORD, &PASSWORD_FILE]);
    Some(TokenSource::Login(Box::new(Userpass {
        username: username?.value,
        password: password?,
    })))
}

#[async_trait]
impl LoginRequest for Userpass {
    async fn send(&self, to: &AuthMount<'_>) -> Result<Answer, VaultError> {
        to.call(LoginWithUserpassRequest {
            mount: to.mount(),
            username: self.username.clone(),
            password: self.password.text()?.to_string(),
        })
        .await
    }
}
