//! Arbitrary bytes: at worst they are refused.

use std::fs;

use gitops_fn::Outcome;
use gitops_fn::clock::Clock;
use gitops_fn::config::{self, Config};
use gitops_fn::explain::Explain;
use gitops_fn::image::ImageRef;
use gitops_fn::placeholder::{self, jsonpath::JsonPath, modifier};
use gitops_fn::secret::{Value, json};
use gitops_fn::settings::Settings;
use gitops_fn::store::file::FileStore;
use gitops_fn::yaml::load::load;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::{Store, cases, listed, piped, release, said};
use crate::golden;
use crate::support::{gitops_fn, run, temp_dir, write_files};
use crate::tokens::TOKENS;

/// What YAML, our configuration, placeholders and jsonpath are made of.
const MORE: &[&str] = &[
    "\n- ",
    ">+\n ",
    "!t ",
    "...\n",
    "%YAML 1.2\n",
    "%TAG ! x\n",
    "1",
    "0x1F",
    "1e999",
    "true",
    "\0",
    "\u{fffe}",
    "🚀",
    "é",
    "apiVersion: v1\n",
    "kind: List\n",
    "kind: ResourceList\n",
    "apiVersion: config.kubernetes.io/v1\n",
    "items: []",
    "functionConfig: ",
    "results: []\n",
    "metadata:\n",
    "metadata: {name: x",
    "annotations:\n",
    "data:\n  a: ",
    "avp.kubernetes.io/path: kv/s\n",
    "avp.kubernetes.io/remove-missing: 'true'\n",
    "avp.kubernetes.io/ignore: ",
    "avp.kubernetes.io/kv-version: '1'\n",
    "config.kubernetes.io/path: x\n",
    "<path:kv/s#a>",
    "<path:kv/s#none>",
    "<path:",
    "<path:kv/s#",
    "<a>",
    "<",
    "#a",
    "#-1",
    "\\u003c",
    "\\u003cpath:kv/s#a\\u003e",
    "\\x3c",
    "| base64encode",
    "| jsonPath {.a}",
    "| jsonPath {",
    "| default 'x'",
    "| yamlParse",
    "| jsonParse",
    "| indent 4",
    "| indent 99999999999",
    "| nope",
    "PHBhdGg6a3YvcyNhPg==",
    "image: acme/shop:1\n",
    "containers:\n- ",
    "github.com/url: ",
    "apiVersion: gitops-fn.dev/v1alpha1\n",
    "kind: Release\n",
    "spec:\n  ",
    "images:\n  - name: ",
    "newTag: ",
    "${APP_REPO}",
    "${",
    "$${",
    "secrets:\n    mode: keep\n",
    "kv/s: {a: b}\n",
    "kv/s:\n- {a: 1}\n",
    "{.a[0]}",
    "{..a}",
    "[?(@.a==1)]",
    "{range .a[*]}",
    "{end}",
    "[-1:9:2]",
    "['a']",
    "9223372036854775808",
    "-9223372036854775808",
    ".",
    "..",
    "*",
    "@",
    "$",
    "(",
    ")",
    "==",
    "&&",
    "`",
];

fn soup() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        12 => prop::sample::select([TOKENS, MORE].concat()).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
        1 => "[a-z0-9]{1,3}",
    ];
    prop::collection::vec(token, 0..40).prop_map(|tokens| tokens.concat())
}

/// The input of a golden case, with a few changes.
fn mutated() -> impl Strategy<Value = String> {
    let scenes = golden::scenes();
    let texts: Vec<_> = scenes
        .into_iter()
        .filter(|scene| scene.input.len() < 1 << 14)
        .filter_map(|scene| String::from_utf8(scene.input).ok())
        .collect();
    let change = (
        any::<prop::sample::Index>(),
        0..9_usize,
        prop::sample::select([TOKENS, MORE].concat()),
    );
    (
        prop::sample::select(texts),
        prop::collection::vec(change, 0..5),
    )
        .prop_map(|(mut text, changes)| {
            for (place, gone, token) in changes {
                let places: Vec<_> = text
                    .char_indices()
                    .map(|(at, _)| at)
                    .chain([text.len()])
                    .collect();
                let place = place.index(places.len());
                let end = (place + gone).min(places.len() - 1);
                text.replace_range(places[place]..places[end], token);
            }
            text
        })
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![mutated(), soup()]
}

fn store() -> Store {
    let map = json::parse(r#"{"a":[1,{"b":null}],"c":"x"}"#).unwrap();
    let mut store = Store::new(&[
        ("a", "b: [1, {c: d}]\n"),
        ("user", "bob"),
        ("b", "{\"a\": 1}"),
    ]);
    store.0.insert("m".into(), map);
    store.0.insert("n".into(), Value::number("1.0"));
    store
}

/// An error says something, a success has an output, and only a function has both.
fn judge(outcome: &Outcome, output: Option<&String>, function: bool) -> TestCaseResult {
    let said = said(outcome);
    match outcome.exit_code() {
        0 => prop_assert!(output.is_some()),
        code => {
            prop_assert!(code < 3);
            prop_assert!(said.starts_with("error: "), "{}", said);
            prop_assert!(function || output.is_none());
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(2500))]

    #[test]
    fn render_takes_any_text(text in text()) {
        let (outcome, output) = piped(&text, &Config::default(), &store());
        judge(&outcome, output.as_ref(), false)?;
        let config = release("{repository: {url: org/repo, podTemplates: true}, images: [{name: acme/shop, newTag: '2'}], secrets: {path: kv/s, encodeData: true}}");
        let (outcome, output) = piped(&text, &config, &store());
        judge(&outcome, output.as_ref(), false)?;
    }

    #[test]
    fn a_function_takes_any_text(text in text(), frame in any::<bool>()) {
        let text = if frame {
            let text = text.replace('\n', "\n  ");
            format!("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nfunctionConfig: {{kind: ConfigMap, apiVersion: v1, data: {{repository: org/repo, image: 'acme/shop:2', secretsPath: kv/s}}}}\nitems:\n- {text}\n")
        } else {
            text
        };
        let (outcome, output) = listed(&text, &store());
        judge(&outcome, output.as_ref(), true)?;
    }

    #[test]
    fn a_configuration_takes_any_text(text in soup(), whole in any::<bool>()) {
        let text = if whole {
            format!("apiVersion: gitops-fn.dev/v1alpha1\nkind: Release\nspec:\n  {}", text.replace('\n', "\n  "))
        } else {
            text
        };
        let settings = Settings::default();
        let found = [config::from_file(&text, &settings), config::from_function_config(Some(&text), &settings)];
        for problem in found.into_iter().filter_map(Result::err).flatten() {
            prop_assert!(!problem.message.is_empty() && !problem.help.is_empty(), "{}", problem);
        }
    }

    #[test]
    fn placeholders_take_any_bytes(text in soup(), tail in prop::collection::vec(any::<u8>(), 0..8), keys in any::<bool>()) {
        let bytes = [text.as_bytes(), &tail].concat();
        let found = placeholder::parse(&bytes, keys);
        prop_assert!(placeholder::may_hold(&bytes, keys) || matches!(found, Ok(None)));
        for error in found.err().into_iter().flatten() {
            prop_assert!(!error.to_string().is_empty());
            let _ = error.help();
        }
    }

    #[test]
    fn jsonpath_takes_any_text(path in soup(), value in soup()) {
        let modifiers = modifier::parse(&["jsonParse", &format!("jsonPath {path}")]);
        let values = [
            json::parse(r#"{"a":[1,{"a":[true,null,"x"]},"y"],"b":{"a":1.5}}"#).unwrap(),
            load(&value).unwrap_or(Value::Null),
        ];
        if let Ok(path) = JsonPath::parse(&path) {
            for value in &values {
                let _ = path.evaluate(value, 1 << 20, &Clock::default());
            }
        }
        if let Ok(modifiers) = modifiers {
            let _ = modifier::apply(&modifiers, Some(&Value::string(value)), 0, &Clock::default());
        }
    }

    #[test]
    fn values_and_images_take_any_text(text in soup()) {
        let _ = load(&text);
        let _ = json::parse(&text);
        let _ = ImageRef::split(&text);
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn a_store_file_takes_any_bytes(text in soup(), tail in prop::collection::vec(any::<u8>(), 0..3), whole in any::<bool>()) {
        let dir = temp_dir();
        let path = dir.path().join("secrets.yaml");
        let tail = if whole { &[][..] } else { &tail[..] };
        let head = if whole { "kv/s:\n  a: " } else { "" };
        fs::write(&path, [head.as_bytes(), text.replace('\n', "\n  ").as_bytes(), tail].concat()).unwrap();
        let store = FileStore::new(&path);
        let outcome = super::read_one(&store, "kv/s");
        if let Err(error) = outcome {
            prop_assert!(!error.message.is_empty() && !error.help.is_empty());
        }
    }
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn the_program_takes_any_bytes(
        text in text(),
        tail in prop::collection::vec(any::<u8>(), 0..4),
        place in 0..4_usize,
    ) {
        let bytes = [text.as_bytes(), &tail].concat();
        let dir = temp_dir();
        write_files(dir.path(), &[("secrets.yaml", "kv/s: {a: x}\n"), ("in.yaml", "kind: Thing\napiVersion: v1\na: <path:kv/s#a>\n")]);
        let mut command = gitops_fn();
        command.current_dir(dir.path()).env("VAULT_ADDR", "file:secrets.yaml");
        let output = match place {
            0 => run(&mut command, &bytes),
            1 => run(command.args(["render", "-"]), &bytes),
            2 => run(command.args(["render", "-f", "-", "in.yaml"]), &bytes),
            _ => {
                fs::write(dir.path().join("secrets.yaml"), &bytes).unwrap();
                run(command.args(["render", "in.yaml"]), "")
            }
        };
        prop_assert!((0..3).contains(&output.code), "{}", output.stderr);
        prop_assert!(!output.stderr.contains("gitops-fn has failed"), "{}", output.stderr);
        if output.code != 0 {
            prop_assert!(output.stderr.contains("error: "), "{}", output.stderr);
            prop_assert!(place == 0 || output.stdout.is_empty());
        }
    }
}
