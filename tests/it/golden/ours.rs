//! A case through our program.

use std::fs;
use std::path::Path;

use serde_yaml::Value;

use super::case::Case;
use super::objects;
use crate::support::{Output, gitops_fn, run, temp_dir};

/// Runs the case and says everything that is not as expected.
pub(super) fn check(case: &Case) -> Result<(), String> {
    let output = run_case(case, &case.input);
    let mut problems = Vec::new();
    check_code(case, &output, &mut problems);
    check_stderr(case, &output, &mut problems);
    check_stdout(case, &output, &mut problems);
    if problems.is_empty() && case.exit == 0 && is_idempotent(case) {
        let again = run_case(case, &output.stdout);
        if again.code != 0 || again.stdout != output.stdout {
            problems.push(format!(
                "a second run over the output is no no-op (exit {}):\n{}{}",
                again.code,
                again.stderr,
                String::from_utf8_lossy(&again.stdout)
            ));
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        problems.push(format!(
            "--- stderr (exit {})\n{}",
            output.code, output.stderr
        ));
        Err(problems.join("\n"))
    }
}

fn run_case(case: &Case, input: &[u8]) -> Output {
    let folder = temp_dir();
    let mut command = gitops_fn();
    command.current_dir(folder.path()).args(&case.args);
    if !case.secrets.is_empty() {
        fs::write(folder.path().join("secrets.yaml"), &case.secrets).unwrap();
        command.env("VAULT_ADDR", "file:secrets.yaml");
    }
    if let Some(config) = &case.config {
        fs::write(folder.path().join("release.yaml"), config).unwrap();
        command.arg("-f").arg(Path::new("release.yaml"));
    }
    run(command.envs(&case.env), input)
}

/// Repository and images are the same after a second run.
fn is_idempotent(case: &Case) -> bool {
    let rules = case
        .config
        .as_ref()
        .is_some_and(|config| config.contains("repository:") || config.contains("images:"));
    rules && case.secrets.is_empty() && case.again
}

fn is_function(case: &Case) -> bool {
    case.args.is_empty()
}

fn check_code(case: &Case, output: &Output, problems: &mut Vec<String>) {
    let right = if case.either {
        matches!(output.code, 0 | 1)
    } else {
        output.code == case.exit
    };
    if !right {
        problems.push(format!(
            "exit code {} instead of {}",
            output.code, case.exit
        ));
    }
}

fn check_stderr(case: &Case, output: &Output, problems: &mut Vec<String>) {
    let wanted = case.errors.iter().flatten().chain(&case.warnings);
    for text in wanted.filter(|text| !output.stderr.contains(&***text)) {
        problems.push(format!("stderr does not say: {text}"));
    }
    for text in case
        .not_errors
        .iter()
        .filter(|text| output.stderr.contains(&***text))
    {
        problems.push(format!("stderr must not say: {text}"));
    }
    for text in ["panicked", "fault of gitops-fn"] {
        if output.stderr.contains(text) {
            problems.push(format!("never right: {text}"));
        }
    }
    if output.code != 0 && output.stderr.is_empty() {
        problems.push("a failure without a word".to_owned());
    }
}

fn check_stdout(case: &Case, output: &Output, problems: &mut Vec<String>) {
    let stdout = String::from_utf8_lossy(&output.stdout);
    if output.code != 0 && !is_function(case) && !stdout.is_empty() {
        problems.push(format!("output beside an error:\n{stdout}"));
    }
    for text in case
        .contains
        .iter()
        .filter(|text| !stdout.contains(&***text))
    {
        problems.push(format!("stdout does not hold: {text}"));
    }
    let with_results = case.results.is_some() || case.any_results;
    if let Some(expected) = &case.expected {
        let expected = String::from_utf8_lossy(expected);
        let real = if with_results {
            without_results(&stdout)
        } else {
            stdout.to_string()
        };
        if real != expected {
            problems.push(format!("--- expected\n{expected}--- got\n{real}"));
        }
    }
    if case.objects.is_some() || case.results.is_some() {
        check_objects(case, &output.stdout, problems);
    }
}

fn check_objects(case: &Case, stdout: &[u8], problems: &mut Vec<String>) {
    let mut real = match objects::read(stdout) {
        Ok(objects) if objects.len() == 1 => objects.into_iter().next().unwrap_or_default(),
        Ok(objects) => return problems.push(format!("{} documents instead of 1", objects.len())),
        Err(error) => return problems.push(format!("stdout is no YAML: {error}")),
    };
    let results = real.as_mapping_mut().and_then(|map| map.remove("results"));
    if let Some(wanted) = &case.objects {
        let wanted = objects::normal(wanted.clone());
        if real != wanted {
            problems.push(format!("--- expected\n{wanted:?}\n--- got\n{real:?}"));
        }
    }
    if let Some(wanted) = &case.results {
        let wanted = Value::Sequence(wanted.clone());
        let results = results.unwrap_or(Value::Sequence(Vec::new()));
        if !objects::is_part(&wanted, &results) {
            let results = serde_yaml::to_string(&results).unwrap_or_default();
            problems.push(format!("results:\n{results}do not hold: {wanted:?}"));
        }
    }
}

/// A `ResourceList` in block style without its `results`.
fn without_results(text: &str) -> String {
    let mut inside = false;
    text.split_inclusive('\n')
        .filter(|line| {
            if line.starts_with(|first: char| !matches!(first, ' ' | '-' | '#' | '\n')) {
                inside = line.starts_with("results:");
            }
            !inside
        })
        .collect()
}
