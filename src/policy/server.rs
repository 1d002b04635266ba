//! The policy's settings of the server and the login, which replace those of the environment.

use super::identity::{Identity, Variable};
use super::problems::Problems;
use super::raw;
use crate::vault::login::jwt::AUTH_ROLE;
use crate::vault::login::method::{Method, Mount};
use crate::vault::login::{AUTH_METHOD, AUTH_MOUNT, AUTH_NAMESPACE};
use crate::vault::setting::typed::Values;
use crate::vault::setting::variables::Governed;
use crate::vault::setting::{About, address};
use crate::vault::settings::server::{ADDR, NAMESPACE, REDIRECT_HOSTS, is_file};

/// `spec.vault` as values of settings.
#[derive(Clone, Debug)]
pub struct VaultPolicy {
    values: Values,
    /// The proxy; `None` means a direct connection.
    proxy: Option<String>,
    /// Whether the role contains the project's name, so that each project has its own role.
    pub role_of_project: bool,
}

/// The variable in the role that the project's name replaces.
const PROJECT: &str = "${ARGOCD_APP_PROJECT_NAME}";

impl VaultPolicy {
    /// The settings that apply to an Application; `None` if its role depends on a project that is not known.
    pub(super) fn governed(&self, identity: &Identity) -> Option<Governed> {
        let mut values = self.values.clone();
        if self.role_of_project {
            let role = self.role(identity).filter(|role| !role.contains(PROJECT))?;
            values.set(&AUTH_ROLE, role);
        }
        Some(Governed {
            values,
            proxy: self.proxy.clone(),
            ..Governed::default()
        })
    }

    /// The login role of an Application. The variable is left in it if the project is not known.
    fn role(&self, identity: &Identity) -> Option<String> {
        let role = self.values.get(&AUTH_ROLE)?;
        Some(match identity.literal(Variable::Project) {
            Some(project) => role.replace(PROJECT, project),
            None => role.clone(),
        })
    }

    /// Address, namespace, login method and role for an Application, for display; unset ones are left out.
    pub(super) fn summary(&self, identity: &Identity) -> Vec<(&'static str, String)> {
        let method = self.values.get(&AUTH_METHOD);
        let known = [
            ("address", self.values.get(&ADDR).cloned()),
            ("namespace", self.values.get(&NAMESPACE).cloned()),
            ("login", method.map(|method| method.name.to_owned())),
            ("role", self.role(identity)),
        ];
        let known = known.into_iter();
        known
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }
}

/// Reads texts into values of settings and collects the problems.
#[derive(Default)]
struct Reader {
    values: Values,
    problems: Problems,
}

impl Reader {
    fn text(&mut self, (setting, text): raw::Text<'_>) {
        let Some(text) = text else { return };
        let path = field(setting.about());
        if text.is_empty() {
            self.problems.add(path, "empty", EMPTY);
        } else if let Err(bad) = setting.read_into(&mut self.values, text) {
            self.problems.bad_value(path, &bad);
        }
    }
}

const EMPTY: &str = "leave it out, or write its value";

/// The policy's field for a setting, for messages.
fn field(setting: &About) -> &'static str {
    setting.field.unwrap_or(setting.name)
}

pub(super) fn read(raw: &raw::Vault, problems: &mut Problems) -> VaultPolicy {
    let mut reader = Reader::default();
    if raw.address.as_deref().is_some_and(is_file) {
        let help = "set store: file instead";
        problems.add(field(&ADDR), "names a file and no server", help);
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
    for text in raw.texts() {
        reader.text(text);
    }
    redirect_hosts(raw.redirect_hosts.as_deref(), &mut reader);
    let proxy = proxy(raw.proxy.as_deref(), problems);
    let none = raw::Auth::default();
    let auth = raw.auth.as_ref().unwrap_or(&none);
    login(auth, &mut reader);
    problems.0.append(&mut reader.problems.0);
    VaultPolicy {
        values: reader.values,
        proxy,
        role_of_project: auth
            .role
            .as_deref()
            .is_some_and(|role| role.contains(PROJECT)),
    }
}

fn redirect_hosts(hosts: Option<&[String]>, reader: &mut Reader) {
    let Some(hosts) = hosts else { return };
    let path = field(&REDIRECT_HOSTS);
    if hosts.is_empty() {
        reader.problems.add(path, "empty", EMPTY);
    }
    match hosts.iter().map(|host| address::host(host)).collect() {
        Ok(hosts) => reader.values.set(&REDIRECT_HOSTS, hosts),
        Err(bad) => reader.problems.bad_value(path, &bad),
    }
}

fn proxy(address: Option<&str>, problems: &mut Problems) -> Option<String> {
    match address::server(address?) {
        Ok(address) => Some(address),
        Err(bad) => {
            problems.bad_value("spec.vault.proxy", &bad);
            None
        }
    }
}

fn login(auth: &raw::Auth, reader: &mut Reader) {
    let method = auth.method.unwrap_or(raw::Method::None).name();
    let Ok(method) = (AUTH_METHOD.parse)(method) else {
        return;
    };
    reader.values.set(&AUTH_METHOD, method);
    if auth.secret_id_file.is_some() && auth.wrapped_secret_id_file.is_some() {
        let help = "keep one of them";
        reader.problems.add(
            "spec.vault.auth.secretIdFile",
            "stands beside wrappedSecretIdFile",
            help,
        );
    }
    // with the known variable replaced by a name, a `$` that is left belongs to another variable
    let plain = auth.role.as_deref().map(|role| role.replace(PROJECT, "x"));
    if plain.is_some_and(|role| role.contains('$')) {
        let help = "only ${ARGOCD_APP_PROJECT_NAME} can stand in it: name and namespace are chosen by whoever edits the Application";
        reader
            .problems
            .add(field(&AUTH_ROLE), "holds another variable", help);
    }
    for text in auth.texts() {
        let setting = text.0.about();
        if text.1.is_some() && !uses(method, setting) {
            let help = "leave it out";
            reader
                .problems
                .add(field(setting), "not used by this method", help);
        } else {
            reader.text(text);
        }
        let must_set = method
            .policy_must_set
            .iter()
            .find(|(needed, _)| *needed == setting);
        if let (Some((_, help)), None) = (must_set, text.1) {
            reader.problems.add(field(setting), "missing", help);
        }
    }
}

/// Whether a login method uses this setting.
fn uses(method: &Method, setting: &About) -> bool {
    if *setting == AUTH_MOUNT.about {
        !matches!(method.mount, Mount::None)
    } else if *setting == AUTH_NAMESPACE.about {
        !method.settings.is_empty()
    } else {
        method.settings.contains(&setting)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::document::schema;
    use crate::policy::raw;
    use crate::vault::environment::all;
    use crate::vault::login::METHODS;

    #[test]
    fn a_policy_knows_the_login_methods() {
        let schema = schema::of::<raw::Auth>().to_string();
        let deserialized = |name: &str| serde_yaml::from_str::<raw::Method>(name);
        for method in METHODS {
            let known = deserialized(method.name).unwrap();
            assert_eq!(known.name(), method.name);
            assert!(schema.contains(&format!("\"{}\"", method.name)), "{schema}");
        }
        assert!(deserialized("k8s").is_err());
    }

    #[test]
    fn each_setting_with_a_field_is_read_from_it() {
        let mut fields: BTreeSet<_> = all().filter_map(|setting| setting.field).collect();
        // these fields are not plain strings and are read separately
        for field in [
            "spec.vault.redirectHosts",
            "spec.vault.auth.method",
            "spec.mounts",
            "spec.limits.deadline",
        ] {
            assert!(fields.remove(field), "{field}");
        }
        let last = |field: &str| field.rsplit('.').next().unwrap().to_owned();
        let yaml = |folder: &str| -> String {
            let inside = |field: &&&str| field.rsplit_once('.').unwrap().0 == folder;
            let names = fields.iter().filter(inside).map(|field| last(field));
            names
                .map(|name| format!("{name}: {name}"))
                .collect::<Vec<_>>()
                .join("\n")
        };
        let vault: raw::Vault = serde_yaml::from_str(&yaml("spec.vault")).unwrap();
        let auth: raw::Auth = serde_yaml::from_str(&yaml("spec.vault.auth")).unwrap();
        let texts = vault.texts().into_iter().chain(auth.texts());
        for (setting, text) in texts {
            let field = setting.about().field.unwrap();
            assert_eq!(text.as_ref(), Some(&last(field)), "{field}");
            assert!(fields.remove(field), "{field}");
        }
        assert!(fields.is_empty(), "{fields:?}");
    }
}
