//! A single GET request without proxy, redirects or retries, for the API server of the cluster.

use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::answer::Answer;
use super::classify::classify;
use super::error::{HttpError, OptionName, OptionsError};
use super::options::Tls;
use super::tls;

/// A GET request over https.
pub(crate) struct Get<'r> {
    /// The whole URL.
    pub(crate) url: &'r str,
    /// The bearer token.
    pub(crate) bearer: &'r str,
    /// How the server's certificate is checked.
    pub(crate) tls: &'r Tls,
    /// The time limit of the request.
    pub(crate) within: Duration,
    /// The maximum size of the body, in bytes.
    pub(crate) longest: usize,
}

/// Sends the request and returns the answer, whatever its status.
///
/// # Errors
/// An [`HttpError`] if the request cannot be sent, or the answer does not come in time or is too long.
pub(crate) async fn get(request: &Get<'_>) -> Result<Answer, HttpError> {
    let begun = Instant::now();
    let host = reqwest::Url::parse(request.url)
        .ok()
        .and_then(|url| Some(url.host_str()?.to_owned()))
        .ok_or_else(|| OptionsError::Unusable(OptionName::Address, "is not a URL".to_owned()))?;
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls::config(request.tls)?)
        .https_only(true)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(request.within)
        .build()
        .map_err(|_| OptionsError::Client)?;
    let failed = |error: &reqwest::Error| {
        if error.is_timeout() {
            HttpError::Deadline(host.clone(), request.within)
        } else {
            classify(error, &host)
        }
    };
    let mut answer = client
        .get(request.url)
        .bearer_auth(request.bearer)
        .send()
        .await
        .map_err(|error| failed(&error))?;
    let mut body = Zeroizing::new(Vec::new());
    while let Some(chunk) = answer.chunk().await.map_err(|error| failed(&error))? {
        if body.len() + chunk.len() > request.longest {
            return Err(HttpError::TooLarge(host, request.longest));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        status: answer.status().as_u16(),
        body,
        took: begun.elapsed(),
    })
}
