//! Secrets that look like the names of generated objects, alone, in halves, and beside real references:
//! against the real kustomize, which was given the values themselves.

use super::{filled, kustomize};
use crate::support::{temp_dir, tool, write_files};

/// A config map, and a variable that puts its name wherever `$(CONFIG)` stands.
const KUSTOMIZATION: &str = "resources: [all.yaml]
configMapGenerator: [{name: c, literals: ['a=<path:kv/a#b>']}]
secretGenerator: [{name: s, literals: ['a=<path:kv/a#name>', 'b=x/<path:kv/a#name>/y $(CONFIG)']}]
vars: [{name: CONFIG, objref: {kind: ConfigMap, name: c, apiVersion: v1}}]
";

/// The name that kustomize gives the config map while it holds a placeholder.
fn old_name() -> Option<String> {
    let program = tool("kustomize")?;
    let dir = temp_dir();
    write_files(
        dir.path(),
        &[(
            "kustomization.yaml",
            "configMapGenerator: [{name: c, literals: ['a=<path:kv/a#b>']}]\n",
        )],
    );
    let text = kustomize(&program, dir.path());
    let name = text.split("name: ").nth(1).unwrap().trim();
    assert!(name.starts_with("c-"), "{text}");
    Some(name.to_owned())
}

/// Checks arguments of a container, as [`check_file`] does.
#[track_caller]
fn check(arguments: &[&str]) {
    let arguments: Vec<_> = arguments
        .iter()
        .map(|argument| format!("'{argument}'"))
        .collect();
    let arguments = arguments.join("\n    - ");
    check_file(&format!(
        "apiVersion: v1
kind: Pod
metadata: {{name: p}}
spec:
  containers:
  - name: a
    envFrom: [{{configMapRef: {{name: c}}}}]
    args:
    - {arguments}
"
    ));
}

/// Checks a build with this file, in which `OLD` stands for the old name of the config map, and `HASH` for
/// its second half. The secrets are the name, parts of it, a text with it, and some that are glued to it.
#[track_caller]
fn check_file(text: &str) {
    let Some(old) = old_name() else { return };
    let hash = old.trim_start_matches("c-");
    let default = format!("<path:kv/{old}#b | default \"{old}\">");
    let values = [
        (&*default, old.clone()),
        ("<path:kv/a#b>", "value".to_owned()),
        ("<path:kv/a#name>", old.clone()),
        ("\\u003cpath:kv/a#name\\u003e", old.clone()),
        ("<path:kv/a#hash>", hash.to_owned()),
        ("<path:kv/a#tail>", format!("-{hash}")),
        ("<path:kv/a#head>", "c".to_owned()),
        ("<path:kv/a#text>", format!("a {old} b")),
        ("<path:kv/a#glue>", "x".to_owned()),
        ("<path:kv/a#none>", String::new()),
        ("<path:kv/a#list>", format!("[{old}, {{a: {old}}}]")),
    ];
    let store = format!(
        "kv/a: {{b: value, name: {old}, hash: {hash}, tail: -{hash}, head: c, text: a {old} b, glue: x, none: '', list: [{old}, {{a: {old}}}]}}\n"
    );
    let text = text.replace("OLD", &old).replace("HASH", hash);
    let files = [
        ("kustomization.yaml", KUSTOMIZATION),
        ("all.yaml", text.as_str()),
    ];
    let used: Vec<_> = values
        .iter()
        .filter(|(hole, _)| files.iter().any(|(_, text)| text.contains(hole)))
        .map(|(hole, value)| (*hole, value.as_str()))
        .collect();
    filled(&store, &files, &used);
}

#[test]
fn a_secret_that_is_an_old_name_stays() {
    check(&["<path:kv/a#name>"]);
    check(&["<path:kv/a#text>", "$(CONFIG)"]);
}

/// As many names as before stand in the document, one of them by chance.
#[test]
fn a_secret_with_a_name_that_replaces_one_stays() {
    check(&["<path:kv/a#name>", "$(CONFIG)", "<path:kv/a#b>"]);
    check(&["<path:kv/OLD#b | default \"OLD\">", "<path:kv/a#name>"]);
}

/// A map or list comes in whole, and a text can have lines.
#[test]
fn names_in_lists_and_lines_are_told_apart() {
    check_file(
        "apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  list: <path:kv/a#list>
  containers:
  - name: a
    args:
    - |
      a: <path:kv/a#name>

      b: $(CONFIG)
      c: <path:kv/a#text>
    - >-
      <path:kv/a#name>
      $(CONFIG)
",
    );
}

#[test]
fn half_a_name_from_a_secret_makes_no_reference() {
    check(&["c-<path:kv/a#hash>"]);
    check(&["<path:kv/a#head>-HASH"]);
    check(&["c<path:kv/a#tail>", "<path:kv/a#head><path:kv/a#tail>"]);
    check(&["c<path:kv/a#none>-HASH"]);
}

#[test]
fn references_beside_secrets_are_told_apart() {
    check(&["$(CONFIG) <path:kv/a#name>"]);
    check(&["<path:kv/a#name> $(CONFIG)"]);
    check(&["$(CONFIG)/<path:kv/a#name>/$(CONFIG)"]);
    check(&[
        "$(CONFIG) c-<path:kv/a#hash>",
        "<path:kv/a#head>-HASH,$(CONFIG)",
    ]);
    check(&["<path:kv/a#text> $(CONFIG) <path:kv/a#text>"]);
    check(&["{\"a\":\"\\u003cpath:kv/a#name\\u003e\",\"b\":\"$(CONFIG)\"}"]);
}

/// What stands at a name in the end does not make another word of it, as kustomize has seen none there.
#[test]
fn references_that_touch_a_secret_follow() {
    check(&["$(CONFIG)<path:kv/a#glue>"]);
    check(&["<path:kv/a#glue>$(CONFIG)"]);
    check(&["<path:kv/a#none>$(CONFIG)<path:kv/a#none>"]);
    check(&["$(CONFIG)<path:kv/a#glue> <path:kv/a#name>"]);
    check(&["\\u003cpath:kv/a#name\\u003e$(CONFIG)"]);
}
