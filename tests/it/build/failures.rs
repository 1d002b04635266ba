//! The page's list of what `gitops-fn build` says when it fails.

use std::fs;

use super::bounds::FETCH;
use super::helm::HIDDEN;
use super::{Checkout, entry, release};
use crate::docs::failures::{assert_listed, holds};
use crate::governed::Governed;
use crate::support::run;

/// A row of the list, and the run that brings it about.
struct Failure {
    message: &'static str,
    exit: i32,
    kustomization: String,
    /// What kustomize does, where ours stands in its place; the real one is not needed for any of these.
    actions: &'static str,
    env: (&'static str, &'static str),
}

fn failure(message: &'static str, exit: i32, kustomization: impl Into<String>) -> Failure {
    Failure {
        message,
        exit,
        kustomization: kustomization.into(),
        actions: "exit 1",
        env: ("LANG", "C"),
    }
}

/// What happens when kustomize does this.
fn acting(message: &'static str, exit: i32, actions: &'static str) -> Failure {
    Failure {
        actions,
        ..failure(message, exit, "resources: []\n")
    }
}

fn failures() -> Vec<Failure> {
    let ours = release("  secrets: {}\n");
    let transformer = |object: &str| format!("transformers:\n{}", entry(object));
    let container = ours.replace("exec: {path: gitops-fn}", "container: {image: gitops-fn}");
    vec![
        Failure {
            env: ("PATH", "/nowhere"),
            ..acting("kustomize is not on PATH", 2, "")
        },
        acting("this is kustomize …", 2, "old"),
        acting(
            "kustomize failed with exit code …",
            1,
            "say no such file\nexit 1",
        ),
        acting("kustomize printed no resource", 1, "silent"),
        acting("kustomize printed more than … bytes", 1, "flood"),
        acting(
            "kustomize or helm wanted more memory than it may have: … bytes",
            1,
            "say fatal error: runtime: out of memory\nexit 2",
        ),
        Failure {
            env: ("GITOPS_FN_TIMEOUT", "1s"),
            ..acting(
                "kustomize did not end before the deadline (transient)",
                3,
                "hang",
            )
        },
        failure(
            "… leads out of the repository (…)",
            1,
            "resources: [../..]\n",
        ),
        failure(
            "… is remote",
            1,
            "resources: ['https://git.example/base']\n",
        ),
        failure(
            "is an entry of gitops-fn in the wrong place",
            1,
            format!("generators:\n{}", entry(&ours)),
        ),
        failure(
            "runs gitops-fn as a container, and there are none here",
            1,
            transformer(&container),
        ),
        failure(
            "is a third-party function",
            1,
            transformer(&ours.replace("path: gitops-fn", "path: sh")),
        ),
        failure(
            "is a plugin that kustomize would have to execute",
            1,
            transformer("apiVersion: a/v1\nkind: B\nmetadata: {name: c}\n"),
        ),
        failure(
            "the helm chart … needs helm",
            1,
            "helmCharts: [{name: web}]\n",
        ),
        failure(
            "… of the helm chart … begins with `-`",
            1,
            "helmCharts: [{name: web, releaseName: -x}]\n",
        ),
        failure(
            "… of the helm chart … moves helm's own folders",
            1,
            "helmCharts: [{name: web}]\nhelmGlobals: {configHome: helm}\n",
        ),
    ]
}

/// What is said under a policy of the program in kustomize's place, which needs a loader.
const DYNAMIC: &str = "… is linked dynamically, and under a policy only static programs are run";

#[test]
fn a_program_with_a_loader_is_not_run_under_a_policy() {
    let policy = "apiVersion: gitops-fn.dev/v1alpha1\nkind: Policy\nmetadata: {name: a}\nspec: {sandbox: optional}\n";
    let (Some(checkout), Some(machine)) = (Checkout::fake(""), Governed::new(policy)) else {
        return;
    };
    let output = run(&mut checkout.build_by(machine.gitops_fn()), "").code(2);
    assert!(holds(&output.stderr, DYNAMIC), "{}", output.stderr);
    assert!(output.stderr.contains("help: "), "{}", output.stderr);
    assert_eq!(output.text(), "");
}

#[test]
fn every_failure_of_a_build_is_real() {
    for failure in failures() {
        let Some(checkout) = Checkout::fake(failure.actions) else {
            return;
        };
        if failure.actions == "old" {
            fs::write(checkout.root().join("fake-version.txt"), "v5.4.0\n").unwrap();
        }
        fs::write(
            checkout.root().join("kustomization.yaml"),
            &failure.kustomization,
        )
        .unwrap();
        let output = run(checkout.build().env(failure.env.0, failure.env.1), "");
        let message = failure.message;
        assert!(
            holds(&output.stderr, message),
            "{message}\n{}",
            output.stderr
        );
        assert_eq!(output.code, failure.exit, "{message}\n{}", output.stderr);
        assert!(output.stderr.contains("help: "), "{}", output.stderr);
        assert_eq!(output.text(), "");
    }
}

#[test]
fn the_list_has_these_failures_of_a_build_and_no_others() {
    assert_listed(
        "| From `gitops-fn build` | Exit | What to do |",
        failures()
            .iter()
            .map(|failure| (failure.message, failure.exit))
            .chain([(HIDDEN, 1), (FETCH, 1), (DYNAMIC, 2)]),
    );
}
