//! More of the same, and as a function too: bombs and depths in each place that is read as YAML,
//! pieces that never end, stores and streams that cannot be used.
//!
//! Each is refused with a message that says what to do, with the exit code of docs/internals/design.md#exit-codes, and with
//! nothing half-written; or it is done, and done in a time that grows with its length alone.

use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_yaml::Value;

use crate::support::{Output, documents, gitops_fn, run, temp_dir, write_files};

/// What is a million in a release build.
const MANY: usize = if cfg!(debug_assertions) {
    100_000
} else {
    1_000_000
};
/// What nothing here may take: generous, since it is there to find times that grow with the square.
const LIMIT: Duration = Duration::from_mins(5);

const SECRETS: &str = "kv/s: {a: bob}\n";
const HEAD: &str = "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: t}\n";
const LIST: &str = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n";

/// Runs the program in a folder with a store, and checks what always holds.
fn program(args: &[&str], files: &[(&str, &str)], stdin: &[u8]) -> Output {
    let folder = temp_dir();
    let dir = folder.path();
    write_files(dir, &[("secrets.yaml", SECRETS)]);
    write_files(dir, files);
    in_folder(dir, args, stdin)
}

fn in_folder(dir: &Path, args: &[&str], stdin: &[u8]) -> Output {
    let mut command = gitops_fn();
    command
        .current_dir(dir)
        .env("VAULT_ADDR", "file:secrets.yaml")
        // a debug build on a busy machine
        .env("GITOPS_FN_TIMEOUT", "10m")
        .args(args);
    let begin = Instant::now();
    let output = run(&mut command, stdin);
    let took = begin.elapsed();
    assert!(took < LIMIT, "took {took:?}");
    assert!(
        !output.stderr.contains("gitops-fn has failed"),
        "panic: {}",
        output.stderr
    );
    output
}

/// Runs `render` over standard input.
fn render(stdin: &str) -> Output {
    program(&["render", "-"], &[], stdin.as_bytes())
}

/// Checks a refusal of `render`: nothing written, and a short message with a way out.
#[track_caller]
fn refused(output: Output, code: i32, says: &[&str]) -> Output {
    let output = output.code(code);
    assert!(output.stdout.is_empty(), "something was written");
    explained(&output, says);
    output
}

#[track_caller]
fn explained(output: &Output, says: &[&str]) {
    let Output { stderr, .. } = output;
    let first = stderr.lines().find(|line| !line.starts_with("warning: "));
    assert!(
        first.is_some_and(|line| line.starts_with("error: ")),
        "{stderr}"
    );
    assert!(stderr.contains("help: "), "{stderr}");
    assert!(stderr.len() < 32 * 1024, "{} bytes of errors", stderr.len());
    for text in says {
        assert!(stderr.contains(text), "no {text} in {stderr}");
    }
}

/// Checks a refusal of the function: a complete list with the items as they were, and results.
#[track_caller]
fn refused_list(output: Output, code: i32, items: &str, says: &[&str]) {
    let output = output.code(code);
    explained(&output, says);
    let text = output.text();
    assert!(text.contains(items), "the items are not as they were read");
    assert!(text.contains("\nresults:\n- {") && text.contains("\"severity\": \"error\""));
}

// --- alias bombs ----------------------------------------------------------------------------------

/// Lists of aliases of lists of aliases, nine deep: a billion of `leaf`.
fn bomb(leaf: &str, indent: &str) -> String {
    let mut text = format!("{indent}x0: &x0 [{}]\n", [leaf; 10].join(", "));
    for level in 1..10 {
        let aliases = vec![format!("*x{}", level - 1); 10].join(", ");
        let _ = writeln!(text, "{indent}x{level}: &x{level} [{aliases}]");
    }
    text
}

/// The same with merge keys, which alone cost nothing until they are looked into.
fn merge_bomb(indent: &str) -> String {
    let mut text = format!("{indent}m0: &m0 {{a: <path:kv/s#a>}}\n");
    for level in 1..30 {
        let below = level - 1;
        let _ = writeln!(
            text,
            "{indent}m{level}: &m{level} {{<<: [*m{below}, *m{below}], k: {{<<: *m{below}}}}}"
        );
    }
    text
}

#[test]
fn alias_bombs_in_manifests_are_refused() {
    let bomb = bomb("<path:kv/s#a>", "  ");
    refused(render(&format!("{HEAD}spec:\n{bomb}")), 1, &["aliases"]);
    let merges = merge_bomb("  ");
    let output = render(&format!("{HEAD}spec:\n{merges}"));
    if output.code != 0 {
        refused(output, 1, &[]);
    }
    let item = format!(
        "- {}\n  spec:\n{}",
        HEAD.trim_end().replace('\n', "\n  "),
        bomb.replace("  x", "    x")
    );
    let list = format!("{LIST}items:\n{item}");
    refused_list(program(&[], &[], list.as_bytes()), 1, &item, &["aliases"]);
}

#[test]
fn an_alias_bomb_without_placeholders_passes_as_it_is() {
    let text = format!("{HEAD}spec:\n{}", bomb("a", "  "));
    assert_eq!(render(&text).success().text(), text);
}

#[test]
fn alias_bombs_in_the_configuration_are_refused() {
    for bomb in [bomb("a", "  "), merge_bomb("  ")] {
        let text = format!("apiVersion: gitops-fn.dev/v1alpha1\nkind: Release\nspec:\n{bomb}");
        let files = [("release.yaml", &*text)];
        let output = program(
            &["render", "-f", "release.yaml", "-"],
            &files,
            HEAD.as_bytes(),
        );
        refused(output, 2, &["configuration"]);
        let list = format!(
            "{LIST}items:\n- {{kind: Thing, apiVersion: v1}}\nfunctionConfig:\n  {}",
            text.replace('\n', "\n  ")
        );
        let output = program(&[], &[], list.as_bytes());
        refused_list(
            output,
            2,
            "- {kind: Thing, apiVersion: v1}\n",
            &["functionConfig"],
        );
    }
}

#[test]
fn alias_bombs_in_the_store_are_refused() {
    for bomb in [bomb("a", "  "), merge_bomb("  ")] {
        let store = format!("kv/s:\n{bomb}");
        let output = program(
            &["render", "-"],
            &[("secrets.yaml", &store)],
            asking("a").as_bytes(),
        );
        refused(output, 2, &["secrets.yaml"]);
    }
}

#[test]
fn alias_bombs_in_values_are_refused() {
    for bomb in [bomb("a", ""), merge_bomb("")] {
        let store = serde_yaml::to_string(&serde_json::json!({"kv/s": {"a": bomb}})).unwrap();
        let text = asking("a | yamlParse");
        let output = program(
            &["render", "-"],
            &[("secrets.yaml", &store)],
            text.as_bytes(),
        );
        if output.code != 0 || bomb.contains("x9") {
            refused(output, 1, &["Thing t spec.a <path:kv/s#a>", "yamlParse"]);
        }
    }
}

fn asking(key: &str) -> String {
    format!("{HEAD}spec:\n  a: <path:kv/s#{key}>\n")
}

// --- depth ----------------------------------------------------------------------------------------

/// `leaf` below `depth` lists or maps.
fn deep(depth: usize, style: &str, leaf: &str) -> String {
    match style {
        "[" => format!("{}{leaf}{}", "[".repeat(depth), "]".repeat(depth)),
        "{" => format!("{}{leaf}{}", "{a: ".repeat(depth), "}".repeat(depth)),
        "-" => format!("\n  {}{leaf}", "- ".repeat(depth)),
        "?" => format!("\n  {}{leaf}", "? ".repeat(depth)),
        _ => {
            let mut text = String::from("\n");
            for level in 0..depth {
                let _ = writeln!(text, "  {}a:", " ".repeat(level));
            }
            let _ = write!(text, "  {}{leaf}", " ".repeat(depth));
            text
        }
    }
}

#[test]
fn a_thousand_levels_are_edited() {
    for style in ["[", "{", "-", ":"] {
        let text = format!("{HEAD}spec: {}\n", deep(1000, style, "<path:kv/s#a>"));
        let output = render(&text).success();
        assert_eq!(
            output.text(),
            text.replace("<path:kv/s#a>", "\"bob\""),
            "{style}"
        );
        let item = text.trim_end().replace('\n', "\n  ");
        let list = format!("{LIST}items:\n- {item}\n");
        let output = program(&[], &[], list.as_bytes()).success();
        assert!(output.text().contains("\"bob\""), "{style}");
    }
}

#[test]
fn a_hundred_thousand_levels_are_refused() {
    for style in ["[", "{", "-", "?"] {
        let text = format!("{HEAD}spec: {}\n", deep(100_000, style, "<path:kv/s#a>"));
        refused(render(&text), 1, &["deep"]);
        let list = format!(
            "{LIST}items:\n- {}\n",
            text.trim_end().replace('\n', "\n  ")
        );
        let output = program(&[], &[], list.as_bytes());
        refused(output, 1, &["deep"]);
    }
    for open in ["[", "{", "{a: [", "- ", "? "] {
        let text = format!(
            "{HEAD}note: <path:kv/s#a>\nspec:\n  {}",
            open.repeat(100_000)
        );
        refused(render(&text), 1, &[]);
    }
    // blocks need a line for each level: the text grows with the square
    let text = format!("{HEAD}spec: {}\n", deep(2000, ":", "<path:kv/s#a>"));
    refused(render(&text), 1, &["deep"]);
}

#[test]
fn deep_configurations_stores_and_values_are_refused() {
    for style in ["[", "{", "-", "?"] {
        let spec = deep(100_000, style, "a");
        let config = format!("apiVersion: gitops-fn.dev/v1alpha1\nkind: Release\nspec: {spec}\n");
        let args = ["render", "-f", "release.yaml", "-"];
        let output = program(&args, &[("release.yaml", &config)], HEAD.as_bytes());
        refused(output, 2, &["configuration"]);
        let store = format!("kv/s: {spec}\n");
        let files = [("secrets.yaml", &*store)];
        refused(
            program(&["render", "-"], &files, asking("a").as_bytes()),
            2,
            &["secrets.yaml"],
        );
    }
    // brackets within the store's own limit, and other levels without one
    let values = [
        ("yamlParse", deep(900, "[", "a")),
        ("yamlParse", deep(900, "{", "a")),
        ("yamlParse", deep(100_000, "-", "a")),
        ("yamlParse", deep(100_000, "?", "a")),
        ("jsonParse", deep(900, "[", "1")),
        (
            "jsonParse",
            format!("{}1{}", "{\"a\":".repeat(900), "}".repeat(900)),
        ),
    ];
    for (modifier, value) in values {
        let store = serde_json::json!({"kv/s": {"a": value}}).to_string();
        let files = [("secrets.yaml", &*store)];
        let text = asking(&format!("a | {modifier}"));
        let output = program(&["render", "-"], &files, text.as_bytes());
        refused(output, 1, &["Thing t spec.a <path:kv/s#a>", modifier]);
    }
}

#[test]
fn keys_of_any_kind_are_no_trouble() {
    let text = format!(
        "{HEAD}1: x\n~: <path:kv/s#a>\n? [a, b]\n: <path:kv/s#a>\n? {{a: b}}\n: y\n0x10: [<path:kv/s#a>]\n1e3: ''\n? |\n  text\n: <path:kv/s#a>\n? \n: 5\n"
    );
    let output = render(&text).success();
    assert_eq!(output.text(), text.replace("<path:kv/s#a>", "\"bob\""));
}

// --- numbers --------------------------------------------------------------------------------------

#[test]
fn many_items_with_placeholders_are_filled() {
    let count = MANY / 10;
    let item = "- apiVersion: v1\n  kind: Thing\n  metadata: {name: t}\n  spec: <path:kv/s#a>\n";
    let text = format!("{LIST}items:\n{}", item.repeat(count));
    let output = program(&[], &[], text.as_bytes()).success();
    let list = output.text();
    assert_eq!(list.matches("spec: \"bob\"").count(), count);
    assert!(!list.contains("<path:kv/s#a>\n"));
}

#[test]
fn many_errors_are_counted_and_a_few_shown() {
    let each = format!("{HEAD}spec:\n{}", "- <path:kv/s#none>\n".repeat(MANY));
    let output = refused(render(&each), 1, &["problems; nothing was written", "more"]);
    assert!(output.stderr.lines().count() < 200);
    let count = MANY / 4;
    let all = format!("---\n{}", asking("none")).repeat(count);
    refused(render(&all), 1, &["<path:kv/s#none>"]);
    // each asks for another secret
    let mut paths = format!("{HEAD}spec:\n");
    for number in 0..count {
        let _ = writeln!(paths, "- <path:kv/none{number}#a>");
    }
    let output = refused(render(&paths), 1, &["problems; nothing was written"]);
    assert!(
        output.stderr.contains(&format!("{count} problems")),
        "{}",
        output.stderr
    );
}

#[test]
fn many_errors_in_a_list_are_a_list_that_can_be_read() {
    let count = MANY / 10;
    let item = "- apiVersion: v1\n  kind: Thing\n  metadata: {name: t}\n  spec: <path:kv/s#none>\n";
    let items = item.repeat(count);
    let text = format!("{LIST}items:\n{items}");
    let output = program(&[], &[], text.as_bytes());
    refused_list(output, 1, &items, &["<path:kv/s#none>"]);
}

#[test]
fn many_unclosed_placeholders_are_refused() {
    let pieces = [
        "<path:",
        "<path:a#b |",
        "<path:a#b | jsonPath {",
        "<path:a#b | default '",
        "<",
        "\\u003cpath:",
        "\\u003cpath:a#b | jsonPath {",
        "\\u003c",
        "<path:a#b\\u003e",
        "<<path:",
        "<path:a#b | indent '>'",
    ];
    for piece in pieces {
        let piece = format!("{piece} ");
        for end in ["", ">", "\\u003e"] {
            let body = piece.repeat(MANY / 4);
            let text = format!("{HEAD}note: <path:kv/s#a>\nspec: |\n  {body}{end}\n");
            let output = render(&text);
            // prose is no placeholder
            if piece.contains("path:") || output.code != 0 {
                refused(output, 1, &["Thing t spec"]);
            }
        }
        let text = format!(
            "{HEAD}spec:\n{}",
            format!("- |-\n  {piece}\n").repeat(MANY / 10)
        );
        let output = render(&text);
        if piece.contains("path:") || output.code != 0 {
            refused(output, 1, &["Thing t spec"]);
        }
    }
}

#[test]
fn ten_megabytes_in_one_scalar_are_no_trouble() {
    let long = "x y: 'z' \"w\" <a> ".repeat((10 << 20) / 18);
    let long = long.trim_end();
    let text = format!(
        "{HEAD}spec:\n  a: <path:kv/s#a>\n  b: |\n    {long} <path:kv/s#a>\n  c: '{}'\n",
        long.replace('\'', "''")
    );
    let output = render(&text).success();
    let document = documents(output.text()).remove(0);
    assert_eq!(document["spec"]["a"], "bob");
    assert!(document["spec"]["b"] == *format!("{long} bob\n"));
    assert!(document["spec"]["c"] == *long);
    let line = "a".repeat(10 << 20);
    for text in [
        format!("{HEAD}note: <path:kv/s#a>\n{line}: x\n"),
        format!("{HEAD}note: <path:kv/s#a>\nspec: &{line} x\n"),
        format!("{HEAD}note: <path:kv/s#a>\nspec: !{line} x\n"),
        format!("{HEAD}note: <path:kv/s#a> # {line}\n"),
        format!("{HEAD}note: <path:{line}#a>\n"),
        format!("{HEAD}note: <path:kv/s#a | default '{line}'>\n"),
    ] {
        let output = render(&text);
        if output.code == 0 {
            assert!(output.text() == text.replace("<path:kv/s#a>", "\"bob\""));
        } else {
            refused(output, 1, &[]);
        }
    }
}

#[test]
fn many_files_and_problems_are_no_trouble() {
    let folder = temp_dir();
    write_files(folder.path(), &[("secrets.yaml", SECRETS)]);
    fs::create_dir(folder.path().join("in")).unwrap();
    for number in 0..1000 {
        let name = format!("{number}.yaml");
        fs::write(folder.path().join("in").join(name), b"kind: A\nx: \xff\n").unwrap();
    }
    let output = in_folder(folder.path(), &["render", "in"], b"");
    let output = output.code(1);
    assert!(
        output.stdout.is_empty() && output.stderr.contains("UTF-8"),
        "{}",
        output.stderr
    );
}

// --- what is not there ----------------------------------------------------------------------------

#[test]
fn stores_that_cannot_be_used_say_so() {
    let deep = "[".repeat(10_000);
    let large = format!("kv/s: {{a: {}}}\n", "x".repeat(2 << 20));
    for store in [
        "",
        "\n# nothing\n",
        "a",
        "[a]",
        "kv/s: a\n",
        "kv/s: {a: b",
        "a: {b: c}\n---\na: {b: c}\n",
        &deep,
        &large,
    ] {
        let files = [("secrets.yaml", store)];
        let output = program(&["render", "-"], &files, asking("a").as_bytes());
        refused(output, 2, &["secrets.yaml"]);
    }
    let folder = temp_dir();
    let missing = in_folder(folder.path(), &["render", "-"], asking("a").as_bytes());
    refused(missing, 2, &["secrets.yaml"]);
    fs::create_dir(folder.path().join("secrets.yaml")).unwrap();
    let directory = in_folder(folder.path(), &["render", "-"], asking("a").as_bytes());
    refused(directory, 2, &["secrets.yaml"]);
    refused(
        render(&asking("none")),
        1,
        &["Thing t spec.a <path:kv/s#none>"],
    );
    refused(
        render(&asking("a#7")),
        1,
        &["Thing t spec.a <path:kv/s#a#7>"],
    );
}

#[test]
fn a_store_that_is_not_text_says_so() {
    let folder = temp_dir();
    fs::write(folder.path().join("secrets.yaml"), b"kv/s: {a: \xff}\n").unwrap();
    let output = in_folder(folder.path(), &["render", "-"], asking("a").as_bytes());
    refused(output, 2, &["secrets.yaml"]);
}

#[test]
fn empty_and_closed_standard_input_say_so() {
    refused(render(""), 1, &["empty"]);
    refused(render("\u{feff}\n"), 1, &["empty"]);
    refused(program(&[], &[], b""), 1, &["ResourceList"]);
    for args in [&["render", "-"][..], &[]] {
        let closed = format!("exec \"$0\" {} <&-", args.join(" "));
        let mut command = crate::support::clean("sh");
        command.args(["-c", &closed]).arg(crate::support::exe());
        let output = run(&mut command, "");
        assert!(
            matches!(output.code, 1 | 2),
            "{}: {}",
            output.code,
            output.stderr
        );
        assert!(output.stdout.is_empty());
        assert!(!output.stderr.contains("has failed"), "{}", output.stderr);
        assert!(output.stderr.starts_with("error: "), "{}", output.stderr);
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let text = format!("{HEAD}spec:\n{}", "- <path:kv/s#a>\n".repeat(MANY / 4));
    let list = format!("{LIST}items:\n- {}", text.trim_end().replace('\n', "\n  "));
    for (args, text) in [(&["render", "in.yaml"][..], &text), (&[], &list)] {
        let folder = temp_dir();
        write_files(
            folder.path(),
            &[("secrets.yaml", SECRETS), ("in.yaml", text)],
        );
        let mut command: Command = gitops_fn();
        let mut child = command
            .current_dir(folder.path())
            .env("VAULT_ADDR", "file:secrets.yaml")
            .args(args)
            .stdin(fs::File::open(folder.path().join("in.yaml")).unwrap())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = [0; 10];
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut first).unwrap();
        drop(stdout);
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        assert_eq!(stderr, "warning: secrets come from file secrets.yaml\n");
    }
}

#[test]
fn an_error_leaves_the_output_file_as_it_was() {
    let folder = temp_dir();
    write_files(
        folder.path(),
        &[("secrets.yaml", SECRETS), ("out.yaml", "before\n")],
    );
    let args = ["render", "-o", "out.yaml", "-"];
    let output = in_folder(folder.path(), &args, asking("none").as_bytes());
    refused(output, 1, &[]);
    let text = fs::read_to_string(folder.path().join("out.yaml")).unwrap();
    assert_eq!(text, "before\n");
    let names = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(names, 2, "a temporary file was left");
}

#[test]
fn a_list_after_an_error_is_read_by_another_reader() {
    let items = "items:\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: s}\n  stringData:\n    a: <path:kv/s#a>\n    b: <path:kv/s#none>\n";
    let text = format!("{LIST}{items}");
    let output = program(&[], &[], text.as_bytes());
    let list = documents(output.text()).remove(0);
    refused_list(
        output,
        1,
        items,
        &["Secret s stringData.b <path:kv/s#none>"],
    );
    assert_eq!(list["items"], documents(&text)[0]["items"]);
    let Value::Sequence(results) = &list["results"] else {
        panic!("no results");
    };
    assert_eq!(results.len(), 1);
    assert_eq!(results[0]["severity"], "error");
    assert_eq!(results[0]["field"]["path"], "stringData.b");
}
