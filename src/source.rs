//! Read: the files, directories and standard input that `render` names, as texts in memory.
//!
//! A directory means its `.yaml`, `.yml` and `.json` files, at any depth, in the order of their
//! path's bytes. Left out are dot-folders, kustomization files and symbolic links (a link could
//! lead out of the repository); a link that looks like manifests is reported in
//! [`Sources::notes`], since manifests that go missing in silence may be pruned from a cluster.
//! What is named on the command line itself is read as it is: any file name, a link, a pipe.

mod error;
mod walk;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub use error::{SourceError, Unreadable, UnreadableReason};

/// One text of the input.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    /// As shown in errors: the path, or `stdin`.
    pub name: String,
    /// The whole content.
    pub text: String,
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

/// Reads everything that `paths` name; no path at all means standard input.
///
/// `-` is standard input, which is read only if it is named. A text that is empty is returned as
/// such: whether the whole input is empty is for the caller to see ([`is_blank`]).
///
/// # Errors
/// [`SourceError`], with every file that cannot be read, or a `-` named twice.
pub fn read(paths: &[PathBuf], stdin: impl Read) -> Result<Sources, SourceError> {
    read_within(paths, stdin, u64::MAX)
}

/// As [`read`], but not more than `most` bytes.
///
/// # Errors
/// As [`read`], and [`SourceError::TooLarge`] as soon as there is more.
pub fn read_within(paths: &[PathBuf], stdin: impl Read, most: u64) -> Result<Sources, SourceError> {
    let only_stdin = [PathBuf::from("-")];
    let paths = if paths.is_empty() { &only_stdin } else { paths };
    if paths.iter().filter(|path| is_stdin(path)).count() > 1 {
        return Err(SourceError::StdinTwice);
    }
    let mut reading = Reading {
        room: most,
        ..Reading::default()
    };
    let mut stdin = Some(stdin);
    for path in paths {
        if is_stdin(path) {
            if let Some(stdin) = stdin.take() {
                let bytes = reading.bytes_of(stdin);
                reading.add("stdin".to_owned(), bytes);
            }
        } else if path.is_dir() {
            reading.directory(path);
        } else {
            reading.file(path);
        }
        if reading.full {
            return Err(SourceError::TooLarge(most));
        }
    }
    reading.finish()
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
    sources: Sources,
    unreadable: Vec<Unreadable>,
    /// How many bytes may still be read.
    room: u64,
    /// There was more than that.
    full: bool,
}

impl Reading {
    fn directory(&mut self, path: &Path) {
        let mut found = walk::walk(path);
        for file in &found.files {
            if self.full {
                return;
            }
            self.file(file);
        }
        self.sources.notes.append(&mut found.notes);
        self.unreadable.append(&mut found.unreadable);
    }

    fn file(&mut self, path: &Path) {
        let bytes = File::open(path).and_then(|file| self.bytes_of(file));
        self.add(shown(path), bytes);
    }

    /// Everything in one allocation where the length is known: `File` tells it to `read_to_end`. One
    /// byte more than there is room for shows that there is more.
    fn bytes_of(&mut self, mut from: impl Read) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        if self.room == u64::MAX {
            from.read_to_end(&mut bytes)?;
            return Ok(bytes);
        }
        from.take(self.room + 1).read_to_end(&mut bytes)?;
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.full |= length > self.room;
        self.room = self.room.saturating_sub(length);
        Ok(bytes)
    }

    fn add(&mut self, name: String, bytes: io::Result<Vec<u8>>) {
        let text = bytes
            .map_err(|error| UnreadableReason::from(&error))
            .and_then(|bytes| String::from_utf8(bytes).map_err(|bad| not_utf8(&bad)));
        match text {
            Ok(text) => self.sources.list.push(Source { name, text }),
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
fn shown(path: &Path) -> String {
    let mut shown = String::new();
    for character in path.to_string_lossy().chars() {
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests;
