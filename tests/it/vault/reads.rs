//! What is read: KV v1 and v2, versions, mounts, and nothing that is no KV; and with how many requests.

use serde_json::json;

use super::fake::{Answer, Fake};
use super::proxy::{Proxy, Step};
use super::server::{Server, text};
use super::{
    ROOT, assert_once, assert_says, assert_values, manifest, render_as_root, render_at,
    with_annotations,
};
use crate::support::run;

#[test]
fn both_versions_in_mounts_with_slashes_in_their_names() {
    let Some(server) = Server::start() else {
        return;
    };
    server.secret("kv", "shop/web", &json!({"password": "two"}));
    server.secret("team/kv", "shop/web", &json!({"password": "team-two"}));
    server.put("kv1/shop/web", &json!({"password": "one"}));
    server.put("team/old/shop/web", &json!({"password": "team-one"}));
    let output = run(
        &mut server.render(&server.reader()),
        manifest(&[
            "<path:kv/shop/web#password>",
            "<path:team/kv/shop/web#password>",
            "<path:team/kv/data/shop/web#password>",
            "<path:kv1/shop/web#password>",
            "<path:team/old/shop/web#password>",
        ]),
    )
    .success();
    assert_values(&output, &["two", "team-two", "team-two", "one", "team-one"]);
    assert_eq!(output.stderr, "");
    server.assert_tokens_gone(1);
}

#[test]
fn one_login_one_read_for_each_path_one_question_for_each_mount_one_revocation() {
    let Some(server) = Server::start() else {
        return;
    };
    let mut placeholders = Vec::new();
    for path in 0..5 {
        let keys: serde_json::Map<_, _> =
            (0..20).map(|key| (format!("k{key}"), "v".into())).collect();
        server.secret("kv", &format!("count/{path}"), &keys.into());
        placeholders.extend((0..20).map(|key| format!("<path:kv/count/{path}#k{key}>")));
    }
    let placeholders: Vec<_> = placeholders.iter().map(String::as_str).collect();
    run(
        &mut server.render(&server.reader()),
        manifest(&placeholders),
    )
    .success();
    let requests = server.requests();
    assert_eq!(requests.len(), 1 + 5 + 1 + 1, "{requests:#?}");
    for path in 0..5 {
        assert!(
            requests.contains(&format!("read kv/data/count/{path}")),
            "{requests:#?}"
        );
    }
    let mounts = requests
        .iter()
        .filter(|name| name.starts_with("read sys/internal/ui/mounts/kv/"));
    assert_eq!(mounts.count(), 1, "{requests:#?}");
    assert!(requests.contains(&"update auth/approle/login".to_owned()));
    assert!(requests.contains(&"update auth/token/revoke-self".to_owned()));
    server.assert_tokens_gone(1);
}

#[test]
fn with_data_in_the_path_no_mount_is_asked_for() {
    let Some(server) = Server::start() else {
        return;
    };
    server.secret("kv", "a", &json!({"k": "v"}));
    let output = run(
        &mut server.render(&server.reader()),
        manifest(&["<path:kv/data/a#k>"]),
    );
    assert_values(&output.success(), &["v"]);
    assert_eq!(
        server.requests(),
        [
            "read kv/data/a",
            "update auth/approle/login",
            "update auth/token/revoke-self"
        ]
    );
}

#[test]
fn a_path_that_looks_like_another_engines_is_asked_for() {
    let Some(server) = Server::start() else {
        return;
    };
    server.secret("kv", "creds/a", &json!({"k": "a"}));
    server.secret("kv", "web/creds/b", &json!({"k": "b"}));
    let wanted = ["<path:kv/data/creds/a#k>", "<path:kv/data/web/creds/b#k>"];
    let output = run(&mut server.render(&server.reader()), manifest(&wanted));
    assert_values(&output.success(), &["a", "b"]);
    let requests = server.requests();
    let questions = requests.iter().filter(|name| name.contains("sys/internal"));
    assert_eq!(questions.count(), 1, "{requests:#?}");
    // where the server does not tell, the form of the path is believed
    let silent = Proxy::start(server.host(), |request, _| {
        if request.target.contains("/sys/internal/") {
            Step::Answer(Answer::error(403, "permission denied"))
        } else {
            Step::Forward
        }
    });
    let output = run(
        render_at(&silent.address()).env("VAULT_TOKEN", ROOT),
        manifest(&wanted),
    );
    assert_values(&output.success(), &["a", "b"]);
}

#[test]
fn both_spellings_of_a_path_are_one_read() {
    let Some(server) = Server::start() else {
        return;
    };
    server.secret("kv", "shop/web", &json!({"a": "1", "b": "2"}));
    let output = run(
        &mut server.render(&server.reader()),
        manifest(&[
            "<path:kv/shop/web#a>",
            "<path:kv/data/shop/web#b>",
            "<path:/kv/shop/web/#a>",
        ]),
    );
    assert_values(&output.success(), &["1", "2", "1"]);
    let requests = server.requests();
    let reads = requests
        .iter()
        .filter(|name| name.starts_with("read kv/data/shop/web"));
    assert_eq!(reads.count(), 1, "{requests:#?}");
}

#[test]
fn in_a_mount_without_versions_data_is_a_part_of_the_path() {
    let Some(server) = Server::start() else {
        return;
    };
    server.put("kv1/shop", &json!({"k": "short"}));
    server.put("kv1/data/shop", &json!({"k": "long"}));
    server.put("team/old/data/shop", &json!({"data": "no", "k": "team"}));
    let identity = server.reader();
    let render = |v1: &str| {
        run(
            server.render(&identity).env("GITOPS_FN_KV_V1_MOUNTS", v1),
            manifest(&[
                "<path:kv1/shop#k>",
                "<path:kv1/data/shop#k>",
                "<path:team/old/data/shop#k>",
            ]),
        )
    };
    // told by the operator, and told by the server
    for v1 in ["kv1,team/old", ""] {
        assert_values(&render(v1).success(), &["short", "long", "team"]);
    }
    let output = run(
        &mut server.render(&identity),
        manifest(&["<path:kv1/data/none#k>", "<path:kv/none#k>"]),
    )
    .code(1);
    assert_says(
        &output,
        &[
            "there is no secret kv1/data/none",
            "kv1 is KV v1: leave out /data/",
        ],
    );
}

#[test]
fn the_claim_of_every_manifest_is_judged_also_where_the_read_is_shared() {
    let Some(server) = Server::start() else {
        return;
    };
    server.secret("kv", "a", &json!({"k": "two"}));
    let one = with_annotations("{}", &["<path:kv/a#k>"]);
    let other = with_annotations("{avp.kubernetes.io/kv-version: \"1\"}", &["<path:kv/a#k>"])
        .replace("name: web", "name: other");
    let output = run(
        &mut server.render(&server.reader()),
        format!("{one}---\n{other}"),
    )
    .code(1);
    assert_says(&output, &["Secret other", "kv-version says 1"]);
    assert!(!output.stderr.contains("Secret web"), "{}", output.stderr);
}

#[test]
fn without_placeholders_nothing_is_asked() {
    let Some(server) = Server::start() else {
        return;
    };
    let output = run(&mut server.render(&server.reader()), manifest(&["plain"]));
    assert_values(&output.success(), &["plain"]);
    assert_eq!(server.requests(), [""; 0]);
}

#[test]
fn versions() {
    let Some(server) = Server::start() else {
        return;
    };
    for value in ["one", "two", "three"] {
        server.secret("kv", "v", &json!({"k": value}));
    }
    let output = render_as_root(
        &server,
        &[
            "<path:kv/v#k>",
            "<path:kv/v#k#1>",
            "<path:kv/data/v#k#2>",
            "<path:kv/v#k#0>",
        ],
    );
    assert_values(&output.success(), &["three", "one", "two", "three"]);
    let annotations = r#"{avp.kubernetes.io/path: kv/v, avp.kubernetes.io/secret-version: "2"}"#;
    let output = run(
        render_at(&server.address()).env("VAULT_TOKEN", ROOT),
        with_annotations(annotations, &["<k>"]),
    );
    assert_values(&output.success(), &["two"]);
}

#[test]
fn versions_that_are_gone_are_told_apart() {
    let Some(server) = Server::start() else {
        return;
    };
    for value in ["one", "two", "three"] {
        server.secret("kv", "v", &json!({"k": value}));
    }
    server.put("kv/delete/v", &json!({"versions": [1]}));
    server.put("kv/destroy/v", &json!({"versions": [2]}));
    let deleted = server.get("kv/metadata/v")["data"]["versions"]["1"]["deletion_time"].clone();
    let time = &text(&deleted)[.."2026-01-01T00:00".len()];
    let output = render_as_root(&server, &["<path:kv/v#k#1>"]).code(1);
    assert_says(&output, &["<path:kv/v#k#1>", "deleted", time]);
    let output = render_as_root(&server, &["<path:kv/v#k#2>"]).code(1);
    assert_says(&output, &["<path:kv/v#k#2>", "destroyed"]);
    let output = render_as_root(&server, &["<path:kv/v#k#9>"]).code(1);
    assert_says(&output, &["<path:kv/v#k#9>", "version 9"]);
    // `default` answers for none of them
    for version in ["1", "2"] {
        let text = format!("\"<path:kv/v#k#{version} | default 'x'>\"");
        render_as_root(&server, &[&text]).code(1);
    }
}

#[test]
fn missing_paths_and_keys() {
    let Some(server) = Server::start() else {
        return;
    };
    server.secret(
        "kv",
        "a",
        &json!({"there": "value-not-asked", "null": null}),
    );
    let output = render_as_root(&server, &["<path:kv/nowhere#k>"]).code(1);
    assert_says(
        &output,
        &["Secret web", "stringData.k0", "<path:kv/nowhere#k>"],
    );
    let output = render_as_root(&server, &["<path:kv/a#not-there>"]).code(1);
    assert_says(&output, &["not-there"]);
    // neither other keys nor values
    assert!(!output.stderr.contains("value-not-asked"));
    assert!(
        !output.stderr.replace("not-there", "").contains("there"),
        "{}",
        output.stderr
    );
    let output = render_as_root(
        &server,
        &[
            "\"<path:kv/nowhere#k | default 'x'>\"",
            "\"<path:kv/a#not-there | default 'y'>\"",
            "\"<path:kv/a#null | default 'z'>\"",
        ],
    );
    assert_values(&output.success(), &["x", "y", "z"]);
}

#[test]
fn numbers_keep_their_text() {
    let fake = Fake::start(|_, _| {
        let body = super::fake::secret("@").to_string();
        let body = body.replace(
            r#"{"k":"@"}"#,
            r#"{"a": 1.0, "b": 12345678901234567890123, "c": 1e3, "d": {"n": 1.50}}"#,
        );
        Answer::Full(200, String::new(), body.into_bytes())
    });
    let output = run(
        render_at(&fake.address()).env("VAULT_TOKEN", ROOT),
        manifest(&[
            "<path:kv/data/n#a>",
            "<path:kv/data/n#b>",
            "<path:kv/data/n#c>",
            "<path:kv/data/n#d>",
        ]),
    );
    assert_values(
        &output.success(),
        &["1.0", "12345678901234567890123", "1e3", r#"{"n":1.50}"#],
    );
}

#[test]
fn the_annotation_may_only_agree_with_the_mount() {
    let Some(server) = Server::start() else {
        return;
    };
    server.secret("kv", "a", &json!({"k": "two"}));
    server.put("kv1/a", &json!({"k": "one"}));
    let render = |version: &str, placeholder: &str| {
        let annotations = format!("{{avp.kubernetes.io/kv-version: \"{version}\"}}");
        run(
            render_at(&server.address()).env("VAULT_TOKEN", ROOT),
            with_annotations(&annotations, &[placeholder]),
        )
    };
    assert_values(&render("1", "<path:kv1/a#k>").success(), &["one"]);
    assert_values(&render("2", "<path:kv/a#k>").success(), &["two"]);
    assert_values(&render("2", "<path:kv/data/a#k>").success(), &["two"]);
    for (version, placeholder) in [
        ("1", "<path:kv/a#k>"),
        ("2", "<path:kv1/a#k>"),
        ("1", "<path:kv/data/a#k>"),
    ] {
        let output = render(version, placeholder).code(1);
        assert_says(&output, &[placeholder, "version"]);
    }
}

#[test]
fn a_doubled_data_in_the_path_is_explained() {
    let Some(server) = Server::start() else {
        return;
    };
    server.secret("kv", "a", &json!({"k": "two"}));
    let output = render_as_root(&server, &["<path:kv/data/data/a#k>"]).code(1);
    assert_says(&output, &["<path:kv/data/data/a#k>", "data/"]);
}

#[test]
fn the_operators_settings_come_before_questions() {
    let Some(server) = Server::start() else {
        return;
    };
    server.put("kv1/a", &json!({"k": "one"}));
    server.put("team/old/a", &json!({"k": "team-one"}));
    let output = run(
        server
            .render(&server.reader())
            .env("GITOPS_FN_KV_V1_MOUNTS", "kv1,team/old"),
        manifest(&["<path:kv1/a#k>", "<path:team/old/a#k>"]),
    );
    assert_values(&output.success(), &["one", "team-one"]);
    let requests = server.requests();
    assert!(
        !requests.iter().any(|name| name.contains("sys/")),
        "{requests:#?}"
    );
}

#[test]
fn where_mounts_cannot_be_asked_for_only_the_v2_form_is_used() {
    let Some(server) = Server::start() else {
        return;
    };
    server.secret("kv", "shop/web", &json!({"k": "two"}));
    server.put("kv1/shop/web", &json!({"k": "one"}));
    for status in [403, 404] {
        let proxy = Proxy::start(server.host(), move |request, _| {
            if request.target.contains("/sys/internal/") {
                Step::Answer(Answer::error(
                    status,
                    "preflight capability check returned 403",
                ))
            } else {
                Step::Forward
            }
        });
        let read = |placeholder: &str| {
            run(
                render_at(&proxy.address()).env("VAULT_TOKEN", ROOT),
                manifest(&[placeholder]),
            )
        };
        assert_values(&read("<path:kv/shop/web#k>").success(), &["two"]);
        let output = read("<path:kv1/shop/web#k>").code(1);
        assert_says(
            &output,
            &["<path:kv1/shop/web#k>", "GITOPS_FN_KV_V1_MOUNTS"],
        );
        assert_eq!(proxy.count("/v1/kv1/shop/web"), 0);
    }
}

/// Vault makes a lease of it that is no number of seconds.
#[test]
fn a_key_named_ttl_may_hold_anything() {
    let Some(server) = Server::start() else {
        return;
    };
    for ttl in [
        json!("-1"),
        json!(-1),
        json!("-1h"),
        json!("2000000h"),
        json!("x"),
    ] {
        server.put("kv1/a", &json!({"ttl": ttl, "k": "v"}));
        let output = render_as_root(&server, &["<path:kv1/a#k>"]);
        assert_values(&output.success(), &["v"]);
    }
}

#[test]
fn what_is_no_kv_is_refused() {
    let Some(server) = Server::start() else {
        return;
    };
    // an engine that makes a token of another system at each read
    let consul = Fake::start(|_, _| {
        Answer::json(
            200,
            &json!({"AccessorID": "a", "SecretID": "made-by-consul"}),
        )
    });
    for engine in ["consul", "totp", "transit", "ssh"] {
        server.put(&format!("sys/mounts/{engine}"), &json!({"type": engine}));
    }
    // with names as if they were within a KV v2 mount
    for mount in ["team/data", "team2/data/more"] {
        server.put(&format!("sys/mounts/{mount}"), &json!({"type": "consul"}));
    }
    for mount in ["consul", "team/data", "team2/data/more"] {
        server.put(
            &format!("{mount}/config/access"),
            &json!({"address": consul.host(), "scheme": "http", "token": "t"}),
        );
        server.put(
            &format!("{mount}/roles/r"),
            &json!({"consul_policies": ["p"]}),
        );
    }
    server.put(
        "totp/keys/x",
        &json!({"generate": true, "issuer": "i", "account_name": "a"}),
    );
    server.put("transit/keys/x", &json!({}));
    server.put("cubbyhole/x", &json!({"id": "v"}));
    let before = consul.requests().len();
    let own = [
        "auth/token/lookup-self",
        "sys/internal/ui/mounts",
        "sys/mounts",
        "cubbyhole/x",
        "identity/oidc/config",
    ];
    let engines = [
        "consul/creds/r",
        "team/data/creds/r",
        "team2/data/more/creds/r",
        "totp/code/x",
        "transit/keys/x",
        "ssh/public_key",
    ];
    let reader = server.reader();
    for path in own.into_iter().chain(engines) {
        for annotations in [
            "{}",
            r#"{avp.kubernetes.io/kv-version: "1"}"#,
            r#"{avp.kubernetes.io/kv-version: "2"}"#,
        ] {
            let placeholder = format!("<path:{path}#id>");
            let output = run(
                &mut server.render(&reader),
                with_annotations(annotations, &[&placeholder]),
            )
            .code(1);
            assert_says(&output, &[&placeholder, "KV"]);
            assert_eq!(output.text(), "");
        }
        // an operator's default is for KV mounts too
        let output = run(
            server.render(&reader).env("AVP_KV_VERSION", "1"),
            manifest(&[&format!("<path:{path}#id>")]),
        );
        output.code(1);
    }
    let requests = server.requests();
    for path in own.into_iter().chain(engines) {
        assert!(
            !requests.contains(&format!("read {path}")),
            "{path} was read"
        );
    }
    assert_eq!(consul.requests().len(), before, "a token was made");
    server.assert_no_lease();
    let ours = server.our_tokens().len();
    server.assert_tokens_gone(ours);
}

#[test]
fn paths_that_a_client_would_change_are_refused() {
    let Some(server) = Server::start() else {
        return;
    };
    server.secret("kv", "other", &json!({"k": "hidden"}));
    for path in [
        "kv/shop/../other",
        "kv/data/./other",
        "kv//other",
        "kv/shop/%2e%2e/other",
    ] {
        let output = render_as_root(&server, &[&format!("<path:{path}#k>")]).code(1);
        assert!(!output.stderr.contains("hidden"));
    }
    let requests = server.requests();
    assert!(
        !requests.iter().any(|name| name.ends_with("/other")),
        "{requests:#?}"
    );
}

#[test]
fn odd_characters_are_encoded() {
    let Some(server) = Server::start() else {
        return;
    };
    for (path, sent) in [
        ("a b", "a%20b"),
        ("a?b", "a%3Fb"),
        ("ä", "%C3%A4"),
        ("a+b&c=d", "a%2Bb%26c%3Dd"),
    ] {
        server.put(&format!("kv/data/{sent}"), &json!({"data": {"k": path}}));
        let placeholder = format!("\"<path:kv/{path}#k>\"");
        let output = render_as_root(&server, &[&placeholder]).success();
        assert_values(&output, &[path]);
    }
}

#[test]
fn paths_that_nobody_means_are_refused_before_they_are_sent() {
    let fake = Fake::start(|_, _| Answer::secret("v"));
    let annotated = |path: &str| format!("{{avp.kubernetes.io/path: \"{path}\"}}");
    let blanks = "the path has a blank segment";
    for (annotations, placeholder, says) in [
        ("{}".to_owned(), "\"<path:kv/data/x/ /y#k>\"", blanks),
        ("{}".to_owned(), "\"<path:kv/data/x/\u{a0}/y#k>\"", blanks),
        (annotated("kv/data/x/ /y"), "<k>", blanks),
        (annotated("kv/data/\u{2003}/y"), "<k>", blanks),
        (
            annotated(&format!("kv/data/{}", "a".repeat(70_000))),
            "<k>",
            "longer than 4096 bytes",
        ),
    ] {
        let mut command = render_at(&fake.address());
        command.env("VAULT_TOKEN", "t-1");
        let text = with_annotations(&annotations, &[placeholder]);
        let output = run(&mut command, text).code(1);
        assert_once(&output);
        assert_says(&output, &[says]);
    }
    assert_eq!(fake.requests().len(), 0);
}

#[test]
fn a_base_path_in_the_address_is_kept() {
    let fake = Fake::start(|_, _| Answer::secret("v"));
    for address in [
        format!("{}/vault", fake.address()),
        format!("{}/vault/", fake.address()),
    ] {
        let output = run(
            render_at(&address)
                .env("VAULT_TOKEN", "t-1")
                .env("VAULT_NAMESPACE", "/team/a/"),
            manifest(&["<path:kv/data/a#k>"]),
        );
        assert_values(&output.success(), &["v"]);
    }
    for request in fake.requests() {
        assert_eq!(request.target, "/vault/v1/kv/data/a");
        assert_eq!(request.header("x-vault-token"), Some("t-1"));
        assert_eq!(request.header("x-vault-request"), Some("true"));
        let namespace = request
            .header("x-vault-namespace")
            .map(|text| text.trim_matches('/'));
        assert_eq!(namespace, Some("team/a"));
        let agent = format!("gitops-fn/{}", env!("CARGO_PKG_VERSION"));
        assert_eq!(request.header("user-agent"), Some(&*agent));
    }
}
