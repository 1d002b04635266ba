//! Files that whoever started us has left open: Landlock asks only when a file is opened, so they would
//! reach the confined program as they are.

use std::ffi::OsString;

use nix::unistd::close;
use rustix::process::{Resource, getrlimit};

/// Standard input, output and error are below.
const FIRST: i32 = 3;
/// As many are tried where nobody says which are open.
const BLIND: u64 = 1 << 16;

/// Closes all but the standard streams. This process must have none of its own open.
pub(super) fn close_inherited() {
    let Ok(list) = std::fs::read_dir("/dev/fd") else {
        let most = getrlimit(Resource::Nofile).current.unwrap_or(BLIND);
        return all(FIRST..i32::try_from(most.min(BLIND)).unwrap_or(i32::MAX));
    };
    // the list itself is closed before what it names
    let names: Vec<OsString> = list.flatten().map(|entry| entry.file_name()).collect();
    all(names.iter().filter_map(|name| name.to_str()?.parse().ok()));
}

fn all(numbers: impl IntoIterator<Item = i32>) {
    for number in numbers.into_iter().filter(|number| *number >= FIRST) {
        // the list's own is gone already
        let _ = close(number);
    }
}
