//! Tests the operator's policy with the real program, which reads it from the path that is compiled in: attacks by a
//! hostile repository or Application, and mistakes of an operator.

mod attacks;
mod failures;
mod file;
mod limits;
mod modes;
mod oracle;
mod report;
mod server;

use std::path::Path;

use crate::governed::Governed;
use crate::support::{Output, run, write_files};

/// The secrets of the tests; a value begins with `value-`, so that none shows up by chance.
const SECRETS: &str = "
kv/shop/web/db: {password: value-shop}
kv/billing/web/db: {password: value-billing}
kv/shared/ca: {pem: value-shared}
";

/// Two tenants on a file store.
const TENANTS: &str = "
  store: file
  mounts: [{path: kv, version: 2}]
  allow:
  - {name: own, paths: ['kv/${ARGOCD_APP_PROJECT_NAME}/${ARGOCD_APP_NAME}/*']}
  - {name: by-namespace, projects: [shop], paths: ['kv/${ARGOCD_APP_NAMESPACE}/**']}
  - {name: shared, paths: [kv/shared/ca]}
  matchDestinationNamespace: true
";

fn policy(spec: &str) -> String {
    format!(
        "apiVersion: gitops-fn.dev/v1alpha1\nkind: Policy\nmetadata: {{name: test}}\nspec:{spec}\n"
    )
}

/// The Application `web` of the project `shop`.
const SHOP: [(&str, &str); 3] = [
    ("ARGOCD_APP_PROJECT_NAME", "shop"),
    ("ARGOCD_APP_NAME", "web"),
    ("ARGOCD_APP_NAMESPACE", "shop-prod"),
];

/// A v1 Secret with one entry.
fn secret(placeholder: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  password: \"{placeholder}\"\n"
    )
}

/// Renders manifests under a policy with the secrets of the tests.
#[track_caller]
fn render(spec: &str, env: &[(&str, &str)], manifests: &str) -> Option<Output> {
    let machine = Governed::new(&policy(spec))?;
    Some(render_on(&machine, env, manifests))
}

#[track_caller]
fn render_on(machine: &Governed, env: &[(&str, &str)], manifests: &str) -> Output {
    write_files(machine.folder(), &[("secrets.yaml", SECRETS)]);
    let mut command = machine.gitops_fn();
    command
        .args(["render", "-"])
        .current_dir(machine.folder())
        .env("VAULT_ADDR", "file:secrets.yaml")
        .envs(env.iter().copied());
    run(&mut command, manifests)
}

/// Runs as a KRM function over one item.
#[track_caller]
fn function_on(machine: &Governed, env: &[(&str, &str)], item: &str) -> Output {
    write_files(machine.folder(), &[("secrets.yaml", SECRETS)]);
    let mut command = machine.gitops_fn();
    command
        .current_dir(machine.folder())
        .envs(env.iter().copied());
    let item = item.trim_end().replace('\n', "\n  ");
    let list =
        format!("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- {item}\n");
    run(&mut command, list)
}

/// Checks that a run was denied: nothing written, the text on standard error, no value anywhere.
#[track_caller]
fn assert_denied(output: &Output, says: &str) {
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(
        output.stderr.contains(says),
        "not {says:?}: {}",
        output.stderr
    );
    assert_silent(output);
}

#[track_caller]
fn assert_silent(output: &Output) {
    let all = format!(
        "{}{}",
        output.stderr,
        String::from_utf8_lossy(&output.stdout)
    );
    assert!(!all.contains("value-"), "{all}");
    assert!(
        !all.contains("secrets come from"),
        "the store was read: {all}"
    );
}

#[track_caller]
fn assert_gives(output: &Output, value: &str) {
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(output.text().contains(value), "{}", output.text());
}

/// Writes files below a machine's folder.
fn write<'m>(machine: &'m Governed, files: &[(&str, &str)]) -> &'m Path {
    write_files(machine.folder(), files);
    machine.folder()
}
