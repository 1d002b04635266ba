//! How a build ends that does not end by itself.

use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::{Checkout, SECRET};
use crate::support::{clean, run};

/// Waits for something that surely happens.
#[track_caller]
pub(super) fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let since = Instant::now();
    while !happened() {
        assert!(since.elapsed() < Duration::from_mins(1), "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a file of this name lies anywhere below a folder.
pub(super) fn lies_below(folder: &Path, name: &str) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .any(|path| path.ends_with(name) || lies_below(&path, name))
}

/// What a process has started.
pub(super) fn children(pid: u32) -> Vec<i32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let list = list.unwrap_or_default();
    list.split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .collect()
}

/// A build that is not waited for, and says nothing.
pub(super) fn start(checkout: &Checkout) -> Child {
    let mut command = checkout.build();
    let command = command.stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(Stdio::null()).spawn().unwrap()
}

pub(super) fn is_gone(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // nobody may have buried it yet
    test_kill_process(Pid::from_raw(pid).unwrap()).is_err() || stat.contains(") Z ")
}

#[test]
fn at_the_deadline_it_is_killed_with_all_that_it_has_started() {
    let Some(checkout) = Checkout::fake("spawn\nsay half a word\nhang\n") else {
        return;
    };
    let output = run(checkout.build().env("GITOPS_FN_TIMEOUT", "2s"), "").code(3);
    assert_eq!(output.text(), "");
    assert!(
        output.stderr.contains(
            "error: kustomize did not end before the deadline (transient)\nhelp: try again"
        ),
        "{}",
        output.stderr
    );
    let pid = output
        .stderr
        .split("grandchild ")
        .nth(1)
        .unwrap()
        .lines()
        .next()
        .unwrap();
    let pid = pid.parse().unwrap();
    until("the grandchild ends", || is_gone(pid));
    assert_eq!(fs::read_dir(checkout.tmp()).unwrap().count(), 0);
}

#[test]
fn nothing_is_printed_after_the_deadline() {
    // even to read so much takes longer
    let late = |manifests: &str| {
        let checkout = Checkout::with(Path::new("/nowhere"), &[("all.yaml", manifests)]);
        let mut build = checkout.build();
        let output = run(build.env("GITOPS_FN_TIMEOUT", "1ms"), "").code(3);
        assert_eq!(output.text(), "");
        assert!(
            output.stderr.contains(
                "error: the manifests were not done before the deadline (transient)\nhelp: try again, or give it more time with GITOPS_FN_TIMEOUT\n"
            ),
            "{}",
            output.stderr
        );
        assert!(!output.stderr.contains("value-of"), "{}", output.stderr);
    };
    let long = format!("#{}\n", "x".repeat(16 << 20));
    late(&format!("{SECRET}{long}"));
    let nothing = SECRET.replace("<path:kv/shop/web#password>", "x");
    late(&format!("{nothing}{long}"));
}

/// The build, begun by another program that becomes it.
fn begun_by(program: &[&str], checkout: &Checkout) -> Child {
    let build = checkout.build();
    let envs = build.get_envs();
    clean(program[0])
        .args(&program[1..])
        .arg(build.get_program())
        .args(build.get_args())
        .current_dir(checkout.root())
        .envs(envs.filter_map(|(name, value)| Some((name, value?))))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn a_signal_ends_it_and_nothing_is_written() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let Some(checkout) = Checkout::fake("spawn\nhang\n") else {
            return;
        };
        // whoever runs the tests may have been told to outlive a terminal
        let child = begun_by(&["env", "--default-signal=HUP"], &checkout);
        until("it hangs", || lies_below(&checkout.tmp(), "hangs"));
        let pid = i32::try_from(child.id()).unwrap();
        // no core file of ours
        let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
        let core = limits
            .lines()
            .find(|line| line.starts_with("Max core file size"))
            .unwrap();
        assert_eq!(
            core.split_whitespace().collect::<Vec<_>>()[4..6],
            ["0", "0"]
        );
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(3));
        assert!(output.stdout.is_empty());
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            stderr,
            "error: stopped by a signal (transient)\nhelp: run it again\n"
        );
        assert_eq!(fs::read_dir(checkout.tmp()).unwrap().count(), 0);
    }
}

#[test]
fn nohup_keeps_its_word() {
    let Some(checkout) = Checkout::fake("") else {
        return;
    };
    let secret = SECRET.trim_end().replace('\n', "\nraw ");
    let script = format!("home hangs\nsleep 1000\nraw ---\nraw {secret}\n");
    fs::write(checkout.root().join("fake.txt"), script).unwrap();
    let child = begun_by(&["nohup"], &checkout);
    until("it has begun", || lies_below(&checkout.tmp(), "hangs"));
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::HUP).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(!output.stdout.is_empty());
}

#[test]
fn it_dies_with_us() {
    let Some(checkout) = Checkout::fake("spawn\nhang\n") else {
        return;
    };
    let mut child = start(&checkout);
    until("it hangs", || lies_below(&checkout.tmp(), "hangs"));
    let before = children(child.id());
    assert!(!before.is_empty());
    child.kill().unwrap();
    child.wait().unwrap();
    until("kustomize ends", || before.iter().all(|pid| is_gone(*pid)));
}

#[test]
fn an_output_without_end_is_an_error() {
    let Some(checkout) = Checkout::fake("flood\n") else {
        return;
    };
    let output = checkout.run(".").code(1);
    assert_eq!(
        output.stderr,
        "error: kustomize printed more than 268435456 bytes\nhelp: build fewer resources at once\n"
    );
    assert_eq!(output.text(), "");
}

#[test]
fn messages_without_end_are_cut() {
    let Some(checkout) = Checkout::fake("mutter 200\nexit 1\n") else {
        return;
    };
    let output = checkout.run(".").code(1);
    assert!(output.stderr.len() < 66_000, "{}", output.stderr.len());
    assert!(
        output.stderr.contains(
            "(139264 more bytes of messages)\nerror: kustomize failed with exit code 1\n"
        )
    );
}

#[test]
fn the_store_gets_what_kustomize_leaves_of_the_time() {
    let Some(checkout) = Checkout::fake("") else {
        return;
    };
    // prints a Secret behind its report
    let secret = SECRET.trim_end().replace('\n', "\nraw ");
    fs::write(
        checkout.root().join("fake.txt"),
        format!("sleep 4000\nraw ---\nraw {secret}\n"),
    )
    .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || stream.unwrap().read_to_end(&mut Vec::new()));
        }
    });
    let since = Instant::now();
    let output = run(
        checkout
            .build()
            .env("VAULT_ADDR", format!("http://{address}"))
            .env("VAULT_TOKEN", "t")
            .env("GITOPS_FN_TIMEOUT", "5s"),
        "",
    )
    .code(3);
    let took = since.elapsed();
    assert!(took < Duration::from_secs(8), "{took:?}");
    assert!(output.stderr.contains("transient"), "{}", output.stderr);
    assert_eq!(output.text(), "");
}
