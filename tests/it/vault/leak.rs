//! At the highest verbosity, on success and on failure: no credential and no token of ours is shown
//! or left anywhere.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::logins::{jwt, jwt_role, wrapped_secret_id};
use super::server::{Identity, Server, file};
use super::{manifest, with_annotations};
use crate::support::{Output, path_with, run, temp_dir, tool, write_files};

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
    // the results of a function are for everyone too; its items are not
    if let Some((_, results)) = stdout.split_once("\nresults:") {
        let results = results.split("\nitems:").next().unwrap_or_default();
        assert!(!results.contains(VALUE), "{results}");
    }
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
fn no_signed_token_and_no_wrapping_token_is_shown() {
    let Some(server) = Server::start() else {
        return;
    };
    server.secret("kv", "a", &json!({"k": VALUE}));
    let folder = temp_dir();
    let approle = server.reader();
    let role_id = approle.get("VAULT_ROLE_ID");
    for placeholder in ["<path:kv/a#k>", "<path:kv/nothing#k>"] {
        let wrapping = wrapped_secret_id(&server);
        let home = temp_dir();
        let mut command = server.render(&Identity(vec![
            ("VAULT_ROLE_ID", role_id.to_owned()),
            ("VAULT_WRAPPED_SECRET_ID", wrapping.clone()),
        ]));
        command.arg("-vvv").env("HOME", home.path());
        let output = run(&mut command, manifest(&[placeholder]));
        assert!(output.stderr.contains("kv/data/"), "{}", output.stderr);
        assert_hidden(&server, &[role_id, &wrapping], &output, home.path());
        // what was wrapped is in the server's own log
        for secret_id in server.unwrapped() {
            assert!(!output.stderr.contains(&secret_id), "{}", output.stderr);
        }
    }

    jwt_role(&server);
    for audience in ["vault", "elsewhere"] {
        let claims = json!({
            "sub": "pipeline", "aud": audience, "iat": 1_700_000_000, "nbf": 1_700_000_000, "exp": 4_000_000_000_u64
        });
        let token = jwt(&server, &claims);
        let path = file(folder.path(), "jwt", &token);
        let home = temp_dir();
        let mut command = server.render(&Identity(vec![
            ("VAULT_AUTH_METHOD", "jwt".to_owned()),
            ("VAULT_AUTH_ROLE", "ci".to_owned()),
            ("VAULT_AUTH_JWT_FILE", path),
        ]));
        command.arg("-vvv").env("HOME", home.path());
        let output = run(&mut command, manifest(&["<path:kv/a#k>"]));
        assert_eq!(output.code, if audience == "vault" { 0 } else { 2 });
        let parts: Vec<_> = token.split('.').collect();
        assert_hidden(&server, &parts, &output, home.path());
    }
}

/// The arguments and the environments of all processes below one. What has just been forked is still its
/// parent, and not yet a program of its own.
fn below(parent: u32) -> Vec<u8> {
    let read = |id: u32, name: &str| fs::read(format!("/proc/{id}/{name}")).unwrap_or_default();
    let mut all = Vec::new();
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
    for child in children.unwrap_or_default().split_whitespace() {
        let child = child.parse().unwrap();
        // in this order: a program's arguments and environment change at once
        let arguments = read(child, "cmdline");
        if arguments != read(parent, "cmdline") {
            all.extend(arguments);
            all.extend(read(child, "environ"));
        }
        all.extend(below(child));
    }
    all
}

// what the processes below ours have is seen from outside, while kustomize is at work for a while
#[cfg(target_os = "linux")]
#[test]
fn no_credential_is_in_the_arguments_or_the_environment_of_a_child() {
    let (Some(server), Some(kustomize)) = (Server::start(), tool("kustomize")) else {
        return;
    };
    server.secret("kv", "a", &json!({"k": VALUE}));
    let approle = server.reader();
    let (role_id, secret_id) = (approle.get("VAULT_ROLE_ID"), approle.get("VAULT_SECRET_ID"));
    let folder = temp_dir();
    let many: Vec<_> = (0..2000)
        .map(|index| {
            format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{index}}}\n")
        })
        .collect();
    let kustomization =
        "resources: [all.yaml]\nlabels: [{pairs: {app: shop}, includeSelectors: true}]\n";
    write_files(
        folder.path(),
        &[
            ("repo/kustomization.yaml", kustomization),
            (
                "repo/all.yaml",
                &(manifest(&["<path:kv/a#k>"]) + &many.concat()),
            ),
            ("tmp/.keep", ""),
        ],
    );
    let mut command = crate::support::gitops_fn();
    let mut child = approle
        .on(&mut command)
        .args(["-vvv", "build"])
        .arg(folder.path().join("repo"))
        .env("VAULT_ADDR", server.address())
        .env("TMPDIR", folder.path().join("tmp"))
        .env("PATH", path_with(&[kustomize.parent().unwrap()]))
        .stdout(fs::File::create(folder.path().join("stdout")).unwrap())
        .stderr(fs::File::create(folder.path().join("stderr")).unwrap())
        .spawn()
        .unwrap();
    let mut seen = Vec::new();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        seen.extend(below(child.id()));
        thread::sleep(Duration::from_millis(5));
    };
    let written = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let stderr = written("stderr");
    assert!(status.success(), "{stderr}");
    assert!(written("stdout").contains(VALUE));
    let seen = String::from_utf8_lossy(&seen);
    // `__child` itself becomes kustomize within moments, and may not be seen
    assert!(
        seen.contains("kustomize\0build"),
        "no child was seen: {seen}"
    );
    for word in [role_id, secret_id, "VAULT_"] {
        assert!(!seen.contains(word), "{word} is at a child:\n{seen}");
        assert!(word == "VAULT_" || !stderr.contains(word), "{stderr}");
    }
    for (token, accessor) in server.our_tokens() {
        assert!(!seen.contains(&token) && !seen.contains(&accessor));
    }
    let left: Vec<_> = fs::read_dir(folder.path().join("tmp"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name != ".keep")
        .collect();
    assert!(left.is_empty(), "{left:?}");
    server.assert_tokens_gone(1);
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
        // what took how long: a login, the question for a mount, the read, the revocation, all
        "logged in method=\"approle\" mount=\"approle\" millis=",
        "path=\"sys/internal/ui/mounts/kv/a\"",
        "millis=",
        "requests=4",
        "done with the server",
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
