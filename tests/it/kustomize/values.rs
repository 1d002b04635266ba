//! Values that YAML makes hard: they arrive unchanged in what the real kustomize prints, or are
//! refused with a reason.

use std::fmt::Write;

use serde_yaml::Value;

use super::{SECRETS, build, name, tree};
use crate::support::{EXEC, documents};

/// What no YAML of kustomize's carries unchanged
/// (docs/internals/kustomize-and-kpt.md#characters-that-kustomize-cannot-carry).
const NOT_CARRIED: [&str; 8] = [
    "\u{7f}", "\u{80}", "\u{9f}", "\u{85}", "\u{2028}", "\u{2029}", "\u{fffe}", "\u{ffff}",
];

#[test]
fn what_kustomize_cannot_carry_is_refused_with_a_reason_and_without_the_value() {
    for character in NOT_CARRIED {
        let value = format!("SENTINEL-{character}-LENITNES");
        let dir = tree(&[
            (
                "app/config.yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {k: 'a <path:kv/x#v>'}\n",
            ),
            ("app/secrets.yaml", SECRETS),
            (
                "app/kustomization.yaml",
                "resources: [config.yaml]\ntransformers: [secrets.yaml]\n",
            ),
            ("secrets.yaml", &format!("kv/x: {}\n", escaped(&value))),
        ]);
        let Some(output) = build(dir.path(), "app", EXEC) else {
            return;
        };
        let output = output.code(1);
        assert_eq!(output.text(), "");
        assert!(
            output
                .stderr
                .contains("error: ConfigMap c data.k <path:kv/x#v>: ")
                && output.stderr.contains("base64"),
            "{character:?}: {}",
            output.stderr
        );
        for part in ["SENTINEL", "LENITNES", "U0VOVElORUw"] {
            assert!(
                !output.stderr.contains(part),
                "{character:?}: {}",
                output.stderr
            );
        }
    }
}

/// `{v: value}` in ASCII, so that the store's reader has nothing to misunderstand.
fn escaped(value: &str) -> String {
    let mut text = String::from("{\"v\": \"");
    for character in value.chars() {
        match character {
            '"' | '\\' => write!(text, "\\{character}").unwrap(),
            '\n' => text.push_str("\\n"),
            ' '..='~' => text.push(character),
            other => write!(text, "\\U{:08x}", u32::from(other)).unwrap(),
        }
    }
    text.push_str("\"}");
    text
}

const VALUES: &[&str] = &[
    "",
    " ",
    "\n",
    "\t",
    "'",
    "\"",
    "''",
    "\"\"",
    "it's",
    "say \"x\"",
    "a\nb",
    "a\nb\n",
    "\n\na\n\n",
    "a\n---\nb",
    "---",
    "...",
    "--- a",
    "a: b",
    "a:",
    ": b",
    "a #b",
    "a # b",
    "# b",
    "#b",
    "- a",
    "-",
    "<path:",
    "<path:kv/x#v>",
    "<key>",
    "{a: b}",
    "[a]",
    "{",
    "*a",
    "&a",
    "!a",
    "|",
    ">",
    "%a",
    "@a",
    "`a",
    "? a",
    "?",
    "~",
    "null",
    "true",
    "yes",
    "no",
    "on",
    "y",
    "n",
    "1",
    "01",
    "0x1",
    "0o7",
    "1e3",
    "1_000",
    ".inf",
    ".nan",
    "1.10",
    "12:30:45",
    "2024-01-02",
    "=",
    "<<",
    "😀",
    "é☃",
    "\u{a0}a\u{a0}",
    "\u{3000}",
    " leading",
    "trailing ",
    "  both  ",
    "\ttab",
    "tab\t",
    "a\tb\n\tc\n",
    "a \nb\n",
    "  a\nb",
    "\r",
    "a\rb",
    "a\r\nb\r\n",
    "\\",
    "\\n",
    "a\\",
    "$a",
    "${A}",
    "$(A)",
    "\u{feff}bom",
    "\u{1}\u{1b}\u{8}",
    "{{ x }}",
    "a, b",
    "a]b",
    "key: |\n  text\n",
    "\u{10ffff}x",
    "\u{e000}",
    "%YAML 1.2",
    "\\u003cpath:a#b\\u003e",
];

fn values() -> Vec<String> {
    let mut values: Vec<_> = VALUES.iter().map(|value| (*value).to_owned()).collect();
    values.push("long word ".repeat(50));
    values.push("x".repeat(500));
    // 1 MB, in a store that may be 1 MiB
    values.push(format!("{}\n", "x: 'y' # ".repeat(11)).repeat(10_000));
    values
}

#[test]
fn arbitrary_values_arrive_unchanged() {
    let values = values();
    let mut store = String::new();
    let mut secret =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: plain}\nstringData:\n".to_owned();
    let mut config =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config}\ndata:\n".to_owned();
    let mut other =
        "apiVersion: example.com/v1\nkind: Shop\nmetadata: {name: shop}\nspec:\n".to_owned();
    let mut kustomization = "resources: [manifests.yaml]\ntransformers: [secrets.yaml]\nsecretGenerator:\n- name: generated\n  literals:\n".to_owned();
    for (index, value) in values.iter().enumerate() {
        writeln!(store, "kv/v{index}: {}", escaped(value)).unwrap();
        for part in [&mut secret, &mut config, &mut other] {
            writeln!(
                part,
                "  k{index}: <path:kv/v{index}#v>\n  in{index}: |\n    x<path:kv/v{index}#v>y"
            )
            .unwrap();
        }
        writeln!(
            kustomization,
            "  - 'k{index}=<path:kv/v{index}#v>'\n  - 'in{index}=x<path:kv/v{index}#v>y'"
        )
        .unwrap();
    }
    // what only base64 can carry
    for (index, value) in NOT_CARRIED.iter().chain(&["\0", "a\0b"]).enumerate() {
        writeln!(store, "kv/b{index}: {}", escaped(value)).unwrap();
        writeln!(kustomization, "  - 'b{index}=<path:kv/b{index}#v>'").unwrap();
    }
    let dir = tree(&[
        ("secrets.yaml", &store),
        ("app/secrets.yaml", SECRETS),
        (
            "app/manifests.yaml",
            &format!("{secret}---\n{config}---\n{other}"),
        ),
        ("app/kustomization.yaml", &kustomization),
    ]);
    let Some(output) = build(dir.path(), "app", EXEC) else {
        return;
    };
    let output = output.success();
    let objects = documents(output.text());
    let find = |kind: &str, prefix: &str| {
        let found = objects
            .iter()
            .find(|object| object["kind"] == kind && name(object).starts_with(prefix));
        found.unwrap_or_else(|| panic!("no {kind} {prefix}"))
    };
    let plain = [
        &find("Secret", "plain")["stringData"],
        &find("ConfigMap", "config")["data"],
        &find("Shop", "shop")["spec"],
    ];
    let encoded = &find("Secret", "generated")["data"];
    for (index, value) in values.iter().enumerate() {
        for map in plain {
            assert!(map[format!("k{index}")] == **value, "{value:.60?}");
            assert!(
                map[format!("in{index}")] == *format!("x{value}y\n"),
                "{value:.60?}"
            );
        }
        assert!(
            decoded(&encoded[format!("k{index}")]) == value.as_bytes(),
            "{value:.60?}"
        );
        let inside = format!("x{value}y");
        assert!(
            decoded(&encoded[format!("in{index}")]) == inside.as_bytes(),
            "{value:.60?}"
        );
    }
    for (index, value) in NOT_CARRIED.iter().chain(&["\0", "a\0b"]).enumerate() {
        assert_eq!(decoded(&encoded[format!("b{index}")]), value.as_bytes());
    }
}

fn decoded(value: &Value) -> Vec<u8> {
    use base64::Engine;
    let text: String = value
        .as_str()
        .unwrap()
        .chars()
        .filter(|character| !character.is_whitespace())
        .collect();
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap()
}
