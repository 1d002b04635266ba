//! What a program in the place of kustomize can reach.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;

use super::Checkout;
use crate::support::{Output, clean, documents, run, write_files};

/// What the program reports, by action.
fn report(output: &Output) -> BTreeMap<String, String> {
    let object = documents(output.text()).remove(0);
    let data = object["data"].as_mapping().unwrap();
    data.iter()
        .map(|(key, value)| {
            let text = |value: &serde_yaml::Value| value.as_str().unwrap().to_owned();
            (text(key), text(value))
        })
        .collect()
}

#[test]
fn its_environment_is_ours_alone() {
    let Some(checkout) = Checkout::fake("env\n") else {
        return;
    };
    let output = run(
        checkout
            .build()
            .env("VAULT_TOKEN", "hush")
            .env("AVP_ROLE_ID", "hush")
            .env("HTTPS_PROXY", "http://hush")
            .env("ARGOCD_ENV_X", "hush"),
        "",
    )
    .success();
    assert!(!output.text().contains("hush"));
    let mut report = report(&output);
    let tmp = checkout.tmp().canonicalize().unwrap();
    assert_eq!(report.remove("arguments").unwrap(), "build .");
    for name in ["HOME", "TMPDIR", "PATH", "HELM_PLUGINS"] {
        let value = report.remove(name).unwrap();
        assert!(value.starts_with(tmp.to_str().unwrap()), "{name} {value}");
    }
    assert!(report.is_empty(), "{report:?}");
}

#[test]
fn it_reaches_the_repository_its_folder_and_nothing_else() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let Some(checkout) = Checkout::fake("") else {
        return;
    };
    let token = checkout
        .folder
        .path()
        .join("token")
        .canonicalize()
        .unwrap_or_else(|_| {
            let path = checkout.folder.path().join("token");
            fs::write(&path, "hush").unwrap();
            path.canonicalize().unwrap()
        });
    std::os::unix::fs::symlink(&token, checkout.root().join("link")).unwrap();
    fs::write(checkout.root().join(".git/config"), "token = hush").unwrap();
    fs::create_dir(checkout.root().join("folder")).unwrap();
    fs::write(checkout.root().join("folder/file"), "x").unwrap();
    let store = checkout
        .folder
        .path()
        .join("secrets.yaml")
        .canonicalize()
        .unwrap();
    let (token, store) = (token.display().to_string(), store.display().to_string());
    let denied = [
        "read /proc/self/environ",
        "read /proc/PARENT/environ",
        "read /proc/1/environ",
        "list /proc",
        &format!("read {token}"),
        &format!("read {store}"),
        "read link",
        "read .git/config",
        "read /etc/passwd",
        "list /",
        "write kustomization.yaml",
        "write new",
        "write folder/new",
        "make folder/sub",
        "remove fake.txt",
        "write /tmp/gitops-fn-was-here",
        "run /bin/sh",
        "run /usr/bin/env",
        &format!("connect {address}"),
        "listen 127.0.0.1:0",
    ];
    let allowed = [
        "read kustomization.yaml",
        "list folder",
        "read folder/file",
        "home file",
        "read /dev/null",
        "write /dev/null",
    ];
    let actions: Vec<_> = denied.iter().chain(&allowed).copied().collect();
    fs::write(checkout.root().join("fake.txt"), actions.join("\n")).unwrap();
    let before = checkout.files().len();
    let output = checkout.run(".").success();
    assert_eq!(checkout.files().len(), before);
    let report = report(&output);
    assert_eq!(report.len(), denied.len() + allowed.len() + 1);
    for (action, outcome) in &report {
        let expected = if action == "arguments" {
            "build ."
        } else if allowed.contains(&action.as_str()) {
            "done"
        } else {
            "PermissionDenied"
        };
        assert_eq!(outcome, expected, "{action}");
    }
}

#[test]
fn it_is_not_run_if_it_is_old_a_script_or_no_kustomize() {
    let Some(checkout) = Checkout::fake("env\n") else {
        return;
    };
    for (version, fact) in [
        ("v5.8.2\n", "this is kustomize 5.8.2"),
        ("unknown\n", "this kustomize does not tell its version"),
    ] {
        fs::write(checkout.root().join("fake-version.txt"), version).unwrap();
        let output = checkout.run(".").code(2);
        assert!(
            output
                .stderr
                .starts_with(&format!("error: {fact}\nhelp: install kustomize 5.8.3")),
            "{}",
            output.stderr
        );
        assert_eq!(output.text(), "");
    }
    let tools = checkout.folder.path().join("tools");
    fs::create_dir(&tools).unwrap();
    fs::write(tools.join("kustomize"), "#!/bin/sh\necho v5.8.3\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(tools.join("kustomize"), mode).unwrap();
    let output = run(checkout.build().env("PATH", &tools), "").code(2);
    assert!(
        output.stderr.contains("cannot be executed"),
        "{}",
        output.stderr
    );
    assert!(output.stderr.contains("not a script"), "{}", output.stderr);
}

#[test]
fn how_far_it_is_confined_is_logged() {
    let Some(checkout) = Checkout::fake("env\n") else {
        return;
    };
    let output = run(checkout.build().arg("-v"), "").success();
    assert!(
        output.stderr.contains("kustomize is confined: its files"),
        "{}",
        output.stderr
    );
    assert!(!checkout.run(".").success().stderr.contains("confined"));
}

/// A clone inside of the checkout has a `.git` of its own, with a token perhaps.
#[test]
fn no_git_folder_of_the_checkout_is_read_wherever_it_lies() {
    let Some(checkout) = Checkout::fake("") else {
        return;
    };
    let root = checkout.root();
    for clone in ["clones/one", "clones/deep/er/two", "folder"] {
        write_files(
            &root.join(clone),
            &[
                (".git/config", "token = hush"),
                (".git/modules/x/config", "token = hush"),
                ("file", "x"),
                ("below/file", "x"),
            ],
        );
    }
    // of a submodule: it names a folder, and holds nothing
    fs::write(root.join("clones/.git"), "gitdir: ../.git/modules/x").unwrap();
    let denied = [
        "read clones/one/.git/config",
        "read clones/one/.git/modules/x/config",
        "read clones/deep/er/two/.git/config",
        "list clones/deep/er/two/.git",
        "read folder/.git/config",
        "read folder/below/../.git/config",
    ];
    let allowed = [
        "read clones/one/file",
        "read clones/one/below/file",
        "list clones/one/below",
        "read clones/deep/er/two/file",
        "read folder/below/file",
    ];
    let actions: Vec<_> = denied.iter().chain(&allowed).copied().collect();
    fs::write(root.join("fake.txt"), actions.join("\n")).unwrap();
    // what is built is a checkout itself, and its root one above several
    for root in [root.clone(), root.parent().unwrap().to_owned()] {
        let output = run(checkout.build().arg("--root").arg(&root), "").success();
        let report = report(&output);
        for action in denied {
            assert_eq!(report[action], "PermissionDenied", "{action}");
        }
        for action in allowed {
            assert_eq!(report[action], "done", "{action}");
        }
    }
}

/// Whoever starts us may have files open, which the repository has no business with.
#[test]
fn it_gets_no_open_file_of_ours() {
    let Some(checkout) = Checkout::fake("") else {
        return;
    };
    let numbers = ["3", "4", "5", "9", "70"];
    let actions = numbers
        .map(|number| format!("descriptor {number}"))
        .join("\n");
    fs::write(checkout.root().join("fake.txt"), actions).unwrap();
    let ours = checkout.build();
    let mut shell = clean("bash");
    shell
        .args([
            "-c",
            "exec 3</etc/passwd 9<>\"$0\" 70</etc/passwd; exec \"$@\"",
        ])
        .arg(checkout.folder.path().join("secrets.yaml"))
        .arg(ours.get_program())
        .args(ours.get_args())
        .current_dir(checkout.root())
        .envs(
            ours.get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    let report = report(&run(&mut shell, "").success());
    for number in numbers {
        assert_eq!(
            report[&format!("descriptor {number}")],
            "Uncategorized",
            "{number}"
        );
    }
}
