//! `gitops-fn build`: the plugin command of Argo CD.

use std::env;
use std::sync::Arc;
use std::time::Instant;

use gitops_fn::Input;
use gitops_fn::cli::Build;
use gitops_fn::clock::{Clock, Stop};
use gitops_fn::config::{self, Config};
use gitops_fn::finding::Finding;
use gitops_fn::finding::text;
use gitops_fn::kustomize::sandbox::Unconfined;
use gitops_fn::kustomize::{self, Options, Prepared, Release};
use gitops_fn::namehash;
use gitops_fn::policy::judge::Judge;
use gitops_fn::policy::{Limits, Sandbox};
use gitops_fn::settings::{Settings, Variable};
use gitops_fn::source::{Limit, Source};
use gitops_fn::unrelated;

use super::output::{finish, print_outcome};
use super::refusal::Refusal;
use super::session::Session;
use super::signals::Signals;
use super::streams::{say, say_notes};
use super::{input, store};

/// The maximum size of kustomize's output if no policy sets one: 256 MiB.
const LONGEST: Limit = Limit::BuiltIn(256 << 20);

/// Runs kustomize, renders its output, and writes the result to standard output. Returns the exit code.
pub(crate) fn run(
    arguments: &Build,
    settings: &Settings,
    judge: &Judge<'_>,
    begun: Instant,
) -> Result<u8, Refusal> {
    let signals = Signals::listen()?;
    let mut session = Session::new(&signals).map_err(|error| {
        let help = "more open files or memory may be needed";
        Refusal::system("cannot start", &error, help)
    })?;
    let options = options(arguments, settings, judge, begun)?;
    let end = Some(options.deadline);
    let clock = Clock::new(end, Arc::clone(signals.received()));
    let prepared = kustomize::prepare(&options)?;
    let config = config(arguments, &prepared, settings)?;
    let store = store::of_arguments(settings, judge, &arguments.credentials, begun)?;
    let kustomize = prepared.kustomize;
    let sources = manifests(&mut session, prepared, &options, arguments, &clock)?;
    let mut input = Input::new(sources, judge, &clock)?.built();
    let mut outcome = gitops_fn::render(&input, &config, settings, judge, &clock, |wants| {
        session.resolve(wants, &store)
    });
    if let (true, Some(printed), Some(text)) =
        (kustomize, input.sources().first(), outcome.text(&input))
    {
        let renamed = namehash::rename(&printed.text, &text, outcome.edits(), &clock);
        outcome = outcome.then(&mut input, text, renamed.splices, renamed.findings);
    }
    finish(&outcome, &input, judge, &store, &clock, |output| {
        print_outcome(output, Some(&mut session), &signals)
    })
}

/// The options of the build: the operator's policy, if there is one, overrides the arguments.
fn options(
    arguments: &Build,
    settings: &Settings,
    judge: &Judge<'_>,
    begun: Instant,
) -> Result<Options, Refusal> {
    let deadline = settings.vault.deadline()?;
    let policy = judge.policy();
    let source_path = match settings.variable("ARGOCD_APP_SOURCE_PATH") {
        Variable::Set(path) => Some(path.to_owned()),
        _ => None,
    };
    Ok(Options {
        folder: arguments.folder.clone(),
        root: arguments.root.clone(),
        source_path,
        helm: policy.map_or(arguments.enable_helm, |policy| policy.enable.helm),
        remote_charts: policy.is_some_and(|policy| policy.enable.remote_charts),
        unconfined: match policy.map(|policy| policy.sandbox) {
            None => Unconfined::Warn,
            Some(Sandbox::Required) => Unconfined::Refuse,
            Some(Sandbox::Optional) => Unconfined::Accept,
        },
        longest: judge
            .limits()
            .map_or(LONGEST, |limits: &Limits| Limit::Policy(limits.input_bytes)),
        memory: judge
            .limits()
            .unwrap_or(&Limits::DEFAULT)
            .child_memory_bytes,
        deadline: begun + deadline,
        temporary: env::temp_dir(),
        ourselves: env::current_exe().map_err(|error| {
            let help =
                "build starts itself once more as the child that it confines: /proc is needed";
            Refusal::system("our own program is not to be found", &error, help)
        })?,
        path: env::var_os("PATH").unwrap_or_default(),
        log: tracing::enabled!(target: "gitops_fn", tracing::Level::INFO),
    })
}

/// The configuration of the build: the file of `-f`, or else the Release of the repository.
fn config(arguments: &Build, prepared: &Prepared, settings: &Settings) -> Result<Config, Refusal> {
    if let Some(path) = &arguments.config {
        let text = input::file(path)?;
        return Ok(config::from_file(&text, settings)?);
    }
    Ok(match &prepared.release {
        Release::File(text) => config::from_file(text, settings),
        Release::Entry(text) => config::from_function_config(Some(text), settings),
        Release::Environment => config::from_environment(settings),
    }?)
}

/// The manifests: the output of kustomize, or the files of the folder. Prints the messages of kustomize and all
/// warnings to standard error.
fn manifests(
    session: &mut Session,
    mut prepared: Prepared,
    options: &Options,
    arguments: &Build,
    clock: &Clock,
) -> Result<Vec<Source>, Refusal> {
    if !prepared.kustomize {
        let sources = kustomize::plain(options, arguments.config.as_deref())?;
        let sources = unrelated::leave_out(sources, arguments.strict, clock)?;
        say_notes(&sources);
        return Ok(sources.list);
    }
    let mut findings = std::mem::take(&mut prepared.findings);
    let built = session
        .run(kustomize::kustomize(&prepared, options))
        .unwrap_or_else(|| Err(Finding::from(Stop::Signal).into()));
    match built {
        Ok(built) => {
            pass_on(&built.messages);
            say(&text::stderr(&findings));
            Ok(vec![Source {
                name: "kustomize".to_owned(),
                text: built.text,
                found: false,
            }])
        }
        Err(failed) => {
            pass_on(&failed.messages);
            let told = failed.findings.is_empty();
            findings.extend(failed.findings);
            let refusal = Refusal::from(findings);
            // without findings, the child process has printed why kustomize was not started
            Err(if told { refusal.exiting(2) } else { refusal })
        }
    }
}

/// Prints the messages of kustomize. The repository can influence them, and Argo CD shows them, so invisible characters
/// are escaped.
fn pass_on(messages: &[u8]) {
    say(&String::from_utf8_lossy(messages));
}
