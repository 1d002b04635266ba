//! Manifests made from seeds, through the real argocd-vault-plugin and through us: equal objects,
//! or an error in both.
//!
//! Only what is meant to be equal is made here; where both are meant to differ, the cases of
//! `tests/golden` say so, each with its reason. All manifests that must be right are one stream, so
//! that the plugin, which reads the server once for each placeholder, is started once.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use serde_yaml::Value;

use super::{differing, settings};
use crate::golden::objects;
use crate::support::{Output, clean, gitops_fn, run, tool};
use crate::vault::server::Server;

/// How many manifests there are.
const MANIFESTS: u64 = 240;

/// Texts that come out as they are, wherever they are put.
const TEXTS: [(&str, &str); 24] = [
    ("word", "s3cret"),
    ("lines", "line1\nline2\n  line3\n\nline5\n"),
    ("quotes", "it's \"q\" `b` \\n \\u003cb\\u003e"),
    ("markup", "a <b> <path:kv/data/s#word> &c $1"),
    ("beyond", "héllo ✓ 日本 😀"),
    ("yes", "yes"),
    ("hex", "0x1F"),
    ("octal", "0644"),
    ("exponent", "1e3"),
    ("tilde", "~"),
    ("none", "null"),
    ("date", "2001-12-14"),
    ("sexagesimal", "1:30"),
    ("under", "1_000"),
    ("colon", "a: b"),
    ("hash", "a #b"),
    ("dash", "- a"),
    ("star", "*x"),
    ("percent", "%x"),
    ("brace", "{a"),
    ("bar", "| x"),
    ("blanks", "  l\tt "),
    ("carriage", "a\r\nb\r\n"),
    ("empty", ""),
];

/// Values with the modifiers that give the same result on both sides.
const CHAINS: [(&str, &str); 16] = [
    ("json", "jsonPath {.u}"),
    ("json", "jsonPath {.l[*].k} | base64encode"),
    ("json", "jsonPath {range .l[*]}{.k}={.v};{end}"),
    ("json", "jsonPath {.l[?(@.k=='q')].v}"),
    ("json", "jsonPath {.tls\\.crt}-{.l[-1].k}"),
    ("json", "jsonPath {.o}"),
    ("json", "sha256sum"),
    ("map", "jsonPath {.l[1:]}"),
    ("map", "jsonPath {@}"),
    ("flat", "indent 4"),
    ("flat", "base64encode | base64decode | sha256sum"),
    ("coded", "base64decode"),
    ("coded", "base64decode|base64encode"),
    ("word", "yamlParse"),
    ("text", "jsonParse | base64encode"),
    ("word", "base64encode"),
];

/// What stands alone, outside Secret and ConfigMap, as a number, boolean, list or map.
const TYPED: [&str; 8] = [
    "number",
    "fraction",
    "flag",
    "map",
    "list",
    "nothing",
    "json | jsonParse",
    "yaml | yamlParse",
];

/// What no placeholder is, without a path annotation.
const PROSE: [&str; 12] = [
    "<b>bold</b>",
    "a < b && c > d",
    "$(<file) 2>&1 >/dev/null",
    "cat <<EOF",
    "< path:kv/data/s#word >",
    "&lt;path:kv/data/s#word&gt;",
    "<xpath:kv/data/s#word>",
    "<word>",
    "\\u003cb\\u003e",
    "-> => <-",
    "<PATH:kv/data/s#word>",
    "path:kv/data/s#word",
];

fn fill(server: &Server) {
    let mut data = json!({
        "json": r#"{"u":"bob","l":[{"k":"p","v":1},{"k":"q","v":"<&>"}],"o":{"z":1,"a":"é"},"tls.crt":"C"}"#,
        "map": {"a": 1, "l": [1, "two", true, null], "o": {"x": "<&>"}},
        "list": [1, "two", false, null, {"k": "v"}],
        "nothing": {}, "number": 8080, "fraction": 1.5, "flag": true, "null": null,
        "flat": "a\nb\nc\n", "coded": "aGVsbG8gd29ybGQ=", "text": "\"quoted\"",
        "yaml": "a: 1\nb:\n- x\n- y: yes\nc: 0x1F\nd: 2001-12-14\ne: ~\n",
    });
    for (key, text) in TEXTS {
        data[key] = Json::from(text);
    }
    server.secret("kv", "s", &data);
    server.secret("kv", "versions", &json!({"word": "old"}));
    server.secret("kv", "versions", &json!({"word": "new"}));
}

/// Numbers from a seed (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 33).unwrap() % limit
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// Makes one manifest.
struct Maker {
    dice: Dice,
    /// Whether it has a path annotation.
    keys: bool,
}

impl Maker {
    fn placeholder(&mut self) -> String {
        let body = if self.dice.one_in(3) {
            let (key, chain) = self.dice.pick(&CHAINS);
            format!("{key}{}{chain}", self.dice.pick(&[" | ", "|", "  | "]))
        } else {
            self.dice.pick(&TEXTS).0.to_owned()
        };
        self.around(&body)
    }

    /// `<body>` in one of its forms, where body is a key and perhaps modifiers.
    fn around(&mut self, body: &str) -> String {
        let (key, rest) = body.split_at(body.find([' ', '|']).unwrap_or(body.len()));
        let end = self.dice.pick(&["", "", " "]);
        match self.dice.below(4) {
            0 | 1 if self.keys => format!("<{}{key}{rest}{end}>", self.dice.pick(&["", " "])),
            2 => format!("<path:kv/data/s#{key}#1{rest}{end}>"),
            _ => format!("<path:kv/data/s#{key}{rest}{end}>"),
        }
    }

    fn text(&mut self) -> String {
        const AROUND: [&str; 12] = [
            "x=",
            "http://h:",
            "/p?q=",
            ", ",
            "\n",
            "\n  ",
            "é",
            "'",
            "\"",
            "\\",
            "#",
            "${A} ",
        ];
        let placeholder = self.placeholder();
        match self.dice.below(6) {
            0 | 1 => placeholder,
            2 => format!("{}{placeholder}", self.dice.pick(&AROUND)),
            3 => format!("{placeholder}{}", self.dice.pick(&AROUND)),
            4 if !self.keys => format!("{} {placeholder}", self.dice.pick(&PROSE)),
            _ => format!(
                "{placeholder}{}{}",
                self.dice.pick(&AROUND),
                self.placeholder()
            ),
        }
    }

    /// A text as a scalar at some indentation, in a random style that can hold it.
    fn scalar(&mut self, text: &str) -> String {
        let lines: Vec<_> = text.split('\n').collect();
        let block = lines[0].starts_with(|ch: char| !ch.is_whitespace())
            && !lines.iter().any(|line| line.ends_with(' '));
        match self.dice.below(5) {
            0 if lines.len() == 1 => format!("'{}'", text.replace('\'', "''")),
            1 if block && lines.iter().all(|line| !line.is_empty()) => {
                let indicator = self.dice.pick(&["|-", "|", ">-", "|2-"]);
                format!("{indicator}\n      {}", lines.join("\n      "))
            }
            2 if is_plain(text) => text.to_owned(),
            _ => json!(text).to_string(),
        }
    }

    fn field(&mut self) -> String {
        let text = self.text();
        self.scalar(&text)
    }

    fn manifest(&mut self, name: &str) -> String {
        let mut annotations = String::new();
        if self.keys {
            annotations += "    avp.kubernetes.io/path: kv/data/s\n";
        }
        if self.dice.one_in(8) {
            let _ = writeln!(
                annotations,
                "    note: {}",
                self.field().replace("\n      ", "\n        ")
            );
        }
        let kind = self
            .dice
            .pick(&["Secret", "ConfigMap", "Deployment", "Widget"]);
        let body = match kind {
            "Secret" => self.secret(&mut annotations),
            "ConfigMap" => self.config_map(&mut annotations),
            "Deployment" => self.deployment(),
            _ => self.widget(&mut annotations),
        };
        let mut text =
            format!("apiVersion: example.com/v1\nkind: {kind}\nmetadata:\n  name: {name}\n");
        if !annotations.is_empty() {
            let _ = write!(text, "  annotations:\n{annotations}");
        }
        text + &body
    }

    fn secret(&mut self, annotations: &mut String) -> String {
        let hidden = STANDARD.encode(self.text());
        let coded = self.around("word | base64encode");
        let mut body = format!(
            "stringData:\n  a: {}\ndata:\n  b: {hidden}\n  c: {coded}  # {coded}\n",
            self.field()
        );
        self.removed(annotations, &mut body);
        body
    }

    fn config_map(&mut self, annotations: &mut String) -> String {
        let number = self.around("number");
        let mut body = format!(
            "data:\n  a: {}\n  b: \"{number}\"\n  c: {}\n",
            self.field(),
            self.field()
        );
        self.removed(annotations, &mut body);
        body
    }

    /// Sometimes an entry that goes, since its key is missing.
    fn removed(&mut self, annotations: &mut String, body: &mut String) {
        if self.dice.one_in(3) {
            *annotations += "    avp.kubernetes.io/remove-missing: \"true\"\n";
            let key = self.dice.pick(&["nokey", "null", "nokey | base64encode"]);
            let (missing, good) = (self.around(key), self.placeholder());
            let _ = writeln!(body, "  gone: {}", json!(format!("{good} {missing}")));
        }
    }

    fn deployment(&mut self) -> String {
        let (image, value, argument) = (self.around("word"), self.field(), self.text());
        let replicas = self.around("number");
        format!(
            "spec:\n  replicas: {replicas}\n  template:\n    spec:\n      containers:\n      - image: \"host/{image}:1\"\n        \
             env:\n        - name: E\n          value: {}\n        args: [{}, 'b']\n",
            value.replace("\n      ", "\n              "),
            json!(argument)
        )
    }

    fn widget(&mut self, annotations: &mut String) -> String {
        if self.dice.one_in(6) {
            *annotations += "    avp.kubernetes.io/ignore: \"true\"\n";
        }
        let typed = self.dice.pick(&TYPED);
        let (typed, other) = (self.around(typed), self.around("flag"));
        let version = self.dice.pick(&["", "#1", "#2", "#0"]);
        format!(
            "spec:\n  typed: '{typed}'\n  list:\n  - \"{other}\"\n  - {{a: 7, b: true, c: {}}}\n  version: <path:kv/data/versions#word{version}>\n  \
             text: {}\n  shared: &s {}\n  again: *s\n",
            json!(self.text()),
            self.field(),
            json!(self.text())
        )
    }
}

/// Whether a text is a plain scalar that means itself.
fn is_plain(text: &str) -> bool {
    text.starts_with('<')
        && text.ends_with('>')
        && !text.contains(['\n', '\t', '\\'])
        && ![": ", " #", ", "].iter().any(|part| text.contains(part))
}

fn theirs(plugin: &Path, settings: &[(&'static str, String)], input: &str) -> Output {
    run(
        clean(plugin)
            .args(["generate", "-"])
            .env("HOME", "/dev/null")
            .env("VAULT_MAX_RETRIES", "0")
            .envs(settings.iter().cloned()),
        input,
    )
}

/// Without the line breaks that we, as kustomize, put into long base64.
fn unwrapped(mut object: Value) -> Value {
    if object["kind"] == "Secret"
        && let Some(Value::Mapping(data)) = object.get_mut("data")
    {
        for value in data.values_mut() {
            if let Value::String(text) = value {
                text.retain(|ch| ch != '\n');
            }
        }
    }
    object
}

#[test]
fn seeded_manifests_give_the_same_objects() {
    let (Some(server), Some(plugin)) = (Server::start(), tool("argocd-vault-plugin")) else {
        return;
    };
    fill(&server);
    let settings = settings(&server.reader(), &server);
    let manifests: Vec<_> = (0..MANIFESTS)
        .map(|seed| {
            let mut dice = Dice(seed);
            let keys = dice.one_in(2);
            Maker { dice, keys }.manifest(&format!("seed-{seed}"))
        })
        .collect();
    let stream = manifests.join("---\n");
    let theirs = theirs(&plugin, &settings, &stream).success();
    let ours = run(gitops_fn().args(["render", "-"]).envs(settings), &stream).success();
    let read = |output: &Output| objects::read(&output.stdout).unwrap();
    let (ours, theirs) = (read(&ours), read(&theirs));
    assert_eq!(
        (ours.len(), theirs.len()),
        (manifests.len(), manifests.len())
    );
    let mut problems = String::new();
    for ((ours, theirs), manifest) in ours.into_iter().zip(theirs).zip(&manifests) {
        let (ours, theirs) = (unwrapped(ours), unwrapped(theirs));
        if ours != theirs {
            let mut found = BTreeSet::new();
            differing("", &ours, &theirs, &mut found);
            let _ = writeln!(
                problems,
                "=== {found:?}\n{manifest}--- ours\n{ours:?}\n--- theirs\n{theirs:?}"
            );
        }
    }
    assert!(problems.is_empty(), "{problems}");
}

#[test]
fn what_cannot_be_resolved_is_an_error_in_both() {
    let (Some(server), Some(plugin)) = (Server::start(), tool("argocd-vault-plugin")) else {
        return;
    };
    fill(&server);
    let settings = settings(&server.reader(), &server);
    for text in [
        "<path:kv/data/s#nokey>",
        "<path:kv/data/none#word>",
        "<path:kv/data/s#word#9>",
        "<path:kv/data/s#null>",
        "<path:kv/data/s#word | bogus>",
        "<path:kv/data/s#word | base64encode x>",
        "<path:kv/data/s#word | jsonParse>",
        "<path:kv/data/s#json | jsonPath {.none}>",
        "<path:kv/data/s#json | jsonPath {.l[7]}>",
        "<path:kv/data/s#json | jsonPath {.u[0]}>",
        "<path:kv/data/s#json | jsonPath {.u>",
        "<path:kv/data/s#colon | yamlParse | indent 2>",
        "<path:kv/data/s#word | indent two>",
        "<path:kv/data/s#map | sha256sum>",
    ] {
        let input = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: seeded}}\ndata:\n  entry: {}\n",
            json!(text)
        );
        let theirs = theirs(&plugin, &settings, &input);
        assert_ne!(theirs.code, 0, "{text}");
        let ours = run(
            gitops_fn().args(["render", "-"]).envs(settings.clone()),
            &input,
        )
        .code(1);
        assert!(ours.stdout.is_empty(), "{text}");
        for part in ["ConfigMap seeded data.entry", "<path:kv/data/", "help: "] {
            assert!(ours.stderr.contains(part), "{text}: {}", ours.stderr);
        }
        for (_, secret) in TEXTS {
            let shown = secret.len() > 4 && ours.stderr.contains(secret);
            assert!(!shown, "{text}: {}", ours.stderr);
        }
    }
}
