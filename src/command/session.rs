//! The async runtime of a run, in which a signal ends the work.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, signal};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::timeout;

use gitops_fn::finding::Finding;
use gitops_fn::finding::text;
use gitops_fn::resolve::{
    Resolved, SecretStore as _, StoreError, StoreErrorKind, StoreWarning, resolve,
};
use gitops_fn::secret::wants::Wants;
use gitops_fn::store::Store;

use super::signals::Signals;
use super::streams::say;

/// How long a login may continue after a signal.
const GRACE: Duration = Duration::from_secs(2);

/// How often the runtime runs before the caller continues. That is enough to notice a signal, and to send a request
/// over an open connection. Without an open connection, the request is sent at the end.
const TURNS: usize = 4;

/// A runtime on the current thread. A signal that arrives while nothing is awaited is noticed at the next await.
/// Dropping the session waits until the token of the run is revoked.
pub(crate) struct Session {
    runtime: Runtime,
    stop: Stop,
    closing: Option<JoinHandle<Option<StoreWarning>>>,
}

/// Waits for a signal.
struct Stop {
    awaited: Vec<Signal>,
    received: Arc<AtomicBool>,
}

impl Stop {
    fn new(signals: &Signals) -> io::Result<Self> {
        let awaited = signals.kinds().map(signal);
        Ok(Self {
            awaited: awaited.collect::<Result<_, _>>()?,
            received: Arc::clone(signals.received()),
        })
    }

    async fn wait(&mut self) {
        poll_fn(|context| {
            // polls all of them, so that each wakes this task
            let awaited = self.awaited.iter_mut();
            let received = awaited
                .fold(self.received.load(Ordering::SeqCst), |received, signal| {
                    signal.poll_recv(context).is_ready() || received
                });
            if received {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

impl Session {
    /// Makes a session whose work ends at the first signal.
    pub(crate) fn new(signals: &Signals) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let guard = runtime.enter();
        let stop = Stop::new(signals)?;
        drop(guard);
        Ok(Self {
            runtime,
            stop,
            closing: None,
        })
    }

    /// Runs `work` to its end. If a signal arrives first, drops it and returns `None`.
    pub(crate) fn run<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let Self { runtime, stop, .. } = self;
        runtime.block_on(async {
            tokio::select! {
                biased;
                () = stop.wait() => None,
                done = work => Some(done),
            }
        })
    }

    /// Reads the secrets. A signal ends the reads. In any case the token of the run is revoked: the request is sent
    /// before this returns, and answered while the caller edits.
    pub(crate) fn resolve(&mut self, wants: &Wants, store: &Arc<Store>) -> Resolved {
        let resolved = self
            .read(wants, store)
            .unwrap_or_else(|| Resolved::unread(wants, &unread()));
        let store = Arc::clone(store);
        self.closing = Some(self.runtime.spawn(async move { store.close().await }));
        self.runtime.block_on(turns());
        resolved
    }

    /// Reads the secrets; `None` if a signal arrives first. A login in progress is awaited for up to [`GRACE`]: if it
    /// were interrupted, nobody could revoke the token that the server issues.
    fn read(&mut self, wants: &Wants, store: &Store) -> Option<Resolved> {
        let mut reads = pin!(resolve(wants, store));
        let done = self.run(reads.as_mut());
        if done.is_none() {
            self.runtime.block_on(async {
                let settled = async {
                    tokio::select! {
                        biased;
                        () = store.settle() => {}
                        _ = reads => {}
                    }
                };
                let _ = timeout(GRACE, settled).await;
            });
        }
        done
    }

    /// Waits until the token is revoked. If that fails, prints a warning, not an error, since the output is correct.
    pub(crate) fn finish_closing(&mut self) {
        if let Some(closing) = self.closing.take()
            && let Ok(Some(warning)) = self.runtime.block_on(closing)
        {
            let warning = Finding::warning(warning.message, warning.help);
            say(&text::stderr(&[warning]));
        }
    }
}

/// Lets other tasks of the runtime run [`TURNS`] times.
async fn turns() {
    for _ in 0..TURNS {
        yield_now().await;
    }
}

fn unread() -> StoreError {
    StoreError {
        kind: StoreErrorKind::Transient,
        message: "stopped by a signal before all secrets were read (transient)".to_owned(),
        help: "run it again".to_owned(),
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.finish_closing();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    #[test]
    fn a_signal_is_found_that_came_while_nothing_was_awaited() {
        let signals = Signals::listen().map_err(drop).unwrap();
        let mut session = Session::new(&signals).unwrap();
        let mut is_stopped = || session.run(turns()).is_none();
        assert!(!is_stopped());
        kill_process(getpid(), Signal::TERM).unwrap();
        // the signal may be delivered to any thread of the process, which takes time
        let since = Instant::now();
        while !is_stopped() {
            assert!(since.elapsed() < Duration::from_mins(1));
        }
        assert!(is_stopped());
        assert!(signals.received().load(Ordering::SeqCst));
        // a session that is made later notices it too
        let mut late = Session::new(&signals).unwrap();
        assert!(late.run(std::future::pending::<()>()).is_none());
        assert!(signals.restore_defaults().is_err());
    }
}
