//! An open program, which this process executes in its own place.
//!
//! It is executed by its file descriptor, not by its path, so that a system call filter can allow this execution and no
//! other.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use super::SandboxError;

/// A program that this process can execute in its own place.
#[derive(Debug)]
pub struct Program {
    path: PathBuf,
    #[cfg(target_os = "linux")]
    file: std::os::fd::OwnedFd,
}

#[cfg(target_os = "linux")]
impl Program {
    pub(super) fn open(path: &Path) -> Result<Self, SandboxError> {
        use rustix::fs::{Mode, OFlags};
        // `PATH`, since a program may be executable but not readable
        let file = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
            .map_err(|_| SandboxError::Path(path.to_owned()))?;
        let path = path.to_owned();
        Ok(Self { path, file })
    }

    /// Moves the descriptor to the highest possible number, and lowers the limit on open files below that. The program
    /// can never open anything else under this number, by which the system call filter recognizes it.
    ///
    /// # Errors
    /// [`SandboxError::Refused`] if the limit on open files leaves no room.
    pub(super) fn beyond_limit(self) -> Result<Self, SandboxError> {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let refused = |_| SandboxError::Refused("the limit on open files leaves no room");
        let set = |most| setrlimit(Resource::Nofile, super::limit(most)).map_err(refused);
        let most = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
        let most = most.min(super::OPEN_FILES);
        set(most)?;
        let last = i32::try_from(most).unwrap_or(i32::MAX).saturating_sub(1);
        let file = rustix::io::fcntl_dupfd_cloexec(&self.file, last).map_err(refused)?;
        set(most.saturating_sub(1))?;
        Ok(Self { file, ..self })
    }

    /// The number of the file descriptor.
    pub(super) fn number(&self) -> i32 {
        use std::os::fd::AsRawFd as _;
        self.file.as_raw_fd()
    }

    /// Becomes the program; returns only if that fails. `environment` is all that it gets.
    #[must_use]
    pub fn become_it(
        &self,
        arguments: &[OsString],
        environment: &[(OsString, OsString)],
    ) -> io::Error {
        use std::ffi::CString;
        use std::os::unix::ffi::OsStrExt as _;

        let own = self.path.as_os_str();
        let texts = |texts: &mut dyn Iterator<Item = OsString>| -> Result<Vec<CString>, _> {
            texts.map(|text| CString::new(text.as_bytes())).collect()
        };
        let arguments = texts(&mut std::iter::once(own.to_owned()).chain(arguments.to_vec()));
        let environment = texts(&mut environment.iter().map(|(name, value)| pair(name, value)));
        let (Ok(arguments), Ok(environment)) = (arguments, environment) else {
            return io::ErrorKind::InvalidInput.into();
        };
        let by_number = nix::fcntl::AtFlags::AT_EMPTY_PATH;
        match nix::unistd::execveat(&self.file, c"", &arguments, &environment, by_number) {
            Ok(never) => match never {},
            Err(error) => error.into(),
        }
    }
}

/// Formats an environment variable as `NAME=VALUE`.
#[cfg(target_os = "linux")]
fn pair(name: &OsStr, value: &OsStr) -> OsString {
    let mut pair = name.to_owned();
    pair.push("=");
    pair.push(value);
    pair
}

/// Other systems cannot execute a descriptor: the program is executed by its path.
#[cfg(not(target_os = "linux"))]
impl Program {
    pub(super) fn open(path: &Path) -> Result<Self, SandboxError> {
        Ok(Self {
            path: path.to_owned(),
        })
    }

    pub(super) fn beyond_limit(self) -> Result<Self, SandboxError> {
        Ok(self)
    }

    pub(super) fn number(&self) -> i32 {
        -1
    }

    /// Becomes the program; returns only if that fails. `environment` is all that it gets.
    #[must_use]
    pub fn become_it(
        &self,
        arguments: &[OsString],
        environment: &[(OsString, OsString)],
    ) -> io::Error {
        use std::os::unix::process::CommandExt as _;
        let mut command = std::process::Command::new(&self.path);
        command.args(arguments).env_clear();
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command.exec()
    }
}
