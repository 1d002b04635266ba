//! Parsers for the values of settings.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

use super::problem::BadValue;
use crate::go_syntax;

/// The longest deadline.
const LONGEST: Duration = Duration::from_hours(24);
/// The largest limit for an answer, in bytes.
const LARGEST: usize = 1 << 30;

/// A secret text, or the file that holds it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Credential {
    /// The text.
    Text(Zeroizing<String>),
    /// The file to read the text from; blanks around the text are dropped.
    File(PathBuf),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("<redacted>"),
            Self::File(path) => write!(f, "<file {}>", path.display()),
        }
    }
}

const LINE_BREAK: BadValue = BadValue {
    fact: "ends with a line break",
    help: Cow::Borrowed("write it without one (`printf` or `echo -n` where it comes from a shell)"),
};

/// Parses a boolean, with Go's syntax as in the official client.
pub(crate) fn boolean(text: &str) -> Result<bool, BadValue> {
    go_syntax::boolean(text).ok_or(BadValue {
        fact: "is neither true nor false",
        help: "write true or false".into(),
    })
}

/// Parses how long a run may take, from 1 ms to 24 h; a number without a unit means seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, BadValue> {
    let duration = go_syntax::duration(text).ok_or(BadValue {
        fact: "is not a duration",
        help: "write seconds (45) or a duration such as 45s, 1m30s or 500ms".into(),
    })?;
    let sensible = Duration::from_millis(1)..=LONGEST;
    if sensible.contains(&duration) {
        return Ok(duration);
    }
    Err(BadValue {
        fact: "is not between 1ms and 24h",
        help: "write how long a run may take at most, such as 45s".into(),
    })
}

/// Parses a number of bytes, from 1 to 1 GiB.
pub(crate) fn size(text: &str) -> Result<usize, BadValue> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let size = text.parse().ok().filter(|_| digits);
    size.filter(|size| (1..=LARGEST).contains(size))
        .ok_or(BadValue {
            fact: "is not a number of bytes between 1 and 1073741824",
            help: "write digits alone, such as 4194304".into(),
        })
}

/// Parses a comma-separated list. Blanks around the items and empty items are dropped.
pub(crate) fn list(
    text: &str,
    item: impl Fn(&str) -> Result<String, BadValue>,
) -> Result<Vec<String>, BadValue> {
    let parts = text.split(',').map(str::trim);
    parts.filter(|part| !part.is_empty()).map(item).collect()
}

/// Accepts a text for a header or a path: visible ASCII without blanks.
pub(crate) fn visible(text: &str) -> Result<String, BadValue> {
    if text.ends_with(['\n', '\r']) {
        return Err(LINE_BREAK);
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(BadValue {
            fact: "holds blanks, line breaks or characters beyond ASCII",
            help: "write it in visible ASCII characters".into(),
        });
    }
    Ok(text.to_owned())
}

/// Like [`visible`], for a secret text.
pub(crate) fn visible_secret(text: &str) -> Result<Credential, BadValue> {
    visible(text).map(|text| Credential::Text(Zeroizing::new(text)))
}

/// Accepts any secret text; it is the server that checks it.
#[expect(clippy::unnecessary_wraps, reason = "one of the forms of a value")]
pub(crate) fn secret(text: &str) -> Result<Credential, BadValue> {
    Ok(Credential::Text(Zeroizing::new(text.to_owned())))
}

/// Accepts a text of one line.
pub(crate) fn line(text: &str) -> Result<String, BadValue> {
    if text.ends_with(['\n', '\r']) {
        return Err(LINE_BREAK);
    }
    if text.chars().any(char::is_control) {
        return Err(BadValue {
            fact: "holds control characters",
            help: "write it in one line".into(),
        });
    }
    Ok(text.to_owned())
}

/// Accepts the name of a user, which becomes a segment of a path.
pub(crate) fn user(text: &str) -> Result<String, BadValue> {
    let name = line(text)?;
    if name.trim().is_empty()
        || matches!(name.as_str(), "." | "..")
        || name.contains(['/', '%', '?', '#', '\\'])
    {
        return Err(BadValue {
            fact: "names no user",
            help: "write the user's name: not blank, not `.` or `..`, and none of / % ? # \\"
                .into(),
        });
    }
    Ok(name)
}

/// Accepts the path of a file or folder. The file is not opened here.
pub(crate) fn path(text: &str) -> Result<PathBuf, BadValue> {
    line(text).map(PathBuf::from)
}

/// Accepts the path of a file that holds a credential.
pub(crate) fn file(text: &str) -> Result<Credential, BadValue> {
    path(text).map(Credential::File)
}

/// Accepts a mount or namespace, as plain segments of visible ASCII, and drops outer slashes.
pub(crate) fn segments(text: &str) -> Result<String, BadValue> {
    let text = visible(text)?;
    let inner = text.trim_matches('/');
    let plain = |segment: &str| {
        !matches!(segment, "" | "." | "..") && !segment.contains(['%', '?', '#', '\\'])
    };
    if !inner.split('/').all(plain) {
        return Err(BadValue {
            fact: "is not a plain path",
            help: "write it as a/b: no empty, `.` or `..` parts, and none of % ? # \\".into(),
        });
    }
    Ok(inner.to_owned())
}

/// Accepts a namespace; `/` means the root namespace, which Vault and `OpenBao` call `root`.
pub(crate) fn namespace(text: &str) -> Result<String, BadValue> {
    if text == "/" {
        return Ok("root".to_owned());
    }
    segments(text)
}

/// Accepts an auth mount, with or without the prefix `auth/` (which AVP requires), and drops the prefix.
pub(crate) fn auth_mount(text: &str) -> Result<String, BadValue> {
    let mount = segments(text)?;
    match mount.strip_prefix("auth/") {
        Some(rest) => Ok(rest.to_owned()),
        None if mount == "auth" => Err(BadValue {
            fact: "names no mount behind auth/",
            help: "write the mount's name, such as approle".into(),
        }),
        None => Ok(mount),
    }
}

/// Accepts PEM text that contains a certificate.
pub(crate) fn pem(text: &str) -> Result<String, BadValue> {
    if !text.contains("-----BEGIN CERTIFICATE-----") {
        return Err(BadValue {
            fact: "holds no PEM certificate",
            help: "set it to the text of the certificate; there is another setting for its file"
                .into(),
        });
    }
    Ok(text.to_owned())
}
