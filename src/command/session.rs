//! The runtime of a run, and the signals that end it.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use gitops_fn::resolve::{Resolved, resolve};
use gitops_fn::secret::SecretRef;
use gitops_fn::store::Store;

/// A runtime on this thread alone. From its start on no SIGTERM or SIGINT is lost: one that comes while
/// nothing is awaited is found by [`Session::is_stopped`].
pub(crate) struct Session {
    runtime: Runtime,
    stop: Stop,
}

struct Stop {
    terminate: Signal,
    interrupt: Signal,
    come: bool,
}

impl Stop {
    async fn wait(&mut self) {
        if !self.come {
            tokio::select! {
                _ = self.terminate.recv() => {}
                _ = self.interrupt.recv() => {}
            }
            self.come = true;
        }
    }
}

impl Session {
    pub(crate) fn new() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start")?;
        let guard = runtime.enter();
        let stop = Stop {
            terminate: signal(SignalKind::terminate()).context("cannot wait for signals")?,
            interrupt: signal(SignalKind::interrupt()).context("cannot wait for signals")?,
            come: false,
        };
        drop(guard);
        Ok(Self { runtime, stop })
    }

    /// Runs `work` to its end; `None` if a signal comes first, and the work is dropped then.
    pub(crate) fn run<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let Self { runtime, stop } = self;
        runtime.block_on(async {
            tokio::select! {
                biased;
                () = stop.wait() => None,
                done = work => Some(done),
            }
        })
    }

    /// Reads what is wanted. A signal ends the reads, and the token of the run is given back all the same.
    pub(crate) fn resolve(&mut self, wants: &BTreeSet<SecretRef>, store: &Store) -> Resolved {
        let resolved = self
            .run(resolve(wants, store))
            .unwrap_or_else(|| Resolved::interrupted(wants));
        self.runtime.block_on(store.close());
        resolved
    }

    /// Whether a signal has come.
    pub(crate) fn is_stopped(&mut self) -> bool {
        // only a runtime that has to wait looks for signals
        self.run(async { tokio::time::sleep(Duration::from_millis(1)).await })
            .is_none()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    #[test]
    fn a_signal_is_found_that_came_while_nothing_was_awaited() {
        let mut session = Session::new().unwrap();
        assert!(!session.is_stopped());
        kill_process(getpid(), Signal::TERM).unwrap();
        // any thread of the process may be handed it, and takes its time
        let since = Instant::now();
        while !session.is_stopped() {
            assert!(since.elapsed() < Duration::from_mins(1));
        }
        assert!(session.is_stopped());
        assert!(session.run(std::future::pending::<()>()).is_none());
    }
}
