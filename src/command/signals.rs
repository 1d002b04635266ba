//! The signals that end a run: SIGTERM, SIGINT and SIGHUP.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::flag::{register, register_conditional_default};
use tokio::signal::unix::SignalKind;

use gitops_fn::clock::Stop;
use gitops_fn::finding::Finding;

use super::refusal::Refusal;

/// Hears the signals, from its making on. What is at work asks whether one has come ([`gitops_fn::clock`]);
/// what awaits something listens for itself.
pub(crate) struct Signals {
    heard: Vec<SignalKind>,
    come: Arc<AtomicBool>,
    /// Whether the next one ends the process.
    deadly: Arc<AtomicBool>,
}

impl Signals {
    /// Make it when the input is read: whoever waits for that is ended as any other process.
    ///
    /// # Errors
    /// Signals cannot be heard.
    pub(crate) fn hear() -> Result<Self, Refusal> {
        let mut heard = vec![SignalKind::terminate(), SignalKind::interrupt()];
        // the terminal has gone; not where whoever started us wants us to outlive it (`nohup`)
        if !ignores_hangup() {
            heard.push(SignalKind::hangup());
        }
        let signals = Self {
            heard,
            come: Arc::default(),
            deadly: Arc::default(),
        };
        signals.register().map_err(|error| {
            let help = "more open files or memory may be needed";
            Refusal::system("cannot start", &error, help)
        })?;
        Ok(signals)
    }

    fn register(&self) -> io::Result<()> {
        for signal in self.heard().map(|kind| kind.as_raw_value()) {
            register_conditional_default(signal, Arc::clone(&self.deadly))?;
            register(signal, Arc::clone(&self.come))?;
        }
        Ok(())
    }

    /// Those that are heard.
    pub(crate) fn heard(&self) -> impl Iterator<Item = SignalKind> {
        self.heard.iter().copied()
    }

    /// Set when one has come.
    pub(crate) fn come(&self) -> &Arc<AtomicBool> {
        &self.come
    }

    /// From here a signal ends the process as it ends any other: what is left to do may wait for somebody else
    /// for ever, and nothing is to be given back.
    ///
    /// # Errors
    /// A signal has come before.
    pub(crate) fn let_go(&self) -> Result<(), Refusal> {
        self.deadly.store(true, Ordering::SeqCst);
        if self.come.load(Ordering::SeqCst) {
            return Err(Finding::from(Stop::Signal).into());
        }
        Ok(())
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
