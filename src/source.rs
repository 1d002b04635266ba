//! Read: reads the files, directories and standard input given to `render` into memory.
//!
//! A directory stands for its `.yaml`, `.yml` and `.json` files at any depth, sorted by the bytes of their paths.
//! Dot-files, dot-folders, kustomization files and symbolic links are skipped (a link could lead out of the
//! repository). A skipped link that may hold manifests is reported in [`Sources::notes`], since Argo CD could prune
//! manifests that go missing silently.
//!
//! Files named on the command line are always read: with any name, through links, and open files passed by a shell
//! (`/dev/fd/63`). Other devices and pipes are not, since they may block or never end.

mod error;
mod walk;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::special_files::is_special;
use crate::untrusted_text::one_line;

pub use error::{Limit, SourceError, Unreadable, UnreadableReason};

/// How much is read without a policy: 1 GiB.
pub const DEFAULT_LIMIT: Limit = Limit::BuiltIn(1 << 30);
/// The longest configuration file, in bytes.
const MAX_CONFIGURATION: u64 = 256 << 10;

/// One text of the input.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    /// The path as shown in messages, or `stdin`.
    pub name: String,
    /// The whole content.
    pub text: String,
    /// Whether it was found in a directory, rather than named on the command line.
    pub found: bool,
}

impl std::fmt::Debug for Source {
    /// Shows only the length of the text, which may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Source({}, {} bytes)", self.name, self.text.len())
    }
}

/// All texts of the input, in the order of the command line.
#[derive(Debug, Default)]
pub struct Sources {
    /// The texts; a directory's are sorted by path.
    pub list: Vec<Source>,
    /// Warnings for stderr, one line each, sorted.
    pub notes: Vec<String>,
}

/// Reads all `paths`, up to `limit`. Without any path, reads standard input.
///
/// `-` is standard input, which is not read otherwise. Empty texts are returned too; the caller checks whether the
/// whole input is empty ([`is_blank`]).
///
/// # Errors
/// [`SourceError`] with all files that cannot be read, for a `-` named twice, or [`SourceError::TooLarge`] as soon as
/// the limit is exceeded.
pub fn read(paths: &[PathBuf], stdin: impl Read, limit: Limit) -> Result<Sources, SourceError> {
    read_excluding(&[], paths, stdin, limit)
}

/// As [`read`], but skips the files in `excluded`, such as the configuration, by whatever path they are reached.
///
/// # Errors
/// Those of [`read`]; also if nothing is left.
pub fn read_excluding(
    excluded: &[PathBuf],
    paths: &[PathBuf],
    stdin: impl Read,
    limit: Limit,
) -> Result<Sources, SourceError> {
    let only_stdin = [PathBuf::from("-")];
    let paths = if paths.is_empty() { &only_stdin } else { paths };
    if paths.iter().filter(|path| is_stdin(path)).count() > 1 {
        return Err(SourceError::StdinTwice);
    }
    let excluded = excluded.iter().filter(|path| !is_stdin(path));
    let mut reading = Reading {
        excluded: excluded
            .filter_map(|path| fs::canonicalize(path).ok())
            .collect(),
        room: limit.bytes(),
        ..Reading::default()
    };
    let mut stdin = Some(stdin);
    let mut skipped = None;
    for path in paths {
        if is_stdin(path) {
            if let Some(stdin) = stdin.take() {
                let bytes = reading.read_bytes(stdin, 0);
                reading.add("stdin".to_owned(), bytes, false);
            }
        } else if path.is_dir() {
            reading.directory(path);
        } else if reading.is_excluded(path) {
            skipped = Some(path);
        } else {
            reading.file(path, false);
        }
        if reading.exceeded {
            return Err(SourceError::TooLarge(limit));
        }
    }
    if let (Some(path), []) = (skipped, &*reading.sources.list) {
        reading.unreadable.push(Unreadable {
            name: shown(path),
            reason: UnreadableReason::Configuration,
        });
    }
    reading.finish()
}

/// Whether [`read`] reads standard input for these paths.
#[must_use]
pub fn reads_stdin(paths: &[PathBuf]) -> bool {
    paths.is_empty() || paths.iter().any(|path| is_stdin(path))
}

/// Reads a configuration file, or standard input for `-`.
///
/// # Errors
/// [`SourceError::Unreadable`], also for a folder and for more than 256 KiB.
pub fn read_one(path: &Path, stdin: impl Read) -> Result<String, SourceError> {
    let unreadable =
        |name: String, reason| SourceError::Unreadable(vec![Unreadable { name, reason }]);
    let name = if is_stdin(path) {
        "stdin".to_owned()
    } else {
        shown(path)
    };
    if !is_stdin(path) && path.is_dir() {
        return Err(unreadable(name, UnreadableReason::Folder));
    }
    let paths = [path.to_owned()];
    let sources =
        read(&paths, stdin, Limit::BuiltIn(MAX_CONFIGURATION)).map_err(|error| match error {
            SourceError::TooLarge(limit) => {
                unreadable(name, UnreadableReason::TooLarge(limit.bytes()))
            }
            error => error,
        })?;
    Ok(sources.list.into_iter().map(|source| source.text).collect())
}

/// Whether a text is empty but for white space and a byte order mark.
#[must_use]
pub fn is_blank(text: &str) -> bool {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.chars().all(char::is_whitespace)
}

/// What has been read so far, and the errors.
#[derive(Default)]
struct Reading {
    /// Canonical paths of files to skip.
    excluded: Vec<PathBuf>,
    sources: Sources,
    unreadable: Vec<Unreadable>,
    /// How many bytes may still be read.
    room: u64,
    /// Whether there was more than the limit.
    exceeded: bool,
}

impl Reading {
    fn is_excluded(&self, path: &Path) -> bool {
        !self.excluded.is_empty()
            && fs::canonicalize(path).is_ok_and(|path| self.excluded.contains(&path))
    }

    fn directory(&mut self, path: &Path) {
        let mut found = walk::walk(path, &self.excluded);
        for file in &found.files {
            if self.exceeded {
                return;
            }
            self.file(file, true);
        }
        self.sources.notes.append(&mut found.notes);
        self.unreadable.append(&mut found.unreadable);
    }

    fn file(&mut self, path: &Path, found: bool) {
        let metadata = fs::metadata(path).ok();
        if metadata
            .as_ref()
            .is_some_and(|metadata| is_special(path, metadata))
        {
            self.unreadable.push(Unreadable {
                name: shown(path),
                reason: UnreadableReason::Special { named: true },
            });
            return;
        }
        let length = metadata.map_or(0, |metadata| metadata.len());
        let bytes = File::open(path).and_then(|file| self.read_bytes(file, length));
        self.add(shown(path), bytes, found);
    }

    /// Reads everything, in one allocation if `length`, the expected length, is right. Reads one byte beyond the limit to
    /// detect that there is more.
    fn read_bytes(&mut self, from: impl Read, length: u64) -> io::Result<Vec<u8>> {
        let max = self.room.saturating_add(1);
        // one byte more, so that the end is found without another allocation
        let expected = length.saturating_add(1).min(max);
        let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or_default());
        from.take(max).read_to_end(&mut bytes)?;
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.exceeded |= length > self.room;
        self.room = self.room.saturating_sub(length);
        Ok(bytes)
    }

    fn add(&mut self, name: String, bytes: io::Result<Vec<u8>>, found: bool) {
        let text = bytes
            .map_err(|error| UnreadableReason::from(&error))
            .and_then(|bytes| String::from_utf8(bytes).map_err(|bad| not_utf8(&bad)));
        match text {
            Ok(text) => self.sources.list.push(Source { name, text, found }),
            Err(reason) => self.unreadable.push(Unreadable { name, reason }),
        }
    }

    fn finish(mut self) -> Result<Sources, SourceError> {
        self.sources.notes.sort();
        self.sources.notes.dedup();
        if self.unreadable.is_empty() {
            return Ok(self.sources);
        }
        self.unreadable.sort();
        self.unreadable.dedup();
        Err(SourceError::Unreadable(self.unreadable))
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn not_utf8(bad: &std::string::FromUtf8Error) -> UnreadableReason {
    match bad.as_bytes() {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => UnreadableReason::Utf16,
        _ => UnreadableReason::NotUtf8 {
            offset: bad.utf8_error().valid_up_to(),
        },
    }
}

/// A path for a single-line message: file names may contain line breaks.
pub(crate) fn shown(path: &Path) -> String {
    one_line(&path.to_string_lossy())
}

#[cfg(test)]
mod tests;
