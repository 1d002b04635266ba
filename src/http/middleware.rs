//! What is put around each request.

use http::{HeaderValue, Request, Response, Uri};
use reqwest::Url;
use rustify::endpoint::{Endpoint, MiddleWare};
use rustify::errors::ClientError;

use super::client::Caller;
use crate::http::error::Fault;

/// Puts `/v1` in front, the token and namespace into headers, and mends doubled slashes of a base path.
pub(super) struct Front<'c> {
    pub(super) caller: &'c Caller,
    pub(super) base: &'c Url,
}

impl MiddleWare for Front<'_> {
    fn request<E: Endpoint>(
        &self,
        _: &E,
        request: &mut Request<Vec<u8>>,
    ) -> Result<(), ClientError> {
        let unusable = |text: &str| ClientError::GenericError {
            source: Fault::Setting(text.to_owned()).into(),
        };
        *request.uri_mut() = with_version(request.uri(), self.base)
            .ok_or_else(|| unusable("VAULT_ADDR is no URL"))?;
        let headers = request.headers_mut();
        headers.insert("x-vault-request", HeaderValue::from_static("true"));
        for (name, text, setting) in [
            (
                "x-vault-token",
                self.caller.token.as_ref().map(|token| token.as_str()),
                "the token",
            ),
            (
                "x-vault-namespace",
                self.caller.namespace.as_deref(),
                "VAULT_NAMESPACE",
            ),
        ] {
            let Some(text) = text else { continue };
            let mut value = HeaderValue::from_str(text).map_err(|_| {
                unusable(&format!(
                    "{setting} has characters that no header can carry"
                ))
            })?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(())
    }

    fn response<E: Endpoint>(&self, _: &E, _: &mut Response<Vec<u8>>) -> Result<(), ClientError> {
        Ok(())
    }
}

/// `BASE/v1/PATH` for the `BASE/PATH` that rustify has built. The base is the operator's, so that nothing in
/// a path moves its end.
fn with_version(uri: &Uri, base: &Url) -> Option<Uri> {
    let base = segments(base.path()).count();
    let segments: Vec<_> = segments(uri.path()).collect();
    if segments.len() <= base {
        return None;
    }
    let mut full = String::new();
    for segment in segments[..base]
        .iter()
        .chain(&["v1"])
        .chain(&segments[base..])
    {
        full.push('/');
        full.push_str(segment);
    }
    if let Some(query) = uri.query().filter(|query| !query.is_empty()) {
        full.push('?');
        full.push_str(query);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(full.parse().ok()?);
    Uri::from_parts(parts).ok()
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}
