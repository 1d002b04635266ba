//! Through the real kustomize: a generated Secret's name follows the value in Vault.

use serde_json::json;

use super::server::Server;
use crate::container;
use crate::support::{
    EXEC, documents, kustomize_build, path_with, root, run, temp_dir, tool, write_files,
};

const VALUE: &str = "a value: with # all 'sorts' of \"characters\"";

/// The output of kustomize with the value written out.
#[track_caller]
fn plain(value: &str) -> Option<Vec<serde_yaml::Value>> {
    let folder = temp_dir();
    let files = [
        ("deployment.yaml", container::DEPLOYMENT),
        ("kustomization.yaml", container::PLAIN),
        ("password", value),
    ];
    write_files(folder.path(), &files);
    let output = kustomize_build(folder.path(), &[], &[])?;
    Some(documents(output.success().text()))
}

#[test]
fn a_function_that_is_a_program_hashes_the_value_in_vault() {
    let Some(server) = Server::start() else {
        return;
    };
    let identity = server.reader();
    let folder = temp_dir();
    let files = [
        ("deployment.yaml", container::DEPLOYMENT),
        (
            "kustomization.yaml",
            &container::transformer("{exec: {path: gitops-fn}}"),
        ),
    ];
    write_files(folder.path(), &files);
    let address = server.address();
    let env = [
        ("VAULT_ADDR", &*address),
        ("VAULT_ROLE_ID", identity.get("VAULT_ROLE_ID")),
        ("VAULT_SECRET_ID", identity.get("VAULT_SECRET_ID")),
    ];
    for (logins, value) in [VALUE, "another"].into_iter().enumerate() {
        server.secret("kv", "shop/web", &json!({"password": value}));
        let Some(expected) = plain(value) else { return };
        let Some(output) = kustomize_build(folder.path(), EXEC, &env) else {
            return;
        };
        assert_eq!(documents(output.success().text()), expected);
        server.assert_tokens_gone(logins + 1);
    }
}

#[test]
fn a_function_in_a_container_hashes_the_value_in_vault() {
    let Some(server) = Server::start() else {
        return;
    };
    let Some(image) = container::image() else {
        return;
    };
    let Some(kustomize) = tool("kustomize") else {
        return;
    };
    server.secret("kv", "shop/web", &json!({"password": VALUE}));
    let identity = server.reader();
    let Some(expected) = plain(VALUE) else { return };
    let folder = temp_dir();
    let function = format!(
        "{{container: {{image: \"{image}\", network: true, envs: [VAULT_ADDR, VAULT_ROLE_ID, VAULT_SECRET_ID]}}}}"
    );
    let files = [
        ("deployment.yaml", container::DEPLOYMENT),
        ("kustomization.yaml", &container::transformer(&function)),
    ];
    write_files(folder.path(), &files);
    let mut build = container::for_podman(&kustomize);
    build
        .args([
            "build",
            "--enable-alpha-plugins",
            "--network",
            "--network-name",
            "host",
        ])
        .arg(folder.path())
        .env("PATH", path_with(&[&root().join("tests/tools")]))
        .env("VAULT_ADDR", server.address());
    let output = run(identity.on(&mut build), "").success();
    assert_eq!(documents(output.text()), expected);
    server.assert_tokens_gone(1);
}
