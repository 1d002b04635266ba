//! When the work of a run has to end: at its deadline, or when a signal has come.
//!
//! Every loop whose length the input decides asks the [`Clock`]. One that is told to stop just stops: what
//! it leaves undone counts for nothing, since each step of [`crate::pipeline`] asks once more when it is done, and
//! a clock that has stopped never goes on.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long a run may take unless something is set: less than Argo CD's own limit
/// (docs/internals/argocd-plugins.md#what-decides-the-design).
pub const DEADLINE: Duration = Duration::from_secs(45);

/// How much may be done between two looks: a millisecond's work, or a few.
const STRIDE: usize = 1 << 16;

/// What a node or an event counts beside its text.
pub const NODE: usize = 64;

/// Tells whether to go on. Its clones see the same deadline and the same signals.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    end: Option<Instant>,
    signalled: Arc<AtomicBool>,
    /// How much may be done until the next look.
    left: Cell<usize>,
}

/// Why the work ends before it is done; trying again may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// Somebody has asked for it.
    #[error("stopped by a signal (transient)")]
    Signal,
    /// There is no more time.
    #[error("the manifests were not done before the deadline (transient)")]
    Deadline,
}

impl Stop {
    /// What to do about it.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::Signal => "run it again",
            Self::Deadline => "try again, or give it more time with GITOPS_FN_TIMEOUT",
        }
    }
}

impl Clock {
    /// A clock that stops at `end`, or when `signalled` is set. By default there is neither.
    #[must_use]
    pub fn new(end: Option<Instant>, signalled: Arc<AtomicBool>) -> Self {
        Self {
            end,
            signalled,
            left: Cell::default(),
        }
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// Why not; from then on it is always so.
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

    /// As [`Clock::check`], for inner loops: it looks only now and then. `work` is what has been done, in
    /// bytes that were read, compared or copied.
    ///
    /// # Errors
    /// Why not to go on.
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
    fn it_stops_for_good() {
        let signalled = Arc::new(AtomicBool::new(false));
        let late = Instant::now() + Duration::from_mins(10);
        let clock = Clock::new(Some(late), Arc::clone(&signalled));
        assert_eq!((clock.check(), clock.spend(STRIDE)), (Ok(()), Ok(())));
        signalled.store(true, Ordering::Relaxed);
        for work in [1, 0, STRIDE, usize::MAX] {
            // the first of them is when it looks again
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
