//! Argo CD does not bound how many plugins run at once: fifty builds on one Vault.

use std::fs;
use std::io::Read as _;
use std::process::{Child, Stdio};
use std::thread;

use serde_json::json;

use super::repository::{PASSWORD, Repository, argocd};
use crate::support::{documents, gitops_fn, path_with, say, tool};
use crate::vault::server::Server;

const BUILDS: usize = 50;
/// What one of them may take beyond its kustomize.
const MEMORY_KB: u64 = 40_000;

/// The most memory that a process has had, while it waits for its output to be read: all of its work is done
/// before it writes, and more than a pipe holds.
fn peak(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.unwrap().trim().trim_end_matches(" kB");
    number.parse().unwrap()
}

#[test]
fn fifty_builds_at_once_all_end_well_and_stay_small() {
    let Some(kustomize) = tool("kustomize") else {
        return;
    };
    let Some(vault) = Server::start() else { return };
    vault.secret(
        "kv",
        "shop/web",
        &json!({"password": PASSWORD, "user": "shop"}),
    );
    let reader = vault.reader();
    let repository = Repository::new();
    let padding = "x".repeat(100_000);
    let base = repository.root().join("deploy/base");
    fs::write(
        base.join("secret.yaml"),
        fs::read_to_string(base.join("secret.yaml")).unwrap() + &format!("  padding: {padding}\n"),
    )
    .unwrap();
    let env = argocd(
        Repository::PATH,
        &[
            ("ARGOCD_ENV_APP_REPO", "acme/shop-web"),
            ("ARGOCD_ENV_IMAGE_NAME", "registry.example/acme/shop-web"),
            ("ARGOCD_ENV_IMAGE_TAG", "1.10"),
        ],
    );
    let build = || {
        let mut command = gitops_fn();
        reader
            .on(&mut command)
            .arg("build")
            .current_dir(repository.root().join(Repository::PATH))
            .env("PATH", path_with(&[kustomize.parent().unwrap()]))
            .env("VAULT_ADDR", vault.address())
            // on a busy machine fifty kustomizes take a while
            .env("GITOPS_FN_TIMEOUT", "10m")
            .envs(env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let children: Vec<_> = (0..BUILDS).map(|_| build()).collect();
    let run = |mut child: Child| {
        let mut output = vec![0];
        let mut pipe = child.stdout.take().unwrap();
        let read = pipe.read(&mut output).unwrap();
        let peak = if read == 1 { peak(&child) } else { 0 };
        pipe.read_to_end(&mut output).unwrap();
        (peak, output, child.wait_with_output().unwrap())
    };
    let peaks: Vec<u64> = thread::scope(|scope| {
        let running: Vec<_> = children
            .into_iter()
            .map(|child| scope.spawn(move || run(child)))
            .collect();
        running
            .into_iter()
            .map(|thread| {
                let (peak, output, rest) = thread.join().unwrap();
                let stderr = String::from_utf8_lossy(&rest.stderr);
                assert!(rest.status.success(), "{stderr}");
                Repository::assert_built(&documents(std::str::from_utf8(&output).unwrap()));
                peak
            })
            .collect()
    });
    let most = *peaks.iter().max().unwrap();
    say(&format!(
        "{BUILDS} builds at once: {most} kB at most beside each kustomize"
    ));
    assert!(most > 0 && most <= MEMORY_KB, "{most} kB");
    vault.assert_tokens_gone(BUILDS);
}
