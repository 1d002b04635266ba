//! From the environment's variables to [`VaultSettings`].

use std::time::Duration;

use super::lookup::{Fault, Lookup, SettingProblem};
use super::{Authorities, Proxy, Tls, VaultSettings, VaultVars, address, login, table, value};
use crate::secret::KvVersion;

/// How long a run may take where nothing is set (docs/internals/argocd-plugins.md#what-decides-the-design: below Argo
/// CD's own limit).
const DEADLINE: Duration = Duration::from_secs(45);
/// The longest answer where nothing is set: 4 MiB.
const BODY_LIMIT: usize = 4 << 20;
/// What AVP knows beside Vault; only these words are repeated in a message.
const OTHER_TYPES: [&str; 10] = [
    "Must provide a supported Vault Type, received ibmsecretsmanager",
    "Must provide a supported Vault Type, received awssecretsmanager",
    "Must provide a supported Vault Type, received gcpsecretmanager",
    "Must provide a supported Vault Type, received azurekeyvault",
    "Must provide a supported Vault Type, received sops",
    "Must provide a supported Vault Type, received yandexcloudlockbox",
    "Must provide a supported Vault Type, received 1passwordconnect",
    "Must provide a supported Vault Type, received keepersecretsmanager",
    "Must provide a supported Vault Type, received delineasecretserver",
    "Must provide a supported Vault Type, received kubernetessecret",
];

impl VaultSettings {
    /// Reads what the environment says of a Vault server; call it when a secret is wanted.
    ///
    /// Files are named in the result and not opened. Settings that the chosen login does not use
    /// are not judged.
    ///
    /// # Errors
    /// All settings that cannot be used, are missing or contradict each other, sorted.
    pub(crate) fn from_vars(vars: &VaultVars) -> Result<Self, Vec<SettingProblem>> {
        let mut look = Lookup::new(vars);
        let settings = read(&mut look).map(|settings| VaultSettings {
            proxy: vars.proxy(),
            tls: Tls {
                fixed_places: vars.is_governed(),
                ..settings.tls
            },
            ..settings
        });
        let mut problems = look.problems;
        problems.sort();
        problems.dedup();
        match settings {
            Some(settings) if problems.is_empty() => Ok(settings),
            _ => Err(problems),
        }
    }
}

/// `None` only where a problem has been said.
fn read(look: &mut Lookup<'_>) -> Option<VaultSettings> {
    look.value(&table::AVP_TYPE, store_type);
    let agent = look.name(&table::AGENT_ADDR).is_some();
    let address = server(look);
    let namespace = look.value(&table::NAMESPACE, value::namespace);
    let login = login::login(look, agent, namespace.as_deref());
    let tls = tls(look);
    let mounts = |text: &str| value::list(text, value::segments);
    let kv_v1_mounts = look.value(&table::KV_V1_MOUNTS, mounts);
    let kv_v2_mounts = look.value(&table::KV_V2_MOUNTS, mounts);
    if let (Some(v1), Some(v2)) = (&kv_v1_mounts, &kv_v2_mounts)
        && v1.iter().any(|mount| v2.contains(mount))
    {
        let message = "GITOPS_FN_KV_V1_MOUNTS and GITOPS_FN_KV_V2_MOUNTS both list a mount";
        look.problem(message, "list each mount in one of them");
    }
    let kv_version = look.value(&table::KV_VERSION, kv_version);
    let hosts = |text: &str| value::list(text, address::host);
    let redirect_hosts = look.value(&table::REDIRECT_HOSTS, hosts);
    let deadline = deadline(look);
    let body_limit = look.value(&table::MAX_BODY, value::size);
    Some(VaultSettings {
        address: address?,
        namespace,
        login: login?,
        tls,
        kv_v1_mounts: kv_v1_mounts.unwrap_or_default(),
        kv_v2_mounts: kv_v2_mounts.unwrap_or_default(),
        kv_version,
        redirect_hosts: redirect_hosts.unwrap_or_default(),
        deadline,
        body_limit: body_limit.unwrap_or(BODY_LIMIT),
        proxy: Proxy::default(),
    })
}

/// How long a run may take: the operator's policy can only make it shorter than the environment says.
fn deadline(look: &mut Lookup<'_>) -> Duration {
    let setting = if look.name(&table::TIMEOUT).is_some() {
        &table::TIMEOUT
    } else {
        &table::CLIENT_TIMEOUT
    };
    let asked = look.value(setting, value::duration);
    match (asked, look.longest()) {
        (Some(asked), Some(longest)) => asked.min(longest),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => DEADLINE,
    }
}

impl VaultVars {
    /// How long a run may take, before anything else is judged.
    ///
    /// # Errors
    /// A setting that is no duration.
    pub fn deadline(&self) -> Result<Duration, Vec<SettingProblem>> {
        let mut look = Lookup::new(self);
        let deadline = deadline(&mut look);
        if look.problems.is_empty() {
            Ok(deadline)
        } else {
            Err(look.problems)
        }
    }
}

/// The agent's address, else the server's.
fn server(look: &mut Lookup<'_>) -> Option<String> {
    // a file is named by Settings::store alone; here it can only contradict
    let place = |text: &str| {
        if text.starts_with("file:") {
            return Ok(text.to_owned());
        }
        address::server(text)
    };
    if let Some(agent) = look.read(&table::AGENT_ADDR, address::server) {
        let raw = |text: &str| Ok(text.starts_with("file:"));
        for name in table::ADDR.names() {
            let found = look.among([name], raw);
            if let Some(found) = found.filter(|found| found.value == Some(true)) {
                look.problem(
                    format!("{} names a file and {} a server", found.name, agent.name),
                    "unset one of them",
                );
            }
        }
        return agent.value;
    }
    let Some(found) = look.read(&table::ADDR, place) else {
        let help = "set it to the server's address, such as https://vault.example:8200";
        look.problem("VAULT_ADDR is not set", help);
        return None;
    };
    if found.value.as_ref()?.starts_with("file:") {
        let help = "set it to the server's address, such as https://vault.example:8200";
        look.problem(format!("{} names a file and no server", found.name), help);
        return None;
    }
    found.value
}

fn tls(look: &mut Lookup<'_>) -> Tls {
    let certificate = look.read(&table::CLIENT_CERT, value::path);
    let key = look.read(&table::CLIENT_KEY, value::path);
    let identity = match (certificate, key) {
        (Some(certificate), Some(key)) => certificate.value.zip(key.value),
        (Some(found), None) => {
            one_of_two(look, &found.name, "VAULT_CLIENT_KEY");
            None
        }
        (None, Some(found)) => {
            one_of_two(look, &found.name, "VAULT_CLIENT_CERT");
            None
        }
        (None, None) => None,
    };
    Tls {
        authorities: authorities(look),
        fixed_places: false,
        identity,
        server_name: look.value(&table::TLS_SERVER_NAME, address::server_name),
        skip_verify: look
            .value(&table::SKIP_VERIFY, value::boolean)
            .unwrap_or_default(),
    }
}

fn one_of_two(look: &mut Lookup<'_>, set: &str, unset: &str) {
    let message = format!("{set} is set and {unset} is not");
    look.problem(message, "set both, or none of them");
}

/// At most one of the three places; the official client would take one and be silent of the rest.
fn authorities(look: &mut Lookup<'_>) -> Option<Authorities> {
    let bytes = |text: &str| value::pem(text).map(Authorities::Bytes);
    let file = |text: &str| value::path(text).map(Authorities::File);
    let folder = |text: &str| value::path(text).map(Authorities::Folder);
    let found = [
        look.read(&table::CACERT, file),
        look.read(&table::CACERT_BYTES, bytes),
        look.read(&table::CAPATH, folder),
    ];
    let mut found = found.into_iter().flatten();
    let first = found.next()?;
    for other in found {
        look.both(&first.name, &other.name);
    }
    first.value
}

/// `AVP_TYPE`; the texts are AVP's.
fn store_type(text: &str) -> Result<(), Fault> {
    let text = text.trim();
    if text == "vault" {
        return Ok(());
    }
    let known = OTHER_TYPES
        .into_iter()
        .find(|says| says.rsplit(' ').next() == Some(text));
    Err(Fault {
        says: known.unwrap_or("is not vault: Must provide a supported Vault Type"),
        help: "secrets are read from Vault and OpenBao alone; set AVP_TYPE to vault, or unset it",
    })
}

fn kv_version(text: &str) -> Result<KvVersion, Fault> {
    match text.trim() {
        "1" => Ok(KvVersion::V1),
        "2" => Ok(KvVersion::V2),
        _ => Err(Fault {
            says: "is neither 1 nor 2",
            help: "set it to 1 or 2, or unset it: the version is asked of the server",
        }),
    }
}
