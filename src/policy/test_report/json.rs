//! The report as JSON, for programs.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Report;
use crate::policy::identity::Variable;
use crate::untrusted_text;

impl Report<'_> {
    /// The report as JSON.
    #[must_use]
    pub fn json(&self) -> String {
        let identity: Map<String, Value> = Variable::ALL
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
                let object = finding.object();
                json!({
                    "object": object.map(|(subject, _)| subject.identity.to_string()),
                    "field": object.map_or("", |(_, field)| field),
                    "placeholder": finding.placeholder,
                    "reason": finding.to_string(),
                })
            })
            .collect();
        let report = json!({
            "application": identity,
            "functionMode": self.question.function,
            "store": self.store().into_iter().collect::<BTreeMap<_, _>>(),
            "secretsMode": self.secrets_mode(),
            "paths": paths,
            "sinks": self.sinks(),
            "matchDestinationNamespace": self.policy.match_destination_namespace,
            "enable": self.enabled().into_iter().collect::<BTreeMap<_, _>>(),
            "limits": self.limits().into_iter().collect::<BTreeMap<_, _>>(),
            "deadlineSeconds": self.policy.deadline.as_secs_f64(),
            "credentialsSecrets": self.policy.credentials_secrets,
            "verdicts": verdicts,
            "manifests": manifests,
            "allowed": self.allows(),
        });
        untrusted_text::json(&format!("{report:#}\n"))
    }
}
