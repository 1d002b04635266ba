//! A Vault server: its settings, and the HTTP client for them.

use std::time::{Duration, Instant};

use rustify::endpoint::Endpoint;

use super::error::VaultError;
use super::request::{Caller, build};
use super::settings::VaultSettings;
use crate::http::answer::Answer;
use crate::http::client::{Client, millis};
use crate::http::options::Options;
use crate::http::retry::Retry;

/// The status of a Vault Enterprise replica that has not caught up yet.
const REPLICA_BEHIND: u16 = 412;

/// A Vault server: its settings, and the HTTP client for them.
pub(crate) struct Server {
    client: Client,
    settings: VaultSettings,
}

impl Server {
    /// Creates a server without connecting to it. The deadline of all its requests counts from `begun`.
    ///
    /// # Errors
    /// A [`VaultError`] if the address is not a URL.
    pub(crate) fn new(settings: VaultSettings, begun: Instant) -> Result<Self, VaultError> {
        let options = Options {
            address: settings.location.address.clone(),
            tls: settings.tls.clone(),
            proxy: settings.proxy.clone(),
            redirect_hosts: settings.location.redirect_hosts.clone(),
            deadline: settings.reading.deadline,
            body_limit: settings.reading.body_limit,
            retry_statuses: &[REPLICA_BEHIND],
        };
        Ok(Self {
            client: Client::new(options, begun)?,
            settings,
        })
    }

    /// How the server is reached and read.
    pub(crate) fn settings(&self) -> &VaultSettings {
        &self.settings
    }

    /// The server as `host` or `host:port`, for messages.
    pub(crate) fn host(&self) -> &str {
        self.client.host()
    }

    /// Logs the number of requests and their total duration.
    pub(crate) fn log_totals(&self) {
        self.client.log_totals();
    }

    /// Sends a request, and repeats it as far as `retry` and the deadline allow.
    ///
    /// # Errors
    /// A [`VaultError`] if no answer came, or only answers that say to try again later. Other statuses are not errors.
    pub(crate) async fn call(
        &self,
        endpoint: impl Endpoint,
        caller: &Caller,
        retry: Retry,
    ) -> Result<Answer, VaultError> {
        let request = build(&endpoint, &self.settings.location.address, caller)?;
        let path = endpoint.path();
        let answer = self.client.send(&request, shown(&path), retry).await?;
        log(request.method(), &path, &answer);
        Ok(answer)
    }

    /// Sends a request once, with `limit` as its time limit. The deadline does not apply.
    ///
    /// # Errors
    /// Those of [`Server::call`].
    pub(crate) async fn call_within(
        &self,
        endpoint: impl Endpoint,
        caller: &Caller,
        limit: Duration,
    ) -> Result<Answer, VaultError> {
        let request = build(&endpoint, &self.settings.location.address, caller)?;
        let path = endpoint.path();
        let answer = self
            .client
            .send_within(&request, shown(&path), limit)
            .await?;
        log(request.method(), &path, &answer);
        Ok(answer)
    }
}

/// A path for the log: trimmed, since some paths of vaultrs begin with a slash and one ends with a tab.
fn shown(path: &str) -> &str {
    path.trim().trim_start_matches('/')
}

/// Logs method, path, status, duration and Vault's request id, but never the body.
fn log(method: &http::Method, path: &str, answer: &Answer) {
    #[derive(serde::Deserialize)]
    struct Id<'b> {
        #[serde(borrow, default)]
        request_id: &'b str,
    }
    if tracing::enabled!(tracing::Level::INFO) {
        let id = serde_json::from_slice::<Id<'_>>(&answer.body).map_or("", |id| id.request_id);
        let id = Some(id).filter(|id| id.len() <= 64).unwrap_or("");
        tracing::info!(
            %method,
            path = shown(path),
            status = answer.status,
            millis = millis(answer.took),
            request_id = id,
            "answered"
        );
    }
}
