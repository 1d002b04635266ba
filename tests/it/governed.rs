//! Runs the real program on a simulated machine whose operator has written a policy, at the path that is compiled in.
//!
//! The program runs in a separate mount namespace, in which `/etc` is a copy that holds `/etc/gitops-fn/policy.yaml`.
//! It runs as root, or as root of a separate user namespace. Nothing of this is visible outside.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::support::{clean, exe, skip, temp_dir};

/// The script that sets up the machine and executes the program: `sh -c SCRIPT sh FOLDER PROGRAM ARGUMENT…`.
const SCRIPT: &str = r#"
set -eu
folder=$1
shift
mount --rbind /etc "$folder/etc"
mount -t tmpfs -o mode=755 tmpfs /etc
for entry in "$folder"/etc/*; do
  [ "${entry##*/}" = gitops-fn ] || ln -s "$entry" /etc/
done
mkdir /etc/gitops-fn
here=$PWD
cd /etc/gitops-fn
. "$folder/setup"
cd "$here"
exec "$@"
"#;

/// The commands that install the policy, as root of the machine, in `/etc/gitops-fn`.
const SETUP: &str = "cp \"$folder/policy.yaml\" policy.yaml\nchmod 644 policy.yaml\n";

/// A simulated machine with a policy.
pub(crate) struct Governed {
    folder: TempDir,
}

impl Governed {
    /// A machine with this policy; `None` after a skip, if the system does not allow one.
    #[track_caller]
    pub(crate) fn new(policy: &str) -> Option<Self> {
        Self::with_setup(policy, SETUP)
    }

    /// The same, with other shell commands that install the policy (`$folder/policy.yaml`).
    #[track_caller]
    pub(crate) fn with_setup(policy: &str, setup: &str) -> Option<Self> {
        if unshare().is_none() {
            skip("no mount namespace can be made");
            return None;
        }
        let folder = temp_dir();
        fs::create_dir(folder.path().join("etc")).unwrap();
        fs::write(folder.path().join("policy.yaml"), policy).unwrap();
        fs::write(folder.path().join("setup"), setup).unwrap();
        Some(Self { folder })
    }

    /// Our program on that machine, in a clean environment.
    pub(crate) fn gitops_fn(&self) -> Command {
        self.program(exe())
    }

    /// Any program on that machine, such as a kustomize that calls ours, or a plugin server.
    pub(crate) fn program(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = clean("unshare");
        command.args(unshare().unwrap_or_default());
        command.args(["sh", "-c", SCRIPT, "sh"]);
        command.arg(self.folder.path()).arg(program);
        command
    }

    /// A folder for the files that a policy names; it has the same path inside and outside of the machine.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// The options with which a mount namespace can be made, tried once.
fn unshare() -> Option<&'static [&'static str]> {
    static FOUND: OnceLock<Option<&'static [&'static str]>> = OnceLock::new();
    *FOUND.get_or_init(|| {
        [&["-m"][..], &["-rm"]].into_iter().find(|options| {
            let script = "mount -t tmpfs tmpfs /etc && [ \"$(id -u)\" = 0 ]";
            clean("unshare")
                .args(*options)
                .args(["sh", "-c", script])
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        })
    })
}
