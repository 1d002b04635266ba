//! Credentials from a Secret of the cluster around us: an API server that only pretends, with the
//! certificate of a Vault in development mode, and the service account of a pod in a mount namespace.

use std::fs;
use std::process::Command;

use serde_json::json;

use super::fake::Answer;
use super::server::Server;
use super::tls::tls_server;
use super::{ROOT, assert_says, assert_values, manifest};
use crate::governed::Governed;
use crate::support::{Output, run};

/// Puts the token and the authority where a pod has them.
const ACCOUNT: &str = "\
mount -t tmpfs tmpfs /run
mkdir -p /run/secrets/kubernetes.io/serviceaccount
printf service-account-token > /run/secrets/kubernetes.io/serviceaccount/token
cp \"$folder/ca.pem\" /run/secrets/kubernetes.io/serviceaccount/ca.crt
";

/// Puts the operator's policy where it belongs.
const POLICY: &str = "cp \"$folder/policy.yaml\" policy.yaml && chmod 644 policy.yaml\n";

/// `render` in a pod whose API server has `answer` for the Secret `argocd/vault`.
#[track_caller]
fn pod(server: &Server, policy: Option<&str>, answer: Answer) -> Option<(Governed, Command)> {
    let setup = policy.map_or(String::new(), |_| POLICY.to_owned()) + ACCOUNT;
    let machine = Governed::with_setup(policy.unwrap_or_default(), &setup)?;
    let authority = server.path("tls/vault-ca.pem");
    fs::copy(authority, machine.folder().join("ca.pem")).unwrap();
    let api = tls_server(server, move |request| {
        assert_eq!(
            request.header("authorization"),
            Some("Bearer service-account-token")
        );
        assert_eq!(request.target, "/api/v1/namespaces/argocd/secrets/vault");
        answer.clone()
    });
    let (host, port) = api.trim_start_matches("https://").split_once(':')?;
    let mut command = machine.gitops_fn();
    command
        .args(["render", "-"])
        .env("KUBERNETES_SERVICE_HOST", host)
        .env("KUBERNETES_SERVICE_PORT", port);
    Some((machine, command))
}

/// A render whose credentials are the Secret that `answer` holds.
#[track_caller]
fn render(
    server: &Server,
    name: &str,
    answer: Answer,
    settings: &[(&str, &str)],
) -> Option<Output> {
    let (_machine, mut command) = pod(server, None, answer)?;
    command
        .args(["--credentials-secret", name])
        .envs(settings.iter().copied());
    Some(run(&mut command, manifest(&["<path:kv/data/a#k>"])))
}

#[test]
fn the_name_in_a_plugin_parameter_counts_only_where_the_policy_lists_it() {
    let Some(server) = Server::start_tls() else {
        return;
    };
    server.secret("kv", "a", &json!({"k": "v"}));
    let policy = |listed: &str| {
        format!(
            "apiVersion: gitops-fn.dev/v1alpha1\nkind: Policy\nmetadata: {{name: p}}\nspec:\n  vault:\n    address: {}\n    auth: {{method: token}}\n  \
             mounts: [{{path: kv, version: 2}}]\n  allow:\n  - {{name: all, paths: [kv/*]}}\n  credentialsSecrets: [{listed}]\n",
            server.address()
        )
    };
    // of a Secret that an application names, only credentials count
    let answer = secret(&[
        ("VAULT_TOKEN", ROOT),
        ("VAULT_ADDR", "http://127.0.0.1:1"),
        ("VAULT_NAMESPACE", "elsewhere"),
    ]);
    for (listed, code) in [("argocd:vault", 0), ("argocd:other", 1)] {
        let policy = policy(listed);
        let Some((_machine, mut command)) = pod(&server, Some(&policy), answer.clone()) else {
            return;
        };
        command.env("ARGOCD_ENV_AVP_SECRET", "vault");
        let output = run(&mut command, manifest(&["<path:kv/data/a#k>"]));
        if code == 0 {
            assert_values(&output.success(), &["v"]);
        } else {
            assert_ne!(output.code, 0, "{}", output.stderr);
            assert_says(&output, &["ARGOCD_ENV_AVP_SECRET"]);
        }
    }
}

fn secret(entries: &[(&str, &str)]) -> Answer {
    let data: serde_json::Map<_, _> = entries
        .iter()
        .map(|(key, value)| {
            use base64::Engine as _;
            let value = base64::engine::general_purpose::STANDARD.encode(value);
            ((*key).to_owned(), value.into())
        })
        .collect();
    let body = json!({"apiVersion": "v1", "kind": "Secret", "data": data}).to_string();
    Answer::Full(200, String::new(), body.into_bytes())
}

#[test]
fn a_secret_of_the_cluster_says_where_vault_is_and_who_we_are() {
    let Some(server) = Server::start_tls() else {
        return;
    };
    server.secret("kv", "a", &json!({"k": "v"}));
    let identity = server.reader();
    let address = server.address();
    let answer = secret(&[
        ("VAULT_ADDR", &address),
        ("AVP_AUTH_TYPE", "approle\n"),
        ("AVP_ROLE_ID", identity.get("VAULT_ROLE_ID")),
        ("AVP_SECRET_ID", identity.get("VAULT_SECRET_ID")),
        ("unrelated", "x"),
    ]);
    for name in ["vault", "argocd:vault"] {
        let Some(output) = render(&server, name, answer.clone(), &[]) else {
            return;
        };
        let output = output.success();
        assert_values(&output, &["v"]);
        assert_eq!(output.stderr, "");
    }
    server.assert_tokens_gone(2);
}

#[test]
fn what_the_environment_and_the_secret_say_differently_is_an_error() {
    let Some(server) = Server::start_tls() else {
        return;
    };
    let answer = secret(&[
        ("VAULT_ADDR", "http://127.0.0.1:1"),
        ("VAULT_TOKEN", "hvs.sentinel"),
    ]);
    let settings = [("VAULT_ADDR", "http://127.0.0.1:2")];
    let Some(output) = render(&server, "vault", answer, &settings) else {
        return;
    };
    let output = output.code(2);
    assert_says(
        &output,
        &["VAULT_ADDR of the environment and VAULT_ADDR of the credentials Secret"],
    );
    assert!(
        !output.stderr.contains("sentinel") && !output.stderr.contains("127.0.0.1"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_secret_that_cannot_be_read_is_told_with_what_to_do() {
    let Some(server) = Server::start_tls() else {
        return;
    };
    let status = |code| Answer::Full(code, String::new(), b"{\"message\":\"sentinel\"}".to_vec());
    for (answer, code, says) in [
        (status(403), 2, "may not read it"),
        (status(404), 2, "it does not exist"),
        (status(503), 3, "(transient)"),
        (
            Answer::Full(200, String::new(), b"[1]".to_vec()),
            2,
            "not a Secret",
        ),
    ] {
        let Some(output) = render(&server, "vault", answer, &[]) else {
            return;
        };
        let output = output.code(code);
        assert_says(&output, &["credentials Secret argocd/vault", says, "help:"]);
        assert!(!output.stderr.contains("sentinel"), "{}", output.stderr);
    }
}

#[test]
fn outside_of_a_cluster_and_beside_a_file_there_are_none() {
    let mut command = crate::support::gitops_fn();
    command.args(["render", "-", "--credentials-secret", "vault"]);
    let output = run(&mut command, manifest(&["<path:kv/a#k>"])).code(2);
    assert_says(&output, &["KUBERNETES_SERVICE_HOST"]);
    let mut command = crate::support::gitops_fn();
    command
        .args(["render", "-", "--credentials-secret", "vault"])
        .env("VAULT_ADDR", "file:secrets.yaml");
    let output = run(&mut command, manifest(&["<path:kv/a#k>"])).code(2);
    assert_says(&output, &["--credentials-secret", "VAULT_ADDR"]);
    for name in ["../x", "a:b:c", "--x", ""] {
        let mut command = crate::support::gitops_fn();
        command.args(["render", "-", &format!("--credentials-secret={name}")]);
        run(&mut command, manifest(&[])).code(2);
    }
}
