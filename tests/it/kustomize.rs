//! Tests the program as a transformer of the real kustomize: in every place where the entry may be, what follows from
//! the values that it inserts, and what a user sees when it fails.

mod ends;
mod values;

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_yaml::Value;
use tempfile::TempDir;

use crate::support::{
    EXEC, Output, documents, gitops_fn, kustomize_build, run, temp_dir, write_files,
};

const SKIP_EXEC: &[&str] = &["--enable-alpha-plugins"];

/// A Release that sets the annotation and an image, and reads secrets.
const RELEASE: &str = r#"apiVersion: gitops-fn.dev/v1alpha1
kind: Release
metadata:
  name: release
  annotations:
    config.kubernetes.io/function: |
      exec: {path: gitops-fn}
spec:
  repository: {url: acme/deploy}
  images: [{name: registry.example/shop, newTag: "1.10"}]
"#;

/// A Release that only reads secrets.
const SECRETS: &str = "apiVersion: gitops-fn.dev/v1alpha1
kind: Release
metadata:
  name: secrets
  annotations:
    config.kubernetes.io/function: |
      exec: {path: gitops-fn}
";

const STORE: &str = "kv/shop: {password: 'hunter:2 # x', token: token-of-the-shop}\n";

/// A workload that uses generated objects by name.
const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
      - name: web
        image: registry.example/shop:latest
        env: [{name: TOKEN, value: <path:kv/shop#token>}]
        envFrom: [{configMapRef: {name: config}}, {secretRef: {name: credentials}}]
";

const GENERATORS: &str =
    "configMapGenerator: [{name: config, literals: ['url=https://<path:kv/shop#token>@x']}]
secretGenerator: [{name: credentials, literals: ['password=<path:kv/shop#password>']}]
";

/// The same with the values instead of the placeholders.
const GENERATORS_RESOLVED: &str =
    "configMapGenerator: [{name: config, literals: ['url=https://token-of-the-shop@x']}]
secretGenerator: [{name: credentials, literals: ['password=hunter:2 # x']}]
";

fn tree(files: &[(&str, &str)]) -> TempDir {
    let dir = temp_dir();
    write_files(dir.path(), &[("secrets.yaml", STORE)]);
    write_files(dir.path(), files);
    dir
}

/// Builds `folder` of `dir` with the store of `dir`; `None` after a skip.
#[track_caller]
fn build(dir: &Path, folder: &str, args: &[&str]) -> Option<Output> {
    let store = format!("file:{}", dir.join("secrets.yaml").display());
    kustomize_build(&dir.join(folder), args, &[("VAULT_ADDR", &store)])
}

/// The only object of a kind.
#[track_caller]
fn object(text: &str, kind: &str) -> Value {
    let mut found = documents(text)
        .into_iter()
        .filter(|document| document["kind"] == kind);
    let object = found
        .next()
        .unwrap_or_else(|| panic!("no {kind} in\n{text}"));
    assert_eq!(found.next(), None, "two of {kind}");
    object
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap()
}

/// Checks that a build holds the annotation, image and values, and that its names are those that kustomize gives the
/// same objects with the values instead of the placeholders.
#[track_caller]
fn check_resolved(built: &str, resolved: &str) {
    assert!(!built.contains("<path:"), "{built}");
    for document in documents(built) {
        assert_eq!(
            document["metadata"]["annotations"]["github.com/url"],
            "acme/deploy"
        );
        assert_eq!(
            document["metadata"]["annotations"]
                .as_mapping()
                .unwrap()
                .len(),
            1
        );
    }
    let deployment = object(built, "Deployment");
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], "registry.example/shop:1.10");
    assert_eq!(container["env"][0]["value"], "token-of-the-shop");
    for kind in ["ConfigMap", "Secret"] {
        let (ours, theirs) = (object(built, kind), object(resolved, kind));
        assert_eq!(name(&ours), name(&theirs));
        assert_eq!(ours["data"], theirs["data"]);
    }
    let from = &container["envFrom"];
    assert_eq!(
        from[0]["configMapRef"]["name"],
        name(&object(built, "ConfigMap"))
    );
    assert_eq!(from[1]["secretRef"]["name"], name(&object(built, "Secret")));
}

#[test]
fn works_at_the_root_in_a_base_in_a_component_and_in_an_overlay() {
    const OVERLAY: &str = "namePrefix: prod-\nnamespace: shop\nresources: [../base]\n";
    const TRANSFORMERS: &str = "transformers: [release.yaml]\n";
    let base = format!("resources: [deployment.yaml]\n{GENERATORS}");
    let cases = [
        (
            "root",
            format!("{base}{TRANSFORMERS}"),
            "resources: []\n".to_owned(),
            "base",
        ),
        (
            "base",
            format!("{base}{TRANSFORMERS}"),
            OVERLAY.to_owned(),
            "overlay",
        ),
        (
            "component",
            base.clone(),
            format!("{OVERLAY}components: [../component]\n"),
            "overlay",
        ),
        (
            "overlay",
            base.clone(),
            format!("{OVERLAY}{TRANSFORMERS}"),
            "overlay",
        ),
    ];
    for (case, base, overlay, folder) in cases {
        let dir = tree(&[
            ("base/deployment.yaml", DEPLOYMENT),
            ("base/kustomization.yaml", &base),
            ("overlay/kustomization.yaml", &overlay),
            (
                "component/kustomization.yaml",
                "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\ntransformers: [release.yaml]\n",
            ),
            ("resolved/deployment.yaml", DEPLOYMENT),
            (
                "resolved/kustomization.yaml",
                &format!(
                    "resources: [deployment.yaml]\n{}{GENERATORS_RESOLVED}",
                    if folder == "overlay" {
                        "namePrefix: prod-\nnamespace: shop\n"
                    } else {
                        ""
                    }
                ),
            ),
        ]);
        for place in ["base", "component", "overlay"] {
            write_files(dir.path(), &[(&format!("{place}/release.yaml"), RELEASE)]);
        }
        let Some(output) = build(dir.path(), folder, EXEC) else {
            return;
        };
        let output = output.success();
        let resolved = build(dir.path(), "resolved", &[]).unwrap().success();
        check_resolved(output.text(), resolved.text());
        let warnings = output.stderr.lines().count();
        assert_eq!(warnings, 1, "{case}: {}", output.stderr);
    }
}

/// A text of `length` bytes, with characters of one to four bytes that YAML and JSON like to escape.
fn text_of(length: usize) -> String {
    const PIECES: [&str; 12] = [
        "a", "<", "é", "\n", "😀", "\"", "=", "&", "\u{4e2d}", " ", "\\", "'",
    ];
    let mut text = String::new();
    let mut state = length;
    while text.len() < length {
        state = (state * 1_103_515_245 + 12345) & 0x7fff_ffff;
        let piece = PIECES[(state >> 16) % PIECES.len()];
        text.push_str(if text.len() + piece.len() <= length {
            piece
        } else {
            "z"
        });
    }
    text
}

#[test]
fn name_hashes_equal_those_of_the_real_values_for_1_to_300_bytes() {
    let dir = temp_dir();
    let mut store = String::new();
    let mut files = Vec::new();
    let (mut ours, mut theirs) = (String::new(), String::new());
    for part in [&mut ours, &mut theirs] {
        part.push_str("resources: [deployment.yaml]\n");
    }
    let mut deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {spec: {containers: [{name: web, image: x, envFrom: [".to_owned();
    for kind in ["secret", "configMap"] {
        for part in [&mut ours, &mut theirs] {
            writeln!(part, "{kind}Generator:").unwrap();
        }
        for length in 1..=300 {
            let lower = kind.to_lowercase();
            writeln!(
                ours,
                "- {{name: {lower}-{length}, literals: ['k=<path:kv/s{length}#v>']}}"
            )
            .unwrap();
            writeln!(theirs, "- {{name: {lower}-{length}, files: [k=v{length}]}}").unwrap();
            write!(deployment, "{{{kind}Ref: {{name: {lower}-{length}}}}}, ").unwrap();
        }
    }
    for length in 1..=300 {
        let value = text_of(length);
        assert_eq!(value.len(), length);
        writeln!(store, "kv/s{length}: {}", serde_json::json!({ "v": value })).unwrap();
        files.push((format!("theirs/v{length}"), value));
    }
    deployment.push_str("]}]}}}\n");
    ours.push_str("transformers: [secrets.yaml]\n");
    for (path, text) in files {
        write_files(dir.path(), &[(&path, &text)]);
    }
    write_files(
        dir.path(),
        &[
            ("secrets.yaml", &store),
            ("ours/secrets.yaml", SECRETS),
            ("ours/kustomization.yaml", &ours),
            ("ours/deployment.yaml", &deployment),
            ("theirs/kustomization.yaml", &theirs),
            ("theirs/deployment.yaml", &deployment),
        ],
    );
    let Some(ours) = build(dir.path(), "ours", EXEC) else {
        return;
    };
    let theirs = build(dir.path(), "theirs", &[]).unwrap().success();
    let (ours, theirs) = (documents(ours.success().text()), documents(theirs.text()));
    assert_eq!(theirs.len(), 601);
    assert_eq!(ours.len(), 601);
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours, theirs);
    }
}

#[test]
fn without_enable_exec_the_placeholders_stay_and_render_finishes_the_work() {
    let dir = tree(&[
        ("app/deployment.yaml", DEPLOYMENT),
        ("app/release.yaml", RELEASE),
        (
            "app/kustomization.yaml",
            &format!("resources: [deployment.yaml]\ntransformers: [release.yaml]\n{GENERATORS}"),
        ),
    ]);
    let Some(built) = build(dir.path(), "app", SKIP_EXEC) else {
        return;
    };
    let built = built.success();
    assert!(built.text().contains("<path:kv/shop#token>"));

    let mut render = gitops_fn();
    render
        .current_dir(dir.path())
        .args(["render", "-f", "app/release.yaml", "-"]);
    // without a store that is said, once and alone
    let nowhere = run(&mut render, &built.stdout);
    assert_ne!(nowhere.code, 0);
    assert_eq!(nowhere.text(), "");
    assert!(
        nowhere
            .stderr
            .starts_with("error: no secret store is configured\nhelp: "),
        "{}",
        nowhere.stderr
    );

    write_files(dir.path(), &[("other.yaml", "kv/other: {a: b}\n")]);
    let elsewhere = run(render.env("VAULT_ADDR", "file:other.yaml"), &built.stdout).code(1);
    assert_eq!(elsewhere.text(), "");
    for named in [
        "ConfigMap config-",
        "data.url <path:kv/shop#token>",
        "Deployment web spec.template.spec.containers[0].env[0].value <path:kv/shop#token>",
        "Secret credentials-",
        "data.password <path:kv/shop#password>",
    ] {
        assert!(
            elsewhere.stderr.contains(named),
            "{named}:\n{}",
            elsewhere.stderr
        );
    }

    let rendered = run(render.env("VAULT_ADDR", "file:secrets.yaml"), &built.stdout).success();
    let text = rendered.text();
    assert!(!text.contains("<path:"), "{text}");
    let secret = object(text, "Secret");
    // printf %s 'hunter:2 # x' | base64
    assert_eq!(secret["data"]["password"], "aHVudGVyOjIgIyB4");
    assert_eq!(
        object(text, "ConfigMap")["data"]["url"],
        "https://token-of-the-shop@x"
    );
    let deployment = object(text, "Deployment");
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], "registry.example/shop:1.10");
    assert_eq!(container["env"][0]["value"], "token-of-the-shop");
    assert_eq!(
        deployment["metadata"]["annotations"]["github.com/url"],
        "acme/deploy"
    );
}

#[test]
fn a_failing_function_fails_the_build_and_its_first_line_says_why() {
    let cases = [
        (
            DEPLOYMENT.replace("#token", "#tokn"),
            RELEASE.to_owned(),
            "Deployment web spec.template.spec.containers[0].env[0].value <path:kv/shop#tokn>",
        ),
        (
            DEPLOYMENT.replace("kv/shop#token", "kv/shop#token | nosuch"),
            RELEASE.to_owned(),
            "nosuch",
        ),
        (
            DEPLOYMENT.to_owned(),
            RELEASE.replace("repository:", "repo:"),
            "spec.repo",
        ),
        (
            DEPLOYMENT.to_owned(),
            RELEASE.replace("\"1.10\"", "1.10"),
            "spec.images[0].newTag",
        ),
        (
            DEPLOYMENT.to_owned(),
            RELEASE.replace("acme/deploy", "'${NO_SUCH}'"),
            "spec.repository.url",
        ),
        (
            DEPLOYMENT.to_owned(),
            RELEASE.replace(
                "registry.example/shop, ",
                "registry.example/shp, required: true, ",
            ),
            "registry.example/shp",
        ),
    ];
    for (deployment, release, reason) in cases {
        let dir = tree(&[
            ("app/deployment.yaml", &deployment),
            ("app/release.yaml", &release),
            (
                "app/kustomization.yaml",
                "resources: [deployment.yaml]\ntransformers: [release.yaml]\n",
            ),
        ]);
        let Some(output) = build(dir.path(), "app", EXEC) else {
            return;
        };
        let output = output.code(1);
        assert_eq!(output.text(), "");
        let errors: Vec<_> = output.stderr.lines().collect();
        assert!(
            errors[0].starts_with("error: ") && errors[0].contains(reason),
            "{reason}:\n{}",
            output.stderr
        );
        assert!(errors[1].starts_with("help: "), "{}", output.stderr);
        assert!(
            !output.stderr.contains("token-of-the-shop"),
            "{}",
            output.stderr
        );
    }
}

#[test]
fn a_tag_that_kustomize_has_made_a_number_is_an_error_that_says_to_quote_it() {
    let dir = tree(&[
        ("app/deployment.yaml", DEPLOYMENT),
        ("app/release.yaml", &RELEASE.replace("\"1.10\"", "1.10")),
        (
            "app/kustomization.yaml",
            "resources: [deployment.yaml]\ntransformers: [release.yaml]\n",
        ),
    ]);
    let Some(output) = build(dir.path(), "app", EXEC) else {
        return;
    };
    let output = output.code(1);
    assert!(output.stderr.contains("quote"), "{}", output.stderr);
}

#[test]
fn the_configuration_may_be_inline_a_file_or_generated() {
    let inline: String =
        RELEASE
            .lines()
            .fold("transformers:\n- |\n".to_owned(), |mut text, line| {
                writeln!(text, "  {line}").unwrap();
                text
            });
    let cases = [
        ("inline", inline),
        ("file", "transformers: [release.yaml]\n".to_owned()),
        ("generated", "transformers: [generated]\n".to_owned()),
    ];
    for (case, transformers) in cases {
        let dir = tree(&[
            ("app/deployment.yaml", DEPLOYMENT),
            ("app/release.yaml", RELEASE),
            (
                "app/generated/kustomization.yaml",
                "configMapGenerator:
- name: release
  literals: [repository=acme/deploy, 'image=registry.example/shop:1.10']
  options:
    annotations:
      config.kubernetes.io/function: |
        exec: {path: gitops-fn}
",
            ),
            (
                "app/kustomization.yaml",
                &format!("resources: [deployment.yaml]\n{GENERATORS}{transformers}"),
            ),
            ("resolved/deployment.yaml", DEPLOYMENT),
            (
                "resolved/kustomization.yaml",
                &format!("resources: [deployment.yaml]\n{GENERATORS_RESOLVED}"),
            ),
        ]);
        let Some(output) = build(dir.path(), "app", EXEC) else {
            return;
        };
        let resolved = build(dir.path(), "resolved", &[]).unwrap().success();
        assert_eq!(output.code, 0, "{case}: {}", output.stderr);
        check_resolved(output.text(), resolved.text());
    }
}

#[test]
fn the_configuration_is_no_item() {
    // with nothing to transform, and as a generator, kustomize sends the configuration as the only item
    let release = RELEASE.replace("1.10\"}", "1.10\", required: false}");
    for field in ["transformers", "generators"] {
        let dir = tree(&[
            ("app/release.yaml", &release),
            (
                "app/kustomization.yaml",
                &format!("{field}: [release.yaml]\n"),
            ),
        ]);
        let Some(output) = build(dir.path(), "app", EXEC) else {
            return;
        };
        let output = output.success();
        assert_eq!(output.text(), "", "{field}");
    }
}

/// Every scalar of docs/internals/kustomize-and-kpt.md#what-kustomize-sends, and shapes that are easily lost.
const SCALARS: &str = r#"apiVersion: example.com/v1
kind: Widget
metadata:
  name: w
  annotations: {z-first: "1", a-second: 'yes', octal: "0755", note: "line1\n---\nline3"}
spec:
  ints: [9007199254740993, 18446744073709551615, 123456789012345678901234567890]
  floats: [1.0, 1e3, 1.5E+10, 1e20, -0.0, 0.1]
  bases: [0755, 0o755, 0xFF, 1_000, 0b101, 089]
  quoted: ["0755", 'true', "1e3", "1"]
  binary: !!binary aGVsbG8=
  tagged: !!str 123
  separator: "a\n---\nb"
  leading: "  a\nb"
  leadingTrailing: "  a\nb\n\n"
  yes: [yes, on, y, no, n, True, ~, null, ]
  nothing:
  dates: [2024-01-02, 12:30:45]
  empty: [{}, [], ""]
  crlf: "a\r\nb"
  blanks: "a \nb\n"
  tabs: "a\tb\n\tc\n"
  emoji: 😀
  "y": n
  merge: "<<"
  anchors: [&a {x: 1}, *a]
  merged: {<<: {a: 1}, b: 2}
  lines: "x\u2028y\u2029z"
  nel: "x\u0085y"
  16: a
  0x11: b
  text: |
    # no comment
    a: b
  folded: >-
    a
    b
  long: word word word word word word word word word word word word word word word word word word word word word
  images: [nginx, {image: nginx}]
  prose: a < b && c > d, <key>, <xpath:a#b>
"#;

#[test]
fn nothing_planned_equals_the_build_without_a_function() {
    let dir = tree(&[
        ("app/scalars.yaml", SCALARS),
        (
            "app/deployment.yaml",
            &DEPLOYMENT.replace("<path:kv/shop#token>", "x"),
        ),
        ("app/secrets.yaml", SECRETS),
        (
            "app/kustomization.yaml",
            &format!(
                "resources: [scalars.yaml, deployment.yaml]\ntransformers: [secrets.yaml]\n{GENERATORS_RESOLVED}"
            ),
        ),
    ]);
    let Some(with) = build(dir.path(), "app", EXEC) else {
        return;
    };
    let without = build(dir.path(), "app", SKIP_EXEC).unwrap().success();
    let with = with.success();
    assert_eq!(with.stderr, "");
    assert_eq!(with.text(), without.text());
}

#[test]
fn annotation_and_image_equal_those_of_kustomize_itself() {
    const ANNOTATIONS: &str = "apiVersion: builtin
kind: AnnotationsTransformer
metadata: {name: a}
annotations: {github.com/url: acme/deploy}
fieldSpecs: [{path: metadata/annotations, create: true}]
";
    let resources = format!("resources: [scalars.yaml, deployment.yaml]\n{GENERATORS_RESOLVED}");
    let deployment = DEPLOYMENT.replace("<path:kv/shop#token>", "x");
    let dir = tree(&[
        ("ours/scalars.yaml", SCALARS),
        ("ours/deployment.yaml", &deployment),
        ("ours/release.yaml", RELEASE),
        (
            "ours/kustomization.yaml",
            &format!("{resources}transformers: [release.yaml]\n"),
        ),
        ("theirs/scalars.yaml", SCALARS),
        ("theirs/deployment.yaml", &deployment),
        ("theirs/annotations.yaml", ANNOTATIONS),
        (
            "theirs/kustomization.yaml",
            &format!(
                "{resources}images: [{{name: registry.example/shop, newTag: \"1.10\"}}]\ntransformers: [annotations.yaml]\n"
            ),
        ),
    ]);
    let Some(ours) = build(dir.path(), "ours", EXEC) else {
        return;
    };
    let theirs = build(dir.path(), "theirs", &[]).unwrap().success();
    let ours = ours.success();
    assert!(ours.text().contains("registry.example/shop:1.10"));
    assert_eq!(ours.text(), theirs.text());
}

#[test]
fn a_rotated_secret_gives_another_name() {
    let dir = tree(&[
        ("app/secrets.yaml", SECRETS),
        (
            "app/kustomization.yaml",
            &format!("{GENERATORS}transformers: [secrets.yaml]\n"),
        ),
    ]);
    let names = || {
        let output = build(dir.path(), "app", EXEC)?.success();
        let secret = object(output.text(), "Secret");
        let config = object(output.text(), "ConfigMap");
        Some((name(&secret).to_owned(), name(&config).to_owned()))
    };
    let Some(before) = names() else { return };
    fs::write(
        dir.path().join("secrets.yaml"),
        STORE.replace("hunter:2", "hunter:3"),
    )
    .unwrap();
    let after = names().unwrap();
    assert_ne!(before.0, after.0);
    assert_eq!(before.1, after.1);
}
