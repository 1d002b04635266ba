//! Files with credentials and certificates. No deadline reaches a read that blocks, so none of those is begun.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use zeroize::Zeroizing;

use super::error::Fault;
use crate::special_files::is_special;

/// The longest file, in bytes: a bundle of all authorities of the web has a quarter of it.
const LONGEST: u64 = 1 << 20;

/// What a file holds, which `what` names in a message.
///
/// # Errors
/// [`Fault::Setting`] where it cannot be read, is too long, or is a pipe or device that nobody has handed
/// over.
pub(crate) fn read(what: &str, path: &Path) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let refused = |why: &str| Fault::Setting(format!("{what} {why}: {}", path.display()));
    let unreadable = |_| refused("cannot be read");
    let found = fs::metadata(path).map_err(unreadable)?;
    if is_special(path, &found) {
        return Err(refused("is no regular file"));
    }
    let file = File::open(path).map_err(unreadable)?;
    // in one piece, so that no copy stays behind where it grew from
    let length = usize::try_from(found.len().min(LONGEST) + 2).unwrap_or_default();
    let mut content = Zeroizing::new(Vec::with_capacity(length));
    file.take(LONGEST + 1)
        .read_to_end(&mut content)
        .map_err(unreadable)?;
    if u64::try_from(content.len()).is_ok_and(|length| length > LONGEST) {
        return Err(refused(&format!("is longer than {LONGEST} bytes")));
    }
    Ok(content)
}
