//! The system call filter (seccomp). It denies calls that kustomize and helm do not need and that an exploit of either
//! could use.

use std::collections::BTreeMap;
use std::env::consts::ARCH;

use libc::c_long;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen as Size, SeccompCmpOp as Is,
    SeccompCondition, SeccompFilter, SeccompRule, apply_filter,
};

use super::SandboxError;

/// Calls that are always denied: access to other processes, leaving the process group that is killed as one, mounts and
/// namespaces, memory that no limit counts or that outlives a program, files that Landlock's rules do not cover, the
/// kernel itself, and ways to a socket other than `socket`.
const DENIED: &[c_long] = &[
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_process_madvise,
    libc::SYS_setsid,
    libc::SYS_setpgid,
    libc::SYS_memfd_create,
    libc::SYS_memfd_secret,
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_msgget,
    libc::SYS_semget,
    libc::SYS_mq_open,
    libc::SYS_fanotify_init,
    libc::SYS_socketpair,
    libc::SYS_personality,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
];

/// The socket families that a download needs, for connections and the name service.
const NETWORK: [libc::c_int; 4] = [
    libc::AF_INET,
    libc::AF_INET6,
    libc::AF_UNIX,
    libc::AF_NETLINK,
];

/// Flags of `clone` that make namespaces.
const NAMESPACES: [libc::c_int; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// Calls that always make a process, whatever their arguments.
#[cfg(target_arch = "x86_64")]
const FORKS: &[c_long] = &[libc::SYS_fork, libc::SYS_vfork];
#[cfg(not(target_arch = "x86_64"))]
const FORKS: &[c_long] = &[];

/// Denies the calls of [`DENIED`], and sockets: all of them, or with `network` all but the families of [`NETWORK`]. The
/// filter applies to this thread and everything that it starts; a denied call fails with `EPERM`.
///
/// # Errors
/// [`SandboxError::Unfiltered`] if the kernel does not support filters, or the processor is not supported.
pub(super) fn filter(network: bool) -> Result<(), SandboxError> {
    install(unseen())?;
    install(denied(network))
}

/// Denies making processes, and executing anything but the open file with this descriptor.
///
/// # Errors
/// As [`filter`].
pub(super) fn filter_starts(program: i32) -> Result<(), SandboxError> {
    install(starts(program))
}

/// Rules by system call: a call that meets all conditions of one of its rules is denied; a call with an empty list of
/// rules is always denied.
#[derive(Default)]
struct Rules(BTreeMap<i64, Vec<SeccompRule>>);

/// A condition on an argument: its position, its size, a comparison and a value.
type Condition = (u8, Size, Is, u64);

impl Rules {
    /// Denies these calls, whatever their arguments.
    fn always(&mut self, calls: &[c_long]) {
        self.0.extend(calls.iter().map(|call| (*call, Vec::new())));
    }

    /// Denies a call if its arguments meet all conditions.
    fn when(&mut self, call: c_long, conditions: Vec<Condition>) -> Result<(), BackendError> {
        let conditions = conditions
            .into_iter()
            .map(|(argument, size, is, value)| SeccompCondition::new(argument, size, is, value))
            .collect::<Result<_, _>>()?;
        let rules = self.0.entry(call).or_default();
        rules.push(SeccompRule::new(conditions)?);
        Ok(())
    }

    /// Compiles the rules; a denied call fails with the error number `refusal`.
    fn compiled(mut self, refusal: libc::c_int) -> Result<BpfProgram, BackendError> {
        twins::add(&mut self.0);
        let denied = SeccompAction::Errno(refusal.unsigned_abs());
        SeccompFilter::new(self.0, SeccompAction::Allow, denied, ARCH.try_into()?)?.try_into()
    }
}

/// The calls of the x32 interface, which a filter sees as the same architecture. Their numbers have an additional bit,
/// and some calls have other numbers.
#[cfg(target_arch = "x86_64")]
mod twins {
    use super::{BTreeMap, SeccompRule};

    const BIT: i64 = 0x4000_0000;
    const ANEW: [(i64, i64); 6] = [
        (libc::SYS_execve, 520),
        (libc::SYS_ptrace, 521),
        (libc::SYS_kexec_load, 528),
        (libc::SYS_process_vm_readv, 539),
        (libc::SYS_process_vm_writev, 540),
        (libc::SYS_execveat, 545),
    ];

    pub(super) fn add(rules: &mut BTreeMap<i64, Vec<SeccompRule>>) {
        let anew = ANEW
            .iter()
            .filter_map(|(call, twin)| Some((BIT | *twin, rules.get(call)?.clone())));
        let same = rules
            .iter()
            .map(|(call, rules)| (BIT | *call, rules.clone()));
        let twins: Vec<_> = anew.chain(same).collect();
        rules.extend(twins);
    }
}

/// Other processors have no second interface.
#[cfg(not(target_arch = "x86_64"))]
mod twins {
    pub(super) fn add(_: &mut super::BTreeMap<i64, Vec<super::SeccompRule>>) {}
}

/// Makes `clone3` fail with `ENOSYS`, so that programs use `clone`: a filter cannot see the arguments of `clone3`.
fn unseen() -> Result<BpfProgram, BackendError> {
    let mut rules = Rules::default();
    rules.always(&[libc::SYS_clone3]);
    rules.compiled(libc::ENOSYS)
}

fn denied(network: bool) -> Result<BpfProgram, BackendError> {
    let mut rules = Rules::default();
    rules.always(DENIED);
    let shared = bits(libc::MAP_SHARED | libc::MAP_ANONYMOUS);
    let is_shared = (3, Size::Qword, Is::MaskedEq(shared), shared);
    rules.when(libc::SYS_mmap, vec![is_shared])?;
    for namespace in NAMESPACES.map(bits) {
        let asked = (0, Size::Qword, Is::MaskedEq(namespace), namespace);
        rules.when(libc::SYS_clone, vec![asked])?;
    }
    if network {
        let others = NETWORK.map(|family| (0, Size::Dword, Is::Ne, bits(family)));
        rules.when(libc::SYS_socket, others.to_vec())?;
    } else {
        rules.always(&[libc::SYS_socket]);
    }
    rules.compiled(libc::EPERM)
}

fn starts(program: i32) -> Result<BpfProgram, BackendError> {
    let mut rules = Rules::default();
    rules.always(FORKS);
    rules.always(&[libc::SYS_execve]);
    // threads are allowed
    let no_thread = (0, Size::Qword, Is::MaskedEq(bits(libc::CLONE_THREAD)), 0);
    rules.when(libc::SYS_clone, vec![no_thread])?;
    let other = (0, Size::Dword, Is::Ne, bits(program));
    rules.when(libc::SYS_execveat, vec![other])?;
    rules.compiled(libc::EPERM)
}

/// A C integer as the kernel passes it in an argument.
fn bits(number: libc::c_int) -> u64 {
    u64::from(number.cast_unsigned())
}

fn install(filter: Result<BpfProgram, BackendError>) -> Result<(), SandboxError> {
    let filter = filter.map_err(|_| SandboxError::Unfiltered)?;
    apply_filter(&filter).map_err(|_| SandboxError::Unfiltered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_filter_for_this_processor() {
        for network in [false, true] {
            assert!(denied(network).is_ok());
        }
        assert!(unseen().is_ok());
        assert!(starts(7).is_ok());
    }
}
