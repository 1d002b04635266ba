//! Which files are read: regular ones, links to them included, and what this process has open already, as
//! `<(…)` of a shell hands it over. A device or pipe of another name may have no end, or no beginning.

use std::fs::Metadata;
use std::path::Path;

/// Whether what was found at a path is a folder, device, pipe or socket that nobody has handed over.
#[must_use]
pub(crate) fn is_special(path: &Path, found: &Metadata) -> bool {
    !found.is_file() && !is_handed_over(path)
}

/// Whether a path names what this process has open already.
fn is_handed_over(path: &Path) -> bool {
    ["/dev/fd", "/proc/self/fd", "/dev/stdin"]
        .iter()
        .any(|open| path.starts_with(open))
}
