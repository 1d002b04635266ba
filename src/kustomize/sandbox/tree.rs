//! Finds the parts of a checkout that may be read: everything but `.git`. A pipeline keeps its token in `.git/config`,
//! and a clone within the checkout may have one too.
//!
//! Landlock rights to a folder apply to everything below it. So a folder with a `.git` below it is granted entry by
//! entry, and every other folder as a whole.

use std::collections::BTreeSet;
use std::fs::{DirEntry, FileType};
use std::path::{Path, PathBuf};

/// How many folders are searched before the search stops at the current depth. Folders of the same depth are either all
/// searched or none, so that a large clone does not keep another one from being found.
const FOLDERS: usize = 20_000;

/// The parts of a checkout that may be read.
#[derive(Debug)]
pub(super) struct Tree {
    root: PathBuf,
    /// The `.git` entries that were found, and the folders within the checkout that they link to.
    hidden: BTreeSet<PathBuf>,
}

impl Tree {
    /// Searches for every `.git` below `root`, a canonical path.
    pub(super) fn at(root: &Path) -> Self {
        let mut hidden = BTreeSet::new();
        let mut level = vec![root.to_owned()];
        let mut seen = 0;
        while !level.is_empty() && seen < FOLDERS {
            seen += level.len();
            let mut deeper = Vec::new();
            for folder in &level {
                look(root, folder, &mut hidden, &mut deeper);
            }
            level = deeper;
        }
        Self {
            root: root.to_owned(),
            hidden,
        }
    }

    /// The paths that together cover the checkout without what is hidden.
    pub(super) fn granted(&self) -> Vec<PathBuf> {
        let above = |git| Path::ancestors(git).skip(1);
        let parted: BTreeSet<&Path> = self.hidden.iter().flat_map(|git| above(git)).collect();
        let mut granted = Vec::new();
        let mut pending = vec![self.root.clone()];
        while let Some(path) = pending.pop() {
            if !parted.contains(&*path) {
                granted.push(path);
                continue;
            }
            for (entry, kind) in entries(&path).into_iter().flatten() {
                // the target of a link is granted by itself if it is inside
                if !kind.is_symlink() && !self.hidden.contains(&entry.path()) {
                    pending.push(entry.path());
                }
            }
        }
        granted
    }

    /// Whether rights to a folder would include something hidden: it holds or is in a hidden folder.
    pub(super) fn is_opened_by(&self, folder: &Path) -> bool {
        let Ok(folder) = folder.canonicalize() else {
            return false;
        };
        let inside = folder.strip_prefix(&self.root);
        inside.is_ok_and(|path| path.iter().any(|name| name == ".git"))
            || self
                .hidden
                .iter()
                .any(|git| git.starts_with(&folder) || folder.starts_with(git))
    }
}

/// Adds the `.git` of a folder and its link's target to `hidden`, and the folders in it to `deeper`.
fn look(root: &Path, folder: &Path, hidden: &mut BTreeSet<PathBuf>, deeper: &mut Vec<PathBuf>) {
    let Some(entries) = entries(folder) else {
        // files in a folder that cannot be listed may still be read by name, at any depth: nothing below it is granted
        hidden.insert(folder.join(".git"));
        return;
    };
    for (entry, kind) in entries {
        if is_git(root, folder, &entry, kind) {
            hidden.insert(entry.path());
        } else if kind.is_dir() {
            deeper.push(entry.path());
        }
        hidden.extend(linked(root, &entry, kind));
    }
}

/// Whether an entry has to be hidden. Below the root a `.git` file, as in a submodule, holds only the path of a folder
/// and is not hidden, so that charts next to it can be listed.
fn is_git(root: &Path, folder: &Path, entry: &DirEntry, kind: FileType) -> bool {
    entry.file_name() == ".git" && (kind.is_dir() || folder == root)
}

/// The folder within the checkout that a `.git` links to, unless the link is itself in that folder.
fn linked(root: &Path, git: &DirEntry, kind: FileType) -> Option<PathBuf> {
    if git.file_name() != ".git" || !kind.is_symlink() {
        return None;
    }
    let path = git.path();
    let real = path.canonicalize().ok()?;
    let apart = real.starts_with(root) && !path.starts_with(&real);
    (apart && real.is_dir()).then_some(real)
}

/// The entries of a folder; `None` if it cannot be listed.
fn entries(folder: &Path) -> Option<impl Iterator<Item = (DirEntry, FileType)>> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    Some(entries.filter_map(|entry| entry.file_type().ok().map(|kind| (entry, kind))))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// Makes a checkout with these folders, and a `.git` folder in each whose name ends in `+`.
    fn checkout(folders: &[&str]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in folders {
            let (name, git) = name
                .strip_suffix('+')
                .map_or((*name, ""), |name| (name, ".git"));
            fs::create_dir_all(root.join(name).join(git)).unwrap();
        }
        (folder, root)
    }

    #[track_caller]
    fn granted(root: &Path) -> Vec<String> {
        let mut names: Vec<_> = Tree::at(root)
            .granted()
            .iter()
            .map(|path| path.strip_prefix(root).unwrap().display().to_string())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn folders_that_hold_no_git_are_granted_whole() {
        let (_folder, root) = checkout(&["a/b", "c"]);
        assert_eq!(granted(&root), [""]);
        fs::write(root.join("c/.git"), "gitdir: ../.git/modules/c").unwrap();
        assert_eq!(granted(&root), [""]);
        fs::write(root.join(".git"), "gitdir: ..").unwrap();
        assert_eq!(granted(&root), ["a", "c"]);
    }

    #[test]
    fn folders_that_hold_a_git_are_granted_but_for_it() {
        let (_folder, root) = checkout(&["+", "a/b+", "a/b/c/d", "a/e", "f/g+"]);
        fs::write(root.join("a/file"), "").unwrap();
        symlink("b", root.join("a/link")).unwrap();
        assert_eq!(granted(&root), ["a/b/c", "a/e", "a/file"]);
    }

    #[test]
    fn what_a_git_links_to_is_hidden() {
        let (_folder, root) = checkout(&["a", "b", "c/d/e", "f/g"]);
        symlink("a", root.join(".git")).unwrap();
        symlink("../../c/d", root.join("f/g/.git")).unwrap();
        fs::write(root.join("c/.git"), "").unwrap();
        symlink(".git", root.join("b/other")).unwrap();
        assert_eq!(granted(&root), ["b", "c/.git", "f"]);
        let tree = Tree::at(&root);
        for (folder, opens) in [("a", true), ("c/d/e", true), ("c", true), ("f", false)] {
            assert_eq!(tree.is_opened_by(&root.join(folder)), opens, "{folder}");
        }
    }

    #[test]
    fn a_git_that_links_to_what_it_lies_in_hides_nothing() {
        let (_folder, root) = checkout(&["a/b"]);
        symlink("../..", root.join("a/b/.git")).unwrap();
        symlink("nowhere", root.join("a/.git")).unwrap();
        assert_eq!(granted(&root), [""]);
    }

    #[test]
    fn what_may_be_written_is_no_way_to_a_git() {
        let (_folder, root) = checkout(&["+", ".git/charts", "charts", "a/b+", "a/c"]);
        symlink("../.git", root.join("a/link")).unwrap();
        let tree = Tree::at(&root);
        for (folder, opens) in [
            ("charts", false),
            ("a/c", false),
            ("none", false),
            (".git", true),
            (".git/charts", true),
            ("a", true),
            ("a/b", true),
            ("a/link", true),
            ("a/link/charts", true),
        ] {
            assert_eq!(tree.is_opened_by(&root.join(folder)), opens, "{folder}");
        }
    }
}
