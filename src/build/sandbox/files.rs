//! Which files a confined program reaches, and how.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, BitFlags, PathBeneath, PathFd, RulesetCreated,
    RulesetCreatedAttr as _,
};

use super::{Confinement, SandboxError};
use crate::build::elf;

/// The newest rights that there are; the kernel leaves out what it does not know.
pub(super) const LATEST: ABI = ABI::V10;

/// A path that has to be there, or one that may be missing.
pub(super) enum Given {
    Needed(PathBuf),
    IfThere(PathBuf),
}

/// What a connection takes: authorities (as Go looks for them) and the name service. Keys lie beside some
/// of these, so no folder is named that is wider than it must be.
const NETWORK_FILES: [&str; 11] = [
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/certs",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
];

/// The checkout. Of one with a `.git` everything else at its root: a pipeline keeps its token in
/// `.git/config`.
fn tree(root: &Path, read: BitFlags<AccessFs>) -> Vec<(Given, BitFlags<AccessFs>)> {
    let whole = || vec![(Given::Needed(root.to_owned()), read)];
    if root.join(".git").symlink_metadata().is_err() {
        return whole();
    }
    let Ok(entries) = std::fs::read_dir(root) else {
        return whole();
    };
    entries
        .flatten()
        // a link's target has rights of its own, if it is inside
        .filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_symlink()))
        .filter(|entry| entry.file_name() != ".git")
        .map(|entry| (Given::IfThere(entry.path()), read))
        .collect()
}

/// Which rights each path gets.
pub(super) fn rights(confinement: &Confinement) -> Vec<(Given, BitFlags<AccessFs>)> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let run = AccessFs::Execute | AccessFs::ReadFile;
    let all = AccessFs::from_all(LATEST) & !BitFlags::from(AccessFs::Execute);
    let mut rights = tree(&confinement.root, read);
    rights.push((
        Given::Needed("/dev/null".into()),
        AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate,
    ));
    for folder in &confinement.writable {
        rights.push((Given::Needed(folder.clone()), all));
    }
    for program in &confinement.programs {
        rights.push((Given::Needed(program.clone()), run));
        for library in elf::libraries(program) {
            rights.push((Given::IfThere(library), run | AccessFs::ReadDir));
        }
    }
    if confinement.network {
        for file in NETWORK_FILES {
            rights.push((Given::IfThere(file.into()), read));
        }
    }
    rights
}

pub(super) fn allow(
    ruleset: RulesetCreated,
    path: Given,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, SandboxError> {
    let (path, needed) = match path {
        Given::Needed(path) => (path, true),
        Given::IfThere(path) => (path, false),
    };
    let Ok(opened) = PathFd::new(&path) else {
        return if needed {
            Err(SandboxError::Path(path))
        } else {
            Ok(ruleset)
        };
    };
    // a file has no directory rights
    let access = if path.is_dir() {
        access
    } else {
        access & !BitFlags::from(AccessFs::ReadDir)
    };
    ruleset
        .add_rule(PathBeneath::new(opened, access))
        .map_err(|_| SandboxError::Path(path))
}
