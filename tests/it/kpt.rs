//! Tests the program as a function of the real kpt, which changes a package on disk in place.

use std::fs;
use std::path::Path;

use crate::support::{Output, clean, exe, path_with, run, temp_dir, tool, write_files};

const DEPLOYMENT: &str = r#"# kept
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
spec:
  template:
    spec:
      containers:
      - name: shop
        image: registry.example/acme/shop:1.9 # set by CI
        env: [{name: PASSWORD, value: "<path:kv/shop/web#password>"}]
"#;

/// Stamped and retagged; nothing else.
const STAMPED: &str = r#"# kept
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
  annotations:
    github.com/url: acme/shop
spec:
  template:
    spec:
      containers:
      - name: shop
        image: registry.example/acme/shop:1.10 # set by CI
        env: [{name: PASSWORD, value: "<path:kv/shop/web#password>"}]
"#;

const KPTFILE: &str = "apiVersion: kpt.dev/v1
kind: Kptfile
metadata:
  name: shop
pipeline:
  mutators:
  - exec: gitops-fn
    configMap:
      image: registry.example/acme/shop:1.10
      repository: acme/shop
";

const VALUE: &str = "value-of-the-secret";

/// Runs kpt on a package, with a store whose one secret it may read.
fn kpt(package: &Path, args: &[&str]) -> Option<Output> {
    let store = temp_dir();
    let secrets = format!("kv/shop/web: {{password: {VALUE}}}\n");
    write_files(store.path(), &[("secrets.yaml", &secrets)]);
    let file = format!("file:{}", store.path().join("secrets.yaml").display());
    let mut command = clean(tool("kpt")?);
    command
        .args(args)
        .current_dir(package)
        .env("PATH", path_with(&[exe().parent().unwrap()]))
        .env("VAULT_ADDR", file);
    Some(run(&mut command, ""))
}

/// The command of `docs/kpt.md`.
#[test]
fn eval_stamps_and_retags_the_package_and_keeps_its_placeholders() {
    let package = temp_dir();
    write_files(package.path(), &[("deployment.yaml", DEPLOYMENT)]);
    let args = "fn eval . --exec gitops-fn -- image=registry.example/acme/shop:1.10 repository=acme/shop secretsMode=keep";
    let args: Vec<_> = args.split(' ').collect();
    let file = package.path().join("deployment.yaml");
    for again in [false, true] {
        let Some(output) = kpt(package.path(), &args) else {
            return;
        };
        output.success();
        assert_eq!(fs::read_to_string(&file).unwrap(), STAMPED, "{again}");
    }
}

#[test]
fn render_runs_the_functions_of_a_kptfile() {
    let package = temp_dir();
    let kptfile = format!("{KPTFILE}      secretsMode: keep\n");
    write_files(
        package.path(),
        &[("deployment.yaml", DEPLOYMENT), ("Kptfile", &kptfile)],
    );
    let Some(output) = kpt(package.path(), &["fn", "render", ".", "--allow-exec"]) else {
        return;
    };
    output.success();
    let file = package.path().join("deployment.yaml");
    assert_eq!(fs::read_to_string(file).unwrap(), STAMPED);
}

#[test]
fn no_secret_comes_into_the_package() {
    let package = temp_dir();
    write_files(
        package.path(),
        &[("deployment.yaml", DEPLOYMENT), ("Kptfile", KPTFILE)],
    );
    let Some(output) = kpt(package.path(), &["fn", "render", ".", "--allow-exec"]) else {
        return;
    };
    assert_ne!(output.code, 0);
    let said = "resolving it here would write the secret into a file of your working tree";
    assert!(output.stderr.contains(said), "{}", output.stderr);
    assert!(!output.stderr.contains(VALUE), "{}", output.stderr);
    let file = package.path().join("deployment.yaml");
    assert_eq!(fs::read_to_string(file).unwrap(), DEPLOYMENT);
}
