//! Runs input that kustomize and kpt have really sent (`tests/samples`), with another configuration of ours. The output
//! must be identical byte for byte, except for the planned edits.

use std::fs;
use std::path::PathBuf;

use crate::support::{Output, gitops_fn, root, run, temp_dir};

const PLACEHOLDER: &str = "<path:kv/data/x#y>";
const IN_BASE64: &str = "PHBhdGg6a3YvZGF0YS94I3k+";
const VALUE: &str = "it's # a: value";
/// `printf %s "it's # a: value" | base64`
const VALUE_IN_BASE64: &str = "aXQncyAjIGE6IHZhbHVl";

const NOTHING: &str = "{}";
const EVERYTHING: &str =
    r#"{repository: {url: acme/deploy}, images: [{name: nginx, newTag: "1.15"}]}"#;
const EVERYTHING_IN_PLACE: &str = r#"{repository: {url: acme/deploy}, images: [{name: nginx, newTag: "1.15"}], secrets: {allowInPlace: true}}"#;

struct Sample {
    name: String,
    text: String,
}

impl Sample {
    fn is_from_kpt(&self) -> bool {
        self.name.starts_with("kpt")
    }

    /// The sample as it would have been sent with a `Release` of this `spec`.
    fn with(&self, spec: &str) -> String {
        let at = self.text.find("\nfunctionConfig:\n").unwrap() + 1;
        let config = format!(
            "functionConfig:\n  apiVersion: gitops-fn.dev/v1alpha1\n  kind: Release\n  metadata:\n    name: release\n  spec: {spec}\n"
        );
        format!("{}{config}", &self.text[..at])
    }
}

fn samples() -> Vec<Sample> {
    let mut paths: Vec<PathBuf> = fs::read_dir(root().join("tests/samples"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let samples: Vec<_> = paths
        .into_iter()
        .map(|path| Sample {
            name: path.file_name().unwrap().to_str().unwrap().to_owned(),
            text: fs::read_to_string(&path).unwrap(),
        })
        .collect();
    assert_eq!(samples.len(), 7);
    samples
}

/// Runs the function with a store that holds the one value.
fn function(input: &str) -> Output {
    let dir = temp_dir();
    fs::write(
        dir.path().join("s.yaml"),
        format!("kv/x: {{y: {VALUE:?}}}\n"),
    )
    .unwrap();
    run(
        gitops_fn()
            .current_dir(dir.path())
            .env("VAULT_ADDR", "file:s.yaml"),
        input,
    )
}

/// The output without its results, and the results: a block of lines before the items.
fn split(output: &str) -> (String, String) {
    let Some((head, rest)) = output.split_once("\nresults:\n") else {
        return (output.to_owned(), String::new());
    };
    let end = rest.find("\nitems:").unwrap() + 1;
    (format!("{head}\n{}", &rest[end..]), rest[..end].to_owned())
}

#[test]
fn nothing_planned_gives_the_same_bytes() {
    for sample in samples() {
        // the samples' one placeholder, made into prose
        let input = sample
            .with(NOTHING)
            .replace(PLACEHOLDER, "<note:kv/data/x#y>")
            .replace(IN_BASE64, "PG5vdGU6a3YvZGF0YS94I3k+");
        let output = function(&input).success();
        assert!(output.text() == input, "{}", sample.name);
        assert_eq!(output.stderr, "", "{}", sample.name);
    }
}

#[test]
fn kept_placeholders_give_the_same_bytes_and_one_warning() {
    for sample in samples() {
        let input = sample.with("{secrets: {mode: keep}}");
        let output = function(&input).success();
        let (list, results) = split(output.text());
        assert!(list == input, "{}", sample.name);
        let has_placeholder = input.contains(PLACEHOLDER);
        assert_eq!(
            results.lines().count(),
            usize::from(has_placeholder),
            "{results}"
        );
        assert_eq!(output.stderr.starts_with("warning: "), has_placeholder);
    }
}

#[test]
fn only_what_is_planned_differs() {
    for sample in samples() {
        let input = sample.with(if sample.is_from_kpt() {
            EVERYTHING_IN_PLACE
        } else {
            EVERYTHING
        });
        let output = function(&input).success();
        let (list, results) = split(output.text());
        assert_eq!(list, expected(&input), "{}", sample.name);
        assert!(!results.contains(VALUE) && !results.contains(VALUE_IN_BASE64));
        assert!(!output.stderr.contains(VALUE), "{}", output.stderr);
        // a second run finds its work done
        let again = function(&list).success();
        assert!(split(again.text()).0 == list, "{}", sample.name);
    }
}

/// The input with the planned edits: an annotation at the head of each object's annotations, the image,
/// and the value at each placeholder.
fn expected(input: &str) -> String {
    let mut edited = String::new();
    let mut left_alone = false;
    for line in input.split_inclusive('\n') {
        if let Some(kind) = line.trim_start().strip_prefix("kind: ") {
            // objects of the samples that are no manifests: the package's own, and configurations
            left_alone = matches!(kind.trim(), "Kptfile" | "Setter" | "Gen" | "Release");
        }
        edited.push_str(match line {
            "            value: <path:kv/data/x#y>\n" => "            value: \"it's # a: value\"\n",
            "    p: <path:kv/data/x#y>\n" => "    p: \"it's # a: value\"\n",
            "    ph: <path:kv/data/x#y>\n" => "    ph: \"it's # a: value\"\n",
            "    json: '{\"a\": \"<path:kv/data/x#y>\"}'\n" => {
                "    json: '{\"a\": \"it''s # a: value\"}'\n"
            }
            "    pw: PHBhdGg6a3YvZGF0YS94I3k+\n" => "    pw: \"aXQncyAjIGE6IHZhbHVl\"\n",
            "          image: nginx:1.14.2\n" => "          image: nginx:1.15\n",
            "          image: \"nginx:1.14.2\" # {\"$kpt-set\": \"image\"}\n" => {
                "          image: \"nginx:1.15\" # {\"$kpt-set\": \"image\"}\n"
            }
            other => other,
        });
        if line == "    annotations:\n" && !left_alone {
            edited.push_str("      github.com/url: acme/deploy\n");
        }
    }
    edited
}

#[test]
fn secrets_do_not_go_into_a_working_tree_unless_allowed() {
    for sample in samples() {
        let input = sample.with(EVERYTHING);
        let output = function(&input);
        if !sample.is_from_kpt() {
            output.success();
            continue;
        }
        let output = output.code(1);
        let first = output.stderr.lines().next().unwrap();
        assert!(
            first.starts_with("error: Deployment web spec.template.spec.containers[0].env[3].value <path:kv/data/x#y>: ")
                && first.contains("working tree"),
            "{first}"
        );
        let (list, results) = split(output.text());
        assert!(list == input, "half an edit");
        assert!(results.contains("\"file\": {\"path\": \"sub/deploy.yaml\", \"index\": 0}"));
    }
}

#[test]
fn another_kind_of_configuration_is_refused_and_the_items_are_as_read() {
    for sample in samples() {
        let output = function(&sample.text).code(2);
        let (list, results) = split(output.text());
        assert!(list == sample.text, "{}", sample.name);
        assert!(results.contains("\"severity\": \"error\""), "{results}");
        let mut lines = output.stderr.lines();
        assert!(lines.next().unwrap().starts_with("error: apiVersion: "));
        assert!(lines.next().unwrap().contains("gitops-fn.dev/v1alpha1"));
    }
}

#[test]
fn the_configuration_among_the_items_is_not_edited() {
    // kustomize sends it so when there is nothing else (docs/internals/kustomize-and-kpt.md#the-functionconfig)
    const CONFIG: &str = r#"apiVersion: gitops-fn.dev/v1alpha1
kind: Release
metadata:
  annotations:
    config.kubernetes.io/function: |
      exec: {path: gitops-fn}
  name: release
spec:
  repository: {url: "acme/deploy"}
  secrets: {path: "kv/x"}
"#;
    let indented = |first: &str, rest: &str| -> String {
        let mut lines = CONFIG.lines();
        let head = lines.next().unwrap();
        lines.fold(format!("{first}{head}\n"), |text, line| {
            format!("{text}{rest}{line}\n")
        })
    };
    let input = format!(
        "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n{}functionConfig:\n{}",
        indented("- ", "  "),
        indented("  ", "  ")
    );
    let output = function(&input).success();
    assert_eq!(output.text(), input);
}
