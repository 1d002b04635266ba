//! The `gitops-fn` command: arguments, environment, standard streams, exit code. Nothing else in the
//! program reads the environment or prints.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

use gitops_fn::cli::{self, Cli, Command, Credentials, Format, Render, Schema};
use gitops_fn::cluster::CredentialsSecret;
use gitops_fn::config::{self, schema};
use gitops_fn::krm::result::{Finding, Severity};
use gitops_fn::resolve::{Resolved, resolve};
use gitops_fn::secret::SecretRef;
use gitops_fn::settings::{Settings, StoreSetting};
use gitops_fn::source::{self, Source, SourceError};
use gitops_fn::store::Store;
use gitops_fn::store::file::FileStore;
use gitops_fn::store::vault::VaultStore;
use gitops_fn::{Outcome, output, report};

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|info| say(&report::crash(info.location()))));
    match run(&Cli::parse()) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            say(&format!("error: {error:#}\n"));
            ExitCode::from(2)
        }
    }
}

fn run(cli: &Cli) -> Result<u8> {
    match &cli.command {
        Some(Command::Schema(Schema { format })) => {
            let text = match format {
                Format::Json => schema::schema_json(),
                Format::Markdown => schema::reference_markdown(),
            };
            print(text.as_bytes())?;
            Ok(0)
        }
        Some(Command::Completions { shell }) => {
            print(&cli::completions(*shell))?;
            Ok(0)
        }
        Some(Command::Render(Render { paths, .. }))
            if paths.is_empty() && io::stdin().is_terminal() =>
        {
            say(
                "error: nothing to render\nhelp: name files or directories, or pipe manifests in\n",
            );
            Ok(2)
        }
        None if io::stdin().is_terminal() => {
            say(&cli::help());
            Ok(2)
        }
        Some(Command::Render(arguments)) => {
            with_settings(cli, |settings| render(arguments, settings))
        }
        None => with_settings(cli, function),
    }
}

/// Reads the environment once, and reports what is wrong with it.
fn with_settings(cli: &Cli, run: impl FnOnce(&Settings) -> Result<u8>) -> Result<u8> {
    match Settings::from_vars(std::env::vars_os()) {
        Ok(settings) => {
            start_log(cli.verbose, settings.log.as_deref());
            if !settings.ignored.is_empty() {
                say(&format!(
                    "warning: ignored, since credentials never come from plugin parameters: {}\n",
                    settings.ignored.join(", ")
                ));
            }
            run(&settings)
        }
        Err(errors) => {
            let findings: Vec<_> = errors
                .iter()
                .map(|error| Finding::error(error.to_string(), error.help()).exiting(2))
                .collect();
            say(&report::text(&findings));
            Ok(2)
        }
    }
}

fn function(settings: &Settings) -> Result<u8> {
    let sources = match source::read(&["-".into()], io::stdin().lock()) {
        Ok(sources) => sources.list,
        Err(error) => return Ok(refuse(&error, error.exit_code())),
    };
    let Some(source) = sources.first() else {
        return Ok(2);
    };
    let store = store(settings, None);
    let outcome = gitops_fn::function(source, settings, |wants| resolve_now(wants, &store));
    finish(&outcome, &store, || print_outcome(&outcome, &sources))
}

fn render(arguments: &Render, settings: &Settings) -> Result<u8> {
    let config = match &arguments.config {
        Some(path) => {
            let text = match source::read(std::slice::from_ref(path), io::stdin().lock()) {
                Ok(sources) => sources
                    .list
                    .into_iter()
                    .map(|source| source.text)
                    .collect::<String>(),
                Err(error) => return Ok(refuse(&error, 2)),
            };
            config::from_file(&text, settings)
        }
        None => config::from_environment(settings),
    };
    let config = match config {
        Ok(config) => config,
        Err(problems) => {
            let findings: Vec<_> = problems
                .iter()
                .map(|problem| Finding::error(problem.to_string(), problem.help.clone()))
                .collect();
            say(&report::text(&findings));
            return Ok(2);
        }
    };
    let sources = match source::read(&arguments.paths, io::stdin().lock()) {
        Ok(sources) => sources,
        Err(error) => return Ok(refuse(&error, error.exit_code())),
    };
    for note in &sources.notes {
        say(&format!("warning: {note}\n"));
    }
    let store = match store_of(settings, &arguments.credentials) {
        Ok(store) => store,
        Err(text) => {
            say(text);
            return Ok(2);
        }
    };
    let outcome = gitops_fn::render(&sources.list, &config, settings, |wants| {
        resolve_now(wants, &store)
    });
    finish(&outcome, &store, || match &arguments.output {
        Some(path) => output::write_file(path, |out| outcome.write(&sources.list, out))
            .with_context(|| format!("cannot write {}", path.display())),
        None => print_outcome(&outcome, &sources.list),
    })
}

/// Says what there is to say and writes the output, if there is any.
fn finish(outcome: &Outcome, store: &Store, write: impl FnOnce() -> Result<()>) -> Result<u8> {
    let warning = store
        .warning()
        .map(|warning| Finding::new(Severity::Warning, warning, ""));
    say(&report::text(outcome.findings.iter().chain(&warning)));
    if outcome.has_output() {
        write()?;
    }
    Ok(outcome.exit_code())
}

fn store(settings: &Settings, credentials: Option<CredentialsSecret>) -> Store {
    match &settings.store {
        StoreSetting::File(path) => Store::File(FileStore::new(path)),
        StoreSetting::Unset if credentials.is_none() => Store::Unset,
        StoreSetting::Vault | StoreSetting::Unset => Store::Vault(Box::new(VaultStore::new(
            settings.vault.clone(),
            credentials,
        ))),
    }
}

/// The store, with the credentials of a Secret if one is named.
fn store_of(settings: &Settings, credentials: &Credentials) -> Result<Store, &'static str> {
    let Some(name) = credentials.secret.clone() else {
        return Ok(store(settings, None));
    };
    if matches!(settings.store, StoreSetting::File(_)) {
        return Err(
            "error: --credentials-secret holds credentials for a server, and VAULT_ADDR names a file\nhelp: leave one of them out\n",
        );
    }
    let server = settings.cluster.clone();
    Ok(store(settings, Some(CredentialsSecret { name, server })))
}

/// Starts a runtime for the reads; called only when a secret is wanted. A signal ends the reads, and the
/// token of the run is given back all the same.
fn resolve_now(wants: &BTreeSet<SecretRef>, store: &Store) -> Resolved {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    else {
        return Resolved::default();
    };
    runtime.block_on(async {
        let resolved = tokio::select! {
            resolved = resolve(wants, store) => resolved,
            () = stop_signal() => Resolved::interrupted(wants),
        };
        store.close().await;
        resolved
    })
}

/// Waits for SIGTERM or SIGINT.
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) {
        (Ok(mut terminate), Ok(mut interrupt)) => tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        },
        _ => std::future::pending().await,
    }
}

fn start_log(verbose: u8, setting: Option<&str>) {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;
    let named = setting
        .and_then(|level| level.parse().ok())
        .unwrap_or(LevelFilter::OFF);
    let level = match verbose {
        0 => named,
        1 => LevelFilter::INFO.max(named),
        2 => LevelFilter::DEBUG.max(named),
        _ => LevelFilter::TRACE,
    };
    if level == LevelFilter::OFF {
        return;
    }
    // our own target alone: other crates log headers and bodies
    let _ = tracing_subscriber::registry()
        .with(
            tracing_subscriber::fmt::layer()
                .with_writer(io::stderr)
                .without_time(),
        )
        .with(Targets::new().with_target("gitops_fn", level))
        .try_init();
}

fn print_outcome(outcome: &Outcome, sources: &[Source]) -> Result<()> {
    let mut out = io::BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    let written = outcome.write(sources, &mut out).and_then(|()| out.flush());
    readable(written)
}

fn print(text: &[u8]) -> Result<()> {
    readable(io::stdout().lock().write_all(text))
}

/// A reader that has gone away is no failure of ours.
fn readable(written: io::Result<()>) -> Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}

fn refuse(error: &SourceError, code: u8) -> u8 {
    say(&format!("error: {error}\nhelp: {}\n", error.help()));
    code
}

/// Standard error may be closed; then there is nobody to tell.
fn say(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
