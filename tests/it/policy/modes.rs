//! What becomes of placeholders is the operator's word, whatever a Release and the environment say.

use super::{SHOP, TENANTS, policy, render, secret};
use crate::governed::Governed;
use crate::support::{run, write_files};

const PLACEHOLDER: &str = "<path:kv/shop/web/db#password>";

#[test]
fn keep_keeps_and_reads_nothing() {
    let spec = format!("{TENANTS}  secretsMode: keep\n");
    for mode in ["resolve", "keep"] {
        let env = [SHOP.as_slice(), &[("GITOPS_FN_SECRETS", mode)]].concat();
        let Some(output) = render(&spec, &env, &secret(PLACEHOLDER)) else {
            return;
        };
        let output = output.success();
        assert!(output.text().contains(PLACEHOLDER), "{}", output.text());
        // not even that there is a store
        assert_eq!(
            output.stderr,
            "warning: 1 field keeps its placeholders (the policy's secretsMode is keep)\nhelp: resolve them later, for example with `gitops-fn render -`\n"
        );
    }
    // and not what can never be resolved
    let output = render(&spec, &SHOP, &secret("<path:sys/x#y>")).unwrap();
    assert!(
        output.code(1).stderr.contains("one of Vault's own mounts"),
        "a path that names no secret"
    );
}

#[test]
fn forbidden_forbids() {
    let spec = format!("{TENANTS}  enable: {{keep: true}}\n  secretsMode: forbidden\n");
    for mode in ["resolve", "keep"] {
        let env = [SHOP.as_slice(), &[("GITOPS_FN_SECRETS", mode)]].concat();
        let Some(output) = render(&spec, &env, &secret(PLACEHOLDER)) else {
            return;
        };
        let output = output.code(1);
        assert_eq!(
            output.stderr,
            format!(
                "error: Secret db stringData.password {PLACEHOLDER}: the policy forbids placeholders for this Application (secretsMode: forbidden)\nhelp: take the placeholder out, or ask the operator\n"
            )
        );
    }
    render(&spec, &SHOP, &secret("nothing of ours"))
        .unwrap()
        .success();
}

#[test]
fn each_application_has_the_mode_of_the_first_entry_for_it() {
    let modes = "  secretsModes:
  - {mode: keep, projects: [shop], applications: [web-hydrate]}
  - {mode: forbidden, projects: [lab]}
";
    let spec = format!("{TENANTS}{modes}");
    let run = |project: &str, application: &str| {
        let env = [
            ("ARGOCD_APP_PROJECT_NAME", project),
            ("ARGOCD_APP_NAME", application),
            ("ARGOCD_APP_NAMESPACE", "web"),
        ];
        render(&spec, &env, &secret(PLACEHOLDER))
    };
    let Some(output) = run("shop", "web") else {
        return;
    };
    assert!(output.success().text().contains("value-shop"));
    let output = run("shop", "web-hydrate").unwrap().success();
    assert!(output.text().contains(PLACEHOLDER));
    for (project, application) in [("lab", "web"), ("", "web")] {
        let output = run(project, application).unwrap().code(1);
        assert!(
            output.stderr.contains("the policy forbids placeholders"),
            "{project:?}: {}",
            output.stderr
        );
    }
}

#[test]
fn a_report_names_the_mode_and_a_wrong_one_is_told() {
    let wrong = "
  secretsMode: maybe
  secretsModes:
  - {mode: keep, projects: []}
  - {mode: keep, applications: ['a*']}
";
    let Some(machine) = Governed::new(&policy("\n  secretsMode: keep\n")) else {
        return;
    };
    let report = run(machine.gitops_fn().args(["policy", "test"]), "").success();
    let line = report
        .text()
        .lines()
        .find(|line| line.starts_with("secrets "));
    assert_eq!(
        line.map(|line| line.split_whitespace().collect::<Vec<_>>()),
        Some(vec!["secrets", "secretsMode", "keep"])
    );
    write_files(machine.folder(), &[("wrong.yaml", &policy(wrong))]);
    let file = machine.folder().join("wrong.yaml");
    let output = run(
        machine
            .gitops_fn()
            .args(["policy", "test", "--policy"])
            .arg(file),
        "",
    )
    .code(2);
    for told in [
        "spec.secretsMode: not one of the known words",
        "spec.secretsModes[0].projects: empty",
        "spec.secretsModes[1].applications[0]: not a plain name",
        "spec.secretsModes[1].projects: missing",
    ] {
        assert!(output.stderr.contains(told), "{told}: {}", output.stderr);
    }
}
