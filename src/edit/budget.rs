//! Limits on how much the edits of a run may add to its input, and on how long they may take.

use crate::clock::Clock;
use crate::finding::Finding;

/// How many bytes a run may still add. Counted as each edit is made, since many short values could exhaust the memory
/// together.
pub struct Allowance {
    left: u64,
    over: Finding,
    clock: Clock,
}

impl Allowance {
    /// Allows the output to be `bytes` bytes longer than the input; `over` is the error beyond that. The clock limits
    /// the time.
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

    /// Checks that there is time left.
    ///
    /// # Errors
    /// The finding with which the run must end.
    pub fn check_time(&self) -> Result<(), Finding> {
        self.clock.check().map_err(Finding::from)
    }

    /// The length in bytes that a text of `now` bytes may grow to.
    #[must_use]
    pub fn room(&self, now: usize) -> usize {
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        left.saturating_add(now)
    }

    /// Counts a text that grew from `before` to `after` bytes. Texts that became shorter give nothing back.
    ///
    /// # Errors
    /// The finding with which the run must end, if it adds too much.
    pub fn take(&mut self, before: usize, after: usize) -> Result<(), Finding> {
        let more = u64::try_from(after.saturating_sub(before)).unwrap_or(u64::MAX);
        self.left = self.left.checked_sub(more).ok_or_else(|| self.over())?;
        Ok(())
    }

    /// The finding with which the run must end if [`Allowance::room`] is exceeded.
    #[must_use]
    pub fn over(&self) -> Finding {
        self.over.clone()
    }
}
