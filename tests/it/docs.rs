//! Checks the README and the pages in `docs/`: their failures, tables, examples and commands.

pub(crate) mod failures;
pub(crate) mod links;
mod picture;
mod schemas;

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{clean, exe, gitops_fn, path_with, root, run, temp_dir, tool, write_files};

pub(crate) const TROUBLESHOOTING: &str = "docs/troubleshooting.md";
const CONFIGURATION: &str = "docs/configuration.md";
const PLACEHOLDERS: &str = "docs/placeholders.md";

pub(crate) fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// The files below `folder` with this ending, as paths from the root of the tree, without what tools have built.
fn files(folder: &str, ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = folder.join(&name);
            if entry.file_type().unwrap().is_dir() {
                if name != "target" && !name.starts_with('.') {
                    folders.push(path);
                }
            } else if name.ends_with(ending) {
                found.push(path.into_os_string().into_string().unwrap());
            }
        }
    }
    found.sort();
    found
}

/// The README and the pages in `docs/`.
fn pages() -> Vec<String> {
    let mut names = files("docs", ".md");
    names.push("README.md".into());
    names
}

/// The cells of the table with this header line; `` ` `` and `\|` as they are written.
pub(crate) fn table(text: &str, header: &str) -> Vec<Vec<String>> {
    let rows: Vec<_> = text
        .lines()
        .skip_while(|line| *line != header)
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let inner = line.trim_matches('|').trim();
            inner.split(" | ").map(str::to_owned).collect()
        })
        .collect();
    assert!(!rows.is_empty(), "no table {header}");
    rows
}

/// The text between the cell's first pair of backticks.
pub(crate) fn code(cell: &str) -> String {
    let inner = cell.split('`').nth(1);
    inner
        .unwrap_or_else(|| panic!("no code in {cell}"))
        .to_owned()
}

/// A fenced block.
struct Block {
    language: String,
    text: String,
    /// The last line before it that is not blank.
    before: String,
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    let mut before = String::new();
    for line in text.lines() {
        match (line.strip_prefix("```"), open) {
            (Some(language), false) => blocks.push(Block {
                language: language.to_owned(),
                text: String::new(),
                before: std::mem::take(&mut before),
            }),
            (None, true) => {
                let text = &mut blocks.last_mut().unwrap().text;
                text.push_str(line);
                text.push('\n');
            }
            (None, false) if !line.is_empty() => line.clone_into(&mut before),
            _ => {}
        }
        open ^= line.starts_with("```");
    }
    blocks
}

/// The YAML examples of all pages that contain this text.
fn yaml_blocks(containing: &str) -> Vec<String> {
    let found: Vec<_> = pages()
        .iter()
        .flat_map(|name| blocks(&page(name)))
        .filter(|block| block.language == "yaml" && block.text.contains(containing))
        .map(|block| block.text)
        .collect();
    assert!(!found.is_empty(), "no example with {containing}");
    found
}

#[test]
fn the_readme_is_a_front_door() {
    let lines = page("README.md").lines().count();
    assert!(
        lines <= 120,
        "{lines} lines: what is not needed at the first look belongs into docs/"
    );
}

#[test]
fn every_example_configuration_is_named() {
    let text: String = pages().iter().map(|name| page(name)).collect();
    for entry in fs::read_dir(root().join("fn-config")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let link = format!("fn-config/{name})");
        assert!(text.contains(&link), "{link}");
    }
}

#[test]
fn the_environment_variables_are_those_of_the_help() {
    let help = run(gitops_fn().arg("--help"), "").success();
    let mut listed: Vec<String> = help
        .text()
        .lines()
        .skip_while(|line| *line != "Environment:")
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .flat_map(|line| {
            let names = line.trim().split("  ").next().unwrap();
            names.split(' ').map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    let rows = table(&page(CONFIGURATION), "| Environment variable | Meaning |");
    let mut named: Vec<String> = rows.iter().map(|row| code(&row[0])).collect();
    listed.sort();
    named.sort();
    assert_eq!(named, listed);
}

#[test]
fn the_modifiers_are_those_of_the_program() {
    let manifest = "kind: Any\nmetadata: {name: a}\nspec: {v: <path:kv/a#b | nosuch>}\n";
    let refused = run(gitops_fn().args(["render", "-"]), manifest).code(1);
    let known = refused.stderr.split("modifiers are ").nth(1).unwrap();
    let mut known: Vec<String> = known.trim().split(", ").map(str::to_owned).collect();
    let rows = table(&page(PLACEHOLDERS), "| Modifier | Makes of the value |");
    let mut named: Vec<String> = rows
        .iter()
        .map(|row| code(&row[0]).split(' ').next().unwrap().to_owned())
        .collect();
    known.sort();
    named.sort();
    assert_eq!(named, known);
}

#[test]
fn the_modifiers_do_what_is_said() {
    let cases = [
        ("base64encode", "a b?", "YSBiPw=="),
        ("base64decode", "YSBiPw==", "a b?"),
        ("jsonPath {.a.b}", r#"{"a":{"b":1234567}}"#, "1234567"),
        ("indent 4", "a\n  b", "a\n      b"),
        (
            "sha256sum",
            "abc",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
        ("default 'text'", "there", "there"),
        ("urlencode", "a b?", "a%20b%3F"),
        ("json", "say \"hi\"", "say \\\"hi\\\""),
    ];
    let rows = table(&page(PLACEHOLDERS), "| Modifier | Makes of the value |");
    for (modifier, value, result) in cases {
        assert!(
            rows.iter().any(|row| code(&row[0]) == modifier),
            "{modifier}"
        );
        let dir = temp_dir();
        let value = serde_json::to_string(value).unwrap();
        write_files(
            dir.path(),
            &[("s.yaml", &format!("kv/a: {{k: {value}}}\n"))],
        );
        let manifest = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata:\n  v: \"<path:kv/a#k | {modifier}>\"\n"
        );
        let mut render = gitops_fn();
        render
            .current_dir(dir.path())
            .env("VAULT_ADDR", "file:s.yaml");
        let output = run(render.args(["render", "-"]), manifest).success();
        let map: serde_yaml::Value = serde_yaml::from_str(output.text()).unwrap();
        assert_eq!(map["data"]["v"].as_str(), Some(result), "{modifier}");
    }
}

#[test]
fn the_annotations_are_those_of_the_program() {
    let manifest = "kind: Any\nmetadata: {name: a, annotations: {avp.kubernetes.io/nosuch: x}}\n";
    let output = run(gitops_fn().args(["render", "-"]), manifest).success();
    for row in table(
        &page(PLACEHOLDERS),
        "| Annotation of the object | Meaning |",
    ) {
        let name = code(&row[0]);
        let name = name.strip_prefix("avp.kubernetes.io/").unwrap();
        assert!(output.stderr.contains(name), "{name}: {}", output.stderr);
    }
}

#[test]
fn every_release_of_the_text_is_valid() {
    let releases = yaml_blocks("kind: Release");
    for release in releases.iter().filter(|text| text.contains("images:")) {
        let dir = temp_dir();
        write_files(dir.path(), &[("release.yaml", release)]);
        let mut render = gitops_fn();
        render.current_dir(dir.path()).env("APP_REPO", "acme/shop");
        render.env("IMAGE_TAG", "1.10");
        render.args(["render", "-f", "release.yaml", "-"]);
        let deployment = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{image: registry.example/acme/shop}]}\n";
        let output = run(&mut render, deployment).success();
        for part in ["registry.example/acme/shop:1.10", "\"acme/shop\""] {
            assert!(output.text().contains(part), "{part}: {}", output.text());
        }
    }
}

#[test]
fn the_config_map_of_the_text_is_valid() {
    for config in yaml_blocks("kind: ConfigMap") {
        let list = format!(
            "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: a\n  spec:\n    containers:\n    - image: registry.example/acme/shop\nfunctionConfig:\n  {}\n",
            config.trim_end().replace('\n', "\n  ")
        );
        let mut function = gitops_fn();
        function
            .env("APP_REPO", "acme/shop")
            .env("IMAGE_TAG", "1.10");
        let output = run(&mut function, list).success();
        assert!(output.text().contains("registry.example/acme/shop:1.10"));
        assert!(output.text().contains("github.com/url: acme/shop\n"));
    }
}

#[test]
fn the_store_of_the_text_works() {
    let dir = temp_dir();
    write_files(
        dir.path(),
        &[("s.yaml", &yaml_blocks("kv/shop/signing:")[0])],
    );
    let mut render = gitops_fn();
    render
        .current_dir(dir.path())
        .env("VAULT_ADDR", "file:s.yaml");
    let manifest = "kind: Any\nmetadata: {name: a}\nspec: {v: '<path:kv/data/shop/web#user> <path:kv/shop/signing#key#1> <path:kv/shop/signing#key>'}\n";
    let output = run(render.args(["render", "-"]), manifest).success();
    assert!(output.text().contains("bob old new"), "{}", output.text());
}

#[test]
fn the_placeholders_of_the_text_work() {
    let dir = temp_dir();
    write_files(
        dir.path(),
        &[(
            "s.yaml",
            "MOUNT/PATH: [{KEY: one}, {KEY: two}, {KEY: \"three\\\"\"}]\n",
        )],
    );
    let rows = table(&page(PLACEHOLDERS), "| Written | Where it counts | Gives |");
    let results = [
        "three\"",
        "three\"",
        "{\"KEY\":\"three\\\"\"}",
        "three\"",
        "three\\\"",
        "<path:MOUNT/PATH#KEY>",
    ];
    assert_eq!(rows.len(), results.len());
    for (row, result) in rows.iter().zip(results) {
        let written = code(&row[0]).replace('…', "MOUNT/PATH#KEY");
        let manifest = format!(
            "kind: Any\nmetadata: {{name: a, annotations: {{avp.kubernetes.io/path: MOUNT/PATH}}}}\nspec: {{v: 'x{written}'}}\n"
        );
        let mut render = gitops_fn();
        render
            .current_dir(dir.path())
            .env("VAULT_ADDR", "file:s.yaml");
        let output = run(render.args(["render", "-"]), manifest).success();
        let object: serde_yaml::Value = serde_yaml::from_str(output.text()).unwrap();
        assert_eq!(object["spec"]["v"].as_str(), Some(&*format!("x{result}")));
    }
}

/// Runs a block with a shell in the root of the tree, with our program on its `PATH`.
fn shell(script: &str) -> Option<crate::support::Output> {
    let mut folders = vec![exe().parent().unwrap().to_owned()];
    if script.contains("kustomize build") {
        folders.push(tool("kustomize")?.parent().unwrap().to_owned());
    }
    let folders: Vec<&Path> = folders.iter().map(AsRef::as_ref).collect();
    let mut bash = clean("bash");
    bash.args(["-euo", "pipefail", "-c", script]);
    bash.current_dir(root()).env("PATH", path_with(&folders));
    Some(run(&mut bash, "").success())
}

/// The examples after `<!-- tested -->` that contain this text, each with the block that follows it.
fn tested(containing: &str) -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    for name in pages() {
        let blocks = blocks(&page(&name));
        for (at, block) in blocks.iter().enumerate() {
            if block.before == "<!-- tested -->" && block.text.contains(containing) {
                let next = blocks.get(at + 1).map(|next| next.text.clone());
                found.push((block.text.clone(), next));
            }
        }
    }
    found
}

#[test]
fn the_examples_in_a_pipe_print_what_is_shown() {
    let examples = tested("render -");
    // the README, and two pages
    assert_eq!(examples.len(), 3);
    for (script, shown) in examples {
        let output = shell(&script).unwrap();
        assert_eq!(Some(output.text()), shown.as_deref());
    }
}

#[test]
fn the_examples_in_kustomize_work() {
    let examples = tested("kustomize build");
    // the README, and its page
    assert_eq!(examples.len(), 2);
    for (script, _) in examples {
        let Some(output) = shell(&script) else {
            return;
        };
        let text = output.text();
        assert!(
            text.contains("image: registry.example/acme/shop:1.11"),
            "{text}"
        );
        assert!(text.contains("github.com/url: acme/shop-deploy"), "{text}");
        assert!(text.contains("value: fake-cdn-token"), "{text}");
    }
}

#[test]
fn what_is_shown_of_the_demo_is_what_it_prints() {
    let Some(kustomize) = tool("kustomize") else {
        return;
    };
    let mut demo = clean(root().join("examples/demo"));
    demo.env("GITOPS_FN", exe());
    demo.env("PATH", path_with(&[kustomize.parent().unwrap()]));
    let output = run(&mut demo, "").success();
    let shown = blocks(&page("docs/kustomize.md"))
        .into_iter()
        .find(|block| block.language == "diff")
        .unwrap();
    let mut printed = output.text().lines();
    for line in shown.text.lines() {
        assert!(
            printed.any(|other| other == line),
            "{line}\n{}",
            output.text()
        );
    }
}

#[test]
fn the_two_commands_of_the_readme_are_real() {
    let blocks = blocks(&page("README.md"));
    let is_shown = |command: &str| blocks.iter().any(|block| block.text.trim() == command);
    assert!(is_shown("examples/demo"));
    let command = "cargo test --locked";
    assert!(is_shown(command));
    assert!(page(".ci/run").contains(command));
}
