//! Tests what is read: files, folders and what a shell passes, but nothing that is endless.

use std::fs::File;

use crate::support::{clean, exe, gitops_fn, run, temp_dir, write_files};

/// A device never ends, and a pipe that nobody writes to never begins.
#[test]
fn only_regular_files_are_read_by_name() {
    let dir = temp_dir();
    write_files(dir.path(), &[("a.yaml", "kind: X\n")]);
    let made = clean("mkfifo")
        .arg(dir.path().join("pipe"))
        .status()
        .unwrap();
    assert!(made.success());
    for path in ["/dev/zero", "/dev/null", "pipe"] {
        for (args, code) in [
            (vec!["render", path], 1),
            (vec!["render", "-f", path, "a.yaml"], 2),
            (vec!["policy", "test", "--policy", path], 2),
        ] {
            let output = run(gitops_fn().current_dir(dir.path()).args(&args), "").code(code);
            assert_eq!(
                output.stderr,
                format!(
                    "error: cannot read {path}: it is a pipe, a socket or a device\nhelp: name a regular file, or pass on what it holds as standard input\n"
                ),
                "{args:?}"
            );
        }
    }
    // but what a shell hands over
    let mut shell = clean("bash");
    shell
        .args([
            "-c",
            "\"$0\" render -f <(cat release.yaml) <(cat a.yaml) /dev/stdin < b.yaml",
        ])
        .arg(exe())
        .current_dir(dir.path());
    let release = "apiVersion: gitops-fn.dev/v1alpha1\nkind: Release\nmetadata: {name: r}\nspec: {repository: {url: acme/shop}}\n";
    let object = |name: &str| format!("apiVersion: v1\nkind: X\nmetadata: {{name: {name}}}\n");
    write_files(
        dir.path(),
        &[
            ("release.yaml", release),
            ("a.yaml", &object("a")),
            ("b.yaml", &object("b")),
        ],
    );
    let output = run(&mut shell, "").success();
    assert_eq!(
        output.text().matches("acme/shop").count(),
        2,
        "{}",
        output.text()
    );
}

#[test]
fn standard_input_is_not_read_twice() {
    for args in [["-f", "-"].as_slice(), &["-f", "-", "-"]] {
        let output = run(gitops_fn().arg("render").args(args), "kind: X\n").code(2);
        assert_eq!(
            output.stderr,
            "error: `-` (standard input) is named more than once\nhelp: name `-` once\n",
            "{args:?}"
        );
    }
}

#[test]
fn a_configuration_is_one_file_of_an_end() {
    let dir = temp_dir();
    write_files(dir.path(), &[("conf/a.yaml", "kind: X\n")]);
    for args in [
        ["render", "-f", "conf", "-"].as_slice(),
        &["policy", "test", "--policy", "conf"],
    ] {
        let output = run(gitops_fn().current_dir(dir.path()).args(args), "kind: X\n").code(2);
        assert_eq!(
            output.stderr, "error: cannot read conf: it is a folder\nhelp: name one file\n",
            "{args:?}"
        );
    }
    for args in [
        ["render", "-f", "-", "conf"].as_slice(),
        &["policy", "test", "--policy", "-"],
    ] {
        let zeros = File::open("/dev/zero").unwrap();
        let output = gitops_fn()
            .current_dir(dir.path())
            .args(args)
            .stdin(zeros)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert_eq!(
            String::from_utf8(output.stderr).unwrap(),
            "error: stdin is larger than 256 KiB\nhelp: a configuration is a short text; is this the right one?\n",
            "{args:?}"
        );
    }
}

/// It is configuration, whichever path leads to it.
#[test]
fn the_file_of_the_option_is_no_manifest() {
    let dir = temp_dir();
    let release = "apiVersion: gitops-fn.dev/v1alpha1\nkind: Release\nmetadata: {name: r}\nspec: {repository: {url: acme/shop}}\n";
    write_files(
        dir.path(),
        &[
            ("pl/one.yaml", "kind: X\nmetadata: {name: one}\n"),
            ("pl/release.yaml", release),
            ("alone/release.yaml", release),
        ],
    );
    std::os::unix::fs::symlink("pl/release.yaml", dir.path().join("link.yaml")).unwrap();
    let render = |args: &[&str], code| {
        let mut command = gitops_fn();
        command.current_dir(dir.path()).arg("render").args(args);
        run(&mut command, "").code(code)
    };
    for args in [
        ["-f", "pl/release.yaml", "pl"],
        ["-f", "pl/../pl/release.yaml", "."],
        ["-f", "link.yaml", "./pl/"],
    ] {
        // in `.` there is another one, which is not the file of the option: it is left out, with a warning
        let output = render(&args, 0);
        let text = output.text();
        assert!(text.contains("name: one"), "{args:?}\n{text}");
        assert!(!text.contains("kind: Release"), "{args:?}");
        let warned = output
            .stderr
            .contains("is a Release, which is not for the cluster");
        assert_eq!(warned, args[2] == ".", "{args:?}: {}", output.stderr);
    }
    let named = render(&["-f", "link.yaml", "pl/release.yaml", "pl/one.yaml"], 0);
    assert!(!named.text().contains("kind: Release"), "{}", named.text());
    let output = render(&["-f", "alone/release.yaml", "alone/release.yaml"], 1);
    assert!(
        output
            .stderr
            .contains("alone/release.yaml is the configuration"),
        "{}",
        output.stderr
    );
    let output = render(&["-f", "alone/release.yaml", "alone"], 1);
    assert!(
        output.stderr.contains("found in alone\n") && output.stderr.contains("that -f names"),
        "{}",
        output.stderr
    );
    // a folder without a kustomization is built as it is rendered
    for file in ["pl/gitops-fn.yaml", "pl/release.yaml"] {
        write_files(dir.path(), &[(file, release)]);
        let mut command = gitops_fn();
        command.current_dir(dir.path());
        command.args(["build", "--root", ".", "-f", file, "pl"]);
        let output = run(&mut command, "");
        if file == "pl/gitops-fn.yaml" {
            let said = output.code(1).stderr;
            assert!(said.contains("release.yaml is a Release"), "{said}");
        } else {
            assert!(!output.success().text().contains("kind: Release"));
        }
    }
}

/// A new file in its place would take what a shell's `>>` has kept.
#[test]
fn what_is_open_already_is_not_replaced() {
    let dir = temp_dir();
    write_files(dir.path(), &[("a.yaml", "kind: X\n"), ("log", "before\n")]);
    for path in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/dev/fd/5"] {
        let mut shell = clean("bash");
        shell
            .args(["-c", "\"$0\" render -o \"$1\" a.yaml >>log 5>&1"])
            .arg(exe())
            .arg(path)
            .current_dir(dir.path());
        let output = run(&mut shell, "").code(2);
        assert!(
            output
                .stderr
                .contains("it is open already\nhelp: leave -o out"),
            "{path}: {}",
            output.stderr
        );
        let log = std::fs::read_to_string(dir.path().join("log")).unwrap();
        assert_eq!(log, "before\n");
    }
    let mut shell = clean("bash");
    shell
        .args([
            "-c",
            "\"$0\" render -o >(cat >&2) a.yaml 2>/dev/null; wait $!",
        ])
        .arg(exe())
        .current_dir(dir.path());
    assert!(run(&mut shell, "").success().stderr.contains("kind: X"));
}

const SECRET: &str =
    "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {k: <path:kv/a#k>}\n";

/// A folder as repositories have it: what Argo CD's Image Updater keeps there, values of a chart, a dashboard.
fn folder() -> tempfile::TempDir {
    let dir = temp_dir();
    write_files(
        dir.path(),
        &[
            ("secrets.yaml", "kv/a: {k: v}\n"),
            ("app/secret.yaml", SECRET),
            (
                "app/.argocd-source-web.yaml",
                "kustomize:\n  images: [nginx:2]\n",
            ),
            ("app/.hidden.json", "not even JSON"),
            ("app/values.yaml", "replicas: 2\nserver: {kind: Pod}\n"),
            (
                "app/dash/board.json",
                "{\"title\": \"x\", \"panels\": []}\n",
            ),
        ],
    );
    dir
}

/// Both ways to name a folder.
const WAYS: [&[&str]; 2] = [&["render", "app"], &["build", "--root", ".", "app"]];

#[test]
fn a_folder_gives_its_objects_alone() {
    let dir = folder();
    for way in WAYS {
        let mut command = gitops_fn();
        command.current_dir(dir.path()).args(way);
        let output = run(command.env("VAULT_ADDR", "file:secrets.yaml"), "").success();
        assert_eq!(
            output.text(),
            SECRET.replace("<path:kv/a#k>", "\"v\""),
            "{way:?}"
        );
        assert!(
            output.stderr.starts_with("warning: skipped 2 files without apiVersion and kind (an error with --strict): app/dash/board.json, app/values.yaml\n"),
            "{way:?}: {}",
            output.stderr
        );
        let mut strict = gitops_fn();
        strict.current_dir(dir.path()).args(way).arg("--strict");
        let output = run(strict.env("VAULT_ADDR", "file:secrets.yaml"), "").code(1);
        assert_eq!(
            output.stderr,
            "error: 2 problems; nothing was written\n  app/dash/board.json is not a Kubernetes object: it has neither apiVersion nor kind\n  app/values.yaml is not a Kubernetes object: it has neither apiVersion nor kind\n  help: move them out of the directory, or leave --strict out to skip them\n",
            "{way:?}"
        );
    }
}

#[test]
fn a_file_that_is_named_has_to_be_an_object() {
    let dir = folder();
    let mut command = gitops_fn();
    command
        .current_dir(dir.path())
        .args(["render", "app/values.yaml", "app/secret.yaml"]);
    let output = run(command.env("VAULT_ADDR", "file:secrets.yaml"), "").code(1);
    assert!(
        output
            .stderr
            .contains("document 1 of app/values.yaml has no kind"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_folder_without_objects_is_an_error() {
    let dir = folder();
    std::fs::remove_file(dir.path().join("app/secret.yaml")).unwrap();
    for way in WAYS {
        let output = run(gitops_fn().current_dir(dir.path()).args(way), "").code(1);
        assert_eq!(
            output.stderr,
            "error: no Kubernetes objects were found: none of the files has apiVersion and kind\nhelp: name the directory that holds the manifests\n",
            "{way:?}"
        );
    }
}

/// A mistake next to an object is not left out: what is missing may be deleted from a cluster.
#[test]
fn a_document_without_a_kind_next_to_an_object_is_an_error() {
    let dir = folder();
    write_files(
        dir.path(),
        &[("app/secret.yaml", &format!("{SECRET}---\na: 1\n"))],
    );
    for way in WAYS {
        let mut command = gitops_fn();
        command.current_dir(dir.path()).args(way);
        let output = run(command.env("VAULT_ADDR", "file:secrets.yaml"), "").code(1);
        assert!(
            output
                .stderr
                .contains("document 2 of app/secret.yaml has no kind"),
            "{way:?}: {}",
            output.stderr
        );
    }
}

#[test]
fn a_pipe_must_not_be_empty_unless_it_may_be() {
    for text in ["", "\n", "---\n", "# Source: chart\n", "\u{feff}"] {
        let output = run(gitops_fn().args(["render", "-"]), text).code(1);
        assert!(
            output.stderr.contains("error: the input is empty"),
            "{text:?}: {}",
            output.stderr
        );
        let mut command = gitops_fn();
        command.args(["render", "--allow-empty", "-"]).envs([
            ("APP_REPO", "acme/shop"),
            ("IMAGE_TAG", "2"),
            ("IMAGE_NAME", "web"),
        ]);
        let output = run(&mut command, text).success();
        assert_eq!((output.text(), output.stderr.as_str()), (text, ""));
    }
}
