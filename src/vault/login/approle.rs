//! AppRole: a role id and a secret id, which may be wrapped.

use async_trait::async_trait;
use vaultrs::api::auth::approle::requests::LoginWithApproleRequest;

use super::method::{AuthMount, LoginRequest, Method, TokenSource, required};
use super::wrapped_secret_id::unwrap;
use crate::http::answer::Answer;
use crate::vault::error::VaultError;
use crate::vault::setting::lookup::{Lookup, Named};
use crate::vault::setting::value::{self, Credential};
use crate::vault::setting::{About, NOT_IN_AVP, Setting, Text::Is, UnderPolicy};

pub(super) static METHOD: Method = Method {
    name: "approle",
    title: "AppRole",
    meaning: "A role id and a secret id.",
    settings: &[
        &ROLE_ID.about,
        &ROLE_ID_FILE.about,
        &SECRET_ID.about,
        &SECRET_ID_FILE.about,
        &WRAPPED_SECRET_ID.about,
        &WRAPPED_SECRET_ID_FILE.about,
    ],
    read,
    ..Method::NOTHING
};

static ROLE_ID: Setting<Credential> = Setting {
    about: About {
        name: "VAULT_ROLE_ID",
        avp: Some("AVP_ROLE_ID"),
        under_policy: UnderPolicy::Credential("role id"),
        meaning: Is("AppRole: the role id."),
        help: Some(Is("AppRole, with VAULT_SECRET_ID; each also as …_FILE")),
        ..About::NOTHING
    },
    parse: value::secret,
};
pub(crate) static ROLE_ID_FILE: Setting<Credential> = Setting {
    about: About {
        name: "VAULT_ROLE_ID_FILE",
        field: Some("spec.vault.auth.roleIdFile"),
        is_path: true,
        under_policy: UnderPolicy::Credential("role id"),
        meaning: Is("The file that holds the role id."),
        differs: NOT_IN_AVP,
        ..About::NOTHING
    },
    parse: value::file,
};
static SECRET_ID: Setting<Credential> = Setting {
    about: About {
        name: "VAULT_SECRET_ID",
        avp: Some("AVP_SECRET_ID"),
        under_policy: UnderPolicy::Credential("secret id"),
        meaning: Is("AppRole: the secret id."),
        ..About::NOTHING
    },
    parse: value::secret,
};
pub(crate) static SECRET_ID_FILE: Setting<Credential> = Setting {
    about: About {
        name: "VAULT_SECRET_ID_FILE",
        field: Some("spec.vault.auth.secretIdFile"),
        is_path: true,
        under_policy: UnderPolicy::Credential("secret id"),
        meaning: Is("The file that holds the secret id."),
        differs: NOT_IN_AVP,
        ..About::NOTHING
    },
    parse: value::file,
};
static WRAPPED_SECRET_ID: Setting<Credential> = Setting {
    about: About {
        name: "VAULT_WRAPPED_SECRET_ID",
        under_policy: UnderPolicy::Credential("secret id"),
        meaning: Is("AppRole: a token that wraps the secret id, instead of it."),
        differs: NOT_IN_AVP,
        ..About::NOTHING
    },
    parse: value::visible_secret,
};
pub(crate) static WRAPPED_SECRET_ID_FILE: Setting<Credential> = Setting {
    about: About {
        name: "VAULT_WRAPPED_SECRET_ID_FILE",
        field: Some("spec.vault.auth.wrappedSecretIdFile"),
        is_path: true,
        under_policy: UnderPolicy::Credential("secret id"),
        meaning: Is("The file that holds the wrapping token."),
        differs: NOT_IN_AVP,
        ..About::NOTHING
    },
    parse: value::file,
};

/// A login with a role id and a secret id.
#[derive(Debug)]
pub(crate) struct AppRole {
    pub(crate) role_id: Named<Credential>,
    /// The secret id, or a token that wraps it.
    pub(crate) secret_id: Named<Credential>,
}

impl AppRole {
    /// Whether the secret id is wrapped.
    pub(crate) fn is_wrapped(&self) -> bool {
        let wrapped = [&WRAPPED_SECRET_ID, &WRAPPED_SECRET_ID_FILE];
        wrapped
            .iter()
            .any(|setting| self.secret_id.name.setting.name == setting.name)
    }
}

fn read(look: &mut Lookup<'_>) -> Option<TokenSource> {
    let role_id = required(look, &METHOD, &[&ROLE_ID, &ROLE_ID_FILE]);
    let secret_id = required(
        look,
        &METHOD,
        &[
            &SECRET_ID,
            &SECRET_ID_FILE,
            &WRAPPED_SECRET_ID,
            &WRAPPED_SECRET_ID_FILE,
        ],
    );
    Some(TokenSource::Login(Box::new(AppRole {
        role_id: role_id?,
        secret_id: secret_id?,
    })))
}

#[async_trait]
impl LoginRequest for AppRole {
    async fn send(&self, to: &AuthMount<'_>) -> Result<Answer, VaultError> {
        let role_id = self.role_id.text()?;
        let secret_id = if self.is_wrapped() {
            unwrap(to, &self.secret_id).await?
        } else {
            self.secret_id.text()?
        };
        to.call(LoginWithApproleRequest {
            mount: to.mount(),
            role_id: role_id.to_string(),
            secret_id: secret_id.to_string(),
        })
        .await
    }
}
