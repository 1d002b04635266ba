//! Compares name hashes with the real kustomize: a build with placeholders, after our rendering and renaming, must have
//! the same names and references as a build of the values themselves.

mod case;
mod referrers;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_yaml::Value;

use crate::governed::Governed;
use crate::support::{
    Output, clean, documents, gitops_fn, path_with, run, temp_dir, tool, write_files,
};
use case::{Case, Version};

/// How many kustomizations are made, and how many of them are one build.
const CASES: usize = 240;
const BATCH: usize = 24;

/// What kustomize prints for a folder.
fn kustomize(program: &Path, dir: &Path) -> String {
    let output = run(clean(program).arg("build").arg(dir), "").success();
    output.text().to_owned()
}

/// What we make of a folder, with the store at `store`.
fn build(program: &Path, dir: &Path, store: &Path) -> Output {
    build_by(gitops_fn(), program, dir, store)
}

/// The same by a command that runs us elsewhere.
fn build_by(mut command: Command, program: &Path, dir: &Path, store: &Path) -> Output {
    command.arg("build").arg(dir);
    command.env("PATH", path_with(&[program.parent().unwrap()]));
    command.env("VAULT_ADDR", format!("file:{}", store.display()));
    run(&mut command, "")
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
        kinds.extend(batch(&program, first, &|dir, store| {
            build(&program, dir, store)
        }));
    }
    // everything that refers to one has been met, and the kinds of our own
    kinds.retain(|(kind, _)| !matches!(&**kind, "Secret" | "ConfigMap" | "Widget"));
    assert_eq!(kinds.len(), referrers::KINDS - 1, "{kinds:?}");
}

/// Under a policy the output is written anew, and the hashes are those of the same values.
#[test]
fn names_are_those_of_kustomize_under_a_policy() {
    let policy = "apiVersion: gitops-fn.dev/v1alpha1
kind: Policy
metadata: {name: test}
spec:
  store: file
  mounts: [{path: kv, version: 2}]
  allow: [{name: all, paths: ['kv/**']}]
  sinks: [{apiVersion: v1, kind: ConfigMap, fields: ['data/*', 'binaryData/*']}]
";
    let (Some(program), Some(machine)) = (tool("kustomize"), Governed::new(policy)) else {
        return;
    };
    for first in [0, BATCH] {
        batch(&program, first, &|dir, store| {
            build_by(machine.gitops_fn(), &program, dir, store)
        });
    }
}

/// Compares the builds of one batch of cases; the kinds of the objects in which something has changed.
#[track_caller]
fn batch(
    program: &Path,
    first: usize,
    build: &dyn Fn(&Path, &Path) -> Output,
) -> BTreeSet<(String, String)> {
    let cases: Vec<_> = (first..first + BATCH).map(Case::new).collect();
    let dir = temp_dir();
    let (holes, values) = (dir.path().join("holes"), dir.path().join("values"));
    write(&holes, &cases, Version::Placeholders);
    write(&values, &cases, Version::Values);
    let store = dir.path().join("secrets.yaml");
    write_store(&store, &cases);
    let (before, expected) = (kustomize(program, &holes), kustomize(program, &values));
    let out = build(&holes, &store).success();

    let (ours, theirs) = (by_name(out.text()), by_name(&expected));
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
    ours.into_iter()
        .filter(|(key, object)| old.get(key).is_some_and(|old| old != object))
        .map(|(key, object)| {
            let api_version = object["apiVersion"].as_str().unwrap().to_owned();
            (key[0].clone(), api_version)
        })
        .collect()
}

/// Checks that a build of `holes`, with the secrets of `store`, comes to what a build of `values` is.
#[track_caller]
fn same(store: &str, holes: &[(&str, &str)], values: &[(&str, &str)]) {
    let Some(program) = tool("kustomize") else {
        return;
    };
    let dir = temp_dir();
    let path = dir.path().join("secrets.yaml");
    fs::write(&path, store).unwrap();
    let (with_holes, with_values) = (dir.path().join("holes"), dir.path().join("values"));
    write_files(&with_holes, holes);
    write_files(&with_values, values);
    let before = kustomize(&program, &with_holes);
    let expected = kustomize(&program, &with_values);
    let out = build(&program, &with_holes, &path).success();
    let out = out.text();
    assert_eq!(by_name(out), by_name(&expected));
    assert!(!by_name(out).keys().eq(by_name(&before).keys()), "{out}");
}

/// The same files with each text of `values` in place of the one before it.
#[track_caller]
fn filled(store: &str, files: &[(&str, &str)], values: &[(&str, &str)]) {
    let fill = |text: &str| {
        let mut text = text.to_owned();
        for (hole, value) in values {
            assert!(files.iter().any(|(_, text)| text.contains(hole)), "{hole}");
            text = text.replace(hole, value);
        }
        text
    };
    let texts: Vec<_> = files
        .iter()
        .map(|(name, text)| (*name, fill(text)))
        .collect();
    let texts: Vec<_> = texts
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    same(store, files, &texts);
}

/// Workload and role that use a generated Secret; two namespaces with one placeholder each, whose names
/// kustomize cannot tell apart.
const TENANTS: &[(&str, &str)] = &[
    ("kustomization.yaml", "resources: [one, two]"),
    ("base/kustomization.yaml", "resources: [pod.yaml]"),
    ("base/pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: a, envFrom: [{secretRef: {name: db}}]}]}\n"),
    (
        "one/kustomization.yaml",
        "namespace: one
resources: [../base]
secretGenerator: [{name: db, literals: ['password=<password>'], options: {annotations: {avp.kubernetes.io/path: kv/one}}}]
",
    ),
    (
        "two/kustomization.yaml",
        "namespace: two
resources: [../base]
secretGenerator: [{name: db, literals: ['password=<password>'], options: {annotations: {avp.kubernetes.io/path: kv/two}}}]
",
    ),
];

const STORE: &str = "kv/one: {password: the-first-one}\nkv/two: {password: another}\n";

#[test]
fn one_name_in_two_namespaces_becomes_two() {
    let values: Vec<_> = TENANTS
        .iter()
        .map(|(name, text)| {
            let value = if name.starts_with("one") {
                "the-first-one"
            } else {
                "another"
            };
            (*name, text.replace("<password>", value))
        })
        .collect();
    let values: Vec<_> = values
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    same(STORE, TENANTS, &values);
}

/// kustomize refuses the values themselves; it prints both Secrets.
#[test]
fn a_role_that_means_both_is_refused_as_by_kustomize() {
    let Some(program) = tool("kustomize") else {
        return;
    };
    let dir = temp_dir();
    write_files(dir.path(), TENANTS);
    write_files(
        dir.path(),
        &[
            ("secrets.yaml", STORE),
            ("kustomization.yaml", "resources: [one, two, role.yaml]"),
            (
                "role.yaml",
                "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r}\nrules: [{resourceNames: [db]}]\n",
            ),
        ],
    );
    let refused = build(&program, dir.path(), &dir.path().join("secrets.yaml")).code(1);
    let text = refused.stderr;
    assert!(
        text.contains("error: ClusterRole r rules[0].resourceNames[0]: "),
        "{text}"
    );
    for value in [
        "the-first-one",
        "another",
        "dGhlLWZpcnN0LW9uZQ",
        "YW5vdGhlcg",
    ] {
        assert!(!text.contains(value), "{text}");
    }
    assert_eq!(refused.stdout, b"");

    let one = dir.path().join("one/kustomization.yaml");
    let text = fs::read_to_string(&one).unwrap().replace("<password>", "x");
    fs::write(&one, text).unwrap();
    let refused = run(clean(&program).arg("build").arg(dir.path()), "").code(1);
    assert!(
        refused.stderr.contains("multiple possible referrals"),
        "{}",
        refused.stderr
    );
}

#[test]
fn patched_content_counts_as_kustomize_counts_it() {
    filled(
        "kv/a: {b: the value}\n",
        &[
            (
                "kustomization.yaml",
                "secretGenerator: [{name: s, literals: [a=b]}]
configMapGenerator: [{name: c, literals: [a=b]}]
patches:
- patch: |
    apiVersion: v1
    kind: Secret
    metadata: {name: s, labels: {x: y}, annotations: {note: <path:kv/a#b>}}
    immutable: true
    stringData: {text: <path:kv/a#b>, more: \"no\"}
- patch: |
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: c}
    data: {big: 9007199254740993, one: 1.0, small: 0.0000001, flag: true, none: \"null\", text: \"x <path:kv/a#b>\", nested: {z: [1, {a: <path:kv/a#b>}], e: []}}
",
            ),
        ],
        &[("<path:kv/a#b>", "the value")],
    );
}

#[test]
fn a_removed_entry_is_not_in_the_hash() {
    let kustomization = |literals: &str| {
        format!(
            "secretGenerator: [{{name: s, literals: {literals}, options: {{annotations: {{avp.kubernetes.io/remove-missing: \"true\"}}}}}}]\n"
        )
    };
    same(
        "kv/a: {b: value}\n",
        &[(
            "kustomization.yaml",
            &kustomization("['a=<path:kv/a#b>', 'gone=<path:kv/a#none>']"),
        )],
        &[("kustomization.yaml", &kustomization("['a=value']"))],
    );
}

/// Names that have the shape alone, and texts around a name.
#[test]
fn only_hashes_of_the_content_are_replaced() {
    filled(
        "kv/a: {b: value}\n",
        &[
            (
                "kustomization.yaml",
                "resources: [all.yaml]
secretGenerator: [{name: plain-4h2mbtbbt6, options: {disableNameSuffixHash: true}, literals: ['a=<path:kv/a#b>']}]
configMapGenerator:
- {name: c, literals: ['a=<path:kv/a#b>', 'other=plain-4h2mbtbbt6']}
",
            ),
            (
                "all.yaml",
                "apiVersion: v1
kind: ConfigMap
metadata: {name: hand-4h2mbtbbt6}
data: {a: <path:kv/a#b>, b: hand-4h2mbtbbt6}
---
apiVersion: v1
kind: Pod
metadata: {name: p-4h2mbtbbt6}
spec:
  containers: [{name: a, envFrom: [{secretRef: {name: plain-4h2mbtbbt6}}, {configMapRef: {name: hand-4h2mbtbbt6}}, {configMapRef: {name: c}}]}]
",
            ),
        ],
        &[("<path:kv/a#b>", "value")],
    );
}
