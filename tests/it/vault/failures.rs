//! What Vault refuses, what happens to it in the middle of a run, and that no token of ours stays.

use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::fake::{self, Answer, Fake};
use super::proxy::{Proxy, Step};
use super::server::{Server, free_port};
use super::{assert_says, assert_values, manifest, render_at};
use crate::support::run;

#[test]
fn a_policy_that_denies_one_of_three_is_told_with_all_the_rest() {
    let Some(server) = Server::start() else {
        return;
    };
    for name in ["a", "b", "c"] {
        server.secret(
            "kv",
            &format!("shop/{name}"),
            &json!({"k": format!("value-of-{name}")}),
        );
    }
    server.policy("two", "path \"kv/data/shop/a\" { capabilities = [\"read\"] }\npath \"kv/data/shop/c\" { capabilities = [\"read\"] }");
    let identity = server.approle("approle", &json!({"token_policies": ["two"]}));
    let output = run(
        &mut server.render(&identity),
        manifest(&[
            "<path:kv/shop/a#k>",
            "<path:kv/shop/b#k>",
            "<path:kv/shop/c#missing>",
        ]),
    )
    .code(1);
    assert_says(
        &output,
        &[
            "2 problems",
            "<path:kv/shop/b#k>",
            "denied",
            "<path:kv/shop/c#missing>",
        ],
    );
    assert!(
        output
            .stderr
            .contains(r#"path "kv/data/shop/b" { capabilities = ["read"] }"#),
        "{}",
        output.stderr
    );
    assert!(!output.stderr.contains("value-of"), "{}", output.stderr);
    assert_eq!(output.text(), "");
    // `default` is no way around a policy
    let output = run(
        &mut server.render(&identity),
        manifest(&["\"<path:kv/shop/b#k | default 'x'>\""]),
    );
    output.code(1);
    // a denial is not asked for twice, and the token goes after a failure too
    let requests = server.requests();
    assert_eq!(
        requests
            .iter()
            .filter(|name| *name == "read kv/data/shop/b")
            .count(),
        2,
        "{requests:#?}"
    );
    server.assert_tokens_gone(2);
}

#[test]
fn a_token_that_expires_between_login_and_read_is_asked_for_once_more() {
    let Some(server) = Server::start() else {
        return;
    };
    let server = Arc::new(server);
    server.secret("kv", "a", &json!({"k": "v"}));
    let identity = server.approle(
        "approle",
        &json!({"token_policies": ["reader"], "token_ttl": "1s"}),
    );
    for always in [false, true] {
        let (before, watched) = (server.our_tokens().len(), Arc::clone(&server));
        let proxy = Proxy::start(server.host(), move |request, earlier| {
            if request.target == "/v1/kv/data/a" && (earlier == 0 || always) {
                watched.await_expiry();
            }
            Step::Forward
        });
        let output = run(
            identity.on(&mut render_at(&proxy.address())),
            manifest(&["<path:kv/data/a#k>"]),
        );
        if always {
            assert_says(&output.code(1), &["<path:kv/data/a#k>", "expired"]);
        } else {
            assert_values(&output.success(), &["v"]);
        }
        assert_eq!(proxy.count("/v1/kv/data/a"), 2, "{:#?}", proxy.requests());
        assert_eq!(proxy.count("/login"), 2, "{:#?}", proxy.requests());
        server.assert_tokens_gone(before + 2);
    }
}

#[test]
fn a_users_token_that_is_no_good_is_no_reason_to_log_in() {
    let Some(server) = Server::start() else {
        return;
    };
    server.secret("kv", "a", &json!({"k": "v"}));
    let output = run(
        render_at(&server.address()).env("VAULT_TOKEN", "hvs.not-a-token"),
        manifest(&["<path:kv/data/a#k>"]),
    );
    assert_says(&output.code(1), &["denied"]);
    assert_eq!(server.requests(), ["read kv/data/a"]);
}

/// Placeholders for secrets `s0`… of `kv`, which are made.
fn many(server: &Server, count: usize) -> Vec<String> {
    (0..count)
        .map(|index| {
            server.secret(
                "kv",
                &format!("s{index}"),
                &json!({"k": format!("v{index}")}),
            );
            format!("<path:kv/data/s{index}#k>")
        })
        .collect()
}

#[test]
fn a_seal_in_the_middle_is_transient() {
    let Some(server) = Server::start() else {
        return;
    };
    let server = Arc::new(server);
    let placeholders = many(&server, 20);
    let identity = server.reader();
    let sealed = Arc::clone(&server);
    let proxy = Proxy::start(server.host(), move |request, _| {
        if request.target == "/v1/kv/data/s10" {
            sealed.seal();
        }
        Step::Forward
    });
    let placeholders: Vec<_> = placeholders.iter().map(String::as_str).collect();
    let begin = Instant::now();
    let output = run(
        identity.on(render_at(&proxy.address()).env("GITOPS_FN_TIMEOUT", "3s")),
        manifest(&placeholders),
    )
    .code(3);
    assert_says(&output, &["transient", "sealed"]);
    // a read that was under way when the server went away may never be answered
    for line in output
        .stderr
        .lines()
        .filter(|line| line.contains(proxy.address().trim_start_matches("http://")))
    {
        assert!(line.ends_with("(transient)"), "{}", output.stderr);
    }
    assert_eq!(output.text(), "");
    assert!(
        begin.elapsed() < Duration::from_secs(8),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn a_restart_in_the_middle_is_waited_for() {
    let Some(server) = Server::start_with_files() else {
        return;
    };
    let server = Arc::new(server);
    let placeholders = many(&server, 20);
    let identity = server.reader();
    let (send, restarts) = mpsc::channel::<()>();
    let send = Mutex::new(send);
    let upstream = server.host();
    let proxy = Proxy::start(server.host(), move |request, before| {
        if request.target == "/v1/kv/data/s10" && before == 0 {
            let _ = send.lock().unwrap().send(());
            // or the run may be over before, and its last request be what the restart hits
            let begin = Instant::now();
            while std::net::TcpStream::connect(&upstream).is_ok()
                && begin.elapsed() < Duration::from_secs(10)
            {
                thread::sleep(Duration::from_millis(1));
            }
        }
        Step::Forward
    });
    let restarted = Arc::clone(&server);
    let restart = thread::spawn(move || {
        if restarts.recv_timeout(Duration::from_secs(20)).is_ok() {
            restarted.restart();
        }
    });
    let placeholders: Vec<_> = placeholders.iter().map(String::as_str).collect();
    let output = run(
        identity.on(&mut render_at(&proxy.address())),
        manifest(&placeholders),
    )
    .success();
    restart.join().unwrap();
    let values: Vec<_> = (0..20).map(|index| format!("v{index}")).collect();
    let values: Vec<_> = values.iter().map(String::as_str).collect();
    assert_values(&output, &values);
    server.assert_tokens_gone(server.our_tokens().len());
}

/// Starts a program and gives it all of its input; what it writes waits for a reader.
fn begin(command: &mut Command, input: &str) -> Child {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    child
}

fn send_signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Starts `render`, and sends a signal when it has asked for `target`, which takes the server `time`.
fn interrupted(server: &Server, signal: Signal, target: &str, time: Duration) -> (Child, Proxy) {
    server.secret("kv", "a", &json!({"k": "v"}));
    let identity = server.reader();
    let (send, asked) = mpsc::channel::<()>();
    let (send, target) = (Mutex::new(send), target.to_owned());
    let proxy = Proxy::start(server.host(), move |request, _| {
        if request.target == target {
            let _ = send.lock().unwrap().send(());
            thread::sleep(time);
        }
        Step::Forward
    });
    let mut command = render_at(&proxy.address());
    let child = begin(
        identity.on(&mut command),
        &manifest(&["<path:kv/data/a#k>"]),
    );
    asked.recv_timeout(Duration::from_secs(20)).unwrap();
    send_signal(&child, signal);
    (child, proxy)
}

#[test]
fn after_a_signal_the_token_is_revoked_and_nothing_is_written() {
    for signal in [Signal::TERM, Signal::INT] {
        let Some(server) = Server::start() else {
            return;
        };
        let begin = Instant::now();
        let read = ("/v1/kv/data/a", Duration::from_secs(30));
        let (child, proxy) = interrupted(&server, signal, read.0, read.1);
        let output = child.wait_with_output().unwrap();
        assert!(
            begin.elapsed() < Duration::from_secs(10),
            "{signal:?}: {:?}",
            begin.elapsed()
        );
        assert!(!output.status.success(), "{signal:?}");
        assert_eq!(output.stdout, b"", "{signal:?}");
        assert_eq!(
            proxy.count("/v1/auth/token/revoke-self"),
            1,
            "{signal:?}: {:#?}",
            proxy.requests()
        );
        server.assert_tokens_gone(1);
    }
}

/// Nobody knows the token of a login whose answer is not awaited.
#[test]
fn after_a_signal_at_the_login_its_token_is_revoked() {
    let Some(server) = Server::start() else {
        return;
    };
    let time = Duration::from_millis(300);
    let (child, proxy) = interrupted(&server, Signal::TERM, "/v1/auth/approle/login", time);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(output.stdout, b"");
    let revoked = proxy.count("/v1/auth/token/revoke-self");
    assert_eq!(revoked, 1, "{:#?}", proxy.requests());
    server.assert_tokens_gone(1);
}

/// More than a pipe holds, and nobody reads on.
#[test]
fn a_signal_ends_a_run_that_waits_for_its_reader() {
    let Some(server) = Server::start() else {
        return;
    };
    server.secret("kv", "a", &json!({"k": "v"}));
    let comment = "# much of it\n".repeat(100_000);
    let input = manifest(&["<path:kv/data/a#k>"]) + &comment;
    let mut child = begin(&mut server.render(&server.reader()), &input);
    let mut first = [0];
    let stdout = child.stdout.as_mut().unwrap();
    stdout.read_exact(&mut first).unwrap();
    send_signal(&child, Signal::TERM);
    let begin = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(begin.elapsed() < Duration::from_secs(20));
        thread::sleep(Duration::from_millis(5));
    }
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(Signal::TERM.as_raw()), "{status}");
    server.assert_tokens_gone(1);
}

#[test]
fn the_token_is_revoked_also_where_the_output_cannot_be_written() {
    let Some(server) = Server::start() else {
        return;
    };
    server.secret("kv", "a", &json!({"k": "v"}));
    let mut command = server.render(&server.reader());
    command.args(["-o", &server.path("none/out.yaml").display().to_string()]);
    let output = run(&mut command, manifest(&["<path:kv/data/a#k>"]));
    assert_eq!(output.code, 2, "{}", output.stderr);
    server.assert_tokens_gone(1);
}

#[test]
fn a_revocation_that_fails_fails_nothing() {
    let Some(server) = Server::start() else {
        return;
    };
    server.secret("kv", "a", &json!({"k": "v"}));
    let identity = server.reader();
    let proxy = Proxy::start(server.host(), |request, _| {
        if request.target.ends_with("revoke-self") {
            Step::Answer(super::fake::Answer::error(500, "no"))
        } else {
            Step::Forward
        }
    });
    let output = run(
        identity.on(&mut render_at(&proxy.address())),
        manifest(&["<path:kv/data/a#k>"]),
    );
    assert_values(&output.success(), &["v"]);
}

/// A failure's name, and the answer that leads to it.
type Case = (&'static str, fn() -> Answer);

/// What a server answers for a version that is gone.
fn gone(deletion_time: &str, destroyed: bool) -> Answer {
    let mut answer = fake::secret("v");
    answer["data"]["data"] = json!(null);
    answer["data"]["metadata"]["deletion_time"] = json!(deletion_time);
    answer["data"]["metadata"]["destroyed"] = json!(destroyed);
    Answer::json(404, &answer)
}

#[test]
fn no_two_failures_are_told_in_the_same_words() {
    let answers: [Case; 13] = [
        ("no path", || Answer::json(404, &json!({"errors": []}))),
        ("no key", || {
            let text = fake::secret("v").to_string().replace("\"k\"", "\"other\"");
            Answer::Full(200, String::new(), text.into_bytes())
        }),
        ("deleted", || gone("2025-01-01T00:00:00Z", false)),
        ("destroyed", || gone("", true)),
        ("denied", || Answer::error(403, "permission denied")),
        ("expired", || {
            Answer::error(403, "permission denied: invalid token")
        }),
        ("limited", || Answer::error(429, "quota exceeded")),
        ("failed", || Answer::error(500, "internal error")),
        ("sealed", || Answer::error(503, "Vault is sealed")),
        ("late", || Answer::Stall(Vec::new())),
        ("reset", || Answer::Reset(Vec::new())),
        ("page", || {
            Answer::Full(200, String::new(), b"<html>".to_vec())
        }),
        ("empty", || Answer::Full(204, String::new(), Vec::new())),
    ];
    let mut told: Vec<(&str, String)> = Vec::new();
    let mut tell = |name, address: &str| {
        let mut command = render_at(address);
        command
            .env("VAULT_TOKEN", "t")
            .env("GITOPS_FN_TIMEOUT", "1s");
        let output = run(&mut command, manifest(&["<path:kv/data/a#k>"]));
        assert!(matches!(output.code, 1 | 3), "{name}: {}", output.stderr);
        let host = address.trim_start_matches("http://");
        // the first line is what has happened, the second what to do
        let text = output.stderr.replace(host, "HOST");
        for (other, said) in &told {
            assert_ne!(text.lines().next(), said.lines().next(), "{name}, {other}");
        }
        assert!(text.contains("\nhelp: "), "{name}: {text}");
        told.push((name, text));
    };
    for (name, answer) in answers {
        tell(name, &Fake::start(move |_, _| answer()).address());
    }
    tell("refused", &format!("http://127.0.0.1:{}", free_port()));
    tell("no name", "http://vault.invalid:8200");
}

#[test]
fn all_keys_of_a_path_are_of_the_version_that_was_read_first() {
    // each read finds a newer version
    let fake = Fake::start(|_, before| {
        let text = fake::secret("@").to_string().replace(
            r#"{"k":"@"}"#,
            &format!(r#"{{"a":"{before}","b":"{before}"}}"#),
        );
        Answer::Full(200, String::new(), text.into_bytes())
    });
    let first = manifest(&["<path:kv/data/v#a>", "<path:kv/data/v#b>"]);
    let second = first.replace("name: web", "name: other");
    let mut command = render_at(&fake.address());
    let output = run(
        command.env("VAULT_TOKEN", "t"),
        format!("{first}---\n{second}"),
    )
    .success();
    assert_eq!(
        output.text().matches(": \"0\"").count() + output.text().matches(": '0'").count(),
        4,
        "{}",
        output.text()
    );
    assert_eq!(fake.requests().len(), 1);
}
