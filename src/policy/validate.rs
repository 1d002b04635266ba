//! Validates the policy document and turns it into a [`Policy`].

mod modes;
mod rules;

use std::path::PathBuf;
use std::time::Duration;

use super::identity::is_literal;
use super::mode::Modes;
use super::problems::Problems;
use super::sink::Sink;
use super::template::Mount;
use super::{Enable, Limits, Policy, Sandbox, raw, server};
use crate::clock;
use crate::secret::KvVersion;
use crate::vault::setting::value;

/// Validates the `spec` of a `Policy`. All problems are added to `problems`; if there are any, the result must not be
/// used.
pub(super) fn spec(spec: raw::Spec, problems: &mut Problems) -> Policy {
    let file_store = matches!(spec.store, Some(raw::Store::File));
    let mounts = rules::mounts(spec.mounts.as_deref().unwrap_or_default(), problems);
    if file_store && mounts.iter().any(|mount| mount.path.contains('/')) {
        let help = "the file store knows mounts of one segment alone";
        problems.add("spec.mounts", "a mount has several segments", help);
    }
    // the file store treats `kv/a` and `kv/data/a` as the same secret in every mount
    let judged: Vec<Mount> = mounts
        .iter()
        .cloned()
        .map(|mount| Mount {
            version: if file_store {
                KvVersion::V2
            } else {
                mount.version
            },
            ..mount
        })
        .collect();
    let rules = rules::rules(spec.allow.as_deref().unwrap_or_default(), &judged, problems);
    let allows = spec.allow.as_ref().is_some_and(|rules| !rules.is_empty());
    if spec.vault.is_none() && allows && !file_store {
        let help = "say where the server is and how to log in, or set store: file";
        problems.add("spec.vault", "missing", help);
    }
    if spec.vault.is_some() && file_store {
        let help = "leave it out, or leave store: file out";
        problems.add("spec.vault", "has no effect beside store: file", help);
    }
    let (limits, deadline) = limits(&spec.limits.unwrap_or_default(), problems);
    let enable = spec.enable.unwrap_or_default();
    if enable.remote_charts == Some(true) && enable.helm != Some(true) {
        let help = "set spec.enable.helm: true too, or leave this out";
        problems.add(
            "spec.enable.remoteCharts",
            "has no effect without helm",
            help,
        );
    }
    Policy {
        vault: spec.vault.as_ref().map(|raw| server::read(raw, problems)),
        secrets_file: secrets_file(spec.secrets_file, file_store, problems),
        rules,
        modes: Modes {
            rules: modes::rules(spec.secrets_modes.as_deref().unwrap_or_default(), problems),
            otherwise: spec.secrets_mode.unwrap_or_default(),
        },
        sinks: sinks(&spec.sinks.unwrap_or_default(), problems),
        mounts: judged,
        match_destination_namespace: spec.match_destination_namespace.unwrap_or_default(),
        limits,
        enable: Enable {
            helm: enable.helm.unwrap_or_default(),
            remote_charts: enable.remote_charts.unwrap_or_default(),
            file_store,
            keep: enable.keep.unwrap_or_default(),
            json_path_filters: enable.json_path_filters.unwrap_or_default(),
            function_mode: matches!(spec.function_mode, Some(raw::Verdict::Allow)),
        },
        deadline,
        sandbox: match spec.sandbox {
            Some(raw::Sandbox::Optional) => Sandbox::Optional,
            Some(raw::Sandbox::Required) | None => Sandbox::Required,
        },
        credentials_secrets: credentials(spec.credentials_secrets.unwrap_or_default(), problems),
    }
}

fn sinks(raw: &[raw::Sink], problems: &mut Problems) -> Vec<Sink> {
    let mut sinks = Vec::new();
    for (index, raw) in raw.iter().enumerate() {
        let at = format!("spec.sinks[{index}]");
        for (name, text) in [("apiVersion", &raw.api_version), ("kind", &raw.kind)] {
            let plain = |text: &str| text.split('/').all(is_literal);
            if text.as_deref().is_some_and(|text| !plain(text)) {
                let help = "write it as manifests do; it is never a pattern";
                problems.add(&format!("{at}.{name}"), "not a plain name", help);
            }
        }
        let fields = raw.fields.as_deref().unwrap_or_default();
        if raw.fields.is_some() && fields.is_empty() {
            problems.add(&format!("{at}.fields"), "empty", "list at least one field");
        }
        let mut read = Vec::new();
        for (number, field) in fields.iter().enumerate() {
            match Sink::parse_field(field) {
                Ok(field) => read.push(field),
                Err(error) => problems.push(&format!("{at}.fields[{number}]"), error),
            }
        }
        sinks.push(Sink {
            api_version: raw.api_version.clone().unwrap_or_default(),
            kind: raw.kind.clone().unwrap_or_default(),
            fields: read,
        });
    }
    sinks
}

fn limits(raw: &raw::Limits, problems: &mut Problems) -> (Limits, Duration) {
    let mut limit = |name: &str, value: Option<u64>, default: u64| {
        if value == Some(0) {
            let help = "write how much is allowed; allow nothing by listing no rule";
            problems.add(&format!("spec.limits.{name}"), "zero", help);
        }
        value.unwrap_or(default)
    };
    let default = Limits::DEFAULT;
    let limits = Limits {
        input_bytes: limit("inputBytes", raw.input_bytes, default.input_bytes),
        placeholders: limit("placeholders", raw.placeholders, default.placeholders),
        paths: limit("paths", raw.paths, default.paths),
        secret_bytes: limit("secretBytes", raw.secret_bytes, default.secret_bytes),
        secrets_bytes: limit("secretsBytes", raw.secrets_bytes, default.secrets_bytes),
        child_memory_bytes: limit(
            "childMemoryBytes",
            raw.child_memory_bytes,
            default.child_memory_bytes,
        ),
        output_bytes: limit("outputBytes", raw.output_bytes, default.output_bytes),
    };
    let deadline = match raw.deadline.as_deref().map(value::duration) {
        None => clock::DEADLINE,
        Some(Ok(deadline)) => deadline,
        Some(Err(bad)) => {
            problems.bad_value("spec.limits.deadline", &bad);
            clock::DEADLINE
        }
    };
    (limits, deadline)
}

fn secrets_file(raw: Option<String>, file_store: bool, problems: &mut Problems) -> Option<PathBuf> {
    let at = "spec.secretsFile";
    let path = raw?;
    if !file_store {
        problems.add(at, "has no effect without store: file", "leave it out");
    } else if !path.starts_with('/') || path.contains('\0') {
        let help = "a relative one would lie in the repository";
        problems.add(at, "not an absolute path", help);
    }
    Some(PathBuf::from(path))
}

fn credentials(raw: Vec<String>, problems: &mut Problems) -> Vec<String> {
    for (index, name) in raw.iter().enumerate() {
        let mut parts = name.split(':');
        let plain = parts.clone().count() <= 2 && parts.all(is_literal);
        if !plain {
            problems.add(
                &format!("spec.credentialsSecrets[{index}]"),
                "neither NAME nor NAMESPACE:NAME",
                "write the Secret's name, with its namespace in front perhaps; it is never a pattern",
            );
        }
    }
    raw
}
