//! `gitops-fn policy test`: what a policy comes to for one Application, as data and as a table.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::decide::{Denial, Judge};
use super::identity::{Identity, Variable};
use super::sink::{Sink, Step, Target};
use super::{Policy, Sandbox};
use crate::krm::result::{Finding, Severity};
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
    outcome: Result<String, Denial>,
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

impl<'p> Report<'p> {
    /// Judges what is asked.
    ///
    /// # Errors
    /// [`SinkForm`] for a sink of another form.
    pub fn new(policy: &'p Policy, question: Question) -> Result<Self, SinkForm> {
        let asked = match policy.enable.file_store {
            true => StoreSetting::File("secrets.yaml".into()),
            false => StoreSetting::Unset,
        };
        let identity = question.identity.clone();
        let judge = Judge::new(Some(policy), identity, question.function, &asked);
        let mut verdicts = Vec::new();
        for path in &question.paths {
            let outcome = judge.path(path.trim(), None);
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

    fn store(&self) -> String {
        if self.policy.enable.file_store {
            let file = self.policy.secrets_file.as_deref();
            return file.map_or_else(
                || "a file that the environment names".to_owned(),
                |file| format!("file {}", file.display()),
            );
        }
        let Some(vault) = &self.policy.vault else {
            return "none".to_owned();
        };
        let mut text = vault.setting("VAULT_ADDR").unwrap_or_default().to_owned();
        for (name, what) in [
            ("VAULT_NAMESPACE", "namespace"),
            ("VAULT_AUTH_METHOD", "login"),
            ("VAULT_AUTH_ROLE", "role"),
        ] {
            if let Some(value) = vault.setting(name) {
                let _ = write!(text, ", {what} {value}");
            }
        }
        text
    }

    fn enabled(&self) -> [(&'static str, bool); 6] {
        let enable = &self.policy.enable;
        [
            ("helm", enable.helm),
            ("remoteCharts", enable.remote_charts),
            ("keep", enable.keep),
            ("fileStore", enable.file_store),
            ("functionMode", enable.function_mode),
            ("sandboxOptional", self.policy.sandbox == Sandbox::Optional),
        ]
    }

    fn limits(&self) -> [(&'static str, u64); 4] {
        let limits = &self.policy.limits;
        [
            ("inputBytes", limits.input_bytes),
            ("placeholders", limits.placeholders),
            ("paths", limits.paths),
            ("secretBytes", limits.secret_bytes),
        ]
    }

    /// The report as JSON.
    #[must_use]
    pub fn json(&self) -> String {
        let identity: serde_json::Map<String, Value> = Variable::ALL
            .into_iter()
            .map(|one| {
                (
                    one.name().to_owned(),
                    json!(self.question.identity.value(one)),
                )
            })
            .collect();
        let paths: Vec<_> = self
            .paths()
            .into_iter()
            .map(|(rule, template, outcome)| match outcome {
                Ok(path) => json!({"rule": rule, "template": template, "path": path}),
                Err(why) => {
                    json!({"rule": rule, "template": template, "path": null, "reason": why})
                }
            })
            .collect();
        let verdicts: Vec<_> = self
            .verdicts
            .iter()
            .map(|one| match &one.outcome {
                Ok(by) => json!({"asked": one.about, "allowed": true, "by": by}),
                Err(denial) => {
                    json!({"asked": one.about, "allowed": false, "reason": denial.message})
                }
            })
            .collect();
        let manifests: Vec<_> = self
            .findings
            .iter()
            .map(|finding| {
                json!({
                    "object": finding.subject.as_ref().map(|subject| subject.identity.to_string()),
                    "field": finding.field,
                    "placeholder": finding.placeholder,
                    "reason": finding.message,
                })
            })
            .collect();
        let report = json!({
            "application": identity,
            "functionMode": self.question.function,
            "store": self.store(),
            "paths": paths,
            "sinks": self.sinks(),
            "matchDestinationNamespace": self.policy.match_destination_namespace,
            "enable": self.enabled().into_iter().collect::<std::collections::BTreeMap<_, _>>(),
            "limits": self.limits().into_iter().collect::<std::collections::BTreeMap<_, _>>(),
            "deadlineSeconds": self.policy.deadline.as_secs_f64(),
            "credentialsSecrets": self.policy.credentials_secrets,
            "verdicts": verdicts,
            "manifests": manifests,
            "allowed": self.allows(),
        });
        format!("{report:#}\n")
    }

    /// The report as a table, without the manifests' findings.
    #[must_use]
    pub fn table(&self) -> String {
        let mut rows: Vec<[String; 3]> = Vec::new();
        let mut row = |one: &str, two: &str, three: &str| {
            rows.push([one, two, three].map(str::to_owned));
        };
        for variable in Variable::ALL {
            let value = self.question.identity.value(variable);
            row("application", variable.name(), value.unwrap_or("(unset)"));
        }
        row("store", &self.store(), "");
        for (rule, template, outcome) in self.paths() {
            match outcome {
                Ok(path) => row("path", &path, &format!("rule {rule}")),
                Err(why) => row("no path", &template, &format!("rule {rule}: {why}")),
            }
        }
        for sink in self.sinks() {
            row("sink", &sink, "");
        }
        if self.policy.match_destination_namespace {
            row("sink", "in the destination namespace alone", "");
        }
        for (name, enabled) in self.enabled() {
            row("enable", name, if enabled { "yes" } else { "no" });
        }
        for (name, limit) in self.limits() {
            row("limit", name, &limit.to_string());
        }
        row("limit", "deadline", &format!("{:?}", self.policy.deadline));
        for name in &self.policy.credentials_secrets {
            row("credentials", name, "");
        }
        for verdict in &self.verdicts {
            match &verdict.outcome {
                Ok(by) => row("ALLOWED", &verdict.about, by),
                Err(denial) => row("DENIED", &verdict.about, &denial.message),
            }
        }
        aligned(&rows)
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

/// Columns of one width each.
fn aligned(rows: &[[String; 3]]) -> String {
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or_default()
    };
    let (first, second) = (width(0), width(1));
    let lines = rows.iter().map(|[one, two, three]| {
        format!("{one:first$}  {two:second$}  {three}")
            .trim_end()
            .to_owned()
            + "\n"
    });
    lines.collect()
}
