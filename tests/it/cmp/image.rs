//! The image of the sidecar: what is in it, and that it builds what a build outside gives.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use crate::container::{CA_BUNDLE, can_build, docker, files, image_name, install, static_binary};
use crate::support::{
    Output, documents, gitops_fn, path_with, root, run, say, temp_dir, tool, write_files,
};

/// The name of the image, built on first use; `None` after a skip.
#[track_caller]
pub(super) fn image() -> Option<&'static str> {
    static IMAGE: OnceLock<String> = OnceLock::new();
    let (kustomize, helm) = (tool("kustomize")?, tool("helm")?);
    can_build().then(|| IMAGE.get_or_init(|| build(&kustomize, &helm)).as_str())
}

fn build(kustomize: &Path, helm: &Path) -> String {
    let name = image_name("cmp");
    let (ours, tools) = (temp_dir(), temp_dir());
    let files = ours.path().join("rootfs");
    install(
        &static_binary(),
        &files.join("usr/local/bin/gitops-fn"),
        0o755,
    );
    install(Path::new(CA_BUNDLE), &files.join(&CA_BUNDLE[1..]), 0o644);
    let bin = tools.path().join("rootfs/usr/local/bin");
    install(kustomize, &bin.join("kustomize"), 0o755);
    install(helm, &bin.join("helm"), 0o755);
    run(docker().args(["rmi", "--force", &name]), "");
    run(
        docker()
            .args(["build", "--quiet", "--target", "cmp", "--tag", &name])
            .arg(format!("--build-context=build={}", ours.path().display()))
            .arg(format!("--build-context=tools={}", tools.path().display()))
            .arg(root()),
        "",
    )
    .success();
    name
}

#[test]
fn it_holds_three_programs_a_plugin_and_a_policy_and_no_shell() {
    let Some(image) = image() else { return };
    assert_eq!(
        files(image),
        [
            "-rw-r--r-- 0/0 /etc/gitops-fn/policy.yaml",
            "-rw-r--r-- 0/0 /etc/group",
            "-rw-r--r-- 0/0 /etc/passwd",
            "-rw-r--r-- 0/0 /etc/ssl/certs/ca-certificates.crt",
            "-rw-r--r-- 0/0 /home/argocd/cmp-server/config/plugin.yaml",
            "-rwx--x--x 0/0 /usr/local/bin/gitops-fn",
            "-rwxr-xr-x 0/0 /usr/local/bin/helm",
            "-rwxr-xr-x 0/0 /usr/local/bin/kustomize",
        ]
    );
    let inspect = |what: &str| {
        let output = run(
            docker().args(["image", "inspect", "--format", what, image]),
            "",
        )
        .success();
        output.text().trim().to_owned()
    };
    assert_eq!(inspect("{{.Config.User}}"), "999:999");
    assert_eq!(
        inspect("{{json .Config.Cmd}}"),
        "[\"/var/run/argocd/argocd-cmp-server\"]"
    );
    let bytes: u64 = inspect("{{.Size}}").parse().unwrap();
    say(&format!("image size: {} kB (cmp)", bytes / 1000));
}

#[test]
fn the_build_stage_builds_the_tools_as_the_tests_do() {
    let dockerfile = fs::read_to_string(root().join("Dockerfile")).unwrap();
    let script = fs::read_to_string(root().join("tests/tools/build.sh")).unwrap();
    let value = |name: &str, key: &str| -> String {
        let tool = script.split(&format!("    {name})\n")).nth(1).unwrap();
        let text = tool.split(key).nth(1).unwrap();
        text.split([' ', '\n']).next().unwrap().to_owned()
    };
    for name in ["kustomize", "helm"] {
        let line = format!(
            "-o /rootfs/usr/local/bin/{name} {}\n",
            value(name, "package=")
        );
        assert!(dockerfile.contains(&line), "{line}");
        assert!(dockerfile.contains(&format!("WORKDIR /src/{name}\n")));
        assert_eq!(value(name, "cgo="), "0");
    }
    let version = format!("version.version=v{}'", value("helm", "version="));
    assert!(dockerfile.contains(&version), "{version}");
    assert!(dockerfile.contains("CGO_ENABLED=0 GOARCH=$TARGETARCH GOFLAGS=-mod=readonly"));
}

/// `gitops-fn ARGUMENTS` in the image, with nothing to write to but /tmp, and with `mounts` (`from:to`).
fn inside(image: &str, mounts: &[String], folder: &str, arguments: &[&str]) -> Output {
    let mut command: Command = docker();
    command.args([
        "run",
        "--rm",
        "-i",
        "--network",
        "none",
        "--read-only",
        "--tmpfs",
        "/tmp",
    ]);
    command.args([
        "--cap-drop=all",
        "--security-opt=no-new-privileges",
        "--workdir",
        folder,
    ]);
    for mount in mounts {
        command.arg(format!("--volume={mount}:ro"));
    }
    command.args([
        "--env=ARGOCD_APP_PROJECT_NAME=shop",
        "--env=ARGOCD_APP_NAME=web",
        "--env=ARGOCD_APP_NAMESPACE=shop-prod",
        "--env=ARGOCD_ENV_IMAGE_NAME=registry.example/acme/shop-web",
        "--env=ARGOCD_ENV_IMAGE_TAG=1.10",
        "--env=ARGOCD_ENV_APP_REPO=acme/shop-web",
    ]);
    run(command.arg(image).arg("gitops-fn").args(arguments), "")
}

const SECRETS: &str = "kv/shop/web: {password: fake-password, user: fake-user}\n";

const POLICY: &str = "\
apiVersion: gitops-fn.dev/v1alpha1
kind: Policy
spec:
  store: file
  secretsFile: /etc/gitops-fn/secrets.yaml
  mounts: [{path: kv, version: 2}]
  allow:
  - {name: own, paths: [\"kv/${ARGOCD_APP_PROJECT_NAME}/*\"]}
  enable: {helm: true}
";

/// A repository with a chart, which kustomize inflates from disk.
const WITH_CHART: &[(&str, &str)] = &[
    (
        "app/kustomization.yaml",
        "namespace: shop-prod\nhelmCharts: [{name: web, releaseName: web, valuesInline: {replicas: 2}}]\n",
    ),
    (
        "app/charts/web/Chart.yaml",
        "apiVersion: v2\nname: web\nversion: 0.1.0\n",
    ),
    ("app/charts/web/values.yaml", "replicas: 1\n"),
    (
        "app/charts/web/templates/all.yaml",
        "\
apiVersion: v1
kind: Secret
metadata: {name: {{ .Release.Name }}}
stringData: {password: \"<path:kv/shop/web#password>\"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}}
spec:
  replicas: {{ .Values.replicas }}
  template:
    spec:
      containers: [{name: web, image: registry.example/acme/shop-web:latest}]
",
    ),
];

/// Files for a container's user: readable for everyone, and the policy its owner's alone to write.
fn readable(folder: &Path) {
    run(
        crate::support::clean("chmod")
            .args(["-R", "a+rX,go-w"])
            .arg(folder),
        "",
    )
    .success();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_same_build_inside_and_outside_gives_the_same() {
    let Some(image) = image() else { return };
    let (Some(kustomize), Some(helm)) = (tool("kustomize"), tool("helm")) else {
        return;
    };
    let (work, etc) = (temp_dir(), temp_dir());
    write_files(work.path(), WITH_CHART);
    write_files(
        etc.path(),
        &[("policy.yaml", POLICY), ("secrets.yaml", SECRETS)],
    );
    readable(work.path());
    readable(etc.path());
    let mounts = [
        format!("{}:/work", work.path().display()),
        format!("{}:/etc/gitops-fn", etc.path().display()),
    ];
    let inner = inside(image, &mounts, "/work/app", &["build"]).success();
    assert!(inner.text().contains("fake-password"), "{}", inner.text());
    assert!(inner.text().contains("replicas: 2"), "{}", inner.text());
    assert!(inner.text().contains("registry.example/acme/shop-web:1.10"));
    let outer = run(
        gitops_fn()
            .args(["build", "--enable-helm"])
            .current_dir(work.path().join("app"))
            .env(
                "PATH",
                path_with(&[kustomize.parent().unwrap(), helm.parent().unwrap()]),
            )
            .env(
                "VAULT_ADDR",
                format!("file:{}/secrets.yaml", etc.path().display()),
            )
            .env("IMAGE_NAME", "registry.example/acme/shop-web")
            .env("IMAGE_TAG", "1.10")
            .env("APP_REPO", "acme/shop-web"),
        "",
    )
    .success();
    // under the image's policy the text is written anew
    assert_eq!(documents(inner.text()), documents(outer.text()));
}

#[test]
fn without_a_policy_of_the_operators_it_refuses_and_says_what_to_mount() {
    let Some(image) = image() else { return };
    let work = temp_dir();
    write_files(
        work.path(),
        &[
            ("app/kustomization.yaml", "resources: [secret.yaml]\n"),
            (
                "app/secret.yaml",
                "apiVersion: v1\nkind: Secret\nmetadata: {name: web}\nstringData: {p: \"<path:kv/shop/web#password>\"}\n",
            ),
            ("plain/kustomization.yaml", "resources: [map.yaml]\n"),
            (
                "plain/map.yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {a: b}\n",
            ),
        ],
    );
    readable(work.path());
    let mounts = [format!("{}:/work", work.path().display())];
    let output = inside(image, &mounts, "/work/app", &["build"]).code(1);
    assert_eq!(output.text(), "");
    for word in ["kv/shop/web", "/etc/gitops-fn/policy.yaml"] {
        assert!(output.stderr.contains(word), "{word}: {}", output.stderr);
    }
    // what wants no secret is built, even so
    inside(image, &mounts, "/work/plain", &["build"]).success();
}
