//! Two tenants on one plugin: the image, the example's policy, the roles that its `vault/setup` makes on a
//! real Vault, and the real plugin server in the container.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::json;

use super::image::image;
use super::repository::{PASSWORD, Repository, tenant};
use super::server::{Call, Failure, PluginServer};
use super::{assert_hidden, objects};
use crate::support::{clean, path_with, root, run, temp_dir, tool, write_files};
use crate::vault::fake::{Answer, Fake};
use crate::vault::logins::{jwt, jwt_key};
use crate::vault::server::Server;

const OTHERS: &str = "the-other-tenants-own";

/// A Vault that is set up as the example says, behind a cluster that knows the repo-server's service
/// account; the cluster, and that account's token.
#[track_caller]
fn vault() -> Option<(Server, Fake, String)> {
    let server = Server::start()?;
    jwt_key(&server);
    let cluster = Fake::start(|_, _| {
        let user =
            json!({"username": "system:serviceaccount:argocd:argocd-repo-server", "uid": "u-1"});
        Answer::json(
            201,
            &json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
                "status": {"authenticated": true, "user": user, "audiences": ["vault"]}}),
        )
    });
    server.put("sys/auth/kubernetes", &json!({"type": "kubernetes"}));
    let config = json!({
        "kubernetes_host": cluster.address(), "token_reviewer_jwt": jwt(&server, &json!({"sub": "reviewer"})),
        "disable_local_ca_jwt": true
    });
    server.put("auth/kubernetes/config", &config);
    let vault = tool("vault")?;
    run(
        clean(root().join("examples/argocd/vault/setup"))
            .args(["shop", "billing"])
            .env("PATH", path_with(&[vault.parent().unwrap()]))
            .env("HOME", server.path("."))
            .env("VAULT_ADDR", server.address())
            .env("VAULT_TOKEN", crate::vault::server::ROOT),
        "",
    )
    .success();
    server.secret("kv", "shop/shop-prod/web", &json!({"password": PASSWORD}));
    server.secret(
        "kv",
        "billing/billing-prod/web",
        &json!({"password": OTHERS}),
    );
    let claims = json!({
        "iss": "https://kubernetes.default.svc", "sub": "system:serviceaccount:argocd:argocd-repo-server",
        "aud": ["vault"], "exp": 4_000_000_000_u64, "iat": 1_700_000_000, "nbf": 1_700_000_000,
        "kubernetes.io": {"namespace": "argocd", "serviceaccount": {"name": "argocd-repo-server", "uid": "u-1"}}
    });
    let token = jwt(&server, &claims);
    Some((server, cluster, token))
}

/// The policy of examples/argocd, with this server.
fn example_policy(vault: &Server) -> String {
    let policy = fs::read_to_string(root().join("examples/argocd/policy.yaml")).unwrap();
    let here = policy.replace("https://vault.vault.svc:8200", &vault.address());
    assert_ne!(here, policy);
    here
}

/// The sidecar with this policy and this token.
#[track_caller]
fn sidecar(folder: &Path, policy: &str, token: &str) -> Option<PluginServer> {
    write_files(
        folder,
        &[("etc/policy.yaml", policy), ("vault/token", token)],
    );
    for path in ["", "etc", "vault"] {
        fs::set_permissions(folder.join(path), fs::Permissions::from_mode(0o755)).unwrap();
    }
    for path in ["etc/policy.yaml", "vault/token"] {
        fs::set_permissions(folder.join(path), fs::Permissions::from_mode(0o644)).unwrap();
    }
    let mount = |from: &str, to: &str| format!("--volume={}/{from}:{to}:ro", folder.display());
    PluginServer::start_image(
        image()?,
        &[
            "--network=host",
            &mount("etc", "/etc/gitops-fn"),
            &mount("vault", "/var/run/secrets/vault"),
        ],
    )
}

/// What the sidecar gives an Application of `project` that asks for one value.
fn ask(server: &PluginServer, project: &str, path: &str) -> Result<Vec<String>, Failure> {
    let repository = Repository::with_secret(&format!("<path:{path}#password>"));
    let env = tenant(
        project,
        Repository::PATH,
        &[
            // an Application's own wishes
            ("ARGOCD_ENV_VAULT_ADDR", "http://127.0.0.1:1"),
            ("ARGOCD_ENV_ARGOCD_APP_PROJECT_NAME", "billing"),
        ],
    );
    let env: Vec<_> = env
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    server.generate(&Call::new(repository.root(), Repository::PATH, &env))
}

#[test]
fn the_example_keeps_tenants_apart() {
    let Some((vault, _cluster, token)) = vault() else {
        return;
    };
    let folder = temp_dir();
    let Some(server) = sidecar(folder.path(), &example_policy(&vault), &token) else {
        return;
    };

    let own = objects(ask(&server, "shop", "kv/shop/shop-prod/web"));
    assert_eq!(own[0]["stringData"]["value"], PASSWORD);
    let own = objects(ask(&server, "billing", "kv/data/billing/billing-prod/web"));
    assert_eq!(own[0]["stringData"]["value"], OTHERS);
    vault.assert_tokens_gone(2);

    let before = vault.requests();
    for path in [
        "kv/billing/billing-prod/web",
        "kv/data/billing/billing-prod/web",
        "kv/shop/../billing/billing-prod/web",
        "kv/shop/shop-prod/%2e%2e/web",
        "kv/shop/billing-prod/web",
        "auth/token/lookup-self",
    ] {
        let failure = ask(&server, "shop", path).unwrap_err();
        failure.says("failed exit status 1: ");
        assert_hidden(&failure.message, &[OTHERS, PASSWORD, &token]);
    }
    // a project that nobody has listed
    let failure = ask(&server, "warehouse", "kv/warehouse/warehouse-prod/web").unwrap_err();
    failure.says("failed exit status 1: ");
    assert_eq!(vault.requests(), before, "a denial asks nobody");
    assert_hidden(&server.log(), &[OTHERS, PASSWORD, &token]);
}

#[test]
fn vault_keeps_them_apart_too() {
    let Some((vault, _cluster, token)) = vault() else {
        return;
    };
    // an operator's mistake: every project may ask for everything
    let policy = example_policy(&vault).replace("kv/${ARGOCD_APP_PROJECT_NAME}/common", "kv/**");
    let folder = temp_dir();
    let Some(server) = sidecar(folder.path(), &policy, &token) else {
        return;
    };
    let own = objects(ask(&server, "shop", "kv/shop/shop-prod/web"));
    assert_eq!(own[0]["stringData"]["value"], PASSWORD);
    let failure = ask(&server, "shop", "kv/billing/billing-prod/web").unwrap_err();
    failure.says("permission denied for ");
    assert_hidden(&failure.message, &[OTHERS, &token]);
    vault.assert_tokens_gone(2);
}

/// What whoever may write to a repository would try, in the image and against the example's policy; and what the
/// refusal names.
const ATTACKS: &[(&str, &str, &str)] = &[
    (
        "the sidecar's own token",
        "secretGenerator: [{name: a, files: [/var/run/secrets/vault/token]}]\n",
        "/var/run/secrets/vault/token",
    ),
    (
        "the environment of a process",
        "configMapGenerator: [{name: a, files: [/proc/self/environ]}]\n",
        "/proc/self/environ",
    ),
    (
        "the environment of the plugin server",
        "configMapGenerator: [{name: a, envs: [/proc/1/environ]}]\n",
        "/proc/1/environ",
    ),
    (
        "the policy",
        "resources: [/etc/gitops-fn/policy.yaml]\n",
        "/etc/gitops-fn/policy.yaml",
    ),
    (
        "a program",
        "transformers: [\"{apiVersion: v1, kind: A, metadata: {name: a, annotations: {config.kubernetes.io/function: 'exec: {path: /usr/local/bin/helm}'}}}\"]\nresources: [map.yaml]\n",
        "third-party function",
    ),
    (
        "our function with a Vault of its own",
        "transformers: [\"{apiVersion: gitops-fn.dev/v1alpha1, kind: Release, metadata: {name: a, annotations: {config.kubernetes.io/function: 'exec: {path: gitops-fn, envs: [VAULT_ADDR=http://127.0.0.1:1, ARGOCD_APP_PROJECT_NAME=billing]}'}}}\"]\nresources: [others.yaml]\n",
        "kv/billing/billing-prod/web",
    ),
    (
        "a flag of helm's",
        "helmCharts: [{name: web, releaseName: --post-renderer=/usr/local/bin/kustomize}]\n",
        "releaseName",
    ),
    (
        "a chart from elsewhere",
        "helmCharts: [{name: web, repo: 'http://127.0.0.1:1/charts', version: 0.1.0}]\n",
        "chart web",
    ),
    (
        "a remote base",
        "resources: ['http://127.0.0.1:1/base.git//x?ref=main']\n",
        "remote",
    ),
];

#[test]
fn a_hostile_repository_gets_nothing_out_of_the_sidecar() {
    let Some((vault, _cluster, token)) = vault() else {
        return;
    };
    let folder = temp_dir();
    let Some(server) = sidecar(folder.path(), &example_policy(&vault), &token) else {
        return;
    };
    let before = vault.requests();
    for (wish, kustomization, said) in ATTACKS {
        let repository = temp_dir();
        write_files(
            repository.path(),
            &[
                ("app/kustomization.yaml", kustomization),
                (
                    "app/map.yaml",
                    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
                ),
                (
                    "app/others.yaml",
                    "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {p: <path:kv/billing/billing-prod/web#password>}\n",
                ),
                // Argo CD's own way to change an Application from its repository
                (
                    "app/.argocd-source.yaml",
                    "plugin: {env: [{name: VAULT_ADDR, value: 'http://127.0.0.1:1'}]}\n",
                ),
                (
                    "app/charts/web/Chart.yaml",
                    "apiVersion: v2\nname: web\nversion: 0.1.0\n",
                ),
            ],
        );
        let env = tenant("shop", "app", &[]);
        let env: Vec<_> = env
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let answer = server.generate(&Call::new(repository.path(), "app", &env));
        let failure = answer.expect_err(wish);
        assert!(
            failure
                .message
                .contains("`gitops-fn build` failed exit status "),
            "{wish}: {failure:?}"
        );
        assert!(failure.message.contains(said), "{wish}: {failure:?}");
        let hidden = [
            OTHERS,
            PASSWORD,
            &token,
            "ARGOCD_CMP_SERVER_LOGFORMAT=",
            "matchDestinationNamespace",
        ];
        assert_hidden(&failure.message, &hidden);
    }
    assert_eq!(vault.requests(), before, "nobody was asked for anything");
    assert_hidden(&server.log(), &[OTHERS, PASSWORD, &token]);
}

/// Manifests that one reader takes for a Secret, and another for something else or elsewhere; `D` is its data.
const TWO_MEANINGS: [&str; 8] = [
    "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n---#: \"\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: leak, namespace: victim}\n# \"\nD",
    "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nD!!binary a2luZA==: ConfigMap\n",
    "apiVersion: v1\nkind: Secret\nmetadata: {name: x, !!binary bmFtZXNwYWNl: victim}\nD",
    "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n! \"<<\": {kind: ConfigMap}\nD",
    "apiVersion: v1\nkind: Secret\nmetadata: {name: x, ! <<: {namespace: victim}}\nD",
    "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n#\u{85}kind: ConfigMap\nD",
    "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n#\u{2028}kind: ConfigMap\nD",
    "apiVersion: v1\nkind: Secret\nmetadata: {name: x, namespace: victim, annotations: {a: \"\\u2028x: \\\"\\ny\"}}\nq: \"\\\"\\n# y\"\nD",
];

#[test]
fn what_argo_cd_takes_apart_is_what_was_judged() {
    let Some((vault, _cluster, token)) = vault() else {
        return;
    };
    let folder = temp_dir();
    let Some(server) = sidecar(folder.path(), &example_policy(&vault), &token) else {
        return;
    };
    let mut accepted = 0;
    for manifest in TWO_MEANINGS {
        let data = "stringData: {v: '<path:kv/shop/shop-prod/web#password>'}\n";
        let manifest = manifest.replace("\nD", &format!("\n{data}"));
        for kustomization in [None, Some("resources: [all.yaml]\n")] {
            let repository = temp_dir();
            write_files(repository.path(), &[("app/all.yaml", &manifest)]);
            if let Some(kustomization) = kustomization {
                write_files(
                    repository.path(),
                    &[("app/kustomization.yaml", kustomization)],
                );
            }
            let env = tenant("shop", "app", &[]);
            let env: Vec<_> = env
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            let Ok(answer) = server.generate(&Call::new(repository.path(), "app", &env)) else {
                continue;
            };
            accepted += 1;
            for object in objects(Ok(answer)) {
                let holds_value = format!("{object:?}").contains(PASSWORD);
                let at_home =
                    object["kind"] == "Secret" && object["metadata"]["namespace"].is_null();
                assert!(!holds_value || at_home, "{manifest}: {object:?}");
            }
        }
    }
    assert!(accepted > 0, "all of them were refused");
}
