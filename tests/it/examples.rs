//! Runs the examples: each one gives the content of its `expected.yaml`, and the demo command works.

use std::env;
use std::fs;

use crate::support::{EXEC, clean, exe, gitops_fn, in_ci, kustomize_build, root, run, temp_dir};

fn example(path: &str) -> std::path::PathBuf {
    root().join("examples").join(path)
}

#[test]
fn kustomize_prints_what_is_expected() {
    let store = format!("file:{}", example("kustomize/secrets.yaml").display());
    let Some(output) = kustomize_build(
        &example("kustomize/overlay"),
        EXEC,
        &[("VAULT_ADDR", &store)],
    ) else {
        return;
    };
    let output = output.success();
    let expected = fs::read_to_string(example("kustomize/expected.yaml")).unwrap();
    assert_eq!(output.text(), expected);
    let warning = output.stderr.trim_end();
    assert_eq!(
        warning,
        format!(
            "warning: secrets come from file {}",
            &store["file:".len()..]
        )
    );
}

#[test]
fn render_prints_what_is_expected() {
    let input = fs::read(example("pipeline/manifests.yaml")).unwrap();
    let expected = fs::read_to_string(example("pipeline/expected.yaml")).unwrap();
    let output = run(
        gitops_fn()
            .current_dir(example("pipeline"))
            .env("VAULT_ADDR", "file:secrets.yaml")
            .args(["render", "-f", "release.yaml", "-"]),
        &input,
    )
    .success();
    assert_eq!(output.text(), expected);
}

#[test]
fn rendering_the_kustomize_example_as_a_stream_gives_the_same_objects_but_for_their_hashes() {
    // what a CMP does with a repository that never heard of functions
    let Some(built) = kustomize_build(
        &example("kustomize/overlay"),
        &["--enable-alpha-plugins"],
        &[],
    ) else {
        return;
    };
    let output = run(
        gitops_fn()
            .current_dir(example("kustomize"))
            .env("VAULT_ADDR", "file:secrets.yaml")
            .args(["render", "-f", "overlay/release.yaml", "-"]),
        built.success().stdout,
    )
    .success();
    let expected = fs::read_to_string(example("kustomize/expected.yaml")).unwrap();
    let without_hashes = |text: &str| -> Vec<serde_yaml::Value> {
        let hash = |name: &str| {
            let prefix = ["prod-shop-config-", "prod-shop-credentials-"];
            let known = prefix.iter().find(|prefix| name.starts_with(**prefix));
            known.map_or(name.to_owned(), |prefix| (*prefix).to_owned())
        };
        crate::support::documents(text)
            .into_iter()
            .map(|document| crate::support::map_strings(document, &hash))
            .collect()
    };
    assert_eq!(without_hashes(output.text()), without_hashes(&expected));
}

#[test]
fn the_demo_shows_what_changes() {
    let dir = temp_dir();
    let mut demo = clean(example("demo"));
    demo.current_dir(dir.path());
    for name in [
        "CARGO_HOME",
        "RUSTUP_HOME",
        "CARGO_TARGET_DIR",
        "GITOPS_FN_TOOLS",
        "XDG_CACHE_HOME",
    ] {
        if let Some(value) = env::var_os(name) {
            demo.env(name, value);
        }
    }
    if !in_ci() {
        // building the release takes minutes
        if crate::support::tool("kustomize").is_none() {
            return;
        }
        demo.env("GITOPS_FN", exe());
    }
    let output = run(&mut demo, "").success();
    let text = output.text();
    for line in [
        "+    github.com/url: https://git.example/acme/shop-deploy",
        "-        image: registry.example/acme/shop:latest",
        "+        image: registry.example/acme/shop:1.10",
        "-          value: <path:kv/shop/cdn#token>",
        "+          value: fake-cdn-token",
        "+  DB_PASSWORD: bm90L2EgcmVhbDpwYXNzd29yZA==  # not/a real:password",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line}\n{text}");
    }
    let left = text
        .lines()
        .filter(|line| line.contains("<path:") && !line.starts_with('-'));
    assert_eq!(left.collect::<Vec<_>>(), Vec::<&str>::new());
    assert!(
        !text.contains('\u{1b}'),
        "colours, though this is no terminal"
    );
    assert!(
        output
            .stderr
            .contains("demo: kustomize build --enable-alpha-plugins --enable-exec"),
        "{}",
        output.stderr
    );
    assert!(!output.stderr.contains("fake-"), "{}", output.stderr);
}
