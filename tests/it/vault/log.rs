//! The log: each step and how long it took, and nothing that may not stand in an issue tracker.

use serde_json::json;

use super::server::{Identity, Server};
use super::{manifest, render_at};
use crate::support::run;

/// A text that occurs nowhere by chance.
const VALUE: &str = "q7Xz-logged-value-9KdWm3";

/// Checks that a line with all of `parts` ends in a number of milliseconds or holds one.
#[track_caller]
fn assert_timed(log: &str, parts: &[&str]) {
    let found = log
        .lines()
        .find(|line| parts.iter().all(|part| line.contains(part)));
    let Some(line) = found else {
        panic!("no line with {parts:?}:\n{log}");
    };
    let millis = line.split("millis=").nth(1).unwrap_or_default();
    let digits = millis.chars().take_while(char::is_ascii_digit).count();
    assert!(digits > 0, "{line}");
}

#[test]
fn each_step_is_told_with_the_time_it_took() {
    let Some(server) = Server::start_tls() else {
        return;
    };
    server.secret("kv", "a", &json!({"k": VALUE}));
    let identity = server.reader();
    let authority = server.path("tls/vault-ca.pem").display().to_string();
    for (address, secure) in [
        (server.address(), "secure=false"),
        (server.tls_address(), "secure=true"),
    ] {
        let mut command = render_at(&address);
        command.arg("-vv").env("VAULT_CACERT", &authority);
        let output = run(
            identity.on(&mut command),
            manifest(&["<path:kv/a#k>", "<path:kv/data/a#k>"]),
        )
        .success();
        let log = &output.stderr;
        assert_timed(log, &["made an HTTP client", secure]);
        assert_timed(log, &["logged in", "method=\"approle\""]);
        assert_timed(log, &["path=\"auth/approle/login\"", "status=200"]);
        assert_timed(log, &["path=\"sys/internal/ui/mounts/kv/a\"", "status=200"]);
        assert_timed(log, &["path=\"kv/data/a\"", "status=200", "request_id="]);
        assert_timed(log, &["path=\"auth/token/revoke-self\"", "status=204"]);
        assert_timed(log, &["done with the server", "requests=4"]);
        for step in [
            "found the mount mount=\"kv\"",
            "revoked the token of this run",
        ] {
            assert!(log.contains(step), "{step}:\n{log}");
        }
        let mut hidden = vec![
            VALUE.to_owned(),
            identity.get("VAULT_ROLE_ID").to_owned(),
            identity.get("VAULT_SECRET_ID").to_owned(),
        ];
        for (token, accessor) in server.our_tokens() {
            hidden.extend([token, accessor]);
        }
        for word in hidden {
            assert!(!log.contains(&word), "{word}:\n{log}");
        }
    }
    server.assert_tokens_gone(2);
}

#[test]
fn a_run_that_fails_tells_its_steps_too() {
    let Some(server) = Server::start() else {
        return;
    };
    let identity = server.reader();
    let mut command = server.render(&identity);
    let output = run(
        command.env("GITOPS_FN_LOG", "debug"),
        manifest(&["<path:kv/data/nothing#k>"]),
    )
    .code(1);
    assert_timed(&output.stderr, &["path=\"kv/data/nothing\"", "status=404"]);
    assert_timed(&output.stderr, &["done with the server"]);

    let token = server.token("reader");
    let mut command = server.render(&Identity(vec![("VAULT_TOKEN", token.clone())]));
    let output = run(command.arg("-v"), manifest(&["<path:kv/data/nothing#k>"])).code(1);
    assert!(
        output.stderr.contains("the token of VAULT_TOKEN"),
        "{}",
        output.stderr
    );
    assert!(!output.stderr.contains(&token), "{}", output.stderr);
    // quiet unless asked
    let mut command = server.render(&identity);
    let output = run(&mut command, manifest(&["<path:kv/data/nothing#k>"])).code(1);
    assert!(!output.stderr.contains("millis="), "{}", output.stderr);
}
