//! Manifests that other projects ship in their Go modules, without a policy: what nothing is to be done to stays
//! byte for byte, an annotation is all that an annotation changes, and a value is what stands in its place.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use gitops_fn::config::Config;
use serde_json::Value as Json;

use super::argo::Argo;
use super::corpus::modules;
use super::mutate::rng;
use super::tenant::same;
use super::{SEED, number};
use crate::properties::{Store, piped, release, said};
use crate::support::say;

/// Base64 of something, so that it may be in a Secret's `data` too.
const VALUE: &str = "zzvaluezz123";
const PLACEHOLDER: &str = "<path:kv/s#k>";
/// How many placeholders are sprinkled over a file.
const SPRINKLED: usize = 5;

/// What is wrong with a few of them, where a placeholder is to be replaced.
const TWICE: &str = "the key stands twice in its mapping";

/// Objects that describe a package, whose placeholders stay.
const LOCAL: [&str; 4] = [
    "kustomize.config.k8s.io",
    "kind: Kustomization",
    "kpt.dev",
    "local-config",
];

fn manifests(modules: &BTreeMap<String, PathBuf>) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for folder in modules.values() {
        collect(folder, &mut found);
    }
    found.sort();
    found
}

fn collect(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path
            .extension()
            .is_some_and(|end| end == "yaml" || end == "yml")
            && let Ok(text) = fs::read_to_string(&path)
            && text.len() < 1 << 18
            && text.lines().any(|line| line.starts_with("kind:"))
            && !LOCAL.iter().any(|group| text.contains(group))
        {
            found.push((path, text));
        }
    }
}

/// A text with placeholders for some of its plain values; the values are the same everywhere.
fn sprinkle(text: &str, rng: &mut Rng) -> Option<String> {
    let is_word = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|ch| ch.is_ascii_alphanumeric() || "./-".contains(ch))
    };
    let candidates: Vec<_> = text
        .lines()
        .enumerate()
        .filter(|(_, line)| {
            let key = line.trim_start().trim_start_matches("- ");
            let known = [
                "kind:",
                "apiVersion:",
                "items:",
                "avp.",
                "config.kubernetes.io/",
            ];
            line.split_once(": ")
                .is_some_and(|(_, value)| is_word(value))
                && is_word(key.split(": ").next().unwrap_or_default())
                && !known.iter().any(|known| key.starts_with(known))
        })
        .map(|(index, _)| index)
        .collect();
    let chosen: Vec<_> = (0..SPRINKLED)
        .filter_map(|_| rng.choice(&candidates))
        .collect();
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    for &index in &chosen {
        let (key, _) = lines[*index].split_once(": ")?;
        lines[*index] = format!("{key}: {PLACEHOLDER}");
    }
    (!chosen.is_empty()).then(|| lines.join("\n") + "\n")
}

/// Objects without the annotation that we set.
fn without_annotation(mut objects: Vec<Json>) -> Vec<Json> {
    for object in &mut objects {
        let Some(metadata) = object["metadata"].as_object_mut() else {
            continue;
        };
        if let Some(annotations) = metadata
            .get_mut("annotations")
            .and_then(Json::as_object_mut)
        {
            annotations.remove("github.com/url");
        }
    }
    objects.iter_mut().for_each(drop_empty);
    objects
}

/// An object without empty annotations and metadata.
fn drop_empty(object: &mut Json) {
    let is_empty = |value: Option<&Json>| {
        value.is_some_and(|value| {
            value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty)
        })
    };
    if let Some(metadata) = object["metadata"].as_object_mut()
        && is_empty(metadata.get("annotations"))
    {
        metadata.remove("annotations");
    }
    if let Some(object) = object.as_object_mut()
        && is_empty(object.get("metadata"))
    {
        object.remove("metadata");
    }
}

fn all_same(one: &[Json], other: &[Json]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
}

#[test]
fn manifests_of_other_projects_keep_their_meaning() {
    let Some(mut argo) = Argo::start() else {
        return;
    };
    let Some(modules) = modules() else { return };
    let store = Store::new(&[("k", VALUE)]);
    let [nothing, annotate] = [
        "{images: [{name: no-such-image, newTag: x}]}",
        "{repository: {url: acme/shop}}",
    ]
    .map(release);
    let seed = number("GITOPS_FN_DIFFERENTIAL_SEED", SEED);
    let (mut counts, mut wrong) = ([0; 3], Vec::new());
    for (index, (path, text)) in manifests(&modules).iter().enumerate() {
        let Ok(before) = argo.sees(text) else {
            continue;
        };
        let mut fault = |what: &str| wrong.push(format!("{}: {what}", path.display()));
        let (outcome, output) = piped(text, &nothing, &store);
        let Some(output) = output else {
            fault(&said(&outcome));
            continue;
        };
        counts[0] += 1;
        if output != *text {
            fault("was changed, with nothing to do");
        }
        match piped(text, &annotate, &store) {
            (_, Some(output)) => {
                counts[1] += 1;
                match argo.sees(&output) {
                    Ok(after)
                        if all_same(
                            &without_annotation(before.clone()),
                            &without_annotation(after.clone()),
                        ) => {}
                    after => fault(&format!(
                        "an annotation changes it: {}",
                        after.err().unwrap_or_default()
                    )),
                }
            }
            (outcome, None) => fault(&said(&outcome)),
        }
        let mut rng = rng(seed, index as u64);
        let Some(sprinkled) = sprinkle(text, &mut rng) else {
            continue;
        };
        let Ok(wanted) = argo.sees(&sprinkled.replace(PLACEHOLDER, VALUE)) else {
            continue;
        };
        match piped(&sprinkled, &Config::default(), &store) {
            (_, Some(output)) => {
                counts[2] += 1;
                let after = argo.sees(&output);
                if !after.as_ref().is_ok_and(|after| all_same(&wanted, after)) {
                    fault(&format!("a value is something else\n{sprinkled}\n{output}"));
                }
            }
            (outcome, None) => {
                let said = said(&outcome);
                if !said.contains(TWICE) {
                    fault(&format!("sprinkled: {said}"));
                }
            }
        }
    }
    say(&format!(
        "{} manifests of other projects untouched, {} annotated, {} with values",
        counts[0], counts[1], counts[2]
    ));
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong[..wrong.len().min(20)].join("\n")
    );
    assert!(
        counts.iter().all(|&count| count >= 1_000),
        "too few: {counts:?}"
    );
}
