//! What the operator's environment decides beside the login: the way to the server, whom to trust, how
//! long a run may take; and that nothing of it counts before a secret is wanted.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::fake::{Answer, Fake};
use super::server::Server;
use super::{
    ROOT, assert_once, assert_says, assert_values, manifest, render_at, render_with,
    with_annotations,
};
use crate::support::{Output, run};

const WANT: &[&str] = &["<path:kv/data/a#k>"];

#[track_caller]
fn read(address: &str, settings: &[(&str, &str)]) -> Output {
    render_with(address, settings, WANT)
}

#[test]
fn a_proxy_of_the_operators_is_used() {
    let proxy = Fake::start(|_, _| Answer::secret("through-the-proxy"));
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        let output = read("http://vault.invalid:8200", &[(name, &proxy.address())]);
        assert_values(&output.success(), &["through-the-proxy"]);
    }
    for request in proxy.requests() {
        assert_eq!(request.target, "http://vault.invalid:8200/v1/kv/data/a");
    }
    assert_eq!(proxy.requests().len(), 3);

    let server = Fake::start(|_, _| Answer::secret("straight"));
    for settings in [
        &[("HTTP_PROXY", &*proxy.address()), ("NO_PROXY", "127.0.0.1")][..],
        // what Argo CD hands on from a manifest is no environment of the operator's
        &[("ARGOCD_ENV_HTTP_PROXY", &proxy.address())],
        &[("PARAM_HTTP_PROXY", &proxy.address())],
    ] {
        let output = read(&server.address(), settings);
        assert_values(&output.success(), &["straight"]);
    }
    assert_eq!(proxy.requests().len(), 3);
}

#[test]
fn a_proxy_on_the_way_to_https_sees_no_token() {
    let proxy = Fake::start(|_, _| Answer::error(403, "not through here"));
    let output = read(
        "https://vault.invalid:8200",
        &[
            ("HTTPS_PROXY", &proxy.address()),
            ("GITOPS_FN_TIMEOUT", "2s"),
        ],
    )
    .code(3);
    assert_once(&output);
    assert_says(&output, &["vault.invalid:8200", "transient"]);
    assert!(!proxy.requests().is_empty());
    for request in proxy.requests() {
        assert_eq!(
            (request.method.as_str(), request.target.as_str()),
            ("CONNECT", "vault.invalid:8200")
        );
        assert_eq!(request.header("x-vault-token"), None);
    }
}

#[test]
fn nothing_is_judged_and_nothing_is_asked_before_a_secret_is_wanted() {
    let fake = Fake::start(|_, _| Answer::secret("v"));
    for settings in [
        [("VAULT_CACERT", "/nowhere/ca.pem"), ("VAULT_TOKEN", "t")],
        [("VAULT_TOKEN", "a"), ("BAO_TOKEN", "b")],
        [
            ("VAULT_NAMESPACE", "a/../b"),
            ("VAULT_TOKEN_FILE", "/nowhere"),
        ],
        [
            ("VAULT_SKIP_VERIFY", "perhaps"),
            ("VAULT_AUTH_METHOD", "none"),
        ],
    ] {
        let run_with = |placeholder: &str| {
            let mut command = render_at(&fake.address().replace("http", "https"));
            command.arg("-vvv").envs(settings);
            run(&mut command, manifest(&[placeholder]))
        };
        let output = run_with("plain").success();
        assert_values(&output, &["plain"]);
        for made in ["HTTP client", "login", "done with the server"] {
            assert!(!output.stderr.contains(made), "{}", output.stderr);
        }
        run_with(WANT[0]).code(2);
    }
    assert_eq!(fake.requests().len(), 0);
}

#[test]
fn what_no_header_and_no_path_can_carry_is_refused_before_it_is_sent() {
    let fake = Fake::start(|_, _| Answer::secret("v"));
    for (name, value) in [
        ("VAULT_NAMESPACE", "team-x\r\nX-Evil: 1"),
        ("VAULT_NAMESPACE", "team-x ä"),
        ("VAULT_NAMESPACE", "team-x/../b"),
        ("VAULT_AUTH_NAMESPACE", "team-x\u{7f}"),
        ("VAULT_AUTH_ROLE", "team-x\nb"),
        ("VAULT_AUTH_MOUNT", "team-x/../../sys"),
        ("VAULT_AUTH_MOUNT", "team-x?list=true"),
    ] {
        let mut command = render_at(&fake.address());
        command
            .env("VAULT_AUTH_METHOD", "kubernetes")
            .env("VAULT_AUTH_JWT_FILE", "/nowhere")
            .env("VAULT_AUTH_ROLE", "r")
            .env(name, value);
        let output = run(&mut command, manifest(WANT)).code(2);
        assert_says(&output, &[name]);
        assert!(!output.stderr.contains("team-x"), "{}", output.stderr);
    }
    assert_eq!(fake.requests().len(), 0);
}

#[test]
fn what_names_no_user_is_refused_before_it_is_sent() {
    let fake = Fake::start(|_, _| Answer::secret("v"));
    for (name, value) in [
        ("VAULT_USERNAME", " "),
        ("VAULT_USERNAME", "\u{a0}"),
        ("VAULT_USERNAME", ".."),
        ("VAULT_USERNAME", "."),
        ("BAO_USERNAME", "dev/../../sys"),
        ("AVP_USERNAME", "dev?list=true"),
        ("VAULT_AUTH_MOUNT", " "),
        ("VAULT_AUTH_MOUNT", ".."),
        ("AVP_MOUNT_PATH", "auth/.."),
        ("VAULT_AUTH_MOUNT", "a/\u{a0}/b"),
    ] {
        let mut command = render_at(&fake.address());
        command
            .env("VAULT_AUTH_METHOD", "userpass")
            .env("VAULT_PASSWORD", "open-sesame")
            .env(name, value);
        if !name.ends_with("USERNAME") {
            command.env("VAULT_USERNAME", "dev");
        }
        let output = run(&mut command, manifest(WANT)).code(2);
        assert_once(&output);
        assert_says(&output, &[name]);
        assert!(!output.stderr.contains("VAULT_ADDR"), "{}", output.stderr);
    }
    assert_eq!(fake.requests().len(), 0);
}

#[test]
fn a_redirect_on_the_same_host_is_followed_unasked() {
    let fake = Fake::start(|request, _| match request.target.as_str() {
        "/v1/kv/data/a" => Answer::Full(
            307,
            "Location: /elsewhere/v1/kv/data/a\r\n".to_owned(),
            Vec::new(),
        ),
        _ => Answer::secret("v"),
    });
    let output = read(&fake.address(), &[("VAULT_NAMESPACE", "team")]);
    assert_values(&output.success(), &["v"]);
    let requests = fake.requests();
    let targets: Vec<_> = requests.iter().map(|one| one.target.as_str()).collect();
    assert_eq!(targets, ["/v1/kv/data/a", "/elsewhere/v1/kv/data/a"]);
    for request in requests {
        assert_eq!(request.header("x-vault-token"), Some(ROOT));
        assert_eq!(request.header("x-vault-namespace"), Some("team"));
    }
}

#[test]
fn the_deadline_is_for_all_of_a_run() {
    // no answer is late, and all of them are: 64 at 8 at a time are 8 s
    let fake = Fake::start(|_, _| {
        thread::sleep(Duration::from_secs(1));
        Answer::secret("v")
    });
    let wanted: Vec<_> = (0..64)
        .map(|index| format!("<path:kv/data/s{index}#k>"))
        .collect();
    let wanted: Vec<_> = wanted.iter().map(String::as_str).collect();
    let begin = Instant::now();
    let mut command = render_at(&fake.address());
    command
        .env("VAULT_TOKEN", ROOT)
        .env("GITOPS_FN_TIMEOUT", "2500ms");
    let output = run(&mut command, manifest(&wanted)).code(3);
    assert!(
        begin.elapsed() < Duration::from_secs(7),
        "{:?}",
        begin.elapsed()
    );
    assert_once(&output);
    assert_says(&output, &["did not answer within 2.5 s", "transient"]);
    assert!(fake.requests().len() <= 32, "{}", fake.requests().len());
}

#[test]
fn authorities_that_are_named_replace_those_of_the_system() {
    let (Some(server), Some(other)) = (Server::start_tls(), Server::start_tls()) else {
        return;
    };
    server.secret("kv", "a", &json!({"k": "v"}));
    let right = server.path("tls/vault-ca.pem").display().to_string();
    let wrong = other.path("tls/vault-ca.pem").display().to_string();
    let address = server.tls_address();
    // the system's own, as far as this process is told
    let output = read(&address, &[("SSL_CERT_FILE", &right)]);
    assert_values(&output.success(), &["v"]);
    let output = read(
        &address,
        &[("SSL_CERT_FILE", &right), ("VAULT_CACERT", &wrong)],
    )
    .code(2);
    assert_once(&output);
    assert_says(&output, &["unknown authority"]);
    assert_eq!(server.requests().len(), 1, "{:#?}", server.requests());
}

#[test]
fn a_database_makes_nobody_for_us() {
    let Some(server) = Server::start() else {
        return;
    };
    server.put("sys/mounts/database", &json!({"type": "database"}));
    let reader = server.reader();
    for path in [
        "database/creds/web",
        "database/static-creds/web",
        "database/config/web",
    ] {
        for annotations in [
            "{}",
            r#"{avp.kubernetes.io/kv-version: "1"}"#,
            r#"{avp.kubernetes.io/kv-version: "2"}"#,
        ] {
            let placeholder = format!("<path:{path}#password>");
            let output = run(
                &mut server.render(&reader),
                with_annotations(annotations, &[&placeholder]),
            )
            .code(1);
            assert_says(&output, &[&placeholder, "only KV secrets are read"]);
        }
        assert!(!server.requests().contains(&format!("read {path}")));
    }
    server.assert_no_lease();
}

#[test]
fn a_server_that_does_not_tell_its_mounts_is_not_asked_for_every_path() {
    let fake = Fake::start(|request, _| {
        if request.target.starts_with("/v1/sys/") {
            Answer::error(403, "preflight capability check returned 403")
        } else {
            Answer::secret(&request.target)
        }
    });
    let wanted: Vec<_> = (0..60)
        .map(|index| format!("<path:kv/s{index}#k>"))
        .collect();
    let wanted: Vec<_> = wanted.iter().map(String::as_str).collect();
    let mut command = render_at(&fake.address());
    let output = run(command.env("VAULT_TOKEN", ROOT), manifest(&wanted)).success();
    let values: Vec<_> = (0..60)
        .map(|index| format!("/v1/kv/data/s{index}"))
        .collect();
    let values: Vec<_> = values.iter().map(String::as_str).collect();
    assert_values(&output, &values);
    let requests = fake.requests();
    let asked = requests
        .iter()
        .filter(|one| one.target.starts_with("/v1/sys/"));
    // those that were under way before the first read showed what the mount is
    assert!(asked.clone().count() <= 16, "{}", asked.count());
}
