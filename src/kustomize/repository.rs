//! Reads files of a repository beneath its root: no link or `..` leads out of it, and devices are not read
//! (T6 of docs/internals/argocd-plugins.md#threats).

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, fstat, mkdirat, open};

use crate::finding::Finding;

/// The maximum size of a file that this program reads from a repository itself, in bytes.
pub const LONGEST: u64 = 1024 * 1024;

/// A checkout, with its root opened.
#[derive(Debug)]
pub struct Repository {
    root: OwnedFd,
    path: PathBuf,
}

/// Why a file or folder of a repository cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The path does not exist.
    #[error("is not there")]
    Missing,
    /// A link or `..` leads out of the repository.
    #[error("leads out of the repository")]
    Outside,
    /// It is a folder, device, pipe or socket instead of a file.
    #[error("is no regular file")]
    NotRegular,
    /// It is a file instead of a folder.
    #[error("is no folder")]
    NotFolder,
    /// It is longer than [`LONGEST`].
    #[error("is longer than 1 MiB")]
    TooLong,
    /// It is not UTF-8.
    #[error("is not UTF-8 text")]
    NotText,
    /// Another error, such as a missing permission.
    #[error("cannot be read")]
    Denied,
}

impl Unreadable {
    /// The error about `file` for the user.
    pub(super) fn finding(self, file: &Path) -> Finding {
        Finding::error(
            format!("{} {self}", file.display()),
            "keep regular files of at most 1 MiB in the repository, and links inside of it",
        )
    }
}

/// What kind of file is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A folder.
    Folder,
    /// A regular file.
    File,
}

impl Repository {
    /// Opens the checkout at `path`, which has to be canonical.
    ///
    /// # Errors
    /// [`Unreadable::Denied`] if it cannot be opened.
    pub fn open(path: &Path) -> Result<Self, Unreadable> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let root = open(path, flags, Mode::empty()).map_err(|_| Unreadable::Denied)?;
        Ok(Self {
            root,
            path: path.to_owned(),
        })
    }

    /// The path of the root.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what is at a path, which is relative to the root. Links are followed within the repository.
    ///
    /// # Errors
    /// An [`Unreadable`] if it cannot be opened, or is neither a file nor a folder.
    pub fn entry(&self, path: &Path) -> Result<Entry, Unreadable> {
        let found = self.beneath(path)?;
        let kind = fstat(&found).map_err(|_| Unreadable::Denied)?.st_mode;
        match FileType::from_raw_mode(kind) {
            FileType::Directory => Ok(Entry::Folder),
            FileType::RegularFile => Ok(Entry::File),
            _ => Err(Unreadable::NotRegular),
        }
    }

    /// Reads a file, whose path is relative to the root. Links are followed within the repository.
    ///
    /// # Errors
    /// An [`Unreadable`] if it is not a regular UTF-8 file of at most [`LONGEST`] bytes.
    pub fn read(&self, path: &Path) -> Result<String, Unreadable> {
        let found = self.beneath(path)?;
        let stat = fstat(&found).map_err(|_| Unreadable::Denied)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Unreadable::NotRegular);
        }
        let mut bytes = Vec::new();
        File::from(found)
            .take(LONGEST + 1)
            .read_to_end(&mut bytes)
            .map_err(|_| Unreadable::Denied)?;
        if bytes.len() as u64 > LONGEST {
            return Err(Unreadable::TooLong);
        }
        String::from_utf8(bytes).map_err(|_| Unreadable::NotText)
    }

    /// Makes a folder and its parents, unless they exist. `path` is relative to the root.
    ///
    /// # Errors
    /// [`Unreadable::Outside`] if a link leads out of the repository, or another [`Unreadable`].
    pub fn make_folder(&self, path: &Path) -> Result<(), Unreadable> {
        let mut above = PathBuf::new();
        for part in path.components() {
            let parent = self.beneath(&above)?;
            match mkdirat(&parent, part.as_os_str(), Mode::RWXU) {
                Ok(()) | Err(rustix::io::Errno::EXIST) => {}
                Err(_) => return Err(Unreadable::Denied),
            }
            above.push(part);
        }
        match self.entry(path)? {
            Entry::Folder => Ok(()),
            Entry::File => Err(Unreadable::NotFolder),
        }
    }

    /// Opens a path beneath the root, without waiting for the other end of a pipe.
    #[cfg(target_os = "linux")]
    fn beneath(&self, path: &Path) -> Result<OwnedFd, Unreadable> {
        use rustix::fs::{ResolveFlags, openat2};
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        openat2(
            &self.root,
            path,
            OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC,
            Mode::empty(),
            ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS,
        )
        .map_err(|error| match error {
            rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR => Unreadable::Missing,
            rustix::io::Errno::XDEV | rustix::io::Errno::LOOP => Unreadable::Outside,
            _ => Unreadable::Denied,
        })
    }

    /// Opens a path beneath the root. Without `openat2`, it is resolved first and opened if it is inside.
    #[cfg(not(target_os = "linux"))]
    fn beneath(&self, path: &Path) -> Result<OwnedFd, Unreadable> {
        let real = self.path.join(path).canonicalize().map_err(|error| {
            if error.kind() == std::io::ErrorKind::NotFound {
                Unreadable::Missing
            } else {
                Unreadable::Denied
            }
        })?;
        if !real.starts_with(&self.path) {
            return Err(Unreadable::Outside);
        }
        open(
            &real,
            OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .map_err(|_| Unreadable::Denied)
    }
}

/// Joins `folder` and `path` and resolves `.` and `..`; `folder` is relative to the root. `None` if `path` is absolute
/// or leads out of the root.
#[must_use]
pub fn joined(folder: &Path, path: &Path) -> Option<PathBuf> {
    let mut whole = folder.to_owned();
    for part in path.components() {
        match part {
            Component::Normal(name) => whole.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !whole.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(whole)
}

/// Finds the root of the checkout that holds `folder`, a canonical path.
///
/// Argo CD gives the path of the folder in the repository (`ARGOCD_APP_SOURCE_PATH`): what precedes it in `folder` is
/// the root. Argo CD may have checked out only the end of that path (`manifest-generate-paths`), so the longest end of
/// it that `folder` ends with is used. Without that path, the root is the nearest folder with a `.git`, or else
/// `folder` itself. `None` if `folder` does not end like Argo CD's path: a link has led elsewhere.
#[must_use]
pub fn root_of(folder: &Path, source_path: Option<&str>) -> Option<PathBuf> {
    let source = source_path
        .and_then(|path| joined(Path::new(""), Path::new(path)))
        .unwrap_or_default();
    let ends = folder.components().rev().zip(source.components().rev());
    let depth = ends.take_while(|(one, other)| one == other).count();
    let named = source.components().next().is_some();
    if depth > 0 || named {
        let root = folder.ancestors().nth(depth).filter(|_| depth > 0);
        return root.map(Path::to_owned);
    }
    let root = folder
        .ancestors()
        .find(|folder| folder.join(".git").symlink_metadata().is_ok());
    Some(root.unwrap_or(folder).to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn paths_are_joined_within_the_root() {
        let join = |folder: &str, path: &str| joined(Path::new(folder), Path::new(path));
        assert_eq!(join("a/b", "../c"), Some("a/c".into()));
        assert_eq!(join("a", "./x/"), Some("a/x".into()));
        assert_eq!(join("a", "../.."), None);
        assert_eq!(join("a", "/etc"), None);
        assert_eq!(join("a", ".."), Some("".into()));
    }

    #[test]
    fn the_root_is_what_argo_cd_says_or_git_or_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        let app = base.join("apps/web");
        std::fs::create_dir_all(&app).unwrap();
        assert_eq!(root_of(&app, None).as_ref(), Some(&app));
        assert_eq!(root_of(&app, Some("apps/web")).as_ref(), Some(&base));
        assert_eq!(root_of(&app, Some("./apps/web/")).as_ref(), Some(&base));
        assert_eq!(root_of(&app, Some("team/apps/web")).as_ref(), Some(&base));
        assert_eq!(
            root_of(&app, Some("team/web")).as_ref(),
            Some(&base.join("apps"))
        );
        assert_eq!(root_of(&app, Some(".")).as_ref(), Some(&app));
        assert_eq!(root_of(&app, Some("../..")).as_ref(), Some(&app));
        assert_eq!(root_of(&app, Some("other")), None);
        std::fs::create_dir(base.join(".git")).unwrap();
        assert_eq!(root_of(&app, None).as_ref(), Some(&base));
    }

    #[test]
    fn nothing_outside_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("repository");
        std::fs::create_dir_all(root.join("app")).unwrap();
        std::fs::write(folder.path().join("secret"), "outside").unwrap();
        std::fs::write(root.join("inside"), "inside").unwrap();
        std::fs::write(root.join("long"), vec![b'x'; 1024 * 1024 + 1]).unwrap();
        std::fs::write(root.join("bytes"), [0xff]).unwrap();
        symlink("../secret", root.join("up")).unwrap();
        symlink("/etc/passwd", root.join("absolute")).unwrap();
        symlink("../inside", root.join("app/link")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        symlink("/proc/self/environ", root.join("environ")).unwrap();
        let repository = Repository::open(&root).unwrap();
        let read = |path: &str| repository.read(Path::new(path));
        assert_eq!(read("app/link"), Ok("inside".to_owned()));
        assert_eq!(read("app/../inside"), Ok("inside".to_owned()));
        for path in [
            "up",
            "absolute",
            "../secret",
            "/etc/passwd",
            "loop",
            "environ",
        ] {
            assert_eq!(read(path), Err(Unreadable::Outside), "{path}");
        }
        assert_eq!(read("none"), Err(Unreadable::Missing));
        assert_eq!(read("app"), Err(Unreadable::NotRegular));
        assert_eq!(read("long"), Err(Unreadable::TooLong));
        assert_eq!(read("bytes"), Err(Unreadable::NotText));
        assert_eq!(repository.entry(Path::new("")), Ok(Entry::Folder));
        let make = |path: &str| repository.make_folder(Path::new(path));
        assert_eq!(make("app/charts/deep"), Ok(()));
        assert_eq!(make("app/charts/deep"), Ok(()));
        assert!(root.join("app/charts/deep").is_dir());
        assert_eq!(make("inside"), Err(Unreadable::NotFolder));
        symlink("..", root.join("above")).unwrap();
        assert_eq!(make("above/charts"), Err(Unreadable::Outside));
        symlink("..", root.join("charts")).unwrap();
        assert_eq!(make("charts"), Err(Unreadable::Outside));
        assert!(!folder.path().join("charts").exists());
        assert_eq!(repository.entry(Path::new("inside")), Ok(Entry::File));
    }
}
