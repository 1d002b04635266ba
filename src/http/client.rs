//! One exchange with a server: deadline, retries, one redirect, body limit, headers.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use http::{Request, Response, StatusCode};
use reqwest::Url;
use rustify::endpoint::Endpoint;
use rustify::errors::ClientError;
use tokio::time::{Instant, sleep_until, timeout_at};
use zeroize::Zeroizing;

use super::error::Fault;
use super::tls;
pub(super) use crate::http::classify::classify;
use crate::http::middleware::Front;
pub use crate::http::retry::Retry;
use crate::http::retry::{backoff, may_retry};
use crate::http::retry_after::retry_after;
use crate::vault::settings::{Proxy, VaultSettings};

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// How long giving back the token may take.
const FAREWELL: Duration = Duration::from_secs(2);
/// How often one request is made at most.
const TRIES: u32 = 5;

/// Who asks, beside the request itself.
#[derive(Clone, Default)]
pub struct Caller {
    /// The token, if there is one yet.
    pub token: Option<Zeroizing<String>>,
    /// The namespace.
    pub namespace: Option<String>,
}

/// A status and its body.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, which may hold anything.
    pub body: Zeroizing<Vec<u8>>,
}

impl Answer {
    /// Whether these words are in the body: where the status says too little, and nothing of it is shown.
    #[must_use]
    pub fn says(&self, words: &str) -> bool {
        memchr::memmem::find(&self.body, words.as_bytes()).is_some()
    }
}

/// A connection to one server.
pub struct Client {
    url: Url,
    host: String,
    plain: OnceLock<Result<reqwest::Client, Fault>>,
    secure: OnceLock<Result<reqwest::Client, Fault>>,
    settings: VaultSettings,
    begun: Instant,
    deadline: Instant,
    sent: AtomicU32,
    /// What has made a read give up: others would wait as long for the same.
    fallen: OnceLock<Fault>,
}

impl Client {
    /// A client that has not connected yet, in a run that has begun then.
    ///
    /// # Errors
    /// [`Fault::Setting`] for an address that is no URL.
    pub fn new(settings: VaultSettings, begun: std::time::Instant) -> Result<Self, Fault> {
        let url = Url::parse(&settings.address)
            .map_err(|_| Fault::Setting("VAULT_ADDR is no URL".to_owned()))?;
        let host =
            authority(&url).ok_or_else(|| Fault::Setting("VAULT_ADDR names no host".to_owned()))?;
        Ok(Self {
            url,
            host,
            plain: OnceLock::new(),
            secure: OnceLock::new(),
            begun: Instant::now(),
            deadline: Instant::from_std(begun + settings.deadline),
            sent: AtomicU32::new(0),
            fallen: OnceLock::new(),
            settings,
        })
    }

    /// The server, as messages name it.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The settings that the client was made with.
    #[must_use]
    pub fn settings(&self) -> &VaultSettings {
        &self.settings
    }

    /// Logs what all requests took together.
    pub fn log_totals(&self) {
        tracing::info!(
            server = self.host,
            requests = self.sent.load(Ordering::Relaxed),
            millis = millis(self.begun),
            "done with the server"
        );
    }

    /// Makes a request, again where `retry` and the deadline allow it. Once a read has given up, others are
    /// not made again, and not at all where the server would answer none.
    ///
    /// # Errors
    /// A [`Fault`] if no answer came, or one that says to try again later; other statuses are answers.
    pub async fn call<E: Endpoint>(
        &self,
        endpoint: E,
        caller: &Caller,
        retry: Retry,
    ) -> Result<Answer, Fault> {
        let front = Front {
            caller,
            base: &self.url,
        };
        let endpoint = endpoint.with_middleware(&front);
        let deadline = match retry {
            Retry::Farewell => Instant::now() + FAREWELL,
            _ => self.deadline,
        };
        let mut tries = 0;
        // what the server said before time ran out tells more than that time ran out
        let mut known = None;
        loop {
            let fallen = self.fallen.get().filter(|_| retry == Retry::Read);
            if let Some(fault) = fallen.filter(|fault| fault.is_of_the_server()) {
                return Err(fault.clone());
            }
            if Instant::now() >= deadline {
                return Err(known.unwrap_or_else(|| self.too_late(&self.host)));
            }
            tries += 1;
            let begun = Instant::now();
            let outcome = match timeout_at(deadline, endpoint.exec(self)).await {
                Ok(Ok(result)) => self.judge(result.response),
                Ok(Err(error)) => Attempt::Failed(fault_of(error, &self.host)),
                Err(_) => return Err(known.unwrap_or_else(|| self.too_late(&self.host))),
            };
            let path = endpoint.path();
            let method: http::Method = endpoint.method().into();
            let (fault, after) = match outcome {
                Attempt::Answered(answer) => {
                    log(&method, &path, answer.status, begun, &answer.body);
                    return Ok(answer);
                }
                Attempt::Later(fault, after) => (fault, after),
                Attempt::Failed(fault) => (fault, None),
            };
            tracing::info!(%method, path = plain(&path), millis = millis(begun), "{fault}");
            if tries == TRIES || fallen.is_some() || !may_retry(&fault, retry) {
                return Err(self.give_up(fault, retry));
            }
            // a wait that no clock can show ends after the deadline too
            let again = Instant::now().checked_add(after.unwrap_or_default().max(backoff(tries)));
            let Some(at) = again.filter(|at| *at < deadline) else {
                return Err(self.give_up(fault, retry));
            };
            known = Some(fault);
            sleep_until(at).await;
        }
    }

    fn give_up(&self, fault: Fault, retry: Retry) -> Fault {
        if retry == Retry::Read && (fault.is_of_the_server() || may_retry(&fault, retry)) {
            self.fallen.get_or_init(|| fault.clone());
        }
        fault
    }

    fn classify(&self, error: &reqwest::Error, host: &str) -> Fault {
        if error.is_timeout() && error.is_connect() {
            return Fault::Unreachable(host.to_owned(), CONNECT.min(self.settings.deadline));
        }
        if error.is_timeout() {
            return self.too_late(host);
        }
        classify(error, host)
    }

    fn too_late(&self, host: &str) -> Fault {
        Fault::Deadline(host.to_owned(), self.settings.deadline)
    }

    /// Sorts statuses that mean "later" from answers.
    fn judge(&self, response: Response<Vec<u8>>) -> Attempt {
        let host = || self.host.clone();
        let after = retry_after(response.headers());
        let status = response.status().as_u16();
        let fault = match status {
            412 | 500 | 502 | 504 => Fault::Server(host(), status),
            429 => Fault::RateLimited(host(), after),
            503 => Fault::Sealed(host()),
            _ => {
                return Attempt::Answered(Answer {
                    status,
                    body: Zeroizing::new(response.into_body()),
                });
            }
        };
        Attempt::Later(fault, after)
    }

    fn http(&self, secure: bool) -> Result<&reqwest::Client, Fault> {
        let cell = if secure { &self.secure } else { &self.plain };
        cell.get_or_init(|| {
            let begun = Instant::now();
            let tls = if secure {
                tls::config(&self.settings.tls)?
            } else {
                tls::config(&crate::vault::settings::Tls {
                    skip_verify: true,
                    ..Default::default()
                })?
            };
            let builder = reqwest::Client::builder();
            let builder = match &self.settings.proxy {
                Proxy::Environment => builder,
                Proxy::None => builder.no_proxy(),
                Proxy::At(address) => builder.proxy(
                    reqwest::Proxy::all(address)
                        .map_err(|_| Fault::Setting("the proxy's address is no URL".to_owned()))?,
                ),
            };
            let client = builder
                .tls_backend_preconfigured(tls)
                .https_only(secure)
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(CONNECT.min(self.settings.deadline))
                .user_agent(concat!("gitops-fn/", env!("CARGO_PKG_VERSION")))
                .build()
                .map_err(|_| Fault::Setting("the HTTP client cannot be built".to_owned()));
            tracing::debug!(secure, millis = millis(begun), "made an HTTP client");
            client
        })
        .as_ref()
        .map_err(Clone::clone)
    }

    async fn exchange(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Fault> {
        let mut url = self.url.clone();
        url.set_path(request.uri().path());
        url.set_query(request.uri().query());
        let first = self.send_once(&url, &request).await?;
        if !matches!(first.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(first);
        }
        let target = self.redirect(&url, &first)?;
        let second = self.send_once(&target, &request).await?;
        if second.status().is_redirection() {
            return Err(Fault::BadRedirect(
                self.host.clone(),
                "it is the second one",
            ));
        }
        Ok(second)
    }

    /// Where a redirect may be followed to.
    fn redirect(&self, from: &Url, response: &Response<Vec<u8>>) -> Result<Url, Fault> {
        let bad = |reason| Fault::BadRedirect(self.host.clone(), reason);
        let target = response
            .headers()
            .get("location")
            .and_then(|location| from.join(location.to_str().ok()?).ok())
            .ok_or_else(|| bad("it names no address"))?;
        let to = authority(&target).ok_or_else(|| bad("it names no host"))?;
        let same = authority(from).as_ref() == Some(&to);
        let listed = self
            .settings
            .redirect_hosts
            .iter()
            .any(|host| *host == to || target.host_str() == Some(host.as_str()));
        if !same && !listed {
            return Err(Fault::Redirect {
                from: self.host.clone(),
                to,
            });
        }
        if from.scheme() == "https" && target.scheme() != "https" {
            return Err(bad("it leads from https to http"));
        }
        Ok(target)
    }

    async fn send_once(
        &self,
        url: &Url,
        request: &Request<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, Fault> {
        let client = self.http(url.scheme() == "https")?;
        let host = authority(url).unwrap_or_else(|| self.host.clone());
        self.sent.fetch_add(1, Ordering::Relaxed);
        let mut answer = client
            .request(request.method().clone(), url.clone())
            .headers(request.headers().clone())
            .body(request.body().clone())
            .send()
            .await
            .map_err(|error| self.classify(&error, &host))?;
        let limit = self.settings.body_limit;
        let mut body = Vec::new();
        while let Some(chunk) = answer
            .chunk()
            .await
            .map_err(|error| self.classify(&error, &host))?
        {
            let length = body.len() + chunk.len();
            if length > limit {
                return Err(Fault::TooLarge(host, limit));
            }
            if length > body.capacity() {
                // not beyond the limit, as a vector would grow by itself
                let next = length.max(body.capacity() * 2).min(limit);
                body.reserve_exact(next - body.len());
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = Response::new(body);
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }
}

enum Attempt {
    Answered(Answer),
    Later(Fault, Option<Duration>),
    Failed(Fault),
}

#[async_trait]
impl rustify::client::Client for Client {
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, ClientError> {
        self.exchange(request)
            .await
            .map_err(|fault| ClientError::GenericError {
                source: fault.into(),
            })
    }

    fn base(&self) -> &str {
        &self.settings.address
    }

    /// Every status is an answer: the trait's own version makes errors that carry bodies.
    async fn execute(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, ClientError> {
        self.send(request).await
    }
}

fn fault_of(error: ClientError, host: &str) -> Fault {
    match error {
        ClientError::GenericError { source } => source
            .downcast::<Fault>()
            .unwrap_or_else(|_| Fault::Broken(host.to_owned())),
        _ => Fault::Setting("the request cannot be built from these settings".to_owned()),
    }
}

/// `host` or `host:port`, the port where it is not the scheme's own.
fn authority(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

/// The time since then, for logs.
pub(crate) fn millis(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// A path for logs: some of vaultrs' begin with a slash, and one has a tab.
fn plain(path: &str) -> &str {
    path.trim().trim_start_matches('/')
}

/// Says that a request was answered: path, status, time and Vault's request id; never a body.
fn log(method: &http::Method, path: &str, status: u16, begun: Instant, body: &[u8]) {
    #[derive(serde::Deserialize)]
    struct Id<'b> {
        #[serde(borrow, default)]
        request_id: &'b str,
    }
    if tracing::enabled!(tracing::Level::INFO) {
        let id = serde_json::from_slice::<Id<'_>>(body).map_or("", |id| id.request_id);
        let id = Some(id).filter(|id| id.len() <= 64).unwrap_or("");
        let status = StatusCode::from_u16(status).map_or(status, |status| status.as_u16());
        tracing::info!(
            %method,
            path = plain(path),
            status,
            millis = millis(begun),
            request_id = id,
            "answered"
        );
    }
}
