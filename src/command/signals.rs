//! The signals that end a run: SIGTERM, SIGINT and SIGHUP.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::flag::{register, register_conditional_default};
use tokio::signal::unix::SignalKind;

use gitops_fn::clock::Stop;
use gitops_fn::finding::Finding;

use super::refusal::Refusal;

/// Handles the signals from its creation on. Code that computes checks whether one has been received
/// ([`gitops_fn::clock`]); code that awaits listens for them itself.
pub(crate) struct Signals {
    kinds: Vec<SignalKind>,
    received: Arc<AtomicBool>,
    /// Whether the next signal ends the process at once.
    fatal: Arc<AtomicBool>,
}

impl Signals {
    /// Starts to handle the signals. Call it after reading the input, so that a process that waits for input ends at a
    /// signal by default.
    ///
    /// # Errors
    /// A [`Refusal`] if the handlers cannot be registered.
    pub(crate) fn listen() -> Result<Self, Refusal> {
        let mut kinds = vec![SignalKind::terminate(), SignalKind::interrupt()];
        // SIGHUP: the terminal was closed. Under `nohup` it is ignored and stays so
        if !ignores_hangup() {
            kinds.push(SignalKind::hangup());
        }
        let signals = Self {
            kinds,
            received: Arc::default(),
            fatal: Arc::default(),
        };
        signals.register().map_err(|error| {
            let help = "more open files or memory may be needed";
            Refusal::system("cannot start", &error, help)
        })?;
        Ok(signals)
    }

    fn register(&self) -> io::Result<()> {
        for signal in self.kinds().map(|kind| kind.as_raw_value()) {
            register_conditional_default(signal, Arc::clone(&self.fatal))?;
            register(signal, Arc::clone(&self.received))?;
        }
        Ok(())
    }

    /// The signals that end a run.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = SignalKind> {
        self.kinds.iter().copied()
    }

    /// Whether a signal has been received.
    pub(crate) fn received(&self) -> &Arc<AtomicBool> {
        &self.received
    }

    /// Lets the next signal end the process at once. Call it before writing, which may wait for a reader forever, and
    /// when no token is left to revoke.
    ///
    /// # Errors
    /// A [`Refusal`] if a signal has been received already.
    pub(crate) fn restore_defaults(&self) -> Result<(), Refusal> {
        self.fatal.store(true, Ordering::SeqCst);
        if self.received.load(Ordering::SeqCst) {
            return Err(Finding::from(Stop::Signal).into());
        }
        Ok(())
    }
}

/// Whether SIGHUP is ignored: bit 0 of the hexadecimal mask `SigIgn` in `/proc/self/status`. False on systems without
/// that file.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let last = ignored.and_then(|mask| mask.trim().chars().last()?.to_digit(16));
    last.is_some_and(|digit| digit & 1 == 1)
}
