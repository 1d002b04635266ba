//! The runtime of a run, which a signal ends.

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

use gitops_fn::finding::text;
use gitops_fn::finding::{Finding, Severity};
use gitops_fn::resolve::{
    Resolved, SecretStore as _, StoreError, StoreErrorKind, StoreWarning, resolve,
};
use gitops_fn::secret::wants::Wants;
use gitops_fn::store::Store;

use super::signals::Signals;
use super::streams::say;

/// How long a login may go on after a signal.
const GRACE: Duration = Duration::from_secs(2);

/// How often the runtime has its turn before the caller goes on: enough to find a signal that has come, and
/// for a request to be sent over a connection that is open. Where it is not, it is sent at the end.
const TURNS: usize = 4;

/// A runtime on this thread alone. A signal that comes while nothing is awaited is found when something is.
/// Its end waits until the token of the run is given back.
pub(crate) struct Session {
    runtime: Runtime,
    stop: Stop,
    closing: Option<JoinHandle<Option<StoreWarning>>>,
}

/// Waits for a signal.
struct Stop {
    awaited: Vec<Signal>,
    come: Arc<AtomicBool>,
}

impl Stop {
    fn new(signals: &Signals) -> io::Result<Self> {
        let awaited = signals.heard().map(signal);
        Ok(Self {
            awaited: awaited.collect::<Result<_, _>>()?,
            come: Arc::clone(signals.come()),
        })
    }

    async fn wait(&mut self) {
        poll_fn(|context| {
            // each of them, so that each wakes us
            let awaited = self.awaited.iter_mut();
            let come = awaited.fold(self.come.load(Ordering::SeqCst), |come, signal| {
                signal.poll_recv(context).is_ready() || come
            });
            if come { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

impl Session {
    /// A session that ends with the first of the signals.
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

    /// Runs `work` to its end; `None` if a signal comes first, and the work is dropped then.
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

    /// Reads what is wanted. A signal ends the reads, and the token of the run is given back all the same:
    /// the request is sent before the caller edits, and answered meanwhile.
    pub(crate) fn resolve(&mut self, wants: &Wants, store: &Arc<Store>) -> Resolved {
        let resolved = self
            .read(wants, store)
            .unwrap_or_else(|| Resolved::unread(wants, &unread()));
        let store = Arc::clone(store);
        self.closing = Some(self.runtime.spawn(async move { store.close().await }));
        self.runtime.block_on(turns());
        resolved
    }

    /// Reads what is wanted; `None` if a signal comes first. A login that is under way is not broken off:
    /// nobody would know the token that the server makes.
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

    /// Waits until the token is given back, and says so if it could not be: a warning, since the output
    /// is right all the same.
    pub(crate) fn part(&mut self) {
        if let Some(closing) = self.closing.take()
            && let Ok(Some(warning)) = self.runtime.block_on(closing)
        {
            let warning = Finding::new(Severity::Warning, warning.message, warning.help);
            say(&text::stderr(&[warning]));
        }
    }
}

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
        self.part();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    #[test]
    fn a_signal_is_found_that_came_while_nothing_was_awaited() {
        let signals = Signals::hear().map_err(drop).unwrap();
        let mut session = Session::new(&signals).unwrap();
        let mut is_stopped = || session.run(turns()).is_none();
        assert!(!is_stopped());
        kill_process(getpid(), Signal::TERM).unwrap();
        // any thread of the process may be handed it, and takes its time
        let since = Instant::now();
        while !is_stopped() {
            assert!(since.elapsed() < Duration::from_mins(1));
        }
        assert!(is_stopped());
        assert!(signals.come().load(Ordering::SeqCst));
        // also by one that is made later
        let mut late = Session::new(&signals).unwrap();
        assert!(late.run(std::future::pending::<()>()).is_none());
        assert!(signals.let_go().is_err());
    }
}
