//! Settings about the server's address and namespace.

use crate::vault::setting::lookup::Lookup;
use crate::vault::setting::name::{Name, Names};
use crate::vault::setting::problem::{BadValue, Problem};
use crate::vault::setting::{About, Setting, Text::Is, address, value};

/// The settings in the order of the reference page.
pub(crate) static SECTION: &[&About] = &[
    &ADDR.about,
    &AGENT_ADDR.about,
    &NAMESPACE.about,
    &REDIRECT_HOSTS.about,
    &TYPE.about,
];

pub(crate) static ADDR: Setting<String> = Setting {
    about: About {
        name: "VAULT_ADDR",
        field: Some("spec.vault.address"),
        meaning: Is(
            "The server's address: `http` or `https`, a base path perhaps; no user, query or \
             fragment. `file:secrets.yaml` is the embedded store instead.",
        ),
        differs: "AVP takes `https://127.0.0.1:8200` where it is unset; here it must be set.",
        ..About::NOTHING
    },
    parse: server_or_file,
};
pub(crate) static AGENT_ADDR: Setting<String> = Setting {
    about: About {
        name: "VAULT_AGENT_ADDR",
        meaning: Is(
            "A Vault Agent or Proxy that is asked instead of `VAULT_ADDR`. With no credential set it \
             is left to log in.",
        ),
        differs: "AVP logs in through the agent.",
        ..About::NOTHING
    },
    parse: address::server,
};
pub(crate) static NAMESPACE: Setting<String> = Setting {
    about: About {
        name: "VAULT_NAMESPACE",
        field: Some("spec.vault.namespace"),
        meaning: Is("The namespace of the secrets; `/` is the root namespace."),
        help: Some(Is("the namespace of the secrets")),
        ..About::NOTHING
    },
    parse: value::namespace,
};
pub(crate) static REDIRECT_HOSTS: Setting<Vec<String>> = Setting {
    about: About {
        name: "VAULT_REDIRECT_HOSTS",
        field: Some("spec.vault.redirectHosts"),
        default: Is("the address's own host"),
        meaning: Is(
            "Comma list of `host` or `host:port` that a redirect may lead to, such as the other nodes \
             behind a standby.",
        ),
        differs: "AVP follows one redirect to any host, with the token.",
        ..About::NOTHING
    },
    parse: |text| value::list(text, address::host),
};
pub(crate) static TYPE: Setting<()> = Setting {
    about: About {
        name: "AVP_TYPE",
        default: Is("`vault`"),
        meaning: Is("Where secrets are read; nothing but `vault`."),
        differs: "AVP has other backends.",
        ..About::NOTHING
    },
    parse: store_type,
};

/// AVP's other types of store, each in the message of AVP. No other value of `AVP_TYPE` is quoted in a message.
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

/// Accepts only the type `vault`. The messages are AVP's.
fn store_type(text: &str) -> Result<(), BadValue> {
    let text = text.trim();
    if text == "vault" {
        return Ok(());
    }
    let known = OTHER_TYPES
        .into_iter()
        .find(|fact| fact.rsplit(' ').next() == Some(text));
    Err(BadValue {
        fact: known.unwrap_or("is not vault: Must provide a supported Vault Type"),
        help: "secrets are read from Vault and OpenBao alone; set AVP_TYPE to vault, or unset it"
            .into(),
    })
}

/// Accepts the address of a server or of a file. File addresses are handled by [`crate::settings::Settings`]; here they
/// only matter if they contradict a server's address.
fn server_or_file(text: &str) -> Result<String, BadValue> {
    if is_file(text) {
        return Ok(text.to_owned());
    }
    address::server(text)
}

/// Whether an address is that of a file (`file:…`).
pub(crate) fn is_file(address: &str) -> bool {
    address.starts_with("file:")
}

/// Where the server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    /// `http://…` or `https://…`, possibly with a base path, without a trailing slash.
    pub(crate) address: String,
    /// The namespace of the secrets, without outer slashes.
    pub(crate) namespace: Option<String>,
    /// Hosts (`host` or `host:port`) that a redirect may lead to, besides the server's own.
    pub(crate) redirect_hosts: Vec<String>,
}

impl Location {
    /// Reads the settings; `None` only if there is a problem.
    pub(super) fn read(look: &mut Lookup<'_>) -> Option<Self> {
        look.value(&TYPE);
        let address = read_address(look);
        Some(Self {
            namespace: look.value(&NAMESPACE),
            redirect_hosts: look.value(&REDIRECT_HOSTS).unwrap_or_default(),
            address: address?,
        })
    }
}

/// The address of the agent if it is set, otherwise that of the server.
fn read_address(look: &mut Lookup<'_>) -> Option<String> {
    if let Some(agent) = look.read(&AGENT_ADDR) {
        for variable in ADDR.names() {
            let found = look.among([(&ADDR.about, variable)], |text| Ok(is_file(text)));
            if let Some(file) = found.filter(|found| found.value == Some(true)) {
                look.problem(Problem::FileAndServer {
                    file: file.name,
                    server: agent.name.clone(),
                });
            }
        }
        return agent.value;
    }
    let Some(found) = look.read(&ADDR) else {
        let name = look.names().of(&ADDR);
        look.problem(Problem::NoAddress(name));
        return None;
    };
    if is_file(found.value.as_ref()?) {
        look.problem(Problem::AddressIsFile(found.name));
        return None;
    }
    found.value
}

/// What messages call the setting of the address in use.
pub(crate) fn address_name(names: &Names) -> Name {
    let agent = names.of(&AGENT_ADDR);
    if agent.is_set() {
        agent
    } else {
        names.of(&ADDR)
    }
}
