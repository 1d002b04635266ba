//! The forms that values of settings take.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

use super::problem::BadValue;
use crate::go_syntax;

/// The longest deadline that can be set.
const LONGEST: Duration = Duration::from_hours(24);
/// The largest answer that can be allowed, in bytes.
const LARGEST: usize = 1 << 30;

/// A text that must not be shown, or the file that holds it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Credential {
    /// The text.
    Text(Zeroizing<String>),
    /// The file to read the text from, without the blanks around it.
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

/// A yes or no, as the official client reads it.
pub(crate) fn boolean(text: &str) -> Result<bool, BadValue> {
    go_syntax::boolean(text).ok_or(BadValue {
        fact: "is neither true nor false",
        help: "write true or false".into(),
    })
}

/// How long a run may take.
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

/// A number of bytes.
pub(crate) fn size(text: &str) -> Result<usize, BadValue> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let size = text.parse().ok().filter(|_| digits);
    size.filter(|size| (1..=LARGEST).contains(size))
        .ok_or(BadValue {
            fact: "is not a number of bytes between 1 and 1073741824",
            help: "write digits alone, such as 4194304".into(),
        })
}

/// A comma list; blanks around the parts and empty parts do not count.
pub(crate) fn list(
    text: &str,
    item: impl Fn(&str) -> Result<String, BadValue>,
) -> Result<Vec<String>, BadValue> {
    let parts = text.split(',').map(str::trim);
    parts.filter(|part| !part.is_empty()).map(item).collect()
}

/// A text that goes into a header or a path: visible ASCII, no blanks.
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

/// As [`visible`], for what must not be shown.
pub(crate) fn visible_secret(text: &str) -> Result<Credential, BadValue> {
    visible(text).map(|text| Credential::Text(Zeroizing::new(text)))
}

/// A text that must not be shown, as it is: the server judges it.
#[expect(clippy::unnecessary_wraps, reason = "one of the forms of a value")]
pub(crate) fn secret(text: &str) -> Result<Credential, BadValue> {
    Ok(Credential::Text(Zeroizing::new(text.to_owned())))
}

/// A text of one line.
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

/// The name of a user, which becomes a segment of a path.
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

/// The path of a file or folder, which is not looked at here.
pub(crate) fn path(text: &str) -> Result<PathBuf, BadValue> {
    line(text).map(PathBuf::from)
}

/// The path of a file that holds a credential.
pub(crate) fn file(text: &str) -> Result<Credential, BadValue> {
    path(text).map(Credential::File)
}

/// A mount or namespace without outer slashes: plain segments of visible ASCII.
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

/// A namespace; `/` is the root namespace, which Vault and `OpenBao` call `root`.
pub(crate) fn namespace(text: &str) -> Result<String, BadValue> {
    if text == "/" {
        return Ok("root".to_owned());
    }
    segments(text)
}

/// An auth mount, with or without `auth/` in front (AVP wants it there).
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

/// PEM text with a certificate in it.
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
