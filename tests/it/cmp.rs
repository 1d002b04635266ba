//! Tests the plugin as Argo CD runs it: requests to Argo CD's real plugin server with our plugin file, over its socket.
//! Also tests the sidecar's image, and many concurrent builds.

mod hydrator;
mod image;
#[cfg(target_os = "linux")]
mod many;
mod proto;
mod repository;
mod server;
mod tenants;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::json;
use serde_yaml::Value;

use crate::support::{documents, root, temp_dir, write_files};
use crate::vault::fake::Answer;
use crate::vault::proxy::{Proxy, Step};
use crate::vault::server::{Identity, Server};
use repository::{PASSWORD, Repository, argocd};
use server::{Call, Failure, PluginServer};

fn plugin() -> PathBuf {
    root().join("examples/argocd/plugin.yaml")
}

/// Starts the plugin server with our plugin file, and with `env` in addition to the environment of a sidecar.
#[track_caller]
fn start(env: &[(&str, &str)]) -> Option<PluginServer> {
    PluginServer::start(&plugin(), "avp-kustomize", env)
}

/// The manifests of an answer, as objects.
#[track_caller]
fn objects(answer: Result<Vec<String>, Failure>) -> Vec<Value> {
    let manifests = answer.unwrap_or_else(|failure| panic!("{failure:?}"));
    manifests.iter().flat_map(|text| documents(text)).collect()
}

/// Checks that `text` holds no secret of `server`.
#[track_caller]
fn assert_hidden(text: &str, what: &[&str]) {
    for secret in what {
        assert!(!text.contains(secret), "{secret}:\n{text}");
    }
}

#[test]
fn the_example_is_what_it_is_under_kustomize() {
    let store = root().join("examples/kustomize/secrets.yaml");
    let store = format!("file:{}", store.display());
    let Some(server) = start(&[("VAULT_ADDR", &store)]) else {
        return;
    };
    let env = argocd("overlay", &[]);
    let env: Vec<_> = env
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let repository = root().join("examples/kustomize");
    let found = objects(server.generate(&Call::new(&repository, "overlay", &env)));
    let expected = fs::read_to_string(repository.join("expected.yaml")).unwrap();
    assert_eq!(found, documents(&expected));
}

/// Starts the plugin server with the settings that it needs to read from this Vault.
fn start_with(vault: &Server, reader: &Identity) -> Option<PluginServer> {
    let address = vault.address();
    let mut sidecar = vec![("VAULT_ADDR", address.as_str())];
    sidecar.extend(reader.0.iter().map(|(name, value)| (*name, value.as_str())));
    start(&sidecar)
}

#[test]
fn a_repository_of_the_old_plugin_is_built_with_a_real_vault() {
    let Some(vault) = Server::start() else { return };
    vault.secret(
        "kv",
        "shop/web",
        &json!({"password": PASSWORD, "user": "shop"}),
    );
    let reader = vault.reader();
    let Some(server) = start_with(&vault, &reader) else {
        return;
    };
    let repository = Repository::new();
    // whoever edits the Application would like the credentials for themselves
    let env = argocd(
        Repository::PATH,
        &[
            ("ARGOCD_ENV_APP_REPO", "acme/shop-web"),
            ("ARGOCD_ENV_IMAGE_NAME", "registry.example/acme/shop-web"),
            ("ARGOCD_ENV_IMAGE_TAG", "1.10"),
            ("ARGOCD_ENV_VAULT_ADDR", "http://127.0.0.1:1"),
            ("ARGOCD_ENV_AVP_PATH_VALIDATION", "^nothing$"),
        ],
    );
    let env: Vec<_> = env
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let call = Call::new(repository.root(), Repository::PATH, &env);
    let found = objects(server.generate(&call));
    Repository::assert_built(&found);

    vault.assert_tokens_gone(1);
    let log = server.log();
    assert!(
        log.contains("ARGOCD_ENV_VAULT_ADDR"),
        "it is said that it is ignored:\n{log}"
    );
    let credentials: Vec<_> = reader.0.iter().map(|(_, value)| value.as_str()).collect();
    assert_hidden(&log, &[PASSWORD]);
    assert_hidden(&log, &credentials);
    // the server has removed the checkout, and we nothing that it would miss
    assert_eq!(server.left_over(), 1, "its own folder");
}

#[test]
fn error_texts_hold_no_secret() {
    let Some(vault) = Server::start() else { return };
    vault.secret(
        "kv",
        "shop/web",
        &json!({"password": PASSWORD, "map": {"inner": PASSWORD}}),
    );
    let reader = vault.reader();
    let Some(server) = start_with(&vault, &reader) else {
        return;
    };
    let env = argocd(Repository::PATH, &[]);
    let env: Vec<_> = env
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let mut hidden: Vec<_> = reader.0.iter().map(|(_, value)| value.as_str()).collect();
    let encoded = Repository::encoded(PASSWORD);
    hidden.extend([PASSWORD, &encoded, "literal-in-the-file"]);
    for (placeholder, said) in [
        ("<path:kv/shop/web#nokey>", "missing Vault value"),
        ("<path:kv/shop/nothing#password>", "there is no secret"),
        ("<path:kv/shop/web#password | base64decode>", "base64decode"),
        ("<path:kv/shop/web#password | jsonParse>", "jsonParse"),
        (
            "<path:kv/shop/web#map | jsonPath {.inner[?(@.x)]}>",
            "jsonPath",
        ),
        ("<path:kv/shop/web#map | sha256sum>", "sha256sum"),
        ("<path:kv/shop/web#password | nonsense>", "invalid modifier"),
        ("<path:kv/shop/web#password", "is not closed"),
        ("<path:sys/mounts#x>", "only KV secrets are read"),
    ] {
        let repository = Repository::with_secret(&format!("literal-in-the-file {placeholder}"));
        let call = Call::new(repository.root(), Repository::PATH, &env);
        let failure = server.generate(&call).unwrap_err();
        failure.says(said);
        failure.says("`gitops-fn build` failed exit status 1: ");
        let message = &failure.message;
        assert_hidden(message, &hidden);
        assert!(
            message.len() < 2_000,
            "what Argo CD shows is short:\n{message}"
        );
    }
    assert_hidden(&server.log(), &hidden);
    for (token, _) in vault.our_tokens() {
        assert_hidden(&server.log(), &[&token]);
    }
}

#[test]
fn a_vault_that_hangs_ends_in_our_own_words_and_the_token_is_revoked() {
    let Some(vault) = Server::start() else { return };
    let reader = vault.reader();
    let proxy = Proxy::start(vault.host(), |request, _| {
        if request.target.starts_with("/v1/auth/") {
            Step::Forward
        } else {
            Step::Answer(Answer::Stall(Vec::new()))
        }
    });
    let address = proxy.address();
    let mut sidecar = vec![
        ("VAULT_ADDR", address.as_str()),
        ("GITOPS_FN_TIMEOUT", "2s"),
    ];
    sidecar.extend(reader.0.iter().map(|(name, value)| (*name, value.as_str())));
    let Some(server) = start(&sidecar) else {
        return;
    };
    // plain manifests: the two seconds are not kustomize's, however busy the machine
    let folder = temp_dir();
    let secret =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: web}\nstringData: {p: <path:kv/a#k>}\n";
    write_files(folder.path(), &[("app/secret.yaml", secret)]);
    let mut call = Call::new(folder.path(), "app", &[]);
    call.deadline = Duration::from_mins(1);
    let begin = Instant::now();
    let failure = server.generate(&call).unwrap_err();
    let message = &failure.message;
    assert!(begin.elapsed() < call.deadline, "killed: {message}");
    failure.says("`gitops-fn build` failed exit status 3: ");
    failure.says("(transient)");
    assert_eq!(
        proxy.count("/v1/auth/token/revoke-self"),
        1,
        "{:#?}",
        proxy.requests()
    );
    vault.assert_tokens_gone(1);
}

#[test]
fn what_kustomize_refuses_is_an_error_with_its_message() {
    let Some(server) = start(&[]) else { return };
    let folder = temp_dir();
    write_files(
        folder.path(),
        &[("app/kustomization.yaml", "resources: [missing.yaml]\n")],
    );
    let failure = server
        .generate(&Call::new(folder.path(), "app", &[]))
        .unwrap_err();
    failure.says("missing.yaml");
    failure.says("failed exit status 1: ");
}

#[test]
fn an_empty_repository_is_an_error() {
    let Some(server) = start(&[]) else { return };
    let folder = temp_dir();
    fs::create_dir(folder.path().join("app")).unwrap();
    let failure = server
        .generate(&Call::new(folder.path(), "app", &[]))
        .unwrap_err();
    failure.says("failed exit status ");
    assert_ne!(failure.code, 0);
}

#[test]
fn the_single_tenant_plugin_file_is_accepted_and_builds_with_our_function() {
    let store = root().join("examples/kustomize/secrets.yaml");
    let store = format!("file:{}", store.display());
    let Some(server) = PluginServer::start(
        &root().join("examples/argocd/plugin-single-tenant.yaml"),
        "kustomize-single-tenant",
        &[("VAULT_ADDR", &store)],
    ) else {
        return;
    };
    let repository = root().join("examples/kustomize");
    let found = objects(server.generate(&Call::new(&repository, "overlay", &[])));
    let expected = fs::read_to_string(repository.join("expected.yaml")).unwrap();
    assert_eq!(found, documents(&expected));
}
