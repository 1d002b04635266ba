//! What can go wrong between us and a server, in words that anyone may read.
//!
//! No error of another crate is ever kept: they quote bodies, addresses and headers.

use std::time::Duration;

use crate::resolve::{StoreError, StoreErrorKind};

/// A failed exchange.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Nobody listens there.
    #[error("the connection to {0} was refused (transient)")]
    Refused(String),
    /// Nobody takes the connection, and nobody refuses it.
    #[error("no connection to {0} came about within {seconds} s (transient)", seconds = .1.as_secs_f32())]
    Unreachable(String, Duration),
    /// The name has no address.
    #[error("the name of {0} could not be resolved (transient)")]
    Name(String),
    /// The connection broke.
    #[error("the connection to {0} broke (transient)")]
    Broken(String),
    /// The run's deadline has passed, or would before the server wants to be asked again.
    #[error("{0} did not answer within {seconds} s (transient)", seconds = .1.as_secs_f32())]
    Deadline(String, Duration),
    /// The certificate is signed by somebody we do not trust.
    #[error("the certificate of {0} is signed by an unknown authority")]
    Authority(String),
    /// The certificate is for another name, has expired, or is otherwise unfit.
    #[error("the certificate of {0} is not valid for it: {1}")]
    Certificate(String, &'static str),
    /// The server wants a certificate of ours, or another.
    #[error("{0} wants a client certificate that it trusts, and did not get one")]
    Identity(String),
    /// TLS failed otherwise.
    #[error("no TLS connection to {0} could be made")]
    Tls(String),
    /// A redirect to a host that the operator has not listed.
    #[error("{from} redirects to {to}, which is not an allowed host (transient)")]
    Redirect {
        /// The host that was asked.
        from: String,
        /// The host it names.
        to: String,
    },
    /// A redirect from https to http, a second one, or one that names nothing.
    #[error("{0} answered with a redirect that is not followed: {1} (transient)")]
    BadRedirect(String, &'static str),
    /// The answer is longer than the limit.
    #[error("the answer of {0} is longer than {1} bytes")]
    TooLarge(String, usize),
    /// The answer is not what Vault sends.
    #[error("the answer of {0} is not Vault's JSON (transient)")]
    NotJson(String),
    /// Sealed, or in maintenance.
    #[error("{0} is sealed or under maintenance (transient)")]
    Sealed(String),
    /// Too many requests.
    #[error("{0} limits the rate of requests (transient){after}", after = wait(*.1))]
    RateLimited(String, Option<Duration>),
    /// Another status that may go away.
    #[error("{0} failed with status {1} (transient)")]
    Server(String, u16),
    /// A setting cannot be used.
    #[error("{0}")]
    Setting(String),
    /// The login was refused.
    #[error("the {method} login at auth/{mount} was refused with status {status}")]
    Login {
        /// The method.
        method: &'static str,
        /// The mount.
        mount: String,
        /// The status.
        status: u16,
    },
    /// The login wants more than its credentials.
    #[error("the {0} login at auth/{1} wants a second factor (MFA), which no program can give")]
    SecondFactor(&'static str, String),
}

fn wait(after: Option<Duration>) -> String {
    after.map_or(String::new(), |after| {
        format!(" and wants to be asked again in {} s", after.as_secs())
    })
}

impl Fault {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Refused(_) | Self::Unreachable(..) => "check VAULT_ADDR, and that the server runs and is reachable from here",
            Self::Name(_) => "check the host in VAULT_ADDR, and the name service of this environment",
            Self::Broken(_) | Self::Server(..) => "try again; if it stays, look at the server's log",
            Self::Deadline(..) => "try again, or give it more time with GITOPS_FN_TIMEOUT",
            Self::Authority(_) => "name the authority's certificate in VAULT_CACERT, VAULT_CACERT_BYTES or VAULT_CAPATH",
            Self::Certificate(..) => "use the name that stands in the certificate, or name it in VAULT_TLS_SERVER_NAME",
            Self::Identity(_) => "name a certificate that the server's authority has signed in VAULT_CLIENT_CERT, and its key in VAULT_CLIENT_KEY",
            Self::Tls(_) => "check that the address is https and that the server speaks TLS 1.2 or 1.3",
            Self::Redirect { .. } => "list the host in VAULT_REDIRECT_HOSTS if it is a server of yours",
            Self::BadRedirect(..) => "set VAULT_ADDR to the active server or a load balancer",
            Self::TooLarge(..) => "read a smaller secret, or raise GITOPS_FN_MAX_BODY",
            Self::NotJson(_) => "check that VAULT_ADDR is Vault itself and not a page in front of it",
            Self::Sealed(_) => "unseal the server, then try again",
            Self::RateLimited(..) => "try again later, or raise the quota",
            Self::Setting(_) => "correct it in the environment of this process",
            Self::SecondFactor(..) => "use a login that the server's MFA enforcement does not cover, or take this one out of it (identity/mfa/login-enforcement)",
            Self::Login { .. } => "check the credentials, the role and VAULT_AUTH_MOUNT; a secret id may be used up or expired",
        }
        .to_owned()
    }

    /// Whether every other request would fail alike, whatever it asks for.
    #[must_use]
    pub fn is_of_the_server(&self) -> bool {
        match self {
            Self::Refused(_)
            | Self::Unreachable(..)
            | Self::Name(_)
            | Self::Deadline(..)
            | Self::Authority(_)
            | Self::Certificate(..)
            | Self::Identity(_)
            | Self::Tls(_)
            | Self::Redirect { .. }
            | Self::BadRedirect(..)
            | Self::Sealed(_)
            | Self::RateLimited(..) => true,
            Self::Broken(_)
            | Self::TooLarge(..)
            | Self::NotJson(_)
            | Self::Server(..)
            | Self::Setting(_)
            | Self::Login { .. }
            | Self::SecondFactor(..) => false,
        }
    }

    /// The failure as that of a store: it concerns every read alike.
    #[must_use]
    pub fn store_error(&self) -> StoreError {
        let kind = match self {
            Self::TooLarge(..) => StoreErrorKind::Refused,
            Self::Authority(_)
            | Self::Certificate(..)
            | Self::Identity(_)
            | Self::Tls(_)
            | Self::Setting(_)
            | Self::SecondFactor(..)
            | Self::Login { .. } => StoreErrorKind::Config,
            _ => StoreErrorKind::Transient,
        };
        StoreError {
            kind,
            message: self.to_string(),
            help: self.help(),
        }
    }
}
