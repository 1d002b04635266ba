//! What harmless repositories say: kustomizations that other projects ship in their Go modules, built as
//! the real kustomize builds them, with and without a policy.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde::Deserialize;

use super::argo::Argo;
use super::program::{Job, run_all};
use super::tenant::same;
use crate::support::{clean, exe, path_with, root, run, say, skip, tool};

/// Folders of the modules in `tests/tools/kustomizations/go.mod` that the real kustomize builds without a
/// network, from what their repository holds alone.
const FOLDERS: &[(&str, &[&str])] = &[
    (
        "github.com/argoproj/argo-rollouts",
        &[
            "examples/notifications",
            "manifests/base",
            "manifests/dashboard-install",
            "manifests/namespace-install",
            "manifests/notifications",
            "manifests/role",
        ],
    ),
    (
        "github.com/fluxcd/kustomize-controller",
        &[
            "config/crd",
            "config/manager",
            "config/rbac",
            "config/testdata/dependencies",
            "config/testdata/overlays",
            "internal/controller/testdata/file-transformer",
            "internal/controller/testdata/invalid/overlay",
            "internal/controller/testdata/sops/algorithms",
            "internal/controller/testdata/sops/component",
            "internal/controller/testdata/sops/envs",
            "internal/controller/testdata/sops/files",
            "internal/controller/testdata/sops/global",
            "internal/controller/testdata/sops/inside",
            "internal/controller/testdata/sops/patches",
            "internal/controller/testdata/transformers",
        ],
    ),
    (
        "github.com/fluxcd/source-controller",
        &[
            "config/crd",
            "config/default",
            "config/manager",
            "config/rbac",
        ],
    ),
    (
        "github.com/kubernetes-csi/external-snapshotter/v8",
        &[
            "deploy/kubernetes/csi-snapshotter",
            "deploy/kubernetes/snapshot-controller",
        ],
    ),
    (
        "sigs.k8s.io/cluster-api",
        &[
            "bootstrap/kubeadm/config/certmanager",
            "bootstrap/kubeadm/config/crd",
            "bootstrap/kubeadm/config/default",
            "bootstrap/kubeadm/config/manager",
            "bootstrap/kubeadm/config/rbac",
            "bootstrap/kubeadm/config/webhook",
            "cmd/clusterctl/config/crd",
            "controlplane/kubeadm/config/certmanager",
            "controlplane/kubeadm/config/crd",
            "controlplane/kubeadm/config/default",
            "controlplane/kubeadm/config/manager",
            "controlplane/kubeadm/config/rbac",
            "controlplane/kubeadm/config/webhook",
            "core/config/certmanager",
            "core/config/manager",
            "core/config/metrics",
            "core/config/rbac",
            "core/config/webhook",
        ],
    ),
    (
        "sigs.k8s.io/kueue",
        &[
            "cmd/importer/run-in-cluster",
            "config/components/certmanager",
            "config/components/internalcert",
            "config/components/kueueviz",
            "config/components/manager",
            "config/components/prometheus",
            "config/components/rbac",
            "config/components/visibility",
            "config/components/visibility-apf",
            "config/components/webhook",
            "config/default",
            "config/kueueviz",
            "config/prometheus",
            "config/visibility-apf",
            "test/e2e/config/certmanager/dev",
        ],
    ),
    (
        "sigs.k8s.io/metrics-server",
        &[
            "manifests/base",
            "manifests/overlays/release",
            "manifests/overlays/release-ha",
            "manifests/overlays/release-ha-1.21+",
            "manifests/overlays/test",
            "manifests/overlays/test-ha",
        ],
    ),
];

/// What `go mod download -json` says of a module.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Module {
    path: String,
    dir: Option<PathBuf>,
    error: Option<String>,
}

/// The folders of the modules, which the Go command checks against `go.sum`; `None` after a skip.
#[track_caller]
pub(super) fn modules() -> Option<BTreeMap<String, PathBuf>> {
    let folder = root().join("tests/tools/kustomizations");
    let wanted = std::fs::read_to_string(folder.join("go.mod")).unwrap();
    let wanted = wanted.lines().filter_map(|line| {
        let (path, version) = line.strip_prefix('\t')?.split_once(' ')?;
        Some(format!("{path}@{version}"))
    });
    let output = Command::new("go")
        .args(["mod", "download", "-json"])
        .args(wanted)
        .current_dir(folder)
        .env("GOWORK", "off")
        .env("GOFLAGS", "-mod=readonly")
        // as new as the modules want it
        .env("GOTOOLCHAIN", "go1.27.3")
        .stderr(Stdio::inherit())
        .output();
    let Ok(output) = output else {
        skip("there is no Go to download modules with");
        return None;
    };
    let found = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Module>();
    let mut modules = BTreeMap::new();
    for module in found {
        let module = module.unwrap();
        let Some(dir) = module.dir else {
            skip(&format!("{}: {:?}", module.path, module.error));
            return None;
        };
        modules.insert(module.path, dir);
    }
    Some(modules)
}

#[test]
fn harmless_kustomizations_are_built_as_kustomize_builds_them() {
    let Some(kustomize) = tool("kustomize") else {
        return;
    };
    let Some(mut argo) = Argo::start() else {
        return;
    };
    let Some(modules) = modules() else { return };
    let folders: Vec<_> = FOLDERS
        .iter()
        .flat_map(|(module, folders)| folders.iter().map(|folder| (&modules[*module], *folder)))
        .collect();
    assert!(folders.len() >= 50);
    let jobs: Vec<_> = folders
        .iter()
        .map(|(root, folder)| Job::BuildIn(root, folder))
        .collect();
    let Some(governed) = run_all(&jobs) else {
        return;
    };

    let next = AtomicUsize::new(0);
    let others = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..super::THREADS {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some((root, folder)) = folders.get(index) else {
                        break;
                    };
                    let theirs = run(clean(&kustomize).arg("build").arg(root.join(folder)), "");
                    let path = path_with(&[kustomize.parent().unwrap()]);
                    let mut free = clean(exe());
                    free.args(["build", "--root"])
                        .arg(root)
                        .arg(root.join(folder))
                        .env("PATH", path);
                    let free = run(&mut free, "");
                    others.lock().unwrap().insert(index, (theirs, free));
                }
            });
        }
    });
    let others = others.into_inner().unwrap();

    let (mut objects, mut wrong) = (0, Vec::new());
    for (index, ((_, folder), governed)) in folders.iter().zip(&governed).enumerate() {
        let (theirs, free) = &others[&index];
        assert!(
            theirs.code == 0 && !theirs.stdout.is_empty(),
            "{folder}: {}",
            theirs.stderr
        );
        if free.stdout != theirs.stdout {
            wrong.push(format!(
                "{folder}: differs without a policy: {}",
                free.stderr
            ));
        }
        let Some(governed) = governed else {
            wrong.push(format!("{folder}: is refused under a policy"));
            continue;
        };
        let (before, after) = (
            argo.sees(theirs.text()).unwrap(),
            argo.sees(governed).unwrap(),
        );
        objects += before.len();
        let alike = before.len() == after.len()
            && before
                .iter()
                .zip(&after)
                .all(|(before, after)| same(before, after));
        if !alike {
            wrong.push(format!("{folder}: differs under a policy"));
        }
    }
    say(&format!(
        "{} kustomizations built, {objects} objects",
        folders.len()
    ));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
