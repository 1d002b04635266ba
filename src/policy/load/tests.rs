use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

fn problems(spec: &str) -> Vec<String> {
    let text = format!("apiVersion: gitops-fn.dev/v1alpha1\nkind: Policy\nspec: {spec}\n");
    match parse(&text, "policy") {
        Ok(_) => Vec::new(),
        Err(problems) => {
            for problem in &problems {
                let shown = format!("{problem} {}", problem.help);
                assert!(!shown.contains("NEVERSHOWN"), "{shown}");
                assert!(!problem.help.is_empty(), "{problem}");
            }
            problems.iter().map(ToString::to_string).collect()
        }
    }
}

const VAULT: &str = "vault: {address: 'https://vault.example', auth: {method: kubernetes, role: r}}, mounts: [{path: kv, version: 2}]";

fn with_rule(rule: &str) -> Vec<String> {
    problems(&format!("{{{VAULT}, allow: [{rule}]}}"))
}

#[test]
fn a_policy_that_says_nothing_allows_nothing() {
    let policy = parse("apiVersion: gitops-fn.dev/v1alpha1\nkind: Policy\n", "x").unwrap();
    assert!(policy.rules.is_empty() && policy.vault.is_none());
    assert_eq!(policy.enable, crate::policy::Enable::default());
    assert_eq!(policy.sandbox, crate::policy::Sandbox::Required);
    assert_eq!(policy.deadline.as_secs(), 45);
}

#[test]
fn a_path_with_a_variable_is_bound_to_a_project() {
    let problem = "spec.allow[0].paths[0]: depends on the Application and not on its project";
    for path in [
        "kv/${ARGOCD_APP_NAME}",
        "kv/${ARGOCD_APP_NAMESPACE}/**",
        "kv/${ARGOCD_APP_NAMESPACE}/${ARGOCD_APP_NAME}",
    ] {
        let rule = format!("{{name: a, paths: ['{path}']}}");
        assert_eq!(with_rule(&rule), [problem], "{path}");
        let rule = format!("{{name: a, paths: ['{path}'], projects: [shop]}}");
        assert!(with_rule(&rule).is_empty(), "{path}");
    }
    for path in [
        "kv/a",
        "kv/${ARGOCD_APP_PROJECT_NAME}/*",
        "kv/${ARGOCD_APP_PROJECT_NAME}/${ARGOCD_APP_NAME}",
    ] {
        assert!(
            with_rule(&format!("{{name: a, paths: ['{path}']}}")).is_empty(),
            "{path}"
        );
    }
}

#[test]
fn all_problems_are_said_at_once_without_what_was_found() {
    let spec = "{
        nosuch: NEVERSHOWN,
        store: NEVERSHOWN,
        functionMode: true,
        limits: {inputBytes: NEVERSHOWN, deadline: NEVERSHOWN, paths: 0},
        enable: {remoteCharts: true},
        vault: {address: 'https://NEVERSHOWN@h', caFile: NEVERSHOWN, auth: {method: approle, role: NEVERSHOWN}},
        mounts: [{path: auth, version: 2}, {path: kv, version: 3}, {path: kv/NEVERSHOWN, version: 2}, {path: kv}],
        allow: [{name: 'NEVER SHOWN', paths: [NEVERSHOWN/a, 5]}, {paths: []}],
        sinks: [{apiVersion: v1, kind: Pod, fields: [metadata/name]}],
        secretsFile: NEVERSHOWN,
        credentialsSecrets: ['NEVER SHOWN'],
    }";
    assert_eq!(
        problems(spec),
        [
            "spec.allow[0].name: not a plain word",
            "spec.allow[0].paths[0]: no mount that the policy lists holds the path",
            "spec.allow[0].paths[1]: a number where a string is expected",
            "spec.allow[0].paths[1]: the path has an empty segment",
            "spec.allow[1].name: missing",
            "spec.allow[1].paths: empty",
            "spec.credentialsSecrets[0]: neither NAME nor NAMESPACE:NAME",
            "spec.enable.remoteCharts: has no effect without helm",
            "spec.functionMode: not one of the known words",
            "spec.limits.deadline: is not a duration",
            "spec.limits.inputBytes: a string where a whole number is expected",
            "spec.limits.paths: zero",
            "spec.mounts[0].path: one of Vault's own mounts",
            "spec.mounts[1].version: neither 1 nor 2",
            "spec.mounts[2].path: the same as another mount, or inside it",
            "spec.mounts[3].path: the same as another mount, or inside it",
            "spec.mounts[3].version: missing",
            "spec.nosuch: unknown field",
            "spec.secretsFile: has no effect without store: file",
            "spec.sinks[0].fields[0]: names metadata, where every reader of the object sees the value",
            "spec.store: not one of the known words",
            "spec.vault.address: holds a user name or password",
            "spec.vault.auth.role: not used by this method",
            "spec.vault.caFile: is not an absolute path",
        ]
    );
}

#[test]
fn the_server_is_named_as_soon_as_a_path_is() {
    let rule = "mounts: [{path: kv, version: 2}], allow: [{name: a, paths: [kv/a]}]";
    assert_eq!(problems(&format!("{{{rule}}}")), ["spec.vault: missing"]);
    assert!(problems(&format!("{{{rule}, store: file}}")).is_empty());
    let both = format!("{{{VAULT}, store: file}}");
    assert_eq!(
        problems(&both),
        ["spec.vault: has no effect beside store: file"]
    );
    for (auth, problem) in [
        ("{}", "spec.vault.auth.method: missing"),
        ("{method: jwt, role: r}", "spec.vault.auth.jwtFile: missing"),
        ("{method: kubernetes}", "spec.vault.auth.role: missing"),
        (
            "{method: kubernetes, role: 'r-${ARGOCD_APP_NAME}'}",
            "spec.vault.auth.role: holds another variable",
        ),
        (
            "{method: token, tokenFile: token}",
            "spec.vault.auth.tokenFile: is not an absolute path",
        ),
    ] {
        let spec = format!("{{vault: {{address: 'https://h', auth: {auth}}}}}");
        assert_eq!(problems(&spec), [problem], "{auth}");
    }
    let spec = "{vault: {address: 'file:x', auth: {method: none}}}";
    assert_eq!(
        problems(spec),
        ["spec.vault.address: names a file and no server"]
    );
}

#[test]
fn what_is_no_policy_is_refused() {
    for text in [
        "",
        "# nothing\n",
        "---\n",
        "a: [",
        "[]",
        "text",
        "apiVersion: gitops-fn.dev/v1alpha1\nkind: Release\n",
        "apiVersion: gitops-fn.dev/v1\nkind: Policy\n",
        "kind: Policy\n",
        "apiVersion: gitops-fn.dev/v1alpha1\nkind: Policy\nkind: Policy\n",
        "apiVersion: gitops-fn.dev/v1alpha1\nkind: Policy\n---\napiVersion: gitops-fn.dev/v1alpha1\nkind: Policy\n",
    ] {
        assert!(parse(text, "x").is_err(), "{text:?}");
    }
}

#[test]
fn only_a_missing_file_is_no_policy() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("policy.yaml");
    assert!(matches!(load(&path), Ok(None)));
    let nowhere = dir.path().join("nosuch/policy.yaml");
    assert!(matches!(load(&nowhere), Ok(None)));
    assert!(load(dir.path()).is_err(), "a folder");
    symlink("nowhere", &path).unwrap();
    let problems = load(&path).unwrap_err();
    assert!(
        problems[0].message.contains("leads nowhere"),
        "{problems:?}"
    );
    symlink("nowhere", dir.path().join("folder")).unwrap();
    assert!(load(&dir.path().join("folder/policy.yaml")).is_err());
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(load(&file.join("policy.yaml")).is_err(), "below a file");
}

#[test]
fn the_file_is_roots_and_nobody_else_writes_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("policy.yaml");
    fs::write(&path, "apiVersion: gitops-fn.dev/v1alpha1\nkind: Policy\n").unwrap();
    let link = dir.path().join("link");
    symlink("policy.yaml", &link).unwrap();
    if fs::metadata(&path).unwrap().uid() != 0 {
        let problems = load(&path).unwrap_err();
        assert!(problems[0].message.contains("does not belong to user 0"));
        return;
    }
    for (mode, holds) in [
        (0o644, true),
        (0o444, true),
        (0o600, true),
        (0o664, false),
        (0o646, false),
        (0o666, false),
    ] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(load(&path).is_ok(), holds, "{mode:o}");
        assert_eq!(load(&link).is_ok(), holds, "{mode:o}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&path, format!("#{}", "x".repeat(300 << 10))).unwrap();
    assert!(load(&path).is_err(), "too long");
    fs::write(&path, b"\xff").unwrap();
    assert!(load(&path).is_err(), "not UTF-8");
}
