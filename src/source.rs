//! Read: the files, directories and standard input that `render` names, as texts in memory.
//!
//! A directory means its `.yaml`, `.yml` and `.json` files, at any depth, in the order of their
//! path's bytes. Left out are dot-files and dot-folders, kustomization files and symbolic links (a link could
//! lead out of the repository); a link that looks like manifests is reported in
//! [`Sources::notes`], since manifests that go missing in silence may be pruned from a cluster.
//! What is named on the command line itself is read as it is: any file name, a link, and what a shell hands
//! over (`/dev/fd/63`). A device or pipe of another name is not: it may have no end, or no beginning.

mod error;
mod walk;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::special_files::is_special;
use crate::untrusted_text::one_line;

pub use error::{Limit, SourceError, Unreadable, UnreadableReason};

/// The most that is read where no policy says so: 1 GiB.
pub const MOST: Limit = Limit::BuiltIn(1 << 30);
/// The longest configuration, in bytes.
const CONFIGURATION: u64 = 256 << 10;

/// One text of the input.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    /// As shown in errors: the path, or `stdin`.
    pub name: String,
    /// The whole content.
    pub text: String,
    /// Whether it was found in a directory, rather than named itself.
    pub found: bool,
}

impl std::fmt::Debug for Source {
    /// The text may hold secrets, so only its length is shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Source({}, {} bytes)", self.name, self.text.len())
    }
}

/// All texts of the input, in the order in which they were named.
#[derive(Debug, Default)]
pub struct Sources {
    /// The texts; a directory's are sorted by path.
    pub list: Vec<Source>,
    /// Warnings for stderr, one line each, sorted.
    pub notes: Vec<String>,
}

/// Reads everything that `paths` name, but not more than `most`; no path at all means standard input.
///
/// `-` is standard input, which is read only if it is named. A text that is empty is returned as
/// such: whether the whole input is empty is for the caller to see ([`is_blank`]).
///
/// # Errors
/// [`SourceError`], with every file that cannot be read, or a `-` named twice; and
/// [`SourceError::TooLarge`] as soon as there is more.
pub fn read(paths: &[PathBuf], stdin: impl Read, most: Limit) -> Result<Sources, SourceError> {
    read_except(&[], paths, stdin, most)
}

/// As [`read`], without the files that `except` names: they are there for something else, whichever
/// path leads to them.
///
/// # Errors
/// Those of [`read`]; also where nothing is left.
pub fn read_except(
    except: &[PathBuf],
    paths: &[PathBuf],
    stdin: impl Read,
    most: Limit,
) -> Result<Sources, SourceError> {
    let only_stdin = [PathBuf::from("-")];
    let paths = if paths.is_empty() { &only_stdin } else { paths };
    if paths.iter().filter(|path| is_stdin(path)).count() > 1 {
        return Err(SourceError::StdinTwice);
    }
    let except = except.iter().filter(|path| !is_stdin(path));
    let mut reading = Reading {
        except: except
            .filter_map(|path| fs::canonicalize(path).ok())
            .collect(),
        room: most.bytes(),
        ..Reading::default()
    };
    let mut stdin = Some(stdin);
    let mut left_out = None;
    for path in paths {
        if is_stdin(path) {
            if let Some(stdin) = stdin.take() {
                let bytes = reading.bytes_of(stdin, 0);
                reading.add("stdin".to_owned(), bytes, false);
            }
        } else if path.is_dir() {
            reading.directory(path);
        } else if reading.is_excepted(path) {
            left_out = Some(path);
        } else {
            reading.file(path, false);
        }
        if reading.full {
            return Err(SourceError::TooLarge(most));
        }
    }
    if let (Some(path), []) = (left_out, &*reading.sources.list) {
        reading.unreadable.push(Unreadable {
            name: shown(path),
            reason: UnreadableReason::Configuration,
        });
    }
    reading.finish()
}

/// Whether [`read`] of these paths reads standard input.
#[must_use]
pub fn reads_stdin(paths: &[PathBuf]) -> bool {
    paths.is_empty() || paths.iter().any(|path| is_stdin(path))
}

/// Reads the one file of a configuration, or standard input if it is `-`.
///
/// # Errors
/// [`SourceError::Unreadable`]: also for a folder, and for more than 256 KiB.
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
        read(&paths, stdin, Limit::BuiltIn(CONFIGURATION)).map_err(|error| match error {
            SourceError::TooLarge(most) => {
                unreadable(name, UnreadableReason::TooLarge(most.bytes()))
            }
            error => error,
        })?;
    Ok(sources.list.into_iter().map(|source| source.text).collect())
}

/// Whether a text holds nothing but blanks (and a byte order mark).
#[must_use]
pub fn is_blank(text: &str) -> bool {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.chars().all(char::is_whitespace)
}

/// What has been read so far, and what could not be.
#[derive(Default)]
struct Reading {
    /// Canonical paths of what is no manifest.
    except: Vec<PathBuf>,
    sources: Sources,
    unreadable: Vec<Unreadable>,
    /// How many bytes may still be read.
    room: u64,
    /// There was more than that.
    full: bool,
}

impl Reading {
    fn is_excepted(&self, path: &Path) -> bool {
        !self.except.is_empty()
            && fs::canonicalize(path).is_ok_and(|path| self.except.contains(&path))
    }

    fn directory(&mut self, path: &Path) {
        let mut found = walk::walk(path, &self.except);
        for file in &found.files {
            if self.full {
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
        let bytes = File::open(path).and_then(|file| self.bytes_of(file, length));
        self.add(shown(path), bytes, found);
    }

    /// Everything in one allocation where the length is known. One byte more than there is room for shows
    /// that there is more.
    fn bytes_of(&mut self, from: impl Read, length: u64) -> io::Result<Vec<u8>> {
        let most = self.room.saturating_add(1);
        // a byte more, so that the end is found without another allocation
        let expected = length.saturating_add(1).min(most);
        let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or_default());
        from.take(most).read_to_end(&mut bytes)?;
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.full |= length > self.room;
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

/// A path as one line of an error can show it: a file name may hold line breaks.
pub(crate) fn shown(path: &Path) -> String {
    one_line(&path.to_string_lossy())
}

#[cfg(test)]
mod tests;
