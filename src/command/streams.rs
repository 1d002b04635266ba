//! Standard error.

use std::io::{self, Write};

use gitops_fn::source::Sources;
use gitops_fn::untrusted_text::{lines, one_line};

/// Prints a warning for each note about the input.
pub(crate) fn say_notes(sources: &Sources) {
    for note in &sources.notes {
        say(&format!("warning: {}\n", one_line(note)));
    }
}

/// Prints `text` to standard error, with control and invisible characters escaped. Errors are ignored: there is no
/// other place to report them.
pub(crate) fn say(text: &str) {
    let _ = io::stderr().lock().write_all(lines(text).as_bytes());
}

/// A writer for the log, which writes to standard error with [`say`].
pub(crate) struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        say(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
