//! A case through the real kustomize: the case's image rules as `images:`, its annotation as
//! `commonAnnotations:`.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::case::Case;
use super::objects::{self, Outcome};
use crate::support::{clean, run, temp_dir};

/// What kustomize makes of the case's input with the case's configuration.
pub(super) fn run_case(tool: &Path, case: &Case) -> Result<Outcome, String> {
    let folder = temp_dir();
    let spec = spec(case)?;
    let write = |name: &str, text: &[u8]| fs::write(folder.path().join(name), text).unwrap();
    write("input.yaml", &case.input);
    write(
        "kustomization.yaml",
        kustomization(&spec).to_string().as_bytes(),
    );
    write("places.yaml", places(&spec).to_string().as_bytes());
    let output = run(clean(tool).arg("build").arg(folder.path()), "");
    match output.code {
        0 => objects::read(&output.stdout).map(Outcome::Objects),
        1 => Ok(Outcome::Error),
        _ => Ok(Outcome::Crash),
    }
}

/// The `spec` of the case's configuration, with its variables in place.
fn spec(case: &Case) -> Result<Value, String> {
    let text = case
        .config
        .as_deref()
        .ok_or("no configuration to compare with")?;
    let text = case
        .env
        .iter()
        .fold(text.to_owned(), |text, (name, value)| {
            text.replace(&format!("${{{name}}}"), value)
        });
    let config: Value = serde_yaml::from_str(&text).map_err(|error| error.to_string())?;
    Ok(config["spec"].clone())
}

fn kustomization(spec: &Value) -> Value {
    let mut annotations = Map::new();
    if let Some(url) = spec["repository"].get("url") {
        annotations.insert("github.com/url".to_owned(), url.clone());
    }
    let images: Vec<_> = rules(spec)
        .map(|rule| {
            let mut rule = rule.clone();
            if let Some(map) = rule.as_object_mut() {
                map.retain(|key, _| !matches!(&**key, "required" | "fieldSpecs" | "selectors"));
            }
            rule
        })
        .collect();
    json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": ["input.yaml"],
        "configurations": ["places.yaml"],
        "images": images,
        "commonAnnotations": annotations,
    })
}

/// The case's fieldSpecs, in kustomize's own file for them.
fn places(spec: &Value) -> Value {
    let specs = rules(spec).filter_map(|rule| rule["fieldSpecs"].as_array());
    json!({ "images": specs.flatten().collect::<Vec<_>>() })
}

fn rules(spec: &Value) -> impl Iterator<Item = &Value> {
    spec["images"].as_array().into_iter().flatten()
}
