//! What a policy does to harmless manifests: what the golden cases and the examples come to without a policy
//! means the same to Argo CD once it has been judged and written anew under one.

use std::collections::BTreeMap;
use std::fs;

use super::ACCEPTED_REFUSALS;
use super::argo::Argo;
use super::program::{Job, run_all};
use super::tenant::{Tenant, Way, same};
use crate::golden::{self, Scene};
use crate::support::{gitops_fn, root, run, say, temp_dir, write_files};

/// Manifests of `examples` that are applied as they are.
const EXAMPLES: [&str; 6] = [
    "argocd/network-policy.yaml",
    "argocd/plugin-single-tenant.yaml",
    "argocd/plugin.yaml",
    "argocd/repo-server.yaml",
    "kustomize/expected.yaml",
    "pipeline/expected.yaml",
];

/// What a golden case prints without a policy, if it prints manifests.
fn output(scene: &Scene) -> Option<String> {
    if scene.args.first().map(String::as_str) != Some("render") {
        return None;
    }
    let folder = temp_dir();
    write_files(folder.path(), &[("secrets.yaml", &scene.secrets)]);
    let mut command = gitops_fn();
    command.current_dir(folder.path()).args(&scene.args);
    if !scene.secrets.is_empty() {
        command.env("VAULT_ADDR", "file:secrets.yaml");
    }
    if let Some(config) = &scene.config {
        write_files(folder.path(), &[("release.yaml", config)]);
        command.args(["-f", "release.yaml"]);
    }
    let output = run(command.envs(&scene.env), &scene.input);
    let text = String::from_utf8(output.stdout).ok()?;
    (output.code == 0 && text.len() < 1 << 20).then_some(text)
}

#[test]
fn what_golden_cases_print_means_the_same_under_a_policy() {
    let Some(mut argo) = Argo::start() else {
        return;
    };
    let tenant = Tenant::new();
    let (mut alike, mut refused, mut wrong) = (0, BTreeMap::<_, usize>::new(), Vec::new());
    for scene in golden::scenes() {
        let Some(text) = output(&scene) else { continue };
        // what Argo CD does not take has no meaning
        let Ok(before) = argo.sees(&text) else {
            continue;
        };
        match tenant.run(Way::Keep, &text) {
            Ok(printed) => {
                let after = argo.sees(&printed);
                let is_same = after.as_ref().is_ok_and(|after| {
                    after.len() == before.len()
                        && before
                            .iter()
                            .zip(after)
                            .all(|(before, after)| same(before, after))
                });
                if is_same {
                    alike += 1;
                } else {
                    wrong.push(format!("{}: {before:?}\nis {after:?}\n", scene.name));
                }
            }
            Err(said) => match ACCEPTED_REFUSALS.iter().find(|why| said.contains(**why)) {
                Some(why) => *refused.entry(*why).or_default() += 1,
                None => wrong.push(format!("{} is refused:\n{said}\n{text}", scene.name)),
            },
        }
    }
    say(&format!(
        "golden cases under a policy: {alike} alike, refused: {refused:?}"
    ));
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.concat());
    assert!(alike > 450, "too few cases: {alike}");
}

#[test]
fn examples_mean_the_same_under_a_policy() {
    let Some(mut argo) = Argo::start() else {
        return;
    };
    let texts =
        EXAMPLES.map(|path| fs::read_to_string(root().join("examples").join(path)).unwrap());
    let jobs: Vec<_> = texts.iter().map(|text| Job::Render(text)).collect();
    let Some(outputs) = run_all(&jobs) else {
        return;
    };
    for ((path, text), output) in EXAMPLES.iter().zip(&texts).zip(outputs) {
        let before = argo.sees(text).unwrap();
        let output = output.unwrap_or_else(|| panic!("{path} is refused"));
        let after = argo.sees(&output).unwrap();
        assert!(
            before.len() == after.len() && before.iter().zip(&after).all(|(a, b)| same(a, b)),
            "{path}"
        );
    }
}
