//! Tests malicious input: alias bombs, deep nesting, millions of items. It must give a clear error with the right exit
//! code, no partial output, no panic, and a run time that grows at most linearly with the input.

mod extremes;

use std::fmt::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Output, gitops_fn, run, temp_dir, write_files};

/// A time limit far above what a linear program needs in a debug build on a busy machine, and far below what a
/// quadratic one would need.
const LONG: Duration = Duration::from_mins(5);

const STORE: &str = "kv/shop/web: {password: s3cr3t}\n";

/// Runs with the embedded store, and checks what must be true of every run.
fn with_store(args: &[&str], stdin: impl AsRef<[u8]> + Sync) -> Output {
    let dir = temp_dir();
    write_files(dir.path(), &[("secrets.yaml", STORE)]);
    let mut command = gitops_fn();
    command.current_dir(dir.path()).args(args);
    command.env("VAULT_ADDR", "file:secrets.yaml");
    // a debug build on a busy machine
    command.env("GITOPS_FN_TIMEOUT", "10m");
    bounded(&mut command, stdin)
}

fn bounded(command: &mut Command, stdin: impl AsRef<[u8]> + Sync) -> Output {
    let begun = Instant::now();
    let output = run(command, stdin);
    assert!(begun.elapsed() < LONG, "took {:?}", begun.elapsed());
    for word in [
        "panicked",
        "gitops-fn has failed",
        "fault of gitops-fn",
        "s3cr3t",
    ] {
        assert!(
            !output.stderr.contains(word),
            "{word}: {}",
            head(&output.stderr)
        );
    }
    output
}

/// The start of a text that may be long.
fn head(text: &str) -> &str {
    &text[..text.len().min(2_000)]
}

/// Checks that `render -` fails with this exit code and message, gives a help line, and writes no output.
fn refused(stdin: impl AsRef<[u8]> + Sync, code: i32, says: &str) -> Output {
    let output = with_store(&["render", "-"], stdin).code(code);
    assert!(output.stdout.is_empty(), "something was written");
    assert!(
        output.stderr.contains(says),
        "{says}: {}",
        head(&output.stderr)
    );
    assert!(output.stderr.contains("help: "), "{}", head(&output.stderr));
    output
}

fn secret(value: &str) -> String {
    format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\nstringData:\n  v: {value}\n")
}

fn bomb() -> String {
    let mut text = String::from(
        "apiVersion: v1\nkind: Widget\nmetadata: {name: a}\na0: &a0 [<path:kv/shop/web#password>]\n",
    );
    for level in 1..40 {
        let before = level - 1;
        let _ = writeln!(
            text,
            "a{level}: &a{level} [*a{before}, *a{before}, *a{before}]"
        );
    }
    text
}

#[test]
fn alias_bombs() {
    refused(bomb(), 1, "aliases expand to more than 1,000,000 nodes");
    let mut config = gitops_fn();
    let dir = temp_dir();
    let release = bomb().replace("<path:kv/shop/web#password>", "x");
    write_files(
        dir.path(),
        &[("release.yaml", &release), ("secrets.yaml", &release)],
    );
    config
        .current_dir(dir.path())
        .args(["render", "-f", "release.yaml", "-"]);
    let output = bounded(&mut config, secret("x")).code(2);
    assert!(output.stderr.contains("error: "), "{}", output.stderr);
    let mut store = gitops_fn();
    store.current_dir(dir.path()).args(["render", "-"]);
    store.env("VAULT_ADDR", "file:secrets.yaml");
    let output = bounded(&mut store, secret("<path:kv/shop/web#password>")).code(2);
    assert!(output.stderr.contains("malformed"), "{}", output.stderr);
}

#[test]
fn an_alias_bomb_as_a_value() {
    let dir = temp_dir();
    let mut value = String::from("a0: &a0 [s3cr3t]\n");
    for level in 1..40 {
        let before = level - 1;
        let _ = writeln!(
            value,
            "a{level}: &a{level} [*a{before}, *a{before}, *a{before}]"
        );
    }
    let store = format!(
        "kv/shop/web:\n  bomb: |\n    {}\n",
        value.trim_end().replace('\n', "\n    ")
    );
    write_files(dir.path(), &[("secrets.yaml", &store)]);
    let mut render = gitops_fn();
    render.current_dir(dir.path()).args(["render", "-"]);
    render.env("VAULT_ADDR", "file:secrets.yaml");
    let output = bounded(&mut render, secret("<path:kv/shop/web#bomb | yamlParse>")).code(1);
    assert!(output.stderr.contains("yamlParse"), "{}", output.stderr);
}

#[test]
fn modifiers_that_make_ever_more() {
    for (modifier, times) in [("base64encode", 75), ("json", 100)] {
        let chain = format!(" | {modifier}").repeat(times);
        let text = secret(&format!("<path:kv/shop/web#\"{chain}>"));
        let store = "kv/shop/web: {'\"': 's3cr3t\\'}\n";
        let dir = temp_dir();
        write_files(dir.path(), &[("secrets.yaml", store)]);
        let mut render = gitops_fn();
        render.current_dir(dir.path()).args(["render", "-"]);
        render.env("VAULT_ADDR", "file:secrets.yaml");
        let output = bounded(&mut render, text).code(1);
        assert!(output.stdout.is_empty());
        let says = format!(
            "error: Secret a stringData.v <path:kv/shop/web#\">: {modifier}: the result is larger than 16 MiB\nhelp: take"
        );
        assert!(output.stderr.contains(&says), "{}", output.stderr);
    }
}

#[test]
fn deep_nesting() {
    let block = |depth: usize, leaf: &str| {
        let mut text = String::from("kind: Widget\nmetadata: {name: a}\nspec:\n");
        for level in 1..=depth {
            let _ = writeln!(text, "{}k:", " ".repeat(level));
        }
        let _ = writeln!(text, "{}k: {leaf}", " ".repeat(depth + 1));
        text
    };
    let flow = |depth: usize, leaf: &str| {
        format!(
            "kind: Widget\nmetadata: {{name: a}}\nspec: {}{leaf}{}\n",
            "[".repeat(depth),
            "]".repeat(depth)
        )
    };
    let placeholder = "<path:kv/shop/web#password>";
    for text in [block(1_000, placeholder), flow(1_000, placeholder)] {
        let output = with_store(&["render", "-"], &text).success();
        assert_eq!(output.text(), text.replace(placeholder, "\"s3cr3t\""));
    }
    refused(flow(100_000, placeholder), 1, "not valid YAML");
    refused(block(2_000, placeholder), 1, "not valid YAML");
    let dashes = format!(
        "kind: Widget\nmetadata: {{name: a}}\nspec:\n{} {placeholder}\n",
        "- ".repeat(100_000)
    );
    refused(dashes, 1, "not valid YAML");
}

#[test]
fn odd_keys() {
    let text = "kind: Widget\nmetadata: {name: a}\n1: x\n0x10: x\n? [a, b]\n: x\n~: x\nv: <path:kv/shop/web#password>\n";
    let output = with_store(&["render", "-"], text).success();
    assert!(output.text().ends_with("~: x\nv: \"s3cr3t\"\n"));
}

#[test]
fn a_million_placeholders_in_one_document() {
    let mut text = String::from("kind: Widget\nmetadata: {name: a}\nspec:\n");
    for _ in 0..1_000_000 {
        text.push_str("- <path:kv/shop/web#password>\n");
    }
    let output = with_store(&["render", "-"], &text).success();
    assert_eq!(output.text().matches("- \"s3cr3t\"\n").count(), 1_000_000);
}

#[test]
fn a_million_placeholders_in_one_text() {
    let text = secret(&"<path:kv/shop/web#password>".repeat(1_000_000));
    let output = with_store(&["render", "-"], text).success();
    assert_eq!(output.text().matches("s3cr3t").count(), 1_000_000);
}

#[test]
fn placeholders_in_many_documents() {
    let one = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {v: <path:kv/shop/web#password>}\n---\n";
    let output = with_store(&["render", "-"], one.repeat(20_000)).success();
    assert_eq!(output.text().matches("{v: \"s3cr3t\"}").count(), 20_000);
}

#[test]
fn a_million_errors_are_counted_and_not_listed() {
    let mut text = String::from("kind: Widget\nmetadata: {name: a}\nspec:\n");
    for number in 0..1_000_000 {
        let _ = writeln!(text, "- <path:kv/shop/web#missing{number}>");
    }
    let output = refused(&text, 1, "error: 1000000 problems; nothing was written");
    assert!(
        output.stderr.lines().count() < 120,
        "{}",
        output.stderr.lines().count()
    );
    assert!(output.stderr.contains("and 999950 more"));
}

#[test]
fn unclosed_placeholders_cost_no_more_than_their_length() {
    for piece in [
        "<path:",
        "<path:a#b |",
        "<path:a#b | jsonPath {.x",
        "\\u003cpath:",
        "\\u003cpath:a#b | '",
    ] {
        let text = secret(&format!(
            "'{}'",
            piece.repeat(1_000_000).replace('\'', "''")
        ));
        refused(text, 1, "at character 1 ");
    }
    let keys = format!(
        "kind: Widget\nmetadata: {{name: a, annotations: {{avp.kubernetes.io/path: kv/shop/web}}}}\nv: '{}'\n",
        "<a | ".repeat(1_000_000)
    );
    let output = with_store(&["render", "-"], keys);
    assert!(matches!(output.code, 0 | 1));
}

#[test]
fn a_scalar_of_ten_megabytes() {
    let long = "x".repeat(10_000_000);
    let text = secret(&format!("\"{long}<path:kv/shop/web#password>\""));
    let output = with_store(&["render", "-"], text).success();
    assert!(output.text().ends_with("xs3cr3t\"\n"));
}

#[test]
fn a_store_that_is_missing_or_malformed_or_lacks_the_key() {
    let manifest = secret("<path:kv/shop/web#password>");
    let dir = temp_dir();
    write_files(
        dir.path(),
        &[
            ("list.yaml", "- s3cr3t\n"),
            ("broken.yaml", "a: [s3cr3t"),
            ("empty.yaml", ""),
            ("other.yaml", "kv/shop/web: {other: s3cr3t}\n"),
        ],
    );
    for (store, code) in [
        ("none.yaml", 2),
        ("list.yaml", 2),
        ("broken.yaml", 2),
        ("empty.yaml", 2),
        ("other.yaml", 1),
    ] {
        let mut render = gitops_fn();
        render.current_dir(dir.path()).args(["render", "-"]);
        render.env("VAULT_ADDR", format!("file:{store}"));
        let output = bounded(&mut render, &manifest).code(code);
        assert!(
            output.stdout.is_empty() && output.stderr.contains("help: "),
            "{store}: {}",
            output.stderr
        );
    }
}

#[test]
fn standard_streams_that_are_empty_closed_or_not_text() {
    refused("", 1, "the input is empty");
    refused(" \n# only a comment\n---\n", 1, "the input is empty");
    refused(b"kind: \xff\n", 1, "UTF-8");
    refused(b"\xff\xfek\0i\0n\0d\0", 1, "UTF-16");
    // no standard input, and nobody who reads the output
    let mut closed = gitops_fn();
    closed.args(["render", "-"]).stdin(Stdio::null());
    assert_eq!(closed.output().unwrap().status.code(), Some(1));
    let program = gitops_fn();
    let mut shell = Command::new("sh");
    shell.arg("-c").arg("yes 'a: b' | head -n 500000 | sed '1i kind: X' | \"$0\" render - | head -c 1 > /dev/null; exec 1>&-; echo 'kind: X' | \"$0\" render - 2>&1 >&-; true");
    shell.arg(program.get_program());
    assert!(bounded(&mut shell, "").stderr.is_empty());
}

#[test]
fn usage_errors() {
    for (args, says) in [
        (&["render", "--nosuch"][..], "--nosuch"),
        (&["nosuch"], "nosuch"),
        (&["render", "nosuch.yaml"], "nosuch.yaml"),
        (&["render", "-f", "nosuch.yaml", "-"], "nosuch.yaml"),
    ] {
        let output = with_store(args, secret("x")).code(2);
        assert!(
            output.stdout.is_empty() && output.stderr.contains(says),
            "{}",
            output.stderr
        );
    }
    let dir = temp_dir();
    let mut render = gitops_fn();
    render.args(["render"]).arg(dir.path());
    let output = bounded(&mut render, "").code(1);
    assert!(
        output.stderr.contains("no YAML or JSON files were found"),
        "{}",
        output.stderr
    );
}

/// Checks that a failing function writes a complete list with the unchanged items.
#[test]
fn a_failing_function_sends_back_what_it_was_sent() {
    let items = "- apiVersion: v1\n  kind: Secret\n  metadata:\n    name: a\n  stringData:\n    v: <path:kv/shop/web#missing>\n";
    let list = format!("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n{items}");
    let output = with_store(&[], &list).code(1);
    let (before, rest) = output.text().split_once("results:\n").unwrap();
    let (results, after) = rest.split_once("items:\n").unwrap();
    assert_eq!(format!("{before}items:\n{after}"), list);
    assert!(results.contains("\"severity\": \"error\"") && results.contains("stringData.v"));
    for stdin in [
        "",
        "x: [",
        "kind: Pod\n",
        "- a\n",
        "\u{0}",
        "kind: ResourceList\nitems: text\n",
        "kind: ResourceList\n---\nkind: ResourceList\n",
    ] {
        let output = with_store(&[], stdin).code(1);
        assert!(
            output.stdout.is_empty() && output.stderr.starts_with("error: "),
            "{stdin:?}: {}",
            output.stderr
        );
    }
}

fn list(items: &str) -> String {
    format!("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n{items}")
}

/// Each item of a list may use all anchors before it: what aliases cost is counted for the document.
#[test]
fn an_alias_bomb_that_many_items_use() {
    let mut items = String::from("- {kind: Widget, a0: &a0 [x, x, x, x, x, x, x, x, x, x]}\n");
    for level in 1..6 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        let _ = writeln!(items, "- {{kind: Widget, a{level}: &a{level} [{aliases}]}}");
    }
    items.push_str(&"- {kind: Widget, a: *a5, v: <path:kv/shop/web#password>}\n".repeat(2_000));
    let output = with_store(&[], list(&items)).code(1);
    let says = "aliases expand to more than 1,000,000 nodes";
    assert!(output.stderr.contains(says), "{}", head(&output.stderr));
}

/// Merge keys that name each other: a lookup visits each mapping once.
#[test]
fn a_bomb_of_merge_keys() {
    let mut text = String::from("kind: Widget\nm0: &m0 {a: b}\n");
    for level in 1..40 {
        let aliases = vec![format!("*m{}", level - 1); 10].join(", ");
        let _ = writeln!(text, "m{level}: &m{level} {{<<: [{aliases}]}}");
    }
    text.push_str("metadata: {name: a, <<: *m39}\nv: <path:kv/shop/web#password>\n");
    refused(text, 1, "aliases expand to more than 1,000,000 nodes");
}

#[test]
fn merging_large_mappings() {
    let mut text = String::from("kind: Widget\nmetadata: {name: a}\nbase: &base\n");
    for number in 0..30_000 {
        let _ = writeln!(text, "  k{number}: x");
    }
    text.push_str("spec:\n  <<: *base\n");
    for number in 0..30_000 {
        let _ = writeln!(text, "  k{number}: <path:kv/shop/web#password>");
    }
    with_store(&["render", "-"], text).code(0);
}

#[test]
fn a_hundred_thousand_entries_that_are_removed() {
    let mut text = String::from(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  annotations:\n    \
         avp.kubernetes.io/path: kv/shop/web\n    avp.kubernetes.io/remove-missing: 'true'\ndata:\n  kept: x\n",
    );
    for number in 0..100_000 {
        let _ = writeln!(text, "  k{number}: <missing{number}>");
    }
    let output = with_store(&["render", "-"], text).code(0);
    assert!(output.text().ends_with("data:\n  kept: x\n"));
}

#[test]
fn open_braces_without_end() {
    for piece in [
        "<path:a#b | default {> ",
        "\\u003cpath:a#b | default {\\u003e ",
    ] {
        let text = secret(&format!("'{}'", piece.repeat(200_000)));
        let output = with_store(&["render", "-"], text).code(1);
        assert!(output.stderr.contains("help: "), "{}", head(&output.stderr));
    }
}

#[test]
fn a_million_results_are_counted_and_not_listed() {
    let mut items = String::from("- kind: Widget\n  metadata: {name: a}\n  spec:\n");
    for number in 0..200_000 {
        let _ = writeln!(items, "  - <path:kv/shop/web#missing{number}>");
    }
    let text = list(&items);
    let output = with_store(&[], &text).code(1);
    assert!(output.stdout.len() < text.len() + 1_000_000);
    assert!(output.text().contains("and 199000 more"));
    assert!(output.text().ends_with(&items));
}

/// The byte order mark does not count as indentation of the first line.
#[test]
fn a_byte_order_mark_before_a_list() {
    let item = "- {kind: Widget, metadata: {name: a}, v: <path:kv/shop/web#no>}\n";
    for text in [
        format!("\u{feff}{}", list(item)),
        format!("\u{feff}# \u{e9}\u{e9}\n{}", list(item)),
        format!("\u{feff}\u{e9}\u{e9}: 1\n{}", list(item)),
    ] {
        let output = with_store(&[], &text).code(1);
        let list = output.text().trim_start_matches('\u{feff}');
        let list: serde_yaml::Value = serde_yaml::from_str(list).unwrap();
        assert_eq!(list["results"].as_sequence().unwrap().len(), 1, "{text}");
    }
}

#[test]
fn fifty_texts_that_look_like_placeholders_are_told_and_the_others_counted() {
    for (texts, more) in [(50, false), (63, true)] {
        let mut manifest =
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n".to_owned();
        for text in 0..texts {
            let _ = writeln!(manifest, "  k{text}: <PATH:kv/shop/web#password>");
        }
        let list = format!(
            "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- {}",
            manifest.trim_end().replace('\n', "\n  ")
        );
        let output = with_store(&[], list).success();
        let said = output.text();
        assert_eq!(said.matches("looks like a misspelt").count(), 50, "{said}");
        assert_eq!(said.contains("and 13 more texts"), more, "{said}");
    }
}
