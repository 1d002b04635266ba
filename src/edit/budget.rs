//! How much the edits of a run may add to its input, and how long they may take.

use crate::clock::Clock;
use crate::finding::Finding;

/// What a run may still add, counted while it is made: each value may be short and all of them together
/// fill the memory.
pub struct Allowance {
    left: u64,
    over: Finding,
    clock: Clock,
}

impl Allowance {
    /// By so many bytes the output may be longer than the input; `over` is said of what is longer. All of it
    /// ends with the clock.
    #[must_use]
    pub fn new(bytes: u64, over: Finding, clock: &Clock) -> Self {
        Self {
            left: bytes,
            over,
            clock: clock.clone(),
        }
    }

    /// The clock of the run.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Whether there is time left.
    ///
    /// # Errors
    /// What there is to say where there is none; the run ends there.
    pub fn in_time(&self) -> Result<(), Finding> {
        self.clock.check().map_err(Finding::from)
    }

    /// How long a text may become that is `now` bytes long.
    #[must_use]
    pub fn room(&self, now: usize) -> usize {
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        left.saturating_add(now)
    }

    /// Counts what has grown from `before` to `after` bytes; what has become shorter gives nothing back.
    ///
    /// # Errors
    /// What there is to say of a run that adds too much; it ends there.
    pub fn take(&mut self, before: usize, after: usize) -> Result<(), Finding> {
        let more = u64::try_from(after.saturating_sub(before)).unwrap_or(u64::MAX);
        self.left = self.left.checked_sub(more).ok_or_else(|| self.over())?;
        Ok(())
    }

    /// What there is to say where [`Allowance::room`] is exceeded.
    #[must_use]
    pub fn over(&self) -> Finding {
        self.over.clone()
    }
}
