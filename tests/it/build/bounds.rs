//! How much a repository can make kustomize and helm take: memory, processes, and time after us.

use std::fmt::Write as _;
use std::fs;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use super::Checkout;
use super::ends::{is_gone, until};
use super::helm::checkout;
use crate::governed::Governed;
use crate::support::run;

const POLICY: &str = "apiVersion: gitops-fn.dev/v1alpha1
kind: Policy
metadata: {name: test}
spec:
  sandbox: required
  enable: {helm: true}
";

const SAYS: &str =
    "error: kustomize or helm wanted more memory than it may have: 536870912 bytes\nhelp: ";

/// A chart with this template.
fn chart(template: &str) -> [(&str, &str); 4] {
    [
        (
            "kustomization.yaml",
            "helmCharts: [{name: web, releaseName: web}]\n",
        ),
        (
            "charts/web/Chart.yaml",
            "apiVersion: v2\nname: web\nversion: 1.0.0\n",
        ),
        ("charts/web/values.yaml", ""),
        ("charts/web/templates/all.yaml", template),
    ]
}

#[test]
fn a_chart_that_makes_gigabytes_is_refused() {
    let Some(checkout) = checkout(&chart("{{ $x := repeat 2000000000 \"x\" }}")) else {
        return;
    };
    let Some(machine) = Governed::new(POLICY) else {
        return;
    };
    let output = run(&mut checkout.build_by(machine.gitops_fn()), "").code(1);
    assert!(output.stderr.contains(SAYS), "{}", output.stderr);
    assert_eq!(output.text(), "");
    // a larger limit, which that chart does not reach
    let more = format!("{POLICY}  limits: {{childMemoryBytes: 1000}}\n");
    let Some(machine) = Governed::new(&more) else {
        return;
    };
    let output = run(&mut checkout.build_by(machine.gitops_fn()), "");
    assert_ne!(output.code, 0, "the limit is the policy's");
}

#[test]
fn generators_that_make_gigabytes_are_refused() {
    let large = "x y z\n".repeat(150_000);
    let mut kustomization = "configMapGenerator:\n".to_owned();
    for number in 0..400 {
        writeln!(kustomization, "- {{name: c{number}, files: [large]}}").unwrap();
    }
    let files = [("kustomization.yaml", &*kustomization), ("large", &*large)];
    let (Some(checkout), Some(machine)) = (checkout(&files), Governed::new(POLICY)) else {
        return;
    };
    let output = run(&mut checkout.build_by(machine.gitops_fn()), "").code(1);
    assert!(output.stderr.contains(SAYS), "{}", output.stderr);
    assert_eq!(output.text(), "");
}

#[test]
fn a_harmless_chart_has_enough() {
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: {{ repeat 1000000 \"x\" }}}\n";
    let (Some(checkout), Some(machine)) = (checkout(&chart(template)), Governed::new(POLICY))
    else {
        return;
    };
    let output = run(&mut checkout.build_by(machine.gitops_fn()), "").success();
    assert!(output.text().contains("name: \"a\""), "{}", output.stderr);
}

#[test]
fn no_socket_of_any_kind_is_made() {
    let actions = "datagram 127.0.0.1:0\nlocal x\nlisten 127.0.0.1:0\nconnect 127.0.0.1:1\n";
    let Some(checkout) = Checkout::fake(actions) else {
        return;
    };
    let output = run(&mut checkout.build(), "").success();
    for action in [
        "datagram 127.0.0.1:0",
        "local x",
        "listen 127.0.0.1:0",
        "connect 127.0.0.1:1",
    ] {
        let denied = format!("\"{action}\": PermissionDenied");
        assert!(output.text().contains(&denied), "{}", output.text());
    }
}

#[test]
fn what_it_has_started_ends_with_us_however_we_end() {
    let Some(checkout) = Checkout::fake("spawn\nhang\n") else {
        return;
    };
    let mut ours = checkout
        .build()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let below = |pid: u32| -> Vec<i32> {
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let children = children.unwrap_or_default();
        children
            .split_whitespace()
            .filter_map(|pid| pid.parse().ok())
            .collect()
    };
    // ours, the supervisor, the program, and what that has started
    let mut grandchild = None;
    until("the program starts another", || {
        let mut found = below(ours.id());
        for _ in 0..2 {
            found = found
                .into_iter()
                .flat_map(|pid| below(pid.unsigned_abs()))
                .collect();
        }
        grandchild = found.first().copied();
        grandchild.is_some()
    });
    let us = Pid::from_raw(ours.id().cast_signed()).unwrap();
    kill_process(us, Signal::KILL).unwrap();
    ours.wait().unwrap();
    until("what it has started ends", || is_gone(grandchild.unwrap()));
}

/// A downloader of helm's that is helm itself starts helm after helm. The scan sees neither where it lies nor
/// what asks for it: both come of a patch.
#[test]
fn helm_has_no_plugins_wherever_the_repository_puts_its_home() {
    let files = [
        ("kustomization.yaml", "generators: [made]\n"),
        (
            "made/kustomization.yaml",
            "resources: [chart.yaml]\npatches: [{path: patch.yaml, target: {name: x}}]\n",
        ),
        (
            "made/chart.yaml",
            "apiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: x}\nname: web\n",
        ),
        (
            "made/patch.yaml",
            "- {op: add, path: /configHome, value: helm}\n- {op: add, path: /repo, value: 'chain://a'}\n- {op: add, path: /version, value: 1.0.0}\n",
        ),
        (
            "helm/.data/plugins/chain/plugin.yaml",
            "name: chain\nversion: 1.0.0\ndownloaders: [{command: helm, protocols: [chain]}]\n",
        ),
    ];
    let (Some(checkout), Some(machine)) = (checkout(&files), Governed::new(POLICY)) else {
        return;
    };
    let output = run(&mut checkout.build_by(machine.gitops_fn()), "").code(1);
    assert!(
        output.stderr.contains("protocol handler") && output.stderr.contains("chain"),
        "{}",
        output.stderr
    );
}
