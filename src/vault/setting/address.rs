//! Strict parsers for addresses and hosts, so that no part of a text can send requests, or a token, to another server.

use std::net::Ipv6Addr;

use super::problem::BadValue;

const HELP: &str = "write it as https://vault.example:8200, with a path behind it perhaps";

/// Parses the address of a server: `http` or `https`, host, port and base path, without a query or credentials.
/// Trailing slashes are dropped.
pub(crate) fn server(text: &str) -> Result<String, BadValue> {
    let bad = |fact| BadValue {
        fact,
        help: HELP.into(),
    };
    if text.ends_with(['\n', '\r']) {
        return Err(bad("ends with a line break"));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(bad(
            "holds blanks, control characters or characters beyond ASCII",
        ));
    }
    let (scheme, rest) = text
        .split_once("://")
        .map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest))
        .filter(|(scheme, _)| scheme == "http" || scheme == "https")
        .ok_or(bad("is not an http:// or https:// address"))?;
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if authority.contains('@') {
        return Err(bad("holds a user name or password"));
    }
    if path.contains('?') {
        return Err(bad("holds a query"));
    }
    if path.contains('#') {
        return Err(bad("holds a fragment"));
    }
    let host = host_and_port(authority).ok_or(bad("names no valid host and port"))?;
    let base = path.trim_end_matches('/');
    if !base.split('/').skip(1).all(is_plain) || base.contains('\\') {
        return Err(bad("has a path with empty, `.`, `..` or encoded parts"));
    }
    Ok(format!("{scheme}://{host}{base}"))
}

fn is_plain(segment: &str) -> bool {
    !matches!(segment, "" | "." | "..") && !segment.contains('%')
}

/// Parses `host` or `host:port`, and returns it in lower case.
pub(crate) fn host(text: &str) -> Result<String, BadValue> {
    host_and_port(text).ok_or(BadValue {
        fact: "names something that is neither a host nor host:port",
        help: "write vault-1.example:8200, without https:// and without a path".into(),
    })
}

/// Parses the host name to expect in a certificate.
pub(crate) fn server_name(text: &str) -> Result<String, BadValue> {
    let name = text.trim_start_matches('[').trim_end_matches(']');
    if is_name(name) || name.parse::<Ipv6Addr>().is_ok() {
        return Ok(name.to_ascii_lowercase());
    }
    Err(BadValue {
        fact: "is not a host name",
        help: "write the name that the server's certificate holds, without a port".into(),
    })
}

fn host_and_port(text: &str) -> Option<String> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (inside, port) = rest.split_once(']')?;
            inside.parse::<Ipv6Addr>().ok()?;
            (inside, port)
        }
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let valid_port = match port.strip_prefix(':') {
        Some(digits) => {
            digits.bytes().all(|byte| byte.is_ascii_digit())
                && digits.parse::<u16>().is_ok_and(|port| port > 0)
        }
        None => port.is_empty(),
    };
    let valid = valid_port && (text.starts_with('[') || is_name(host));
    valid.then(|| text.to_ascii_lowercase())
}

/// Whether a text is a DNS name or an IPv4 address. `_` is allowed, since names inside clusters use it.
fn is_name(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    text.len() <= 253
        && text.split('.').all(|label| {
            !label.is_empty()
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        })
}
