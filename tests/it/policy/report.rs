//! `gitops-fn policy test`, for an operator's own CI.

use serde_json::Value;

use super::{TENANTS, policy};
use crate::support::{Output, gitops_fn, root, run, temp_dir, write_files};

fn test(policy: &str, arguments: &[&str]) -> Output {
    let dir = temp_dir();
    write_files(dir.path(), &[("policy.yaml", policy)]);
    let mut command = gitops_fn();
    command
        .args(["policy", "test", "--policy", "policy.yaml"])
        .args(arguments)
        .current_dir(dir.path());
    run(
        &mut command,
        super::secret("<path:kv/billing/web/db#password>"),
    )
}

const SHOP: [&str; 6] = [
    "--project",
    "shop",
    "--app",
    "web",
    "--namespace",
    "shop-prod",
];

#[test]
fn a_table_shows_what_an_application_may_do() {
    let output = test(&policy(TENANTS), &SHOP).success();
    for line in [
        "application  ARGOCD_APP_PROJECT_NAME",
        "path         kv/shop/web/*",
        "rule own",
        "path         kv/shop-prod/**",
        "sink         v1 Secret stringData/*",
        "functionMode",
    ] {
        assert!(output.text().contains(line), "{line}:\n{}", output.text());
    }
    assert_eq!(output.stderr, "");
}

#[test]
fn verdicts_decide_the_exit_code() {
    let with = |more: &[&str]| {
        let arguments: Vec<_> = SHOP.iter().chain(more).copied().collect();
        test(&policy(TENANTS), &arguments)
    };
    let output = with(&["kv/shop/web/db", "kv/data/shared/ca"]).success();
    assert!(output.text().contains("ALLOWED"), "{}", output.text());
    let output = with(&["kv/shop/web/db", "kv/billing/web/db"]).code(1);
    assert!(output.text().contains("DENIED"), "{}", output.text());
    assert!(
        output.text().contains("no rule of the policy"),
        "{}",
        output.text()
    );
    with(&["--function", "kv/shared/ca"]).code(1);
    with(&["--sink", "v1:Secret:data/a"]).success();
    with(&["--sink", "v1:ConfigMap:data/a"]).code(1);
    with(&["--sink", "nonsense"]).code(2);
    let output = with(&["-f", "-"]).code(1);
    assert!(
        output.stderr.contains("no rule of the policy"),
        "{}",
        output.stderr
    );
}

/// Else a pipe whose first command has failed would be an approval.
#[test]
fn manifests_that_are_not_there_are_not_allowed() {
    let dir = temp_dir();
    write_files(
        dir.path(),
        &[
            ("policy.yaml", &policy(TENANTS)),
            ("empty.yaml", "# nothing\n"),
            ("some/a.yaml", &super::secret("<path:kv/shop/web/db#k>")),
        ],
    );
    std::os::unix::fs::symlink("../empty.yaml", dir.path().join("some/b.yaml")).unwrap();
    let with = |arguments: &[&str], stdin: &str| {
        let mut command = gitops_fn();
        command.args(["policy", "test"]).args(SHOP).args(arguments);
        run(command.current_dir(dir.path()), stdin)
    };
    for manifests in ["-", "empty.yaml"] {
        let output = with(&["--policy", "policy.yaml", "-f", manifests], "").code(1);
        assert!(
            output.stderr.contains("error: the input is empty"),
            "{}",
            output.stderr
        );
    }
    let output = with(&["--policy", "-", "-f", "-"], &policy(TENANTS)).code(2);
    assert!(
        output.stderr.contains("more than once"),
        "{}",
        output.stderr
    );
    let output = with(&["--policy", "policy.yaml", "-f", "some"], "").success();
    assert_eq!(
        output.stderr,
        "warning: some/b.yaml is a symbolic link and was left out\n"
    );
}

#[test]
fn json_says_the_same() {
    let arguments: Vec<_> = SHOP
        .iter()
        .chain(&[
            "--output",
            "json",
            "-f",
            "-",
            "kv/shop/web/db",
            "kv/billing/x",
        ])
        .copied()
        .collect();
    let output = test(&policy(TENANTS), &arguments).code(1);
    let report: Value = serde_json::from_str(output.text()).unwrap();
    assert_eq!(report["allowed"], false);
    assert_eq!(report["application"]["ARGOCD_APP_PROJECT_NAME"], "shop");
    assert_eq!(report["paths"][0]["rule"], "own");
    assert_eq!(report["paths"][0]["path"], "kv/shop/web/*");
    assert_eq!(report["verdicts"][0]["by"], "rule own");
    assert_eq!(report["verdicts"][1]["allowed"], false);
    assert_eq!(report["manifests"][0]["object"], "Secret db");
    assert_eq!(report["manifests"][0]["field"], "stringData.password");
    assert_eq!(report["enable"]["helm"], false);
    let nobody = test(&policy(TENANTS), &["--output", "json"]).success();
    let report: Value = serde_json::from_str(nobody.text()).unwrap();
    assert_eq!(report["paths"][0]["path"], Value::Null);
    assert!(report["paths"][0]["reason"].is_string());
    assert_eq!(report["paths"][2]["path"], "kv/shared/ca");
}

#[test]
fn a_policy_that_does_not_hold_is_exit_code_2() {
    let output = test("kind: Policy\n", &["kv/a"]).code(2);
    assert!(
        output.stderr.contains("apiVersion: missing"),
        "{}",
        output.stderr
    );
    let mut command = gitops_fn();
    command.args(["policy", "test", "--policy", "/nosuch/policy.yaml"]);
    run(&mut command, "").code(2);
}

#[test]
fn the_examples_keep_two_tenants_apart() {
    let example = root().join("fn-config/policy-two-tenants.yaml");
    let verdict = |project: &str, path: &str| {
        let mut command = gitops_fn();
        command.args([
            "policy",
            "test",
            "--app",
            "web",
            "--namespace",
            "prod",
            "--project",
            project,
        ]);
        command.arg("--policy").arg(&example).arg(path);
        run(&mut command, "").code
    };
    for project in ["shop", "billing"] {
        for owner in ["shop", "billing"] {
            let expected = i32::from(project != owner);
            assert_eq!(verdict(project, &format!("kv/{owner}/web/db")), expected);
        }
    }
    let mut command = gitops_fn();
    command.args(["policy", "test", "--project", "billing", "--policy"]);
    let output = run(command.arg(&example), "").success();
    assert!(
        output.text().contains("argocd-billing"),
        "{}",
        output.text()
    );
    assert_eq!(verdict("billing", "legacy/prod/a/b"), 0);
    assert_eq!(verdict("shop", "legacy/prod/a/b"), 1);
}

#[test]
fn the_schema_of_a_policy_is_printed() {
    let output = run(gitops_fn().args(["schema", "--kind", "policy"]), "").success();
    let committed = std::fs::read_to_string(root().join("fn-config/policy.schema.json")).unwrap();
    assert_eq!(output.text(), committed);
}

#[test]
fn nothing_that_is_asked_makes_a_line_of_its_own() {
    let forged = "web\nALLOWED  kv/x\u{1b}[2J";
    let asked = [
        "--project",
        forged,
        "--app",
        forged,
        "--namespace",
        forged,
        "--sink",
        &format!("v1:A:{forged}"),
        forged,
    ];
    let output = test(&policy(TENANTS), &asked).code(1);
    assert!(
        !output
            .text()
            .lines()
            .any(|line| line.starts_with("ALLOWED")),
        "{}",
        output.text()
    );
    assert!(!output.text().contains('\u{1b}'), "{}", output.text());
    assert!(
        output.text().contains(r"web\nALLOWED  kv/x\u{1b}[2J"),
        "{}",
        output.text()
    );
}
