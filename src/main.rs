//! The `gitops-fn` command: arguments, environment, standard streams, exit code. Nothing else in the
//! program reads the environment or prints.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

mod command;

use anyhow::{Context, Result};
use clap::Parser;

use gitops_fn::build::sandbox::hide;
use gitops_fn::cli::{
    self, Cli, Command, Credentials, Format, Kind, PolicyCommand, PolicyTest, Render, Schema,
};
use gitops_fn::cluster::CredentialsSecret;
use gitops_fn::config::{self, Config, ConfigProblem, schema};
use gitops_fn::krm::result::{Finding, Severity};
use gitops_fn::policy;
use gitops_fn::policy::decide::Judge;
use gitops_fn::policy::explain::{Question, Report};
use gitops_fn::policy::identity::Identity;
use gitops_fn::resolve::Resolved;
use gitops_fn::secret::SecretRef;
use gitops_fn::settings::cluster::SecretName;
use gitops_fn::settings::{AVP_SECRET, Settings, StoreSetting, Variable};
use gitops_fn::source::{self, Limit, Source, SourceError, Sources};
use gitops_fn::store::Store;
use gitops_fn::store::file::FileStore;
use gitops_fn::store::vault::VaultStore;
use gitops_fn::{Outcome, output, report};

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|info| say(&report::crash(info.location()))));
    let begun = Instant::now();
    match run(&Cli::parse(), begun) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            say(&format!("error: {error:#}\n"));
            ExitCode::from(2)
        }
    }
}

fn run(cli: &Cli, begun: Instant) -> Result<u8> {
    match &cli.command {
        Some(Command::Schema(Schema { kind, format })) => {
            let text = match (kind, format) {
                (Kind::Release, Format::Json) => schema::schema_json(),
                (Kind::Release, Format::Markdown) => schema::reference_markdown(),
                (Kind::Policy, Format::Json) => policy::page::schema_json(),
                (Kind::Policy, Format::Markdown) => policy::page::reference_markdown(),
            };
            print(text.as_bytes())?;
            Ok(0)
        }
        Some(Command::Policy(PolicyCommand::Test(asked))) => policy_test(asked),
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
        Some(Command::Child(arguments)) => Ok(command::child::run(arguments)),
        Some(Command::Build(arguments)) => with_settings(cli, false, |settings, judge| {
            command::build::run(arguments, settings, judge, begun)
        }),
        Some(Command::Render(arguments)) => with_settings(cli, false, |settings, judge| {
            render(arguments, settings, judge)
        }),
        None => with_settings(cli, true, function),
    }
}

/// Reads the environment and the operator's policy once, and reports what is wrong with them.
///
/// `function`: as a KRM function, whose environment the repository can set.
fn with_settings(
    cli: &Cli,
    function: bool,
    run: impl FnOnce(&Settings, &Judge<'_>) -> Result<u8>,
) -> Result<u8> {
    // before there is anything to see
    hide();
    let policy = match policy::load::load(Path::new(policy::load::PATH)) {
        Ok(policy) => policy,
        Err(problems) => return Ok(misconfigured(&problems)),
    };
    match Settings::from_vars(std::env::vars_os()) {
        Ok(mut settings) => {
            start_log(cli.verbose, settings.log.as_deref());
            if let (Some(policy), Some(name)) = (&policy, &settings.avp_secret)
                && policy.allows_credentials_secret(name)
            {
                settings.ignored.retain(|name| name != AVP_SECRET);
            }
            if !settings.ignored.is_empty() {
                say(&format!(
                    "warning: ignored, since credentials never come from plugin parameters: {}\n",
                    settings.ignored.join(", ")
                ));
            }
            let identity = Identity::read(|name| match settings.variable(name) {
                Variable::Set(value) => Some(value.to_owned()),
                _ => None,
            });
            let judge = Judge::new(policy.as_ref(), identity, function, &settings.store);
            judge.govern(&mut settings);
            run(&settings, &judge)
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

/// Says what is wrong with a configuration or a policy.
fn misconfigured(problems: &[ConfigProblem]) -> u8 {
    let findings: Vec<_> = problems
        .iter()
        .map(|problem| Finding::error(problem.to_string(), problem.help.clone()).exiting(2))
        .collect();
    say(&report::text(&findings));
    2
}

fn policy_test(asked: &PolicyTest) -> Result<u8> {
    let text = match source::read_one(&asked.policy, io::stdin().lock()) {
        Ok(text) => text,
        Err(error) => return Ok(refuse(&error, 2)),
    };
    let policy = match policy::load::parse(&text, &asked.policy.display().to_string()) {
        Ok(policy) => policy,
        Err(problems) => return Ok(misconfigured(&problems)),
    };
    let question = Question {
        identity: Identity {
            project: asked.project.clone(),
            name: asked.app.clone(),
            namespace: asked.namespace.clone(),
        },
        function: asked.function,
        paths: asked.paths.clone(),
        sinks: asked.sinks.clone(),
    };
    let mut answer = match Report::new(&policy, question) {
        Ok(answer) => answer,
        Err(error) => {
            say(&format!(
                "error: {error}\nhelp: write it as v1:ConfigMap:data/key\n"
            ));
            return Ok(2);
        }
    };
    if !asked.manifests.is_empty() {
        let sources = match source::read(&asked.manifests, io::stdin().lock(), source::MOST) {
            Ok(sources) => sources.list,
            Err(error) => return Ok(refuse(&error, error.exit_code())),
        };
        let (config, settings) = (Config::default(), Settings::default());
        let findings = gitops_fn::judged(&sources, &config, &settings, answer.judge());
        say(&report::text(&findings));
        answer.add(findings);
    }
    let text = match asked.output {
        cli::Report::Table => answer.table(),
        cli::Report::Json => answer.json(),
    };
    print(text.as_bytes())?;
    Ok(u8::from(!answer.allows()))
}

/// Reads what is named, as far as the policy lets it be read.
fn input(paths: &[PathBuf], judge: &Judge<'_>) -> Result<Sources, SourceError> {
    let limits = judge.limits();
    let most = limits.map_or(source::MOST, |limits| Limit::Policy(limits.input_bytes));
    source::read(paths, io::stdin().lock(), most)
}

fn function(settings: &Settings, judge: &Judge<'_>) -> Result<u8> {
    let sources = match input(&["-".into()], judge) {
        Ok(sources) => sources.list,
        Err(error) => return Ok(refuse(&error, error.exit_code())),
    };
    let Some(source) = sources.first() else {
        return Ok(2);
    };
    let store = store(settings, None, None);
    let outcome = gitops_fn::function(source, settings, judge, |wants| resolve_now(wants, &store));
    finish(&outcome, &store, || print_outcome(&outcome, &sources))
}

fn render(arguments: &Render, settings: &Settings, judge: &Judge<'_>) -> Result<u8> {
    let config = match &arguments.config {
        Some(path) => {
            let text = match source::read_one(path, io::stdin().lock()) {
                Ok(text) => text,
                Err(error) => return Ok(refuse(&error, 2)),
            };
            config::from_file(&text, settings)
        }
        None => config::from_environment(settings),
    };
    let config = match config {
        Ok(config) => config,
        Err(problems) => return Ok(misconfigured(&problems)),
    };
    let sources = match input(&arguments.paths, judge) {
        Ok(sources) => sources,
        Err(error) => return Ok(refuse(&error, error.exit_code())),
    };
    for note in &sources.notes {
        say(&format!("warning: {note}\n"));
    }
    let store = match store_of(settings, judge, &arguments.credentials, None) {
        Ok(store) => store,
        Err(text) => {
            say(text);
            return Ok(2);
        }
    };
    let outcome = gitops_fn::render(&sources.list, &config, settings, judge, |wants| {
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

fn store(
    settings: &Settings,
    credentials: Option<CredentialsSecret>,
    begun: Option<Instant>,
) -> Store {
    match &settings.store {
        StoreSetting::File(path) => Store::File(FileStore::new(path)),
        StoreSetting::Unset if credentials.is_none() => Store::Unset,
        StoreSetting::Vault | StoreSetting::Unset => Store::Vault(Box::new(VaultStore::new(
            settings.vault.clone(),
            credentials,
            begun,
        ))),
    }
}

/// The store, with the credentials of a Secret if one is named.
fn store_of(
    settings: &Settings,
    judge: &Judge<'_>,
    credentials: &Credentials,
    begun: Option<Instant>,
) -> Result<Store, &'static str> {
    let listed = settings.avp_secret.as_deref().filter(|name| {
        judge
            .policy()
            .is_some_and(|policy| policy.allows_credentials_secret(name))
    });
    let named = credentials
        .secret
        .clone()
        .or_else(|| SecretName::parse(listed?));
    let Some(name) = named else {
        return Ok(store(settings, None, begun));
    };
    if matches!(settings.store, StoreSetting::File(_)) {
        return Err(
            "error: --credentials-secret holds credentials for a server, and VAULT_ADDR names a file\nhelp: leave one of them out\n",
        );
    }
    let server = settings.cluster.clone();
    Ok(store(
        settings,
        Some(CredentialsSecret { name, server }),
        begun,
    ))
}

/// Starts a runtime for the reads; called only when a secret is wanted.
fn resolve_now(wants: &BTreeSet<SecretRef>, store: &Store) -> Resolved {
    command::session::Session::new().map_or_else(
        |_| Resolved::default(),
        |mut session| session.resolve(wants, store),
    )
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
