//! Checks that secrets do not leak: they are not on stderr, in `results`, in files or in `Debug` output, and on stdout
//! only at the planned places.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use gitops_fn::placeholder::{self, modifier};
use gitops_fn::resolve::{SecretStore, StoreError, resolve};
use gitops_fn::secret::wants::{Keys, Wants};
use gitops_fn::secret::{Secret, SecretRef, Value, base64};
use gitops_fn::settings::Settings;
use gitops_fn::source::Source;
use gitops_fn::yaml::event::{Events, Span};
use gitops_fn::yaml::splice::Splice;
use gitops_fn::yaml::tree::Tree;
use serde::Deserialize as _;
use serde_yaml::Value as Yaml;

use crate::golden::{self, Scene};
use crate::support::{Output, gitops_fn, root, run, temp_dir, write_files};

/// A text that occurs nowhere by chance; `/` and `+` make its URL-encoded form another one.
const SENTINEL: &str = "q7Xz/9KdWm3+RvT5u";

/// Every form in which a sentinel could come out, wherever in a longer text it stood.
fn forms() -> Vec<String> {
    let mut forms = vec![
        SENTINEL.to_owned(),
        SENTINEL[..9].to_owned(),
        SENTINEL.replace('/', "%2F").replace('+', "%2B"),
        SENTINEL.replace('/', "\\/"),
    ];
    let hex = SENTINEL.bytes().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    forms.push(hex.to_uppercase());
    forms.push(hex);
    for shift in 0..3 {
        let code = base64::encode(format!("{}{SENTINEL}", "\0".repeat(shift)).as_bytes());
        // without the characters that also depend on what stands before and behind
        let part = code[[0, 2, 3][shift]..].trim_end_matches('=');
        let part = &part[..part.len() - 2];
        forms.push(part.to_owned());
        forms.push(part.replace('+', "-").replace('/', "_"));
    }
    forms
}

/// Says in which form a text shows the sentinel, if it does.
fn shown(text: &str) -> Option<String> {
    forms().into_iter().find(|form| text.contains(form))
}

#[track_caller]
fn assert_hidden(what: &str, text: &str) {
    if let Some(form) = shown(text) {
        panic!("{what} shows {form}:\n{text}");
    }
}

#[test]
fn the_forms_find_what_they_are_for() {
    for before in ["", "a", "ab", "abc"] {
        let code = base64::encode(format!("{before}{SENTINEL}tail").as_bytes());
        assert!(shown(&code).is_some(), "{before}");
    }
    assert!(shown("nothing here").is_none());
}

// --- the golden cases -----------------------------------------------------------------------------

#[test]
fn no_golden_case_shows_a_replaced_secret() {
    check_scenes(replaced);
}

#[test]
fn no_golden_case_shows_an_extended_secret() {
    check_scenes(extended);
}

/// Every value in a store's file becomes the sentinel.
fn replaced(value: &mut Yaml) {
    *value = Yaml::String(SENTINEL.to_owned());
}

/// Every text in a store's file gets the sentinel behind it; other values stay.
fn extended(value: &mut Yaml) {
    if let Yaml::String(text) = value {
        *text = match base64::decode(text) {
            // so that it still decodes
            Some(plain) if !plain.is_empty() => {
                base64::encode(&[&plain[..], SENTINEL.as_bytes()].concat())
            }
            _ => format!("{text}{SENTINEL}"),
        };
    }
}

fn change_leaves(value: &mut Yaml, change: fn(&mut Yaml)) {
    match value {
        Yaml::Mapping(map) => map
            .values_mut()
            .for_each(|value| change_leaves(value, change)),
        Yaml::Sequence(list) => list
            .iter_mut()
            .for_each(|value| change_leaves(value, change)),
        leaf => change(leaf),
    }
}

fn check_scenes(change: fn(&mut Yaml)) {
    let scenes: Vec<_> = golden::scenes()
        .into_iter()
        .filter(|scene| !scene.secrets.is_empty() && scene.input.len() < 1 << 20)
        .collect();
    assert!(scenes.len() > 100, "the golden cases were not found");
    let next = AtomicUsize::new(0);
    let (seen, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(scene) = scenes.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let output = check_scene(scene, change);
                    if output.code != 0 {
                        failed.fetch_add(1, Ordering::Relaxed);
                    } else if shown(output.text()).is_some() {
                        seen.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    // the test would be worth nothing if no secret arrived, or none failed to
    assert!(seen.into_inner() > 30, "too few outputs hold the sentinel");
    assert!(failed.into_inner() > 30, "too few runs fail");
}

fn check_scene(scene: &Scene, change: fn(&mut Yaml)) -> Output {
    let name = &scene.name;
    let folder = temp_dir();
    let dir = folder.path();
    let secrets = match serde_yaml::from_str::<Yaml>(&scene.secrets) {
        Ok(mut store) if store.is_mapping() => {
            change_leaves(&mut store, change);
            serde_yaml::to_string(&store).unwrap()
        }
        _ => format!("{}{SENTINEL}", scene.secrets),
    };
    write_files(dir, &[("secrets.yaml", &secrets), ("tmp/.keep", "")]);
    let mut command = gitops_fn();
    command
        .current_dir(dir)
        .env("TMPDIR", dir.join("tmp"))
        .env("GITOPS_FN_LOG", "trace")
        .env("VAULT_ADDR", "file:secrets.yaml")
        .arg("-vvv")
        .args(&scene.args);
    if let Some(config) = &scene.config {
        write_files(dir, &[("release.yaml", config)]);
        command.args(["-f", "release.yaml"]);
    }
    let output = run(command.envs(&scene.env), &scene.input);
    assert_hidden(&format!("{name}: stderr"), &output.stderr);
    if output.code == 0 {
        check_places(name, &scene.input, &output);
    } else {
        assert_hidden(&format!("{name}: stdout after an error"), output.text());
    }
    no_file_holds_it(dir, &["secrets.yaml"]);
    output
}

/// Whether the sentinel is nowhere but where the input has a placeholder.
fn check_places(name: &str, input: &[u8], output: &Output) {
    let input = std::str::from_utf8(input).unwrap_or_default();
    let (before, after) = (documents(input), documents(output.text()));
    let (Some(before), Some(after)) = (before, after) else {
        return;
    };
    let before = Yaml::Sequence(before);
    check_node(name, Some(&before), &Yaml::Sequence(after));
}

fn documents(text: &str) -> Option<Vec<Yaml>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    serde_yaml::Deserializer::from_str(text)
        .map(|document| {
            let mut value = Yaml::deserialize(document).ok()?;
            value.apply_merge().ok()?;
            Some(value)
        })
        .collect()
}

fn check_node(name: &str, before: Option<&Yaml>, after: &Yaml) {
    // a placeholder may have become a whole list or map
    let planned = before.is_some_and(|value| value.as_str().is_some_and(may_be_planned));
    if planned {
        return;
    }
    match after {
        Yaml::Mapping(map) => {
            for (key, value) in map {
                assert_hidden(&format!("{name}: a key"), &format!("{key:?}"));
                let before = before.and_then(|before| before.get(key));
                check_node(name, before, value);
            }
        }
        Yaml::Sequence(list) => {
            for (index, value) in list.iter().enumerate() {
                check_node(name, before.and_then(|before| before.get(index)), value);
            }
        }
        Yaml::Tagged(tagged) => check_node(name, None, &tagged.value),
        leaf => assert_hidden(&format!("{name}: an unplanned place"), &format!("{leaf:?}")),
    }
}

fn may_be_planned(text: &str) -> bool {
    let decoded = base64::decode(text).map(|plain| String::from_utf8_lossy(&plain).into_owned());
    [Some(text.to_owned()), decoded]
        .iter()
        .flatten()
        .any(|text| text.contains('<') || text.to_lowercase().contains("\\u003c"))
}

/// Looks into every file below `dir` except those named.
fn no_file_holds_it(dir: &Path, except: &[&str]) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            no_file_holds_it(&path, &[]);
        } else if !except.iter().any(|name| path.ends_with(name)) {
            let bytes = fs::read(&path).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            assert_hidden(&path.display().to_string(), &text);
        }
    }
}

// --- errors about values and about what stands beside them --------------------------------------

/// Runs `render -` over `input` with a store that holds `secret`, all of it as it is.
fn render(input: &str, secret: &str) -> Output {
    let folder = temp_dir();
    write_files(folder.path(), &[("secrets.yaml", secret)]);
    let mut command = gitops_fn();
    command
        .current_dir(folder.path())
        .env("VAULT_ADDR", "file:secrets.yaml")
        .args(["-vvv", "render", "-"]);
    run(&mut command, input)
}

fn widget(value: &str) -> String {
    format!("apiVersion: example.com/v1\nkind: Widget\nmetadata:\n  name: w\nspec:\n  v: {value}\n")
}

#[test]
fn a_modifier_that_fails_does_not_say_on_what() {
    let values = [
        format!("'{SENTINEL}!'"),
        format!("'{{\"a\": {SENTINEL}'"),
        format!("'[{SENTINEL}'"),
        format!("'a: b: {SENTINEL}'"),
        format!("'*{SENTINEL}'"),
        format!("'!!int {SENTINEL}'"),
        format!("{{{SENTINEL}: {SENTINEL}}}"),
        format!("[{SENTINEL}]"),
    ];
    let modifiers = [
        "base64decode",
        "jsonParse",
        "jsonParse | jsonPath {.a.b}",
        "yamlParse",
        "yamlParse | indent 2",
        "jsonPath {.a}",
        "jsonPath {.a[1:x]}",
        "jsonParse | jsonPath {.a[?(@.b > 1)]}",
        "indent 2",
        "base64encode",
        "urlencode",
        "json",
        "sha256sum | jsonParse",
    ];
    let mut failures = 0;
    for value in &values {
        for modifier in modifiers {
            let input = widget(&format!("'<path:kv/a#k | {modifier}>'"));
            let output = render(&input, &format!("kv/a:\n  k: {value}\n"));
            assert_hidden(&format!("{modifier} on {value}"), &output.stderr);
            if output.code != 0 {
                failures += 1;
                assert_eq!(output.stdout, b"", "{modifier} on {value}");
            }
        }
    }
    assert!(failures > 50, "{failures}");
}

#[test]
fn a_default_text_is_in_no_error() {
    for placeholder in [
        format!("<path:kv/a#no | default '{SENTINEL}' | jsonParse>"),
        format!("<path:kv/a#no | default '{SENTINEL}>"),
        format!("<path:kv/a#no | default '{SENTINEL}' extra>"),
        format!("<path:kv/a#k | base64encode | default '{SENTINEL}'>"),
        format!("<path:kv/a#no | default {SENTINEL} {SENTINEL}>"),
        format!("<path:kv/a#no | default '{SENTINEL}' | nonsense>"),
        format!("<path:kv/a#no | {SENTINEL}>"),
        format!("<path:kv/a#no | default '{SENTINEL}' | indent {SENTINEL}>"),
        format!("<path:kv/a#no | jsonPath {{.{SENTINEL}[>"),
    ] {
        let input = widget(&serde_yaml::to_string(&placeholder).unwrap());
        let output = render(&input, "kv/a: {k: v}\n").code(1);
        assert_hidden(&placeholder, &output.stderr);
        assert_eq!(output.stdout, b"", "{placeholder}");
    }
}

/// argocd-vault-plugin printed the whole object.
#[test]
fn what_stands_beside_a_missing_placeholder_is_not_shown() {
    let encoded = base64::encode(SENTINEL.as_bytes());
    let input = format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\nstringData:\n  literal: {SENTINEL}\n  \
         both: '{SENTINEL} <path:kv/a#no> {SENTINEL}'\n  bad: '{SENTINEL} <path:kv/a'\n  \
         {SENTINEL}: <path:kv/a#no>\ndata:\n  a: {encoded}\n  b: <path:kv/none#k>\n  c: <path:kv/a#k>\n"
    );
    let output = render(&input, "kv/a: {k: not base64}\n").code(1);
    assert!(output.stderr.contains("Secret s"), "{}", output.stderr);
    assert_hidden("stderr", &output.stderr);
    assert_eq!(output.stdout, b"");
}

/// Values that kustomize cannot carry are refused in function mode; without a word about them.
#[test]
fn results_of_a_refused_value_do_not_show_it() {
    let list = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n\
                - apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: c\n  data:\n    v: '<path:kv/a#k>'\n    \
                w: '<path:kv/a#no>'\n";
    let folder = temp_dir();
    let store = format!("kv/a: {{k: \"{SENTINEL}\\u007f\\u0085\"}}\n");
    write_files(folder.path(), &[("secrets.yaml", &store)]);
    let mut command = gitops_fn();
    command
        .current_dir(folder.path())
        .env("VAULT_ADDR", "file:secrets.yaml")
        .arg("-vvv");
    let output = run(&mut command, list).code(1);
    assert!(output.text().contains("results:"), "{}", output.text());
    assert_hidden("stderr", &output.stderr);
    assert_hidden("stdout", output.text());
}

// --- files that are tokens --------------------------------------------------------------------------

/// Shapes in which a token could stand in a file that was meant to be something else.
fn token_files() -> Vec<String> {
    vec![
        format!("s.{SENTINEL}"),
        format!("s.{SENTINEL}\n"),
        format!("{{\"auth\": \"{SENTINEL}\"}}"),
        format!("{SENTINEL}: 1\n"),
        format!("apiVersion: {SENTINEL}\nkind: {SENTINEL}\n"),
        format!("- {SENTINEL}\n"),
        format!("a: [{SENTINEL}\n"),
        format!("a: *{SENTINEL}\n"),
        format!("a: !{SENTINEL} b\n"),
        format!("%{SENTINEL}\n"),
        format!("\"{SENTINEL}"),
        format!("\u{0}{SENTINEL}"),
        format!(
            "apiVersion: gitops-fn.dev/v1alpha1\nkind: Release\nspec:\n  {SENTINEL}: 1\n  repository: {SENTINEL}\n  \
             images: [{{name: '${{{SENTINEL}}}', newTag: '{SENTINEL}:{SENTINEL}'}}]\n  secrets: {{mode: {SENTINEL}, path: '{SENTINEL}//'}}\n"
        ),
        format!(
            "apiVersion: gitops-fn.dev/v1alpha1\nkind: Release\nspec:\n  repository:\n    url: https://me:{SENTINEL}@example.com/x\n"
        ),
        format!(
            "apiVersion: v1\nkind: ConfigMap\ndata:\n  repository: https://{SENTINEL}@example.com/x\n  image: '{SENTINEL} {SENTINEL}'\n"
        ),
    ]
}

#[test]
fn a_config_file_is_never_quoted() {
    for content in token_files() {
        let folder = temp_dir();
        write_files(folder.path(), &[("release.yaml", &content)]);
        let mut command = gitops_fn();
        command
            .current_dir(folder.path())
            .args(["-vvv", "render", "-f", "release.yaml", "-"]);
        let output = run(&mut command, widget("x")).code(2);
        assert_hidden(&content, &output.stderr);
        assert_eq!(output.stdout, b"", "{content}");
    }
}

#[test]
fn a_function_config_is_never_quoted_beyond_its_own_echo() {
    for content in token_files()
        .iter()
        .filter(|content| content.contains("spec:"))
    {
        let config = content.replace('\n', "\n  ");
        let list = format!(
            "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: []\nfunctionConfig:\n  {config}\n"
        );
        let output = run(gitops_fn().arg("-vvv"), &list).code(2);
        assert_hidden(content, &output.stderr);
        let results = output
            .text()
            .replace(&list[list.find("functionConfig").unwrap()..], "");
        assert_hidden(content, &results);
    }
}

#[test]
fn a_store_file_is_never_quoted() {
    for content in token_files() {
        let output = render(&widget("<path:kv/a#k>"), &content);
        assert_ne!(output.code, 0, "{content}");
        assert_hidden(&content, &output.stderr);
        assert_eq!(output.stdout, b"", "{content}");
    }
}

#[test]
fn a_manifest_that_is_a_token_is_never_quoted() {
    for content in token_files() {
        // something to plan, so that the manifest is read at all
        let output = run(
            gitops_fn()
                .env("APP_REPO", "acme/shop")
                .args(["-vvv", "render", "-"]),
            &content,
        );
        assert_hidden(&content, &output.stderr);
        let function = run(gitops_fn().arg("-vvv"), &content);
        assert_ne!(function.code, 0, "{content}");
        assert_hidden(&content, &function.stderr);
    }
}

#[test]
fn settings_are_never_quoted() {
    for (name, value) in [
        ("VAULT_ADDR", format!("file://{SENTINEL}")),
        ("GITOPS_FN_SECRETS", SENTINEL.to_owned()),
        ("AVP_PATH_VALIDATION", format!("({SENTINEL}")),
        ("GITOPS_FN_LOG", SENTINEL.to_owned()),
        ("APP_REPO", format!("https://x:{SENTINEL}@example.com/y")),
        ("APP_REPO", format!("https://{SENTINEL}@example.com/y")),
        ("IMAGE_TAG", format!("{SENTINEL}@@")),
        ("ARGOCD_ENV_VAULT_TOKEN", SENTINEL.to_owned()),
        ("VAULT_TOKEN", SENTINEL.to_owned()),
    ] {
        let mut command = gitops_fn();
        command.env(name, &value).args(["-vvv", "render", "-"]);
        let output = run(&mut command, widget("<path:kv/a#k>"));
        assert_hidden(name, &output.stderr);
        assert_hidden(name, output.text());
    }
}

#[test]
fn the_output_file_is_all_that_is_left() {
    let folder = temp_dir();
    let dir = folder.path();
    let store = format!("kv/a: {{k: {SENTINEL}}}\n");
    write_files(dir, &[("secrets.yaml", &store), ("tmp/.keep", "")]);
    for (input, code) in [("<path:kv/a#k>", 0), ("<path:kv/a#k><path:kv/a#no>", 1)] {
        let mut command = gitops_fn();
        command
            .current_dir(dir)
            .env("TMPDIR", dir.join("tmp"))
            .env("VAULT_ADDR", "file:secrets.yaml")
            .args(["render", "-o", "out.yaml", "-"]);
        run(&mut command, widget(input)).code(code);
        no_file_holds_it(dir, &["secrets.yaml", "out.yaml"]);
    }
}

// --- types ------------------------------------------------------------------------------------------

/// A store with one secret.
struct OneSecret;

impl SecretStore for OneSecret {
    async fn read(&self, _: &SecretRef, _: &Keys) -> Result<Secret, StoreError> {
        Ok(Secret::new(
            [(SENTINEL.into(), Value::string(SENTINEL))].into(),
        ))
    }
}

#[test]
fn no_debug_form_shows_a_secret() {
    let value = Value::string(SENTINEL);
    let nested = Value::Map([(SENTINEL.to_owned(), Value::List(vec![value.clone()]))].into());
    let bytes = gitops_fn::secret::base64::decode(&base64::encode(SENTINEL.as_bytes())).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let want = SecretRef {
        path: "kv/a".to_owned(),
        version: 0,
        kv: None,
    };
    let mut wants = Wants::default();
    wants.add(want.clone(), Keys::EVERY);
    let resolved = runtime.block_on(resolve(&wants, &OneSecret));
    let secret = resolved.get(&want).unwrap().clone().unwrap();
    let modifiers = modifier::parse(&[&format!("default '{SENTINEL}'"), "jsonParse"]).unwrap();
    let text = format!("{SENTINEL} <path:kv/a#k | default '{SENTINEL}'> {SENTINEL}");
    let segments = placeholder::parse(text.as_bytes(), true).unwrap().unwrap();
    let bad = format!("{SENTINEL} <path:kv/a#k | {SENTINEL}> <path:{SENTINEL}");
    let errors = placeholder::parse(bad.as_bytes(), true).unwrap_err();
    let vars = ["APP_REPO", "ARGOCD_ENV_X", "PARAM_X", "VAULT_TOKEN"]
        .map(|name| (OsString::from(name), OsString::from(SENTINEL)));
    let settings = Settings::from_vars(vars).unwrap();
    let source = Source {
        name: "stdin".to_owned(),
        text: SENTINEL.to_owned(),
        found: false,
    };
    let splice = Splice::new(Span { start: 0, end: 1 }, SENTINEL.to_owned());
    let yaml = format!("a: {SENTINEL}\n");
    let mut events = Events::new(&yaml);
    let mut tree = Tree::default();
    let start = events.pull().unwrap().unwrap();
    let first = events.pull().unwrap().unwrap();
    let seen = format!("{start:?} {first:?}");
    let node = tree.read_node(first, &mut events).unwrap();
    let scalar = Events::new(SENTINEL).pull().unwrap();
    let mut scalars = Events::new(SENTINEL);
    scalars.pull().unwrap();
    let read = scalars.pull().unwrap();
    for (name, shown) in [
        ("Value", format!("{value:?} {nested:?}")),
        ("Value::Bytes", format!("{:?}", Value::Bytes(bytes))),
        ("Secret", format!("{secret:?} {secret:#?}")),
        ("Resolved", format!("{resolved:?} {resolved:#?}")),
        ("Modifier", format!("{modifiers:?} {modifiers:#?}")),
        ("Segment", format!("{segments:?} {segments:#?}")),
        ("PlaceholderError", format!("{errors:?}")),
        ("Settings", format!("{settings:?} {settings:#?}")),
        ("Source", format!("{source:?} {source:#?}")),
        ("Splice", format!("{splice:?} {splice:#?}")),
        ("Event", format!("{seen} {scalar:?} {read:?}")),
        ("Node", format!("{:?}", tree.node(node + 2))),
    ] {
        assert_hidden(name, &shown);
        // not because there is nothing to see
        assert!(shown.len() > 3, "{name}: {shown}");
    }
}

// --- panics -----------------------------------------------------------------------------------------

/// What `main` does first, and then what must not happen.
#[test]
#[ignore = "run by a_panic_shows_its_place_alone, in a process of its own"]
fn child_that_panics() {
    std::panic::set_hook(Box::new(|info| {
        crate::support::say(&gitops_fn::finding::text::crash(info.location()));
    }));
    panic!("{SENTINEL}");
}

#[test]
fn a_panic_shows_its_place_alone() {
    let mut command = crate::support::clean(std::env::current_exe().unwrap());
    command.args([
        "--ignored",
        "--exact",
        "leak::child_that_panics",
        "--nocapture",
    ]);
    let output = run(&mut command, "");
    assert_ne!(output.code, 0);
    assert!(
        output.stderr.contains("error: gitops-fn has failed at"),
        "{}",
        output.stderr
    );
    let said = output.stderr.clone() + output.text();
    // the test runner itself prints no payload when there is a hook of ours
    assert_hidden("a panic", &said);
    let main = fs::read_to_string(root().join("src/main.rs")).unwrap();
    let hook = "set_hook(Box::new(|info| say(&text::crash(info.location()))))";
    assert!(main.contains(hook), "main has another panic hook");
}
