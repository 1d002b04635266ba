//! A real Vault under an operator's policy: the login, the mounts and the authorities that it names.

use serde_json::json;

use super::server::{Server, file};
use super::{ROOT, assert_says, assert_values, manifest};
use crate::governed::Governed;
use crate::support::{Output, run};

/// A policy with this `vault` section, for all that the server of the tests holds.
fn policy(vault: &str) -> String {
    format!(
        "apiVersion: gitops-fn.dev/v1alpha1
kind: Policy
spec:
  vault: {vault}
  mounts: [{{path: kv, version: 2}}, {{path: kv1, version: 1}}, {{path: team/kv, version: 2}}]
  allow:
  - name: own
    paths: ['kv/${{ARGOCD_APP_PROJECT_NAME}}/*', 'kv1/data/*', 'kv1/shop/*', 'team/kv/shop/**']
  limits: {{deadline: 20s}}
"
    )
}

#[track_caller]
fn render(machine: &Governed, env: &[(&str, &str)], placeholders: &[&str]) -> Output {
    let mut command = machine.gitops_fn();
    command
        .args(["render", "-"])
        .env("ARGOCD_APP_PROJECT_NAME", "shop")
        .envs(env.iter().copied());
    run(&mut command, manifest(placeholders))
}

#[test]
fn the_policys_login_reads_what_it_lists_and_asks_nothing_else() {
    let Some(server) = Server::start() else {
        return;
    };
    server.secret("kv", "shop/web", &json!({"k": "two"}));
    server.put("kv1/shop/web", &json!({"k": "one"}));
    server.put("kv1/data/web", &json!({"k": "data-of-one"}));
    server.secret("team/kv", "shop/a/b", &json!({"k": "team"}));
    let identity = server.approle("approle", &json!({"token_policies": ["root-like"]}));
    server.policy("root-like", "path \"*\" { capabilities = [\"read\"] }");
    let folder = server.path("");
    let role = file(&folder, "role", identity.get("VAULT_ROLE_ID"));
    let secret = file(&folder, "secret", identity.get("VAULT_SECRET_ID"));
    let vault = format!(
        "{{address: '{}', auth: {{method: approle, roleIdFile: {role}, secretIdFile: {secret}}}}}",
        server.address()
    );
    let Some(machine) = Governed::new(&policy(&vault)) else {
        return;
    };
    let output = render(
        &machine,
        &[("VAULT_ADDR", "http://127.0.0.1:9"), ("VAULT_TOKEN", "x")],
        &[
            "<path:kv/shop/web#k>",
            "<path:kv/data/shop/web#k>",
            "<path:kv1/shop/web#k>",
            "<path:kv1/data/web#k>",
            "<path:team/kv/shop/a/b#k>",
            "<path:team/kv/data/shop/a/b#k>",
        ],
    )
    .success();
    assert_values(
        &output,
        &["two", "two", "one", "data-of-one", "team", "team"],
    );
    let asked = server.requests();
    // the policy's word is enough but where KV v2 would understand the path otherwise
    let mounts = asked.iter().filter(|one| one.contains("internal/ui"));
    let mounts: Vec<_> = mounts.collect();
    assert_eq!(
        mounts,
        ["read sys/internal/ui/mounts/kv1/data/web"],
        "{asked:?}"
    );
    server.assert_tokens_gone(1);
    // denied, so nobody is asked
    let before = server.requests().len();
    let output = render(
        &machine,
        &[],
        &["<path:kv/billing/web#k>", "<path:kv1/web#k>"],
    )
    .code(1);
    assert_says(&output, &["2 problems", "no rule of the policy"]);
    assert_eq!(server.requests().len(), before);
}

#[test]
fn only_the_policys_authorities_are_trusted() {
    let Some(server) = Server::start_tls() else {
        return;
    };
    server.secret("kv", "shop/web", &json!({"k": "v"}));
    let authority = server.path("tls/vault-ca.pem").display().to_string();
    let env = [
        ("VAULT_TOKEN", ROOT),
        ("VAULT_CACERT", &*authority),
        ("SSL_CERT_FILE", &*authority),
        ("SSL_CERT_DIR", "/nowhere"),
        ("VAULT_SKIP_VERIFY", "true"),
    ];
    let address = server.tls_address();
    let vault = |more: &str| {
        policy(&format!(
            "{{address: '{address}', auth: {{method: token}}{more}}}"
        ))
    };
    let Some(machine) = Governed::new(&vault("")) else {
        return;
    };
    let output = render(&machine, &env, &["<path:kv/shop/web#k>"]).code(2);
    assert_says(&output, &["certificate"]);
    let machine = Governed::new(&vault(&format!(", caFile: {authority}"))).unwrap();
    let output = render(&machine, &env, &["<path:kv/shop/web#k>"]).success();
    assert_values(&output, &["v"]);
    assert_eq!(output.stderr, "");
}
