//! What every integration test needs: our program in a clean environment, the real tools, and temporary folders.
//!
//! If a tool is not available, a test is skipped with a visible message; in CI (`GITOPS_FN_CI` or `CI` is set) it fails
//! instead.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;

use serde::Deserialize;
use serde_yaml::Value;
use tempfile::TempDir;

/// The root of the source tree.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The program under test.
pub(crate) fn exe() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_gitops-fn"))
}

/// A command that inherits only `PATH`, `HOME` and `TMPDIR` from our environment.
pub(crate) fn clean(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    for name in ["PATH", "HOME", "TMPDIR"] {
        if let Some(value) = env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// Our program, in a clean environment.
pub(crate) fn gitops_fn() -> Command {
    clean(exe())
}

/// A `PATH` value with `folders` in front of ours.
pub(crate) fn path_with(folders: &[&Path]) -> OsString {
    let ours = env::var_os("PATH").unwrap_or_default();
    let folders = folders.iter().map(|folder| folder.to_path_buf());
    env::join_paths(folders.chain(env::split_paths(&ours))).unwrap()
}

/// A folder that is removed when the value is dropped.
pub(crate) fn temp_dir() -> TempDir {
    tempfile::Builder::new()
        .prefix("gitops-fn-")
        .tempdir()
        .unwrap()
}

/// Writes `files` (path below `dir`, content), and the folders that they need.
pub(crate) fn write_files(dir: &Path, files: &[(&str, &str)]) {
    for (name, content) in files {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

/// The result of a finished command.
#[derive(Debug)]
pub(crate) struct Output {
    /// Its standard output, byte for byte.
    pub(crate) stdout: Vec<u8>,
    /// Its standard error.
    pub(crate) stderr: String,
    /// Its exit code; −1 if a signal ended it.
    pub(crate) code: i32,
}

impl Output {
    /// The standard output, which must be UTF-8.
    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }

    /// The same output, after a check that the command succeeded.
    #[track_caller]
    pub(crate) fn success(self) -> Self {
        self.code(0)
    }

    /// The same output, after a check of the exit code.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            code,
            "stderr:\n{}\nstdout:\n{}",
            self.stderr,
            String::from_utf8_lossy(&self.stdout)
        );
        self
    }
}

/// Runs `command` to its end with `stdin` as its whole input.
///
/// A separate thread writes the input, so that neither side blocks the other however long the texts are. A command
/// that stops reading early is not an error.
#[track_caller]
pub(crate) fn run(command: &mut Command, stdin: impl AsRef<[u8]> + Sync) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", command.get_program().display()));
    let mut pipe = child.stdin.take().unwrap();
    let output = thread::scope(|scope| {
        let input = stdin.as_ref();
        scope.spawn(move || match pipe.write_all(input) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => panic!("stdin: {error}"),
            _ => drop(pipe),
        });
        child.wait_with_output().unwrap()
    });
    Output {
        stdout: output.stdout,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        code: output.status.code().unwrap_or(-1),
    }
}

/// Whether a missing tool is a failure.
pub(crate) fn in_ci() -> bool {
    ["GITOPS_FN_CI", "CI"]
        .iter()
        .any(|name| env::var(name).is_ok_and(|value| !matches!(&*value, "" | "0" | "false")))
}

/// Reports that the calling test is skipped, and why; in CI it fails the test.
#[track_caller]
pub(crate) fn skip(reason: &str) {
    assert!(!in_ci(), "needed in CI: {reason}");
    let name = thread::current().name().unwrap_or_default().to_owned();
    say(&format!("SKIPPED: {name}: {reason}"));
}

/// Writes a line to the terminal; `eprintln!` would be swallowed by the test runner.
pub(crate) fn say(line: &str) {
    io::stderr()
        .write_all(format!("{line}\n").as_bytes())
        .unwrap();
}

/// The path of a real tool in the version that we compare with (`kustomize`,
/// `argocd-vault-plugin`, `vault`), built on first use by `tests/tools/build.sh`.
///
/// `None` after a [`skip`] if it is not available.
#[track_caller]
pub(crate) fn tool(name: &str) -> Option<PathBuf> {
    static TOOLS: Mutex<BTreeMap<String, Option<PathBuf>>> = Mutex::new(BTreeMap::new());
    let path = TOOLS
        .lock()
        .unwrap()
        .entry(name.to_owned())
        .or_insert_with(|| build(name))
        .clone();
    if path.is_none() {
        skip(&format!("{name} is missing and could not be built"));
    }
    path
}

fn build(name: &str) -> Option<PathBuf> {
    let output = Command::new(root().join("tests/tools/build.sh"))
        .arg(name)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .ok()?;
    let path = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| PathBuf::from(path.trim()))
}

/// Runs the real `kustomize build` on `dir`, with our program as `gitops-fn` on its `PATH`, `args`
/// after the folder, and `env` as its only further environment.
///
/// `None` after a [`skip`] if kustomize is not available.
#[track_caller]
pub(crate) fn kustomize_build(dir: &Path, args: &[&str], env: &[(&str, &str)]) -> Option<Output> {
    let mut command = clean(tool("kustomize")?);
    command
        .arg("build")
        .arg(dir)
        .args(args)
        .env("PATH", path_with(&[exe().parent().unwrap()]))
        .envs(env.iter().copied());
    Some(run(&mut command, ""))
}

/// The flags with which kustomize runs exec functions.
pub(crate) const EXEC: &[&str] = &["--enable-alpha-plugins", "--enable-exec"];

/// The documents of a YAML stream, parsed by an independent reader.
#[track_caller]
pub(crate) fn documents(text: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(text)
        .map(|document| {
            Value::deserialize(document).unwrap_or_else(|error| panic!("{error}\n{text}"))
        })
        .filter(|document| !document.is_null())
        .collect()
}

/// `value` with `change` applied to each string that is not a key.
pub(crate) fn map_strings(value: Value, change: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(change(&text)),
        Value::Sequence(list) => list
            .into_iter()
            .map(|value| map_strings(value, change))
            .collect(),
        Value::Mapping(map) => Value::Mapping(
            map.into_iter()
                .map(|(key, value)| (key, map_strings(value, change)))
                .collect(),
        ),
        other => other,
    }
}

#[test]
fn big_input_and_output_do_not_block_each_other() {
    let input = vec![b'x'; 4 << 20];
    let output = run(&mut clean("cat"), &input).success();
    assert!(output.stdout == input);
}

#[test]
fn a_command_that_reads_nothing_is_not_a_failure() {
    run(&mut clean("true"), vec![b'x'; 4 << 20]).success();
}

#[test]
fn the_environment_is_clean() {
    let output = run(&mut clean("env"), "").success();
    for line in output.text().lines() {
        let name = line.split('=').next().unwrap();
        assert!(matches!(name, "PATH" | "HOME" | "TMPDIR"), "{line}");
    }
}
