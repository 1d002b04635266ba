//! The policy file itself: what an operator, or an intruder, does wrong with it.

use super::{SHOP, TENANTS, assert_gives, assert_silent, policy, render_on, secret};
use crate::governed::Governed;

/// What is done to the file, and what is said of it.
const WRONG: [(&str, &str); 13] = [
    (
        "cp $folder/policy.yaml .; chmod 664 policy.yaml",
        "written by its group or by others",
    ),
    (
        "cp $folder/policy.yaml .; chmod 646 policy.yaml",
        "written by its group or by others",
    ),
    (": > policy.yaml", "empty"),
    ("echo '# nothing' > policy.yaml", "empty"),
    ("mkdir policy.yaml", "not a regular file"),
    ("mkfifo -m 644 policy.yaml", "not a regular file"),
    ("ln -s nowhere policy.yaml", "leads nowhere"),
    ("ln -s policy.yaml policy.yaml", "cannot be read"),
    (
        "cd /; rmdir /etc/gitops-fn; ln -s /nowhere /etc/gitops-fn",
        "leads nowhere",
    ),
    (
        "cd /; rmdir /etc/gitops-fn; touch /etc/gitops-fn",
        "cannot be read",
    ),
    (
        "echo 'spec: {NEVERSHOWN: value-x}' > policy.yaml",
        "apiVersion: missing",
    ),
    ("echo 'a: [value-x' > policy.yaml", "not readable as YAML"),
    ("printf 'a: \\377' > policy.yaml", "not UTF-8"),
];

#[test]
fn a_policy_that_does_not_hold_stops_every_run() {
    for (setup, says) in WRONG {
        let Some(machine) = Governed::with_setup(&policy(TENANTS), setup) else {
            return;
        };
        for manifest in [secret("<path:kv/shop/web/db#password>"), secret("x")] {
            let output = render_on(&machine, &SHOP, &manifest);
            assert_eq!(output.code, 2, "{setup}: {}", output.stderr);
            assert!(output.stderr.contains(says), "{setup}: {}", output.stderr);
            assert!(
                output.stderr.contains("/etc/gitops-fn/policy.yaml") || says.contains("missing"),
                "{}",
                output.stderr
            );
            assert!(output.stderr.contains("help: "), "{}", output.stderr);
            assert!(output.stdout.is_empty());
            assert_silent(&output);
        }
    }
}

#[test]
fn a_file_of_somebody_else_or_that_cannot_be_read_stops_every_run() {
    // needs a second user: as root of a user namespace there is none
    let other =
        "cp $folder/policy.yaml . && chmod 644 policy.yaml && chown 65534 policy.yaml || exit 99";
    let Some(machine) = Governed::with_setup(&policy(TENANTS), other) else {
        return;
    };
    let output = render_on(&machine, &SHOP, &secret("x"));
    if output.code == 99 {
        crate::support::skip("there is one user alone");
        return;
    }
    assert_eq!(output.code, 2, "{}", output.stderr);
    assert!(
        output.stderr.contains("does not belong to user 0"),
        "{}",
        output.stderr
    );
    // and as another user
    let setup = "cp $folder/policy.yaml . && chmod 600 policy.yaml
        cp \"$1\" /etc/gitops-fn/program && chmod 755 program && shift
        set -- setpriv --reuid 65534 --clear-groups /etc/gitops-fn/program \"$@\"; here=/";
    let machine = Governed::with_setup(&policy(TENANTS), setup).unwrap();
    let output = render_on(&machine, &SHOP, &secret("x"));
    assert_eq!(output.code, 2, "{}", output.stderr);
    assert!(
        output.stderr.contains("permission denied"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_config_map_mount_holds() {
    // as the kubelet writes it: links, and a folder that anybody may write
    let setup = "chmod 777 . && mkdir ..data-1 && cp $folder/policy.yaml ..data-1/ && chmod 644 ..data-1/policy.yaml && ln -s ..data-1 ..data && ln -s ..data/policy.yaml policy.yaml";
    let Some(machine) = Governed::with_setup(&policy(TENANTS), setup) else {
        return;
    };
    let output = render_on(&machine, &SHOP, &secret("<path:kv/shop/web/db#password>"));
    assert_gives(&output, "value-shop");
    let output = render_on(
        &machine,
        &SHOP,
        &secret("<path:kv/billing/web/db#password>"),
    );
    assert_eq!(output.code, 1);
}

#[test]
fn no_file_is_no_policy_and_no_option_or_variable_names_another() {
    let Some(machine) = Governed::with_setup("", "") else {
        return;
    };
    let wanted = secret("<path:kv/billing/web/db#password>");
    assert_gives(&render_on(&machine, &SHOP, &wanted), "value-billing");
    let Some(machine) = Governed::new(&policy(" {}")) else {
        return;
    };
    for name in ["GITOPS_FN_POLICY", "GITOPS_FN_POLICY_PATH", "POLICY"] {
        let output = render_on(&machine, &[(name, "/dev/null")], &wanted);
        assert_eq!(output.code, 1, "{name}: {}", output.stderr);
    }
    let mut command = machine.gitops_fn();
    command.args(["render", "--policy", "/dev/null", "-"]);
    let output = crate::support::run(&mut command, wanted);
    assert_eq!(output.code, 2, "{}", output.stderr);
}

#[test]
fn the_policy_that_allows_nothing_still_builds_what_needs_no_secret() {
    let Some(machine) = Governed::new(&policy(" {}")) else {
        return;
    };
    assert_gives(&render_on(&machine, &[], &secret("x")), "password: \"x\"");
    let output = render_on(&machine, &SHOP, &secret("<path:kv/shop/web/db#password>"));
    assert_eq!(output.code, 1);
    assert!(
        output.stderr.contains("no rule of the policy"),
        "{}",
        output.stderr
    );
    assert_silent(&output);
}

#[test]
fn the_file_store_has_to_be_allowed() {
    let spec = "
  vault: {address: 'https://vault.invalid', auth: {method: none}}
  mounts: [{path: kv, version: 2}]
  allow: [{name: all, paths: ['kv/**']}]
";
    let Some(machine) = Governed::new(&policy(spec)) else {
        return;
    };
    let output = render_on(&machine, &SHOP, &secret("<path:kv/shop/web/db#password>"));
    assert_eq!(output.code, 2, "{}", output.stderr);
    assert!(
        output.stderr.contains("does not allow the file store"),
        "{}",
        output.stderr
    );
    assert_silent(&output);
}
