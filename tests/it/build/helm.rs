//! Charts: from the checkout, from a server, and with the names that a hostile one has.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;

use super::{Checkout, by_name, entry, release};
use crate::governed::Governed;
use crate::support::{kustomize_build, path_with, run, tool, write_files};
use crate::vault::fake::read_request;

const CHART: &[(&str, &str)] = &[
    (
        "web/Chart.yaml",
        "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    ),
    ("web/values.yaml", "replicas: 1\n"),
    (
        "web/templates/all.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: '{{ .Release.Name }}'}\nstringData:\n  password: <path:kv/shop/web#password>\n---\n\
         apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}'}\ndata: {replicas: '{{ .Values.replicas }}'}\n",
    ),
];

/// A checkout with the real kustomize and helm on its PATH.
#[track_caller]
pub(super) fn checkout(files: &[(&str, &str)]) -> Option<Checkout> {
    let (kustomize, helm) = (tool("kustomize")?, tool("helm")?);
    let mut checkout = Checkout::with(kustomize.parent().unwrap(), files);
    checkout.path = path_with(&[kustomize.parent().unwrap(), helm.parent().unwrap()]);
    Some(checkout)
}

#[test]
fn a_chart_of_the_checkout_is_inflated_as_kustomize_does_it() {
    let Some(checkout) = checkout(&[
        (
            "app/kustomization.yaml",
            "helmCharts: [{name: web, releaseName: shop, valuesInline: {replicas: 3}, valuesFile: values.yaml}]\n",
        ),
        ("app/values.yaml", "replicas: 2\n"),
    ]) else {
        return;
    };
    write_files(&checkout.root().join("app/charts"), CHART);
    let before = checkout.files();
    let keep = run(
        checkout
            .build()
            .args(["--enable-helm", "app"])
            .env("GITOPS_FN_SECRETS", "keep"),
        "",
    )
    .success();
    let path = checkout.path.to_str().unwrap();
    let folder = checkout.root().join("app");
    let command = tool("helm").unwrap();
    let helm = ["--enable-helm", "--helm-command", command.to_str().unwrap()];
    let theirs = kustomize_build(&folder, &helm, &[("PATH", path)]).unwrap();
    assert_eq!(by_name(keep.text()), by_name(theirs.success().text()));
    let ours = run(checkout.build().args(["--enable-helm", "app"]), "").success();
    assert!(ours.text().contains("value-of-the-secret"));
    assert!(ours.text().contains("replicas: \"3\""), "{}", ours.text());
    assert_eq!(checkout.files(), before);
    let without = checkout.run("app").code(1);
    assert!(
        without
            .stderr
            .contains("the helm chart web needs helm\nhelp: pass --enable-helm"),
        "{}",
        without.stderr
    );
    let missing = run(
        checkout.build().args(["--enable-helm", "app"]).env(
            "PATH",
            path_with(&[tool("kustomize").unwrap().parent().unwrap()]),
        ),
        "",
    );
    // unless this machine has a helm of its own
    assert!(
        missing.code == 0 || missing.stderr.starts_with("error: helm is not on PATH"),
        "{}",
        missing.stderr
    );
}

#[test]
fn a_name_that_is_an_option_runs_nothing() {
    let Some(checkout) = checkout(&[]) else {
        return;
    };
    let mark = checkout.folder.path().join("mark");
    let script = checkout.root().join("app/evil");
    let generator = |name: &str| {
        format!(
            "apiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {{name: h}}\nname: web\nreleaseName: {name}\n"
        )
    };
    let option = format!("--post-renderer={}", script.display());
    // the last one only shows when kustomize has built the folder
    let patch = format!(
        "patches:\n- target: {{kind: HelmChartInflationGenerator}}\n  patch: '[{{op: replace, path: /releaseName, value: \"{option}\"}}]'\n"
    );
    for (folder, generator, expected) in [
        (
            "",
            generator(&option),
            "releaseName of the helm chart web begins with `-`",
        ),
        (
            patch.as_str(),
            generator("shop"),
            "error: kustomize failed with exit code 1",
        ),
    ] {
        write_files(
            &checkout.root(),
            &[
                ("app/kustomization.yaml", "generators: [generator]\n"),
                (
                    "app/generator/kustomization.yaml",
                    &format!("resources: [h.yaml]\n{folder}"),
                ),
                ("app/generator/h.yaml", &generator),
                (
                    "app/evil",
                    &format!("#!/bin/sh\ntouch {}\ncat\n", mark.display()),
                ),
            ],
        );
        write_files(&checkout.root().join("app/charts"), CHART);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&script, mode).unwrap();
        let output = run(checkout.build().args(["--enable-helm", "app"]), "").code(1);
        assert!(output.stderr.contains(expected), "{}", output.stderr);
        assert_eq!(output.text(), "");
        assert!(!mark.exists());
    }
}

/// A server of charts with the chart `web` in it; its address.
fn chart_server(folder: &Path) -> String {
    write_files(folder, CHART);
    let packed = Command::new("tar")
        .args(["-czf", "web-1.0.0.tgz", "web"])
        .current_dir(folder)
        .status()
        .unwrap();
    assert!(packed.success());
    let archive = fs::read(folder.join("web-1.0.0.tgz")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let index = format!(
        "apiVersion: v1\nentries:\n  web:\n  - {{apiVersion: v2, name: web, version: 1.0.0, urls: ['http://{address}/web-1.0.0.tgz']}}\n"
    );
    // ends with the test process
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let Some(request) = read_request(&mut stream) else {
                continue;
            };
            let body = if request.method == "GET" && request.target == "/index.yaml" {
                index.as_bytes()
            } else {
                &archive
            };
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream
                .write_all(head.as_bytes())
                .and_then(|()| stream.write_all(body));
        }
    });
    address
}

/// A policy for the file store with these switches.
fn policy(enable: &str) -> String {
    format!(
        "apiVersion: gitops-fn.dev/v1alpha1\nkind: Policy\nmetadata: {{name: test}}\nspec:\n  store: file\n  mounts: [{{path: kv, version: 2}}]\n  \
         allow: [{{name: all, paths: ['kv/shop/*']}}]\n  enable: {enable}\n"
    )
}

#[test]
fn a_chart_is_fetched_only_where_the_policy_says_so() {
    let Some(checkout) = checkout(&[]) else {
        return;
    };
    let address = chart_server(&checkout.folder.path().join("server"));
    let kustomization = format!(
        "helmCharts: [{{name: web, releaseName: shop, version: 1.0.0, repo: 'http://{address}'}}]\ntransformers:\n{}",
        entry(&release("  repository: {url: acme/shop}\n"))
    );
    fs::write(checkout.root().join("kustomization.yaml"), kustomization).unwrap();
    let refused = run(checkout.build().arg("--enable-helm"), "").code(1);
    assert!(
        refused
            .stderr
            .contains("the helm chart web has to be fetched\nhelp: vendor the chart"),
        "{}",
        refused.stderr
    );
    let before = checkout.files();
    for (enable, code) in [("{helm: true}", 1), ("{helm: true, remoteCharts: true}", 0)] {
        let Some(machine) = Governed::new(&policy(enable)) else {
            return;
        };
        let output = run(&mut checkout.build_by(machine.gitops_fn()), "");
        assert_eq!(output.code, code, "{enable}: {}", output.stderr);
        if code == 0 {
            assert!(output.text().contains("value-of-the-secret"));
        } else {
            assert_eq!(checkout.files(), before);
        }
    }
    let made: Vec<_> = checkout
        .files()
        .into_keys()
        .filter(|path| !before.contains_key(path))
        .collect();
    assert!(
        made.iter()
            .all(|path| path.starts_with(checkout.root().join("charts"))),
        "{made:?}"
    );
    assert!(!made.is_empty());
    assert_eq!(fs::read_dir(checkout.tmp()).unwrap().count(), 0);
}

#[test]
fn charts_are_not_fetched_through_a_link() {
    let Some(checkout) = checkout(&[]) else {
        return;
    };
    let outside = checkout.folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, checkout.root().join("charts")).unwrap();
    fs::write(
        checkout.root().join("kustomization.yaml"),
        "helmCharts: [{name: web, repo: 'http://127.0.0.1:1'}]\n",
    )
    .unwrap();
    let Some(machine) = Governed::new(&policy("{helm: true, remoteCharts: true}")) else {
        return;
    };
    let output = run(&mut checkout.build_by(machine.gitops_fn()), "").code(1);
    assert!(
        output
            .stderr
            .contains("the chart home charts leads out of the repository"),
        "{}",
        output.stderr
    );
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

/// What is said of such a chart.
pub(super) const HIDDEN: &str = "… has a .git folder in it, which is hidden from helm";

/// A `.git` folder in a chart is hidden from helm, which then cannot list the chart; helm itself would say that
/// `Chart.yaml` is missing.
#[test]
fn a_chart_with_a_git_folder_is_told_as_such() {
    for place in ["web/.git", "web/charts/sub/.git", "web/templates/a/.git"] {
        let Some(checkout) = checkout(&[(
            "app/kustomization.yaml",
            "helmCharts: [{name: web, releaseName: shop}]\n",
        )]) else {
            return;
        };
        write_files(&checkout.root().join("app/charts"), CHART);
        let git = format!("app/charts/{place}/config");
        write_files(&checkout.root(), &[(&git, "[remote]\n")]);
        let output = run(checkout.build().args(["--enable-helm", "app"]), "").code(1);
        assert!(
            output
                .stderr
                .contains("app/charts/web has a .git folder in it, which is hidden from helm")
                && output.stderr.contains("help: remove the .git folder")
                && !output.stderr.contains("Chart.yaml"),
            "{place}: {}",
            output.stderr
        );
    }
}

/// Whatever else is hidden is told by kustomize as what it cannot read, and by us as what it may not.
#[test]
fn a_file_of_a_git_folder_is_told_as_hidden() {
    let Some(checkout) = checkout(&[(
        "app/kustomization.yaml",
        "configMapGenerator: [{name: c, files: [sub/.git/config]}]\n",
    )]) else {
        return;
    };
    write_files(&checkout.root(), &[("app/sub/.git/config", "token\n")]);
    let output = run(checkout.build().arg("app"), "").code(1);
    assert!(
        output.stderr.contains("permission denied")
            && output.stderr.ends_with("help: see its own message above; kustomize and helm read nothing outside of the repository, and no .git folder in it\n"),
        "{}",
        output.stderr
    );
}

/// As Helm 3's post-renderer: a chart of CRDs or hooks alone gives an empty input.
#[test]
fn a_chart_without_manifests_is_no_error_for_a_post_renderer_that_allows_it() {
    let Some(helm) = tool("helm") else { return };
    let dir = crate::support::temp_dir();
    write_files(
        dir.path(),
        &[
            ("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"),
            (
                "c/crds/x.yaml",
                "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: x}\n",
            ),
            (
                "c/templates/hook.yaml",
                "apiVersion: v1\nkind: Pod\nmetadata: {name: t, annotations: {helm.sh/hook: test}}\n",
            ),
        ],
    );
    let template = |arguments: &[&str]| {
        let mut command = crate::support::clean(&helm);
        command
            .args(["template", "c", "--post-renderer"])
            .arg(crate::support::exe());
        for argument in arguments {
            command.args(["--post-renderer-args", argument]);
        }
        run(command.current_dir(dir.path()).env("HOME", dir.path()), "")
    };
    let alone = run(
        crate::support::clean(&helm)
            .args(["template", "c"])
            .current_dir(dir.path())
            .env("HOME", dir.path()),
        "",
    );
    let strict = template(&["render", "-"]);
    assert!(
        strict.code != 0 && strict.stderr.contains("the input is empty"),
        "{}",
        strict.stderr
    );
    let allowed = template(&["render", "--allow-empty", "-"]).success();
    assert_eq!(allowed.text(), alone.success().text());
}
