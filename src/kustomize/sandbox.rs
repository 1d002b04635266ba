//! The confinement of kustomize and helm: what a repository makes them do must not reach credentials,
//! other processes or the network.
//!
//! A process of ours restricts itself and becomes the program (`gitops-fn __child`), since a library may
//! not run code between fork and exec without `unsafe`. The boundary is Landlock: file rights are a hard
//! requirement, scopes as far as the kernel has them. A filter of system calls closes what Landlock leaves open,
//! sockets above all, and limits bound memory, files and time.

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

/// What happens where the kernel cannot confine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unconfined {
    /// The program is not run: an operator's policy asks for it.
    Refuse,
    /// A warning.
    Warn,
    /// Nothing is said: the operator's policy knows.
    Accept,
}

impl Unconfined {
    const ALL: [Self; 3] = [Self::Refuse, Self::Warn, Self::Accept];

    /// Its name as an argument.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Warn => "warn",
            Self::Accept => "accept",
        }
    }

    /// The one with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// What a confined program may reach; everything else is out of reach, `/proc` above all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confinement {
    /// The process that it ends with.
    pub parent: u32,
    /// The repository, read-only and without any `.git`.
    pub root: PathBuf,
    /// Folders that it may write.
    pub writable: Vec<PathBuf>,
    /// The only files that it may execute, beside the next.
    pub programs: Vec<PathBuf>,
    /// What stands in the place of helm: ourselves.
    pub stand_in: Option<PathBuf>,
    /// Bytes of memory for its data, and for that of each program that it starts.
    pub memory: u64,
    /// Whether it may open TCP connections, and read what that takes (name service, authorities).
    pub network: bool,
    /// Where the kernel cannot confine.
    pub unconfined: Unconfined,
    /// Whether it is to be said how far the kernel confines.
    pub log: bool,
}

/// Why a program was not confined, and so not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SandboxError {
    /// The kernel has no Landlock, or it is not enabled.
    #[error(
        "this kernel cannot confine kustomize: Landlock (Linux 5.13) is missing or not enabled"
    )]
    Unsupported,
    /// A path of the confinement is not there.
    #[error("cannot confine kustomize: {0} cannot be opened")]
    Path(PathBuf),
    /// A folder that is to be written holds a `.git`, or lies in one.
    #[error("{0} would be writable, and holds a `.git` or lies in one")]
    Git(PathBuf),
    /// The kernel filters no system calls.
    #[error("this kernel cannot confine kustomize: its system calls cannot be filtered (seccomp)")]
    Unfiltered,
    /// A limit or restriction was refused.
    #[error("cannot confine kustomize: {0}")]
    Refused(&'static str),
    /// It would have to execute a loader, with which any file of the repository could be executed.
    #[error("{0} is linked dynamically, and under a policy only static programs are run")]
    Dynamic(PathBuf),
    /// Our parent went away meanwhile.
    #[error("the process that asked for this has ended")]
    Orphan,
}

impl SandboxError {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
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
        }
    }
}

/// How far a process is confined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Not at all, and a warning is wanted.
    Unconfined,
    /// Not at all, as the operator's policy allows.
    Accepted,
    /// Its files, but no system calls, and a warning is wanted unless the operator's policy allows that.
    Unfiltered {
        /// Whether it does.
        accepted: bool,
    },
    /// Files and more, not all that we know of.
    Partly,
    /// In all that we know of.
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

/// Bytes in one file that a confined program writes.
const LARGEST_FILE: u64 = 1 << 30;
/// Open files.
const OPEN_FILES: u64 = 4096;
/// Processes and threads of its user, ours and those of other builds included; the kernel does not count
/// those of root.
pub const PROCESSES: u64 = 4096;
/// Bytes of addresses that programs written in Go reserve beside what they use: 1.1 to 1.2 GiB, measured with
/// kustomize 5.8.3 and helm 3.22.0. Addresses have a limit too (`RLIMIT_AS`), because the one for data
/// (`RLIMIT_DATA`) does not count what is reserved first and then made use of in one step: helm got 1 GiB at a limit of
/// 512 MiB. Programs with a loader reserve more, some for each thread; no policy allows these.
const RESERVED: u64 = 1280 << 20;
/// Seconds of processor time.
const CPU_SECONDS: u64 = 600;

/// Makes this process one that nobody can look into: no core file, no debugger, and `/proc/PID/environ`
/// for the administrator alone (T7 of docs/internals/argocd-plugins.md#threats). Best effort: not every system has it.
pub fn hide() {
    let _ = setrlimit(Resource::Core, limit(0));
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// Restricts this process for good, and with it all that it starts: they can reach no more than
/// `confinement` says. Every file that is open is closed, but for the standard streams.
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
    // before the limit on open files hides how many there may be
    descriptors::close_inherited();
    // nothing in here is worth hiding, and what is hidden may not even write its own files below `/proc`
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

/// How far it is confined with that outcome of the filter, and whether that is enough.
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

/// Makes this process, which another program of a confinement has started, one that starts nothing, and opens
/// what it is to become.
///
/// # Errors
/// A [`SandboxError`]; the program must not be run then.
pub fn alone(program: &Path) -> Result<Program, SandboxError> {
    // the group is what is killed: whoever takes orphans in is not in it
    let parent = getppid().and_then(|parent| getpgid(Some(parent)).ok());
    if parent != Some(getpgrp()) {
        return Err(SandboxError::Orphan);
    }
    let program = Program::open(program)?.beyond_limit()?;
    no_new_privileges()?;
    match filter_starts(program.number()) {
        // whether that matters was decided when the confinement was entered
        Ok(()) | Err(SandboxError::Unfiltered) => Ok(program),
        Err(error) => Err(error),
    }
}

/// Makes this process one that its own user can look into.
#[cfg(target_os = "linux")]
fn show() {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    let _ = set_dumpable_behavior(DumpableBehavior::Dumpable);
}

#[cfg(not(target_os = "linux"))]
fn show() {}

/// Whether none of the programs needs a loader.
#[cfg(target_os = "linux")]
fn only_static(programs: &[PathBuf]) -> Result<(), SandboxError> {
    let dynamic = |program: &&PathBuf| super::elf::loader(program).is_some();
    match programs.iter().find(dynamic) {
        Some(program) => Err(SandboxError::Dynamic(program.clone())),
        None => Ok(()),
    }
}

/// Elsewhere there is nothing to execute from.
#[cfg(not(target_os = "linux"))]
fn only_static(_: &[PathBuf]) -> Result<(), SandboxError> {
    Ok(())
}

/// Where memory runs out, the kernel ends this one and not the plugin server. Best effort: a system may not
/// have it.
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

/// No filters elsewhere.
#[cfg(not(target_os = "linux"))]
fn filter(_: bool) -> Result<(), SandboxError> {
    Err(SandboxError::Unfiltered)
}

#[cfg(not(target_os = "linux"))]
fn filter_starts(_: i32) -> Result<(), SandboxError> {
    Err(SandboxError::Unfiltered)
}

/// No program with more rights than ours, Landlock or not.
#[cfg(target_os = "linux")]
fn no_new_privileges() -> Result<(), SandboxError> {
    rustix::thread::set_no_new_privs(true)
        .map_err(|_| SandboxError::Refused("new privileges cannot be ruled out"))
}

#[cfg(not(target_os = "linux"))]
fn no_new_privileges() -> Result<(), SandboxError> {
    Ok(())
}

/// What happens without Landlock.
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

/// Sets a limit, unless a lower one is there.
fn lower(resource: Resource, most: u64) -> Result<(), SandboxError> {
    let now = rustix::process::getrlimit(resource);
    let most = now.maximum.map_or(most, |maximum| maximum.min(most));
    setrlimit(resource, limit(most)).map_err(|_| SandboxError::Refused("a limit cannot be set"))
}

#[cfg(target_os = "linux")]
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

/// No Landlock elsewhere.
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
        // what is worse is said
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
