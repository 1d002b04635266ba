//! The checkout without its `.git`: a pipeline keeps its token in `.git/config`, and a clone within the
//! checkout may have one too.
//!
//! Rights hold for all that lies below a folder, so one that holds a `.git` is granted entry by entry, and
//! every other folder whole.

use std::collections::BTreeSet;
use std::fs::{DirEntry, FileType};
use std::path::{Path, PathBuf};

/// How many folders are looked at before no deeper ones are: those that lie side by side are either all
/// looked at or none, so that no clone is shielded by the size of another.
const FOLDERS: usize = 20_000;

/// What of a checkout may be read.
#[derive(Debug)]
pub(super) struct Tree {
    root: PathBuf,
    /// The `.git` that were found, and the folders within the checkout that they link to.
    hidden: BTreeSet<PathBuf>,
}

impl Tree {
    /// Looks for every `.git` below `root`, which is a folder without links in its name.
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

    /// Paths that together are all of the checkout but what is hidden.
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
                // a link's target has rights of its own, if it is inside
                if !kind.is_symlink() && !self.hidden.contains(&entry.path()) {
                    pending.push(entry.path());
                }
            }
        }
        granted
    }

    /// Whether rights to a folder would be rights to what is hidden.
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

/// Notes the `.git` of a folder, what that links to, and which folders lie in it.
fn look(root: &Path, folder: &Path, hidden: &mut BTreeSet<PathBuf>, deeper: &mut Vec<PathBuf>) {
    let Some(entries) = entries(folder) else {
        // what cannot be listed may still be read by name, at any depth: nothing below it is granted
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

/// Whether an entry is one that is hidden. Below the root a file of this name, as submodules have it, holds
/// nothing but the place of a folder, and charts are read with it.
fn is_git(root: &Path, folder: &Path, entry: &DirEntry, kind: FileType) -> bool {
    entry.file_name() == ".git" && (kind.is_dir() || folder == root)
}

/// The folder within the checkout that a `.git` links to, unless the link lies in it.
fn linked(root: &Path, git: &DirEntry, kind: FileType) -> Option<PathBuf> {
    if git.file_name() != ".git" || !kind.is_symlink() {
        return None;
    }
    let path = git.path();
    let real = path.canonicalize().ok()?;
    let apart = real.starts_with(root) && !path.starts_with(&real);
    (apart && real.is_dir()).then_some(real)
}

/// What lies in a folder, if it can be listed.
fn entries(folder: &Path) -> Option<impl Iterator<Item = (DirEntry, FileType)>> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    Some(entries.filter_map(|entry| entry.file_type().ok().map(|kind| (entry, kind))))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder with these folders, and `FOLDER/.git` in each that ends in `+`.
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
