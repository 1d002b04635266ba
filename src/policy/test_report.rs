//! `gitops-fn policy test`: what a policy allows one Application, as JSON and as a table.

mod json;
mod table;

use super::identity::Identity;
use super::judge::Judge;
use super::mode::SecretsMode;
use super::sink::{Sink, Step, Target};
use super::{Policy, Sandbox};
use crate::explain::Explain;
use crate::finding::{Finding, Severity};
use crate::settings::StoreSetting;

/// What the user asks about a policy.
#[derive(Debug, Default)]
pub struct Question {
    /// The Application.
    pub identity: Identity,
    /// Whether the run is a KRM function.
    pub function: bool,
    /// Paths of secrets: may they be read?
    pub paths: Vec<String>,
    /// Fields, each as `APIVERSION:KIND:FIELD`: may they hold a value?
    pub sinks: Vec<String>,
}

/// The answer about one path or field.
struct Verdict {
    /// The path or field, as the user wrote it.
    about: String,
    /// The rule or part of the policy that allows it, or the denial.
    outcome: Result<String, Finding>,
}

/// What a policy allows one Application.
pub struct Report<'p> {
    policy: &'p Policy,
    question: Question,
    judge: Judge<'p>,
    verdicts: Vec<Verdict>,
    findings: Vec<Finding>,
}

/// The error for a field that is not written as `APIVERSION:KIND:FIELD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sink is not APIVERSION:KIND:FIELD")]
pub struct SinkForm;

impl Explain for SinkForm {
    fn help(&self) -> String {
        "write it as v1:ConfigMap:data/key".to_owned()
    }

    fn exit_code(&self) -> u8 {
        2
    }
}

impl<'p> Report<'p> {
    /// Answers the question. Manifests are judged separately: see [`Report::judge`] and [`Report::add`].
    ///
    /// # Errors
    /// [`SinkForm`] for a field that is not written as `APIVERSION:KIND:FIELD`.
    pub fn new(policy: &'p Policy, question: Question) -> Result<Self, SinkForm> {
        let asked = if policy.enable.file_store {
            StoreSetting::File("secrets.yaml".into())
        } else {
            StoreSetting::Unset
        };
        let identity = question.identity.clone();
        let judge = Judge::new(Some(policy), identity, question.function, &asked);
        let mut verdicts = Vec::new();
        for path in &question.paths {
            let outcome = judge.path(path.trim().trim_matches('/'), None);
            verdicts.push(Verdict {
                about: path.clone(),
                outcome: outcome.map(|rule| format!("rule {}", rule.unwrap_or_default())),
            });
        }
        for sink in &question.sinks {
            let mut parts = sink.splitn(3, ':');
            let (Some(api_version), Some(kind), Some(field)) =
                (parts.next(), parts.next(), parts.next())
            else {
                return Err(SinkForm);
            };
            let path: Vec<_> = field.split('/').map(Some).collect();
            let target = Target {
                api_version,
                kind,
                namespace: "",
                path: &path,
            };
            let by = if target.is_secret_data() {
                "the default"
            } else {
                "spec.sinks"
            };
            verdicts.push(Verdict {
                about: sink.clone(),
                outcome: judge.sink(&target).map(|()| by.to_owned()),
            });
        }
        Ok(Self {
            policy,
            question,
            judge,
            verdicts,
            findings: Vec::new(),
        })
    }

    /// The judge that findings in manifests come from.
    #[must_use]
    pub fn judge(&self) -> &Judge<'p> {
        &self.judge
    }

    /// Adds the errors found in manifests; warnings are left out.
    pub fn add(&mut self, findings: Vec<Finding>) {
        let errors = findings
            .into_iter()
            .filter(|finding| finding.severity == Severity::Error);
        self.findings.extend(errors);
    }

    /// Whether everything that was asked is allowed, and the manifests are free of errors.
    #[must_use]
    pub fn allows(&self) -> bool {
        self.findings.is_empty() && self.verdicts.iter().all(|one| one.outcome.is_ok())
    }

    /// All rules: the name, the template, and either the path for this Application or why nothing matches.
    fn paths(&self) -> Vec<(&'p str, String, Result<String, &'static str>)> {
        let closed = self.question.function && !self.policy.enable.function_mode;
        let nobody = Identity::default();
        let identity = if self.question.function {
            &nobody
        } else {
            &self.question.identity
        };
        let mut found = Vec::new();
        for rule in &self.policy.rules {
            for template in &rule.templates {
                let expanded = template.expanded(&self.policy.mounts, identity);
                let outcome = if closed {
                    Err("nothing is read in function mode")
                } else if !self.judge.is_for(rule.projects.as_deref()) {
                    Err("not for this project")
                } else {
                    expanded.ok_or("a variable is unset, or not one plain segment")
                };
                found.push((
                    rule.name.as_str(),
                    template.shown(&self.policy.mounts),
                    outcome,
                ));
            }
        }
        found
    }

    fn sinks(&self) -> Vec<String> {
        let own = ["v1 Secret data/*", "v1 Secret stringData/*"].map(str::to_owned);
        let listed = self.policy.sinks.iter().flat_map(|sink: &Sink| {
            let name = format!("{} {}", sink.api_version, sink.kind);
            sink.fields
                .iter()
                .map(move |field| format!("{name} {}", shown(field)))
        });
        own.into_iter().chain(listed).collect()
    }

    /// Where secrets are read for this Application, and as whom; empty if no store is configured.
    fn store(&self) -> Vec<(&'static str, String)> {
        if self.policy.enable.file_store {
            let file = self.policy.secrets_file.as_deref();
            let file = file.map_or_else(
                || "named by the environment".to_owned(),
                |file| file.display().to_string(),
            );
            return vec![("file", file)];
        }
        let Some(vault) = &self.policy.vault else {
            return Vec::new();
        };
        let identity = if self.question.function {
            Identity::default()
        } else {
            self.question.identity.clone()
        };
        vault.summary(&identity)
    }

    /// The mode of this Application's placeholders.
    fn secrets_mode(&self) -> &'static str {
        match self.judge.secrets_mode() {
            SecretsMode::Resolve => "resolve",
            SecretsMode::Keep => "keep",
            SecretsMode::Forbidden => "forbidden",
        }
    }

    fn enabled(&self) -> [(&'static str, bool); 7] {
        let enable = &self.policy.enable;
        [
            ("helm", enable.helm),
            ("remoteCharts", enable.remote_charts),
            ("keep", enable.keep),
            ("jsonPathFilters", enable.json_path_filters),
            ("fileStore", enable.file_store),
            ("functionMode", enable.function_mode),
            ("sandboxOptional", self.policy.sandbox == Sandbox::Optional),
        ]
    }

    fn limits(&self) -> [(&'static str, u64); 7] {
        let limits = &self.policy.limits;
        [
            ("inputBytes", limits.input_bytes),
            ("placeholders", limits.placeholders),
            ("paths", limits.paths),
            ("secretBytes", limits.secret_bytes),
            ("secretsBytes", limits.secrets_bytes),
            ("childMemoryBytes", limits.child_memory_bytes),
            ("outputBytes", limits.output_bytes),
        ]
    }
}

fn shown(field: &[Step]) -> String {
    let steps: Vec<_> = field
        .iter()
        .map(|step| match step {
            Step::Key(key) => key.as_str(),
            Step::Any => "*",
        })
        .collect();
    steps.join("/")
}
