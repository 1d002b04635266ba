//! `gitops-fn __child`: restrict this process, and run kustomize in it.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use rustix::process::{Signal, getpid, kill_current_process_group, kill_process};

use gitops_fn::build::sandbox::{Confinement, NOT_STARTED, Reach, enter};
use gitops_fn::cli::Child;

use super::streams::say;

/// Returns an exit code only if it fails.
pub(crate) fn run(arguments: &Child) -> u8 {
    let confinement = Confinement {
        parent: arguments.parent,
        root: arguments.root.clone(),
        writable: arguments.writable.clone(),
        programs: arguments.programs.clone(),
        memory: arguments.memory,
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
    supervise(Path::new(program), rest).unwrap_or_else(|error| {
        say(&format!(
            "error: {} cannot be executed: {}\nhelp: it has to be a program file that this user may execute, not a script\n",
            program.display(),
            error.kind()
        ));
        NOT_STARTED
    })
}

/// Runs the program to its end, and ends as it does. Where the process that asked for it ends before, the
/// program goes too, with all that it has started.
///
/// Standard input is a pipe whose other end nobody but that process holds: it is at its end when that one is,
/// however it has ended. The kernel's own signal for that (`PR_SET_PDEATHSIG`) would not reach what the program has
/// started.
fn supervise(program: &Path, arguments: &[OsString]) -> io::Result<u8> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .spawn()?;
    thread::Builder::new().spawn(|| {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        let _ = kill_current_process_group(Signal::KILL);
    })?;
    let status = child.wait()?;
    if let Some(signal) = status.signal().and_then(Signal::from_named_raw) {
        let _ = kill_process(getpid(), signal);
    }
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(NOT_STARTED))
}
