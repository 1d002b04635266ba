//! The `ConfigMap` form: one text for each key, as kpt makes it from `-- key=value` and from `configMap:`.

use serde_yaml::{Mapping, Value};

use super::grammar;
use super::release::{Reader, short_rules};
use super::{ANNOTATION, Config, ImageRule, Repository, Secrets, SecretsMode};
use crate::document::check::{unknown_field, wrong_type};

/// The keys with their descriptions for the reference page.
pub(super) const KEYS: [(&str, &str); 6] = [
    ("repository", "`spec.repository.url`. Takes `${NAME}`."),
    ("repositoryAnnotation", "`spec.repository.annotation`."),
    (
        "podTemplates",
        "`spec.repository.podTemplates`: `true` or `false`.",
    ),
    (
        "image",
        "Image rules, one a line or separated by commas, in the short form of `kustomize edit set image`: `NAME:TAG`, `NAME@DIGEST`, \
         `NAME:TAG@DIGEST`, `NAME=NEW:TAG`; `*` for a part leaves it unset. Takes `${NAME}`.",
    ),
    ("secretsPath", "`spec.secrets.path`. Takes `${NAME}`."),
    ("secretsMode", "`spec.secrets.mode`: `resolve` or `keep`."),
];

/// The fields that a `ConfigMap` may have.
const BESIDE: [&str; 5] = ["apiVersion", "data", "immutable", "kind", "metadata"];

/// Whether the document has no data.
pub(super) fn is_empty(document: &Mapping) -> bool {
    match document.get("data") {
        None | Some(Value::Null) => true,
        Some(Value::Mapping(data)) => data.is_empty(),
        Some(_) => false,
    }
}

/// Reports fields other than `data` and the usual ones, and `data` or `metadata` that is not a map.
pub(super) fn check_fields(document: &Mapping, reader: &mut Reader<'_>) {
    for (key, value) in document {
        match key.as_str() {
            Some("metadata" | "data") if !(value.is_mapping() || value.is_null()) => {
                reader
                    .problems
                    .push(wrong_type(key.as_str().unwrap_or_default(), value, "a map"));
            }
            Some(name) if BESIDE.contains(&name) => {}
            _ => reader
                .problems
                .push(unknown_field("", key, BESIDE.into_iter())),
        }
    }
}

/// Reads the configuration from the keys of `data`. Problems are added to `reader`.
pub(super) fn read(document: &Mapping, reader: &mut Reader<'_>) -> Config {
    let Some(data) = document.get("data").and_then(Value::as_mapping) else {
        return Config::default();
    };
    for key in data.keys() {
        let known = KEYS.map(|(name, _)| name);
        if !key.as_str().is_some_and(|key| known.contains(&key)) {
            reader
                .problems
                .push(unknown_field("data", key, known.into_iter()));
        }
    }
    Config {
        repository: repository(data, reader),
        images: images(data, reader),
        secrets: secrets(data, reader),
    }
}

fn repository(data: &Mapping, reader: &mut Reader<'_>) -> Option<Repository> {
    let text = string(data, "repository", reader);
    let url = reader.text("data.repository", text.as_ref(), grammar::check_url);
    let annotation = string(data, "repositoryAnnotation", reader);
    let pod_templates = boolean(data, "podTemplates", reader);
    if let Some(key) = &annotation {
        reader.checked("data.repositoryAnnotation", grammar::check_annotation(key));
    }
    if !data.contains_key("repository") {
        for key in ["repositoryAnnotation", "podTemplates"] {
            if data.contains_key(key) {
                let help = "give the URL as `repository`, or leave this out";
                reader.problem(
                    &format!("data.{key}"),
                    "has no effect without `repository`",
                    help,
                );
            }
        }
    }
    Some(Repository {
        url: url?,
        annotation: annotation.unwrap_or_else(|| ANNOTATION.to_owned()),
        pod_templates: pod_templates.unwrap_or_default(),
    })
}

fn images(data: &Mapping, reader: &mut Reader<'_>) -> Vec<ImageRule> {
    let text = string(data, "image", reader).unwrap_or_default();
    short_rules("data.image", &text, reader)
}

fn secrets(data: &Mapping, reader: &mut Reader<'_>) -> Secrets {
    let path = string(data, "secretsPath", reader);
    let path = reader.text(
        "data.secretsPath",
        path.as_ref(),
        grammar::check_secret_path,
    );
    let mode = match string(data, "secretsMode", reader).as_deref() {
        None | Some("resolve") => SecretsMode::Resolve,
        Some("keep") => SecretsMode::Keep,
        Some(_) => {
            reader.problem(
                "data.secretsMode",
                "not one of the known words",
                "write `resolve`, `keep`",
            );
            SecretsMode::Resolve
        }
    };
    Secrets {
        mode,
        path: path.map(|path| path.trim_matches('/').to_owned()),
        ..Secrets::default()
    }
}

fn string(data: &Mapping, key: &str, reader: &mut Reader<'_>) -> Option<String> {
    let value = data.get(key)?;
    if let Value::String(text) = value {
        return Some(text.clone());
    }
    reader
        .problems
        .push(wrong_type(&format!("data.{key}"), value, "a string"));
    None
}

fn boolean(data: &Mapping, key: &str, reader: &mut Reader<'_>) -> Option<bool> {
    match data.get(key)? {
        Value::Bool(value) => return Some(*value),
        Value::String(text) if text == "true" => return Some(true),
        Value::String(text) if text == "false" => return Some(false),
        _ => {}
    }
    let path = format!("data.{key}");
    reader.problem(&path, "neither `true` nor `false`", "write true or false");
    None
}
