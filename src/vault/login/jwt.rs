//! A signed token of Kubernetes or another issuer: two methods with the same settings and the same request.

use async_trait::async_trait;
use vaultrs::api::auth::kubernetes::requests::LoginWithKubernetesRequest;

use super::method::{Ambiguous, AuthMount, LoginRequest, Method, Mount, TokenSource, required};
use crate::http::answer::Answer;
use crate::vault::error::VaultError;
use crate::vault::setting::lookup::{Lookup, Named};
use crate::vault::setting::value::{self, Credential};
use crate::vault::setting::{About, Setting, Text::Is, UnderPolicy};

/// The file in which Kubernetes puts a pod's token; also AVP's default.
const POD_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

pub(super) static KUBERNETES: Method = Method {
    name: "kubernetes",
    avp: Some("k8s"),
    title: "Kubernetes",
    meaning: "A Kubernetes service account.",
    settings: &[&AUTH_ROLE.about, &AUTH_JWT_FILE.about],
    confirm: is_kubernetes,
    mount: Mount::Own(&K8S_MOUNT),
    policy_must_set: &[(&AUTH_ROLE.about, "name the role of the login")],
    read: read_kubernetes,
    ..Method::NOTHING
};

pub(super) static JWT: Method = Method {
    name: "jwt",
    title: "JWT",
    meaning: "A signed token of another issuer.",
    settings: &[&AUTH_ROLE.about, &AUTH_JWT_FILE.about],
    must_be_named: true,
    policy_must_set: &[
        (&AUTH_ROLE.about, "name the role of the login"),
        (&AUTH_JWT_FILE.about, "name the file of the signed token"),
    ],
    read: read_jwt,
    ..Method::NOTHING
};

pub(crate) static AUTH_ROLE: Setting<String> = Setting {
    about: About {
        name: "VAULT_AUTH_ROLE",
        avp: Some("AVP_K8S_ROLE"),
        field: Some("spec.vault.auth.role"),
        meaning: Is("Kubernetes and JWT: the role."),
        ..About::NOTHING
    },
    parse: value::visible,
};
pub(crate) static AUTH_JWT_FILE: Setting<Credential> = Setting {
    about: About {
        name: "VAULT_AUTH_JWT_FILE",
        avp: Some("AVP_K8S_TOKEN_PATH"),
        field: Some("spec.vault.auth.jwtFile"),
        is_path: true,
        under_policy: UnderPolicy::Credential("signed token"),
        default: Is("`kubernetes`: the pod's own token"),
        meaning: Is(
            "Kubernetes and JWT: the file that holds the signed token. Name the method where it is set.",
        ),
        ..About::NOTHING
    },
    parse: value::file,
};
static K8S_MOUNT: Setting<String> = Setting {
    about: About {
        name: "AVP_K8S_MOUNT_PATH",
        meaning: Is(
            "The auth mount of the method `kubernetes`; counts instead of `AVP_MOUNT_PATH`.",
        ),
        differs: "AVP wants `auth/` in front.",
        ..About::NOTHING
    },
    parse: value::auth_mount,
};

/// A login with a role and a signed token.
#[derive(Debug)]
pub(crate) struct Jwt {
    pub(crate) role: String,
    pub(crate) jwt: Named<Credential>,
}

/// Checks that the method `kubernetes` is meant. The file of a token is ambiguous, since both methods have that
/// setting; AVP's names are not, since AVP has no JWT method.
fn is_kubernetes(look: &Lookup<'_>) -> Result<(), Ambiguous> {
    let avp = [AUTH_ROLE.avp, AUTH_JWT_FILE.avp];
    if avp
        .into_iter()
        .flatten()
        .any(|name| look.has_variable(name))
    {
        return Ok(());
    }
    match look.is_set(&AUTH_JWT_FILE) {
        None => Ok(()),
        Some(_) => Err(Ambiguous {
            setting: &AUTH_JWT_FILE,
            methods: [KUBERNETES.name, JWT.name],
        }),
    }
}

fn read_kubernetes(look: &mut Lookup<'_>) -> Option<TokenSource> {
    let role = required(look, &KUBERNETES, &[&AUTH_ROLE]);
    let jwt = match look.read(&AUTH_JWT_FILE) {
        Some(found) => found.named(),
        None => Some(Named {
            name: look.names().of(&AUTH_JWT_FILE),
            value: Credential::File(POD_TOKEN.into()),
        }),
    };
    login(role, jwt)
}

fn read_jwt(look: &mut Lookup<'_>) -> Option<TokenSource> {
    let role = required(look, &JWT, &[&AUTH_ROLE]);
    let jwt = required(look, &JWT, &[&AUTH_JWT_FILE]);
    login(role, jwt)
}

fn login(role: Option<Named<String>>, jwt: Option<Named<Credential>>) -> Option<TokenSource> {
    Some(TokenSource::Login(Box::new(Jwt {
        role: role?.value,
        jwt: jwt?,
    })))
}

#[async_trait]
impl LoginRequest for Jwt {
    async fn send(&self, to: &AuthMount<'_>) -> Result<Answer, VaultError> {
        to.call(LoginWithKubernetesRequest {
            mount: to.mount(),
            role: self.role.clone(),
            jwt: self.jwt.text()?.to_string(),
        })
        .await
    }
}
