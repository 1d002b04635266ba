//! A kernel without Landlock, which a filter of system calls makes of this one.

use std::process::{Command, Stdio};

use super::{Checkout, SECRET};
use crate::governed::Governed;
use crate::support::{Output, clean, exe, root, run, skip};

const WARNING: &str = "warning: kustomize is not confined: this system has no Landlock; build only repositories that you trust\n";

/// `gitops-fn build` there, under a policy if one is given.
fn build(checkout: &Checkout, policy: Option<&str>, arguments: &[&str]) -> Option<Output> {
    let script = root().join("tests/it/build/no_landlock.py");
    let works = Command::new("python3")
        .arg(&script)
        .arg("true")
        .stdin(Stdio::null())
        .status();
    if !works.is_ok_and(|status| status.success()) {
        skip("python3 cannot filter system calls");
        return None;
    }
    let machine = match policy {
        Some(policy) => Some(Governed::new(policy)?),
        None => None,
    };
    let mut command = match &machine {
        Some(machine) => machine.program("python3"),
        None => clean("python3"),
    };
    command.arg(script).arg(exe());
    let mut build = checkout.build_by(command);
    Some(run(build.arg("app").args(arguments), ""))
}

fn policy(sandbox: &str) -> String {
    format!(
        "apiVersion: gitops-fn.dev/v1alpha1\nkind: Policy\nmetadata: {{name: test}}\nspec:\n  store: file\n  mounts: [{{path: kv, version: 2}}]\n  \
         allow: [{{name: all, paths: ['kv/shop/*']}}]\n{sandbox}"
    )
}

#[test]
fn without_landlock_a_policy_decides_and_a_warning_is_said() {
    let Some(checkout) = Checkout::new(&[
        ("app/kustomization.yaml", "resources: [secret.yaml]\n"),
        ("app/secret.yaml", SECRET),
    ]) else {
        return;
    };
    let Some(warned) = build(&checkout, None, &[]) else {
        return;
    };
    let warned = warned.success();
    assert!(warned.text().contains("value-of-the-secret"));
    assert_eq!(
        warned.stderr.matches(WARNING).count(),
        1,
        "{}",
        warned.stderr
    );
    let Some(refused) = build(&checkout, Some(&policy("")), &[]) else {
        return;
    };
    let refused = refused.code(2);
    assert_eq!(
        refused.stderr,
        "error: this kernel cannot confine kustomize: Landlock (Linux 5.13) is missing or not enabled\n\
         help: use a kernel with Landlock, or let the operator's policy say `sandbox: optional`\n"
    );
    assert_eq!(refused.text(), "");
    let optional = policy("  sandbox: optional\n");
    let Some(accepted) = build(&checkout, Some(&optional), &[]) else {
        return;
    };
    let accepted = accepted.success();
    assert!(accepted.text().contains("value-of-the-secret"));
    assert!(!accepted.stderr.contains("confined"), "{}", accepted.stderr);
    let Some(logged) = build(&checkout, Some(&optional), &["-v"]) else {
        return;
    };
    assert!(
        logged
            .success()
            .stderr
            .contains("kustomize is not confined")
    );
}
