//! Runs the golden cases of `tests/golden/cases/*.yaml`. They are written from the rules that they cite, and compared
//! with our program, the real argocd-vault-plugin and the real kustomize.
//!
//! Each file is a list of cases, described in [`case`]. There is no switch to rewrite the expected texts: a case that
//! fails is either a bug in this program or a mistake in the rule that it was taken from.

mod avp;
mod case;
mod kustomize;
pub(crate) mod objects;
mod ours;
mod vault;

use std::panic::{self, AssertUnwindSafe};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use case::{Case, Witness};
use objects::Outcome;

/// The number of cases that run at the same time.
const THREADS: usize = 2;

/// What a case gives to the program, for other tests over the same cases.
pub(crate) struct Scene {
    pub(crate) name: String,
    pub(crate) args: Vec<String>,
    pub(crate) env: std::collections::BTreeMap<String, String>,
    pub(crate) config: Option<String>,
    pub(crate) secrets: String,
    pub(crate) input: Vec<u8>,
}

/// The scenes of all cases.
pub(crate) fn scenes() -> Vec<Scene> {
    let cases = case::all().into_iter();
    let scenes = cases.map(|case| Scene {
        name: format!("{} / {}", case.file, case.name),
        args: case.args,
        env: case.env,
        config: case.config,
        secrets: case.secrets,
        input: case.input,
    });
    scenes.collect()
}

/// Runs `check` on every case, and fails with a list of all problems.
fn check_all(cases: &[Case], check: impl Fn(usize, &Case) -> Result<(), String> + Sync) {
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(index) else { break };
                    let done = panic::catch_unwind(AssertUnwindSafe(|| check(index, case)));
                    let done = done.unwrap_or_else(|_| Err("the check itself panicked".into()));
                    if let Err(why) = done {
                        failures.lock().unwrap().push((index, why));
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    let list: Vec<_> = failures
        .iter()
        .map(|(index, why)| {
            let Case {
                file, name, source, ..
            } = &cases[*index];
            format!("\n=== {file} / {name} ({source})\n{why}\n")
        })
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {} cases failed:{}",
        failures.len(),
        cases.len(),
        list.concat()
    );
}

/// Whether the result of a real tool is what the case states.
fn judge(witness: &Witness, wanted: &Outcome, real: &Outcome) -> Result<(), String> {
    let same = wanted == real;
    match witness {
        Witness::Same if !same => Err(format!("the real tool differs.\n{}", wanted.diff(real))),
        Witness::Differs(why) if same => Err(format!(
            "the data says that the real tool differs ({why}), but it does the same: {real:?}"
        )),
        _ => Ok(()),
    }
}

#[test]
fn names_are_unique() {
    let mut names: Vec<_> = case::all().into_iter().map(|case| case.name).collect();
    names.sort();
    let twice: Vec<_> = names
        .windows(2)
        .filter(|pair| pair[0] == pair[1])
        .map(|pair| &pair[0])
        .collect();
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn our_program_does_what_the_tables_say() {
    check_all(&case::all(), |_, case| ours::check(case));
}

#[test]
fn the_real_vault_plugin_does_what_the_data_says() {
    let Some(tool) = crate::support::tool("argocd-vault-plugin") else {
        return;
    };
    let mut cases = case::all();
    cases.retain(|case| matches!(case.avp, Some(Witness::Same | Witness::Differs(_))));
    let vault = vault::Vault::start(cases.iter().map(|case| case.secrets.as_str()));
    check_all(&cases, |index, case| {
        let real = avp::run_case(&tool, &vault, index, case)?;
        judge(case.avp.as_ref().unwrap(), &case.outcome()?, &real)
    });
}

#[test]
fn the_real_kustomize_does_what_the_data_says() {
    let Some(tool) = crate::support::tool("kustomize") else {
        return;
    };
    let mut cases = case::all();
    cases.retain(|case| matches!(case.kustomize, Some(Witness::Same | Witness::Differs(_))));
    check_all(&cases, |_, case| {
        let real = kustomize::run_case(&tool, case)?;
        let wanted = case.outcome()?;
        judge(
            case.kustomize.as_ref().unwrap(),
            &wanted.sorted(),
            &real.sorted(),
        )
    });
}
