//! What can go wrong between this program and a server. Messages hold no secrets: errors of other crates are not kept,
//! since they quote bodies, addresses and headers.

use std::fmt;
use std::time::Duration;

/// A failed request. The host is always `host` or `host:port`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HttpError {
    /// Nothing listens at the address.
    #[error("the connection to {0} was refused (transient)")]
    Refused(String),
    /// The connection was neither accepted nor refused in time.
    #[error("could not connect to {0} within {seconds} s (transient)", seconds = .1.as_secs_f32())]
    Unreachable(String, Duration),
    /// The host name has no address.
    #[error("the name of {0} could not be resolved (transient)")]
    UnknownHost(String),
    /// The connection broke.
    #[error("the connection to {0} broke (transient)")]
    Broken(String),
    /// The time limit has passed without an answer; holds the limit.
    #[error("{0} did not answer within {seconds} s (transient)", seconds = .1.as_secs_f32())]
    Deadline(String, Duration),
    /// The server's certificate is signed by an authority that is not trusted.
    #[error("the certificate of {0} is signed by an unknown authority")]
    UnknownAuthority(String),
    /// The server's certificate is for another name, has expired, or is otherwise invalid.
    #[error("the certificate of {0} is not valid: {1}")]
    Certificate(String, &'static str),
    /// The server requires a client certificate, or does not accept the one that was sent.
    #[error("{0} requires a client certificate that it trusts, and did not get one")]
    ClientCertificate(String),
    /// TLS failed for another reason.
    #[error("could not make a TLS connection to {0}")]
    Tls(String),
    /// The server redirects to a host that is not allowed.
    #[error("{from} redirects to {to}, which is not an allowed host (transient)")]
    Redirect {
        /// The host that was asked.
        from: String,
        /// The host that it redirects to.
        to: String,
    },
    /// A redirect from https to http, a second redirect, or one without an address; holds the reason.
    #[error("{0} answered with a redirect that is not followed: {1} (transient)")]
    BadRedirect(String, &'static str),
    /// The answer is longer than the limit, in bytes.
    #[error("the answer of {0} is longer than {1} bytes")]
    TooLarge(String, usize),
    /// Status 503.
    #[error("{0} is not available: it answered 503 (transient)")]
    Unavailable(String),
    /// Status 429, and how long the server asks to wait.
    #[error("{0} limits the rate of requests{after} (transient)", after = wait(*.1))]
    RateLimited(String, Option<Duration>),
    /// Another status after which a later attempt may succeed.
    #[error("{0} failed with status {1} (transient)")]
    Status(String, u16),
    /// The connection cannot be made with these options.
    #[error(transparent)]
    Options(#[from] OptionsError),
}

fn wait(after: Option<Duration>) -> String {
    after.map_or(String::new(), |after| {
        format!(" and asks to wait {} s", after.as_secs())
    })
}

/// The options of a connection that an error may be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OptionName {
    /// The server's address.
    Address,
    /// The proxy's address.
    Proxy,
    /// The name to expect in the server's certificate.
    ServerName,
    /// Certificate authorities as text.
    AuthoritiesText,
    /// The file of certificate authorities.
    AuthoritiesFile,
    /// The folder of certificate authorities.
    AuthoritiesFolder,
    /// The file of the client certificate.
    ClientCertificate,
    /// The file of the client certificate's key.
    ClientKey,
}

impl OptionName {
    /// The option's name in messages about a server that has no settings in the environment.
    fn plain(self) -> &'static str {
        match self {
            Self::Address => "the server's address",
            Self::Proxy => "the proxy's address",
            Self::ServerName => "the name expected in the server's certificate",
            Self::AuthoritiesText | Self::AuthoritiesFile => "the file of certificate authorities",
            Self::AuthoritiesFolder => "the folder of certificate authorities",
            Self::ClientCertificate => "the file of the client certificate",
            Self::ClientKey => "the file of the client key",
        }
    }
}

/// Why no connection can be made with the given options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OptionsError {
    /// One option cannot be used; the text continues its name.
    Unusable(OptionName, String),
    /// The client certificate and the client key do not belong together.
    KeyMismatch,
    /// The system's certificate authorities cannot be read.
    SystemAuthorities,
    /// There are no certificate authorities at the paths where systems keep them; holds the paths.
    NoSystemAuthorities(String),
    /// The TLS library has no usable protocol version.
    NoTlsVersion,
    /// The HTTP library cannot make a client.
    Client,
}

impl OptionsError {
    /// The error's message; `name` returns what the caller's users call an option.
    pub(crate) fn naming(&self, name: impl Fn(OptionName) -> String) -> String {
        match self {
            Self::Unusable(option, problem) => format!("{} {problem}", name(*option)),
            Self::KeyMismatch => format!(
                "{} and {} do not belong together",
                name(OptionName::ClientCertificate),
                name(OptionName::ClientKey)
            ),
            Self::SystemAuthorities => {
                "the system's certificate authorities cannot be read".to_owned()
            }
            Self::NoSystemAuthorities(paths) => {
                format!("no certificate authorities are at {paths}")
            }
            Self::NoTlsVersion => "TLS 1.2 and 1.3 are not available".to_owned(),
            Self::Client => "the HTTP client cannot be built".to_owned(),
        }
    }
}

impl fmt::Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.naming(|option| option.plain().to_owned()))
    }
}

impl std::error::Error for OptionsError {}

impl HttpError {
    /// Whether every other request to the server would fail too, whatever it asks for.
    pub(crate) fn concerns_all_requests(&self) -> bool {
        match self {
            Self::Refused(_)
            | Self::Unreachable(..)
            | Self::UnknownHost(_)
            | Self::Deadline(..)
            | Self::UnknownAuthority(_)
            | Self::Certificate(..)
            | Self::ClientCertificate(_)
            | Self::Tls(_)
            | Self::Redirect { .. }
            | Self::BadRedirect(..)
            | Self::Unavailable(_)
            | Self::RateLimited(..) => true,
            Self::Broken(_) | Self::TooLarge(..) | Self::Status(..) | Self::Options(_) => false,
        }
    }

    /// Whether the same request may succeed later, without anything being corrected.
    pub(crate) fn is_transient(&self) -> bool {
        !matches!(
            self,
            Self::TooLarge(..)
                | Self::UnknownAuthority(_)
                | Self::Certificate(..)
                | Self::ClientCertificate(_)
                | Self::Tls(_)
                | Self::Options(_)
        )
    }
}
