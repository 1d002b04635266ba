//! Limits the time of a run: to its deadline, or until a signal arrives.
//!
//! Every loop whose length depends on the input checks the [`Clock`], and simply stops when the clock has. Its
//! incomplete result is never used: each step of [`crate::pipeline`] checks the clock again at its end, and a stopped
//! clock never restarts.

use crate::explain::Explain;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long a run may take unless something is set: less than Argo CD's own limit
/// (docs/internals/argocd-plugins.md#what-decides-the-design).
pub const DEADLINE: Duration = Duration::from_secs(45);

/// How much work is done between two checks, in bytes: takes about a millisecond.
const STRIDE: usize = 1 << 16;

/// The work that a node or an event counts for in addition to its text, in bytes.
pub const NODE: usize = 64;

/// Tells whether to continue. Clones share the deadline and the signals.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    end: Option<Instant>,
    signalled: Arc<AtomicBool>,
    /// How much work is left until the next check.
    left: Cell<usize>,
}

/// Why a run ends early; trying again may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// A signal has arrived.
    #[error("stopped by a signal (transient)")]
    Signal,
    /// The deadline has passed.
    #[error("the manifests were not done before the deadline (transient)")]
    Deadline,
}

impl Explain for Stop {
    fn help(&self) -> String {
        match self {
            Self::Signal => "run it again",
            Self::Deadline => "try again, or give it more time with GITOPS_FN_TIMEOUT",
        }
        .to_owned()
    }

    fn exit_code(&self) -> u8 {
        3
    }
}

impl Clock {
    /// A clock that stops at `end`, or when `signalled` is set. The default clock never stops.
    #[must_use]
    pub fn new(end: Option<Instant>, signalled: Arc<AtomicBool>) -> Self {
        Self {
            end,
            signalled,
            left: Cell::default(),
        }
    }

    /// Checks whether to continue.
    ///
    /// # Errors
    /// [`Stop`]; once it is returned, all later checks return one.
    pub fn check(&self) -> Result<(), Stop> {
        self.left.set(0);
        if self.signalled.load(Ordering::Relaxed) {
            return Err(Stop::Signal);
        }
        if self.end.is_some_and(|end| end <= Instant::now()) {
            return Err(Stop::Deadline);
        }
        self.left.set(STRIDE);
        Ok(())
    }

    /// As [`Clock::check`], but cheap enough for inner loops, since it rarely reads the time. `work` is the work done since
    /// the last call, in bytes that were read, compared or copied.
    ///
    /// # Errors
    /// As [`Clock::check`].
    pub fn spend(&self, work: usize) -> Result<(), Stop> {
        match self.left.get().checked_sub(work) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => self.check(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_stopped_clock_never_restarts() {
        let signalled = Arc::new(AtomicBool::new(false));
        let late = Instant::now() + Duration::from_mins(10);
        let clock = Clock::new(Some(late), Arc::clone(&signalled));
        assert_eq!((clock.check(), clock.spend(STRIDE)), (Ok(()), Ok(())));
        signalled.store(true, Ordering::Relaxed);
        for work in [1, 0, STRIDE, usize::MAX] {
            // the first call exhausts the work and so checks again
            assert_eq!(clock.spend(work.max(1)), Err(Stop::Signal));
        }
        assert_eq!(clock.clone().check(), Err(Stop::Signal));
        let past = Clock::new(Some(Instant::now()), Arc::default());
        assert_eq!(
            (past.spend(1), past.check()),
            (Err(Stop::Deadline), Err(Stop::Deadline))
        );
        assert_eq!(Clock::default().spend(usize::MAX), Ok(()));
    }
}
