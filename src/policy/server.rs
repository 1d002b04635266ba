//! Where the server is and who we are there: what the policy says takes the place of the environment.

use super::identity::{Identity, Variable};
use super::raw;
use super::validate::Problems;
use crate::vault::settings::{Governed, policy_field};

/// `spec.vault`, as settings by their names in the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultPolicy {
    settings: Vec<(&'static str, String)>,
    /// The proxy, if there is one.
    proxy: Option<String>,
    /// The role is one for each project.
    pub role_of_project: bool,
}

/// The setting of the role.
const ROLE: &str = "VAULT_AUTH_ROLE";
/// What the role of each project holds in place of its name.
const PROJECT: &str = "${ARGOCD_APP_PROJECT_NAME}";

impl VaultPolicy {
    /// The settings of the server for an Application; `None` where its role depends on a project that
    /// is not known.
    #[must_use]
    pub fn governed(&self, identity: &Identity) -> Option<Governed> {
        let mut settings = self.settings.clone();
        if self.role_of_project {
            let role = self.role(identity).filter(|role| !role.contains(PROJECT))?;
            for (name, value) in &mut settings {
                if *name == ROLE {
                    value.clone_from(&role);
                }
            }
        }
        Some(Governed {
            settings,
            proxy: self.proxy.clone(),
            ..Governed::default()
        })
    }

    /// The role of the login for an Application; the variable stays where its project is not known.
    #[must_use]
    pub fn role(&self, identity: &Identity) -> Option<String> {
        let role = self.setting(ROLE)?;
        Some(match identity.literal(Variable::Project) {
            Some(project) => role.replace(PROJECT, project),
            None => role.to_owned(),
        })
    }

    /// One of the settings, for those who want to see the policy.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&str> {
        let found = self.settings.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str())
    }
}

pub(super) fn read(raw: raw::Vault, problems: &mut Problems) -> VaultPolicy {
    let mut settings = Vec::new();
    let mut set = |name: &'static str, value: Option<String>, problems: &mut Problems| {
        let Some(value) = value else { return };
        let path = policy_field(name);
        if value.is_empty() {
            problems.add(path, "empty", "leave it out, or write its value");
        } else {
            problems.value(path, name, &value);
        }
        settings.push((name, value));
    };
    if raw
        .address
        .as_deref()
        .is_some_and(|one| one.starts_with("file:"))
    {
        let help = "set store: file instead";
        problems.add("spec.vault.address", "names a file and no server", help);
    } else {
        set("VAULT_ADDR", raw.address, problems);
    }
    if raw.ca.is_some() && raw.ca_file.is_some() {
        let help = "keep one of them";
        problems.add("spec.vault.ca", "stands beside caFile", help);
    }
    if raw.client_cert_file.is_some() != raw.client_key_file.is_some() {
        let help = "name both, or none of them";
        problems.add(
            "spec.vault.clientCertFile",
            "a certificate and its key go together",
            help,
        );
    }
    let hosts = raw.redirect_hosts.map(|hosts| hosts.join(","));
    for (name, value) in [
        ("VAULT_NAMESPACE", raw.namespace),
        ("VAULT_CACERT", raw.ca_file),
        ("VAULT_CACERT_BYTES", raw.ca),
        ("VAULT_TLS_SERVER_NAME", raw.server_name),
        ("VAULT_CLIENT_CERT", raw.client_cert_file),
        ("VAULT_CLIENT_KEY", raw.client_key_file),
        ("VAULT_REDIRECT_HOSTS", hosts),
    ] {
        set(name, value, problems);
    }
    if let Some(proxy) = &raw.proxy {
        problems.value("spec.vault.proxy", "VAULT_ADDR", proxy);
    }
    let auth = raw.auth.unwrap_or_default();
    let method = auth.method.unwrap_or(raw::Method::None);
    let role = auth.role.clone();
    let role_of_project = role.as_deref().is_some_and(|role| role.contains(PROJECT));
    // its grammar is that of a role with a name in place of the variable
    let plain = role.as_deref().map(|role| role.replace(PROJECT, "x"));
    if plain.is_some_and(|role| role.contains('$')) {
        let help = "only ${ARGOCD_APP_PROJECT_NAME} can stand in it: name and namespace are chosen by whoever edits the Application";
        problems.add("spec.vault.auth.role", "holds another variable", help);
    }
    login(auth, method, &mut set, problems);
    VaultPolicy {
        settings,
        proxy: raw.proxy,
        role_of_project,
    }
}

type Set<'s> = &'s mut dyn FnMut(&'static str, Option<String>, &mut Problems);

fn login(auth: raw::Auth, method: raw::Method, set: Set<'_>, problems: &mut Problems) {
    use raw::Method;
    let is_jwt = matches!(method, Method::Kubernetes | Method::Jwt);
    let has_mount = !matches!(method, Method::None | Method::Token);
    if is_jwt && auth.role.is_none() {
        problems.add(
            "spec.vault.auth.role",
            "missing",
            "name the role of the login",
        );
    }
    if method == Method::Jwt && auth.jwt_file.is_none() {
        let help = "name the file of the signed token";
        problems.add("spec.vault.auth.jwtFile", "missing", help);
    }
    if auth.secret_id_file.is_some() && auth.wrapped_secret_id_file.is_some() {
        let help = "keep one of them";
        problems.add(
            "spec.vault.auth.secretIdFile",
            "stands beside wrappedSecretIdFile",
            help,
        );
    }
    let name = match method {
        Method::Kubernetes => "kubernetes",
        Method::Jwt => "jwt",
        Method::Approle => "approle",
        Method::Token => "token",
        Method::Userpass => "userpass",
        Method::Github => "github",
        Method::None => "none",
    };
    set("VAULT_AUTH_METHOD", Some(name.to_owned()), problems);
    let approle = method == Method::Approle;
    for (name, value, used) in [
        ("VAULT_AUTH_MOUNT", auth.mount, has_mount),
        (
            "VAULT_AUTH_NAMESPACE",
            auth.namespace,
            method != Method::None,
        ),
        (ROLE, auth.role, is_jwt),
        ("VAULT_AUTH_JWT_FILE", auth.jwt_file, is_jwt),
        ("VAULT_TOKEN_FILE", auth.token_file, method == Method::Token),
        ("VAULT_ROLE_ID_FILE", auth.role_id_file, approle),
        ("VAULT_SECRET_ID_FILE", auth.secret_id_file, approle),
        (
            "VAULT_WRAPPED_SECRET_ID_FILE",
            auth.wrapped_secret_id_file,
            approle,
        ),
        ("VAULT_USERNAME", auth.username, method == Method::Userpass),
        (
            "VAULT_PASSWORD_FILE",
            auth.password_file,
            method == Method::Userpass,
        ),
        (
            "VAULT_GITHUB_TOKEN_FILE",
            auth.github_token_file,
            method == Method::Github,
        ),
    ] {
        if value.is_some() && !used {
            let at = policy_field(name);
            problems.add(at, "not used by this method", "leave it out");
        } else {
            set(name, value, problems);
        }
    }
}
