//! The KRM function and `gitops-fn render`, which read manifests and write rendered ones.

use std::fs;
use std::sync::Arc;
use std::time::Instant;

use gitops_fn::Input;
use gitops_fn::cli::Render;
use gitops_fn::clock::Clock;
use gitops_fn::config;
use gitops_fn::output;
use gitops_fn::policy::judge::Judge;
use gitops_fn::resolve::{Resolved, StoreError, StoreErrorKind};
use gitops_fn::secret::wants::Wants;
use gitops_fn::settings::Settings;
use gitops_fn::store::Store;
use gitops_fn::unrelated;

use super::output::{finish, print_outcome};
use super::refusal::Refusal;
use super::session::Session;
use super::signals::Signals;
use super::streams::say_notes;
use super::{input, store};

/// Runs as a KRM function: renders the ResourceList on standard input. Returns the exit code.
pub(crate) fn function(
    settings: &Settings,
    judge: &Judge<'_>,
    begun: Instant,
) -> Result<u8, Refusal> {
    let end = begun + settings.vault.deadline()?;
    let sources = input::manifests(&["-".into()], None, judge)?;
    let signals = Signals::listen()?;
    let clock = Clock::new(Some(end), Arc::clone(signals.received()));
    let input = Input::new(sources.list, judge, &clock)?;
    let store = store::of_settings(settings, judge, None, begun);
    let mut session = None;
    let outcome = gitops_fn::function(&input, settings, judge, &clock, |wants| {
        resolve(&mut session, wants, &store, &signals)
    });
    finish(&outcome, &input, judge, &store, &clock, |output| {
        print_outcome(output, session.as_mut(), &signals)
    })
}

/// `gitops-fn render`: renders plain manifests. Returns the exit code.
pub(crate) fn run(
    arguments: &Render,
    settings: &Settings,
    judge: &Judge<'_>,
    begun: Instant,
) -> Result<u8, Refusal> {
    let end = begun + settings.vault.deadline()?;
    if let Some(path) = arguments.output.as_deref()
        && output::is_open_already(path)
    {
        let fact = format!("cannot write {}: it is open already", path.display());
        let help = "leave -o out: without it the manifests go to standard output, for which a shell has > and >>";
        return Err(Refusal::usage(fact, help));
    }
    let config = match &arguments.config {
        Some(path) => {
            input::once(path, &arguments.paths)?;
            let text = input::file(path)?;
            config::from_file(&text, settings)?
        }
        None => config::from_environment(settings)?,
    };
    let sources = input::manifests(&arguments.paths, arguments.config.as_ref(), judge)?;
    let signals = Signals::listen()?;
    let clock = Clock::new(Some(end), Arc::clone(signals.received()));
    let sources = unrelated::leave_out(sources, arguments.strict, &clock)?;
    say_notes(&sources);
    let input = Input::new(sources.list, judge, &clock)?.allow_empty(arguments.allow_empty);
    let store = store::of_arguments(settings, judge, &arguments.credentials, begun)?;
    let mut session = None;
    let outcome = gitops_fn::render(&input, &config, settings, judge, &clock, |wants| {
        resolve(&mut session, wants, &store, &signals)
    });
    finish(
        &outcome,
        &input,
        judge,
        &store,
        &clock,
        |text| match &arguments.output {
            Some(path) => {
                // a pipe may have no reader, so signals must end the process; a file must not be left half written
                if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
                    signals.restore_defaults()?;
                }
                output::write_file(path, |out| text.write(out)).map_err(|error| {
                    let help = "name a file in a folder that exists and may be written to";
                    Refusal::system(format!("cannot write {}", path.display()), &error, help)
                })
            }
            None => print_outcome(text, session.as_mut(), &signals),
        },
    )
}

/// Starts a session and reads the secrets. It is called only if a secret is needed; the caller keeps the session until
/// the end of the run.
fn resolve(
    session: &mut Option<Session>,
    wants: &Wants,
    store: &Arc<Store>,
    signals: &Signals,
) -> Resolved {
    match Session::new(signals) {
        Ok(new) => session.insert(new).resolve(wants, store),
        Err(error) => Resolved::unread(
            wants,
            &StoreError {
                kind: StoreErrorKind::Transient,
                message: format!("reading cannot start: {error} (transient)"),
                help: "more open files or memory may be needed".to_owned(),
            },
        ),
    }
}
