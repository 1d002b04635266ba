//! Removal of temporary folders that killed builds have left.

use std::fs::{self, DirEntry};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::process::geteuid;

/// The prefix of the name of every temporary folder of a build.
pub(super) const PREFIX: &str = "gitops-fn-build-";
/// The minimum age of a folder that is removed. No build runs that long.
const AGE: Duration = Duration::from_hours(48);
/// The maximum number of entries that one build examines.
const LOOKS: usize = 10_000;
/// The maximum number of folders that one build removes.
const REMOVALS: usize = 16;

/// Removes folders in `temporary` that earlier builds of the same user have left. Best effort: a folder that cannot be
/// removed stays, without a message.
pub(super) fn sweep(temporary: &Path) {
    let entries = fs::read_dir(temporary).into_iter().flatten().take(LOOKS);
    let left = entries.flatten().filter(is_left_behind);
    for folder in left.take(REMOVALS) {
        // does not follow links in the folder
        let _ = fs::remove_dir_all(folder.path());
    }
}

fn is_left_behind(entry: &DirEntry) -> bool {
    let is_named = entry
        .file_name()
        .as_encoded_bytes()
        .starts_with(PREFIX.as_bytes());
    // does not follow the entry if it is a link
    let Some(found) = is_named.then(|| entry.metadata().ok()).flatten() else {
        return false;
    };
    let age = found
        .modified()
        .ok()
        .and_then(|then| SystemTime::now().duration_since(then).ok());
    found.is_dir() && found.uid() == geteuid().as_raw() && age.is_some_and(|age| age > AGE)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_old_folders_of_builds_go() {
        let temporary = tempfile::tempdir().unwrap();
        let at = |name: &str| temporary.path().join(name);
        let old = SystemTime::now() - AGE - Duration::from_mins(1);
        for name in [
            "gitops-fn-build-old",
            "gitops-fn-build-new",
            "gitops-fn-old",
            "elsewhere",
        ] {
            fs::create_dir(at(name)).unwrap();
            fs::write(at(name).join("file"), "").unwrap();
        }
        symlink(at("elsewhere"), at("gitops-fn-build-old/link")).unwrap();
        fs::write(at("gitops-fn-build-file"), "").unwrap();
        for name in [
            "gitops-fn-build-old",
            "gitops-fn-old",
            "elsewhere",
            "gitops-fn-build-file",
        ] {
            File::open(at(name)).unwrap().set_modified(old).unwrap();
        }
        symlink(at("elsewhere"), at("gitops-fn-build-link")).unwrap();
        sweep(temporary.path());
        let mut left: Vec<_> = fs::read_dir(temporary.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(
            left,
            [
                "elsewhere",
                "gitops-fn-build-file",
                "gitops-fn-build-link",
                "gitops-fn-build-new",
                "gitops-fn-old"
            ]
        );
        assert!(at("elsewhere/file").exists());
    }
}
