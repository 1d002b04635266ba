//! Runs kustomize confined, through `gitops-fn __child`, and collects its output; kills it at the deadline.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, ChildStdin, Command};

use super::sandbox::{Confinement, NOT_STARTED};
use crate::explain::Explain;

/// The maximum size of the messages that are passed on, in bytes: Argo CD stores everything it receives.
const MESSAGES: usize = 64 * 1024;

/// A program to run confined.
#[derive(Clone, Debug)]
pub struct Job {
    /// The path of our own executable, which confines itself and then starts the program.
    pub ourselves: PathBuf,
    /// The path of the program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Its working directory.
    pub folder: PathBuf,
    /// Its whole environment.
    pub environment: Vec<(&'static str, OsString)>,
    /// What it may reach.
    pub confinement: Confinement,
    /// The maximum size of standard output, in bytes.
    pub longest: u64,
}

/// What a program printed.
#[derive(Debug, Default)]
pub struct Printed {
    /// All of standard output.
    pub output: Vec<u8>,
    /// The beginning of standard error, with a note if it was longer than 64 KiB.
    pub messages: Vec<u8>,
}

/// Why there is no output.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// Our own executable could not be started as the child process.
    #[error("cannot run {}: {reason}", program.display())]
    Start {
        /// The program that the child process would have started.
        program: PathBuf,
        /// The kind of the I/O error.
        reason: String,
    },
    /// The program was not confined or could not be executed; holds the messages that say why.
    #[error("kustomize was not started")]
    NotStarted(Vec<u8>),
    /// The program failed.
    #[error("kustomize failed with {status}")]
    Failed {
        /// Its exit code or signal.
        status: String,
        /// What it printed to standard error.
        messages: Vec<u8>,
    },
    /// The program, or one that it started, ran out of memory; holds the limit in bytes.
    #[error("kustomize or helm wanted more memory than it may have: {0} bytes")]
    Memory(u64),
    /// Its output is longer than the limit, in bytes.
    #[error("kustomize printed more than {0} bytes")]
    TooLong(u64),
    /// The deadline passed while the program ran; holds its messages so far.
    #[error("kustomize did not end before the deadline (transient)")]
    Deadline(Vec<u8>),
}

impl Explain for ChildError {
    fn help(&self) -> String {
        match self {
            Self::NotStarted(_) | Self::Start { .. } => "check the installation",
            Self::Failed { messages, .. } if is_denied(messages) => {
                "see its own message above; kustomize and helm read nothing outside of the repository, and no .git folder in it"
            }
            Self::Failed { .. } => "see its own message above",
            Self::TooLong(_) => "build fewer resources at once",
            Self::Memory(_) => {
                "generate less from large files and charts; an operator's policy can say more (spec.limits.childMemoryBytes)"
            }
            Self::Deadline(_) => "try again, or give it more time with GITOPS_FN_TIMEOUT",
        }
        .to_owned()
    }

    fn exit_code(&self) -> u8 {
        match self {
            Self::NotStarted(_) | Self::Start { .. } => 2,
            Self::Failed { .. } | Self::TooLong(_) | Self::Memory(_) => 1,
            Self::Deadline(_) => 3,
        }
    }
}

/// Whether kustomize or helm was denied a file, most likely by the confinement.
fn is_denied(messages: &[u8]) -> bool {
    memchr::memmem::find(messages, b"permission denied").is_some()
}

/// Runs a program to its end, or until the deadline. When the future has finished or was dropped, the program and
/// everything that it started have been killed.
///
/// # Errors
/// A [`ChildError`] if there is no complete output of a successful run.
pub async fn run(job: &Job, deadline: tokio::time::Instant) -> Result<Printed, ChildError> {
    let mut group = Group::new(start(job)?);
    let mut printed = Printed::default();
    let finished = tokio::select! {
        finished = finish(&mut group, &mut printed, job.longest) => finished,
        () = tokio::time::sleep_until(deadline) => {
            return Err(ChildError::Deadline(printed.messages));
        }
    };
    let messages = |printed: &mut Printed| std::mem::take(&mut printed.messages);
    match finished {
        Ok(status) if status.success() => Ok(printed),
        Ok(status) if status.code() == Some(i32::from(NOT_STARTED)) => {
            Err(ChildError::NotStarted(messages(&mut printed)))
        }
        Ok(_) if is_out_of_memory(&printed.messages) => {
            Err(ChildError::Memory(job.confinement.memory))
        }
        Ok(status) => Err(ChildError::Failed {
            status: shown(status),
            messages: messages(&mut printed),
        }),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            Err(ChildError::TooLong(job.longest))
        }
        Err(_) => Err(ChildError::Failed {
            status: "an unreadable output".to_owned(),
            messages: messages(&mut printed),
        }),
    }
}

/// Whether a program written in Go reports that it, or a program that it started, ran out of memory. The
/// long stack traces that follow are not passed on.
fn is_out_of_memory(messages: &[u8]) -> bool {
    [
        &b"fatal error: runtime: out of memory"[..],
        b"fatal error: out of memory",
        b"cannot allocate memory",
    ]
    .iter()
    .any(|words| memchr::memmem::find(messages, words).is_some())
}

/// A process group: a program and everything that it started. Dropping this kills them.
struct Group {
    child: Child,
    /// Kept open as long as this process exists: the supervisor in `command::child` watches it.
    _presence: Option<ChildStdin>,
    id: Option<Pid>,
    ended: bool,
}

/// How long to wait for a killed program to end, so that it does not write to a folder that is being removed.
const BURIAL: Duration = Duration::from_secs(2);

impl Group {
    fn new(mut child: Child) -> Self {
        let id = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        Self {
            _presence: child.stdin.take(),
            child,
            id,
            ended: false,
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let Some(id) = self.id else { return };
        let _ = kill_process_group(id, Signal::KILL);
        let since = Instant::now();
        while !self.ended && since.elapsed() < BURIAL {
            self.ended = !matches!(self.child.try_wait(), Ok(None));
            if !self.ended {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

fn start(job: &Job) -> Result<Child, ChildError> {
    let failed = |error: &io::Error| ChildError::Start {
        program: job.program.clone(),
        reason: error.kind().to_string(),
    };
    let mut command = Command::new(&job.ourselves);
    command
        .args(arguments(&job.confinement))
        .arg("--")
        .arg(&job.program)
        .args(&job.arguments)
        .current_dir(&job.folder)
        .env_clear()
        .envs(job.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    command.spawn().map_err(|error| failed(&error))
}

/// Formats the confinement as arguments of `gitops-fn __child`.
fn arguments(confinement: &Confinement) -> Vec<OsString> {
    let mut all: Vec<OsString> = vec!["__child".into()];
    let mut add = |name: &str, path: &Path| {
        let mut argument = OsString::from(name);
        argument.push(path);
        all.push(argument);
    };
    add("--parent=", Path::new(&confinement.parent.to_string()));
    add("--memory=", Path::new(&confinement.memory.to_string()));
    add("--root=", &confinement.root);
    for folder in &confinement.writable {
        add("--writable=", folder);
    }
    for program in &confinement.programs {
        add("--program=", program);
    }
    if let Some(program) = &confinement.stand_in {
        add("--stand-in=", program);
    }
    for (set, name) in [
        (confinement.network, "--network"),
        (confinement.log, "--log"),
    ] {
        if set {
            all.push(name.into());
        }
    }
    let unconfined = confinement.unconfined.name();
    all.push(format!("--unconfined={unconfined}").into());
    all
}

/// Reads both streams and waits for the program to end; fails with `FileTooLarge` if its output is longer than
/// `longest` bytes.
async fn finish(group: &mut Group, printed: &mut Printed, longest: u64) -> io::Result<ExitStatus> {
    let child = &mut group.child;
    let (Some(mut output), Some(mut messages)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    let Printed {
        output: text,
        messages: said,
    } = printed;
    let all = async {
        let most = longest.saturating_add(1);
        (&mut output).take(most).read_to_end(text).await?;
        if text.len() as u64 > longest {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(())
    };
    tokio::try_join!(all, beginning(&mut messages, said))?;
    let status = child.wait().await;
    group.ended = status.is_ok();
    status
}

/// Keeps the first [`MESSAGES`] bytes of a stream and discards the rest, so that its writer does not block.
async fn beginning(stream: &mut (impl AsyncRead + Unpin), kept: &mut Vec<u8>) -> io::Result<()> {
    let mut buffer = [0; 8192];
    let mut lost = 0_u64;
    loop {
        let read = stream.read(&mut buffer).await?;
        let room = MESSAGES.saturating_sub(kept.len()).min(read);
        kept.extend_from_slice(&buffer[..room]);
        lost = lost.saturating_add((read - room) as u64);
        if read == 0 {
            break;
        }
    }
    if !kept.is_empty() && !kept.ends_with(b"\n") {
        kept.push(b'\n');
    }
    if lost > 0 {
        kept.extend_from_slice(format!("({lost} more bytes of messages)\n").as_bytes());
    }
    Ok(())
}

fn shown(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown status".to_owned(),
    }
}

/// Converts a deadline to the clock of the async runtime; one that has passed is 1 ms from now.
#[must_use]
pub fn at(deadline: Instant) -> tokio::time::Instant {
    let left = deadline.saturating_duration_since(Instant::now());
    tokio::time::Instant::now() + left.max(Duration::from_millis(1))
}
