//! Settings about TLS: how the server is authenticated, and the client's certificate.

use std::path::PathBuf;

use crate::http::options::{Authorities, Tls};
use crate::vault::setting::lookup::Lookup;
use crate::vault::setting::problem::Problem;
use crate::vault::setting::{About, Setting, Text::Is, UnderPolicy, address, value};

/// The settings in the order of the reference page.
pub(crate) static SECTION: &[&About] = &[
    &CACERT.about,
    &CACERT_BYTES.about,
    &CAPATH.about,
    &CLIENT_CERT.about,
    &CLIENT_KEY.about,
    &TLS_SERVER_NAME.about,
    &SKIP_VERIFY.about,
];

pub(crate) static CACERT: Setting<Authorities> = Setting {
    about: About {
        name: "VAULT_CACERT",
        field: Some("spec.vault.caFile"),
        is_path: true,
        default: Is("the system's authorities"),
        meaning: Is("PEM file of authorities, instead of the system's."),
        differs: "AVP takes one of the three and is silent of the others; here two of them are an error.",
        help: Some(Is("a PEM file of authorities, instead of the system's")),
        ..About::NOTHING
    },
    parse: |text| value::path(text).map(Authorities::File),
};
pub(crate) static CACERT_BYTES: Setting<Authorities> = Setting {
    about: About {
        name: "VAULT_CACERT_BYTES",
        field: Some("spec.vault.ca"),
        meaning: Is("The PEM text itself."),
        differs: "As `VAULT_CACERT`.",
        ..About::NOTHING
    },
    parse: |text| value::pem(text).map(Authorities::Bytes),
};
pub(crate) static CAPATH: Setting<Authorities> = Setting {
    about: About {
        name: "VAULT_CAPATH",
        is_path: true,
        meaning: Is("A folder of PEM files."),
        differs: "As `VAULT_CACERT`.",
        ..About::NOTHING
    },
    parse: |text| value::path(text).map(Authorities::Folder),
};
pub(crate) static CLIENT_CERT: Setting<PathBuf> = Setting {
    about: About {
        name: "VAULT_CLIENT_CERT",
        field: Some("spec.vault.clientCertFile"),
        is_path: true,
        under_policy: UnderPolicy::Credential("client certificate"),
        meaning: Is("PEM file of the client's certificate; needs `VAULT_CLIENT_KEY`."),
        ..About::NOTHING
    },
    parse: value::path,
};
pub(crate) static CLIENT_KEY: Setting<PathBuf> = Setting {
    about: About {
        name: "VAULT_CLIENT_KEY",
        field: Some("spec.vault.clientKeyFile"),
        is_path: true,
        under_policy: UnderPolicy::Credential("client certificate"),
        meaning: Is("PEM file of its key."),
        ..About::NOTHING
    },
    parse: value::path,
};
pub(crate) static TLS_SERVER_NAME: Setting<String> = Setting {
    about: About {
        name: "VAULT_TLS_SERVER_NAME",
        field: Some("spec.vault.serverName"),
        default: Is("the address's host"),
        meaning: Is("The name that the server's certificate must hold."),
        ..About::NOTHING
    },
    parse: address::server_name,
};
pub(crate) static SKIP_VERIFY: Setting<bool> = Setting {
    about: About {
        name: "VAULT_SKIP_VERIFY",
        default: Is("`false`"),
        meaning: Is("`true`: the server's certificate is not checked at all; a warning each run."),
        differs: "AVP does not warn.",
        ..About::NOTHING
    },
    parse: value::boolean,
};

pub(super) fn read(look: &mut Lookup<'_>) -> Tls {
    Tls {
        // an error if several are set, where the official client silently uses one of them
        authorities: look
            .one_of(&[&CACERT, &CACERT_BYTES, &CAPATH])
            .and_then(|found| found.value),
        fixed_places: look.vars().policy.is_some(),
        identity: identity(look),
        server_name: look.value(&TLS_SERVER_NAME),
        skip_verify: look.value(&SKIP_VERIFY).unwrap_or_default(),
    }
}

/// The files of the client's certificate and key, which must be set together.
fn identity(look: &mut Lookup<'_>) -> Option<(PathBuf, PathBuf)> {
    let (set, needs) = match (look.read(&CLIENT_CERT), look.read(&CLIENT_KEY)) {
        (Some(certificate), Some(key)) => return certificate.value.zip(key.value),
        (Some(found), None) => (found.name, &CLIENT_KEY),
        (None, Some(found)) => (found.name, &CLIENT_CERT),
        (None, None) => return None,
    };
    let needs = look.names().of(needs);
    look.problem(Problem::Alone { set, needs });
    None
}
