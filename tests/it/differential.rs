//! Checks that what a policy judges is what is applied. Thousands of unusual documents go through the program, and each
//! one that it accepts is read by Argo CD's own code (`tests/tools/argocd-split`) and by another YAML reader.
//!
//! `GITOPS_FN_DIFFERENTIAL` is the number of documents, and `GITOPS_FN_DIFFERENTIAL_SEED` the seed from which they are
//! generated.

mod argo;
mod cases;
mod check;
mod corpus;
mod gadgets;
mod manifests;
mod minimal;
mod mutate;
mod oddities;
mod printed;
mod program;
mod tenant;

use std::env;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use crate::support::say;
use argo::Argo;
use check::{Trial, fault};
use minimal::minimal;
use mutate::{Attempt, attempt, mutate};
use printed::{by_kustomize, hostile};
use program::{Job, run_all};
use tenant::{Tenant, Way};

/// The default number of documents.
const COUNT: u64 = 20_000;
/// The default seed.
const SEED: u64 = 11;
/// The number of documents that are generated, tried and given to Argo CD's code at a time.
const BATCH: u64 = 250;
/// The number of threads that do so.
const THREADS: usize = 2;
/// The maximum number of faults that are reported.
const FAULTS: usize = 3;

fn number(name: &str, default: u64) -> u64 {
    match env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}: a number")),
        Err(_) => default,
    }
}

/// The results of all attempts.
#[derive(Default)]
struct Tally {
    accepted: AtomicU64,
    with_values: AtomicU64,
    faults: Mutex<Vec<String>>,
}

impl Tally {
    fn batch(&self, tenant: &Tenant, argo: &mut Argo, attempts: &[(String, Attempt)]) {
        let trials: Vec<_> = attempts
            .iter()
            .map(|(_, attempt)| Trial::new(tenant, attempt))
            .collect();
        let texts: Vec<_> = trials
            .iter()
            .zip(attempts)
            .flat_map(|(trial, (_, attempt))| trial.texts(attempt))
            .collect();
        let seen = argo.sees_all(&texts);
        for ((trial, (name, attempt)), seen) in trials.iter().zip(attempts).zip(seen.chunks(3)) {
            self.accepted
                .fetch_add(trial.is_accepted().into(), Ordering::Relaxed);
            self.with_values
                .fetch_add(trial.has_value().into(), Ordering::Relaxed);
            if let Some(why) = trial.fault(attempt, seen) {
                self.tell(tenant, argo, name, attempt, &why);
            }
        }
    }

    fn tell(&self, tenant: &Tenant, argo: &mut Argo, name: &str, attempt: &Attempt, why: &str) {
        let mut faults = self.faults.lock().unwrap();
        if faults.len() >= FAULTS {
            return;
        }
        let first = |why: &str| why.lines().next().unwrap_or_default().to_owned();
        let with = |text: &str| Attempt {
            text: text.to_owned(),
            ..*attempt
        };
        let least = minimal(&attempt.text, |text| {
            fault(tenant, argo, &with(text)).is_some_and(|found| first(&found) == first(why))
        });
        let why = fault(tenant, argo, &with(&least)).unwrap_or_default();
        let trial = Trial::new(tenant, &with(&least));
        let [_, rendered, kept] = trial.texts(attempt);
        faults.push(format!(
            "\n=== {name}: {why}\n--- the least that shows it: {least:?}\n{least}\n--- rendered: {rendered:?}\n--- kept: {kept:?}\n"
        ));
    }

    fn finish(self) {
        let faults = self.faults.into_inner().unwrap();
        assert!(faults.is_empty(), "{}", faults.concat());
    }
}

#[test]
fn readers_agree_on_what_gadgets_come_to() {
    let Some(mut argo) = Argo::start() else {
        return;
    };
    let (tenant, tally) = (Tenant::new(), Tally::default());
    let gadgets: Vec<_> = gadgets::all()
        .into_iter()
        .enumerate()
        .map(|(index, text)| (format!("gadget {index}"), Attempt::plain(text)))
        .collect();
    tally.batch(&tenant, &mut argo, &gadgets);
    tally.finish();
}

#[test]
fn readers_agree_on_what_mutated_documents_come_to() {
    let count = number("GITOPS_FN_DIFFERENTIAL", COUNT);
    let seed = number("GITOPS_FN_DIFFERENTIAL_SEED", SEED);
    let Some(argos) = (0..THREADS)
        .map(|_| Argo::start())
        .collect::<Option<Vec<_>>>()
    else {
        return;
    };
    let begun = Instant::now();
    let (next, tally) = (AtomicU64::new(0), Tally::default());
    thread::scope(|scope| {
        for argo in argos {
            scope.spawn(|| {
                let (tenant, mut argo) = (Tenant::new(), argo);
                loop {
                    let start = next.fetch_add(BATCH, Ordering::Relaxed);
                    if start >= count {
                        break;
                    }
                    let attempts: Vec<_> = (start..count.min(start + BATCH))
                        .map(|number| {
                            let name = format!("document {number} of seed {seed}");
                            (name, attempt(seed, number))
                        })
                        .collect();
                    tally.batch(&tenant, &mut argo, &attempts);
                }
            });
        }
    });
    let (accepted, with_values) = (
        tally.accepted.load(Ordering::Relaxed),
        tally.with_values.load(Ordering::Relaxed),
    );
    say(&format!(
        "differential: {count} documents of seed {seed} in {} s, {accepted} let through, {with_values} of them with values",
        begun.elapsed().as_secs()
    ));
    tally.finish();
    // what is refused shows nothing
    assert!(
        accepted > count / 4 && with_values > count / 20,
        "too few were let through"
    );
}

/// Refusals of texts that Argo CD reads. They are accepted, since other readers may read such a text differently.
const ACCEPTED_REFUSALS: &[&str] = &[
    "readers disagree on what this tag means",
    "the value does not fit its tag",
    "this key is written twice in its mapping",
    "this key is also merged by a << that follows it",
    "a key cannot be null, a list or a mapping, nor a number that is too large",
    // what an escape has become
    "where <path: is meant literally, write <!path:",
];

#[test]
fn odd_scalars_are_what_argo_cd_reads() {
    let places = |text: &str| {
        let value = format!("kind: Odd\nspec:\n  k: {text}\n");
        if text.contains('\n') {
            return vec![value];
        }
        vec![
            value,
            format!("kind: Odd\nspec:\n- {text}\n"),
            format!("kind: Odd\nspec: [ {text} ]\n"),
            format!("kind: Odd\nspec: {{ k: {text} }}\n"),
            format!("kind: Odd\nspec:\n  {text}: k\n"),
        ]
    };
    let texts: Vec<_> = oddities::PLAIN
        .iter()
        .chain(oddities::WRITTEN)
        .flat_map(|text| places(text))
        .collect();
    mean_the_same_under_a_policy(&texts);
}

#[test]
fn ends_of_blocks_are_what_argo_cd_reads() {
    let mut texts = Vec::new();
    for header in ["|", "|-", "|+", "|2+", ">", ">-", ">+", ">2"] {
        for end in [
            "",
            "\n",
            "\n\n",
            "\r\n",
            "\n  ",
            "\n     ",
            "\n     \n",
            "\n...",
            "\n...\n",
            "\n# c",
            "\n---\nkind: Other\n",
        ] {
            texts.push(format!(
                "kind: Odd\nspec:\n  k: {header}\n    a\n    b{end}"
            ));
            texts.push(format!("kind: Odd\nspec:\n  k: {header}{end}"));
        }
    }
    mean_the_same_under_a_policy(&texts);
}

/// Checks that Argo CD reads the same from each text and from the output under a policy.
fn mean_the_same_under_a_policy(texts: &[String]) {
    let Some(mut argo) = Argo::start() else {
        return;
    };
    let tenant = Tenant::new();
    let before = argo.sees_all(texts);
    let mut wrong = Vec::new();
    for (text, before) in texts.iter().zip(before) {
        let Ok(before) = before else { continue };
        match tenant.run(Way::Keep, text) {
            Ok(output) => {
                let after = argo.sees(&output);
                if after.as_ref() != Ok(&before) {
                    wrong.push(format!("{text}--- was {before:?}\n--- and is {after:?}\n"));
                }
            }
            Err(said) if ACCEPTED_REFUSALS.iter().any(|why| said.contains(why)) => {}
            Err(said) => wrong.push(format!("{text}--- is refused: {said}\n")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

/// How many hostile kustomizations the real kustomize builds, and how often each output is mutated.
const KUSTOMIZATIONS: u64 = 150;
const CHANGES: u64 = 12;

#[test]
fn readers_agree_on_what_kustomize_prints_of_hostile_inputs() {
    let seed = number("GITOPS_FN_DIFFERENTIAL_SEED", SEED);
    let Some(mut argo) = Argo::start() else {
        return;
    };
    let repositories: Vec<_> = (0..KUSTOMIZATIONS)
        .map(|number| hostile(seed, number))
        .collect();
    let Some(printed) = by_kustomize(&repositories) else {
        return;
    };
    let (tenant, tally) = (Tenant::new(), Tally::default());
    let mut attempts = Vec::new();
    for (index, text) in printed.iter().enumerate() {
        let Some(text) = text else { continue };
        for change in 0..=CHANGES {
            let mut text = text.clone();
            for step in 0..change {
                let number = index as u64 * 1000 + change * 20 + step;
                text = mutate(&mut mutate::rng(seed, number), &text);
            }
            let name = format!("kustomization {index} of seed {seed}, {change} changes");
            attempts.push((name, Attempt::plain(text)));
        }
    }
    assert!(
        attempts.len() > 300,
        "kustomize refused too much: {}",
        attempts.len()
    );
    tally.batch(&tenant, &mut argo, &attempts);
    tally.finish();
}

/// The number of mutated documents that the real program reads.
const RUNS: u64 = 300;
/// The number of hostile kustomizations that it builds.
const BUILDS: usize = 40;

#[test]
fn the_real_program_does_the_same() {
    let seed = number("GITOPS_FN_DIFFERENTIAL_SEED", SEED);
    let Some(mut argo) = Argo::start() else {
        return;
    };
    let tenant = Tenant::new();
    let mut attempts: Vec<_> = (0..RUNS).map(|number| attempt(seed, number)).collect();
    attempts.extend(gadgets::all().into_iter().map(Attempt::plain));
    let jobs: Vec<_> = attempts
        .iter()
        .map(|attempt| {
            if attempt.function {
                Job::Function(&attempt.text)
            } else {
                Job::Render(&attempt.text)
            }
        })
        .collect();
    let Some(outputs) = run_all(&jobs) else {
        return;
    };
    for (attempt, output) in attempts.iter().zip(&outputs) {
        let here = Trial::new(&tenant, attempt).rendered;
        assert_eq!(*output, here, "{}", attempt.text);
        if let Some(text) = output {
            let fault = check::output_fault(text, &argo.sees(text));
            assert_eq!(fault, None, "{}\n{text}", attempt.text);
        }
    }
    assert!(
        outputs.iter().flatten().count() > 100,
        "too few were let through"
    );
}

#[test]
fn readers_agree_on_what_is_built() {
    let seed = number("GITOPS_FN_DIFFERENTIAL_SEED", SEED);
    let Some(mut argo) = Argo::start() else {
        return;
    };
    let mut repositories: Vec<_> = (0..BUILDS as u64)
        .map(|number| hostile(seed, number))
        .collect();
    let plain = (0..BUILDS as u64)
        .map(|number| attempt(seed, number))
        .filter(|attempt| !attempt.function);
    let plain = plain.map(|attempt| attempt.text).chain(gadgets::all());
    repositories.extend(plain.map(|text| vec![("manifest.yaml", text)]));
    let jobs: Vec<_> = repositories.iter().map(|files| Job::Build(files)).collect();
    let Some(outputs) = run_all(&jobs) else {
        return;
    };
    for (files, output) in repositories.iter().zip(&outputs) {
        if let Some(text) = output {
            let fault = check::output_fault(text, &argo.sees(text));
            assert_eq!(fault, None, "{files:?}\n{text}");
        }
    }
    let built = outputs[..BUILDS].iter().flatten().count();
    assert!(built > 5, "too few were let through: {built}");
}
