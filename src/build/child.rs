//! One confined run of kustomize: started through `gitops-fn __child`, read to its end, or killed.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

use super::sandbox::Confinement;

/// As much of a program's messages as is passed on: Argo CD keeps all that it is given.
const MESSAGES: usize = 64 * 1024;

/// A program to run.
#[derive(Clone, Debug)]
pub struct Job {
    /// Ourselves, to be the confined process first.
    pub ourselves: PathBuf,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Where it runs.
    pub folder: PathBuf,
    /// Its whole environment.
    pub environment: Vec<(&'static str, OsString)>,
    /// What it may reach.
    pub confinement: Confinement,
    /// Longest output, in bytes.
    pub longest: u64,
}

/// What a program printed.
#[derive(Debug, Default)]
pub struct Printed {
    /// Standard output, whole.
    pub output: Vec<u8>,
    /// Standard error, or the beginning of it.
    pub messages: Vec<u8>,
}

/// Why there is no output.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// It could not be started.
    #[error("cannot run {}: {reason}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why, in a few words.
        reason: String,
    },
    /// It failed.
    #[error("kustomize failed with {status}")]
    Failed {
        /// How.
        status: String,
        /// What it said.
        messages: Vec<u8>,
    },
    /// Its output has no end in sight.
    #[error("kustomize printed more than {0} bytes")]
    TooLong(u64),
    /// The deadline passed while it ran.
    #[error("kustomize did not end in time (transient)")]
    Deadline(Vec<u8>),
    /// A signal ended the run.
    #[error("stopped by a signal while kustomize ran (transient)")]
    Stopped,
}

/// Runs a program to its end; `stop` is awaited beside it. The program is gone when this returns.
///
/// # Errors
/// A [`ChildError`].
pub async fn run(
    job: &Job,
    deadline: tokio::time::Instant,
    stop: impl Future<Output = ()>,
) -> Result<Printed, ChildError> {
    let mut child = Group(start(job)?);
    let mut printed = Printed::default();
    let finished = tokio::select! {
        finished = finish(&mut child.0, &mut printed, job.longest) => finished,
        () = tokio::time::sleep_until(deadline) => {
            child.kill();
            return Err(ChildError::Deadline(printed.messages));
        }
        () = stop => return Err(ChildError::Stopped),
    };
    let mut failed = |status: String| ChildError::Failed {
        status,
        messages: std::mem::take(&mut printed.messages),
    };
    match finished {
        Ok(status) if status.success() => Ok(printed),
        Ok(status) => Err(failed(shown(status))),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            Err(ChildError::TooLong(job.longest))
        }
        Err(_) => Err(failed("an unreadable output".to_owned())),
    }
}

/// A program and all that it has started; they end with this value.
struct Group(Child);

impl Group {
    fn kill(&self) {
        let group = self.0.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        if let Some(group) = group {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
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
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    command.spawn().map_err(|error| failed(&error))
}

/// The confinement as arguments of `gitops-fn __child`.
fn arguments(confinement: &Confinement) -> Vec<OsString> {
    let mut all: Vec<OsString> = vec!["__child".into()];
    let mut add = |name: &str, path: &Path| {
        let mut argument = OsString::from(name);
        argument.push(path);
        all.push(argument);
    };
    add("--parent=", Path::new(&confinement.parent.to_string()));
    add("--root=", &confinement.root);
    for folder in &confinement.writable {
        add("--writable=", folder);
    }
    for program in &confinement.programs {
        add("--program=", program);
    }
    if confinement.network {
        all.push("--network".into());
    }
    let unconfined = confinement.unconfined.name();
    all.push(format!("--unconfined={unconfined}").into());
    all
}

/// Reads everything and waits; fails with `FileTooLarge` if the output is too long.
async fn finish(child: &mut Child, printed: &mut Printed, longest: u64) -> io::Result<ExitStatus> {
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
    child.wait().await
}

/// Keeps the beginning of a stream and reads the rest, so that its writer does not wait.
async fn beginning(stream: &mut (impl AsyncRead + Unpin), kept: &mut Vec<u8>) -> io::Result<()> {
    let mut buffer = [0; 8192];
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        let room = MESSAGES.saturating_sub(kept.len()).min(read);
        kept.extend_from_slice(&buffer[..room]);
    }
}

fn shown(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown status".to_owned(),
    }
}

/// What is left of a time that has begun with the process.
#[must_use]
pub fn at(deadline: std::time::Instant) -> tokio::time::Instant {
    let left = deadline.saturating_duration_since(std::time::Instant::now());
    tokio::time::Instant::now() + left.max(Duration::from_millis(1))
}
