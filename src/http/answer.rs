//! The answer of a server.

use std::time::Duration;

use zeroize::Zeroizing;

/// The status and body of a response.
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The body, which may hold secrets.
    pub(crate) body: Zeroizing<Vec<u8>>,
    /// How long the last attempt took.
    pub(crate) took: Duration,
}

impl Answer {
    /// Whether the body contains `text`, for answers whose status alone is ambiguous.
    pub(crate) fn contains(&self, text: &str) -> bool {
        memchr::memmem::find(&self.body, text.as_bytes()).is_some()
    }
}
