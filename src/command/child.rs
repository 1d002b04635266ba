//! `gitops-fn __child`: restrict this process, and become kustomize.

use std::path::Path;

use gitops_fn::build::sandbox::{Confinement, Note, become_program, enter};
use gitops_fn::cli::Child;

use crate::say;

/// Returns an exit code only if it fails: those of a shell that cannot run a program.
pub(crate) fn run(arguments: &Child) -> u8 {
    let confinement = Confinement {
        parent: arguments.parent,
        root: arguments.root.clone(),
        writable: arguments.writable.clone(),
        programs: arguments.programs.clone(),
        network: arguments.network,
        unconfined: arguments.unconfined,
    };
    match enter(&confinement) {
        Ok(Some(note @ Note::Unconfined)) => say(&format!("warning: {note}\n")),
        Ok(Some(Note::Partly) | None) => {}
        Err(error) => {
            say(&format!("error: {error}\nhelp: {}\n", error.help()));
            return 126;
        }
    }
    let Some((program, rest)) = arguments.command.split_first() else {
        return 127;
    };
    let error = become_program(Path::new(program), rest);
    say(&format!(
        "error: {} cannot be executed: {}\nhelp: it has to be a program file that this user may execute, not a script\n",
        program.display(),
        error.kind()
    ));
    127
}
