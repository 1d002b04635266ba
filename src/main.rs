//! The `gitops-fn` command: arguments, environment, log, exit code. Only this file and `command/` may read the
//! environment or print.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

mod command;

use clap::Parser;

use command::output::print;
use command::refusal::Refusal;
use command::streams::{Log, say};
use gitops_fn::cli::{self, Cli, Command, Format, Kind, PolicyCommand, Render, Schema};
use gitops_fn::config::reference;
use gitops_fn::finding::text;
use gitops_fn::kustomize::helm;
use gitops_fn::kustomize::sandbox::hide;
use gitops_fn::policy;
use gitops_fn::policy::identity::Identity;
use gitops_fn::policy::judge::Judge;
use gitops_fn::settings::{AVP_SECRET, Settings, Variable};
use gitops_fn::untrusted_text::one_line;

fn main() -> ExitCode {
    // first: until then, every process of the same user can read our environment
    hide();
    std::panic::set_hook(Box::new(|info| say(&text::crash(info.location()))));
    if helm::is_meant(std::env::args_os().next().as_deref()) {
        return ExitCode::from(command::helm::run());
    }
    let begun = Instant::now();
    let done = match Cli::try_parse() {
        Ok(cli) => run(&cli, begun).unwrap_or_else(Refusal::end),
        Err(error) => help_or_usage(&error),
    };
    ExitCode::from(done)
}

/// Prints clap's message and returns the exit code: 2 for wrong arguments, 0 for help or the version.
fn help_or_usage(error: &clap::Error) -> u8 {
    if error.use_stderr() {
        say(&error.render().to_string());
        return 2;
    }
    let _ = error.print();
    0
}

/// Runs the command and returns its exit code. `begun` is when the process started, from which the deadline counts.
fn run(cli: &Cli, begun: Instant) -> Result<u8, Refusal> {
    match &cli.command {
        Some(Command::Schema(Schema { kind, format })) => {
            let text = match (kind, format) {
                (Kind::Release, Format::Json) => reference::schema_json(),
                (Kind::Release, Format::Markdown) => reference::reference_markdown(),
                (Kind::Policy, Format::Json) => policy::reference::schema_json(),
                (Kind::Policy, Format::Markdown) => policy::reference::reference_markdown(),
            };
            print(text.as_bytes())?;
            Ok(0)
        }
        Some(Command::Policy(PolicyCommand::Test(asked))) => command::policy::test(asked),
        Some(Command::Completions { shell }) => {
            print(&cli::completions(*shell))?;
            Ok(0)
        }
        Some(Command::Render(Render { paths, .. }))
            if paths.is_empty() && io::stdin().is_terminal() =>
        {
            Err(Refusal::usage(
                "nothing to render",
                "name files or directories, or pipe manifests in",
            ))
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
            command::render::run(arguments, settings, judge, begun)
        }),
        None => with_settings(cli, true, |settings, judge| {
            command::render::function(settings, judge, begun)
        }),
    }
}

/// Reads the environment and the operator's policy, and calls `run` with them.
///
/// `function` is true for a KRM function, whose environment the repository controls.
fn with_settings(
    cli: &Cli,
    function: bool,
    run: impl FnOnce(&Settings, &Judge<'_>) -> Result<u8, Refusal>,
) -> Result<u8, Refusal> {
    let policy = policy::load::load(Path::new(policy::load::PATH))?;
    let mut settings = Settings::from_vars(std::env::vars_os())?;
    start_log(cli.verbose, settings.log.as_deref());
    if let (Some(policy), Some(name)) = (&policy, &settings.avp_secret)
        && policy.allows_credentials_secret(name)
    {
        settings.ignored.retain(|name| name != AVP_SECRET);
    }
    if !settings.ignored.is_empty() {
        say(&format!(
            "warning: ignored, since credentials never come from plugin parameters: {}\n",
            one_line(&settings.ignored.join(", "))
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

/// Starts the log on standard error at the higher of two levels: the count of `-v` and the setting.
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
    // only our own target: other crates log headers and bodies
    let _ = tracing_subscriber::registry()
        .with(
            tracing_subscriber::fmt::layer()
                .with_writer(|| Log)
                .without_time(),
        )
        .with(Targets::new().with_target("gitops_fn", level))
        .try_init();
}
