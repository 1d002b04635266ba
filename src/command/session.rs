//! The runtime of a run, and the signals that end it.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signal_hook::flag::register_conditional_default;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::timeout;

use gitops_fn::krm::result::{Finding, Severity};
use gitops_fn::report;
use gitops_fn::resolve::{Resolved, StoreError, StoreErrorKind, resolve};
use gitops_fn::secret::wants::Wants;
use gitops_fn::store::Store;
use gitops_fn::vault::auth::LeftBehind;

use super::streams::{Refusal, say};

/// How long a login may go on after a signal.
const GRACE: Duration = Duration::from_secs(2);

/// How often the runtime has its turn before the caller goes on: enough to find a signal that has come, and
/// for a request to be sent over a connection that is open. Where it is not, it is sent at the end.
const TURNS: usize = 4;

/// A runtime on this thread alone. From its start on no SIGTERM, SIGINT or SIGHUP is lost: one that comes while
/// nothing is awaited is found by [`Session::let_go`], from where on the next one ends the process. Its end
/// waits until the token of the run is given back.
pub(crate) struct Session {
    runtime: Runtime,
    stop: Stop,
    farewell: Option<JoinHandle<Option<LeftBehind>>>,
}

struct Stop {
    terminate: Signal,
    interrupt: Signal,
    /// The terminal has gone; nothing where whoever started us wants us to outlive it (`nohup`).
    hangup: Option<Signal>,
    come: bool,
    /// Whether the next one ends the process.
    deadly: Arc<AtomicBool>,
}

impl Stop {
    fn new() -> io::Result<Self> {
        let deadly = Arc::new(AtomicBool::new(false));
        let heard = |kind: SignalKind| {
            let heard = signal(kind)?;
            register_conditional_default(kind.as_raw_value(), Arc::clone(&deadly))?;
            Ok::<_, io::Error>(heard)
        };
        Ok(Self {
            terminate: heard(SignalKind::terminate())?,
            interrupt: heard(SignalKind::interrupt())?,
            hangup: (!ignores_hangup())
                .then(|| heard(SignalKind::hangup()))
                .transpose()?,
            come: false,
            deadly,
        })
    }

    async fn wait(&mut self) {
        if !self.come {
            let hangup = async {
                match &mut self.hangup {
                    Some(hangup) => hangup.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = self.terminate.recv() => {}
                _ = self.interrupt.recv() => {}
                _ = hangup => {}
            }
            self.come = true;
        }
    }
}

impl Session {
    pub(crate) fn new() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let guard = runtime.enter();
        let stop = Stop::new()?;
        drop(guard);
        Ok(Self {
            runtime,
            stop,
            farewell: None,
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
        self.farewell = Some(self.runtime.spawn(async move { store.close().await }));
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

    /// Ends it before the output: nothing is left to give back, and its reader may never read on, so from
    /// here a signal ends the process as it ends one that has no session.
    ///
    /// # Errors
    /// A signal has come.
    pub(crate) fn let_go(&mut self) -> Result<(), Refusal> {
        self.part();
        self.stop.deadly.store(true, Ordering::SeqCst);
        if self.is_stopped() {
            return Err(vec![stopped()].into());
        }
        Ok(())
    }

    /// Waits until the token is given back, and says so if it could not be: a warning, since the output
    /// is right all the same.
    fn part(&mut self) {
        if let Some(farewell) = self.farewell.take()
            && let Ok(Some(left)) = self.runtime.block_on(farewell)
        {
            let warning = Finding::new(Severity::Warning, left.message(), left.help());
            say(&report::text(&[warning]));
        }
    }

    fn is_stopped(&mut self) -> bool {
        self.run(turns()).is_none()
    }
}

async fn turns() {
    for _ in 0..TURNS {
        yield_now().await;
    }
}

/// What there is to say when a signal has ended the work.
pub(crate) fn stopped() -> Finding {
    Finding::error("stopped by a signal (transient)", "run it again").exiting(3)
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

/// Whether SIGHUP is ignored, as the kernel shows it: bit 0 of a mask in hexadecimal digits. Elsewhere
/// than on Linux it is taken not to be.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let last = ignored.and_then(|mask| mask.trim().chars().last()?.to_digit(16));
    last.is_some_and(|digit| digit & 1 == 1)
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
