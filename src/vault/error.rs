//! Errors of a Vault server, with messages for whoever has configured it: they name Vault's settings as they were set,
//! and say what to do.

use std::path::PathBuf;

use super::setting::name::{Name, Names};
use super::setting::{About, Setting};
use super::settings::reading::{MAX_BODY, TIMEOUT};
use super::settings::server::{REDIRECT_HOSTS, address_name};
use super::settings::tls;
use crate::http::error::{HttpError, OptionName, OptionsError};
use crate::resolve::{StoreError, StoreErrorKind};

/// An error of the server, the login or the settings. It affects every secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum VaultError {
    /// No answer came, or only answers that say to try again later.
    Http(HttpError),
    /// The answer of this host is not Vault's JSON.
    NotJson(String),
    /// This host expects HTTPS, but its address begins with `http://`.
    WantsHttps(String),
    /// The server's address is not a URL.
    Address,
    /// The settings do not make a valid request.
    Request,
    /// The token has characters that a header cannot hold.
    TokenHeader,
    /// The value of this setting has characters that a header cannot hold.
    Header(&'static About),
    /// This credential cannot be used. The text follows its name in the message.
    Credential(Name, String),
    /// The file of this credential cannot be used. The text follows the credential's name in the message.
    CredentialFile(Name, String, PathBuf),
    /// The server refused the login.
    Login {
        /// The login method.
        method: &'static str,
        /// The auth mount.
        mount: String,
        /// The setting that names the auth mount.
        mount_setting: &'static About,
        /// The HTTP status.
        status: u16,
    },
    /// The login, with this method and at this auth mount, requires a second factor.
    SecondFactor(&'static str, String),
}

impl From<HttpError> for VaultError {
    fn from(error: HttpError) -> Self {
        Self::Http(error)
    }
}

impl From<OptionsError> for VaultError {
    fn from(error: OptionsError) -> Self {
        Self::Http(error.into())
    }
}

impl VaultError {
    /// The error that every read of the store returns. `names` are the settings as messages call them.
    pub(crate) fn store_error(&self, names: &Names) -> StoreError {
        let kind = match self {
            Self::Http(HttpError::TooLarge(..)) => StoreErrorKind::Refused,
            Self::Http(error) if error.is_transient() => StoreErrorKind::Transient,
            Self::NotJson(_) => StoreErrorKind::Transient,
            _ => StoreErrorKind::Config,
        };
        StoreError {
            kind,
            message: self.message(names),
            help: self.help(names),
        }
    }

    fn message(&self, names: &Names) -> String {
        match self {
            Self::Http(HttpError::Unavailable(host)) => {
                format!("{host} is sealed or under maintenance (transient)")
            }
            Self::Http(HttpError::Options(error)) => options(error, names),
            Self::Http(error) => error.to_string(),
            Self::NotJson(host) => format!("the answer of {host} is not Vault's JSON (transient)"),
            Self::WantsHttps(host) => {
                format!(
                    "{host} expects https, and {} says http",
                    address_name(names)
                )
            }
            Self::Address => format!("{} is not a URL", address_name(names)),
            Self::Request => "the request cannot be built from these settings".to_owned(),
            Self::TokenHeader => "the token has characters that no header can carry".to_owned(),
            Self::Header(setting) => {
                format!(
                    "{} has characters that no header can carry",
                    names.of(setting)
                )
            }
            Self::Credential(name, problem) => format!("{name} {problem}"),
            Self::CredentialFile(name, problem, path) => {
                format!("the file of {name} {problem}: {}", path.display())
            }
            Self::Login {
                method,
                mount,
                status,
                ..
            } => format!("the {method} login at auth/{mount} was refused with status {status}"),
            Self::SecondFactor(method, mount) => format!(
                "the {method} login at auth/{mount} requires a second factor (MFA), which no program can provide"
            ),
        }
    }

    /// What to do about it.
    fn help(&self, names: &Names) -> String {
        match self {
            Self::Http(error) => help(error, names),
            Self::NotJson(_) => format!(
                "check that {} leads to Vault and not to a page in front of it",
                address_name(names)
            ),
            Self::SecondFactor(..) => {
                "use a login that the server's MFA enforcement does not cover, or take this one out of it (identity/mfa/login-enforcement)".to_owned()
            }
            Self::Login { mount_setting, .. } => format!(
                "check the credentials, the role and {}; a secret ID may be used up or expired",
                names.of(mount_setting)
            ),
            _ => correct_it(names),
        }
    }
}

/// The message for invalid options of a connection, with the names of the settings that set them.
fn options(error: &OptionsError, names: &Names) -> String {
    let fact = error.naming(|option| option_name(option, names));
    let authorities = names.of(&tls::CACERT);
    match error {
        OptionsError::SystemAuthorities => format!("{fact}; name some in {authorities}"),
        OptionsError::NoSystemAuthorities(_) => {
            format!("{fact}; the policy can name some in {authorities}")
        }
        _ => fact,
    }
}

/// The name of the setting that sets an option of the connection.
fn option_name(option: OptionName, names: &Names) -> String {
    let setting = match option {
        OptionName::Address => return address_name(names).to_string(),
        OptionName::Proxy => return "the proxy's address".to_owned(),
        OptionName::ServerName => &tls::TLS_SERVER_NAME.about,
        OptionName::AuthoritiesText => &tls::CACERT_BYTES.about,
        OptionName::AuthoritiesFile => &tls::CACERT.about,
        OptionName::AuthoritiesFolder => &tls::CAPATH.about,
        OptionName::ClientCertificate => &tls::CLIENT_CERT.about,
        OptionName::ClientKey => &tls::CLIENT_KEY.about,
    };
    names.of(setting).to_string()
}

fn correct_it(names: &Names) -> String {
    if names.is_governed() {
        "correct it where it is set"
    } else {
        "correct it in the environment of this process"
    }
    .to_owned()
}

/// The help for an HTTP error.
fn help(error: &HttpError, names: &Names) -> String {
    let address = address_name(names);
    let help = match error {
        HttpError::Refused(_) | HttpError::Unreachable(..) => {
            return format!(
                "check {address}, and that the server is running and reachable from here"
            );
        }
        HttpError::UnknownHost(_) => {
            return format!("check the host in {address}, and the DNS of this environment");
        }
        HttpError::Deadline(..) => {
            return format!(
                "try again, or give it more time with {}",
                names.of(&TIMEOUT)
            );
        }
        HttpError::UnknownAuthority(_) => return name_authorities(names),
        HttpError::Certificate(..) => {
            let setting = names.of(&tls::TLS_SERVER_NAME);
            return format!("use the name in the certificate, or set it in {setting}");
        }
        HttpError::ClientCertificate(_) => {
            return format!(
                "set {} to a certificate from an authority that the server trusts, and {} to its key",
                names.of(&tls::CLIENT_CERT),
                names.of(&tls::CLIENT_KEY)
            );
        }
        HttpError::Redirect { .. } => {
            let hosts = names.of(&REDIRECT_HOSTS);
            return format!("list the host in {hosts} if the server is yours");
        }
        HttpError::BadRedirect(..) => {
            return format!("set {address} to the active server or a load balancer");
        }
        // a policy has no field for this limit
        HttpError::TooLarge(..) if !names.is_governed() => {
            return format!("read a smaller secret, or raise {}", names.of(&MAX_BODY));
        }
        HttpError::Options(_) => return correct_it(names),
        HttpError::TooLarge(..) => "read a smaller secret",
        HttpError::Broken(_) | HttpError::Status(..) => {
            "try again; if it keeps failing, check the server's log"
        }
        HttpError::Tls(_) => {
            "check that the server speaks https at this address, with TLS 1.2 or 1.3"
        }
        HttpError::Unavailable(_) => "unseal the server, then try again",
        HttpError::RateLimited(..) => "try again later, or raise the quota",
    };
    help.to_owned()
}

/// The settings that can name certificate authorities; under a policy, its fields.
fn name_authorities(names: &Names) -> String {
    let settings = [&tls::CACERT, &tls::CACERT_BYTES, &tls::CAPATH];
    let can_be_set = |setting: &&&Setting<_>| !names.is_governed() || setting.field.is_some();
    let mut known: Vec<_> = settings
        .iter()
        .filter(can_be_set)
        .map(|setting| names.of(setting).to_string())
        .collect();
    let last = known.pop().unwrap_or_default();
    format!(
        "set the authority's certificate in {} or {last}",
        known.join(", ")
    )
}
