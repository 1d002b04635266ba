//! At the highest verbosity, on success and on failure: no credential and no token of ours is shown
//! or left anywhere.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::server::{Identity, Server, file};
use super::{manifest, with_annotations};
use crate::support::{Output, run, temp_dir};

/// A text that occurs nowhere by chance.
const VALUE: &str = "q7Xz-secret-value-9KdWm3";

#[track_caller]
fn assert_hidden(server: &Server, words: &[&str], output: &Output, written: &Path) {
    let mut hidden: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    for (token, accessor) in server.our_tokens() {
        hidden.extend([token, accessor]);
    }
    let stdout = String::from_utf8_lossy(&output.stdout);
    for word in hidden.iter().filter(|word| !word.is_empty()) {
        assert!(
            !output.stderr.contains(word.as_str()),
            "{word} is on stderr:\n{}",
            output.stderr
        );
        assert!(
            !stdout.contains(word.as_str()),
            "{word} is on stdout:\n{stdout}"
        );
    }
    assert!(!output.stderr.contains(VALUE), "{}", output.stderr);
    let files: Vec<_> = fs::read_dir(written)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(files.is_empty(), "{files:?}");
}

/// Runs render and function mode at the highest verbosity, with a home that must stay empty.
#[track_caller]
fn check(server: &Server, identity: &Identity, words: &[&str]) {
    let items = |placeholder: &str| {
        let item = with_annotations("{}", &[placeholder]).replace('\n', "\n  ");
        format!(
            "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- {}\n",
            item.trim_end()
        )
    };
    for placeholder in [
        "<path:kv/a#k>",
        "<path:kv/a#nothing>",
        "<path:kv/nothing#k>",
        "<path:kv/data/data/a#k>",
    ] {
        for (arguments, input) in [
            (&["render", "-vvv", "-"][..], manifest(&[placeholder])),
            (&["-vvv"], items(placeholder)),
        ] {
            let home = temp_dir();
            let mut command = crate::support::gitops_fn();
            command
                .args(arguments)
                .env("VAULT_ADDR", server.address())
                .env("GITOPS_FN_LOG", "trace")
                .env("HOME", home.path())
                .env("TMPDIR", home.path())
                .current_dir(home.path());
            let output = run(identity.on(&mut command), input);
            // it did log
            assert!(output.stderr.contains("kv/data/"), "{}", output.stderr);
            assert_hidden(server, words, &output, home.path());
        }
    }
}

#[test]
fn no_credential_is_shown() {
    let Some(server) = Server::start() else {
        return;
    };
    server.secret("kv", "a", &json!({"k": VALUE}));
    let approle = server.reader();
    let (role_id, secret_id) = (approle.get("VAULT_ROLE_ID"), approle.get("VAULT_SECRET_ID"));
    check(&server, &approle, &[role_id, secret_id]);
    let wrong = Identity(vec![
        ("VAULT_ROLE_ID", role_id.to_owned()),
        ("VAULT_SECRET_ID", "wrong-secret-id-1".to_owned()),
    ]);
    let home = temp_dir();
    let output = run(
        server.render(&wrong).arg("-vvv").env("HOME", home.path()),
        manifest(&["<path:kv/a#k>"]),
    )
    .code(2);
    assert_hidden(
        &server,
        &[role_id, "wrong-secret-id-1"],
        &output,
        home.path(),
    );

    let token = server.token("reader");
    check(
        &server,
        &Identity(vec![("VAULT_TOKEN", token.clone())]),
        &[&token],
    );

    server.put("sys/auth/userpass", &json!({"type": "userpass"}));
    server.put(
        "auth/userpass/users/dev",
        &json!({"password": "open-sesame-42", "token_policies": ["reader"]}),
    );
    let folder = temp_dir();
    let password = file(folder.path(), "password", "open-sesame-42");
    check(
        &server,
        &Identity(vec![
            ("VAULT_USERNAME", "dev".to_owned()),
            ("VAULT_PASSWORD_FILE", password),
        ]),
        &["open-sesame-42"],
    );
}

#[test]
fn a_log_names_requests_and_nothing_more() {
    let Some(server) = Server::start() else {
        return;
    };
    server.secret("kv", "a", &json!({"k": VALUE}));
    let mut command = server.render(&server.reader());
    let output = run(command.arg("-v"), manifest(&["<path:kv/a#k>"])).success();
    for text in [
        "GET",
        "kv/data/a",
        "200",
        "auth/approle/login",
        "auth/token/revoke-self",
    ] {
        assert!(output.stderr.contains(text), "{text}:\n{}", output.stderr);
    }
    // Vault's own name for the request is there to ask its operators with
    let audit = fs::read_to_string(server.path("audit")).unwrap();
    let entry = audit
        .lines()
        .rfind(|line| line.contains("\"path\":\"kv/data/a\""))
        .unwrap();
    let entry: serde_json::Value = serde_json::from_str(entry).unwrap();
    let id = entry["request"]["id"].as_str().unwrap();
    assert!(output.stderr.contains(id), "{id}:\n{}", output.stderr);
}
