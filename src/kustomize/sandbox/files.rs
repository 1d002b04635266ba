//! The Landlock rights of a confined program to files.

use std::path::PathBuf;

use landlock::{
    ABI, Access as _, AccessFs, BitFlags, PathBeneath, PathFd, RulesetCreated,
    RulesetCreatedAttr as _,
};

use super::tree::Tree;
use super::{Confinement, SandboxError};
use crate::kustomize::elf;

/// The newest Landlock version that is used; rights that the kernel does not know are left out.
pub(super) const LATEST: ABI = ABI::V10;

/// A path that has to exist, or one that may be missing.
pub(super) enum Given {
    Needed(PathBuf),
    IfThere(PathBuf),
}

/// What a connection needs: certificate authorities (where Go looks for them) and the name service. Private keys are
/// next to some of these, so no folder is listed that holds more than necessary.
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

/// Lists the rights that each path gets.
///
/// # Errors
/// [`SandboxError::Git`] if a writable folder holds a `.git`, or is in one.
pub(super) fn rights(
    confinement: &Confinement,
) -> Result<Vec<(Given, BitFlags<AccessFs>)>, SandboxError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let run = AccessFs::Execute | AccessFs::ReadFile;
    let all = AccessFs::from_all(LATEST) & !BitFlags::from(AccessFs::Execute);
    let tree = Tree::at(&confinement.root);
    let granted = tree.granted().into_iter();
    let mut rights: Vec<_> = granted.map(|path| (Given::IfThere(path), read)).collect();
    rights.push((
        Given::Needed("/dev/null".into()),
        AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate,
    ));
    for folder in &confinement.writable {
        if tree.is_opened_by(folder) {
            return Err(SandboxError::Git(folder.clone()));
        }
        rights.push((Given::Needed(folder.clone()), all));
    }
    let programs = confinement.programs.iter().chain(&confinement.stand_in);
    for program in programs {
        rights.push((Given::Needed(program.clone()), run));
        if let Some(loader) = elf::loader(program) {
            rights.push((Given::IfThere(loader), run));
            let libraries = elf::LIBRARIES.iter().map(PathBuf::from);
            rights.extend(libraries.map(|library| (Given::IfThere(library), read)));
        }
    }
    if confinement.network {
        for file in NETWORK_FILES {
            rights.push((Given::IfThere(file.into()), read));
        }
    }
    Ok(rights)
}

/// Adds a rule to the ruleset. A missing [`Given::IfThere`] is skipped.
///
/// # Errors
/// [`SandboxError::Path`] if the path cannot be opened or the rule is refused.
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
    // the kernel refuses directory rights for a file
    let access = if path.is_dir() {
        access
    } else {
        access & !BitFlags::from(AccessFs::ReadDir)
    };
    ruleset
        .add_rule(PathBeneath::new(opened, access))
        .map_err(|_| SandboxError::Path(path))
}
