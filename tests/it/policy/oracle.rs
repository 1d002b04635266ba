//! What a failed run tells whoever sees no more than its message and exit code: nothing of a value.

use std::fmt::Write as _;

use super::{SHOP, TENANTS, assert_denied, assert_gives, policy, render_on, secret};
use crate::governed::Governed;
use crate::support::{Output, run, temp_dir, write_files};

/// What is said of every value that cannot be used.
const WITHHELD: &str =
    "a value is not what its place or its modifiers need; the policy withholds details";

/// Values of every sort, at `kv/shop/web/db`.
const VALUES: &str = r#"
kv/shop/web/db:
  password: value-shop
  json: '{"a": {"b": "value-x"}, "list": [1, 2]}'
  yaml: "a: value-x\nb: [1, 2]\n"
  null-text: "null"
  bytes: "/w=="
  long: "value-x value-x value-x"
  bomb: "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"
  number: 12
  flag: true
  map: {a: value-x}
  list: [value-x, value-y]
  users: [{name: value-x, id: 1}, {name: value-y, id: 2}]
"#;

const OPEN: &str = "  enable: {jsonPathFilters: true}\n";

#[track_caller]
fn machine(more: &str) -> Option<Governed> {
    let machine = Governed::new(&policy(&format!("{TENANTS}{more}")))?;
    write_files(machine.folder(), &[("values.yaml", VALUES)]);
    Some(machine)
}

/// Renders with the values of this file.
fn ask(machine: &Governed, manifests: &str) -> Output {
    let mut command = machine.gitops_fn();
    command
        .args(["render", "-"])
        .current_dir(machine.folder())
        .env("VAULT_ADDR", "file:values.yaml")
        .envs(SHOP);
    run(&mut command, manifests)
}

/// A Secret with these entries under `stringData`, or `data`.
fn entries(field: &str, chains: &[&str]) -> String {
    let mut text = format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: db}}\n{field}:\n");
    for (index, chain) in chains.iter().enumerate() {
        let chain = chain.replace('\'', "''");
        let _ = writeln!(text, "  k{index}: '<path:kv/shop/web/db#{chain}>'");
    }
    text
}

#[track_caller]
fn assert_withheld(output: &Output, about: &str) {
    assert_eq!(output.code, 1, "{about}: {}", output.stderr);
    assert!(output.stdout.is_empty(), "{about}");
    let lines: Vec<_> = output
        .stderr
        .lines()
        .filter(|line| !line.starts_with("warning: secrets come from"))
        .collect();
    let [said, help] = lines[..] else {
        panic!("{about}: {}", output.stderr);
    };
    assert_eq!(said, format!("error: {WITHHELD}"), "{about}");
    assert!(help.starts_with("help: "), "{about}: {help}");
}

/// A value is bisected: 12 renders, each with another threshold, gave all of it.
#[test]
fn thresholds_give_the_same_answer_whatever_the_value_is() {
    let Some(machine) = machine("") else { return };
    let thresholds = [
        "a", "m", "s", "u", "v", "va", "vb", "value-s", "value-t", "w", "z", "~",
    ];
    for (compared, says) in [
        (
            "* | jsonPath {'['}{@}{']'} | jsonPath {[?(@.password>=\"THRESHOLD\")].nope}",
            "the policy allows no jsonPath filter that compares values",
        ),
        (
            "* | jsonPath {.users[?(@.name<\"THRESHOLD\")].nope}",
            "the policy allows no jsonPath filter that compares values",
        ),
        (
            "list | jsonPath {[?(@==\"THRESHOLD\")]} | jsonPath {.nope}",
            "the policy allows no jsonPath filter that compares values",
        ),
        // keys are sorted: which of two comes first tells which is less
        (
            "* | jsonPath {'{\"'}{.password}{'\":1,\"THRESHOLD\":2}'} | jsonPath {.*} | jsonPath {'{\"'}{@}{'\":1}'} | jsonPath {.1 2}",
            "the policy lets no text be parsed that modifiers have put together",
        ),
        // a number is out of range or not
        (
            "* | jsonPath THRESHOLDe{.number} | jsonParse",
            "the policy lets no text be parsed that modifiers have put together",
        ),
        // base64 with the value in it is text or not
        (
            "* | jsonPath THRESHOLD{.password} | base64decode | json",
            "the policy lets no text be parsed that modifiers have put together",
        ),
    ] {
        let mut answers = Vec::new();
        for threshold in thresholds {
            let chain = compared.replace("THRESHOLD", threshold);
            let output = ask(&machine, &entries("stringData", &[&chain]));
            assert_denied(&output, says);
            answers.push((output.code, output.stderr));
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "{compared}: {answers:?}");
    }
}

#[test]
fn what_only_takes_a_value_apart_works() {
    let Some(machine) = machine("") else { return };
    for (chain, gives) in [
        ("* | jsonPath {.map.a}", "value-x"),
        ("json | jsonPath {.a} | jsonPath {.b}", "value-x"),
        ("yaml | yamlParse | jsonPath {.a}", "value-x"),
        ("users | jsonPath {[?(@.id)].name}", "value-x value-y"),
        ("list | jsonPath {range [*]}{@}-{end}", "value-x-value-y-"),
        ("map | jsonPath user={.a}", "user=value-x"),
    ] {
        let output = ask(&machine, &entries("stringData", &[chain]));
        assert_gives(&output, gives);
    }
}

/// The operator may allow the questions; how they fail tells no more for that.
#[test]
fn questions_can_be_allowed_and_get_no_more_than_a_yes_or_no() {
    let Some(machine) = machine(OPEN) else { return };
    let chain = "users | jsonPath {[?(@.name==\"value-y\")].id}";
    assert_gives(
        &ask(&machine, &entries("stringData", &[chain])),
        "k0: \"2\"",
    );
    let attack = "* | jsonPath {'['}{@}{']'} | jsonPath {[?(@.password>=\"s3\")].nope}";
    let two = entries("stringData", &[attack, attack]);
    assert_withheld(&ask(&machine, &two), attack);
}

/// Chains that fail by what the value is, with every modifier and every way to fail.
const FAILURES: [&str; 27] = [
    "map | base64encode",
    "number | base64decode",
    "password | base64decode",
    "flag | base64decode",
    "bytes | base64decode | urlencode",
    "bytes | base64decode | json",
    "bytes | base64decode",
    "number | jsonParse",
    "password | jsonParse",
    "null-text | jsonParse",
    "number | yamlParse",
    "bomb | yamlParse",
    "null-text | yamlParse",
    "password | jsonPath {.a}",
    "json | jsonPath {.nope}",
    "json | jsonPath {.list[7]}",
    "json | jsonPath {.list[2:1]}",
    "json | jsonPath {.a[0]}",
    "json | jsonPath {.a[?(@.b)]}",
    "json | jsonPath {range .nope[*]}{end}",
    "map | indent 4",
    "list | sha256sum",
    "map | urlencode",
    "map | base64encode | base64encode",
    "json | jsonPath {.a} | jsonPath {.b} | jsonPath {.c}",
    "long | default 'x' | jsonParse",
    "users | jsonPath {[?(@.name==\"value-y\")].nope}",
];

#[test]
fn every_value_that_cannot_be_used_is_told_in_one_text() {
    let Some(machine) = machine(OPEN) else { return };
    for chain in FAILURES {
        let output = ask(&machine, &entries("stringData", &[chain, "json | json"]));
        assert_withheld(&output, chain);
        // which of several it is, and how many there are, is not told
        let output = ask(
            &machine,
            &entries("stringData", &["json | json", chain, chain]),
        );
        assert_withheld(&output, chain);
    }
    let output = ask(&machine, &entries("stringData", &FAILURES));
    assert_withheld(&output, "all");
    // base64 is a question too
    let output = ask(&machine, &entries("data", &["password", "bytes"]));
    assert_withheld(&output, "data");
    // without a policy each is told
    let mut command = crate::support::gitops_fn();
    command
        .args(["render", "-"])
        .current_dir(machine.folder())
        .env("VAULT_ADDR", "file:values.yaml");
    let output = run(&mut command, entries("stringData", &FAILURES));
    let each = output.stderr.matches("<path:kv/shop/web/db#").count();
    assert_eq!(
        (output.code, each),
        (1, FAILURES.len()),
        "{}",
        output.stderr
    );
}

/// Where a single place can be meant, it is named: that tells no more than the exit code.
#[test]
fn the_only_place_that_can_be_wrong_is_named() {
    let Some(machine) = machine("") else { return };
    for (field, chain) in [("stringData", "map | indent 4"), ("data", "password")] {
        let mut manifest = entries(field, &[chain]);
        manifest += "---\n";
        manifest += &secret("<path:kv/shop/web/db#password> <path:kv/shop/web/db#number>");
        let output = ask(&machine, &manifest);
        let key = chain.split(' ').next().unwrap();
        let says = format!("error: Secret db {field}.k0 <path:kv/shop/web/db#{key}>: {WITHHELD}");
        assert!(output.stderr.starts_with(&says), "{}", output.stderr);
        assert_eq!(output.code, 1);
    }
}

/// Which keys there are is told: they are named in the manifest.
#[test]
fn missing_keys_are_told_by_name_and_no_others_are() {
    let Some(machine) = machine("") else { return };
    let output = ask(
        &machine,
        &entries("stringData", &["nope | jsonPath {.a}", "passwor"]),
    );
    assert_eq!(output.code, 1);
    for key in ["#nope>", "#passwor>"] {
        let says = format!("{key}: the secret has no such key");
        assert!(output.stderr.contains(&says), "{}", output.stderr);
    }
    assert!(!output.stderr.contains("#password"), "{}", output.stderr);
    // a missing key beside a value that cannot be used
    let output = ask(
        &machine,
        &entries("stringData", &["nope", "map | indent 4", "json | json"]),
    );
    assert!(
        output.stderr.starts_with("error: 2 problems"),
        "{}",
        output.stderr
    );
}

/// How far a run has come when it grows too long depends on how long the values are.
#[test]
fn a_run_that_grows_too_long_does_not_tell_where() {
    let Some(machine) = machine("  limits: {outputBytes: 60}\n") else {
        return;
    };
    let mut answers = Vec::new();
    for before in 0..5 {
        let mut chains = vec!["nope"; before];
        chains.extend([
            "password | sha256sum",
            "password | sha256sum",
            "password | sha256sum",
        ]);
        let output = ask(&machine, &entries("stringData", &chains));
        assert_eq!(output.code, 1);
        answers.push(output.stderr);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers[0].contains("grows by more than the policy allows"));
    assert!(!answers[0].contains("no such key"), "{answers:?}");
}

/// As a function too: what kustomize cannot carry is a property of the value.
#[test]
fn a_function_withholds_as_much() {
    let folder = temp_dir();
    let odd = "kv/shop/web/db: {odd: \"a\\x7f\", ok: x}";
    write_files(folder.path(), &[("values.yaml", odd)]);
    let spec = format!(
        "\n  store: file\n  secretsFile: {}\n  functionMode: allow\n  mounts: [{{path: kv, version: 2}}]\n  allow: [{{name: all, paths: [kv/shop/web/db]}}]\n",
        folder.path().join("values.yaml").display()
    );
    let Some(machine) = Governed::new(&policy(&spec)) else {
        return;
    };
    let item = entries("stringData", &["odd", "ok"]);
    let item = item.trim_end().replace('\n', "\n  ");
    let list =
        format!("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- {item}\n");
    let output = run(&mut machine.gitops_fn(), list);
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(output.text().contains(WITHHELD), "{}", output.text());
    for told in [&output.stderr, output.text()] {
        assert!(
            told.contains(WITHHELD) && !told.contains("U+0080"),
            "{told}"
        );
        assert!(!told.contains("stringData.k"), "{told}");
    }
}

/// A warning about a text that its values break would tell what they hold.
#[test]
fn a_value_that_breaks_a_text_is_not_told() {
    let Some(machine) = machine("") else { return };
    let texts = [
        "a: <path:kv/shop/web/db#yaml>",
        "{\"a\": \"<path:kv/shop/web/db#json>\"}",
    ];
    for text in texts {
        let manifest = format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: db}}\nstringData:\n  k: '{text}'\n"
        );
        let output = ask(&machine, &manifest);
        assert_eq!(output.code, 0, "{}", output.stderr);
        assert!(
            !output.stderr.contains("no longer valid"),
            "{}",
            output.stderr
        );
        // without a policy it is
        let mut open = crate::support::gitops_fn();
        open.args(["render", "-"])
            .current_dir(machine.folder())
            .env("VAULT_ADDR", "file:values.yaml");
        let output = run(&mut open, &manifest);
        assert!(
            output.stderr.contains("no longer valid"),
            "{}",
            output.stderr
        );
    }
}

#[test]
fn a_denied_question_asks_no_store() {
    let Some(machine) = machine("") else { return };
    let output = render_on(
        &machine,
        &SHOP,
        &secret("<path:kv/shop/web/db#* | jsonPath {[?(@.a==1)]}>"),
    );
    assert_denied(&output, "no jsonPath filter that compares values");
}

/// How long a value is decides where a later one begins, and so whether `indent` has more columns than it may.
#[test]
fn the_column_of_indent_tells_nothing_of_the_values_before_it() {
    let Some(machine) = machine("") else { return };
    for filler in 980..=1_000 {
        let manifest = format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: db}}\nstringData:\n  k: '<path:kv/shop/web/db#password>{}<path:kv/shop/web/db#yaml | indent>'\n",
            "x".repeat(filler)
        );
        let output = ask(&machine, &manifest);
        assert_eq!(output.code, 0, "{filler}: {}", output.stderr);
    }
}
