//! What a command writes to standard output, and how it ends then.

use std::io::{self, Write};

use gitops_fn::clock::Clock;
use gitops_fn::finding::{Finding, text};
use gitops_fn::policy::judge::Judge;
use gitops_fn::resolve::SecretStore as _;
use gitops_fn::store::Store;
use gitops_fn::{Input, Outcome, Output};

use super::refusal::Refusal;
use super::session::Session;
use super::signals::Signals;
use super::streams::say;

/// Says what there is to say and writes the output, if there is any; the exit code.
///
/// The clock is asked last before the output, which then goes as fast as it is read; whoever started us may
/// have given up already.
pub(crate) fn finish(
    outcome: &Outcome,
    input: &Input,
    judge: &Judge<'_>,
    store: &Store,
    clock: &Clock,
    write: impl FnOnce(&Output<'_>) -> Result<(), Refusal>,
) -> Result<u8, Refusal> {
    let warning = store
        .warning()
        .map(|warning| Finding::warning(warning.message, warning.help));
    say(&text::stderr(outcome.findings.iter().chain(&warning)));
    if let Some(output) = outcome.output(input, judge, clock)? {
        clock.check().map_err(Finding::from)?;
        write(&output)?;
    }
    Ok(outcome.exit_code())
}

/// Writes the output to standard output, where the work of the session, if there is one, has ended.
pub(crate) fn print_outcome(
    output: &Output<'_>,
    session: Option<&mut Session>,
    signals: &Signals,
) -> Result<(), Refusal> {
    if let Some(session) = session {
        session.finish_closing();
    }
    // its reader may never read on
    signals.restore_defaults()?;
    let mut out = io::BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    let written = output.write(&mut out).and_then(|()| out.flush());
    readable(written)
}

/// Writes to standard output.
pub(crate) fn print(text: &[u8]) -> Result<(), Refusal> {
    readable(io::stdout().lock().write_all(text))
}

/// A reader that has gone away is no failure of ours.
fn readable(written: io::Result<()>) -> Result<(), Refusal> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|error| {
            let help = "see whether its disk is full; what was written is not whole";
            Refusal::system("cannot write to standard output", &error, help)
        }),
    }
}
