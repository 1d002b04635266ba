//! `gitops-fn __child`: restrict this process, and become kustomize.

use std::path::Path;

use gitops_fn::build::sandbox::{Confinement, NOT_STARTED, Reach, become_program, enter};
use gitops_fn::cli::Child;

use super::streams::say;

/// Returns an exit code only if it fails.
pub(crate) fn run(arguments: &Child) -> u8 {
    let confinement = Confinement {
        parent: arguments.parent,
        root: arguments.root.clone(),
        writable: arguments.writable.clone(),
        programs: arguments.programs.clone(),
        network: arguments.network,
        unconfined: arguments.unconfined,
        log: arguments.log,
    };
    match enter(&confinement) {
        Ok(reach @ Reach::Unconfined) => say(&format!("warning: {reach}\n")),
        Ok(reach) if confinement.log => say(&format!(" INFO gitops_fn::build: {reach}\n")),
        Ok(_) => {}
        Err(error) => {
            say(&format!("error: {error}\nhelp: {}\n", error.help()));
            return NOT_STARTED;
        }
    }
    let Some((program, rest)) = arguments.command.split_first() else {
        return NOT_STARTED;
    };
    let error = become_program(Path::new(program), rest);
    say(&format!(
        "error: {} cannot be executed: {}\nhelp: it has to be a program file that this user may execute, not a script\n",
        program.display(),
        error.kind()
    ));
    NOT_STARTED
}
