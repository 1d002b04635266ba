//! Which mount holds a path: where the server does not tell, where it was taken for another, and how often
//! it is asked.

use std::sync::Arc;

use serde_json::json;

use super::fake::{Answer, Fake};
use super::proxy::{Proxy, Step};
use super::server::Server;
use super::{assert_says, assert_values, manifest, render_at, render_with};
use crate::support::run;

const MOUNTS: &str = "/v1/sys/internal/ui/mounts/";

#[test]
fn a_mount_that_is_not_told_is_asked_for_once_a_folder() {
    let Some(server) = Server::start() else {
        return;
    };
    let paths: Vec<_> = (0..20)
        .flat_map(|index| ["kvx", "kvx/b"].map(|folder| format!("<path:{folder}/a{index}#k>")))
        .collect();
    let paths: Vec<_> = paths.iter().map(String::as_str).collect();
    let token = server.token("default");
    let output = run(
        render_at(&server.address()).env("VAULT_TOKEN", token),
        manifest(&paths),
    )
    .code(1);
    assert_says(
        &output,
        &["40 problems", "permission denied for kvx/data/a0"],
    );
    let requests = server.requests();
    let asked = |request: &&String| request.contains("sys/internal/ui/mounts");
    assert_eq!(requests.iter().filter(asked).count(), 2, "{requests:#?}");
    assert_eq!(requests.len(), 2 + 40, "{requests:#?}");
}

#[test]
fn a_path_with_data_in_it_needs_no_more_rights_than_its_own() {
    let Some(server) = Server::start() else {
        return;
    };
    server.put(
        "sys/mounts/y/data",
        &json!({"type": "kv", "options": {"version": "2"}}),
    );
    server.secret("kv", "shop/data/web", &json!({"k": "one"}));
    server.secret("y/data", "shop/web", &json!({"k": "two"}));
    server.policy(
        "least",
        "path \"kv/data/shop/data/web\" { capabilities = [\"read\"] }\npath \"y/data/data/shop/web\" { capabilities = [\"read\"] }",
    );
    let token = server.token("least");
    let read = |paths: &[&str]| {
        let mut command = render_at(&server.address());
        run(command.env("VAULT_TOKEN", &token), manifest(paths))
    };
    let output = read(&["<path:kv/shop/data/web#k>", "<path:y/data/shop/web#k>"]);
    assert_values(&output.success(), &["one", "two"]);
    let output = read(&["<path:kv/shop/data/other#k>"]).code(1);
    assert_says(
        &output,
        &["the policy needs: path \"kv/data/shop/data/other\""],
    );
}

/// Else the mount would be taken for one that the server does not tell.
#[test]
fn a_mount_is_asked_for_again_where_the_token_has_run_out() {
    let Some(server) = Server::start() else {
        return;
    };
    let server = Arc::new(server);
    server.secret("team/kv", "a", &json!({"k": "v"}));
    let identity = server.approle(
        "approle",
        &json!({"token_policies": ["reader"], "token_ttl": "1s"}),
    );
    let watched = Arc::clone(&server);
    let proxy = Proxy::start(server.host(), move |request, earlier| {
        if request.target.starts_with(MOUNTS) && earlier == 0 {
            watched.await_expiry();
        }
        Step::Forward
    });
    let output = run(
        identity.on(&mut render_at(&proxy.address())),
        manifest(&["<path:team/kv/a#k>"]),
    );
    assert_values(&output.success(), &["v"]);
    assert_eq!(proxy.count("/login"), 2, "{:#?}", proxy.requests());
}

#[test]
fn a_version_that_the_operator_has_wrong_is_no_missing_secret() {
    let Some(server) = Server::start() else {
        return;
    };
    server.secret("kv", "a", &json!({"k": "v"}));
    server.put("kv1/a", &json!({"k": "v"}));
    for (setting, mount, real) in [
        ("GITOPS_FN_KV_V1_MOUNTS", "kv", "KV v2"),
        ("GITOPS_FN_KV_V2_MOUNTS", "kv1", "KV v1"),
    ] {
        let output = render_with(
            &server.address(),
            &[(setting, mount)],
            &[&format!("<path:{mount}/a#k | default 'fallback'>")],
        )
        .code(1);
        let fact = format!("the mount {mount} is {real}, but the settings say that {mount} is KV ");
        assert_says(&output, &[&fact, setting]);
    }
}

#[test]
fn a_mount_has_one_version() {
    let settings = [
        ("GITOPS_FN_KV_V1_MOUNTS", "old, kv/"),
        ("GITOPS_FN_KV_V2_MOUNTS", "kv"),
    ];
    let output = render_with("http://127.0.0.1:9", &settings, &["<path:kv/a#k>"]).code(2);
    assert_says(
        &output,
        &["GITOPS_FN_KV_V1_MOUNTS and GITOPS_FN_KV_V2_MOUNTS both list a mount"],
    );
}

#[test]
fn versions_of_a_secret_without_versions_are_one_read() {
    let Some(server) = Server::start() else {
        return;
    };
    server.put("kv1/a", &json!({"k": "v"}));
    let paths = ["<path:kv1/a#k>", "<path:kv1/a#k#2>", "<path:kv1/a#k#3>"];
    let output = render_with(&server.address(), &[], &paths);
    assert_values(&output.success(), &["v", "v", "v"]);
    let requests = server.requests();
    let reads = requests.iter().filter(|request| *request == "read kv1/a");
    assert_eq!(reads.count(), 1, "{requests:#?}");
}

/// The text is that of the real plugin (vault-plugin-secrets-kv 0.25, `upgrade.go`).
#[test]
fn an_upgrade_under_way_is_worth_another_try() {
    let fake = Fake::start(|_, _| {
        Answer::error(
            400,
            "Upgrading from non-versioned to versioned data. This backend will be unavailable for a brief period and will resume service shortly.",
        )
    });
    let output = render_with(&fake.address(), &[], &["<path:kv/data/a#k>"]).code(3);
    assert_says(&output, &["is being upgraded to KV v2 (transient)"]);
}

/// Both are taken for `kv/x` of a mount `team`, and only one of them is anywhere.
#[test]
fn what_one_path_finds_in_its_mount_is_not_what_another_asked_for() {
    let Some(server) = Server::start() else {
        return;
    };
    server.put("sys/mounts/team/data", &json!({"type": "kv"}));
    server.put("team/data/kv/x", &json!({"k": "of-team-data"}));
    let (right, wrong) = ("<path:team/data/kv/x#k>", "<path:team/nokv/x#k>");
    for other in [
        "<path:team/nokv/data/x#k>",
        wrong,
        "<path:team/data/nokv/x#k>",
    ] {
        for paths in [[right, other], [other, right]] {
            let output = render_with(&server.address(), &[], &paths).code(1);
            assert!(!output.stderr.contains(right), "{}", output.stderr);
            assert_says(&output, &[other]);
        }
    }
    let twin = "<path:team/kv/x#k>";
    for paths in [[right, twin], [twin, right]] {
        let output = render_with(&server.address(), &[], &paths).code(1);
        assert!(!output.stderr.contains(right), "{}", output.stderr);
        assert_says(&output, &[twin]);
    }
    assert_values(
        &render_with(&server.address(), &[], &[right]).success(),
        &["of-team-data"],
    );
}

/// Else what is allowed as `kv/data/a` would read `kv/a`.
#[test]
fn a_mount_that_is_said_to_have_no_versions_is_looked_at_before_its_api_is_read() {
    let Some(server) = Server::start() else {
        return;
    };
    server.secret("kv", "a", &json!({"k": "v"}));
    for path in [
        "kv/data/a#data",
        "kv/metadata/a#created_time",
        "kv/subkeys/a#subkeys",
    ] {
        let output = render_with(
            &server.address(),
            &[("GITOPS_FN_KV_V1_MOUNTS", "kv")],
            &[&format!("<path:{path}>")],
        )
        .code(1);
        assert_says(
            &output,
            &["the mount kv is KV v2, but the settings say that kv is KV v1"],
        );
        let requests = server.requests();
        assert!(
            !requests.iter().any(|name| name.starts_with("read kv/")),
            "{requests:#?}"
        );
    }
}

#[test]
fn no_default_answers_for_a_mount_that_is_not_told() {
    let Some(server) = Server::start() else {
        return;
    };
    server.put("kv1/a", &json!({"k": "v"}));
    let proxy = Proxy::start(server.host(), |request, _| {
        if request.target.starts_with(MOUNTS) {
            Step::Answer(Answer::error(403, "permission denied"))
        } else {
            Step::Forward
        }
    });
    for (address, path) in [
        (proxy.address(), "kv1/a"),
        (server.address(), "typo/data/a"),
    ] {
        let output = render_with(&address, &[], &[&format!("<path:{path}#k | default 'd'>")]);
        assert_says(&output.code(1), &["GITOPS_FN_KV_V1_MOUNTS"]);
    }
}
