//! `gitops-fn build`, beside the pipeline that it replaces.

use std::env;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::measure::Job;
use crate::vault::{Vault, by_turns};
use crate::{Bench, RELEASE, ROUNDS, Target, both, check, count, ratio_row, row, show, tool};

/// Processor time of our own, at most, where kustomize prints 500 resources (docs/internals/design.md#measured-against).
const OWN: Duration = Duration::from_millis(30);

/// The Release of the other rows, and the pipeline's annotation of pod templates.
fn release() -> String {
    let url = "    url: acme/shop\n";
    RELEASE.replace(url, &format!("{url}    podTemplates: true\n"))
}

/// The pipeline, as the plugin of Argo CD has it.
const OLD: &str = r#"set -euo pipefail
kustomize edit set annotation "github.com/url:${ARGOCD_ENV_APP_REPO}"
kustomize edit set image ${ARGOCD_ENV_IMAGE_NAME}:${ARGOCD_ENV_IMAGE_TAG}
kustomize build . | argocd-vault-plugin generate -"#;

/// The rows of a group.
pub(crate) fn rows(bench: &Bench) {
    own_time(bench);
    let Some(vault) = Vault::start() else {
        return row("build with a Vault", "", "there is none", Some(false));
    };
    for resources in [20, 500] {
        if let Err(error) = beside_old(bench, &vault, resources) {
            row("build with a Vault", "", &error, Some(false));
        }
    }
}

/// The pipeline and we, by turns, each in a checkout of its own.
fn beside_old(bench: &Bench, vault: &Vault, resources: usize) -> Result<(), String> {
    let kustomize = tool("kustomize")?;
    let path = env::join_paths(
        [&kustomize, &tool("argocd-vault-plugin")?]
            .map(|tool| tool.parent().unwrap().to_owned())
            .into_iter()
            .chain(env::split_paths(&env::var_os("PATH").unwrap_or_default())),
    );
    let mut old = Job {
        program: "/bin/bash".into(),
        args: vec!["-c".into(), OLD.into()],
        stdin: "/dev/null".into(),
        folder: repository(bench, &format!("old-{resources}"), resources),
        env: vault.approle(),
    };
    let path = path.map_err(|error| error.to_string())?;
    old.env.extend([
        ("PATH", path.display().to_string()),
        ("ARGOCD_ENV_APP_REPO", "acme/shop".to_owned()),
        ("ARGOCD_ENV_IMAGE_NAME", "nginx".to_owned()),
        ("ARGOCD_ENV_IMAGE_TAG", "2".to_owned()),
    ]);
    let new = format!("new-{resources}");
    let ours = ours(
        &repository(bench, &new, resources),
        &kustomize,
        vault.approle(),
    );
    bench.file(&format!("{new}/gitops-fn.yaml"), &release());
    for job in [&old, &ours] {
        check(job, |output| is_right(output, resources));
    }
    let name = format!(
        "build of {resources}, {} placeholders: old / ours",
        resources / 5 * 4
    );
    let [old, ours] = by_turns(&Ok(old), &ours, ROUNDS, || {});
    if let (Ok(old), Ok(ours)) = (&old, &ours) {
        let ratio = old.peak_bytes as f64 / ours.peak_bytes as f64;
        both(&name, Target::None, Ok(*old), &Ok(*ours));
        ratio_row(&format!("{name}, peak memory"), Target::None, ratio, "");
        return Ok(());
    }
    old.and(ours).map(|_| ())
}

/// A kustomization of so many resources, a fifth of them Deployments, with 4 placeholders for each 5:
/// in a Secret and a config map that are generated, and that the Deployment names.
fn repository(bench: &Bench, name: &str, resources: usize) -> PathBuf {
    let (mut config_maps, mut secrets, mut objects) = (String::new(), String::new(), String::new());
    for i in 0..resources / 5 {
        let path = format!("kv/data/shop/p{}", i % 10);
        let _ = write!(
            config_maps,
            "- name: config-{i}
  literals: [mode=production, 'token=<path:{path}#k{}>']
",
            i % 100
        );
        let _ = write!(
            secrets,
            "- name: secret-{i}
  literals: ['a=<path:{path}#k1>', 'b=<path:{path}#k2>', 'c=postgres://u:<path:{path}#k3>@db']
"
        );
        objects.push_str(&workload(i));
    }
    let kustomization = format!(
        "resources: [all.yaml]\nconfigMapGenerator:\n{config_maps}secretGenerator:\n{secrets}"
    );
    bench.file(&format!("{name}/all.yaml"), &objects);
    let file = bench.file(&format!("{name}/kustomization.yaml"), &kustomization);
    file.parent().unwrap().into()
}

fn workload(i: usize) -> String {
    format!(
        "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web-{i}
  labels: {{app: web-{i}}}
spec:
  replicas: 2
  selector:
    matchLabels: {{app: web-{i}}}
  template:
    metadata:
      labels: {{app: web-{i}}}
    spec:
      containers:
      - name: web
        image: nginx:1.27.3
        args: [--listen=:8080, --config=/etc/web/config.yaml]
        env:
        - {{name: LOG_LEVEL, value: info}}
        - name: TOKEN
          valueFrom: {{configMapKeyRef: {{name: config-{i}, key: token}}}}
        envFrom:
        - secretRef: {{name: secret-{i}}}
        livenessProbe:
          httpGet: {{path: /healthz, port: 8080}}
        ports:
        - containerPort: 8080
      volumes:
      - {{name: tls, secret: {{secretName: secret-{i}}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: web-{i}}}
spec:
  selector: {{app: web-{i}}}
  ports: [{{port: 80, targetPort: 8080}}]
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: web-{i}}}
---
"
    )
}

/// `gitops-fn build` in a folder.
fn ours(folder: &Path, kustomize: &Path, env: Vec<(&'static str, String)>) -> Job {
    let mut job = Job {
        program: env!("CARGO_BIN_EXE_gitops-fn").into(),
        args: vec!["build".into(), "--root".into(), ".".into(), ".".into()],
        stdin: "/dev/null".into(),
        folder: folder.into(),
        env,
    };
    let path = kustomize.parent().unwrap().display().to_string();
    job.env.push(("PATH", path));
    job
}

/// What 500 resources cost us, without a network: kustomize's own work does not count.
fn own_time(bench: &Bench) {
    let name = "build of 500, 400 placeholders, no Vault: our own CPU";
    let target = format!("<= {}", show(OWN));
    let kustomize = match tool("kustomize") {
        Ok(program) => program,
        Err(error) => return row(name, &target, &error, Some(false)),
    };
    let folder = repository(bench, "build-500", 500);
    bench.file("build-500/gitops-fn.yaml", &release());
    let store = bench.file("build-store.yaml", &store());
    let address = format!("file:{}", store.display());
    let job = ours(&folder, &kustomize, vec![("VAULT_ADDR", address)]);
    check(&job, |output| is_right(output, 500));
    match job.median(ROUNDS) {
        Ok(cost) => {
            let measured = format!("{} of {}", show(cost.own), show(cost.wall));
            row(name, &target, &measured, Some(cost.own <= OWN));
        }
        Err(error) => row(name, &target, &error, Some(false)),
    }
}

/// The secrets that the repositories want.
fn store() -> String {
    let mut store = String::new();
    for path in 0..10 {
        let _ = writeln!(store, "kv/shop/p{path}:");
        for key in 0..100 {
            let _ = writeln!(store, "  k{key}: v");
        }
    }
    store
}

/// Annotation, image and values are everywhere.
fn is_right(output: &[u8], resources: usize) -> bool {
    let deployments = resources / 5;
    count(output, "<path:") == 0
        && count(output, "cGF0aDo") == 0
        && count(output, "nginx:2") == deployments
        && count(output, "github.com/url: ") == resources + deployments
}
