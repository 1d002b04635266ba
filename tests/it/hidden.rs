//! Checks that invisible characters in any text from outside do not reach a terminal, Argo CD or a results file when a
//! message repeats the text.

use std::process::Command;

use gitops_fn::untrusted_text::is_hidden;

use crate::support::{Output, gitops_fn, run, temp_dir, write_files};

/// A text with a character that reverses the direction, an invisible one, and the start of a terminal escape sequence.
const BAD: &str = "\u{202e}\u{200b}\u{9b}\u{e0041}\u{fe0f}";

/// The escaped form of its first character, which messages show. The others may be cut off.
const SHOWN: &str = r"\u{202e}";

/// A run of a case: its name, and what is run with which input.
struct Case {
    name: &'static str,
    command: Command,
    stdin: String,
    /// Whether the messages have to hold [`SHOWN`].
    told: bool,
}

fn secret(entry: &str) -> String {
    format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\nstringData:\n  {entry}\n")
}

fn command(args: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = gitops_fn();
    command.args(args).envs(env.iter().copied());
    command
}

const FILE: (&str, &str) = ("VAULT_ADDR", "file:secrets.yaml");

/// A character that reverses the direction and is allowed in any YAML text.
const TURN: &str = "\u{202e}";

const NOPE: &str = "<path:kv/shop/web#nope>";

fn told(name: &'static str, command: Command, stdin: impl Into<String>) -> Case {
    Case {
        name,
        command,
        stdin: stdin.into(),
        told: true,
    }
}

fn untold(name: &'static str, command: Command, stdin: impl Into<String>) -> Case {
    Case {
        told: false,
        ..told(name, command, stdin)
    }
}

/// `render` of a Secret with this entry.
fn entry(name: &'static str, entry: &str) -> Case {
    told(name, command(&["render", "-"], &[FILE]), secret(entry))
}

/// Cases with the characters in manifests.
fn manifests() -> Vec<Case> {
    let closed = [
        ("VAULT_ADDR", "http://127.0.0.1:1"),
        ("VAULT_TOKEN", "x"),
        ("GITOPS_FN_TIMEOUT", "1s"),
    ];
    let item = secret(&format!("\"k{TURN}\": {NOPE}"));
    let item = item.trim_end().replace('\n', "\n  ").replace(
        "{name: a}",
        &format!("{{name: a, annotations: {{config.kubernetes.io/path: \"p{TURN}\"}}}}"),
    );
    let list =
        format!("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- {item}\n");
    let logged = secret(&format!("k: <path:kv/data/{TURN}#k>"));
    let mut cases = vec![
        entry("a path", &format!("k: <path:kv/{TURN}#k>")),
        entry("a key", &format!("k: <path:kv/shop/web#{TURN}>")),
        told("a log", command(&["-vvv", "render", "-"], &closed), logged),
        told("results", command(&[], &[FILE]), list),
    ];
    let entries = [
        ("a field", format!("\"k{TURN}\\x9b\": {NOPE}")),
        ("a modifier", format!("k: '<path:kv/shop/web#k | {TURN}>'")),
        (
            "an expression",
            format!("k: '<path:kv/shop/web#k | jsonPath {{.a{TURN}}}>'"),
        ),
    ];
    for (name, text) in entries {
        let case = entry(name, &text);
        cases.push(Case {
            told: false,
            ..case
        });
    }
    for (name, from, to) in [
        ("a kind", "kind: Secret", format!("kind: \"Secret{TURN}\"")),
        ("a name", "name: a", format!("name: \"a{TURN}\"")),
    ] {
        let text = secret(&format!("k: {NOPE}")).replace(from, &to);
        cases.push(untold(name, command(&["render", "-"], &[FILE]), text));
    }
    cases
}

/// Cases with the characters in names of files and folders.
fn names() -> Vec<Case> {
    let bad = format!("x{BAD}");
    let within = format!("nosuch/{bad}");
    let store = format!("file:{bad}");
    let policy = ["policy", "test", "--policy", &bad];
    let render = |args: &[&str]| command(&[&["render"], args].concat(), &[]);
    let stored = command(&["render", "-"], &[("VAULT_ADDR", &store)]);
    vec![
        told("a manifest's name", render(&[&bad]), ""),
        told(
            "the output's name",
            render(&["-o", &within, "-"]),
            secret("k: v"),
        ),
        told(
            "a configuration's name",
            render(&["-f", &bad, "-"]),
            secret("k: v"),
        ),
        told("a store's name", stored, secret(&format!("k: {NOPE}"))),
        told("a policy's name", command(&policy, &[]), ""),
        told("a folder's name", command(&["build", &bad], &[]), ""),
    ]
}

/// Cases with the characters in arguments, the environment and a configuration.
fn settings() -> Vec<Case> {
    let release = |spec: &str| {
        format!(
            "apiVersion: gitops-fn.dev/v1alpha1\nkind: Release\nmetadata: {{name: r}}\nspec: {spec}\n"
        )
    };
    let field = release(&format!("{{\"x{TURN}\": 1}}"));
    let image = release(&format!("{{images: [{{name: \"x{TURN}\", newTag: a}}]}}"));
    let configured = || command(&["render", "-f", "-", "secrets.yaml"], &[]);
    let test = [
        "policy",
        "test",
        "--policy",
        "policy.yaml",
        "--project",
        BAD,
    ];
    let json = [&test[..], &["--output", "json", BAD]].concat();
    let table = [&test[..], &["kv/a"]].concat();
    let pattern = format!("({BAD}");
    let render = |env| command(&["render", "-"], &[env]);
    vec![
        told("an option", command(&[&format!("--x{BAD}")], &[]), ""),
        told("a command", command(&[&format!("x{BAD}")], &[]), ""),
        told("a report", command(&table, &[]), ""),
        untold("a report for programs", command(&json, &[]), ""),
        untold("a field of a configuration", configured(), field),
        untold("an image", configured(), image),
        untold("a repository", render(("APP_REPO", BAD)), secret("k: v")),
        untold(
            "a regular expression",
            render(("AVP_PATH_VALIDATION", &pattern)),
            secret(&format!("k: {NOPE}")),
        ),
    ]
}

/// All that a run says: of what it writes, results and reports.
fn said(output: &Output) -> String {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let written = match stdout.split_once("results:\n") {
        Some((_, results)) => results.split("\nitems:").next().unwrap_or_default(),
        None if stdout.contains("kind: Secret") => "",
        None => &stdout,
    };
    format!("{}{written}", output.stderr)
}

#[test]
fn no_message_holds_a_character_that_is_not_seen() {
    let folder = temp_dir();
    let policy = "apiVersion: gitops-fn.dev/v1alpha1\nkind: Policy\nspec:\n  store: file\n  mounts: [{path: kv, version: 2}]\n  allow: [{name: a, paths: [kv/a]}]\n";
    write_files(
        folder.path(),
        &[
            ("secrets.yaml", "kv/shop/web: {k: '{}', apiVersion: v1}\n"),
            ("policy.yaml", policy),
        ],
    );
    let mut wrong = Vec::new();
    for mut case in [manifests(), names(), settings()].into_iter().flatten() {
        let output = run(case.command.current_dir(folder.path()), case.stdin.as_str());
        let ours = said(&output);
        let hidden: Vec<_> = ours
            .chars()
            .filter(|&ch| is_hidden(ch) && ch != '\n')
            .collect();
        if !hidden.is_empty() {
            wrong.push(format!("{}: {hidden:?} in {ours}", case.name));
        }
        if case.told && !ours.contains(SHOWN) {
            wrong.push(format!("{}: not told: {ours}", case.name));
        }
        assert!(!ours.is_empty(), "{}", case.name);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A program that reads the report gets what was asked, unchanged.
#[test]
fn a_report_for_programs_reads_as_it_was_asked() {
    let folder = temp_dir();
    let policy = "apiVersion: gitops-fn.dev/v1alpha1\nkind: Policy\n";
    write_files(folder.path(), &[("policy.yaml", policy)]);
    let args = [
        "policy",
        "test",
        "--policy",
        "policy.yaml",
        "--output",
        "json",
        BAD,
    ];
    let output = run(command(&args, &[]).current_dir(folder.path()), "").code(1);
    let report: serde_json::Value = serde_json::from_str(output.text()).unwrap();
    assert_eq!(report["verdicts"][0]["asked"], BAD);
}
