//! Write: `render -o FILE` writes the whole output or nothing.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// The size of the write buffer in bytes; larger slices are written directly.
const BUFFER: usize = 64 * 1024;

/// How many symbolic links are followed in a row, as in Linux.
const MAX_LINKS: usize = 40;

/// Writes a file atomically: to a temporary file in the same directory, which is flushed to disk and then renamed.
///
/// Other processes see the old content or the new one, never a part. After a failure the old file is unchanged, and no
/// temporary file is left. The new file always has mode 0600, because rendered manifests hold secrets.
///
/// - A symbolic link stays, and the file it points to is replaced (or created, if the link dangles), like with `>` in a
///   shell.
/// - A pipe or a device (`/dev/null`, `>(…)`) cannot be replaced and is written to directly.
///
/// # Errors
/// The path is a directory, its directory is missing or not writable, or the disk is full; errors of `write` are
/// returned unchanged. The error does not name the path; the caller does.
pub fn write_file(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(io::Error::new(
            io::ErrorKind::IsADirectory,
            "it is a directory, not a file",
        )),
        Ok(found) if found.is_file() => replace(&fs::canonicalize(path)?, write),
        Ok(_) => write_buffered(&OpenOptions::new().write(true).open(path)?, write),
        Err(error) if error.kind() == io::ErrorKind::NotFound => replace(&link_end(path)?, write),
        Err(error) => Err(error),
    }
}

/// Whether a path, or a link that it leads through, names a standard stream, or another open file of this process that
/// [`write_file`] would replace. The process that opened such a file would keep writing to the old one, and a file opened
/// by a shell's `>>` would lose its content. A shell's pipe (`>(…)`) does not count.
#[must_use]
pub fn is_open_already(path: &Path) -> bool {
    let is_file = fs::metadata(path).is_ok_and(|found| found.is_file());
    let mut end = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        match open_number(&end).as_deref() {
            Some("stdin" | "stdout" | "stderr" | "0" | "1" | "2") => return true,
            Some(_) if is_file => return true,
            _ => {}
        }
        match fs::read_link(&end) {
            Ok(target) => end = directory_of(&end).join(target),
            Err(_) => break,
        }
    }
    false
}

/// The `N` of `/dev/fd/N` and `/proc/self/fd/N`, or the name of `/dev/stdin`, `/dev/stdout` and `/dev/stderr`.
fn open_number(path: &Path) -> Option<String> {
    let parts: Vec<_> = path.components().skip(1).collect();
    let parts: Vec<_> = parts
        .iter()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    let parts: Vec<_> = parts.iter().map(AsRef::as_ref).collect();
    match *parts {
        ["dev", name @ ("stdin" | "stdout" | "stderr")] => Some(name.to_owned()),
        ["dev", "fd", number] | ["proc", .., "fd", number] => Some(number.to_owned()),
        _ => None,
    }
}

/// The path at which a chain of links ends; it may not exist.
fn link_end(path: &Path) -> io::Result<PathBuf> {
    let mut end = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&end) {
            Ok(target) => end = directory_of(&end).join(target),
            Err(_) => return Ok(end),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// Writes a temporary file next to `path` and renames it; it is removed on every early return.
fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let directory = directory_of(path);
    let temporary = tempfile::Builder::new()
        .prefix(".gitops-fn-")
        .suffix(".tmp")
        .tempfile_in(directory)
        .map_err(|error| create_error(&error))?;
    write_buffered(temporary.as_file(), write)?;
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|failed| failed.error)?;
    sync_directory(directory);
    Ok(())
}

/// Drops the name of the temporary file, which means nothing to the user.
fn create_error(error: &io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::NotFound => {
            io::Error::new(io::ErrorKind::NotFound, "its directory does not exist")
        }
        io::ErrorKind::PermissionDenied => io::Error::new(
            io::ErrorKind::PermissionDenied,
            "no permission to create files in its directory",
        ),
        kind => io::Error::from(kind),
    }
}

/// Runs `write` with a buffer for an open file.
fn write_buffered(
    file: &File,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut buffered = BufWriter::with_capacity(BUFFER, file);
    write(&mut buffered)?;
    buffered.flush()
}

/// Makes the rename survive a power failure. Not every file system supports it; the content is on disk anyway.
fn sync_directory(directory: &Path) {
    if let Ok(open) = File::open(directory) {
        drop(open.sync_all());
    }
}

/// The parent directory of a path; `.` for a bare name.
fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn write_text(path: &Path, text: &str) -> io::Result<()> {
        write_file(path, |out| out.write_all(text.as_bytes()))
    }

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_new_file_is_only_readable_by_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.yaml");
        write_text(&path, "a: 1\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "a: 1\n");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(names(dir.path()), ["out.yaml"]);
    }

    #[test]
    fn an_existing_file_is_replaced_and_only_readable_by_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.yaml");
        fs::write(&path, "a much longer old text").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        write_text(&path, "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn small_and_large_writes_keep_their_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.yaml");
        let large = vec![b'x'; 3 * BUFFER];
        write_file(&path, |out| {
            for _ in 0..1000 {
                out.write_all(b"ab")?;
            }
            out.write_all(&large)
        })
        .unwrap();
        assert_eq!(
            fs::read(&path).unwrap(),
            [b"ab".repeat(1000), large].concat()
        );
    }

    #[test]
    fn a_failed_write_keeps_the_old_file_and_leaves_no_temporary_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.yaml");
        fs::write(&path, "old").unwrap();
        let error = write_file(&path, |out| {
            out.write_all(&vec![b'x'; 2 * BUFFER])?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        })
        .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(dir.path()), ["out.yaml"]);
    }

    #[test]
    fn a_failed_write_creates_no_file() {
        let dir = tempfile::tempdir().unwrap();
        write_file(&dir.path().join("new.yaml"), |_| {
            Err(io::Error::other("no"))
        })
        .unwrap_err();
        assert!(names(dir.path()).is_empty());
    }

    #[test]
    fn a_link_is_kept_and_its_target_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("inner");
        fs::create_dir(&inner).unwrap();
        fs::write(inner.join("real.yaml"), "old").unwrap();
        let link = dir.path().join("link.yaml");
        symlink("inner/real.yaml", &link).unwrap();
        write_text(&link, "new").unwrap();
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("inner/real.yaml"));
        assert_eq!(fs::read_to_string(inner.join("real.yaml")).unwrap(), "new");
        assert_eq!(names(dir.path()), ["inner", "link.yaml"]);
        assert_eq!(names(&inner), ["real.yaml"]);
    }

    #[test]
    fn the_target_of_a_dangling_link_is_created() {
        let dir = tempfile::tempdir().unwrap();
        symlink("b", dir.path().join("a")).unwrap();
        symlink("c", dir.path().join("b")).unwrap();
        write_text(&dir.path().join("a"), "new").unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("c")).unwrap(), "new");
        assert_eq!(names(dir.path()), ["a", "b", "c"]);
    }

    #[test]
    fn circular_links_are_an_error() {
        let dir = tempfile::tempdir().unwrap();
        symlink("b", dir.path().join("a")).unwrap();
        symlink("a", dir.path().join("b")).unwrap();
        write_text(&dir.path().join("a"), "new").unwrap_err();
        assert_eq!(names(dir.path()), ["a", "b"]);
    }

    #[test]
    fn a_directory_is_an_error_that_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let error = write_text(dir.path(), "x").unwrap_err();
        assert_eq!(error.to_string(), "it is a directory, not a file");
        assert!(names(dir.path()).is_empty());
    }

    #[test]
    fn a_missing_directory_is_an_error_that_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let error = write_text(&dir.path().join("no/out.yaml"), "x").unwrap_err();
        assert_eq!(error.to_string(), "its directory does not exist");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn errors_do_not_name_the_temporary_file() {
        let error = write_text(Path::new("/proc/out.yaml"), "x").unwrap_err();
        assert!(!error.to_string().contains(".gitops-fn-"), "{error}");
    }

    #[test]
    fn devices_are_written_to_directly() {
        write_text(Path::new("/dev/null"), "x").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn open_files_are_recognised_by_all_their_names() {
        use std::os::fd::AsRawFd;
        let dir = tempfile::tempdir().unwrap();
        let file = File::create(dir.path().join("log")).unwrap();
        let (_reader, pipe) = io::pipe().unwrap();
        let link = dir.path().join("link");
        symlink("/dev/stdout", &link).unwrap();
        let by_number = |folder: &str, number: i32| PathBuf::from(format!("{folder}/{number}"));
        for path in [
            "/dev/stdout".into(),
            "/dev//stderr".into(),
            link,
            by_number("/dev/fd", 1),
            by_number("/proc/self/fd", 2),
            by_number("/dev/fd", file.as_raw_fd()),
            by_number("/proc/thread-self/fd", file.as_raw_fd()),
        ] {
            assert!(is_open_already(&path), "{path:?}");
        }
        for path in [
            "/dev/null".into(),
            dir.path().join("log"),
            dir.path().join("stdout"),
            by_number("/dev/fd", pipe.as_raw_fd()),
        ] {
            assert!(!is_open_already(&path), "{path:?}");
        }
    }

    #[test]
    fn a_bare_name_is_in_the_current_directory() {
        assert_eq!(directory_of(Path::new("out.yaml")), Path::new("."));
        assert_eq!(directory_of(Path::new("/out.yaml")), Path::new("/"));
    }
}
