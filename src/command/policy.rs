//! `gitops-fn policy test`: reports what a policy allows, before it is put in force.

use gitops_fn::Input;
use gitops_fn::cli::{self, PolicyTest};
use gitops_fn::clock::Clock;
use gitops_fn::config::Config;
use gitops_fn::finding::{Finding, text};
use gitops_fn::policy;
use gitops_fn::policy::identity::Identity;
use gitops_fn::policy::test_report::{Question, Report};
use gitops_fn::settings::Settings;
use gitops_fn::source;
use gitops_fn::unrelated;

use super::input;
use super::output::print;
use super::refusal::Refusal;
use super::streams::{say, say_notes};

/// Prints what the policy allows. Returns exit code 1 if it denies something that was asked for, and 0 otherwise.
pub(crate) fn test(asked: &PolicyTest) -> Result<u8, Refusal> {
    if !asked.manifests.is_empty() {
        input::once(&asked.policy, &asked.manifests)?;
    }
    let text = input::file(&asked.policy)?;
    let policy = policy::load::parse(&text, &asked.policy.display().to_string())?;
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
    let mut answer = Report::new(&policy, question).map_err(Finding::from)?;
    if !asked.manifests.is_empty() {
        let sources = source::read(
            &asked.manifests,
            std::io::stdin().lock(),
            source::DEFAULT_LIMIT,
        )?;
        let sources = unrelated::leave_out(sources, false, &Clock::default())?;
        say_notes(&sources);
        let (config, settings) = (Config::default(), Settings::default());
        let findings = match Input::new(sources.list, answer.judge(), &Clock::default()) {
            Ok(input) => gitops_fn::judged(&input, &config, &settings, answer.judge()),
            Err(findings) => findings,
        };
        say(&text::stderr(&findings));
        answer.add(findings);
    }
    let text = match asked.output {
        cli::Report::Table => answer.table(),
        cli::Report::Json => answer.json(),
    };
    print(text.as_bytes())?;
    Ok(u8::from(!answer.allows()))
}
