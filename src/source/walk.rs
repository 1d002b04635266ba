//! The manifests of a directory, at any depth.

use std::ffi::OsStr;
use std::fs::{self, DirEntry, FileType};
use std::io;
use std::path::{Path, PathBuf};

use super::error::{Unreadable, UnreadableReason};
use super::shown;

/// Files that kustomize reads as its own; they describe a build and are no manifests.
const KUSTOMIZATION: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// What a directory holds for us.
#[derive(Default)]
pub(super) struct Found {
    /// The manifests, sorted by the bytes of their path.
    pub(super) files: Vec<PathBuf>,
    /// One line for each link that was left out.
    pub(super) notes: Vec<String>,
    /// What could not be searched or read.
    pub(super) unreadable: Vec<Unreadable>,
    /// Folders still to be searched: a list, so that depth costs no stack.
    folders: Vec<PathBuf>,
}

/// Searches a directory for all but the files in `except`, whose paths are canonical. Whatever fails is in
/// `unreadable`, the search goes on.
pub(super) fn walk(root: &Path, except: &[PathBuf]) -> Found {
    let mut found = Found {
        folders: vec![root.to_path_buf()],
        ..Found::default()
    };
    while let Some(folder) = found.folders.pop() {
        if let Err(error) = found.search(&folder) {
            found.fail(&folder, UnreadableReason::from(&error));
        }
    }
    // links are not followed, so that below the root there is one path to each file
    let canonical = fs::canonicalize(root).unwrap_or_default();
    for path in except {
        if let Ok(below) = path.strip_prefix(&canonical) {
            let path = root.join(below);
            found.files.retain(|file| *file != path);
        }
    }
    if found.files.is_empty() && found.unreadable.is_empty() {
        let links = !found.notes.is_empty();
        found.fail(root, UnreadableReason::NoManifests { links });
    }
    found.files.sort_by(|a, b| {
        a.as_os_str()
            .as_encoded_bytes()
            .cmp(b.as_os_str().as_encoded_bytes())
    });
    found
}

impl Found {
    fn search(&mut self, folder: &Path) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            match entry.file_type() {
                Ok(kind) => self.sort_in(&entry, kind),
                Err(error) => self.fail(&entry.path(), UnreadableReason::from(&error)),
            }
        }
        Ok(())
    }

    fn sort_in(&mut self, entry: &DirEntry, kind: FileType) {
        let name = entry.file_name();
        let path = entry.path();
        if kind.is_dir() {
            if !is_hidden(&name) {
                self.folders.push(path);
            }
        } else if kind.is_symlink() {
            self.leave_out(&path, &name);
        } else if is_manifest(&name) {
            if kind.is_file() {
                self.files.push(path);
            } else {
                self.fail(&path, UnreadableReason::Special { named: false });
            }
        }
    }

    /// Says so only where AVP or a reader would have expected manifests.
    fn leave_out(&mut self, link: &Path, name: &OsStr) {
        let is_folder = || !is_hidden(name) && link.is_dir();
        if is_manifest(name) || is_folder() {
            self.notes.push(format!(
                "{} is a symbolic link and was left out",
                shown(link)
            ));
        }
    }

    fn fail(&mut self, path: &Path, reason: UnreadableReason) {
        self.unreadable.push(Unreadable {
            name: shown(path),
            reason,
        });
    }
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

/// By name alone; extensions are case-sensitive, as in AVP. A dot-file belongs to a tool: Argo CD and its
/// Image Updater keep `.argocd-source.yaml` and the like next to the manifests.
fn is_manifest(name: &OsStr) -> bool {
    let ends = |end: &str| name.as_encoded_bytes().ends_with(end.as_bytes());
    !is_hidden(name)
        && (ends(".yaml") || ends(".yml") || ends(".json"))
        && !KUSTOMIZATION.iter().any(|reserved| name == *reserved)
}
