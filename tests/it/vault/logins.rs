//! Every login that a lone server can check, and that nothing of it stays.

use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::fake::{Answer, Fake};
use super::proxy::{Proxy, Step};
use super::server::{Identity, Server, file, free_port, text};
use super::{ROOT, assert_once, assert_says, assert_values, manifest, render_at};
use crate::support::{Output, clean, gitops_fn, run, temp_dir};

const WANT: &[&str] = &["<path:kv/data/a#k>"];

/// A server with the secret that [`WANT`] asks for.
#[track_caller]
fn server() -> Option<Server> {
    let server = Server::start()?;
    server.secret("kv", "a", &json!({"k": "v"}));
    Some(server)
}

#[track_caller]
fn login(server: &Server, settings: &[(&'static str, &str)]) -> Output {
    let settings = settings
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()));
    run(
        &mut server.render(&Identity(settings.collect())),
        manifest(WANT),
    )
}

/// Checks a login, one read, and that the token is gone.
#[track_caller]
fn assert_logs_in(server: &Server, path: &str, settings: &[(&'static str, &str)]) {
    let (requests, tokens) = (server.requests(), server.our_tokens().len());
    assert_values(&login(server, settings).success(), &["v"]);
    let mut wanted = requests;
    wanted.extend([
        "read kv/data/a".to_owned(),
        format!("update {path}"),
        "update auth/token/revoke-self".to_owned(),
    ]);
    wanted.sort();
    assert_eq!(server.requests(), wanted);
    server.assert_tokens_gone(tokens + 1);
}

/// Checks a refused login: said once, with exit code 2, after a single try.
#[track_caller]
fn assert_refused(server: &Server, path: &str, settings: &[(&'static str, &str)]) -> Output {
    let before = server.requests().len();
    let output = login(server, settings).code(2);
    assert_once(&output);
    let requests = server.requests();
    assert_eq!(requests.len(), before + 1, "{requests:#?}");
    assert!(
        requests.contains(&format!("update {path}")),
        "{requests:#?}"
    );
    output
}

#[test]
fn a_token_of_the_users_is_used_and_left_alone() {
    let Some(server) = server() else { return };
    let token = server.token("reader");
    let before = server.accessors();
    let folder = temp_dir();
    let token_file = file(folder.path(), "token", &format!("{token}\n"));
    for settings in [
        [("VAULT_TOKEN", &*token)],
        [("BAO_TOKEN", &*token)],
        [("VAULT_TOKEN_FILE", &*token_file)],
    ] {
        assert_values(&login(&server, &settings).success(), &["v"]);
    }
    assert_eq!(server.requests(), ["read kv/data/a"; 3]);
    assert_eq!(server.accessors(), before);
}

#[test]
fn a_token_that_is_no_header_value_is_refused_before_it_is_sent() {
    let Some(server) = server() else { return };
    let folder = temp_dir();
    let token_file = file(folder.path(), "token", "one\ntwo\n");
    for settings in [
        [("VAULT_TOKEN", "one\ntwo")],
        [("VAULT_TOKEN", "tökén")],
        [("VAULT_TOKEN_FILE", &*token_file)],
    ] {
        let output = login(&server, &settings).code(2);
        assert_says(&output, &[settings[0].0]);
        assert!(!output.stderr.contains("two"), "{}", output.stderr);
    }
    assert_eq!(server.requests(), [""; 0]);
}

#[test]
fn approle() {
    let Some(server) = server() else { return };
    let role = json!({"token_policies": ["reader"]});
    let identity = server.approle("approle", &role);
    let (role_id, secret_id) = (
        identity.get("VAULT_ROLE_ID"),
        identity.get("VAULT_SECRET_ID"),
    );
    let folder = temp_dir();
    let role_file = file(folder.path(), "role", &format!("{role_id}\n"));
    let secret_file = file(folder.path(), "secret", &format!("{secret_id}\n"));
    let path = "auth/approle/login";
    assert_logs_in(
        &server,
        path,
        &[("VAULT_ROLE_ID", role_id), ("VAULT_SECRET_ID", secret_id)],
    );
    assert_logs_in(
        &server,
        path,
        &[
            ("VAULT_ROLE_ID_FILE", &role_file),
            ("VAULT_SECRET_ID_FILE", &secret_file),
        ],
    );
    assert_logs_in(
        &server,
        path,
        &[
            ("AVP_TYPE", "vault"),
            ("AVP_AUTH_TYPE", "approle"),
            ("AVP_ROLE_ID", role_id),
            ("AVP_SECRET_ID", secret_id),
        ],
    );
    let wrong = "00000000-0000-0000-0000-000000000000";
    let output = assert_refused(
        &server,
        path,
        &[("VAULT_ROLE_ID", role_id), ("VAULT_SECRET_ID", wrong)],
    );
    assert!(
        !output.stderr.contains(role_id) && !output.stderr.contains(wrong),
        "{}",
        output.stderr
    );
}

#[test]
fn approle_at_another_mount() {
    let Some(server) = server() else { return };
    let identity = server.approle("teams/web", &json!({"token_policies": ["reader"]}));
    let (role_id, secret_id) = (
        identity.get("VAULT_ROLE_ID"),
        identity.get("VAULT_SECRET_ID"),
    );
    let path = "auth/teams/web/login";
    for mount in ["teams/web", "auth/teams/web", "auth/teams/web/"] {
        assert_logs_in(
            &server,
            path,
            &[
                ("VAULT_ROLE_ID", role_id),
                ("VAULT_SECRET_ID", secret_id),
                ("VAULT_AUTH_MOUNT", mount),
            ],
        );
    }
    let avp = [
        ("AVP_AUTH_TYPE", "approle"),
        ("AVP_TYPE", "vault"),
        ("AVP_ROLE_ID", role_id),
        ("AVP_SECRET_ID", secret_id),
        ("AVP_MOUNT_PATH", "auth/teams/web"),
    ];
    assert_logs_in(&server, path, &avp);
}

/// A secret id of the role `web`, wrapped.
pub(super) fn wrapped_secret_id(server: &Server) -> String {
    let headers = [("X-Vault-Token", ROOT), ("X-Vault-Wrap-TTL", "60")];
    let answer = server
        .request(
            "PUT",
            "auth/approle/role/web/secret-id",
            &headers,
            &json!({}),
        )
        .1;
    text(&answer["wrap_info"]["token"]).to_owned()
}

#[test]
fn a_wrapped_secret_id() {
    let Some(server) = server() else { return };
    let identity = server.reader();
    let role_id = identity.get("VAULT_ROLE_ID");
    let wrapping = wrapped_secret_id(&server);
    let settings = [
        ("VAULT_ROLE_ID", role_id),
        ("VAULT_WRAPPED_SECRET_ID", &*wrapping),
    ];
    assert_values(&login(&server, &settings).success(), &["v"]);
    server.assert_tokens_gone(1);
    // it can be used once: whoever comes second learns that somebody came first
    let output = login(&server, &settings).code(2);
    assert_once(&output);
    assert_says(&output, &["wrap"]);
    assert!(!output.stderr.contains(&wrapping));

    let folder = temp_dir();
    let wrapping = file(
        folder.path(),
        "wrapped",
        &format!("{}\n", wrapped_secret_id(&server)),
    );
    let settings = [
        ("VAULT_ROLE_ID", role_id),
        ("VAULT_WRAPPED_SECRET_ID_FILE", &*wrapping),
    ];
    assert_values(&login(&server, &settings).success(), &["v"]);
}

#[test]
fn a_wrapped_secret_id_of_ones_own() {
    let Some(server) = server() else { return };
    let identity = server.reader();
    let headers = [("X-Vault-Token", ROOT), ("X-Vault-Wrap-TTL", "60")];
    let path = "auth/approle/role/web/custom-secret-id";
    let body = json!({"secret_id": "of-our-own-7f3b9c2e"});
    let answer = server.request("PUT", path, &headers, &body).1;
    let settings = [
        ("VAULT_ROLE_ID", identity.get("VAULT_ROLE_ID")),
        (
            "VAULT_WRAPPED_SECRET_ID",
            text(&answer["wrap_info"]["token"]),
        ),
    ];
    assert_values(&login(&server, &settings).success(), &["v"]);
    server.assert_tokens_gone(1);
}

#[test]
fn what_was_wrapped_elsewhere_is_not_unwrapped() {
    let Some(server) = server() else { return };
    let identity = server.reader();
    let headers = [("X-Vault-Token", ROOT), ("X-Vault-Wrap-TTL", "60")];
    let body = json!({"secret_id": identity.get("VAULT_SECRET_ID")});
    let answer = server
        .request("PUT", "sys/wrapping/wrap", &headers, &body)
        .1;
    let wrapping = text(&answer["wrap_info"]["token"]);
    let settings = [
        ("VAULT_ROLE_ID", identity.get("VAULT_ROLE_ID")),
        ("VAULT_WRAPPED_SECRET_ID", wrapping),
    ];
    let output = login(&server, &settings).code(2);
    assert_once(&output);
    assert_says(&output, &["VAULT_WRAPPED_SECRET_ID", "sys/wrapping/wrap"]);
    // nor what another mount's role has wrapped
    let foreign = wrapped_secret_id(&server);
    let settings = [
        ("VAULT_ROLE_ID", identity.get("VAULT_ROLE_ID")),
        ("VAULT_WRAPPED_SECRET_ID", &*foreign),
        ("VAULT_AUTH_MOUNT", "auth/teams"),
    ];
    let output = login(&server, &settings).code(2);
    assert_once(&output);
    assert_says(&output, &["auth/approle/role/web/secret-id", "auth/teams"]);
    // it is still there
    let (status, _) = server.request(
        "PUT",
        "sys/wrapping/unwrap",
        &[("X-Vault-Token", wrapping)],
        &json!({}),
    );
    assert_eq!(status, 200);
    server.assert_tokens_gone(0);
}

/// A pipe that nobody writes into.
#[track_caller]
fn pipe(path: &std::path::Path) {
    let made = clean("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}

#[test]
fn a_file_without_end_is_not_begun() {
    let fake = Fake::start(|_, _| Answer::secret("v"));
    let folder = temp_dir();
    pipe(&folder.path().join("pipe"));
    std::os::unix::fs::symlink("pipe", folder.path().join("link")).unwrap();
    let long = file(folder.path(), "long", &"a".repeat((1 << 20) + 1));
    let path = |name| folder.path().join(name).display().to_string();
    for (value, says) in [
        (&*path("pipe"), "is not a regular file"),
        (&path("link"), "is not a regular file"),
        ("/dev/zero", "is not a regular file"),
        (&path(""), "is not a regular file"),
        (&long, "is longer than 1048576 bytes"),
        (&path("none"), "cannot be read"),
    ] {
        for (name, beside) in [
            ("VAULT_TOKEN_FILE", &[][..]),
            ("VAULT_SECRET_ID_FILE", &[("VAULT_ROLE_ID", "r")]),
            (
                "VAULT_AUTH_JWT_FILE",
                &[("VAULT_AUTH_ROLE", "r"), ("VAULT_AUTH_METHOD", "jwt")],
            ),
        ] {
            let mut command = render_at(&fake.address());
            command.env(name, value).envs(beside.iter().copied());
            let output = run(&mut command, manifest(WANT)).code(2);
            assert_once(&output);
            assert_says(&output, &[&format!("the file of {name} {says}: {value}")]);
        }
        for (name, beside) in [
            ("VAULT_CACERT", &[][..]),
            (
                "VAULT_CLIENT_CERT",
                &[("VAULT_CLIENT_KEY", "key"), ("VAULT_SKIP_VERIFY", "1")],
            ),
        ] {
            let address = fake.address().replace("http:", "https:");
            let mut command = render_at(&address);
            command
                .env("VAULT_TOKEN", "t")
                .env(name, value)
                .envs(beside.iter().copied());
            let output = run(&mut command, manifest(WANT)).code(2);
            assert_says(&output, &[&format!("{name} {says}: {value}")]);
        }
    }
    assert_eq!(fake.requests().len(), 0);
}

#[test]
fn a_credential_through_links_and_from_what_a_shell_hands_over() {
    let fake = Fake::start(|_, _| Answer::secret("v"));
    let folder = temp_dir();
    let manifests = file(folder.path(), "web.yaml", &manifest(WANT));
    // as Kubernetes projects a token
    std::fs::create_dir(folder.path().join("..2026")).unwrap();
    file(&folder.path().join("..2026"), "token", "t-given\n");
    std::os::unix::fs::symlink("..2026", folder.path().join("..data")).unwrap();
    std::os::unix::fs::symlink("..data/token", folder.path().join("token")).unwrap();
    let projected = folder.path().join("token").display().to_string();
    for path in [&projected, "/dev/stdin", "/dev/fd/0"] {
        let mut command = gitops_fn();
        command
            .args(["render", &manifests])
            .env("VAULT_ADDR", fake.address())
            .env("VAULT_TOKEN_FILE", path);
        assert_values(&run(&mut command, "t-given\n").success(), &["v"]);
    }
    let requests = fake.requests();
    assert_eq!(requests.len(), 3);
    for request in requests {
        assert_eq!(request.header("x-vault-token"), Some("t-given"));
    }
}

#[test]
fn a_login_is_not_retried_where_that_could_use_up_a_secret_id() {
    let Some(server) = server() else { return };
    let identity = server.reader();
    // the answer to the login is lost
    let proxy = Proxy::start(server.host(), |request, _| {
        if request.target.ends_with("/login") {
            Step::Answer(Answer::Bytes(
                b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".to_vec(),
            ))
        } else {
            Step::Forward
        }
    });
    let output = run(
        identity.on(&mut render_at(&proxy.address())),
        manifest(WANT),
    )
    .code(3);
    assert_says(&output, &["transient"]);
    assert_eq!(proxy.requests().len(), 1, "{:#?}", proxy.requests());
}

/// The answer to a login.
fn logged_in() -> Value {
    json!({
        "request_id": "", "lease_id": "", "renewable": false, "lease_duration": 0, "data": null,
        "wrap_info": null, "warnings": null,
        "auth": {
            "client_token": "t-made", "accessor": "a", "policies": ["p"], "token_policies": ["p"], "metadata": null,
            "lease_duration": 60, "renewable": true, "entity_id": "", "token_type": "service", "orphan": true
        }
    })
}

// a server without a licence has no namespaces, so this one only pretends
#[test]
fn a_login_in_another_namespace() {
    let fake = Fake::start(|request, _| match &*request.target {
        "/v1/auth/approle/login" => Answer::json(200, &logged_in()),
        "/v1/auth/token/revoke-self" => Answer::Full(204, String::new(), Vec::new()),
        _ => Answer::secret("v"),
    });
    for (settings, login, reads) in [
        (
            &[("VAULT_NAMESPACE", "team/a")][..],
            Some("team/a"),
            Some("team/a"),
        ),
        (&[("VAULT_AUTH_NAMESPACE", "people")], Some("people"), None),
        (
            &[
                ("VAULT_NAMESPACE", "/team/a/"),
                ("VAULT_AUTH_NAMESPACE", "people/"),
            ],
            Some("people"),
            Some("team/a"),
        ),
        (&[("BAO_NAMESPACE", "team")], Some("team"), Some("team")),
        (&[], None, None),
    ] {
        let before = fake.requests().len();
        let output = run(
            render_at(&fake.address())
                .env("VAULT_ROLE_ID", "r")
                .env("VAULT_SECRET_ID", "s")
                .envs(settings.iter().copied()),
            manifest(WANT),
        );
        assert_values(&output.success(), &["v"]);
        let seen: Vec<_> = fake.requests()[before..]
            .iter()
            .map(|request| {
                let header = |name| request.header(name).map(ToOwned::to_owned);
                (
                    request.target.clone(),
                    header("x-vault-namespace"),
                    header("x-vault-token"),
                )
            })
            .collect();
        let row = |target: &str, namespace: Option<&str>, token: Option<&str>| {
            (
                target.to_owned(),
                namespace.map(ToOwned::to_owned),
                token.map(ToOwned::to_owned),
            )
        };
        // a token lives where its login was made, and is given back there
        assert_eq!(
            seen,
            [
                row("/v1/auth/approle/login", login, None),
                row("/v1/kv/data/a", reads, Some("t-made")),
                row("/v1/auth/token/revoke-self", login, Some("t-made")),
            ],
            "{settings:?}"
        );
    }
}

#[test]
fn userpass() {
    let Some(server) = server() else { return };
    for mount in ["userpass", "people"] {
        server.put(&format!("sys/auth/{mount}"), &json!({"type": "userpass"}));
        let user = json!({"password": "open-sesame", "token_policies": ["reader"]});
        server.put(&format!("auth/{mount}/users/dev"), &user);
    }
    let folder = temp_dir();
    let password = file(folder.path(), "password", "open-sesame\n");
    let path = "auth/userpass/login/dev";
    assert_logs_in(
        &server,
        path,
        &[("VAULT_USERNAME", "dev"), ("VAULT_PASSWORD", "open-sesame")],
    );
    assert_logs_in(
        &server,
        path,
        &[
            ("VAULT_USERNAME", "dev"),
            ("VAULT_PASSWORD_FILE", &password),
        ],
    );
    assert_logs_in(
        &server,
        path,
        &[
            ("AVP_TYPE", "vault"),
            ("AVP_AUTH_TYPE", "userpass"),
            ("AVP_USERNAME", "dev"),
            ("AVP_PASSWORD", "open-sesame"),
        ],
    );
    assert_logs_in(
        &server,
        "auth/people/login/dev",
        &[
            ("VAULT_USERNAME", "dev"),
            ("VAULT_PASSWORD", "open-sesame"),
            ("VAULT_AUTH_MOUNT", "people"),
        ],
    );
    let output = assert_refused(
        &server,
        path,
        &[("VAULT_USERNAME", "dev"), ("VAULT_PASSWORD", "open-barley")],
    );
    assert!(!output.stderr.contains("barley"), "{}", output.stderr);
}

/// A JWT with these claims, signed by the server's own key `jwt` (ES256).
pub(crate) fn jwt(server: &Server, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!(
        "{}.{}",
        part(&json!({"alg": "ES256", "typ": "JWT"})),
        part(claims)
    );
    let body = json!({"input": STANDARD.encode(&signed), "marshaling_algorithm": "jws"});
    let answer = server.put("transit/sign/jwt/sha2-256", &body);
    let signature = text(&answer["data"]["signature"])
        .rsplit(':')
        .next()
        .unwrap();
    format!("{signed}.{signature}")
}

/// Makes the key for [`jwt`]; its public half as PEM.
pub(crate) fn jwt_key(server: &Server) -> String {
    server.put("sys/mounts/transit", &json!({"type": "transit"}));
    server.put("transit/keys/jwt", &json!({"type": "ecdsa-p256"}));
    let key = server.get("transit/keys/jwt");
    text(&key["data"]["keys"]["1"]["public_key"]).to_owned()
}

/// Makes the role `ci` for what [`jwt`] signs.
pub(crate) fn jwt_role(server: &Server) {
    let key = jwt_key(server);
    server.put("sys/auth/jwt", &json!({"type": "jwt"}));
    server.put("auth/jwt/config", &json!({"jwt_validation_pubkeys": [key]}));
    let role = json!({
        "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"], "token_policies": ["reader"]
    });
    server.put("auth/jwt/role/ci", &role);
}

#[test]
fn jwt_with_keys_of_our_own() {
    let Some(server) = server() else { return };
    jwt_role(&server);
    let folder = temp_dir();
    let claims = json!({"sub": "pipeline", "aud": "vault", "iat": 1_700_000_000, "nbf": 1_700_000_000, "exp": 4_000_000_000_u64});
    let good = file(
        folder.path(),
        "good",
        &format!("{}\n", jwt(&server, &claims)),
    );
    assert_logs_in(
        &server,
        "auth/jwt/login",
        &[
            ("VAULT_AUTH_METHOD", "jwt"),
            ("VAULT_AUTH_ROLE", "ci"),
            ("VAULT_AUTH_JWT_FILE", &good),
        ],
    );
    let claims = json!({"sub": "pipeline", "aud": "elsewhere", "iat": 1_700_000_000, "nbf": 1_700_000_000, "exp": 4_000_000_000_u64});
    let token = jwt(&server, &claims);
    let bad = file(folder.path(), "bad", &token);
    let output = assert_refused(
        &server,
        "auth/jwt/login",
        &[
            ("VAULT_AUTH_METHOD", "jwt"),
            ("VAULT_AUTH_ROLE", "ci"),
            ("VAULT_AUTH_JWT_FILE", &bad),
        ],
    );
    assert!(!output.stderr.contains(&token[..40]), "{}", output.stderr);
}

#[test]
fn kubernetes() {
    let Some(server) = server() else { return };
    jwt_key(&server);
    let kubernetes = Fake::start(|request, _| {
        let token = request.json()["spec"]["token"].clone();
        let good =
            !token.is_null() && request.target == "/apis/authentication.k8s.io/v1/tokenreviews";
        let user = json!({"username": "system:serviceaccount:argocd:repo-server", "uid": "u-1", "groups": ["system:serviceaccounts"]});
        Answer::json(
            201,
            &json!({
                "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
                "status": {"authenticated": good, "user": user, "audiences": ["vault"]}
            }),
        )
    });
    server.put("sys/auth/kubernetes", &json!({"type": "kubernetes"}));
    let config = json!({
        "kubernetes_host": kubernetes.address(), "token_reviewer_jwt": jwt(&server, &json!({"sub": "reviewer"})),
        "disable_local_ca_jwt": true
    });
    server.put("auth/kubernetes/config", &config);
    let role = json!({
        "bound_service_account_names": ["repo-server"], "bound_service_account_namespaces": ["argocd"],
        "token_policies": ["reader"], "audience": "vault"
    });
    server.put("auth/kubernetes/role/argocd", &role);
    let claims = json!({
        "iss": "https://kubernetes.default.svc", "sub": "system:serviceaccount:argocd:repo-server", "aud": ["vault"],
        "exp": 4_000_000_000_u64, "iat": 1_700_000_000, "nbf": 1_700_000_000,
        "kubernetes.io": {"namespace": "argocd", "serviceaccount": {"name": "repo-server", "uid": "u-1"}}
    });
    let folder = temp_dir();
    let jwt = file(
        folder.path(),
        "token",
        &format!("{}\n", jwt(&server, &claims)),
    );
    let path = "auth/kubernetes/login";
    assert_logs_in(
        &server,
        path,
        &[
            ("VAULT_AUTH_METHOD", "kubernetes"),
            ("VAULT_AUTH_ROLE", "argocd"),
            ("VAULT_AUTH_JWT_FILE", &jwt),
        ],
    );
    assert_logs_in(
        &server,
        path,
        &[
            ("AVP_TYPE", "vault"),
            ("AVP_AUTH_TYPE", "k8s"),
            ("AVP_K8S_ROLE", "argocd"),
            ("AVP_K8S_TOKEN_PATH", &jwt),
            ("AVP_K8S_MOUNT_PATH", "auth/kubernetes"),
        ],
    );
    assert_refused(
        &server,
        path,
        &[
            ("VAULT_AUTH_METHOD", "kubernetes"),
            ("VAULT_AUTH_ROLE", "another"),
            ("VAULT_AUTH_JWT_FILE", &jwt),
        ],
    );
    assert!(!kubernetes.requests().is_empty());
}

#[test]
fn github() {
    let Some(server) = server() else { return };
    let github = Fake::start(|request, _| {
        if request.header("authorization") != Some("Bearer ghp_right") {
            return Answer::json(401, &json!({"message": "Bad credentials"}));
        }
        let path = request.target.split('?').next().unwrap_or_default();
        match path {
            "/user" => Answer::json(200, &json!({"login": "dev", "id": 7})),
            "/user/orgs" => Answer::json(200, &json!([{"login": "acme", "id": 1}])),
            "/user/teams" => Answer::json(200, &json!([])),
            _ => Answer::json(404, &json!({})),
        }
    });
    server.put("sys/auth/github", &json!({"type": "github"}));
    let config = json!({"organization": "acme", "organization_id": 1, "base_url": format!("{}/", github.address())});
    server.put("auth/github/config", &config);
    server.put("auth/github/map/users/dev", &json!({"value": "reader"}));
    let path = "auth/github/login";
    assert_logs_in(&server, path, &[("VAULT_GITHUB_TOKEN", "ghp_right")]);
    assert_logs_in(
        &server,
        path,
        &[
            ("AVP_TYPE", "vault"),
            ("AVP_AUTH_TYPE", "github"),
            ("AVP_GITHUB_TOKEN", "ghp_right"),
        ],
    );
    assert_eq!(github.requests()[0].target, "/user");
}

/// A real `vault proxy` that logs in itself; it ends when the value is dropped.
struct AutoAuth(Child);

impl Drop for AutoAuth {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn none_through_a_vault_proxy_that_logs_in_itself() {
    let Some(server) = server() else { return };
    let identity = server.reader();
    let folder = temp_dir();
    let role_id = file(folder.path(), "role", identity.get("VAULT_ROLE_ID"));
    let secret_id = file(folder.path(), "secret", identity.get("VAULT_SECRET_ID"));
    let port = free_port();
    let config = file(
        folder.path(),
        "proxy.hcl",
        &format!(
            "vault {{ address = \"{}\" }}
auto_auth {{
  method {{
    type = \"approle\"
    config = {{
      role_id_file_path = \"{role_id}\"
      secret_id_file_path = \"{secret_id}\"
      remove_secret_id_file_after_reading = false
    }}
  }}
}}
api_proxy {{ use_auto_auth_token = true }}
listener \"tcp\" {{
  address = \"127.0.0.1:{port}\"
  tls_disable = true
  require_request_header = true
}}
",
            server.address()
        ),
    );
    let child = server
        .vault()
        .arg("proxy")
        .arg(format!("-config={config}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let proxy = AutoAuth(child);
    let begin = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() || server.accessors().len() < 2
    {
        assert!(
            begin.elapsed() < Duration::from_secs(30),
            "the proxy did not start"
        );
        thread::sleep(Duration::from_millis(20));
    }
    let address = format!("http://127.0.0.1:{port}");
    let before = server.accessors();
    let settings = [
        vec![
            ("VAULT_AGENT_ADDR", &*address),
            ("VAULT_ADDR", "http://127.0.0.1:9"),
        ],
        vec![("VAULT_AUTH_METHOD", "none"), ("VAULT_ADDR", &*address)],
    ];
    for settings in settings {
        let output = run(render_at("").envs(settings), manifest(WANT));
        assert_values(&output.success(), &["v"]);
    }
    assert_eq!(server.accessors(), before);
    drop(proxy);
}

#[test]
fn a_batch_token_is_not_revoked() {
    let Some(server) = server() else { return };
    let identity = server.approle(
        "approle",
        &json!({"token_policies": ["reader"], "token_type": "batch"}),
    );
    let output = run(&mut server.render(&identity), manifest(WANT));
    assert_values(&output.success(), &["v"]);
    assert_eq!(
        server.requests(),
        ["read kv/data/a", "update auth/approle/login"]
    );
}

/// A login by `AppRole` whose token has no policy but that of the entity behind it.
#[track_caller]
fn entity(server: &Server) -> Identity {
    let identity = server.approle("approle", &json!({"token_no_default_policy": true}));
    let rules = "path \"+/*\" { capabilities = [\"read\"] }\n\
         path \"auth/token/revoke-self\" { capabilities = [\"update\"] }";
    server.policy("entity", rules);
    let mounts = server.get("sys/auth");
    let entity = server.put("identity/entity", &json!({"policies": ["entity"]}));
    server.put(
        "identity/entity-alias",
        &json!({
            "name": identity.get("VAULT_ROLE_ID"),
            "canonical_id": entity["data"]["id"],
            "mount_accessor": mounts["data"]["approle/"]["accessor"],
        }),
    );
    identity
}

#[test]
fn a_login_whose_policies_come_from_its_entity_alone() {
    let Some(server) = server() else { return };
    let identity = entity(&server);
    let output = run(&mut server.render(&identity), manifest(WANT)).success();
    assert_values(&output, &["v"]);
    assert_eq!(output.stderr, "");
    server.assert_tokens_gone(1);
}

#[test]
fn a_login_that_wants_a_second_factor_says_so() {
    let Some(server) = server() else { return };
    let identity = server.reader();
    let mounts = server.get("sys/auth");
    let method = server.put(
        "identity/mfa/method/totp",
        &json!({"issuer": "x", "period": 30, "key_size": 20, "algorithm": "SHA256", "digits": 6}),
    );
    server.put(
        "identity/mfa/login-enforcement/all",
        &json!({
            "mfa_method_ids": [method["data"]["method_id"]],
            "auth_method_accessors": [mounts["data"]["approle/"]["accessor"]],
        }),
    );
    let output = run(&mut server.render(&identity), manifest(WANT)).code(2);
    assert_once(&output);
    assert_says(
        &output,
        &["auth/approle", "(MFA)", "identity/mfa/login-enforcement"],
    );
    assert_eq!(server.requests(), ["update auth/approle/login"]);
}

/// Settings of a role whose tokens may do nothing but read.
fn may_only_read() -> Value {
    json!({"token_policies": ["reader"], "token_no_default_policy": true, "token_ttl": "10m"})
}

#[test]
fn a_token_that_its_policy_does_not_let_go_is_told() {
    let Some(server) = server() else { return };
    let identity = server.approle("approle", &may_only_read());
    let output = run(&mut server.render(&identity), manifest(WANT)).success();
    assert_values(&output, &["v"]);
    let lines: Vec<_> = output.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{}", output.stderr);
    let minutes = lines[0]
        .strip_prefix("warning: the token of this run was not revoked: it stays valid for another ")
        .and_then(|rest| rest.strip_suffix(" minutes"))
        .and_then(|minutes| minutes.parse().ok());
    assert!(
        minutes.is_some_and(|minutes: u32| (5..=10).contains(&minutes)),
        "{}",
        output.stderr
    );
    let help =
        r#"help: the policy needs: path "auth/token/revoke-self" { capabilities = ["update"] }"#;
    assert_eq!(lines[1], help);
    // a failure keeps its own exit code, and a file is written like standard output
    let output = run(
        &mut server.render(&identity),
        manifest(&["<path:kv/data/none#k>"]),
    )
    .code(1);
    assert_once(&output);
    assert_says(&output, &["warning: the token of this run was not revoked"]);
    let folder = temp_dir();
    let out = folder.path().join("out.yaml");
    let output = run(server.render(&identity).arg("-o").arg(&out), manifest(WANT)).success();
    assert_says(&output, &["warning: the token of this run was not revoked"]);
    assert!(out.is_file());
}

#[test]
fn a_token_that_is_used_up_has_gone_by_itself() {
    let Some(server) = server() else { return };
    let mut role = may_only_read();
    role["token_num_uses"] = 1.into();
    let identity = server.approle("approle", &role);
    let output = run(&mut server.render(&identity), manifest(WANT)).success();
    assert_values(&output, &["v"]);
    assert_eq!(output.stderr, "");
    server.assert_tokens_gone(1);
}

#[test]
fn a_server_that_does_not_take_a_token_back_is_told() {
    for (lease, says) in [(60, "seconds"), (0, "and it never expires")] {
        let fake = Fake::start(move |request, _| match &*request.target {
            "/v1/auth/approle/login" => {
                let mut answer = logged_in();
                answer["auth"]["lease_duration"] = lease.into();
                Answer::json(200, &answer)
            }
            "/v1/auth/token/revoke-self" => Answer::error(500, "internal error"),
            _ => Answer::secret("v"),
        });
        let mut command = render_at(&fake.address());
        command
            .env("VAULT_ROLE_ID", "r")
            .env("VAULT_SECRET_ID", "s");
        let output = run(&mut command, manifest(WANT)).success();
        assert_values(&output, &["v"]);
        assert_says(
            &output,
            &[
                "warning: the token of this run was not revoked",
                says,
                "its log",
            ],
        );
        assert!(!output.stderr.contains("internal"), "{}", output.stderr);
    }
}

#[test]
fn settings_that_contradict_each_other_name_both() {
    let Some(server) = server() else { return };
    for settings in [
        [("VAULT_TOKEN", "a"), ("BAO_TOKEN", "b")],
        [("VAULT_TOKEN", "a"), ("VAULT_TOKEN_FILE", "/nowhere")],
        [("VAULT_TOKEN", "a"), ("VAULT_ROLE_ID", "b")],
        [("VAULT_GITHUB_TOKEN", "a"), ("AVP_GITHUB_TOKEN", "b")],
    ] {
        let output = login(&server, &settings).code(2);
        assert_says(&output, &[settings[0].0, settings[1].0]);
    }
    let output = login(&server, &[]).code(2);
    assert_says(&output, &["VAULT_TOKEN"]);
    assert_eq!(server.requests(), [""; 0]);
}

#[test]
fn credentials_never_come_from_plugin_parameters() {
    let Some(server) = server() else { return };
    let output = login(
        &server,
        &[
            ("ARGOCD_ENV_VAULT_TOKEN", ROOT),
            ("PARAM_VAULT_TOKEN", ROOT),
        ],
    )
    .code(2);
    assert_says(&output, &["ARGOCD_ENV_VAULT_TOKEN"]);
    assert_eq!(server.requests(), [""; 0]);
}

#[test]
fn without_an_agent_that_adds_one_no_token_is_sent() {
    let Some(server) = Server::start() else {
        return;
    };
    server.secret("kv", "a", &json!({"k": "v"}));
    let read = |address: &str| {
        let mut command = render_at(address);
        command.env("VAULT_AUTH_METHOD", "none");
        run(&mut command, manifest(&["<path:kv/data/a#k>"])).code(1)
    };
    assert_says(
        &read(&server.address()),
        &["no token was sent", "auto-auth"],
    );
    // what the real one says of a token without the right
    let fake =
        Fake::start(|_, _| Answer::error(403, "1 error occurred:\n\t* permission denied\n\n"));
    assert_says(
        &read(&fake.address()),
        &["the policy needs: path \"kv/data/a\""],
    );
}
