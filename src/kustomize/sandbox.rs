//! Confines kustomize and helm: whatever a repository makes them do, they cannot reach credentials, other processes
//! or the network.
//!
//! Our own child process (`gitops-fn __child`) restricts itself and then starts the program, since running code
//! between fork and exec would need `unsafe`. The boundary is Landlock: file rights are required, and scopes are used
//! as far as the kernel supports them. A system call filter (seccomp) closes what Landlock leaves open, mainly sockets,
//! and resource limits bound memory, files and time.

use crate::explain::Explain;

use std::fmt;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Resource, Rlimit, getpgid, getpgrp, getppid, setrlimit};

mod descriptors;
#[cfg(target_os = "linux")]
mod files;
mod program;
#[cfg(target_os = "linux")]
mod syscalls;
#[cfg(target_os = "linux")]
mod tree;

pub use program::Program;

/// What to do if the kernel cannot confine a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unconfined {
    /// Do not run the program: the operator's policy requires the sandbox.
    Refuse,
    /// Run it with a warning.
    Warn,
    /// Run it without a warning: the operator's policy allows that.
    Accept,
}

impl Unconfined {
    const ALL: [Self; 3] = [Self::Refuse, Self::Warn, Self::Accept];

    /// Its name as an argument of `gitops-fn __child`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Warn => "warn",
            Self::Accept => "accept",
        }
    }

    /// The variant with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// What a confined program may reach. Everything else is denied, including `/proc`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confinement {
    /// The id of the process that the program must not outlive.
    pub parent: u32,
    /// The repository, read-only and without any `.git`.
    pub root: PathBuf,
    /// Folders that the program may write to.
    pub writable: Vec<PathBuf>,
    /// The only files that it may execute, besides `stand_in`.
    pub programs: Vec<PathBuf>,
    /// Our own executable, which is run in place of helm.
    pub stand_in: Option<PathBuf>,
    /// The maximum memory for its data, and for that of each program that it starts, in bytes.
    pub memory: u64,
    /// Whether it may open TCP connections, and read the files that these need (name service, certificate authorities).
    pub network: bool,
    /// What to do if the kernel cannot confine it.
    pub unconfined: Unconfined,
    /// Whether to log how far the kernel confines it.
    pub log: bool,
}

/// Why a program could not be confined, and so was not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SandboxError {
    /// The kernel has no Landlock, or it is not enabled.
    #[error(
        "this kernel cannot confine kustomize: Landlock (Linux 5.13) is missing or not enabled"
    )]
    Unsupported,
    /// A path of the confinement cannot be opened.
    #[error("cannot confine kustomize: {0} cannot be opened")]
    Path(PathBuf),
    /// A writable folder holds a `.git`, or is in one.
    #[error("{0} would be writable, and holds a `.git` or lies in one")]
    Git(PathBuf),
    /// The kernel cannot filter system calls.
    #[error("this kernel cannot confine kustomize: its system calls cannot be filtered (seccomp)")]
    Unfiltered,
    /// The kernel refused a limit or restriction.
    #[error("cannot confine kustomize: {0}")]
    Refused(&'static str),
    /// A program needs a dynamic loader, which could execute any file of the repository.
    #[error("{0} is linked dynamically, and under a policy only static programs are run")]
    Dynamic(PathBuf),
    /// The parent process has ended.
    #[error("the process that asked for this has ended")]
    Orphan,
}

impl Explain for SandboxError {
    fn help(&self) -> String {
        match self {
            Self::Unsupported => {
                "use a kernel with Landlock, or let the operator's policy say `sandbox: optional`"
            }
            Self::Path(_) => "check that it exists and may be read",
            Self::Git(_) => {
                "leave `helmGlobals.chartHome` out, or name a folder that holds charts alone"
            }
            Self::Unfiltered => {
                "use a kernel with seccomp filters, or let the operator's policy say `sandbox: optional`"
            }
            Self::Refused(_) => "check the limits of this process",
            Self::Dynamic(_) => "build it with CGO_ENABLED=0, or use the one of our image",
            Self::Orphan => "run it again",
        }.to_owned()
    }
}

/// How far a process is confined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Not at all; the user has to be warned.
    Unconfined,
    /// Not at all, which the operator's policy allows.
    Accepted,
    /// By file rights, but not by a system call filter; the user has to be warned unless the operator's policy allows
    /// it.
    Unfiltered {
        /// Whether the operator's policy allows it.
        accepted: bool,
    },
    /// In part: the kernel does not support some of Landlock's restrictions.
    Partly,
    /// By every restriction that this program uses.
    Wholly,
}

/// The exit code of a child that was not confined, or could not become the program.
pub const NOT_STARTED: u8 = 125;

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unconfined => {
                "kustomize is not confined: this system has no Landlock; build only repositories that you trust"
            }
            Self::Accepted => "kustomize is not confined: this system has no Landlock",
            Self::Unfiltered { .. } => {
                "kustomize is confined in its files alone: this system filters no system calls (seccomp); build only repositories that you trust"
            }
            Self::Partly => {
                "kustomize is confined: its files, sockets and system calls; this kernel is too old for some of TCP, signals and sockets of Landlock"
            }
            Self::Wholly => {
                "kustomize is confined: its files, TCP, signals, sockets and system calls"
            }
        })
    }
}

/// The maximum size of a file that a confined program writes, in bytes.
const LARGEST_FILE: u64 = 1 << 30;
/// The maximum number of open files.
const OPEN_FILES: u64 = 4096;
/// The maximum number of processes and threads of the user, including ours and those of other builds. The kernel does
/// not limit root.
pub const PROCESSES: u64 = 4096;
/// The address space that programs written in Go reserve in addition to what they use, in bytes: 1.1 to 1.2 GiB,
/// measured with kustomize 5.8.3 and helm 3.22.0. The address space is limited too (`RLIMIT_AS`), because the limit on
/// data (`RLIMIT_DATA`) does not count memory that is reserved first and then used in one step: helm got 1 GiB with a
/// limit of 512 MiB. Dynamically linked programs reserve more, some of it for each thread; no policy allows them.
const RESERVED: u64 = 1280 << 20;
/// The maximum processor time, in seconds.
const CPU_SECONDS: u64 = 600;

/// Keeps other processes from reading this one's memory and environment: no core file, no debugger, and
/// `/proc/PID/environ` only for root (T7 of docs/internals/argocd-plugins.md#threats). Best effort: not every system
/// supports it.
pub fn hide() {
    let _ = setrlimit(Resource::Core, limit(0));
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// Restricts this process, and everything that it starts, to `confinement`. This cannot be undone. All open files but
/// the standard streams are closed.
///
/// # Errors
/// A [`SandboxError`]; the program must not be run then.
pub fn enter(confinement: &Confinement) -> Result<Reach, SandboxError> {
    // the parent may have ended already
    if getppid()
        .map(Pid::as_raw_nonzero)
        .map(|pid| pid.get().unsigned_abs())
        != Some(confinement.parent)
    {
        return Err(SandboxError::Orphan);
    }
    let is_static = only_static(&confinement.programs);
    if confinement.unconfined != Unconfined::Warn {
        is_static.clone()?;
    }
    // while the limit on open files still tells how many there may be
    descriptors::close_inherited();
    // this process holds no secrets, and a hidden process cannot write its own files in `/proc`
    show();
    be_first_to_go();
    for (resource, most) in [
        (Resource::Core, 0),
        (Resource::Fsize, LARGEST_FILE),
        (Resource::Nofile, OPEN_FILES),
        (Resource::Cpu, CPU_SECONDS),
        (Resource::Nproc, PROCESSES),
        (Resource::Data, confinement.memory),
    ] {
        lower(resource, most)?;
    }
    if is_static.is_ok() {
        let addresses = confinement.memory.saturating_add(RESERVED);
        lower(Resource::As, addresses)?;
    }
    no_new_privileges()?;
    let reach = match restrict(confinement) {
        Err(SandboxError::Unsupported) => without(confinement.unconfined)?,
        outcome => outcome?,
    };
    judged(confinement.unconfined, reach, filter(confinement.network))
}

/// Combines the results of Landlock and of the system call filter, and decides whether they are enough.
fn judged(
    unconfined: Unconfined,
    reach: Reach,
    filter: Result<(), SandboxError>,
) -> Result<Reach, SandboxError> {
    match (filter, reach) {
        (Err(SandboxError::Unfiltered), _) if unconfined == Unconfined::Refuse => {
            Err(SandboxError::Unfiltered)
        }
        (Err(SandboxError::Unfiltered), Reach::Partly | Reach::Wholly) => Ok(Reach::Unfiltered {
            accepted: unconfined == Unconfined::Accept,
        }),
        (Ok(()) | Err(SandboxError::Unfiltered), _) => Ok(reach),
        (Err(error), _) => Err(error),
    }
}

/// Prevents this process, which runs inside a confinement, from starting other programs, and opens the one program
/// that it may execute in its own place.
///
/// # Errors
/// A [`SandboxError`]; the program must not be run then.
pub fn alone(program: &Path) -> Result<Program, SandboxError> {
    // an orphan's new parent is in another process group, and only our group is killed at the end
    let parent = getppid().and_then(|parent| getpgid(Some(parent)).ok());
    if parent != Some(getpgrp()) {
        return Err(SandboxError::Orphan);
    }
    let program = Program::open(program)?.beyond_limit()?;
    no_new_privileges()?;
    match filter_starts(program.number()) {
        // whether a missing filter is acceptable was decided when the confinement was entered
        Ok(()) | Err(SandboxError::Unfiltered) => Ok(program),
        Err(error) => Err(error),
    }
}

/// Undoes [`hide`] for processes of the same user.
#[cfg(target_os = "linux")]
fn show() {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    let _ = set_dumpable_behavior(DumpableBehavior::Dumpable);
}

#[cfg(not(target_os = "linux"))]
fn show() {}

/// Checks that no program needs a dynamic loader.
#[cfg(target_os = "linux")]
fn only_static(programs: &[PathBuf]) -> Result<(), SandboxError> {
    let dynamic = |program: &&PathBuf| super::elf::loader(program).is_some();
    match programs.iter().find(dynamic) {
        Some(program) => Err(SandboxError::Dynamic(program.clone())),
        None => Ok(()),
    }
}

/// Without Landlock there are no rights to execute that a loader could bypass.
#[cfg(not(target_os = "linux"))]
fn only_static(_: &[PathBuf]) -> Result<(), SandboxError> {
    Ok(())
}

/// Makes the kernel kill this process first, instead of the plugin server, if the system runs out of memory. Best
/// effort: not every system supports it.
fn be_first_to_go() {
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
}

#[cfg(target_os = "linux")]
fn filter(network: bool) -> Result<(), SandboxError> {
    syscalls::filter(network)
}

#[cfg(target_os = "linux")]
fn filter_starts(program: i32) -> Result<(), SandboxError> {
    syscalls::filter_starts(program)
}

/// Other systems have no system call filter.
#[cfg(not(target_os = "linux"))]
fn filter(_: bool) -> Result<(), SandboxError> {
    Err(SandboxError::Unfiltered)
}

#[cfg(not(target_os = "linux"))]
fn filter_starts(_: i32) -> Result<(), SandboxError> {
    Err(SandboxError::Unfiltered)
}

/// Keeps this process, and everything that it starts, from gaining privileges (setuid programs), also without Landlock.
#[cfg(target_os = "linux")]
fn no_new_privileges() -> Result<(), SandboxError> {
    rustix::thread::set_no_new_privs(true)
        .map_err(|_| SandboxError::Refused("new privileges cannot be ruled out"))
}

#[cfg(not(target_os = "linux"))]
fn no_new_privileges() -> Result<(), SandboxError> {
    Ok(())
}

/// Decides what happens without Landlock.
fn without(unconfined: Unconfined) -> Result<Reach, SandboxError> {
    match unconfined {
        Unconfined::Refuse => Err(SandboxError::Unsupported),
        Unconfined::Warn => Ok(Reach::Unconfined),
        Unconfined::Accept => Ok(Reach::Accepted),
    }
}

fn limit(most: u64) -> Rlimit {
    Rlimit {
        current: Some(most),
        maximum: Some(most),
    }
}

/// Lowers a limit to `most`, or leaves it as it is if it is lower already.
fn lower(resource: Resource, most: u64) -> Result<(), SandboxError> {
    let now = rustix::process::getrlimit(resource);
    let most = now.maximum.map_or(most, |maximum| maximum.min(most));
    setrlimit(resource, limit(most)).map_err(|_| SandboxError::Refused("a limit cannot be set"))
}

#[cfg(target_os = "linux")]
/// Applies the Landlock rules to this process.
fn restrict(confinement: &Confinement) -> Result<Reach, SandboxError> {
    use files::{LATEST, allow, rights};
    use landlock::{
        ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr,
        RulesetStatus, Scope,
    };
    let refused = |_| SandboxError::Refused("the kernel refuses the restriction");
    let files = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))
        .map_err(|_| SandboxError::Unsupported)?;
    let mut ruleset = files
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(LATEST))
        .map_err(refused)?
        .scope(Scope::from_all(LATEST))
        .map_err(refused)?;
    if !confinement.network {
        ruleset = ruleset
            .handle_access(AccessNet::from_all(LATEST))
            .map_err(refused)?;
    }
    let mut created = ruleset.create().map_err(refused)?;
    for (path, access) in rights(confinement)? {
        created = allow(created, path, access)?;
    }
    let status = created.restrict_self().map_err(refused)?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => Reach::Wholly,
        RulesetStatus::PartiallyEnforced => Reach::Partly,
        RulesetStatus::NotEnforced => return Err(SandboxError::Unsupported),
    })
}

/// Other systems have no Landlock.
#[cfg(not(target_os = "linux"))]
fn restrict(_: &Confinement) -> Result<Reach, SandboxError> {
    Err(SandboxError::Unsupported)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_landlock_the_policy_decides() {
        assert_eq!(without(Unconfined::Refuse), Err(SandboxError::Unsupported));
        assert_eq!(without(Unconfined::Warn), Ok(Reach::Unconfined));
        assert_eq!(without(Unconfined::Accept), Ok(Reach::Accepted));
    }

    #[test]
    fn without_a_filter_the_policy_decides() {
        let none = || Err(SandboxError::Unfiltered);
        for reach in [Reach::Partly, Reach::Wholly] {
            assert_eq!(
                judged(Unconfined::Refuse, reach, none()),
                none().map(|()| reach)
            );
            for (unconfined, accepted) in [(Unconfined::Warn, false), (Unconfined::Accept, true)] {
                let reached = Reach::Unfiltered { accepted };
                assert_eq!(judged(unconfined, reach, none()), Ok(reached));
            }
            assert_eq!(judged(Unconfined::Refuse, reach, Ok(())), Ok(reach));
        }
        // anything less is reported
        let reach = Reach::Unconfined;
        assert_eq!(judged(Unconfined::Warn, reach, none()), Ok(reach));
        let broken = || Err(SandboxError::Refused("x"));
        for unconfined in Unconfined::ALL {
            assert_eq!(
                judged(unconfined, reach, broken()),
                broken().map(|()| reach)
            );
        }
    }
}
