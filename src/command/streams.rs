//! Standard output and standard error, and how a command ends.

use std::fmt::Display;
use std::io::{self, Write};

use gitops_fn::clock::{Clock, Stop};
use gitops_fn::document::Problem;
use gitops_fn::finding::{Finding, Severity};
use gitops_fn::finding::{exit_code, text};
use gitops_fn::policy::judge::Judge;
use gitops_fn::resolve::SecretStore as _;
use gitops_fn::settings::SettingsError;
use gitops_fn::source::{SourceError, Sources};
use gitops_fn::store::Store;
use gitops_fn::untrusted_text::{lines, one_line};
use gitops_fn::vault::environment::SettingProblem;
use gitops_fn::{Input, Outcome, Output};

use super::session::Session;
use super::signals::Signals;

/// Why a command ends before it has anything to write: what there is to say, and the exit code.
pub(crate) struct Refusal {
    text: String,
    code: u8,
}

impl Refusal {
    /// The command cannot be run as it was asked for: exit code 2.
    pub(crate) fn usage(fact: impl Display, help: &str) -> Self {
        let (fact, help) = (one_line(&fact.to_string()), one_line(help));
        Self {
            text: format!("error: {fact}\nhelp: {help}\n"),
            code: 2,
        }
    }

    /// The system does not let us do something: exit code 2.
    pub(crate) fn system(what: impl Display, error: &io::Error, help: &str) -> Self {
        Self::usage(format_args!("{what}: {error}"), help)
    }

    /// The same with another exit code.
    pub(crate) fn exiting(self, code: u8) -> Self {
        Self { code, ..self }
    }

    /// Says it; the exit code.
    pub(crate) fn end(self) -> u8 {
        say(&self.text);
        self.code
    }
}

impl From<Vec<Finding>> for Refusal {
    fn from(findings: Vec<Finding>) -> Self {
        Self {
            text: text::stderr(&findings),
            code: exit_code(&findings),
        }
    }
}

/// The run is stopped.
impl From<Stop> for Refusal {
    fn from(stop: Stop) -> Self {
        vec![Finding::from(stop)].into()
    }
}

/// A configuration or a policy that cannot be used.
impl From<Vec<Problem>> for Refusal {
    fn from(problems: Vec<Problem>) -> Self {
        unusable(problems, |problem| problem.help)
    }
}

/// Settings of the environment that cannot be used.
impl From<Vec<SettingsError>> for Refusal {
    fn from(errors: Vec<SettingsError>) -> Self {
        unusable(errors, |error| error.help().to_owned())
    }
}

/// Settings of the server that cannot be used.
impl From<Vec<SettingProblem>> for Refusal {
    fn from(problems: Vec<SettingProblem>) -> Self {
        unusable(problems, |problem| problem.help())
    }
}

/// All of what makes a run impossible as it is configured: exit code 2.
fn unusable<P: Display>(problems: Vec<P>, help: impl Fn(P) -> String) -> Refusal {
    let finding = |problem: P| Finding::error(problem.to_string(), help(problem)).exiting(2);
    let findings: Vec<_> = problems.into_iter().map(finding).collect();
    findings.into()
}

/// A line for each file that cannot be read.
impl From<SourceError> for Refusal {
    fn from(error: SourceError) -> Self {
        let fact = error.to_string();
        let finding = |fact| Finding::error(fact, error.help()).exiting(error.exit_code());
        fact.lines().map(finding).collect::<Vec<_>>().into()
    }
}

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
        .map(|warning| Finding::new(Severity::Warning, warning.message, warning.help));
    say(&text::stderr(outcome.findings.iter().chain(&warning)));
    if let Some(output) = outcome.output(input, judge, clock)? {
        clock.check()?;
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
        session.part();
    }
    // its reader may never read on
    signals.let_go()?;
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

/// Says what was noticed while the input was read.
pub(crate) fn say_notes(sources: &Sources) {
    for note in &sources.notes {
        say(&format!("warning: {}\n", one_line(note)));
    }
}

/// Says it on standard error, where nothing is hidden whoever has written it. It may be closed; then there is nobody to
/// tell.
pub(crate) fn say(text: &str) {
    let _ = io::stderr().lock().write_all(lines(text).as_bytes());
}

/// Standard error for the log.
pub(crate) struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        say(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
