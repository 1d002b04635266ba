//! Finds the manifests in a directory, at any depth.

use std::ffi::OsStr;
use std::fs::{self, DirEntry, FileType};
use std::io;
use std::path::{Path, PathBuf};

use super::error::{Unreadable, UnreadableReason};
use super::shown;

/// Kustomization files; they describe a build and are not manifests.
const KUSTOMIZATION: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// The contents of a directory.
#[derive(Default)]
pub(super) struct Found {
    /// The manifests, sorted by the bytes of their paths.
    pub(super) files: Vec<PathBuf>,
    /// One line for each skipped link that may hold manifests.
    pub(super) notes: Vec<String>,
    /// Folders and files that could not be read.
    pub(super) unreadable: Vec<Unreadable>,
    /// Folders still to be searched; a list instead of recursion, which deep folders could exhaust.
    folders: Vec<PathBuf>,
}

/// Searches a directory, skipping the files in `excluded`, which are canonical paths. Errors are collected in
/// [`Found::unreadable`].
pub(super) fn walk(root: &Path, excluded: &[PathBuf]) -> Found {
    let mut found = Found {
        folders: vec![root.to_path_buf()],
        ..Found::default()
    };
    while let Some(folder) = found.folders.pop() {
        if let Err(error) = found.search(&folder) {
            found.fail(&folder, UnreadableReason::from(&error));
        }
    }
    // links are not followed, so there is only one path below the root to each file
    let canonical = fs::canonicalize(root).unwrap_or_default();
    for path in excluded {
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
                Ok(kind) => self.add(&entry, kind),
                Err(error) => self.fail(&entry.path(), UnreadableReason::from(&error)),
            }
        }
        Ok(())
    }

    fn add(&mut self, entry: &DirEntry, kind: FileType) {
        let name = entry.file_name();
        let path = entry.path();
        if kind.is_dir() {
            if !is_hidden(&name) {
                self.folders.push(path);
            }
        } else if kind.is_symlink() {
            self.skip_link(&path, &name);
        } else if is_manifest(&name) {
            if kind.is_file() {
                self.files.push(path);
            } else {
                self.fail(&path, UnreadableReason::Special { named: false });
            }
        }
    }

    /// Adds a note if the link may hold manifests, since AVP or the user might expect it to be read.
    fn skip_link(&mut self, link: &Path, name: &OsStr) {
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

/// Judges by the name only; extensions are case-sensitive, as in AVP. Dot-files belong to tools: Argo CD and its Image
/// Updater keep `.argocd-source.yaml` and the like next to the manifests.
fn is_manifest(name: &OsStr) -> bool {
    let ends = |end: &str| name.as_encoded_bytes().ends_with(end.as_bytes());
    !is_hidden(name)
        && (ends(".yaml") || ends(".yml") || ends(".json"))
        && !KUSTOMIZATION.iter().any(|reserved| name == *reserved)
}
