//! Standard error.

use std::io::{self, Write};

use gitops_fn::source::Sources;
use gitops_fn::untrusted_text::{lines, one_line};

/// Says what was noticed while the input was read.
pub(crate) fn say_notes(sources: &Sources) {
    for note in &sources.notes {
        say(&format!("warning: {}\n", one_line(note)));
    }
}

/// Says it on standard error, where nothing is hidden whoever has written it. It may be closed; then there is nobody to
/// tell.
pub(crate) fn say(text: &str) {
    let _ = io::stderr().lock().write_all(lines(text).as_bytes());
}

/// Standard error for the log.
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
