//! Files of a repository, read beneath its root: no link, `..` or device leads out of it
//! (T6 of docs/internals/argocd-plugins.md#threats).

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, fstat, mkdirat, open};

/// Longest file of a repository that we read ourselves, in bytes.
pub const LONGEST: u64 = 1024 * 1024;

/// A checkout, opened at its root.
#[derive(Debug)]
pub struct Repository {
    root: OwnedFd,
    path: PathBuf,
}

/// Why a file is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is not there.
    #[error("is not there")]
    Missing,
    /// A link or `..` leads out.
    #[error("leads out of the repository")]
    Outside,
    /// A folder, device, pipe or socket.
    #[error("is no regular file")]
    NotRegular,
    /// No folder.
    #[error("is no folder")]
    NotFolder,
    /// Longer than [`LONGEST`].
    #[error("is longer than 1 MiB")]
    TooLong,
    /// Not UTF-8.
    #[error("is not UTF-8 text")]
    NotText,
    /// Anything else, such as a missing right.
    #[error("cannot be read")]
    Denied,
}

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A folder.
    Folder,
    /// A regular file.
    File,
}

impl Repository {
    /// Opens the checkout at `path`, a folder without links in its name.
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

    /// The root.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What stands at a path, relative to the root.
    ///
    /// # Errors
    /// An [`Unreadable`], if it is neither file nor folder.
    pub fn entry(&self, path: &Path) -> Result<Entry, Unreadable> {
        let found = self.beneath(path)?;
        let kind = fstat(&found).map_err(|_| Unreadable::Denied)?.st_mode;
        match FileType::from_raw_mode(kind) {
            FileType::Directory => Ok(Entry::Folder),
            FileType::RegularFile => Ok(Entry::File),
            _ => Err(Unreadable::NotRegular),
        }
    }

    /// The text of a file, relative to the root.
    ///
    /// # Errors
    /// An [`Unreadable`].
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

    /// Makes a folder, and those above it, where they are not there yet.
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

    /// Opens what stands at a path. A pipe is not waited for.
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

    /// Without `openat2` a path is resolved first, and opened if it is still inside.
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

/// `path` as seen from `folder`, without `.` and `..`; both are relative to the root. `None` if it leads out.
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

/// The root of the checkout that holds `folder`, which has no links in its name.
///
/// Argo CD says which path of the repository it builds (`ARGOCD_APP_SOURCE_PATH`): what stands before it is
/// the root. Of that path it may have checked out the end alone (`manifest-generate-paths`), so as much of it
/// counts as the folder ends with. Elsewhere the root is the nearest folder with a `.git`, and without one the
/// folder itself. `None` where Argo CD's path ends otherwise: a link has led to another place.
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
