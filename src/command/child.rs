//! `gitops-fn __child`: restricts this process, and runs kustomize as its child.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use rustix::process::{Signal, getpid, kill_current_process_group, kill_process};

use gitops_fn::cli::Child;
use gitops_fn::finding::text;
use gitops_fn::kustomize::sandbox::{Confinement, NOT_STARTED, PROCESSES, Reach, enter};

use super::streams::say;

/// Restricts this process and runs the program of `arguments`. Returns the program's exit code, or [`NOT_STARTED`].
pub(crate) fn run(arguments: &Child) -> u8 {
    let confinement = Confinement {
        parent: arguments.parent,
        root: arguments.root.clone(),
        writable: arguments.writable.clone(),
        programs: arguments.programs.clone(),
        stand_in: arguments.stand_in.clone(),
        memory: arguments.memory,
        network: arguments.network,
        unconfined: arguments.unconfined,
        log: arguments.log,
    };
    match enter(&confinement) {
        Ok(reach) => tell(reach, &confinement),
        Err(error) => {
            say(&text::stderr(&[error.into()]));
            return NOT_STARTED;
        }
    }
    let Some((program, rest)) = arguments.command.split_first() else {
        return NOT_STARTED;
    };
    supervise(Path::new(program), rest).unwrap_or_else(|error| {
        say(&not_executed(Path::new(program), &error));
        NOT_STARTED
    })
}

/// Prints how far this process is confined, as a warning if that is not enough, or if logging was requested.
fn tell(reach: Reach, confinement: &Confinement) {
    let warned = matches!(
        reach,
        Reach::Unconfined | Reach::Unfiltered { accepted: false }
    );
    if warned {
        say(&format!("warning: {reach}\n"));
    } else if confinement.log {
        let memory = confinement.memory;
        say(&format!(
            " INFO gitops_fn::kustomize: {reach}; {memory} bytes of memory for each program, {PROCESSES} processes of the user (RLIMIT_NPROC), none that helm starts (seccomp)\n"
        ));
    }
}

/// The message about a program that cannot be executed.
pub(super) fn not_executed(program: &Path, error: &io::Error) -> String {
    format!(
        "error: {} cannot be executed: {}\nhelp: it has to be a program file that this user may execute, not a script\n",
        program.display(),
        error.kind()
    )
}

/// Runs the program to its end and returns its exit code; if a signal ended it, sends the same signal to this process.
/// If the parent process ends earlier, this process, the program and everything that it started are killed.
///
/// Standard input is a pipe whose other end only the parent process holds, so it is closed when the parent ends for
/// any reason. The kernel's own signal for that (`PR_SET_PDEATHSIG`) would not reach what the program has started.
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
