//! Checks that a run that would take minutes ends at the deadline or at a signal, whatever it is doing.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::governed::Governed;
use crate::support::{clean, exe, gitops_fn, temp_dir, write_files};

/// Far longer than ending takes, and far shorter than the work would take.
const SOON: Duration = Duration::from_mins(1);

const LATE: &str = "error: the manifests were not done before the deadline (transient)\n\
                    help: try again, or give it more time with GITOPS_FN_TIMEOUT\n";
const STOPPED: &str = "error: stopped by a signal (transient)\nhelp: run it again\n";

/// A Secret with this number of entries.
fn secret(entries: usize, entry: impl Fn(usize) -> String) -> String {
    let entries: String = (0..entries).map(entry).collect();
    format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\nstringData:\n{entries}")
}

/// Input that takes long to read and plan.
fn much_to_plan() -> String {
    secret(500_000, |number| {
        format!("  k{number}: <path:kv/shop/web#password>\n")
    })
}

/// Input that takes minutes to edit: each of its placeholders changes a long value hundreds of times.
fn much_to_edit() -> String {
    let chain = "| base64encode | base64decode ".repeat(250);
    secret(200, |number| {
        format!("  k{number}: <path:kv/shop/web#long {chain}>\n")
    })
}

/// Input with a placeholder that compares long texts many times.
fn much_to_compare() -> String {
    let all = |key: &str| format!("[{}]", vec![format!("'{key}'"); 60].join(","));
    let (n, m, l) = (all("n"), all("m"), all("l"));
    secret(1, |_| {
        format!("  k: \"<path:kv/shop/web#deep | jsonPath {{{n}{m}{l}[?(@.a!=@.b)].a}}>\"\n")
    })
}

/// A ResourceList with this item.
fn list(item: &str) -> String {
    let item = item.trim_end().replace('\n', "\n  ");
    format!("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- {item}\n")
}

/// A folder with a store and, in a folder of its own, the input.
fn folder(input: &str) -> TempDir {
    let folder = temp_dir();
    let long = "x".repeat(300_000);
    let item = format!(r#"[{{"a": "{long}", "b": "{long}"}}]"#);
    let deep = format!(r#"{{"n": {{"m": {{"l": {item}}}}}}}"#);
    let secrets = format!("kv/shop/web: {{password: x, long: {long}, deep: '{deep}'}}\n");
    let files = [("secrets.yaml", &*secrets), ("manifests/all.yaml", input)];
    write_files(folder.path(), &files);
    folder
}

/// A running command, with the folder in which it runs and to which its output goes.
struct Run<'f> {
    child: Child,
    folder: &'f Path,
}

impl<'f> Run<'f> {
    fn begin(command: &mut Command, folder: &'f Path) -> Self {
        let create = |name: &str| File::create(folder.join(name)).unwrap();
        let child = command
            .current_dir(folder.join("manifests"))
            .env("VAULT_ADDR", "file:../secrets.yaml")
            .env("GITOPS_FN_LOG", "debug")
            .stdin(File::open(folder.join("manifests/all.yaml")).unwrap())
            .stdout(create("stdout"))
            .stderr(create("stderr"))
            .spawn()
            .unwrap();
        Self { child, folder }
    }

    fn said(&self) -> String {
        fs::read_to_string(self.folder.join("stderr")).unwrap()
    }

    /// Waits until `has_come` is true, and a little longer.
    #[track_caller]
    fn wait(&mut self, what: &str, mut has_come: impl FnMut(&mut Self) -> bool) {
        let since = Instant::now();
        while !has_come(self) {
            if since.elapsed() > SOON {
                let _ = self.child.kill();
                panic!("{what} is waited for: {}", self.said());
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until the command handles signals: it has read its input, and is working.
    #[track_caller]
    fn at_work(&mut self) {
        self.wait("that it hears signals", |run| {
            let status = fs::read_to_string(format!("/proc/{}/status", run.child.id()));
            let status = status.unwrap_or_default();
            let mut lines = status.lines();
            let caught = lines.find_map(|line| line.strip_prefix("SigCgt:"));
            let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
            caught.unwrap_or_default() & (1 << (Signal::TERM.as_raw() - 1)) != 0
        });
        thread::sleep(Duration::from_millis(200));
    }

    /// Waits until everything is planned and, since the store is a file, read.
    #[track_caller]
    fn at_the_edit(&mut self) {
        self.wait("the plan", |run| run.said().contains(" planned"));
        thread::sleep(Duration::from_millis(200));
    }

    #[track_caller]
    fn signal(&mut self, signal: Signal) {
        assert!(self.child.try_wait().unwrap().is_none(), "{}", self.said());
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Checks that the command ends soon, writes no output, and reports a transient error.
    #[track_caller]
    fn ends(mut self, with: &str) {
        let mut status = None;
        self.wait("its end", |run| {
            status = run.child.try_wait().unwrap();
            status.is_some()
        });
        let said = self.said();
        assert_eq!(status.unwrap().code(), Some(3), "{said}");
        assert!(said.contains(with), "{said}");
        let errors = said.lines().filter(|line| line.starts_with("error: "));
        assert_eq!(errors.count(), 1, "{said}");
        let stdout = fs::read(self.folder.join("stdout")).unwrap();
        assert!(stdout.is_empty());
    }
}

#[test]
fn a_signal_ends_what_is_planned() {
    let manifests = much_to_plan();
    for (arguments, input) in [(&["render", "-"][..], &manifests), (&[], &list(&manifests))] {
        let folder = folder(input);
        for number in [Signal::TERM, Signal::INT, Signal::HUP] {
            // whoever runs the tests may have been told to outlive a terminal
            let mut command = clean("env");
            command
                .arg("--default-signal=HUP")
                .arg(exe())
                .args(arguments);
            let mut run = Run::begin(&mut command, folder.path());
            run.at_work();
            run.signal(number);
            run.ends(STOPPED);
        }
    }
}

/// Runs the input that takes long to edit with this time limit, with each command.
fn while_it_edits(timeout: &str, check: impl Fn(Run)) {
    let manifests = much_to_edit();
    for (arguments, input) in [
        (&["render", "-"][..], &*manifests),
        // a folder of manifests
        (&["build", "."], &manifests),
        (&[], &list(&manifests)),
    ] {
        let folder = folder(input);
        let mut command = gitops_fn();
        let command = command.args(arguments).env("GITOPS_FN_TIMEOUT", timeout);
        check(Run::begin(command, folder.path()));
    }
}

#[test]
fn a_signal_ends_what_is_edited() {
    while_it_edits("1h", |mut run| {
        run.at_the_edit();
        run.signal(Signal::TERM);
        run.ends(STOPPED);
    });
}

#[test]
fn the_deadline_ends_what_is_edited() {
    while_it_edits("2s", |run| run.ends(LATE));
}

#[test]
fn the_deadline_ends_what_is_planned() {
    let manifests = much_to_plan();
    for (arguments, input) in [(&["render", "-"][..], &manifests), (&[], &list(&manifests))] {
        let folder = folder(input);
        let mut command = gitops_fn();
        let command = command.args(arguments).env("GITOPS_FN_TIMEOUT", "200ms");
        Run::begin(command, folder.path()).ends(LATE);
    }
}

/// Where the policy names no server too.
#[test]
fn under_a_policy_the_environment_shortens_the_deadline() {
    let manifests = much_to_edit();
    for (limit, set) in [("30m", "2s"), ("2s", "30m")] {
        for (arguments, input) in [
            (&["render", "-"][..], &*manifests),
            (&["build", "."], &manifests),
            (&[], &list(&manifests)),
        ] {
            let folder = folder(input);
            let policy = format!(
                "apiVersion: gitops-fn.dev/v1alpha1\nkind: Policy\nmetadata: {{name: test}}\nspec:\n  \
                 store: file\n  secretsFile: {}/secrets.yaml\n  functionMode: allow\n  \
                 mounts: [{{path: kv, version: 2}}]\n  allow: [{{name: all, paths: ['kv/**']}}]\n  \
                 limits: {{deadline: {limit}}}\n",
                folder.path().display()
            );
            let Some(machine) = Governed::new(&policy) else {
                return;
            };
            let mut command = machine.gitops_fn();
            let command = command.args(arguments).env("GITOPS_FN_TIMEOUT", set);
            Run::begin(command, folder.path()).ends(LATE);
        }
    }
}

/// No chain and no multitude: one filter, which would compare for hours.
#[test]
fn one_filter_compares_no_more_than_is_sensible() {
    let folder = folder(&much_to_compare());
    let mut command = gitops_fn();
    command.args(["render", "-"]).env("GITOPS_FN_TIMEOUT", "1h");
    let mut run = Run::begin(&mut command, folder.path());
    let mut status = None;
    run.wait("its end", |run| {
        status = run.child.try_wait().unwrap();
        status.is_some()
    });
    let said = run.said();
    assert_eq!(status.unwrap().code(), Some(1), "{said}");
    assert!(said.contains("compares or copies too much text"), "{said}");
}
