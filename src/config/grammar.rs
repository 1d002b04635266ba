//! The rules for texts in a configuration. No error contains the text: it may be a URL with a token in it.

use super::PathSegment;
use crate::explain::Explain;
use crate::untrusted_text::is_hidden;

/// What is wrong with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum GrammarError {
    #[error("holds a user, password or token")]
    Credentials,
    #[error("not the URL of a repository")]
    NotAUrl,
    #[error("longer than 2048 bytes")]
    LongUrl,
    #[error("not one line of printable characters without blanks, quotes and brackets")]
    NotPrintable,
    #[error("an annotation that means something else")]
    Reserved,
    #[error("not an annotation key")]
    NotAKey,
    #[error("not the path of a secret")]
    NotASecret,
    #[error("ends in a backslash")]
    Backslash,
    #[error("not a path to a field")]
    NotAField,
}

impl Explain for GrammarError {
    fn help(&self) -> String {
        match self {
            Self::Credentials => {
                "take the credentials out: the annotation would publish them to everyone who can read the objects"
            }
            Self::NotAUrl | Self::LongUrl | Self::NotPrintable => {
                "write https://host/org/repo, ssh://git@host/org/repo, git@host:org/repo, git://, file:// or org/repo"
            }
            Self::Reserved => {
                "choose a key outside of config.kubernetes.io, config.k8s.io and avp.kubernetes.io"
            }
            Self::NotAKey => {
                "a key is an optional DNS name with `/`, then up to 63 letters, digits, `-`, `_`, `.`, with a letter or digit at \
                 both ends: github.com/url"
            }
            Self::NotASecret => {
                "write the mount and the path, kv/shop/web, without `.`, `..`, empty parts and any of ? # % \\ < > |"
            }
            Self::Backslash | Self::NotAField => {
                "write the keys with `/` between them: spec/template/spec/containers[]/image; `\\/` is a slash in a key"
            }
        }
        .to_owned()
    }
}

const MAX_URL: usize = 2048;

/// Checks a repository, which is written into the annotation: one printable line that is a git URL or `org/repo`,
/// without credentials.
pub(super) fn check_url(text: &str) -> Result<(), GrammarError> {
    if text.len() > MAX_URL {
        return Err(GrammarError::LongUrl);
    }
    if text.contains(|c: char| !printable(c) || "\\<>\"'`{}|^".contains(c)) {
        return Err(GrammarError::NotPrintable);
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        return check_scheme(&scheme.to_ascii_lowercase(), rest);
    }
    match text.split_once(':') {
        Some((host, path)) => check_scp(host, path),
        None => check_short(text),
    }
}

fn printable(c: char) -> bool {
    !(c.is_whitespace() || is_hidden(c))
}

fn check_scheme(scheme: &str, rest: &str) -> Result<(), GrammarError> {
    let web = matches!(scheme, "http" | "https" | "git+http" | "git+https");
    let plain = matches!(scheme, "ssh" | "git" | "git+ssh" | "ssh+git" | "file");
    if !web && !plain {
        return Err(GrammarError::NotAUrl);
    }
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    let password = |user: &str| user.contains(':') || user.to_ascii_lowercase().contains("%3a");
    // a password that contains a slash looks like a port: `https://me:pa/ss@host`
    let odd_port = host.rsplit_once(':').is_some_and(|(name, port)| {
        !name.starts_with('[') && port.bytes().any(|b| !b.is_ascii_digit())
    });
    // the end of a token that contains a slash looks like a path: `https://to/ken@host`
    let late = web
        && path.split('/').any(|part| {
            part.split_once('@')
                .is_some_and(|(user, host)| !user.is_empty() && host.contains('.'))
        });
    let credentials = late || user.is_some_and(|user| web || password(user));
    if credentials || odd_port || holds_token(path) {
        return Err(GrammarError::Credentials);
    }
    let place = if scheme == "file" { path } else { host };
    if place.is_empty() {
        Err(GrammarError::NotAUrl)
    } else {
        Ok(())
    }
}

/// Whether the query or fragment of a URL has a parameter whose name suggests a credential.
fn holds_token(path: &str) -> bool {
    let query = path
        .split_once(['?', '#'])
        .map_or("", |(_, query)| query)
        .to_ascii_lowercase();
    query.split(['&', ';', '?', '#']).any(|pair| {
        let name = pair.split_once('=').map_or("", |(name, _)| name);
        [
            "token", "password", "passwd", "secret", "key", "auth", "sig",
        ]
        .iter()
        .any(|word| name.contains(word))
    })
}

/// Checks the form `[user@]host:path`, already split at its first colon.
fn check_scp(host: &str, path: &str) -> Result<(), GrammarError> {
    // the first colon of `user:password@host` and of `https:/user:pw@host` is before the `@`
    let before_path = path.split('/').next().unwrap_or_default();
    if before_path.contains('@')
        || path
            .trim_start_matches('/')
            .split('/')
            .next()
            .is_some_and(|part| part.contains('@'))
    {
        return Err(GrammarError::Credentials);
    }
    let (user, host) = host.split_once('@').unwrap_or(("git", host));
    let scheme = matches!(host, "http" | "https" | "ssh" | "git" | "file");
    if is_word(user) && is_word(host) && !scheme && !path.trim_matches('/').is_empty() {
        Ok(())
    } else {
        Err(GrammarError::NotAUrl)
    }
}

/// Checks the form `org/repo`, possibly with more segments in front.
fn check_short(text: &str) -> Result<(), GrammarError> {
    if text.contains('/')
        && text
            .split('/')
            .all(|part| is_word(part) && part != "." && part != "..")
    {
        Ok(())
    } else {
        Err(GrammarError::NotAUrl)
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte))
}

/// Prefixes of annotations to which kustomize, kpt and AVP give a meaning.
const RESERVED: [&str; 5] = [
    "config.kubernetes.io",
    "internal.config.kubernetes.io",
    "kustomize.config.k8s.io",
    "config.k8s.io",
    "avp.kubernetes.io",
];

/// Checks an annotation key by Kubernetes' rule for qualified names. For annotations it allows capitals in the prefix
/// (`apimachinery/pkg/api/validation`, `ValidateAnnotations`).
pub(super) fn check_annotation(text: &str) -> Result<(), GrammarError> {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    if prefix.is_some_and(|prefix| RESERVED.contains(&prefix)) {
        return Err(GrammarError::Reserved);
    }
    let prefix_fits = prefix.is_none_or(|prefix| {
        prefix.len() <= 253 && prefix.split('.').all(|label| is_qualified(label, b"-"))
    });
    if prefix_fits && name.len() <= 63 && is_qualified(name, b"-_.") {
        return Ok(());
    }
    Err(GrammarError::NotAKey)
}

/// Whether a text consists of ASCII letters and digits, and of the characters `between` except at its ends.
fn is_qualified(text: &str, between: &[u8]) -> bool {
    let bytes = text.as_bytes();
    let end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let all = bytes
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || between.contains(byte));
    end(bytes.first()) && end(bytes.last()) && all
}

/// Checks the path of a secret, ignoring outer slashes: a mount and at least one more segment, no `.` or `..`, and no
/// character that has a meaning in URLs or placeholders.
pub(super) fn check_secret_path(text: &str) -> Result<(), GrammarError> {
    let bad = |c: char| c.is_control() || !(printable(c) || c == ' ') || "?#%\\<>|".contains(c);
    let outer_blank = text.trim() != text;
    let segments: Vec<&str> = text.trim_matches('/').split('/').collect();
    let dots = segments
        .iter()
        .any(|segment| matches!(*segment, "" | "." | ".."));
    if text.contains(bad) || outer_blank || dots || segments.len() < 2 {
        return Err(GrammarError::NotASecret);
    }
    Ok(())
}

/// Parses a path in the syntax of kustomize's field specs: `/` between keys, `\/` for a slash in a key, `[]` after the
/// key of a list, and optionally one leading `/`.
pub(super) fn parse_field_path(text: &str) -> Result<Vec<PathSegment>, GrammarError> {
    let mut keys: Vec<String> = Vec::new();
    let mut joined = false;
    for part in text.strip_prefix('/').unwrap_or(text).split('/') {
        let (part, escaped) = match part.strip_suffix('\\') {
            Some(part) => (part, true),
            None => (part, false),
        };
        match keys.last_mut() {
            Some(last) if joined => {
                last.push('/');
                last.push_str(part);
            }
            _ => keys.push(part.to_owned()),
        }
        joined = escaped;
    }
    if joined {
        return Err(GrammarError::Backslash);
    }
    let segments = keys.into_iter().map(|key| match key.strip_suffix("[]") {
        Some(list) => PathSegment {
            key: list.to_owned(),
            list: true,
        },
        None => PathSegment { key, list: false },
    });
    let segments: Vec<PathSegment> = segments.collect();
    if segments
        .iter()
        .any(|segment| segment.key.is_empty() || segment.key.contains(char::is_control))
    {
        return Err(GrammarError::NotAField);
    }
    Ok(segments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories() {
        for good in [
            "acme/shop",
            "github.com/acme/shop",
            "https://git.example/acme/shop.git",
            "HTTP://git.example:8443/a",
            "https://git.example/a?ref=v1",
            "ssh://git@git.example:22/acme/shop",
            "ssh://git.example/a",
            "git://git.example/a",
            "git@github.com:acme/shop.git",
            "git.example:acme/shop",
            "file:///srv/git/shop",
            "git+ssh://git@git.example/a",
            "https://git.example/@acme/shop",
            "https://git.example/größe",
        ] {
            assert!(check_url(good).is_ok(), "{good}");
        }
        for leak in [
            "https://token@git.example/a",
            "https://user:pw@git.example/a",
            "HTTPS://x@git.example/a",
            "http://@h/a",
            "ssh://git:pw@git.example/a",
            "git:pw@github.com:acme/shop",
            "https:/user:pw@git.example/a",
            "ssh://git%3apw@git.example/a",
            "https://git.example/a?private_token=x",
            "https://me:pa/ss@git.example/a",
            "https://to/ken@git.example/a",
            "https://git.example/a#access_token=x",
            "https://a@b@git.example/a",
            "git://u:p@h/a",
        ] {
            assert_eq!(check_url(leak), Err(GrammarError::Credentials), "{leak}");
        }
        let long = format!("https://git.example/{}", "a".repeat(2048));
        for bad in [
            "",
            "shop",
            "a b/c",
            "acme/shop\n",
            "acme//shop",
            "/srv/git",
            "javascript://x/y",
            "https://",
            "https:///a",
            "https:x",
            "a/..",
            "acme/<path:kv/x#y>",
            "https://git.example/\u{202e}a",
            "https://git.example/\u{7f}",
            "git@host:",
            "@host:a",
            "file://",
            "https:\\\\git.example",
            "${X}/a",
            &long,
        ] {
            assert!(check_url(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn annotation_keys() {
        let (name, label) = ("n".repeat(63), "a".repeat(63));
        let prefix = [label.as_str(); 4].join(".")[..253]
            .trim_end_matches('.')
            .to_owned();
        let longest = format!("{prefix}/{name}");
        for good in [
            "url",
            "github.com/url",
            "GitHub.com/URL_1.x-y",
            "a/b",
            longest.as_str(),
        ] {
            assert!(check_annotation(good).is_ok(), "{good}");
        }
        let longer = format!("{name}n");
        for bad in [
            "",
            "/",
            "a/",
            "/a",
            "a/b/c",
            "-a",
            "a-",
            "a b",
            "a..b/c",
            "a_b/c",
            "ä",
            "a:b",
            &longer,
            "config.kubernetes.io/local-config",
            "internal.config.kubernetes.io/path",
            "avp.kubernetes.io/path",
        ] {
            assert!(check_annotation(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn secret_paths() {
        for good in [
            "kv/shop",
            "/kv/data/shop/web/",
            "kv/with space/x",
            "kv/größe",
        ] {
            assert!(check_secret_path(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "kv",
            "kv/",
            "kv//x",
            "kv/../x",
            "kv/./x",
            "kv/x#y",
            "kv/x?y",
            "kv/%2e%2e/x",
            " kv/x",
            "kv/x\n",
            "<kv/x>",
        ] {
            assert!(check_secret_path(bad).is_err(), "{bad:?}");
        }
    }
}
