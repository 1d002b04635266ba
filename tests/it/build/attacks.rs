//! What a repository tries, with the real kustomize.

use std::fs;
use std::os::unix::fs::symlink;

use super::{Checkout, SECRET, entry, release};
use crate::support::run;

/// A function that leaves a mark where it is run.
fn function(mark: &str) -> String {
    format!(
        "apiVersion: example.org/v1\nkind: Own\nmetadata:\n  name: own\n  annotations:\n    config.kubernetes.io/function: |\n      exec: {{path: sh, args: ['-c', 'touch {mark}; cat']}}\n"
    )
}

#[test]
fn functions_are_never_executed() {
    let ours = entry(&release("  secrets: {}\n"));
    let Some(checkout) = Checkout::new(&[("secret.yaml", SECRET)]) else {
        return;
    };
    let mark = checkout.folder.path().join("mark");
    let function = function(mark.to_str().unwrap());
    // one that is seen, and one that only kustomize can see
    let seen = format!(
        "resources: [secret.yaml]\ntransformers:\n{}{ours}",
        entry(&function)
    );
    fs::write(checkout.root().join("kustomization.yaml"), seen).unwrap();
    let output = checkout.run(".").code(1);
    assert!(
        output.stderr.contains("Own own is a third-party function"),
        "{}",
        output.stderr
    );
    let hidden = format!("resources: [secret.yaml]\ntransformers:\n- made\n{ours}");
    let exec = format!(
        "exec: {{path: sh, args: ['-c', 'touch {}; cat']}}",
        mark.display()
    );
    let made = format!(
        "configMapGenerator:\n- name: own\n  literals: [a=b]\n  options:\n    disableNameSuffixHash: true\n    annotations:\n      config.kubernetes.io/function: \"{exec}\"\n"
    );
    fs::write(checkout.root().join("kustomization.yaml"), hidden).unwrap();
    fs::create_dir(checkout.root().join("made")).unwrap();
    fs::write(checkout.root().join("made/kustomization.yaml"), made).unwrap();
    let output = checkout.run(".").success();
    assert!(output.text().contains("value-of-the-secret"));
    assert!(!mark.exists());
}

#[test]
fn what_lies_outside_is_no_source_of_files() {
    let Some(checkout) = Checkout::new(&[]) else {
        return;
    };
    let token = checkout.folder.path().join("token");
    fs::write(&token, "hush").unwrap();
    let root = checkout.root();
    for (index, target) in [
        "/proc/self/environ",
        "/proc/1/environ",
        token.to_str().unwrap(),
    ]
    .into_iter()
    .enumerate()
    {
        let folder = root.join(index.to_string());
        fs::create_dir(&folder).unwrap();
        symlink(target, folder.join("link")).unwrap();
        for source in [target, "link"] {
            let kustomization = format!("secretGenerator: [{{name: a, files: [x={source}]}}]\n");
            fs::write(folder.join("kustomization.yaml"), kustomization).unwrap();
            let output = run(checkout.build().arg(&folder).env("VAULT_TOKEN", "hush"), "").code(1);
            assert!(
                output
                    .stderr
                    .contains(&format!("{source} leads out of the repository")),
                "{}",
                output.stderr
            );
            assert!(!output.stderr.contains("hush"));
        }
    }
}

#[test]
fn what_lies_outside_is_no_release() {
    let Some(checkout) = Checkout::new(&[
        ("kustomization.yaml", "resources: [secret.yaml]\n"),
        ("secret.yaml", SECRET),
    ]) else {
        return;
    };
    let token = checkout.folder.path().join("token");
    fs::write(&token, "hush: hush").unwrap();
    for target in [
        "/proc/self/environ",
        "../token",
        token.to_str().unwrap(),
        "/dev/zero",
    ] {
        let link = checkout.root().join("gitops-fn.yaml");
        let _ = fs::remove_file(&link);
        symlink(target, &link).unwrap();
        let output = checkout.run(".").code(1);
        assert!(
            output
                .stderr
                .starts_with("error: gitops-fn.yaml leads out of the repository\n"),
            "{}",
            output.stderr
        );
        assert!(!output.stderr.contains("hush"));
    }
    let link = checkout.root().join("gitops-fn.yaml");
    fs::remove_file(&link).unwrap();
    fs::create_dir(&link).unwrap();
    assert!(
        checkout
            .run(".")
            .code(1)
            .stderr
            .contains("is no regular file")
    );
}

#[test]
fn an_application_cannot_say_where_secrets_are_read() {
    let Some(checkout) = Checkout::new(&[
        ("kustomization.yaml", "resources: [secret.yaml]\n"),
        ("secret.yaml", SECRET),
    ]) else {
        return;
    };
    let plain = checkout.run(".").success();
    let source = "spec:\n  source:\n    plugin:\n      name: other\n      env: [{name: VAULT_ADDR, value: 'https://evil.example'}]\n";
    fs::write(checkout.root().join(".argocd-source.yaml"), source).unwrap();
    fs::write(checkout.root().join(".argocd-source-web.yaml"), source).unwrap();
    let output = run(
        checkout
            .build()
            .env("ARGOCD_ENV_VAULT_ADDR", "https://evil.example")
            .env("PARAM_VAULT_TOKEN", "t")
            .env("ARGOCD_APP_PARAMETERS", "null"),
        "",
    )
    .success();
    assert_eq!(output.text(), plain.text());
    assert!(output.stderr.contains("ignored, since credentials never come from plugin parameters: ARGOCD_ENV_VAULT_ADDR, PARAM_VAULT_TOKEN"), "{}", output.stderr);
    // the entry's own envs are kustomize's business, and here nobody's
    let entry = entry(&release("  secrets: {}\n").replace(
        "gitops-fn}",
        "gitops-fn, envs: ['VAULT_ADDR=https://evil.example']}",
    ));
    fs::write(
        checkout.root().join("kustomization.yaml"),
        format!("resources: [secret.yaml]\ntransformers:\n{entry}"),
    )
    .unwrap();
    let output = checkout.run(".").success();
    assert!(output.text().contains("value-of-the-secret"));
    assert!(
        output
            .stderr
            .contains("`args` and `envs` of Release release count for kustomize alone"),
        "{}",
        output.stderr
    );
}

#[test]
fn aliases_that_grow_to_gigabytes_are_refused() {
    let bomb = |scalars: usize| {
        format!(
            "a: &a [{}]\nb: [{}]\n",
            "1,".repeat(scalars),
            "*a,".repeat(scalars)
        )
    };
    let Some(checkout) = Checkout::new(&[
        ("release/kustomization.yaml", "resources: [../secret]\n"),
        ("release/gitops-fn.yaml", &bomb(20_000)),
        (
            "bomb/kustomization.yaml",
            &format!("resources: [../secret]\n{}", bomb(100_000)),
        ),
        (
            "entry/kustomization.yaml",
            "resources: [../secret]\ntransformers: [t.yaml]\n",
        ),
        (
            "entry/t.yaml",
            &format!("{}{}", release("  secrets: {}\n"), bomb(100_000)),
        ),
        ("secret/kustomization.yaml", "resources: [secret.yaml]\n"),
        ("secret/secret.yaml", SECRET),
    ]) else {
        return;
    };
    let output = checkout.run("release").code(2);
    assert!(
        output
            .stderr
            .contains("too large once its aliases are written out"),
        "{}",
        output.stderr
    );
    // kustomize has a limit of its own
    for folder in ["bomb", "entry"] {
        let output = checkout.run(folder);
        assert_ne!(output.code, 0, "{folder}");
        assert_eq!(output.text(), "");
        assert!(!output.stderr.contains("value-of-the-secret"));
    }
}
