//! Which files are read: regular files, links to them, and files that this process has inherited open, such as a
//! shell's `<(…)`. Other devices and pipes are not read, since they may block or never end.

use std::fs::Metadata;
use std::path::Path;

/// Whether a path leads to a folder, device, pipe or socket that was not inherited open. `found` is its metadata.
#[must_use]
pub(crate) fn is_special(path: &Path, found: &Metadata) -> bool {
    !found.is_file() && !is_inherited(path)
}

/// Whether a path names an open file of this process.
fn is_inherited(path: &Path) -> bool {
    ["/dev/fd", "/proc/self/fd", "/dev/stdin"]
        .iter()
        .any(|open| path.starts_with(open))
}
