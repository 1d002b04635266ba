//! The forms that values take.

use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

use super::Credential;
use super::lookup::Fault;

/// The longest deadline that can be set.
const LONGEST: Duration = Duration::from_hours(24);
/// The largest answer that can be allowed, in bytes.
const LARGEST: usize = 1 << 30;

const LINE_BREAK: Fault = Fault {
    says: "ends with a line break",
    help: "write it without one (`printf` or `echo -n` where it comes from a shell)",
};

/// A yes or no in the words of Go's `strconv.ParseBool`, as the official client has it.
pub(super) fn boolean(text: &str) -> Result<bool, Fault> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(Fault {
            says: "is neither true nor false",
            help: "write true or false",
        }),
    }
}

/// A duration as Go writes it (`45s`, `1m30s`, `1.5h`), or a number of seconds.
pub(super) fn duration(text: &str) -> Result<Duration, Fault> {
    let fault = Fault {
        says: "is not a duration",
        help: "write seconds (45) or a duration such as 45s, 1m30s or 500ms",
    };
    let seconds = if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        go_seconds(text)
    };
    let seconds: f64 = seconds.ok_or(fault)?;
    let duration = Duration::try_from_secs_f64(seconds).ok();
    let sensible = Duration::from_millis(1)..=LONGEST;
    duration
        .filter(|duration| sensible.contains(duration))
        .ok_or(Fault {
            says: "is not between 1ms and 24h",
            help: "write how long a run may take at most, such as 45s",
        })
}

/// Decimal numbers, each with its unit, without a sign.
fn go_seconds(text: &str) -> Option<f64> {
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(end);
        let end = tail.find(|c: char| !c.is_alphabetic());
        let (unit, tail) = tail.split_at(end.unwrap_or(tail.len()));
        let factor = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * factor;
        rest = tail;
    }
    Some(seconds)
}

/// A number of bytes.
pub(super) fn size(text: &str) -> Result<usize, Fault> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let size = text.parse().ok().filter(|_| digits);
    size.filter(|size| (1..=LARGEST).contains(size))
        .ok_or(Fault {
            says: "is not a number of bytes between 1 and 1073741824",
            help: "write digits alone, such as 4194304",
        })
}

/// A comma list; blanks around the parts and empty parts do not count.
pub(super) fn list(
    text: &str,
    item: impl Fn(&str) -> Result<String, Fault>,
) -> Result<Vec<String>, Fault> {
    let parts = text.split(',').map(str::trim);
    parts.filter(|part| !part.is_empty()).map(item).collect()
}

/// A text that goes into a header or a path: visible ASCII, no blanks.
pub(super) fn visible(text: &str) -> Result<String, Fault> {
    if text.ends_with(['\n', '\r']) {
        return Err(LINE_BREAK);
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Fault {
            says: "holds blanks, line breaks or characters beyond ASCII",
            help: "write it in visible ASCII characters",
        });
    }
    Ok(text.to_owned())
}

/// As [`visible`], for what must not be shown.
pub(super) fn visible_secret(text: &str) -> Result<Credential, Fault> {
    visible(text).map(|text| Credential::Text(Zeroizing::new(text)))
}

/// A text that must not be shown, as it is: the server judges it.
#[expect(clippy::unnecessary_wraps, reason = "one of the forms of a value")]
pub(super) fn secret(text: &str) -> Result<Credential, Fault> {
    Ok(Credential::Text(Zeroizing::new(text.to_owned())))
}

/// A text of one line.
pub(super) fn line(text: &str) -> Result<String, Fault> {
    if text.ends_with(['\n', '\r']) {
        return Err(LINE_BREAK);
    }
    if text.chars().any(char::is_control) {
        return Err(Fault {
            says: "holds control characters",
            help: "write it in one line",
        });
    }
    Ok(text.to_owned())
}

/// The name of a user, which becomes a segment of a path.
pub(super) fn user(text: &str) -> Result<String, Fault> {
    let name = line(text)?;
    if name.trim().is_empty()
        || matches!(name.as_str(), "." | "..")
        || name.contains(['/', '%', '?', '#', '\\'])
    {
        return Err(Fault {
            says: "names no user",
            help: "write the user's name: not blank, not `.` or `..`, and none of / % ? # \\",
        });
    }
    Ok(name)
}

/// The path of a file or folder, which is not looked at here.
pub(super) fn path(text: &str) -> Result<PathBuf, Fault> {
    line(text).map(PathBuf::from)
}

/// The path of a file that holds a credential.
pub(super) fn file(text: &str) -> Result<Credential, Fault> {
    path(text).map(Credential::File)
}

/// A mount or namespace without outer slashes: plain segments of visible ASCII.
pub(super) fn segments(text: &str) -> Result<String, Fault> {
    let text = visible(text)?;
    let inner = text.trim_matches('/');
    let plain = |segment: &str| {
        !matches!(segment, "" | "." | "..") && !segment.contains(['%', '?', '#', '\\'])
    };
    if !inner.split('/').all(plain) {
        return Err(Fault {
            says: "is not a plain path",
            help: "write it as a/b: no empty, `.` or `..` parts, and none of % ? # \\",
        });
    }
    Ok(inner.to_owned())
}

/// A namespace; `/` is the root namespace, which Vault and `OpenBao` call `root`.
pub(super) fn namespace(text: &str) -> Result<String, Fault> {
    if text == "/" {
        return Ok("root".to_owned());
    }
    segments(text)
}

/// An auth mount, with or without `auth/` in front (AVP wants it there).
pub(super) fn auth_mount(text: &str) -> Result<String, Fault> {
    let mount = segments(text)?;
    match mount.strip_prefix("auth/") {
        Some(rest) => Ok(rest.to_owned()),
        None if mount == "auth" => Err(Fault {
            says: "names no mount behind auth/",
            help: "write the mount's name, such as approle",
        }),
        None => Ok(mount),
    }
}

/// PEM text with a certificate in it.
pub(super) fn pem(text: &str) -> Result<String, Fault> {
    if !text.contains("-----BEGIN CERTIFICATE-----") {
        return Err(Fault {
            says: "holds no PEM certificate",
            help: "set it to the certificate's text, or name its file in VAULT_CACERT",
        });
    }
    Ok(text.to_owned())
}
