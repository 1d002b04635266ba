//! Writes the output of a command, and determines its exit code.

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

/// Prints the findings, writes the output with `write` if there is any, and returns the exit code.
///
/// The deadline is checked just before writing, since the caller may have given up by then. It does not limit the
/// writing, which takes as long as the reader does.
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

/// Writes the output to standard output, once the session, if there is one, has revoked its token.
pub(crate) fn print_outcome(
    output: &Output<'_>,
    session: Option<&mut Session>,
    signals: &Signals,
) -> Result<(), Refusal> {
    if let Some(session) = session {
        session.finish_closing();
    }
    // the reader may stop reading without closing, so signals must end the process
    signals.restore_defaults()?;
    let mut out = io::BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    let written = output.write(&mut out).and_then(|()| out.flush());
    readable(written)
}

/// Writes to standard output.
pub(crate) fn print(text: &[u8]) -> Result<(), Refusal> {
    readable(io::stdout().lock().write_all(text))
}

/// Maps an error of writing to standard output. A reader that has closed it is not an error.
fn readable(written: io::Result<()>) -> Result<(), Refusal> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|error| {
            let help = "see whether its disk is full; what was written is not whole";
            Refusal::system("cannot write to standard output", &error, help)
        }),
    }
}
