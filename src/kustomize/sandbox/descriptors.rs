//! Closes inherited file descriptors. Landlock checks a file only when it is opened, so the confined program could use
//! descriptors that are open already.

use std::ffi::OsString;

use nix::unistd::close;
use rustix::process::{Resource, getrlimit};

/// The first descriptor after standard input, output and error.
const FIRST: i32 = 3;
/// The maximum number of descriptors to try if `/dev/fd` does not list those that are open.
const BLIND: u64 = 1 << 16;

/// Closes all descriptors but the standard streams. The caller must not own any others.
pub(super) fn close_inherited() {
    let Ok(list) = std::fs::read_dir("/dev/fd") else {
        let most = getrlimit(Resource::Nofile).current.unwrap_or(BLIND);
        return all(FIRST..i32::try_from(most.min(BLIND)).unwrap_or(i32::MAX));
    };
    // collected first, so that the directory's own descriptor is closed before the others
    let names: Vec<OsString> = list.flatten().map(|entry| entry.file_name()).collect();
    all(names.iter().filter_map(|name| name.to_str()?.parse().ok()));
}

fn all(numbers: impl IntoIterator<Item = i32>) {
    for number in numbers.into_iter().filter(|number| *number >= FIRST) {
        // fails for the directory's own descriptor, which is closed already
        let _ = close(number);
    }
}
