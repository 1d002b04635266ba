//! What must hold for any input, over generated documents and secret values. The second reader is
//! `serde_yaml` (libyaml's rules), which shares no code with the parser that plans and verifies.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use gitops_fn::config::{self, Config};
use gitops_fn::resolve::{Resolved, resolve};
use gitops_fn::secret::SecretRef;
use gitops_fn::settings::Settings;
use gitops_fn::source::Source;
use gitops_fn::store::file::FileStore;
use gitops_fn::{Outcome, function, render};
use proptest::prelude::*;
use serde_yaml::Value;

use crate::support::{gitops_fn, run, temp_dir, write_files};

const RELEASE: &str = "apiVersion: gitops-fn.dev/v1alpha1\nkind: Release\nspec:\n  repository: {url: org/repo}\n  images: [{name: nginx, newTag: '2'}]\n";

fn source(text: &str) -> Source {
    Source {
        name: "stdin".to_owned(),
        text: text.to_owned(),
    }
}

fn release() -> Config {
    config::from_file(RELEASE, &Settings::default()).unwrap()
}

/// What a run writes, `None` if it refuses.
fn output(outcome: &Outcome, source: Source) -> Option<String> {
    if outcome.exit_code() != 0 {
        return None;
    }
    let mut out = Vec::new();
    outcome.write(&[source], &mut out).unwrap();
    Some(String::from_utf8(out).unwrap())
}

fn rendered(text: &str, config: &Config) -> Option<String> {
    let outcome = render(&[source(text)], config, &Settings::default(), |_| {
        Resolved::default()
    });
    output(&outcome, source(text))
}

/// Renders with a store that holds `value` under kv/a#v.
fn filled(text: &str, value: &str, dir: &Path) -> Result<String, String> {
    let json = gitops_fn::yaml::scalar::double_quote(value);
    let store = dir.join("secrets.yaml");
    std::fs::write(&store, format!("kv/a: {{\"v\": {json}}}\n")).unwrap();
    let store = FileStore::new(store);
    let outcome = render(
        &[source(text)],
        &Config::default(),
        &Settings::default(),
        |wants| read(wants, &store),
    );
    output(&outcome, source(text)).ok_or_else(|| gitops_fn::report::text(&outcome.findings))
}

fn read(wants: &BTreeSet<SecretRef>, store: &FileStore) -> Resolved {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(resolve(wants, store))
}

/// Pieces of YAML that go wrong when they are put side by side.
fn yaml_soup() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "kind: Secret\n",
        "metadata:\n",
        "  name: a\n",
        "  annotations:\n",
        "    x: y\n",
        "- ",
        "  - a\n",
        "a: ",
        "{",
        "}",
        "[",
        "]",
        ", ",
        ": ",
        "\"",
        "'",
        "|\n",
        ">-\n",
        "|+2\n",
        "  ",
        "\t",
        "\n",
        "\r\n",
        "---\n",
        "...\n",
        "# c\n",
        "&a ",
        "*a",
        "<<: ",
        "!!str ",
        "? ",
        "~",
        "null",
        "<path:kv/a#v>",
        "<v>",
        "\\u003cpath:kv/a#v\\u003e",
        "avp.kubernetes.io/path: kv/a\n",
        "spec:\n",
        "  containers:\n",
        "  - image: nginx:1\n",
        "%YAML 1.2\n",
        "\u{feff}",
        "items:\n",
        "functionConfig:\n",
        "apiVersion: v1\n",
        "kind: ResourceList\n",
        "é😀\u{85}\u{2028}",
        "PHBhdGg6a3YvYSN2Pg==",
        "\u{0}",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// A well-formed document whose leaves are written in all styles.
fn document() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "plain",
        "'it''s'",
        "\"a\\tb\\u00e9\"",
        "|\n      two\n      lines",
        "|-\n      kept  \n\n      on",
        ">-\n      folded\n      text",
        ">+\n      f\n\n",
        "0755",
        "1.0",
        "yes",
        "~",
        "{a: 1, b: [x, 'y']}",
        "[1, \"2\", {c: d}]",
        "&anchor x",
        "!!str 1",
        "\"# no comment\"",
        "x # comment",
        "é😀",
    ]);
    let entries = prop::collection::vec(leaf, 1..8);
    (entries, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(leaves, crlf, bom, marker)| {
        let mut text = String::new();
        if bom {
            text.push('\u{feff}');
        }
        if marker {
            text.push_str("--- # first\n");
        }
        text.push_str("apiVersion: v1\nkind: Secret # a sign of placeholders, so that the text is parsed\nmetadata:\n  name: \"s\"\nspec:\n");
        for (number, leaf) in leaves.iter().enumerate() {
            let _ = writeln!(text, "    k{number}: {leaf}");
        }
        if crlf { text.replace('\n', "\r\n") } else { text }
    })
}

/// Values that break texts, and random ones.
fn secret_value() -> impl Strategy<Value = String> {
    let nasty = prop::sample::select(vec![
        "\"",
        "'",
        "\n",
        "\r\n",
        "---\n",
        ": ",
        " #",
        "<path:kv/a#v>",
        "<v>",
        "{{ x }}",
        "*a",
        "&a",
        "- ",
        "|",
        ">",
        "%",
        "@",
        "`",
        "\t",
        " ",
        "\u{0}",
        "\u{7}",
        "\u{7f}",
        "\u{85}",
        "\u{a0}",
        "\u{2028}",
        "\u{feff}",
        "\u{ffff}",
        "😀",
        "é",
        "null",
        "0755",
        "~",
        "$1",
        "\\",
        "\\u003c",
        "a",
        "yes",
    ]);
    prop_oneof![
        prop::collection::vec(nasty, 0..8).prop_map(|pieces| pieces.concat()),
        any::<String>(),
    ]
}

/// A Secret with the placeholder in one of the styles, beside fields that are to stay.
fn placeholder_document() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "<path:kv/a#v>", "'<path:kv/a#v>'", "\"<path:kv/a#v>\"", "|\n      <path:kv/a#v>", "|-\n      <path:kv/a#v>\n      b", "|+\n      a\n      <path:kv/a#v>\n\n",
        "|2-\n      <path:kv/a#v>", ">-\n      <path:kv/a#v>\n      b", "x<path:kv/a#v>y # comment", "'it''s <path:kv/a#v>'", "\"\\\"<path:kv/a#v>\\n\"",
        "&anchor <path:kv/a#v>", "!!str <path:kv/a#v>", "{a: <path:kv/a#v>, b: c}", "[a, \"<path:kv/a#v>\"]", "{\"a\":\"<path:kv/a#v>\"}",
    ])
    .prop_map(|leaf| format!("apiVersion: v1\nkind: Widget # kept\nmetadata: {{name: w}}\nspec:\n    before: 0755\n    v: {leaf}\n    after: 'x' # kept\n"))
}

fn replace(value: Value, secret: &str) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace("<path:kv/a#v>", secret)),
        Value::Sequence(list) => list.into_iter().map(|item| replace(item, secret)).collect(),
        Value::Mapping(map) => Value::Mapping(
            map.into_iter()
                .map(|(key, item)| (key, replace(item, secret)))
                .collect(),
        ),
        other => other,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn nothing_planned_is_nothing_changed(text in document(), more in document()) {
        let stream = format!("{text}---\n{}", more.trim_start_matches('\u{feff}'));
        for text in [text, stream] {
            if let Some(written) = rendered(&text, &Config::default()) {
                prop_assert_eq!(written, text);
            }
        }
    }

    #[test]
    fn most_documents_are_accepted(text in document()) {
        prop_assert!(rendered(&text, &Config::default()).is_some(), "{}", text);
    }

    #[test]
    fn a_second_run_changes_nothing(text in document()) {
        let Some(once) = rendered(&text, &release()) else { return Ok(()) };
        prop_assert_eq!(rendered(&once, &release()), Some(once.clone()));
        prop_assert!(once.contains("github.com/url: \"org/repo\""), "{}", once);
    }

    #[test]
    fn annotations_leave_the_rest_alone(text in document()) {
        let Some(once) = rendered(&text, &release()) else { return Ok(()) };
        let eol = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let added = format!("  annotations:{eol}    github.com/url: \"org/repo\"{eol}");
        prop_assert_eq!(once.replacen(&added, "", 1), text);
    }

    #[test]
    fn values_arrive_or_are_refused(text in placeholder_document(), value in secret_value()) {
        let dir = temp_dir();
        match filled(&text, &value, dir.path()) {
            Ok(written) => {
                let before: Value = serde_yaml::from_str(&text).unwrap();
                let after: Value = serde_yaml::from_str(&written).unwrap();
                prop_assert_eq!(after, replace(before, &value), "{}", written);
                for kept in ["kind: Widget # kept\n", "    before: 0755\n", "\n    after: 'x' # kept\n"] {
                    prop_assert!(written.contains(kept), "{}", written);
                }
            }
            Err(reason) => {
                prop_assert!(reason.contains("help: "), "{}", reason);
                prop_assert!(!reason.contains("fault of gitops-fn"), "{}\n{}", reason, text);
            }
        }
    }

    #[test]
    fn soup_never_panics(text in yaml_soup()) {
        for config in [Config::default(), release()] {
            if let Some(written) = rendered(&text, &config)
                && config.repository.is_none() && !text.contains("path") {
                prop_assert_eq!(written, text.clone());
            }
        }
        let list = format!("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- {}\n", text.replace('\n', "\n  "));
        for text in [text, list] {
            let outcome = function(&source(&text), &Settings::default(), |_| Resolved::default());
            let mut out = Vec::new();
            outcome.write(&[source(&text)], &mut out).unwrap();
        }
    }

    #[test]
    fn any_text_never_panics(text in any::<String>(), more in yaml_soup()) {
        let settings = Settings::default();
        let _ = rendered(&text, &release());
        let _ = config::from_function_config(Some(&text), &settings);
        let _ = config::from_file(&more, &settings);
        let _ = gitops_fn::placeholder::parse(text.as_bytes(), true);
        let _ = gitops_fn::placeholder::parse(more.as_bytes(), true);
        let _ = gitops_fn::placeholder::modifier::parse(&[&*text]);
        let _ = gitops_fn::yaml::load::load(&more);
        let dir = temp_dir();
        let path = dir.path().join("s.yaml");
        std::fs::write(&path, &more).unwrap();
        let want = SecretRef { path: "kv/a".to_owned(), version: 0, kv: None };
        let _ = read(&BTreeSet::from([want]), &FileStore::new(path));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn the_program_never_panics_on_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400), soup in yaml_soup()) {
        for input in [bytes.as_slice(), soup.as_bytes()] {
            for args in [&["render", "-"][..], &[]] {
                let output = run(gitops_fn().args(args), input);
                prop_assert!((0..=2).contains(&output.code), "{}: {}", output.code, output.stderr);
                prop_assert!(!output.stderr.contains("gitops-fn has failed"));
            }
        }
    }
}

#[test]
fn a_value_of_a_megabyte_arrives() {
    let dir = temp_dir();
    let line = "quote \" apostrophe ' colon: # hash <path:kv/a#v>\n";
    let value = line.repeat(1_000_000 / line.len());
    write_files(dir.path(), &[]);
    for style in ["<path:kv/a#v>", "|\n    <path:kv/a#v>"] {
        let text = format!("kind: Widget\nmetadata: {{name: w}}\nv: {style}\n");
        // the store's own limit is 1 MiB, and JSON escapes count
        let half = &value[..value.len() / 3];
        let written = filled(&text, half, dir.path()).unwrap();
        let after: Value = serde_yaml::from_str(&written).unwrap();
        let end = if style.starts_with('|') { "\n" } else { "" };
        assert_eq!(after["v"].as_str(), Some(&*format!("{half}{end}")));
    }
}
