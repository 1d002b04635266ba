//! What is read: files, folders and what a shell hands over, and nothing without an end.

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
            "error: stdin is larger than 1048576 bytes\nhelp: a configuration is a short text; is this the right one?\n",
            "{args:?}"
        );
    }
}
