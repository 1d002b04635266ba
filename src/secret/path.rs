//! `mount/path`: the path of a secret, common to all stores.

use crate::explain::Explain;

/// Mounts that are not KV: reading them would return tokens, leases or settings (AVP printed its own live token
/// through `<path:auth/token/lookup-self#id>`).
const NOT_KV: [&str; 4] = ["auth", "sys", "cubbyhole", "identity"];

/// The longest path, in bytes: percent-encoded, three times as long, it still fits into the URL of a request.
const MAX_LENGTH: usize = 4096;

/// Why a text is not the path of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Only a mount, or empty.
    #[error("the path is only a mount, or empty")]
    TooShort,
    /// `a//b`.
    #[error("the path has an empty segment")]
    Empty,
    /// `a/ /b`: a blank segment is easily overlooked.
    #[error("the path has a blank segment")]
    Blank,
    /// Longer than 4096 bytes.
    #[error("the path is longer than {MAX_LENGTH} bytes")]
    TooLong,
    /// `a/./b`, `a/../b`: an HTTP client may normalise it after the policy has been checked.
    #[error("the path has a `.` or `..` segment")]
    Dots,
    /// `%2e`: some programs would decode it to another path.
    #[error("the path has a percent-encoded character")]
    Encoded,
    /// A control character.
    #[error("the path has a control character")]
    Control,
    /// One of Vault's own mounts.
    #[error("the path is in one of Vault's own mounts, but only KV secrets are read")]
    NotKv,
}

impl Explain for PathError {
    fn help(&self) -> String {
        "a path is `mount/path`, as in kv/shop/web".to_owned()
    }
}

/// The canonical path of a secret: without outer slashes and without KV v2's `data` after the mount, so that
/// `kv/data/shop/web` and `kv/shop/web` are equal. `kv/data` is the secret `data` in the mount `kv`.
///
/// # Errors
/// [`PathError`]
pub fn canonical(path: &str) -> Result<String, PathError> {
    let (mount, rest) = check(path)?;
    let rest = rest.strip_prefix("data/").unwrap_or(rest);
    Ok(format!("{mount}/{rest}"))
}

/// Checks a path; returns its first segment and the rest.
///
/// # Errors
/// [`PathError`]
pub fn check(path: &str) -> Result<(&str, &str), PathError> {
    if path.len() > MAX_LENGTH {
        return Err(PathError::TooLong);
    }
    if path.chars().any(char::is_control) {
        return Err(PathError::Control);
    }
    let path = path.trim_matches('/');
    let Some((mount, rest)) = path.split_once('/') else {
        return Err(PathError::TooShort);
    };
    for segment in path.split('/') {
        match segment {
            "" => return Err(PathError::Empty),
            "." | ".." => return Err(PathError::Dots),
            _ if segment.trim().is_empty() => return Err(PathError::Blank),
            _ if has_encoded(segment) => return Err(PathError::Encoded),
            _ => {}
        }
    }
    if NOT_KV.contains(&mount) {
        return Err(PathError::NotKv);
    }
    Ok((mount, rest))
}

/// Whether a segment contains a `%` followed by two hexadecimal digits.
fn has_encoded(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    bytes
        .windows(3)
        .any(|part| part[0] == b'%' && part[1].is_ascii_hexdigit() && part[2].is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_with_data_or_outer_slashes_are_equal() {
        for path in [
            "kv/shop/web",
            "kv/data/shop/web",
            "/kv/shop/web/",
            "//kv/data/shop/web",
        ] {
            assert_eq!(canonical(path).as_deref(), Ok("kv/shop/web"), "{path}");
        }
    }

    #[test]
    fn data_elsewhere_is_an_ordinary_segment() {
        assert_eq!(canonical("kv/data").as_deref(), Ok("kv/data"));
        assert_eq!(canonical("kv/data/data").as_deref(), Ok("kv/data"));
        assert_eq!(canonical("kv/a/data/b").as_deref(), Ok("kv/a/data/b"));
        assert_eq!(canonical("kv/database/b").as_deref(), Ok("kv/database/b"));
    }

    #[test]
    fn invalid_paths_are_rejected() {
        let refused = [
            ("", PathError::TooShort),
            ("/", PathError::TooShort),
            ("kv", PathError::TooShort),
            ("kv/", PathError::TooShort),
            ("kv//web", PathError::Empty),
            ("kv/x/ /web", PathError::Blank),
            ("kv/\u{a0}\u{3000}", PathError::Blank),
            (" /web", PathError::Blank),
            ("kv/./web", PathError::Dots),
            ("kv/a/../web", PathError::Dots),
            ("../web", PathError::Dots),
            ("kv/%2e%2E/web", PathError::Encoded),
            ("kv/a%2Fb", PathError::Encoded),
            ("kv/a\nb", PathError::Control),
            ("kv/a\u{85}b", PathError::Control),
            ("auth/token/lookup-self", PathError::NotKv),
            ("sys/mounts", PathError::NotKv),
            ("/cubbyhole/x", PathError::NotKv),
            ("identity/oidc", PathError::NotKv),
        ];
        for (path, fault) in refused {
            assert_eq!(canonical(path), Err(fault), "{path:?}");
        }
        let path = format!("kv/{}", "a".repeat(4093));
        assert_eq!(canonical(&path).as_deref(), Ok(&*path));
        assert_eq!(canonical(&(path + "a")), Err(PathError::TooLong));
    }
}
