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

/// Vault Enterprise: a replica that has not caught up yet.
const REPLICA_BEHIND: u16 = 412;

/// A Vault server: its settings, and the HTTP client for them.
pub(crate) struct Server {
    client: Client,
    settings: VaultSettings,
}

impl Server {
    /// A server that is not connected yet; its deadline counts from `begun`.
    ///
    /// # Errors
    /// [`VaultError`] for an address that is not a URL.
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

    /// The settings that say how the server is reached.
    pub(crate) fn settings(&self) -> &VaultSettings {
        &self.settings
    }

    /// The server as messages name it: `host` or `host:port`.
    pub(crate) fn host(&self) -> &str {
        self.client.host()
    }

    /// Logs how many requests were sent, and how long they took together.
    pub(crate) fn log_totals(&self) {
        self.client.log_totals();
    }

    /// Sends a request, again where `retry` and the deadline allow it.
    ///
    /// # Errors
    /// A [`VaultError`] if no answer came, or one that says to try again later; other statuses are answers.
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

    /// Sends a request once, with a time limit of its own: also after the deadline.
    ///
    /// # Errors
    /// As [`Server::call`].
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

/// A path for the log: some of those in vaultrs begin with a slash, and one ends with a tab.
fn shown(path: &str) -> &str {
    path.trim().trim_start_matches('/')
}

/// Logs an answer: path, status, time and Vault's request id; never its body.
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
