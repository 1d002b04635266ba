//! The login that the settings name, or whose credentials they hold.

use super::lookup::{Fault, Found, Lookup};
use super::table::{self, Setting};
use super::{Credential, Login, Method, value};

/// Where Kubernetes puts a pod's token; AVP's default too.
const POD_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// A method, before its credentials are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    None,
    Token,
    AppRole,
    Kubernetes,
    Jwt,
    Userpass,
    GitHub,
}

impl Kind {
    /// The name of the method; its default mount has the same.
    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Token => "token",
            Self::AppRole => "approle",
            Self::Kubernetes => "kubernetes",
            Self::Jwt => "jwt",
            Self::Userpass => "userpass",
            Self::GitHub => "github",
        }
    }

    /// By the name of the method; `k8s` is AVP's. Blanks around it do not count, as with AVP.
    fn parse(text: &str) -> Result<Self, Fault> {
        Ok(match text.trim() {
            "none" => Self::None,
            "token" => Self::Token,
            "approle" => Self::AppRole,
            "kubernetes" | "k8s" => Self::Kubernetes,
            "jwt" => Self::Jwt,
            "userpass" => Self::Userpass,
            "github" => Self::GitHub,
            _ => {
                return Err(Fault {
                    says: "names no login method that is known",
                    help: "the methods are token, approle, kubernetes (k8s), jwt, userpass, github and none",
                });
            }
        })
    }
}

/// The login; `None` only where a problem has been said.
pub(super) fn login(look: &mut Lookup<'_>, agent: bool, namespace: Option<&str>) -> Option<Login> {
    let kind = match look.read(&table::AUTH_METHOD, Kind::parse) {
        Some(named) => named.value,
        None => present(look, agent),
    };
    let own = look.value(&table::AUTH_NAMESPACE, value::namespace);
    let kind = kind?;
    let mount = mount(look, kind);
    Some(Login {
        method: method(look, kind)?,
        mount: mount?,
        namespace: own.filter(|own| Some(own.as_str()) != namespace),
    })
}

/// The one method whose credentials are there.
fn present(look: &mut Lookup<'_>, agent: bool) -> Option<Kind> {
    let first = |look: &Lookup<'_>, settings: &[&Setting]| {
        settings.iter().find_map(|setting| look.name(setting))
    };
    let groups = [
        (Kind::Token, table::OF_TOKEN),
        (Kind::AppRole, table::OF_APPROLE),
        (Kind::Kubernetes, table::OF_JWT),
        (Kind::Userpass, table::OF_USERPASS),
        (Kind::GitHub, table::OF_GITHUB),
    ];
    let found: Vec<(Kind, String)> = groups
        .into_iter()
        .filter_map(|(kind, settings)| Some((kind, first(look, settings)?)))
        .collect();
    match found.as_slice() {
        [] if agent => Some(Kind::None),
        [] => {
            look.problem(
                "no login is set: neither VAULT_TOKEN nor VAULT_ROLE_ID nor another one",
                "set VAULT_TOKEN, or VAULT_ROLE_ID and VAULT_SECRET_ID, or VAULT_AUTH_ROLE in a pod; \
                 VAULT_AUTH_METHOD=none where an agent at that address logs in",
            );
            None
        }
        [(Kind::Kubernetes, _)] => kubernetes_or_jwt(look),
        [(kind, _)] => Some(*kind),
        several => {
            let names: Vec<_> = several.iter().map(|(_, name)| name.as_str()).collect();
            look.problem(
                format!(
                    "{} are for different login methods, and none is named",
                    names.join(" and ")
                ),
                "set VAULT_AUTH_METHOD, or unset what is not wanted",
            );
            None
        }
    }
}

/// The two share their settings: a token's file without a method named could be meant for both.
fn kubernetes_or_jwt(look: &mut Lookup<'_>) -> Option<Kind> {
    let avp = [table::AUTH_ROLE.avp, table::AUTH_JWT_FILE.avp];
    if avp.into_iter().flatten().any(|name| look.has(name)) {
        return Some(Kind::Kubernetes);
    }
    if let Some(name) = look.name(&table::AUTH_JWT_FILE) {
        look.problem(
            format!("{name} is for two login methods, and VAULT_AUTH_METHOD names none"),
            "set VAULT_AUTH_METHOD to kubernetes or jwt",
        );
        return None;
    }
    Some(Kind::Kubernetes)
}

/// The auth mount; `AVP_K8S_MOUNT_PATH` wins over `AVP_MOUNT_PATH`, as with AVP.
fn mount(look: &mut Lookup<'_>, kind: Kind) -> Option<String> {
    if matches!(kind, Kind::None | Kind::Token) {
        return Some(String::new());
    }
    let mut names: Vec<String> = table::AUTH_MOUNT.names().collect();
    if kind == Kind::Kubernetes && look.has(table::K8S_MOUNT.name) {
        names.retain(|name| Some(name.as_str()) != table::AUTH_MOUNT.avp);
        names.extend(table::K8S_MOUNT.names());
    }
    match look.among(names, value::auth_mount) {
        Some(found) => found.value,
        None => Some(kind.name().to_owned()),
    }
}

fn method(look: &mut Lookup<'_>, kind: Kind) -> Option<Method> {
    match kind {
        Kind::None => Some(Method::None),
        Kind::Token => {
            let token = either(
                look,
                &table::TOKEN,
                &table::TOKEN_FILE,
                value::visible_secret,
            );
            required(look, token, &table::TOKEN, kind).map(Method::Token)
        }
        Kind::AppRole => approle(look),
        Kind::Kubernetes | Kind::Jwt => jwt(look, kind),
        Kind::Userpass => {
            let username = look.read(&table::USERNAME, value::user);
            let username = required(look, username, &table::USERNAME, kind);
            let password = either(look, &table::PASSWORD, &table::PASSWORD_FILE, value::secret);
            let password = required(look, password, &table::PASSWORD, kind);
            Some(Method::Userpass {
                username: username?,
                password: password?,
            })
        }
        Kind::GitHub => {
            let (text, file) = (&table::GITHUB_TOKEN, &table::GITHUB_TOKEN_FILE);
            let token = either(look, text, file, value::secret);
            required(look, token, text, kind).map(Method::GitHub)
        }
    }
}

fn approle(look: &mut Lookup<'_>) -> Option<Method> {
    let role_id = either(look, &table::ROLE_ID, &table::ROLE_ID_FILE, value::secret);
    let role_id = required(look, role_id, &table::ROLE_ID, Kind::AppRole);
    let plain = either(
        look,
        &table::SECRET_ID,
        &table::SECRET_ID_FILE,
        value::secret,
    );
    let wrapped = either(
        look,
        &table::WRAPPED_SECRET_ID,
        &table::WRAPPED_SECRET_ID_FILE,
        value::visible_secret,
    );
    if let (Some(plain), Some(wrapped)) = (&plain, &wrapped) {
        look.both(&plain.name, &wrapped.name);
    }
    let is_wrapped = wrapped.is_some();
    let secret_id = required(look, plain.or(wrapped), &table::SECRET_ID, Kind::AppRole);
    Some(Method::AppRole {
        role_id: role_id?,
        secret_id: secret_id?,
        wrapped: is_wrapped,
    })
}

fn jwt(look: &mut Lookup<'_>, kind: Kind) -> Option<Method> {
    let role = look.read(&table::AUTH_ROLE, value::visible);
    let role = required(look, role, &table::AUTH_ROLE, kind);
    let kubernetes = kind == Kind::Kubernetes;
    let jwt = match look.read(&table::AUTH_JWT_FILE, value::file) {
        None if kubernetes => Some(Credential::File(POD_TOKEN.into())),
        found => required(look, found, &table::AUTH_JWT_FILE, kind),
    };
    Some(Method::Jwt {
        kubernetes,
        role: role?,
        jwt: jwt?,
    })
}

/// A credential, or the file that holds it; both are a problem.
fn either(
    look: &mut Lookup<'_>,
    text: &Setting,
    file: &Setting,
    parse: impl Fn(&str) -> Result<Credential, Fault>,
) -> Option<Found<Credential>> {
    let text = look.read(text, parse);
    let file = look.read(file, value::file);
    if let (Some(text), Some(file)) = (&text, &file) {
        look.both(&text.name, &file.name);
    }
    text.or(file)
}

/// The value of what a method cannot do without.
fn required<T>(
    look: &mut Lookup<'_>,
    found: Option<Found<T>>,
    setting: &Setting,
    kind: Kind,
) -> Option<T> {
    if let Some(found) = found {
        return found.value;
    }
    let (name, method) = (setting.name, kind.name());
    let mut help = format!("set {}", setting.names().collect::<Vec<_>>().join(", "));
    let file = format!("{name}_FILE");
    if table::all().any(|other| other.name == file) {
        help = format!("{help} or {file}");
    }
    if look.is_governed() {
        help = format!(
            "name its file in spec.vault.auth of the policy; outside function mode the environment counts too: {help}"
        );
    }
    look.problem(
        format!("{name} is not set, and the login method {method} wants it"),
        help,
    );
    None
}
