//! Ends of block scalars as go-yaml reads them, through the real kustomize and the real helm, and libyaml: those of
//! a file that ends without a line break above all.

use std::fmt::Write as _;

use serde_yaml::Value;

use super::{EXEC, build, documents, tree};
use crate::support::{clean, gitops_fn, run, tool};

const PLACEHOLDER: &str = "<path:kv/x#k>";
/// Values that a literal can hold, and values that ask for quotes.
const VALUES: &[&str] = &["v", " v", "v\n", "\r"];
/// What stands between the last line with text and the end of the file.
const ENDS: &[&str] = &[
    "",
    "\n",
    "\n\n",
    "\r\n",
    "\n  ",
    "\n\n  ",
    "\n     ",
    "\n     \n",
    "\n...",
    "\n...\n",
    "\n\n...\n",
    "\n# c",
    "\n  # c\n",
];
const HEADERS: &[&str] = &[
    "|", "|-", "|+", "|2", "|2-", ">", ">-", ">2", ">+", "|2+", ">2+",
];

/// Each header with each end, as files.
fn files() -> Vec<String> {
    let mut files = Vec::new();
    for header in HEADERS {
        for end in ENDS {
            let number = files.len();
            files.push(format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{number:03}}}\ndata:\n  k{number:03}: {header}\n    a\n    b{PLACEHOLDER}{end}"
            ));
        }
    }
    files
}

/// The files with the one value as a reader of its own takes it.
fn texts(object: &Value) -> Vec<String> {
    let texts = object["data"].as_mapping().unwrap().values();
    texts
        .map(|text| text.as_str().unwrap().to_owned())
        .collect()
}

fn by_libyaml(files: &[String]) -> Vec<String> {
    let objects = files.iter().flat_map(|file| documents(file));
    objects.flat_map(|object| texts(&object)).collect()
}

/// go-yaml v2: as the values of a chart.
fn by_helm(files: &[String]) -> Option<Vec<String>> {
    let chart = tree(&[
        ("Chart.yaml", "apiVersion: v2\nname: x\nversion: 1.0.0\n"),
        ("templates/x.yaml", "data: {{ toJson .Values.data }}\n"),
    ]);
    let mut command = clean(tool("helm")?);
    command.args(["template", "x", "."]).current_dir(&chart);
    for (number, file) in files.iter().enumerate() {
        let name = format!("{number:03}.yaml");
        std::fs::write(chart.path().join(&name), file).unwrap();
        command.args(["-f", &name]);
    }
    let output = run(&mut command, "").success();
    Some(texts(&documents(output.text())[0]))
}

/// go-yaml v3.
fn by_kustomize(files: &[String]) -> Option<Vec<String>> {
    let mut kustomization = String::from("resources:\n");
    let mut tree_of = Vec::new();
    for (number, file) in files.iter().enumerate() {
        writeln!(kustomization, "- {number:03}.yaml").unwrap();
        tree_of.push((format!("app/{number:03}.yaml"), file.as_str()));
    }
    tree_of.push(("app/kustomization.yaml".to_owned(), &kustomization));
    let tree_of: Vec<_> = tree_of
        .iter()
        .map(|(name, text)| (&**name, *text))
        .collect();
    let output = build(tree(&tree_of).path(), "app", EXEC)?.success();
    let mut objects = documents(output.text());
    objects.sort_by_key(|object| object["metadata"]["name"].as_str().unwrap().to_owned());
    Some(objects.iter().flat_map(texts).collect())
}

#[test]
fn a_block_ends_where_other_readers_end_it() {
    let files = files();
    let before = by_libyaml(&files);
    assert_eq!(before.len(), files.len());
    let same = |theirs: Option<Vec<String>>, files: &[String], ours: &[String]| {
        for ((theirs, ours), file) in theirs.iter().flatten().zip(ours).zip(files) {
            // kustomize prints what it keeps in a folded one with a line break too many
            if !file.contains(": >+") && !file.contains(": >2+") {
                assert_eq!(theirs, ours, "{file:?}");
            }
        }
    };
    same(by_kustomize(&files), &files, &before);
    assert_eq!(by_helm(&files).unwrap_or_else(|| before.clone()), before);
    for value in VALUES {
        let store = serde_json::json!({"kv/x": {"k": value}}).to_string();
        let dir = tree(&[("store.yaml", &store)]);
        let after: Vec<_> = files
            .iter()
            .map(|file| {
                let mut command = gitops_fn();
                command.args(["render", "-"]).current_dir(&dir);
                command.env("VAULT_ADDR", "file:store.yaml");
                run(&mut command, file).success().text().to_owned()
            })
            .collect();
        let wanted: Vec<_> = before
            .iter()
            .map(|text| text.replace(PLACEHOLDER, value))
            .collect();
        for ((read, wanted), after) in by_libyaml(&after).iter().zip(&wanted).zip(&after) {
            assert_eq!(read, wanted, "{after:?}");
        }
        same(by_kustomize(&after), &after, &wanted);
        assert_eq!(by_helm(&after).unwrap_or_else(|| wanted.clone()), wanted);
    }
}
