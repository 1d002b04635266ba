//! `gitops-fn policy test`: what a policy comes to for one Application, as data and as a table.

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

/// What is asked of a policy.
#[derive(Debug, Default)]
pub struct Question {
    /// Of which Application.
    pub identity: Identity,
    /// As a KRM function.
    pub function: bool,
    /// Whether these paths may be read.
    pub paths: Vec<String>,
    /// Whether a value may be placed there: `APIVERSION:KIND:FIELD`.
    pub sinks: Vec<String>,
}

/// One answer.
struct Verdict {
    /// What was asked.
    about: String,
    /// The rule or the part of the policy that allows it.
    outcome: Result<String, Finding>,
}

/// What a policy comes to for one Application.
pub struct Report<'p> {
    policy: &'p Policy,
    question: Question,
    judge: Judge<'p>,
    verdicts: Vec<Verdict>,
    findings: Vec<Finding>,
}

/// A sink that is no `APIVERSION:KIND:FIELD`.
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
    /// Judges what is asked.
    ///
    /// # Errors
    /// [`SinkForm`] for a sink of another form.
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

    /// The judge, for manifests.
    #[must_use]
    pub fn judge(&self) -> &Judge<'p> {
        &self.judge
    }

    /// Takes what was found in manifests.
    pub fn add(&mut self, findings: Vec<Finding>) {
        let errors = findings
            .into_iter()
            .filter(|finding| finding.severity == Severity::Error);
        self.findings.extend(errors);
    }

    /// Whether nothing that was asked is denied.
    #[must_use]
    pub fn allows(&self) -> bool {
        self.findings.is_empty() && self.verdicts.iter().all(|one| one.outcome.is_ok())
    }

    /// The rules: name, template, and the path for this Application or why there is none.
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

    /// Where secrets are read and who we are there, for this Application.
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

    /// What becomes of the Application's placeholders.
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
