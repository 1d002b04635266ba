//! Opens and reads the store file: a small regular file in UTF-8 that is not a symbolic link.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use zeroize::Zeroizing;

/// The largest store file, in bytes.
pub(super) const MAX_BYTES: u64 = 1024 * 1024;

/// Why the store file cannot be used. Its content is never quoted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    #[error("no such file")]
    NotFound,
    #[error("it is a symbolic link")]
    Link,
    #[error("it is not a regular file")]
    NotRegular,
    #[error("it was replaced while it was opened")]
    Replaced,
    #[error("it is larger than 1 MiB")]
    TooLarge,
    #[error("it is not UTF-8 text: invalid byte at offset {0}")]
    NotUtf8(usize),
    #[error("{0}")]
    Io(String),
}

impl Unusable {
    pub(super) fn help(&self) -> &'static str {
        match self {
            Self::NotFound => "VAULT_ADDR=file:PATH is relative to the current directory",
            Self::Link => "name the file that the link points to",
            Self::NotRegular => "VAULT_ADDR=file:PATH must name a regular file",
            Self::Replaced => "run again when nothing else is writing the file",
            Self::TooLarge => "the file store is meant for tests; use Vault for more",
            Self::NotUtf8(_) => "save the file as UTF-8",
            Self::Io(_) => "make the file readable for the user that runs gitops-fn",
        }
    }
}

impl From<io::Error> for Unusable {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::NotFound,
            io::ErrorKind::PermissionDenied => Self::Io("permission denied".to_owned()),
            _ => Self::Io(error.to_string()),
        }
    }
}

/// Reads the text of the file into memory that is wiped after use.
pub(super) fn read(path: &Path) -> Result<Zeroizing<String>, Unusable> {
    let file = open_regular(path)?;
    // room for one byte more than allowed: the buffer never grows, and so leaves no copy behind
    let room = usize::try_from(MAX_BYTES + 1).unwrap_or_default();
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() >= room {
        return Err(Unusable::TooLarge);
    }
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(bad) => {
            let offset = bad.utf8_error().valid_up_to();
            drop(Zeroizing::new(bad.into_bytes()));
            Err(Unusable::NotUtf8(offset))
        }
    }
}

/// Checks the file and then opens it; fails if another file has replaced it in between (its inode differs). The check
/// comes first because opening a pipe would block the run.
fn open_regular(path: &Path) -> Result<File, Unusable> {
    let seen = fs::symlink_metadata(path)?;
    if seen.is_symlink() {
        return Err(Unusable::Link);
    }
    if !seen.is_file() {
        return Err(Unusable::NotRegular);
    }
    if seen.len() > MAX_BYTES {
        return Err(Unusable::TooLarge);
    }
    let file = File::open(path)?;
    let opened = file.metadata()?;
    if (opened.dev(), opened.ino()) != (seen.dev(), seen.ino()) {
        return Err(Unusable::Replaced);
    }
    Ok(file)
}
