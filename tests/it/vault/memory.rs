//! How much memory secrets take: what is wanted of them, whatever else they hold.

use std::fmt::Write as _;
use std::process::Command;

use super::fake::{Answer, Fake};
use super::{ROOT, assert_says, manifest};
use crate::governed::Governed;
use crate::support::{Output, clean, exe, run};

/// A server whose every secret has so many keys, `k0`, `k1` and so on.
fn server(keys: usize) -> Fake {
    let mut data = String::from("{");
    for key in 0..keys {
        let comma = if key > 0 { "," } else { "" };
        let _ = write!(data, "{comma}\"k{key}\":\"v{key}\"");
    }
    let body = format!(
        "{{\"request_id\":\"1\",\"lease_id\":\"\",\"data\":{{\"data\":{data}}},\"metadata\":{{\"created_time\":\"\",\
         \"custom_metadata\":null,\"deletion_time\":\"\",\"destroyed\":false,\"version\":1}}}}}}"
    );
    Fake::start(move |request, _| {
        if request.target.starts_with("/v1/kv/data/") {
            Answer::Full(200, String::new(), body.clone().into_bytes())
        } else {
            Answer::error(403, "permission denied")
        }
    })
}

/// `render` of standard input with no more address space than so many MiB, and a megabyte of it for its stack.
fn render_within(mib: u32) -> Command {
    let mut command = clean("sh");
    command
        .args([
            "-c",
            "ulimit -s 1024; ulimit -v $(($1 * 1024)); shift; exec \"$@\"",
            "sh",
        ])
        .arg(mib.to_string())
        .arg(exe())
        .args(["render", "-"]);
    command
}

fn render(command: &mut Command, fake: &Fake, placeholders: &[String]) -> Output {
    let placeholders: Vec<_> = placeholders.iter().map(String::as_str).collect();
    command
        .env("VAULT_ADDR", fake.address())
        .env("VAULT_TOKEN", ROOT)
        .env("GITOPS_FN_TIMEOUT", "120s");
    run(command, manifest(&placeholders))
}

/// Each secret would take 13 MB with all of its keys, and 50 of them 650.
#[test]
fn of_large_secrets_only_what_is_wanted_is_kept() {
    const KEYS: usize = 80_000;
    let fake = server(KEYS);
    let wanted: Vec<_> = (0..50)
        .map(|index| format!("<path:kv/data/s{index}#k{}>", 1600 * index))
        .collect();
    let output = render(&mut render_within(250), &fake, &wanted).success();
    for index in 0..50 {
        let value = format!("\"v{}\"", 1600 * index);
        assert!(output.text().contains(&value), "{value}");
    }
    assert_eq!(fake.requests().len(), 50);
    // a key that is not there is missing, and nothing else is
    let wanted = ["<path:kv/data/s1#k80000>", "<path:kv/data/s1#k79999>"].map(str::to_owned);
    let output = render(&mut render_within(250), &fake, &wanted).code(1);
    assert_says(&output, &["#k80000>: the secret has no such key"]);
    assert!(!output.stderr.contains("k79999"), "{}", output.stderr);
}

/// Of two spellings of a path each wants keys of its own, and it is read once.
#[test]
fn what_several_spellings_of_a_path_want_is_kept_together() {
    let fake = server(4);
    let wanted = [
        "<path:kv/data/s#k1>",
        "<path:kv/s#k2>",
        "<path:kv/data/s#k3#0>",
    ];
    let output = render(&mut render_within(250), &fake, &wanted.map(str::to_owned)).success();
    for value in ["\"v1\"", "\"v2\"", "\"v3\""] {
        assert!(output.text().contains(value), "{}", output.text());
    }
    let reads = |request: &&super::fake::Request| request.target.starts_with("/v1/kv/data/s");
    assert_eq!(fake.requests().iter().filter(reads).count(), 1);
}

/// Under a policy what is kept of all secrets has a limit, which ends the reads; answers wait for each other where
/// there is no room for several at once.
#[test]
fn a_policy_bounds_all_secrets_together() {
    let fake = server(2_000);
    let policy = |bytes: u32| {
        format!(
            "apiVersion: gitops-fn.dev/v1alpha1\nkind: Policy\nspec:\n  vault: {{address: '{}', auth: {{method: token}}}}\n  \
             mounts: [{{path: kv, version: 2}}]\n  allow: [{{name: all, paths: ['kv/**']}}]\n  limits: {{secretsBytes: {bytes}}}\n",
            fake.address()
        )
    };
    let every: Vec<_> = (0..20)
        .map(|index| format!("<path:kv/s{index}#*>"))
        .collect();
    let one: Vec<_> = (0..20)
        .map(|index| format!("<path:kv/s{index}#k7>"))
        .collect();
    // about 350,000 bytes each, and 170 for a single key
    let Some(machine) = Governed::new(&policy(3_000_000)) else {
        return;
    };
    let mut command = machine.gitops_fn();
    let output = render(command.args(["render", "-"]), &fake, &every).code(1);
    let says = "error: all secrets together take more memory than the policy allows: 3000000 bytes (spec.limits.secretsBytes)\nhelp: name the keys";
    assert!(output.stderr.starts_with(says), "{}", output.stderr);
    assert_eq!(output.text(), "");
    assert!(fake.requests().len() < 20, "{}", fake.requests().len());
    let mut command = machine.gitops_fn();
    render(command.args(["render", "-"]), &fake, &one).success();
    // the longest answer, 4 MiB, is all that there is room for
    assert_eq!(fake.most_at_once(), 1);
    let Some(machine) = Governed::new(&policy(64 << 20)) else {
        return;
    };
    let mut command = machine.gitops_fn();
    render(command.args(["render", "-"]), &fake, &every).success();
    assert!(fake.most_at_once() > 1);
}
