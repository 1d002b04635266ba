//! A client of one server: deadline, retries, one redirect, body limit.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use http::{Request, Response};
use reqwest::Url;
use tokio::time::{Instant, sleep_until, timeout_at};
use zeroize::Zeroizing;

use super::answer::Answer;
use super::classify::classify;
use super::error::{HttpError, OptionName, OptionsError};
use super::options::{Options, Proxy, Tls};
use super::retry::{Retry, backoff, may_retry};
use super::retry_after::retry_after;
use super::tls;

/// The maximum time to wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// The maximum number of times that a request is sent.
const ATTEMPTS: u32 = 5;

/// A client of one server, which connects when the first request is sent.
pub(crate) struct Client {
    url: Url,
    host: String,
    plain: OnceLock<Result<reqwest::Client, HttpError>>,
    secure: OnceLock<Result<reqwest::Client, HttpError>>,
    options: Options,
    begun: Instant,
    deadline: Instant,
    sent: AtomicU32,
    /// Why the first request with [`Retry::Always`] was given up, so that others do not wait as long for the same
    /// failure.
    given_up: OnceLock<HttpError>,
}

impl Client {
    /// A client whose deadline counts from `begun`.
    ///
    /// # Errors
    /// [`OptionsError`] for an address that is not a URL.
    pub(crate) fn new(options: Options, begun: std::time::Instant) -> Result<Self, OptionsError> {
        let url = Url::parse(&options.address).map_err(|_| not_a_url(OptionName::Address))?;
        let host = authority(&url).ok_or_else(|| {
            OptionsError::Unusable(OptionName::Address, "names no host".to_owned())
        })?;
        Ok(Self {
            url,
            host,
            plain: OnceLock::new(),
            secure: OnceLock::new(),
            begun: Instant::now(),
            deadline: Instant::from_std(begun + options.deadline),
            sent: AtomicU32::new(0),
            given_up: OnceLock::new(),
            options,
        })
    }

    /// The server as messages name it: `host` or `host:port`.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Logs how many requests were sent, and how long they took together.
    pub(crate) fn log_totals(&self) {
        tracing::info!(
            server = self.host,
            requests = self.sent.load(Ordering::Relaxed),
            millis = millis(self.begun.elapsed()),
            "done with the server"
        );
    }

    /// Sends a request to the server, and sends it again if `retry` and the deadline allow that. Only the path and
    /// query of its URI are used; the log calls it `name`. Once a request with [`Retry::Always`] was given up, others
    /// like it are sent only once, or not at all if the failure concerns all requests.
    ///
    /// # Errors
    /// An [`HttpError`] if there is no answer, or its status means "try again later"; other statuses are answers.
    pub(crate) async fn send(
        &self,
        request: &Request<Vec<u8>>,
        name: &str,
        retry: Retry,
    ) -> Result<Answer, HttpError> {
        self.send_until(request, name, retry, self.deadline).await
    }

    /// Sends a request once, within `limit`, whether or not the deadline has passed.
    ///
    /// # Errors
    /// As for [`Client::send`].
    pub(crate) async fn send_within(
        &self,
        request: &Request<Vec<u8>>,
        name: &str,
        limit: Duration,
    ) -> Result<Answer, HttpError> {
        self.send_until(request, name, Retry::Never, Instant::now() + limit)
            .await
    }

    async fn send_until(
        &self,
        request: &Request<Vec<u8>>,
        name: &str,
        retry: Retry,
        deadline: Instant,
    ) -> Result<Answer, HttpError> {
        let mut attempts = 0;
        // an earlier error of the server is more informative than that time ran out
        let mut last = None;
        loop {
            let given_up = self.given_up.get().filter(|_| retry == Retry::Always);
            if let Some(error) = given_up.filter(|error| error.concerns_all_requests()) {
                return Err(error.clone());
            }
            if Instant::now() >= deadline {
                return Err(last.unwrap_or_else(|| self.too_late(&self.host)));
            }
            attempts += 1;
            let begun = Instant::now();
            let outcome = match timeout_at(deadline, self.exchange(request)).await {
                Ok(Ok(response)) => self.judge(response, begun),
                Ok(Err(error)) => Attempt::Failed(error, None),
                Err(_) => return Err(last.unwrap_or_else(|| self.too_late(&self.host))),
            };
            let (error, after) = match outcome {
                Attempt::Answered(answer) => return Ok(answer),
                Attempt::Failed(error, after) => (error, after),
            };
            let method = request.method();
            tracing::info!(%method, path = name, millis = millis(begun.elapsed()), "{error}");
            if attempts == ATTEMPTS || given_up.is_some() || !may_retry(&error, retry) {
                return Err(self.give_up(error, retry));
            }
            // `None` if the wait is too long for the clock, and so for the deadline
            let wait = after.unwrap_or_default().max(backoff(attempts));
            let again = Instant::now().checked_add(wait);
            let Some(at) = again.filter(|at| *at < deadline) else {
                return Err(self.give_up(error, retry));
            };
            last = Some(error);
            sleep_until(at).await;
        }
    }

    /// Returns the error, and keeps it for later requests if they would fail in the same way.
    fn give_up(&self, error: HttpError, retry: Retry) -> HttpError {
        if retry == Retry::Always && (error.concerns_all_requests() || may_retry(&error, retry)) {
            self.given_up.get_or_init(|| error.clone());
        }
        error
    }

    fn classify(&self, error: &reqwest::Error, host: &str) -> HttpError {
        if error.is_timeout() && error.is_connect() {
            return HttpError::Unreachable(host.to_owned(), CONNECT.min(self.options.deadline));
        }
        if error.is_timeout() {
            return self.too_late(host);
        }
        classify(error, host)
    }

    fn too_late(&self, host: &str) -> HttpError {
        HttpError::Deadline(host.to_owned(), self.options.deadline)
    }

    /// Separates answers from statuses that mean "try again later".
    fn judge(&self, response: Response<Vec<u8>>, begun: Instant) -> Attempt {
        let host = || self.host.clone();
        let after = retry_after(response.headers());
        let status = response.status().as_u16();
        let error = match status {
            429 => HttpError::RateLimited(host(), after),
            503 => HttpError::Unavailable(host()),
            500 | 502 | 504 => HttpError::Status(host(), status),
            _ if self.options.retry_statuses.contains(&status) => HttpError::Status(host(), status),
            _ => {
                return Attempt::Answered(Answer {
                    status,
                    body: Zeroizing::new(response.into_body()),
                    took: begun.elapsed(),
                });
            }
        };
        Attempt::Failed(error, after)
    }

    /// The HTTP library's client for https (`secure`) or http, made at its first use.
    fn library(&self, secure: bool) -> Result<&reqwest::Client, HttpError> {
        let cell = if secure { &self.secure } else { &self.plain };
        cell.get_or_init(|| {
            let begun = Instant::now();
            let tls = if secure {
                tls::config(&self.options.tls)?
            } else {
                // not used, but without it the library would read the system's certificate authorities
                tls::config(&Tls {
                    skip_verify: true,
                    ..Tls::default()
                })?
            };
            let builder = reqwest::Client::builder();
            let builder = match &self.options.proxy {
                Proxy::Environment => builder,
                Proxy::None => builder.no_proxy(),
                Proxy::At(address) => builder
                    .proxy(reqwest::Proxy::all(address).map_err(|_| not_a_url(OptionName::Proxy))?),
            };
            let client = builder
                .tls_backend_preconfigured(tls)
                .https_only(secure)
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(CONNECT.min(self.options.deadline))
                .user_agent(concat!("gitops-fn/", env!("CARGO_PKG_VERSION")))
                .build()
                .map_err(|_| OptionsError::Client.into());
            tracing::debug!(
                secure,
                millis = millis(begun.elapsed()),
                "made an HTTP client"
            );
            client
        })
        .as_ref()
        .map_err(Clone::clone)
    }

    /// Sends a request once, and follows at most one redirect.
    async fn exchange(&self, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, HttpError> {
        let mut url = self.url.clone();
        url.set_path(request.uri().path());
        url.set_query(request.uri().query());
        let first = self.send_once(&url, request).await?;
        if !matches!(first.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(first);
        }
        let target = self.redirect(&url, &first)?;
        let second = self.send_once(&target, request).await?;
        if second.status().is_redirection() {
            return Err(HttpError::BadRedirect(
                self.host.clone(),
                "it is the second one",
            ));
        }
        Ok(second)
    }

    /// The target of a redirect, or an error if it must not be followed.
    fn redirect(&self, from: &Url, response: &Response<Vec<u8>>) -> Result<Url, HttpError> {
        let bad = |reason| HttpError::BadRedirect(self.host.clone(), reason);
        let target = response
            .headers()
            .get("location")
            .and_then(|location| from.join(location.to_str().ok()?).ok())
            .ok_or_else(|| bad("it names no address"))?;
        let to = authority(&target).ok_or_else(|| bad("it names no host"))?;
        let same = authority(from).as_ref() == Some(&to);
        let listed = self
            .options
            .redirect_hosts
            .iter()
            .any(|host| *host == to || target.host_str() == Some(host.as_str()));
        if !same && !listed {
            return Err(HttpError::Redirect {
                from: self.host.clone(),
                to,
            });
        }
        if from.scheme() == "https" && target.scheme() != "https" {
            return Err(bad("it leads from https to http"));
        }
        Ok(target)
    }

    /// Sends a request to `url` and reads the answer, up to the body limit.
    async fn send_once(
        &self,
        url: &Url,
        request: &Request<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, HttpError> {
        let client = self.library(url.scheme() == "https")?;
        let host = authority(url).unwrap_or_else(|| self.host.clone());
        self.sent.fetch_add(1, Ordering::Relaxed);
        let mut answer = client
            .request(request.method().clone(), url.clone())
            .headers(request.headers().clone())
            .body(request.body().clone())
            .send()
            .await
            .map_err(|error| self.classify(&error, &host))?;
        let limit = self.options.body_limit;
        let mut body = Vec::new();
        while let Some(chunk) = answer
            .chunk()
            .await
            .map_err(|error| self.classify(&error, &host))?
        {
            let length = body.len() + chunk.len();
            if length > limit {
                return Err(HttpError::TooLarge(host, limit));
            }
            if length > body.capacity() {
                // by hand: a vector that grows by itself could exceed the limit
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

/// The result of one attempt.
enum Attempt {
    Answered(Answer),
    /// An error, and how long the server asks to wait (`Retry-After`).
    Failed(HttpError, Option<Duration>),
}

fn not_a_url(option: OptionName) -> OptionsError {
    OptionsError::Unusable(option, "is not a URL".to_owned())
}

/// `host`, or `host:port` if the port is not the scheme's default. `None` without a host.
fn authority(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

/// A duration in milliseconds, for logs.
pub(crate) fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}
