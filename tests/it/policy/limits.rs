//! How much one run may take.

use super::{SHOP, TENANTS, assert_denied, assert_gives, policy, render_on, secret};
use crate::governed::Governed;
use crate::support::{Output, run, write_files};

fn with(limits: &str) -> Option<Governed> {
    Governed::new(&policy(&format!("{TENANTS}  limits: {limits}")))
}

#[test]
fn long_input_is_refused_before_it_is_parsed() {
    let Some(machine) = with("{inputBytes: 200}") else {
        return;
    };
    let own = secret("<path:kv/shop/web/db#password>");
    assert_gives(&render_on(&machine, &SHOP, &own), "value-shop");
    let long = format!("{own}# {}\n&&& not YAML", "x".repeat(200));
    let output = render_on(&machine, &SHOP, &long);
    assert_denied(&output, "larger than the policy allows: 200 bytes");
    // what never ends is not read to its end
    let mut command = machine.gitops_fn();
    command.args(["render", "/dev/stdin"]);
    assert_denied(
        &crate::support::run(&mut command, vec![b'#'; 1 << 20]),
        "larger than the policy allows: 200 bytes",
    );
}

#[test]
fn placeholders_and_paths_are_counted() {
    let many = |paths: usize| {
        let entries: Vec<_> = (0..paths)
            .map(|index| format!("  k{index}: <path:kv/shop/web/s{index}#k>\n"))
            .collect();
        let entries = entries.concat();
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\nstringData:\n{entries}")
    };
    let Some(machine) = with("{placeholders: 3, paths: 2}") else {
        return;
    };
    let output = render_on(&machine, &SHOP, &many(4));
    assert_denied(&output, "more placeholders than the policy allows: 3");
    assert_denied(
        &output,
        "more distinct secret paths and versions than the policy allows: 2",
    );
    let output = render_on(&machine, &SHOP, &many(3));
    assert!(
        !output.stderr.contains("more placeholders"),
        "{}",
        output.stderr
    );
    // each version is a read of its own
    let versions = |last: u32| {
        let each = (1..=last).map(|version| format!("<path:kv/shop/web/db#password#{version}>"));
        secret(&each.collect::<String>())
    };
    let output = render_on(&machine, &SHOP, &versions(3));
    assert_denied(
        &output,
        "more distinct secret paths and versions than the policy allows: 2",
    );
    let output = render_on(&machine, &SHOP, &versions(2));
    assert!(output.stderr.contains("no version 2"), "{}", output.stderr);
    // one text in many places counts in each
    let aliases = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {a: &x '<path:kv/shop/web/db#password>', b: *x, c: *x, d: *x}\n";
    let output = render_on(&machine, &SHOP, aliases);
    assert_denied(&output, "more placeholders than the policy allows: 3");
}

#[test]
fn an_alias_bomb_is_refused() {
    let Some(machine) = with("{placeholders: 1000}") else {
        return;
    };
    let mut lines = vec!["apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nx0: &x0 '<path:kv/shop/web/db#password>'\n".to_owned()];
    for level in 1..12 {
        let one = format!("*x{}, ", level - 1).repeat(10);
        lines.push(format!("x{level}: &x{level} [{one}]\n"));
    }
    let output = render_on(&machine, &SHOP, &lines.concat());
    assert_denied(
        &output,
        "the text becomes too large once its aliases are written out",
    );
}

#[test]
fn a_large_secret_is_refused_after_the_read_without_its_size() {
    let Some(machine) = with("{secretBytes: 10}") else {
        return;
    };
    let output = render_on(&machine, &SHOP, &secret("<path:kv/shop/web/db#password>"));
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(
        output
            .stderr
            .contains("larger than the policy allows: 10 bytes"),
        "{}",
        output.stderr
    );
    assert!(!output.stderr.contains("value-") && output.stdout.is_empty());
    let Some(machine) = with("{secretBytes: 18}") else {
        return;
    };
    // `password` and `value-shop`
    let output = render_on(&machine, &SHOP, &secret("<path:kv/shop/web/db#password>"));
    assert_gives(&output, "value-shop");
}

#[test]
fn what_is_kept_of_all_secrets_is_counted_together() {
    const SAYS: &str = "error: all secrets together take more memory than the policy allows: 400 bytes (spec.limits.secretsBytes)";
    let Some(machine) = with("{secretsBytes: 400}") else {
        return;
    };
    let both = "<path:kv/shop/web/db#password> <path:kv/shared/ca#pem>";
    assert_gives(&render_on(&machine, &SHOP, &secret(both)), "value-shop");
    // what is not wanted takes nothing, and is counted in the size of the secret
    let keys: Vec<_> = (0..100).map(|key| format!(", k{key}: '{key}'")).collect();
    let keys = keys.concat();
    let text = format!(
        "kv/shop/web/db: {{password: value-shop{keys}}}\nkv/shared/ca: {{pem: value-shared}}"
    );
    let output = ask(&machine, &text, &secret(both));
    assert_gives(&output, "value-shop");
    let whole = secret("<path:kv/shop/web/db#*>");
    for manifest in [
        &whole,
        &format!("{whole}---\n{}", secret("<path:kv/shared/ca#nope>")),
    ] {
        let output = ask(&machine, &text, manifest);
        assert!(output.stderr.starts_with(SAYS), "{}", output.stderr);
        assert!(!output.stderr.contains("value-"), "{}", output.stderr);
        assert!(!output.stderr.contains("nope"), "{}", output.stderr);
        assert_eq!((output.code, output.stdout.len()), (1, 0));
    }
    let Some(machine) = with("{secretsBytes: 30000}") else {
        return;
    };
    assert_gives(&ask(&machine, &text, &whole), "value-shop");
}

/// Renders with another store file.
fn ask(machine: &Governed, secrets: &str, manifests: &str) -> Output {
    write_files(machine.folder(), &[("others.yaml", secrets)]);
    let mut command = machine.gitops_fn();
    command
        .args(["render", "-"])
        .current_dir(machine.folder())
        .env("VAULT_ADDR", "file:others.yaml")
        .envs(SHOP);
    run(&mut command, manifests)
}

#[test]
fn what_the_values_add_is_counted_while_they_are_put_in() {
    let spec = "{outputBytes: 100}\n  sinks: [{apiVersion: v1, kind: Widget, fields: [spec/*]}]";
    let Some(machine) = with(spec) else {
        return;
    };
    let says = "error: the output grows by more than the policy allows: 100 bytes (spec.limits.outputBytes)\nhelp: split the Application";
    // 66 bytes in the place of 44
    let digest = "\"<path:kv/shop/web/db#password | sha256sum>\"";
    let widget =
        |spec: &str| format!("apiVersion: v1\nkind: Widget\nmetadata: {{name: a}}\nspec:\n{spec}");
    let many = |times: usize, between: &str| {
        let entry = |index| format!("  k{index}: {digest}\n{between}");
        widget(&(0..times).map(entry).collect::<String>())
    };
    let next = "---\napiVersion: v1\nkind: Widget\nmetadata: {name: a}\nspec:\n  a: b\n";
    for between in ["", next] {
        assert_eq!(render_on(&machine, &SHOP, &many(4, between)).code, 0);
        let output = render_on(&machine, &SHOP, &many(5, between));
        assert_counted(&output, says);
    }
    // what is no text takes more memory than its text
    let map = widget("  a: <path:kv/shop/web/db#* | jsonParse>\n");
    assert_counted(&render_on(&machine, &SHOP, &map), says);
    let Some(machine) = with(&spec.replace("100", "300")) else {
        return;
    };
    assert_gives(
        &render_on(&machine, &SHOP, &map),
        "a: {\"password\":\"value-shop\"}",
    );
}

/// Nothing is written, and this is all that is said.
#[track_caller]
fn assert_counted(output: &Output, says: &str) {
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(output.stdout.is_empty());
    assert!(output.stderr.starts_with(says), "{}", output.stderr);
    assert!(!output.stderr.contains("value-"), "{}", output.stderr);
}
