//! Argo CD's source hydrator and the plugin: what it writes into git holds no secret, and the sync of that does.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::image::image;
use super::objects;
use super::repository::{Repository, argocd};
use super::server::{Call, Failure, PluginServer};
use crate::support::{temp_dir, write_files};

const POLICY: &str = "\
apiVersion: gitops-fn.dev/v1alpha1
kind: Policy
metadata: {name: hydrator}
spec:
  store: file
  secretsFile: /etc/gitops-fn/secrets.yaml
  mounts: [{path: kv, version: 2}]
  allow: [{name: own, paths: ['kv/${ARGOCD_APP_PROJECT_NAME}/**']}]
";

const VALUE: &str = "value-of-the-hydrated";

/// A sidecar with this policy.
#[track_caller]
fn sidecar(folder: &Path, policy: &str) -> Option<PluginServer> {
    let secrets = format!("kv/shop/web: {{password: {VALUE}}}\n");
    write_files(
        folder,
        &[("policy.yaml", policy), ("secrets.yaml", &secrets)],
    );
    for (path, mode) in [("", 0o755), ("policy.yaml", 0o644), ("secrets.yaml", 0o644)] {
        fs::set_permissions(folder.join(path), fs::Permissions::from_mode(mode)).unwrap();
    }
    let mount = format!("--volume={}:/etc/gitops-fn:ro", folder.display());
    PluginServer::start_image(image()?, &[&mount])
}

/// What a sidecar makes of a folder, for the Application `web` of the project `shop`, whose author would have
/// the secrets resolved.
fn generate(server: &PluginServer, root: &Path, path: &str) -> Result<Vec<String>, Failure> {
    let env = argocd(path, &[("ARGOCD_ENV_GITOPS_FN_SECRETS", "resolve")]);
    let env: Vec<_> = env
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    server.generate(&Call::new(root, path, &env))
}

#[test]
fn a_pair_of_plugins_hydrates_placeholders_and_syncs_values() {
    let placeholder = "<path:kv/shop/web#password>";
    let folders = [temp_dir(), temp_dir()];
    let keep = format!("{POLICY}  secretsMode: keep\n");
    let Some(hydrating) = sidecar(folders[0].path(), &keep) else {
        return;
    };
    let dry = Repository::with_secret(placeholder);
    let hydrated = generate(&hydrating, dry.root(), Repository::PATH);
    let manifests = hydrated.unwrap_or_else(|failure| panic!("{failure:?}"));
    let hydrated = objects(Ok(manifests.clone()));
    assert_eq!(hydrated[0]["stringData"]["value"], placeholder);

    // the branch that the hydrator writes
    let wet = temp_dir();
    write_files(
        wet.path(),
        &[
            ("web/manifest.yaml", &manifests.join("---\n")),
            ("web/hydrator.metadata", "{\"drySha\": \"1f3870be\"}"),
            ("web/README.md", "# Manifest hydration\n"),
        ],
    );
    let syncing = sidecar(folders[1].path(), POLICY).unwrap();
    let synced = objects(generate(&syncing, wet.path(), "web"));
    assert_eq!(synced[0]["stringData"]["value"], VALUE);
    // the same sources through the other plugin still hold none
    let again = objects(generate(&hydrating, wet.path(), "web"));
    assert_eq!(again[0]["stringData"]["value"], placeholder);
}

#[test]
fn one_plugin_hydrates_some_applications_and_syncs_others() {
    let folder = temp_dir();
    let policy = format!(
        "{POLICY}  secretsModes: [{{mode: keep, projects: [shop], applications: [web]}}]\n"
    );
    let Some(server) = sidecar(folder.path(), &policy) else {
        return;
    };
    let repository = Repository::with_secret("<path:kv/shop/web#password>");
    let kept = objects(generate(&server, repository.root(), Repository::PATH));
    assert_eq!(
        kept[0]["stringData"]["value"],
        "<path:kv/shop/web#password>"
    );
    let mut env = argocd(Repository::PATH, &[]);
    for (name, value) in &mut env {
        if *name == "ARGOCD_APP_NAME" {
            "web-sync".clone_into(value);
        }
    }
    let env: Vec<_> = env
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let synced = objects(server.generate(&Call::new(repository.root(), Repository::PATH, &env)));
    assert_eq!(synced[0]["stringData"]["value"], VALUE);
}
