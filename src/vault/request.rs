//! Builds requests as Vault expects them: with the `/v1` prefix and the headers for token and namespace.

use http::{HeaderValue, Request, Uri};
use rustify::endpoint::Endpoint;
use zeroize::Zeroizing;

use crate::vault::error::VaultError;
use crate::vault::settings::server::NAMESPACE;

/// The token and the namespace that a request carries.
#[derive(Clone, Default)]
pub(crate) struct Caller {
    /// The token; `None` before the login, or if an agent adds it.
    pub(crate) token: Option<Zeroizing<String>>,
    /// The namespace; `None` means the root namespace.
    pub(crate) namespace: Option<String>,
}

/// Builds the request for an endpoint, whose path is relative to `ADDRESS/v1`.
///
/// # Errors
/// A [`VaultError`] if the address, the token or the namespace does not make a valid request.
pub(super) fn build(
    endpoint: &impl Endpoint,
    address: &str,
    caller: &Caller,
) -> Result<Request<Vec<u8>>, VaultError> {
    let mut request = endpoint.request(address).map_err(|_| VaultError::Request)?;
    *request.uri_mut() = with_version(request.uri(), address).ok_or(VaultError::Address)?;
    let headers = request.headers_mut();
    headers.insert("x-vault-request", HeaderValue::from_static("true"));
    let token = caller.token.as_ref().map(|token| token.as_str());
    let namespace = caller.namespace.as_deref();
    for (header, text, unusable) in [
        ("x-vault-token", token, VaultError::TokenHeader),
        (
            "x-vault-namespace",
            namespace,
            VaultError::Header(&NAMESPACE),
        ),
    ] {
        let Some(text) = text else { continue };
        let mut value = HeaderValue::from_str(text).map_err(|_| unusable)?;
        value.set_sensitive(true);
        headers.insert(header, value);
    }
    Ok(request)
}

/// Turns the `ADDRESS/PATH` that rustify has built into `ADDRESS/v1/PATH`, and drops the empty segments of a path that
/// begins with a slash. `address` has a known number of segments, so nothing in a path can change where it ends.
fn with_version(uri: &Uri, address: &str) -> Option<Uri> {
    let address: Uri = address.parse().ok()?;
    let base = segments(address.path()).count();
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
