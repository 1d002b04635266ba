//! Where the Release comes from.

use super::{Checkout, SECRET, entry, release, url};
use crate::support::run;

fn with_url(url: &str) -> String {
    release(&format!("  repository: {{url: {url}}}\n"))
}

#[test]
fn the_first_of_option_file_entry_and_environment_counts() {
    let own = entry(&with_url("acme/entry"));
    let Some(checkout) = Checkout::new(&[
        (
            "all/kustomization.yaml",
            &format!("resources: [secret.yaml]\ntransformers:\n{own}"),
        ),
        ("all/secret.yaml", SECRET),
        ("all/gitops-fn.yaml", &with_url("acme/file")),
        (
            "entry/kustomization.yaml",
            &format!("resources: [../all/secret.yaml]\ntransformers:\n{own}"),
        ),
        ("none/kustomization.yaml", "resources: [../plain]\n"),
        ("plain/kustomization.yaml", "resources: [secret.yaml]\n"),
        ("plain/secret.yaml", SECRET),
        ("option.yaml", &with_url("acme/option")),
    ]) else {
        return;
    };
    let build = |arguments: &[&str]| {
        run(
            checkout
                .build()
                .args(arguments)
                .env("ARGOCD_ENV_APP_REPO", "acme/environment"),
            "",
        )
    };
    assert_eq!(
        url(&build(&["-f", "option.yaml", "all"]).success()),
        "acme/option"
    );
    assert_eq!(url(&build(&["all"]).success()), "acme/file");
    assert_eq!(url(&build(&["none"]).success()), "acme/environment");
    // kustomize keeps its own rule: files stand below the kustomization
    let outside = build(&["entry"]).code(1);
    assert!(
        outside.stderr.contains("is not in or below"),
        "{}",
        outside.stderr
    );
}

#[test]
fn a_release_that_is_wrong_is_told_without_what_is_in_it() {
    let Some(checkout) = Checkout::new(&[
        ("kustomization.yaml", "resources: [secret.yaml]\n"),
        ("secret.yaml", SECRET),
        (
            "gitops-fn.yaml",
            &release("  images: [{name: a, newTag: 1.10}]\n  other: hush-hush\n"),
        ),
    ]) else {
        return;
    };
    let output = checkout.run(".").code(2);
    assert!(
        output.stderr.contains("spec.images[0].newTag"),
        "{}",
        output.stderr
    );
    assert!(!output.stderr.contains("hush"), "{}", output.stderr);
}

#[test]
fn entries_that_would_do_nothing_are_errors_all_at_once() {
    let entry = entry(&with_url("acme/shop"));
    let Some(checkout) = Checkout::new(&[
        (
            "app/kustomization.yaml",
            &format!("resources: [../base, 'https://git.example/base']\ngenerators:\n{entry}"),
        ),
        (
            "base/kustomization.yaml",
            &format!("resources: [secret.yaml]\ntransformers:\n{entry}"),
        ),
        ("base/secret.yaml", SECRET),
    ]) else {
        return;
    };
    let output = checkout.run("app").code(1);
    for expected in [
        "error: 3 problems; nothing was written",
        "base/kustomization.yaml transformers: Release release is an entry of gitops-fn in the wrong place",
        "app/kustomization.yaml generators: Release release is an entry of gitops-fn in the wrong place",
        "app/kustomization.yaml: https://git.example/base is remote",
    ] {
        assert!(
            output.stderr.contains(expected),
            "{expected}\n{}",
            output.stderr
        );
    }
}

#[test]
fn an_entry_that_is_not_the_last_is_a_warning() {
    let prefix = entry(
        "apiVersion: builtin\nkind: PrefixTransformer\nmetadata: {name: p}\nprefix: p-\nfieldSpecs: [{path: metadata/name}]\n",
    );
    let Some(checkout) = Checkout::new(&[
        (
            "kustomization.yaml",
            &format!(
                "resources: [secret.yaml]\ntransformers:\n{}{prefix}",
                entry(&with_url("acme/shop"))
            ),
        ),
        ("secret.yaml", SECRET),
    ]) else {
        return;
    };
    let output = checkout.run(".").success();
    assert!(
        output
            .stderr
            .contains("warning: kustomization.yaml: gitops-fn is not the last transformer"),
        "{}",
        output.stderr
    );
    assert!(output.text().contains("name: p-db"));
}

#[test]
fn the_root_is_what_argo_cd_says_where_there_is_no_git() {
    let Some(checkout) = Checkout::new(&[
        ("apps/web/kustomization.yaml", "resources: [../../base]\n"),
        ("base/kustomization.yaml", "resources: [secret.yaml]\n"),
        ("base/secret.yaml", SECRET),
    ]) else {
        return;
    };
    std::fs::remove_dir(checkout.root().join(".git")).unwrap();
    let folder = checkout.root().join("apps/web");
    let alone = run(checkout.build().current_dir(&folder), "").code(1);
    assert!(
        alone
            .stderr
            .contains("../../base leads out of the repository"),
        "{}",
        alone.stderr
    );
    run(
        checkout
            .build()
            .current_dir(&folder)
            .env("ARGOCD_APP_SOURCE_PATH", "apps/web"),
        "",
    )
    .success();
    run(
        checkout
            .build()
            .current_dir(&folder)
            .args(["--root", "../.."]),
        "",
    )
    .success();
    run(
        checkout.build().current_dir(&folder).args(["--root", "/"]),
        "",
    )
    .code(2);
    run(
        checkout
            .build()
            .current_dir(&folder)
            .args(["--root", "../../base"]),
        "",
    )
    .code(2);
}

/// A Release among the resources would be applied to the cluster.
#[test]
fn a_release_among_the_objects_is_an_error() {
    let release = with_url("acme/shop");
    let Some(checkout) = Checkout::new(&[
        (
            "resources/kustomization.yaml",
            "resources: [secret.yaml, release.yaml]\n",
        ),
        ("resources/secret.yaml", SECRET),
        ("resources/release.yaml", &release),
        ("plain/secret.yaml", SECRET),
        ("plain/release.yaml", &release),
    ]) else {
        return;
    };
    for folder in ["resources", "plain"] {
        let output = checkout.run(folder).code(1);
        assert!(
            output
                .stderr
                .contains("is a Release, which is not for the cluster")
                && output.stderr.contains("help: put it under `transformers:`"),
            "{}",
            output.stderr
        );
        assert_eq!(output.text(), "");
    }
}
