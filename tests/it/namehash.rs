//! Name hashes, against the real kustomize: what it gives the placeholders, with our values and new names,
//! must be what it gives the values themselves, in every name and every reference.

mod case;
mod referrers;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use gitops_fn::build::namehash::rename;
use serde_yaml::Value;

use crate::support::{clean, documents, gitops_fn, run, temp_dir, tool};
use case::{Case, Version};

/// How many kustomizations are made, and how many of them are one build.
const CASES: usize = 240;
const BATCH: usize = 24;

/// What kustomize prints for a folder.
fn kustomize(program: &Path, dir: &Path) -> String {
    let output = run(clean(program).arg("build").arg(dir), "").success();
    output.text().to_owned()
}

/// The text with the values of the store at `store`.
fn render(store: &Path, text: &str) -> String {
    let mut command = gitops_fn();
    command.args(["render", "-"]);
    command.env("VAULT_ADDR", format!("file:{}", store.display()));
    run(&mut command, text).success().text().to_owned()
}

/// `after` with its new names.
#[track_caller]
fn renamed(before: &str, after: &str) -> String {
    let renamed = rename(before, after);
    assert_eq!(renamed.findings, []);
    let mut out = after.to_owned();
    for splice in renamed.splices.iter().rev() {
        out.replace_range(splice.span.range(), &splice.text);
    }
    out
}

/// The objects by kind, namespace and name.
#[track_caller]
fn by_name(text: &str) -> BTreeMap<[String; 3], Value> {
    let mut found = BTreeMap::new();
    for document in documents(text) {
        let field = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let metadata = &document["metadata"];
        let key = [
            field(&document["kind"]),
            field(&metadata["namespace"]),
            field(&metadata["name"]),
        ];
        assert_eq!(found.insert(key, document), None);
    }
    found
}

/// Writes the cases below `dir` as one build.
fn write(dir: &Path, cases: &[Case], version: Version) {
    let mut all = String::from("resources:\n");
    for case in cases {
        case.write(dir, version);
        writeln!(all, "- {}/top", case.name).unwrap();
    }
    fs::write(dir.join("kustomization.yaml"), all).unwrap();
}

fn write_store(path: &Path, cases: &[Case]) {
    let store: BTreeMap<_, _> = cases
        .iter()
        .map(|case| (format!("kv/{}", case.name), &case.secrets))
        .collect();
    fs::write(path, serde_json::to_string(&store).unwrap()).unwrap();
}

#[test]
fn names_are_those_of_kustomize_for_the_values() {
    let Some(program) = tool("kustomize") else {
        return;
    };
    let mut kinds = BTreeSet::new();
    for first in (0..CASES).step_by(BATCH) {
        let cases: Vec<_> = (first..first + BATCH).map(Case::new).collect();
        let dir = temp_dir();
        let (holes, values) = (dir.path().join("holes"), dir.path().join("values"));
        write(&holes, &cases, Version::Placeholders);
        write(&values, &cases, Version::Values);
        let store = dir.path().join("secrets.yaml");
        write_store(&store, &cases);
        let (before, expected) = std::thread::scope(|scope| {
            let expected = scope.spawn(|| kustomize(&program, &values));
            (kustomize(&program, &holes), expected.join().unwrap())
        });
        let out = renamed(&before, &render(&store, &before));

        let (ours, theirs) = (by_name(&out), by_name(&expected));
        let names =
            |objects: &BTreeMap<[String; 3], Value>| objects.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&ours), names(&theirs), "cases from {first}");
        for (key, object) in &ours {
            assert_eq!(object, &theirs[key], "{key:?}");
        }
        // and not because nothing has changed
        let old = by_name(&before);
        let changed = ours.keys().filter(|key| !old.contains_key(*key)).count();
        let hashed: usize = cases.iter().map(|case| case.hashed).sum();
        assert!(changed * 10 >= hashed * 9, "{changed} of {hashed} names");
        kinds.extend(
            ours.into_iter()
                .filter(|(key, object)| old.get(key).is_some_and(|old| old != object))
                .map(|(key, object)| {
                    (
                        key[0].clone(),
                        object["apiVersion"].as_str().unwrap().to_owned(),
                    )
                }),
        );
    }
    // everything that refers to one has been met, and the kinds of our own
    kinds.retain(|(kind, _)| !matches!(&**kind, "Secret" | "ConfigMap" | "Widget"));
    assert_eq!(kinds.len(), referrers::KINDS - 1, "{kinds:?}");
}
