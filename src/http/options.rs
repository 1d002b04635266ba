//! The options of a connection: how a server is reached and trusted.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// How a server is reached and trusted.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// `http://…` or `https://…`, optionally with a base path.
    pub(crate) address: String,
    /// How the server is trusted, and how this program proves who it is.
    pub(crate) tls: Tls,
    /// The proxy between this program and the server.
    pub(crate) proxy: Proxy,
    /// Hosts (`host` or `host:port`) that a redirect may lead to, besides the server's own.
    pub(crate) redirect_hosts: Vec<String>,
    /// The time limit of all requests of a run together, from its beginning.
    pub(crate) deadline: Duration,
    /// The maximum size of an answer, in bytes.
    pub(crate) body_limit: usize,
    /// Statuses after which another attempt may succeed, besides 429, 500, 502, 503 and 504.
    pub(crate) retry_statuses: &'static [u16],
}

/// How a server is trusted, and how this program proves who it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tls {
    /// Certificate authorities that replace the system's, if any are named.
    pub(crate) authorities: Option<Authorities>,
    /// Ignore `SSL_CERT_FILE` and `SSL_CERT_DIR`: the system's authorities are read from fixed paths.
    pub(crate) fixed_places: bool,
    /// PEM files with the client certificate and its key.
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
    /// The name to expect in the server's certificate instead of the address's host.
    pub(crate) server_name: Option<String>,
    /// Accept any certificate.
    pub(crate) skip_verify: bool,
}

/// Certificate authorities in PEM. Its `Debug` shows no text.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Authorities {
    /// The certificates themselves.
    Bytes(String),
    /// A file that holds them.
    File(PathBuf),
    /// A folder: every file in it is read.
    Folder(PathBuf),
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(_) => f.write_str("<PEM text>"),
            Self::File(path) => write!(f, "<file {}>", path.display()),
            Self::Folder(path) => write!(f, "<folder {}>", path.display()),
        }
    }
}

/// The proxy between this program and a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Proxy {
    /// The one that `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` name, if any.
    #[default]
    Environment,
    /// None, whatever the environment says.
    None,
    /// The one at this address.
    At(String),
}
