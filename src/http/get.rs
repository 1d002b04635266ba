//! One request to a server that is no Vault: the cluster's API server. No proxy, no redirect, no retry.

use std::time::Duration;

use zeroize::Zeroizing;

use super::client::{Answer, classify};
use super::error::Fault;
use super::tls;
use crate::vault::settings::Tls;

/// A GET over https.
pub struct Get<'r> {
    /// The whole URL.
    pub url: &'r str,
    /// The bearer token.
    pub bearer: &'r str,
    /// Whom to trust.
    pub tls: &'r Tls,
    /// How long it may take.
    pub within: Duration,
    /// Longest body, in bytes.
    pub longest: usize,
}

/// Makes the request.
///
/// # Errors
/// A [`Fault`] if no answer came, or too long a one.
pub async fn get(request: &Get<'_>) -> Result<Answer, Fault> {
    let host = reqwest::Url::parse(request.url)
        .ok()
        .and_then(|url| Some(url.host_str()?.to_owned()))
        .ok_or_else(|| Fault::Setting("the API server's address is no URL".to_owned()))?;
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls::config(request.tls)?)
        .https_only(true)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(request.within)
        .build()
        .map_err(|_| Fault::Setting("the HTTP client cannot be built".to_owned()))?;
    let late = |error: &reqwest::Error| {
        if error.is_timeout() {
            Fault::Deadline(host.clone(), request.within)
        } else {
            classify(error, &host)
        }
    };
    let mut answer = client
        .get(request.url)
        .bearer_auth(request.bearer)
        .send()
        .await
        .map_err(|error| late(&error))?;
    let mut body = Zeroizing::new(Vec::new());
    while let Some(chunk) = answer.chunk().await.map_err(|error| late(&error))? {
        if body.len() + chunk.len() > request.longest {
            return Err(Fault::TooLarge(host, request.longest));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        status: answer.status().as_u16(),
        body,
    })
}
