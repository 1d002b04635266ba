//! Builds a repository with the pipeline that this program replaces, with the real tools and a real Vault, and with
//! `gitops-fn build`: the objects must be the same, except for the hashes of generated names.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use serde_yaml::Value;

use crate::support::{clean, documents, gitops_fn, run, temp_dir, tool, write_files};
use crate::vault::server::{Identity, Server};

/// Where the Application is.
const APP: &str = "shop/web";

/// A value that is long enough to be wrapped in base64.
const CERTIFICATE: &str = "-----BEGIN-----\nMIIB0zCCAX2gAwIBAgIJAI/M7BYjwB+uMA0GCSqGSIb3DQEBBQUA\nMEUxCzAJBgNVBAYTAkFV\n-----END-----\n";

const REPOSITORY: &[(&str, &str)] = &[
    (
        "shop/web/kustomization.yaml",
        "namespace: shop
resources: [deployment.yaml, secret.yaml, ../base]
secretGenerator:
- name: generated
  literals: ['password=<path:kv/data/shop/web#password>', fixed=x]
  files: [tls.crt]
configMapGenerator:
- name: plain
  literals: [mode=production]
helmGlobals: {chartHome: charts}
helmCharts:
- name: cache
  releaseName: web
  namespace: shop
  valuesInline: {password: <path:kv/data/shop/web#password>}
images:
- name: registry.example/acme/other
  newTag: '7'
",
    ),
    ("shop/web/tls.crt", "<path:kv/data/shop/web#certificate>"),
    (
        "shop/web/deployment.yaml",
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      initContainers:
      - {name: migrate, image: registry.example/acme/shop-web, envFrom: [{secretRef: {name: web}}]}
      containers:
      - name: web
        image: registry.example/acme/shop-web:latest
        env:
        - {name: REGION, value: <path:kv/data/shop/web#region>}
        envFrom:
        - secretRef: {name: generated}
        - configMapRef: {name: plain}
      - {name: other, image: registry.example/acme/other}
      volumes:
      - {name: tls, secret: {secretName: generated}}
",
    ),
    (
        "shop/web/secret.yaml",
        "apiVersion: v1
kind: Secret
metadata:
  name: web
  annotations: {avp.kubernetes.io/path: kv/data/shop/web}
stringData:
  password: <password>
  url: postgres://<user>:<password>@db/<path:kv/data/shop/web#region>
data:
  encoded: <password | base64encode>
",
    ),
    (
        "shop/base/kustomization.yaml",
        "resources: [job.yaml, service.yaml]\n",
    ),
    (
        "shop/base/job.yaml",
        "apiVersion: batch/v1
kind: CronJob
metadata: {name: clean}
spec:
  schedule: '@daily'
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{name: clean, image: 'registry.example/acme/shop-web:1', args: [--region=<path:kv/data/shop/web#region>]}]
",
    ),
    (
        "shop/base/service.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n",
    ),
    (
        "shop/web/charts/cache/Chart.yaml",
        "apiVersion: v2\nname: cache\nversion: 1.0.0\n",
    ),
    ("shop/web/charts/cache/values.yaml", "password: none\n"),
    (
        "shop/web/charts/cache/templates/all.yaml",
        "apiVersion: v1
kind: Secret
metadata: {name: '{{ .Release.Name }}-cache'}
stringData: {password: {{ .Values.password | quote }}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: '{{ .Release.Name }}-cache', namespace: {{ .Release.Namespace }}}
spec:
  serviceName: cache
  selector: {matchLabels: {app: cache}}
  template:
    metadata: {labels: {app: cache}}
    spec:
      containers:
      - {name: cache, image: registry.example/acme/shop-web, envFrom: [{secretRef: {name: '{{ .Release.Name }}-cache'}}]}
",
    ),
];

const RELEASE: &str = "apiVersion: gitops-fn.dev/v1alpha1
kind: Release
metadata: {name: release}
spec:
  repository: {url: '${APP_REPO}', podTemplates: true}
  images: [{name: '${IMAGE_NAME}', newTag: '${IMAGE_TAG}'}]
";

const OLD: &str = r#"set -euo pipefail
kustomize edit set annotation "github.com/url:${ARGOCD_ENV_APP_REPO}"
kustomize edit set image ${ARGOCD_ENV_IMAGE_NAME}:${ARGOCD_ENV_IMAGE_TAG}
kustomize build --enable-helm . | argocd-vault-plugin generate -"#;

/// The tools' folders in front of `PATH`.
#[track_caller]
fn path() -> Option<OsString> {
    let tools: Option<Vec<_>> = ["kustomize", "helm", "argocd-vault-plugin"]
        .map(tool)
        .into_iter()
        .collect();
    let tools = tools?;
    let folders: Vec<_> = tools.iter().map(|tool| tool.parent().unwrap()).collect();
    Some(crate::support::path_with(&folders))
}

/// Runs `command` where the Application is, in the environment that Argo CD gives it and the sidecar has.
fn objects(
    command: &mut Command,
    folder: &Path,
    server: &Server,
    identity: &Identity,
) -> Vec<Value> {
    command
        .current_dir(folder.join(APP))
        .env("HOME", folder)
        .envs([
            ("ARGOCD_ENV_APP_REPO", "acme/deploy"),
            ("ARGOCD_ENV_IMAGE_NAME", "registry.example/acme/shop-web"),
            ("ARGOCD_ENV_IMAGE_TAG", "1.10"),
            ("AVP_TYPE", "vault"),
            ("AVP_AUTH_TYPE", "approle"),
            ("AVP_ROLE_ID", identity.get("VAULT_ROLE_ID")),
            ("AVP_SECRET_ID", identity.get("VAULT_SECRET_ID")),
            ("VAULT_ADDR", &server.address()),
        ]);
    documents(run(command, "").success().text())
}

/// Takes the hashes of generated names away, and the line breaks that only we keep in base64; by kind and
/// name, and how many times each hashed name stood there.
fn plain(objects: Vec<Value>) -> (BTreeMap<String, Value>, BTreeMap<String, usize>) {
    let hashed = regex::Regex::new(r"\b(generated|plain)-[2456789bcdfghkmt]{10}\b").unwrap();
    let names = std::cell::RefCell::new(BTreeMap::new());
    let text = |text: &str| {
        for name in hashed.find_iter(text) {
            *names
                .borrow_mut()
                .entry(name.as_str().to_owned())
                .or_default() += 1;
        }
        hashed.replace_all(text, "$1-HASH").into_owned()
    };
    let mut all = BTreeMap::new();
    for object in objects {
        let mut object = crate::support::map_strings(object, &text);
        if let Some(data) = object
            .get_mut("data")
            .filter(|data| data.get("tls.crt").is_some())
        {
            let lines = data["tls.crt"].as_str().unwrap().replace('\n', "");
            data["tls.crt"] = Value::String(lines);
        }
        let label = |value: &Value| value.as_str().unwrap().to_owned();
        let key = format!(
            "{} {}",
            label(&object["kind"]),
            label(&object["metadata"]["name"])
        );
        assert_eq!(all.insert(key, object), None);
    }
    (all, names.into_inner())
}

#[test]
fn the_old_pipeline_and_ours_give_the_same_objects() {
    let (Some(server), Some(path)) = (Server::start(), path()) else {
        return;
    };
    let secret = json!({"user": "web", "password": "rusty-anchor: 'in' # x", "region": "eu-1", "certificate": CERTIFICATE});
    server.secret("kv", "shop/web", &secret);
    let identity = server.reader();
    let (old, new) = (temp_dir(), temp_dir());
    for dir in [&old, &new] {
        write_files(dir.path(), REPOSITORY);
    }
    write_files(&new.path().join(APP), &[("gitops-fn.yaml", RELEASE)]);

    let mut theirs = clean("bash");
    theirs.args(["-c", OLD]).env("PATH", &path);
    let theirs = objects(&mut theirs, old.path(), &server, &identity);
    let mut ours = gitops_fn();
    ours.args(["build", "--enable-helm", "--root"])
        .arg(new.path())
        .arg(".")
        .env("PATH", &path);
    let ours = objects(&mut ours, new.path(), &server, &identity);

    let ((theirs, their_names), (ours, our_names)) = (plain(theirs), plain(ours));
    assert_eq!(ours.len(), 8, "{:?}", ours.keys());
    assert_eq!(
        ours.keys().collect::<Vec<_>>(),
        theirs.keys().collect::<Vec<_>>()
    );
    for (key, object) in &ours {
        assert_eq!(object, &theirs[key], "{key}");
    }
    // the generated Secret has another name, and as many places name it
    let count = |names: &BTreeMap<String, usize>, name: &str| -> Vec<_> {
        names
            .iter()
            .filter(|(hashed, _)| hashed.starts_with(name))
            .map(|(hashed, count)| (hashed.clone(), *count))
            .collect()
    };
    let (one, other) = (
        count(&our_names, "generated"),
        count(&their_names, "generated"),
    );
    assert_eq!((one.len(), other.len()), (1, 1));
    assert_eq!((one[0].1, other[0].1), (3, 3));
    assert_ne!(one[0].0, other[0].0);
    // what holds no secret keeps its name
    assert_eq!(count(&our_names, "plain"), count(&their_names, "plain"));
    // the old pipeline has changed the checkout, ours has not
    let kustomization =
        |dir: &Path| fs::read_to_string(dir.join(APP).join("kustomization.yaml")).unwrap();
    assert_ne!(kustomization(old.path()), REPOSITORY[0].1);
    assert_eq!(kustomization(new.path()), REPOSITORY[0].1);
}
