//! `mount/path`, the name of a secret, as every store reads it.

use crate::explain::Explain;

/// Mounts that are no KV: reading them would give tokens, leases or settings (AVP printed its own
/// live token through `<path:auth/token/lookup-self#id>`).
const NOT_KV: [&str; 4] = ["auth", "sys", "cubbyhole", "identity"];

/// The longest path, in bytes; a URL that is three times as long still fits into a request.
const LONGEST: usize = 4096;

/// Why a text names no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// A mount alone, or nothing.
    #[error("the path names no secret, only a mount or nothing")]
    TooShort,
    /// `a//b`.
    #[error("the path has an empty segment")]
    Empty,
    /// `a/ /b`: nobody sees what it means.
    #[error("the path has a segment of nothing but blanks")]
    Blank,
    /// Nobody has written it by hand.
    #[error("the path is longer than {LONGEST} bytes")]
    TooLong,
    /// `a/./b`, `a/../b`: Vault's client would collapse it after a path rule was checked.
    #[error("the path has a `.` or `..` segment")]
    Dots,
    /// `%2e`: it would mean another path to some.
    #[error("the path has a percent-encoded character")]
    Encoded,
    /// A control character.
    #[error("the path has a control character")]
    Control,
    /// One of Vault's own mounts.
    #[error("the path lies in one of Vault's own mounts, and only KV secrets are read")]
    NotKv,
}

impl Explain for PathError {
    fn help(&self) -> String {
        "a path is `mount/path`, as in kv/shop/web".to_owned()
    }
}

/// The one name of a secret: without outer slashes and without KV v2's `data` after the mount, so
/// that `kv/data/shop/web` and `kv/shop/web` are the same. `kv/data` is the secret `data` of `kv`.
///
/// # Errors
/// [`PathError`]
pub fn canonical(path: &str) -> Result<String, PathError> {
    let (mount, rest) = check(path)?;
    let rest = rest.strip_prefix("data/").unwrap_or(rest);
    Ok(format!("{mount}/{rest}"))
}

/// The first segment of a path that may name a secret, and the rest.
///
/// # Errors
/// [`PathError`]
pub fn check(path: &str) -> Result<(&str, &str), PathError> {
    if path.len() > LONGEST {
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

/// Whether a `%` with two hexadecimal digits stands in a segment.
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
    fn both_spellings_and_outer_slashes_are_one_name() {
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
    fn data_elsewhere_is_a_name_like_any_other() {
        assert_eq!(canonical("kv/data").as_deref(), Ok("kv/data"));
        assert_eq!(canonical("kv/data/data").as_deref(), Ok("kv/data"));
        assert_eq!(canonical("kv/a/data/b").as_deref(), Ok("kv/a/data/b"));
        assert_eq!(canonical("kv/database/b").as_deref(), Ok("kv/database/b"));
    }

    #[test]
    fn what_names_no_secret_is_refused() {
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
