//! Properties of every input: bytes outside of planned edits are copied, values arrive unchanged, and nothing makes the
//! program panic. A second YAML reader (a port of libyaml) checks the outputs.

mod blocks;
mod bytes;
mod document;
mod names;

use std::collections::BTreeMap;

use base64::Engine as _;
use gitops_fn::clock::Clock;
use gitops_fn::config::{self, Config};
use gitops_fn::policy::judge::Judge;
use gitops_fn::resolve::{Resolved, SecretStore, StoreError, StoreErrorKind, resolve};
use gitops_fn::secret::wants::{Keys, Wants};
use gitops_fn::secret::{Secret, SecretRef, Value};
use gitops_fn::settings::Settings;
use gitops_fn::source::Source;
use gitops_fn::{Input, Outcome, function, render};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use serde_yaml::Value as Yaml;

use crate::support::{documents, map_strings};
use document::{Stream, Writer, stream};

/// A store with one secret, at `kv/s`.
pub(crate) struct Store(BTreeMap<String, Value>);

impl SecretStore for Store {
    async fn read(&self, want: &SecretRef, keys: &Keys) -> Result<Secret, StoreError> {
        if want.path.ends_with("/s") {
            return Ok(Secret::new(self.0.clone()).only(keys));
        }
        Err(StoreError {
            kind: StoreErrorKind::Missing,
            message: "no such secret".into(),
            help: "ask for kv/s".into(),
        })
    }
}

impl Store {
    pub(crate) fn new(values: &[(&str, &str)]) -> Self {
        let values = values.iter();
        Self(
            values
                .map(|(key, value)| ((*key).to_owned(), Value::string(*value)))
                .collect(),
        )
    }

    fn resolve(&self, wants: &Wants) -> Resolved {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(resolve(wants, self))
    }
}

/// Reads one secret.
fn read_one(store: &impl SecretStore, path: &str) -> Result<Secret, StoreError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let want = SecretRef {
        path: path.to_owned(),
        version: 0,
        kv: None,
    };
    runtime.block_on(store.read(&want, &Keys::All))
}

/// Runs the library as a pipe.
pub(crate) fn piped(text: &str, config: &Config, store: &Store) -> (Outcome, Option<String>) {
    let (input, clock) = (input(text), Clock::default());
    let (settings, judge) = (Settings::default(), Judge::default());
    let outcome = render(&input, config, &settings, &judge, &clock, |wants| {
        store.resolve(wants)
    });
    let output = written(&outcome, &input);
    (outcome, output)
}

/// Runs the library as a function.
fn listed(text: &str, store: &Store) -> (Outcome, Option<String>) {
    let (input, clock) = (input(text), Clock::default());
    let (settings, judge) = (Settings::default(), Judge::default());
    let outcome = function(&input, &settings, &judge, &clock, |wants| {
        store.resolve(wants)
    });
    let output = written(&outcome, &input);
    (outcome, output)
}

/// A text as it comes, without a policy.
fn input(text: &str) -> Input {
    let source = Source {
        name: "stdin".into(),
        text: text.into(),
        found: false,
    };
    Input::new(vec![source], &Judge::default(), &Clock::default()).unwrap()
}

fn written(outcome: &Outcome, input: &Input) -> Option<String> {
    let mut out = Vec::new();
    let judge = Judge::default();
    let output = outcome.output(input, &judge, &Clock::default()).unwrap()?;
    output.write(&mut out).unwrap();
    Some(String::from_utf8(out).unwrap())
}

pub(crate) fn said(outcome: &Outcome) -> String {
    gitops_fn::finding::text::stderr(&outcome.findings)
}

/// The documents as the second reader sees them.
fn read(text: &str) -> Vec<Yaml> {
    documents(text.strip_prefix('\u{feff}').unwrap_or(text))
}

pub(crate) fn release(text: &str) -> Config {
    let text = format!("apiVersion: gitops-fn.dev/v1alpha1\nkind: Release\nspec: {text}\n");
    config::from_file(&text, &Settings::default()).unwrap()
}

fn cases(number: u32) -> ProptestConfig {
    ProptestConfig {
        cases: number,
        failure_persistence: None,
        max_shrink_iters: 2000,
        ..ProptestConfig::default()
    }
}

// --- nothing planned ------------------------------------------------------------------------------

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn a_stream_without_plans_is_copied(stream in stream()) {
        let (text, _) = Writer::new(false).stream(&stream);
        // the second reader reads it too: otherwise this would be a test of refusals
        read(&text);
        // a rule that matches nothing, so that everything is parsed
        let config = release("{images: [{name: no/such/image, newTag: '1'}]}");
        let (outcome, output) = piped(&text, &config, &Store::new(&[]));
        prop_assert_eq!(outcome.exit_code(), 0, "{}\n{}", said(&outcome), text);
        prop_assert_eq!(output, Some(text));
    }

    #[test]
    fn a_list_without_plans_is_copied(stream in stream()) {
        let (text, _) = Writer::new(false).list(&stream);
        read(&text);
        let (outcome, output) = listed(&text, &Store::new(&[]));
        prop_assert_eq!(outcome.exit_code(), 0, "{}\n{}", said(&outcome), text);
        prop_assert_eq!(output, Some(text));
    }

    #[test]
    fn kept_placeholders_are_copied(stream in stream()) {
        let (text, _) = Writer::new(true).stream(&stream);
        let (outcome, output) = piped(&text, &release("{secrets: {mode: keep}}"), &Store::new(&[]));
        prop_assert_eq!(outcome.exit_code(), 0, "{}\n{}", said(&outcome), text);
        prop_assert_eq!(output, Some(text));
    }
}

// --- only what is planned -------------------------------------------------------------------------

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn only_planned_texts_of_a_stream_differ(stream in stream(), a in value(), b in value()) {
        let (text, comments) = Writer::new(true).stream(&stream);
        let (outcome, output) = piped(&text, &Config::default(), &Store::new(&[("a", &a), ("b", &b)]));
        prop_assert_eq!(outcome.exit_code(), 0, "{}\n{}", said(&outcome), text);
        let output = output.unwrap_or_default();
        check(read(&text), read(&output), &a, &b, &text, &output)?;
        check_comments(&output, comments)?;
    }

    #[test]
    fn only_planned_texts_of_a_list_differ(stream in stream(), a in tame(), b in tame()) {
        let (text, comments) = Writer::new(true).list(&stream);
        let (outcome, output) = listed(&text, &Store::new(&[("a", &a), ("b", &b)]));
        prop_assert_eq!(outcome.exit_code(), 0, "{}\n{}", said(&outcome), text);
        let output = output.unwrap_or_default();
        let (before, mut after) = (read(&text), read(&output));
        if let Some(Yaml::Mapping(list)) = after.first_mut() {
            list.remove("results");
        }
        check(before, after, &a, &b, &text, &output)?;
        check_comments(&output, comments)?;
    }
}

fn check(
    before: Vec<Yaml>,
    after: Vec<Yaml>,
    a: &str,
    b: &str,
    text: &str,
    output: &str,
) -> TestCaseResult {
    let encoded = base64::engine::general_purpose::STANDARD.encode(a);
    let fill = |text: &str| fill(text, a, b, &encoded);
    let wanted = map_strings(Yaml::Sequence(before), &fill);
    prop_assert!(
        wanted == Yaml::Sequence(after),
        "input:\n{}\noutput:\n{}",
        text,
        output
    );
    Ok(())
}

/// What each placeholder of [`document`] becomes; inserted text is not looked at again.
fn fill(text: &str, a: &str, b: &str, encoded: &str) -> String {
    let mut parts = text.split("<path:kv/");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (inner, rest) = part.split_once('>').unwrap();
        out.push_str(match inner {
            "s#a" | "data/s#a" => a,
            "s#b" | "s#b#1" => b,
            "s#a|base64encode" => encoded,
            other => panic!("{other}"),
        });
        out.push_str(rest);
    }
    out
}

fn check_comments(output: &str, comments: usize) -> TestCaseResult {
    for number in 0..comments {
        let comment = format!("# c{number} <path:kv/s#none> \"");
        prop_assert_eq!(
            output.matches(&comment).count(),
            1,
            "{} in\n{}",
            comment,
            output
        );
    }
    Ok(())
}

// --- values ---------------------------------------------------------------------------------------

/// Pieces of values that some part of a YAML tool chain has stumbled over.
const PIECES: &[&str] = &[
    "",
    "a",
    "pass",
    "'",
    "\"",
    "''",
    "\\",
    "\\n",
    "\n",
    "\n\n",
    "\r",
    "\r\n",
    "\t",
    " ",
    "  ",
    "---",
    "\n---\n",
    "\n...\n",
    ": ",
    "# ",
    " #",
    "- ",
    "? ",
    "&a",
    "*a",
    "!t",
    "!!int ",
    "%",
    "@",
    "`",
    "|",
    ">",
    "{",
    "}",
    "[",
    "]",
    ",",
    "<path:",
    "<path:kv/s#a>",
    "<path:kv/s#none>",
    "<a>",
    "\\u003cpath:kv/s#a\\u003e",
    "\0",
    "\u{1}",
    "\u{1b}[31m",
    "\u{7}",
    "\u{feff}",
    "\u{a0}",
    "\u{200b}",
    "\u{202e}",
    "🚀",
    "é",
    "日本",
    "\u{10ffff}",
    "null",
    "~",
    "true",
    "no",
    "1e3",
    "0755",
    "2024-01-01",
    "=",
    "<<",
    "{{ x }}",
    "${X}",
    "$$",
    "\u{fffd}",
    "\u{e000}",
];
/// Those that kustomize cannot carry.
const UNCARRIED: &[&str] = &[
    "\u{7f}", "\u{80}", "\u{85}", "\u{9f}", "\u{2028}", "\u{2029}", "\u{fffe}", "\u{ffff}",
];

/// Values that every tool can carry.
fn tame() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::collection::vec(prop::sample::select(PIECES), 0..6)
            .prop_map(|pieces| pieces.concat()),
        "[ -~]{0,40}",
        "\\PC{0,10}",
    ]
    .prop_map(|text| text.replace(is_uncarried, ""))
}

/// Any values.
fn value() -> impl Strategy<Value = String> {
    let wild = prop::collection::vec(
        prop_oneof![
            prop::sample::select(PIECES),
            prop::sample::select(UNCARRIED)
        ],
        0..6,
    );
    prop_oneof![
        3 => tame(),
        2 => wild.prop_map(|pieces| pieces.concat()),
        1 => prop::collection::vec(any::<char>(), 0..12).prop_map(String::from_iter),
    ]
}

/// docs/internals/kustomize-and-kpt.md#characters-that-kustomize-cannot-carry.
fn is_uncarried(ch: char) -> bool {
    matches!(
        ch,
        '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}'
    )
}

/// Each style of a scalar, the whole of it and a part.
const STYLES: &[&str] = &[
    "<path:kv/s#a>",
    "<path:kv/s#a> # behind",
    "x <path:kv/s#a> y",
    "x\n    <path:kv/s#a>\n    y # behind",
    "'<path:kv/s#a>'",
    "'it''s <path:kv/s#a> y' # behind",
    "\"<path:kv/s#a>\"",
    "\"x\\t<path:kv/s#a>\\n\" # behind",
    "\"\\u003cpath:kv/s#a\\x3e\"",
    "|\n    <path:kv/s#a>",
    "| # of the header\n    x: <path:kv/s#a>\n    y: 1",
    "|-\n    <path:kv/s#a>",
    "|-\n    a\n      <path:kv/s#a>\n\n    b",
    "|+\n    <path:kv/s#a>\n\n",
    "|2\n      <path:kv/s#a>\n    b",
    ">\n    a\n    <path:kv/s#a>\n\n    b",
    ">-\n    <path:kv/s#a>",
    "&x <path:kv/s#a>\n  copy: *x",
    "&x |\n    <path:kv/s#a>\n  copy: [*x, y]",
    "!!str <path:kv/s#a>",
    "!!str &x '<path:kv/s#a>' # behind",
    "[<path:kv/s#a>, 'x <path:kv/s#a>', \"<path:kv/s#a>\"]",
    "{a: <path:kv/s#a>, b: [x, <path:kv/s#a>]} # behind",
    "{\"a\":\"<path:kv/s#a>\",\"b\":[\"x<path:kv/s#a>y\"]}",
    "\n  - <path:kv/s#a>\n  - - '<path:kv/s#a>'\n    - k: \"<path:kv/s#a>\"",
];

/// Where a text may stand; `@` is where.
const FRAMES: &[&str] = &[
    "apiVersion: example.com/v1\nkind: Thing\nmetadata:\n  name: t\nspec:\n  a: @\n  z: last # one\n",
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  a: @\n",
    "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\nstringData:\n  a: @\n",
    "apiVersion: v1\nkind: Thing\nmetadata:\n  annotations:\n    note: x\n  a: @\n  name: t\n",
];

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn any_value_arrives_in_any_style(
        style in prop::sample::select(STYLES),
        frame in prop::sample::select(FRAMES),
        crlf in any::<bool>(),
        value in value(),
    ) {
        let text = frame.replace('@', style);
        let text = if crlf { text.replace('\n', "\r\n") } else { text };
        arrives(&text, &value)?;
    }

    #[test]
    fn a_list_carries_any_value_or_refuses_it(
        style in prop::sample::select(STYLES),
        value in value(),
    ) {
        let item = FRAMES[0].replace('@', style).replace('\n', "\n  ");
        let text = format!("kind: ResourceList\napiVersion: config.kubernetes.io/v1\nitems:\n- {}", item.trim_end_matches("  "));
        let (outcome, output) = listed(&text, &Store::new(&[("a", &value)]));
        let output = output.unwrap_or_default();
        let mut after = read(&output);
        if let Some(Yaml::Mapping(list)) = after.first_mut() {
            list.remove("results");
        }
        let carried = !value.contains(is_uncarried);
        prop_assert_eq!(outcome.exit_code(), u8::from(!carried), "{:?}: {}", value, said(&outcome));
        // what is refused leaves the items as they were read
        let wanted = |text: &str| if carried { text.replace("<path:kv/s#a>", &value) } else { text.to_owned() };
        let wanted = map_strings(Yaml::Sequence(read(&text)), &wanted);
        prop_assert!(wanted == Yaml::Sequence(after), "{:?}\n{}\n{}", value, text, output);
        if !carried {
            prop_assert!(said(&outcome).contains("kustomize"), "{}", said(&outcome));
            prop_assert!(said(&outcome).contains("help: "), "{}", said(&outcome));
        }
    }

    #[test]
    fn any_value_arrives_in_an_escaped_json_text(value in value(), before in tame()) {
        let quoted = serde_json::json!({"b": before, "a": "@"}).to_string();
        // as Go writes it
        let quoted = quoted.replace('<', "\\u003c").replace('>', "\\u003e");
        let quoted = quoted.replace('@', "\\u003cpath:kv/s#a\\u003e");
        if before.contains('@') || before.contains("path:") {
            return Ok(());
        }
        let text = FRAMES[1].replace('@', &serde_json::to_string(&quoted).unwrap());
        let (outcome, output) = piped(&text, &Config::default(), &Store::new(&[("a", &value)]));
        prop_assert_eq!(outcome.exit_code(), 0, "{}\n{}", said(&outcome), text);
        let output = read(&output.unwrap_or_default());
        let inner = output[0]["data"]["a"].as_str().unwrap_or_default();
        let inner: serde_json::Value = serde_json::from_str(inner).unwrap();
        prop_assert_eq!(&inner["a"], &serde_json::Value::String(value));
        prop_assert_eq!(&inner["b"], &serde_json::Value::String(before));
    }

    #[test]
    fn any_value_arrives_in_the_data_of_a_secret(value in value(), around in tame()) {
        let engine = base64::engine::general_purpose::STANDARD;
        prop_assume!(!around.contains("path:"));
        let hidden = engine.encode(format!("{around}<path:kv/s#a>"));
        let text = format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\ndata:\n  a: <path:kv/s#a | base64encode>\n  b: {hidden}\n"
        );
        let (outcome, output) = piped(&text, &Config::default(), &Store::new(&[("a", &value)]));
        prop_assert_eq!(outcome.exit_code(), 0, "{}\n{}", said(&outcome), text);
        let output = read(&output.unwrap_or_default());
        let decoded = |key: &str| {
            let code = output[0]["data"][key].as_str().unwrap_or_default().replace('\n', "");
            String::from_utf8(engine.decode(code).unwrap()).unwrap()
        };
        prop_assert_eq!(decoded("a"), value.as_str());
        prop_assert_eq!(decoded("b"), format!("{around}{value}"));
    }
}

fn arrives(text: &str, value: &str) -> TestCaseResult {
    let (outcome, output) = piped(text, &Config::default(), &Store::new(&[("a", value)]));
    prop_assert_eq!(outcome.exit_code(), 0, "{}\n{}", said(&outcome), text);
    let output = output.unwrap_or_default();
    let wanted = |text: &str| text.replace("<path:kv/s#a>", value);
    let wanted = map_strings(Yaml::Sequence(read(text)), &wanted);
    prop_assert!(
        wanted == Yaml::Sequence(read(&output)),
        "{:?}\n{}\n{}",
        value,
        text,
        output
    );
    for comment in ["# behind", "# one"] {
        prop_assert_eq!(
            output.matches(comment).count(),
            text.matches(comment).count()
        );
    }
    Ok(())
}

#[test]
fn a_megabyte_arrives_in_any_style() {
    let line = "'quoted' \"twice\": # <path:kv/s#a> 🚀 \\ é\n---\n";
    let value = line.repeat((1 << 20) / line.len());
    for style in [
        "<path:kv/s#a>",
        "|\n    <path:kv/s#a>",
        ">-\n    <path:kv/s#a>",
        "{a: [\"<path:kv/s#a>\"]}",
    ] {
        arrives(&FRAMES[0].replace('@', style), &value).unwrap();
    }
    let line = "x".repeat(1 << 20);
    for style in STYLES {
        arrives(&FRAMES[0].replace('@', style), &line).unwrap();
    }
}

// --- again ----------------------------------------------------------------------------------------

/// Ways to write metadata.
const METADATA: &[&str] = &[
    "metadata: {name: w}",
    "metadata: {name: w,}",
    "metadata: { annotations: {}, name: w }",
    "metadata: {annotations: {a: b}, name: w}",
    "metadata: {annotations: , name: w}",
    "metadata:\n  name: w",
    "metadata:\n    name: w\n    annotations:\n        a: b",
    "metadata:\n  annotations:\n  name: w",
    "metadata:\n  annotations: # none\n  name: w",
    "metadata:\n  annotations: null\n  name: w",
    "metadata:\n  annotations: ~ # none\n  name: w",
    "metadata:\n  annotations: {} # none\n  name: w",
    "metadata:\n  annotations:\n    github.com/url: old\n  name: w",
    "metadata:\n  annotations: {github.com/url: 'old'}\n  name: w",
    "metadata:\n  annotations:\n    github.com/url: |\n      old\n  name: w",
    "metadata:\n  annotations:\n    github.com/url: 5 # not a text\n  name: w",
    "metadata:\n  annotations:\n    'github.com/url':\n  name: w",
    "metadata: &m\n  name: w\n  annotations: &a\n    a: b",
    "\"metadata\": {\"name\":\"w\",\"annotations\":{\"github.com/url\":\"old\"}}",
    "metadata:",
    "metadata: {}",
    "metadata:\n  &n name: w",
    "metadata:\n  !!str name: w\n  'labels': {}",
    "metadata:\n  ? name\n  : w",
    "metadata:\n  ?   annotations\n  :\n    a: b",
    "metadata:\n  ? annotations\n  : a: b\n    c: d\n  ? name\n  : w",
    "metadata:\n  ? annotations\n  :\n  name: w",
    "metadata:\n  ? a: b\n  : name",
    "metadata:\n  ? # note\n    &k a\n  : b",
    "metadata: &m\n  &k name: w",
    "metadata: !!map\n  # note\n  ? name\n  : w",
    "? metadata\n: name: w",
    "&k metadata:\n  &l annotations: &m\n    &n a: b",
    "metadata: null # none",
];
/// Ways to write an image.
const IMAGES: &[&str] = &[
    "acme/shop",
    "acme/shop:1",
    "'acme/shop:old' # behind",
    "\"acme/shop:1\"",
    "acme/other:1",
    "acme/shop:1@sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
    "|-\n          acme/shop:2",
    "&i acme/shop:1",
    "registry:5000/acme/shop:1",
    "!!str acme/shop:1",
];

proptest! {
    #![proptest_config(cases(300))]

    /// Without its one line, which is taken out by hand here, the output is the input.
    #[test]
    fn an_annotation_is_one_line_more(stream in stream()) {
        let stream = Stream { documents: stream.documents.into_iter().take(1).collect(), ..stream };
        let (text, _) = Writer::new(false).stream(&stream);
        let config = release("{repository: {url: org/repo}}");
        let (outcome, output) = piped(&text, &config, &Store::new(&[]));
        prop_assert_eq!(outcome.exit_code(), 0, "{}\n{}", said(&outcome), text);
        let eol = if stream.crlf { "\r\n" } else { "\n" };
        let added = format!("  annotations:{eol}    github.com/url: org/repo{eol}");
        prop_assert_eq!(output.unwrap_or_default().replacen(&added, "", 1), text);
    }

    #[test]
    fn a_second_run_changes_nothing(
        stream in stream(),
        objects in prop::collection::vec((prop::sample::select(METADATA), prop::sample::select(IMAGES)), 1..4),
        crlf in any::<bool>(),
        templates in any::<bool>(),
    ) {
        let (mut text, _) = Writer::new(false).stream(&stream);
        for (metadata, image) in objects {
            let mut object = format!("---\napiVersion: apps/v1\nkind: Deployment\n{metadata}\nspec:\n  template:\n    spec:\n      containers:\n      - image: {image}\n        name: c\n");
            if crlf { object = object.replace('\n', "\r\n"); }
            text.push_str(&object);
        }
        let config = release(&format!(
            "{{repository: {{url: org/repo, podTemplates: {templates}}}, images: [{{name: acme/shop, newTag: '2.0', newName: acme/store}}, {{name: acme/other, tagSuffix: -x}}]}}"
        ));
        let (outcome, first) = piped(&text, &config, &Store::new(&[]));
        prop_assert_eq!(outcome.exit_code(), 0, "{}\n{}", said(&outcome), text);
        let first = first.unwrap_or_default();
        for document in read(&first) {
            prop_assert_eq!(&document["metadata"]["annotations"]["github.com/url"], "org/repo", "{}", first);
        }
        let (outcome, second) = piped(&first, &config, &Store::new(&[]));
        prop_assert_eq!(outcome.exit_code(), 0, "{}\n{}", said(&outcome), first);
        prop_assert_eq!(second, Some(first));
    }
}
