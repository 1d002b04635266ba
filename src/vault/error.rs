//! What can go wrong with a Vault server, in the words of whoever has set it up: HTTP errors get the names of Vault's
//! settings here, and advice.

use std::fmt;

use crate::http::error::{HttpError, OptionName, OptionsError};
use crate::resolve::{StoreError, StoreErrorKind};

/// A failure that concerns the server, the login or the settings, and so every secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum VaultError {
    /// No answer came, or one that says to try again later.
    Http(HttpError),
    /// The answer, of this host, is not what Vault sends.
    NotJson(String),
    /// The server at this host wants https, and the address says http.
    WantsHttps(String),
    /// A setting cannot be used; the text names it.
    Setting(String),
    /// The login was refused.
    Login {
        /// The login method.
        method: &'static str,
        /// The auth mount.
        mount: String,
        /// The HTTP status.
        status: u16,
    },
    /// The login, by this method at this auth mount, requires a second factor.
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

impl fmt::Display for VaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(HttpError::Unavailable(host)) => {
                write!(f, "{host} is sealed or under maintenance (transient)")
            }
            Self::Http(HttpError::Options(error)) => {
                f.write_str(&error.naming(setting))?;
                match error {
                    OptionsError::SystemAuthorities => f.write_str("; name some in VAULT_CACERT"),
                    OptionsError::NoSystemAuthorities(_) => {
                        f.write_str("; the policy can name some in spec.vault.caFile")
                    }
                    _ => Ok(()),
                }
            }
            Self::Http(error) => error.fmt(f),
            Self::NotJson(host) => {
                write!(f, "the answer of {host} is not Vault's JSON (transient)")
            }
            Self::WantsHttps(host) => write!(f, "{host} expects https, and VAULT_ADDR says http"),
            Self::Setting(text) => f.write_str(text),
            Self::Login {
                method,
                mount,
                status,
            } => write!(
                f,
                "the {method} login at auth/{mount} was refused with status {status}"
            ),
            Self::SecondFactor(method, mount) => write!(
                f,
                "the {method} login at auth/{mount} requires a second factor (MFA), which no program can provide"
            ),
        }
    }
}

/// The setting that sets an option of the connection.
fn setting(option: OptionName) -> &'static str {
    match option {
        OptionName::Address => "VAULT_ADDR",
        OptionName::Proxy => "the proxy's address",
        OptionName::ServerName => "VAULT_TLS_SERVER_NAME",
        OptionName::AuthoritiesText => "VAULT_CACERT_BYTES",
        OptionName::AuthoritiesFile => "VAULT_CACERT",
        OptionName::AuthoritiesFolder => "VAULT_CAPATH",
        OptionName::ClientCertificate => "VAULT_CLIENT_CERT",
        OptionName::ClientKey => "VAULT_CLIENT_KEY",
    }
}

impl VaultError {
    /// What to do about it.
    pub(crate) fn help(&self) -> &'static str {
        match self {
            Self::Http(error) => help(error),
            Self::NotJson(_) => {
                "check that VAULT_ADDR leads to Vault and not to a page in front of it"
            }
            Self::WantsHttps(_) | Self::Setting(_) => {
                "correct it in the environment of this process"
            }
            Self::SecondFactor(..) => {
                "use a login that the server's MFA enforcement does not cover, or take this one out of it (identity/mfa/login-enforcement)"
            }
            Self::Login { .. } => {
                "check the credentials, the role and VAULT_AUTH_MOUNT; a secret ID may be used up or expired"
            }
        }
    }

    /// The failure as the one that every read reports.
    pub(crate) fn store_error(&self) -> StoreError {
        let kind = match self {
            Self::Http(HttpError::TooLarge(..)) => StoreErrorKind::Refused,
            Self::Http(error) if error.is_transient() => StoreErrorKind::Transient,
            Self::NotJson(_) => StoreErrorKind::Transient,
            _ => StoreErrorKind::Config,
        };
        StoreError {
            kind,
            message: self.to_string(),
            help: self.help().to_owned(),
        }
    }
}

/// What to do about an HTTP error.
fn help(error: &HttpError) -> &'static str {
    match error {
        HttpError::Refused(_) | HttpError::Unreachable(..) => {
            "check VAULT_ADDR, and that the server is running and reachable from here"
        }
        HttpError::UnknownHost(_) => {
            "check the host in VAULT_ADDR, and the DNS of this environment"
        }
        HttpError::Broken(_) | HttpError::Status(..) => {
            "try again; if it keeps failing, check the server's log"
        }
        HttpError::Deadline(..) => "try again, or give it more time with GITOPS_FN_TIMEOUT",
        HttpError::UnknownAuthority(_) => {
            "set the authority's certificate in VAULT_CACERT, VAULT_CACERT_BYTES or VAULT_CAPATH"
        }
        HttpError::Certificate(..) => {
            "use the name in the certificate, or set it in VAULT_TLS_SERVER_NAME"
        }
        HttpError::ClientCertificate(_) => {
            "set VAULT_CLIENT_CERT to a certificate from an authority that the server trusts, and VAULT_CLIENT_KEY to its key"
        }
        HttpError::Tls(_) => {
            "check that the server speaks https at this address, with TLS 1.2 or 1.3"
        }
        HttpError::Redirect { .. } => {
            "list the host in VAULT_REDIRECT_HOSTS if the server is yours"
        }
        HttpError::BadRedirect(..) => "set VAULT_ADDR to the active server or a load balancer",
        HttpError::TooLarge(..) => "read a smaller secret, or raise GITOPS_FN_MAX_BODY",
        HttpError::Unavailable(_) => "unseal the server, then try again",
        HttpError::RateLimited(..) => "try again later, or raise the quota",
        HttpError::Options(_) => "correct it in the environment of this process",
    }
}
