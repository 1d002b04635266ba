//! `gitops-fn build`: the plugin command of Argo CD.

use std::env;
use std::io::{self, Write as _};
use std::time::Instant;

use anyhow::{Context as _, Result};

use gitops_fn::build::sandbox::{Unconfined, hide};
use gitops_fn::build::{self, Failed, Options, Prepared, Release, namehash};
use gitops_fn::cli::Build;
use gitops_fn::config::{self, Config, ConfigProblem};
use gitops_fn::krm::result::Finding;
use gitops_fn::policy::decide::Judge;
use gitops_fn::policy::{Limits, Sandbox};
use gitops_fn::report;
use gitops_fn::settings::{Settings, Variable};
use gitops_fn::source::{self, Source};

use crate::{
    finish, misconfigured, print_outcome, refuse, resolve_now, runtime, say, stop_signal, store_of,
};

/// Longest output of kustomize where no policy says so: 256 MiB.
const LONGEST: u64 = 256 << 20;

/// Prepares, runs kustomize, and renders what it has printed.
pub(crate) fn run(
    arguments: &Build,
    settings: &Settings,
    judge: &Judge<'_>,
    begun: Instant,
) -> Result<u8> {
    hide();
    let options = match options(arguments, settings, judge, begun)? {
        Ok(options) => options,
        Err(findings) => return Ok(report(&findings)),
    };
    let prepared = match build::prepare(&options) {
        Ok(prepared) => prepared,
        Err(findings) => return Ok(report(&findings)),
    };
    let config = match config(arguments, &prepared, settings)? {
        Ok(config) => config,
        Err(problems) => return Ok(misconfigured(&problems)),
    };
    let store = match store_of(settings, judge, &arguments.credentials, Some(begun)) {
        Ok(store) => store,
        Err(text) => {
            say(text);
            return Ok(2);
        }
    };
    let mut sources = if prepared.kustomize {
        match manifests(&prepared, &options)? {
            Ok(source) => vec![source],
            Err(finding) => return Ok(report(&[finding])),
        }
    } else {
        let folder = std::slice::from_ref(&prepared.folder);
        match source::read_within(folder, io::empty(), options.longest) {
            Ok(sources) => {
                for note in &sources.notes {
                    say(&format!("warning: {note}\n"));
                }
                sources.list
            }
            Err(error) => return Ok(refuse(&error, error.exit_code())),
        }
    };
    say(&report::text(&prepared.findings));
    let mut outcome = gitops_fn::render(&sources, &config, settings, judge, |wants| {
        resolve_now(wants, &store)
    });
    if let (true, [printed]) = (prepared.kustomize, &mut *sources)
        && let Some(text) = outcome.text(printed)
    {
        let renamed = namehash::rename(&printed.text, &text);
        printed.text = text;
        outcome = outcome.then(renamed.splices, renamed.findings);
    }
    finish(&outcome, &store, || print_outcome(&outcome, &sources))
}

fn report(findings: &[Finding]) -> u8 {
    say(&report::text(findings));
    report::exit_code(findings)
}

/// What the arguments ask for, as far as the operator's policy lets them.
fn options(
    arguments: &Build,
    settings: &Settings,
    judge: &Judge<'_>,
    begun: Instant,
) -> Result<Result<Options, Vec<Finding>>> {
    let deadline = match settings.vault.deadline() {
        Ok(deadline) => deadline,
        Err(problems) => {
            let finding = |problem: &gitops_fn::settings::vault::SettingProblem| {
                Finding::error(problem.to_string(), problem.help.clone()).exiting(2)
            };
            return Ok(Err(problems.iter().map(finding).collect()));
        }
    };
    let policy = judge.policy();
    let source_path = match settings.variable("ARGOCD_APP_SOURCE_PATH") {
        Variable::Set(path) => Some(path.to_owned()),
        _ => None,
    };
    Ok(Ok(Options {
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
            .map_or(LONGEST, |limits: &Limits| limits.input_bytes),
        deadline: begun + deadline,
        temporary: env::temp_dir(),
        ourselves: env::current_exe().context("our own program is not to be found")?,
        path: env::var_os("PATH").unwrap_or_default(),
    }))
}

/// The Release: `-f` before all that the repository says.
fn config(
    arguments: &Build,
    prepared: &Prepared,
    settings: &Settings,
) -> Result<Result<Config, Vec<ConfigProblem>>> {
    if let Some(path) = &arguments.config {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        return Ok(config::from_file(&text, settings));
    }
    Ok(match &prepared.release {
        Release::File(text) => config::from_file(text, settings),
        Release::Entry(text) => config::from_function_config(Some(text), settings),
        Release::Environment => config::from_environment(settings),
    })
}

/// What kustomize prints; its messages are passed on.
fn manifests(prepared: &Prepared, options: &Options) -> Result<Result<Source, Finding>> {
    let built = runtime()?.block_on(build::kustomize(prepared, options, stop_signal()));
    let pass_on = |messages: &[u8]| {
        let _ = io::stderr().lock().write_all(messages);
    };
    Ok(match built {
        Ok(built) => {
            pass_on(&built.messages);
            Ok(Source {
                name: "kustomize".to_owned(),
                text: built.text,
            })
        }
        Err(Failed { messages, finding }) => {
            pass_on(&messages);
            Err(*finding)
        }
    })
}
