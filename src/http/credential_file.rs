//! Reads files with credentials and certificates. A read that blocks would ignore every deadline, so only regular files
//! and inherited open files are read.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use zeroize::Zeroizing;

use crate::special_files::is_special;

/// The maximum size of a file, in bytes: four times the bundle of all public certificate authorities.
const LONGEST: u64 = 1 << 20;

/// Why a file cannot be used. The text continues the file's name in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FileError {
    /// It does not exist, or cannot be read.
    #[error("cannot be read")]
    Unreadable,
    /// It is a folder, pipe, device or socket.
    #[error("is not a regular file")]
    NotRegular,
    /// It is larger than any credential.
    #[error("is longer than {LONGEST} bytes")]
    TooLong,
}

/// Reads a file into memory that is wiped after use.
///
/// # Errors
/// A [`FileError`] if the file cannot be read, is not a regular file, or is too long.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let found = fs::metadata(path).map_err(|_| FileError::Unreadable)?;
    if is_special(path, &found) {
        return Err(FileError::NotRegular);
    }
    let file = File::open(path).map_err(|_| FileError::Unreadable)?;
    // allocated at once: a buffer that grows leaves copies of its content in memory
    let length = usize::try_from(found.len().min(LONGEST) + 2).unwrap_or_default();
    let mut content = Zeroizing::new(Vec::with_capacity(length));
    file.take(LONGEST + 1)
        .read_to_end(&mut content)
        .map_err(|_| FileError::Unreadable)?;
    if u64::try_from(content.len()).is_ok_and(|length| length > LONGEST) {
        return Err(FileError::TooLong);
    }
    Ok(content)
}
