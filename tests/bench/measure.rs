//! Runs a program and tells how long it took, how much of a processor it took itself, and how much memory
//! it or a program of its had at most.
//!
//! The kernel keeps one peak for all children of a process, so each run gets a process of its own
//! in between: this program again, with [`FLAG`] as its first argument.

use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

const FLAG: &str = "--measure";

/// A program to run, with a file as its input and nothing but `env`, `PATH` and `HOME` around it.
pub(crate) struct Job {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<OsString>,
    pub(crate) stdin: PathBuf,
    pub(crate) folder: PathBuf,
    pub(crate) env: Vec<(&'static str, String)>,
}

/// What one run cost.
#[derive(Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    pub(crate) peak_bytes: u64,
    /// Processor time of the program itself, without that of programs it has run; 0 where it is not known.
    pub(crate) own: Duration,
}

impl Job {
    /// The command itself, its input connected.
    pub(crate) fn command(&self) -> Command {
        let mut command = self.around(&self.program);
        command
            .args(&self.args)
            .stdin(File::open(&self.stdin).unwrap());
        command
    }

    /// Runs it to the end, its output thrown away; an error holds the first line of its stderr.
    pub(crate) fn run(&self) -> Result<Cost, String> {
        let output = self
            .around(&env::current_exe().unwrap())
            .arg(FLAG)
            .arg(&self.stdin)
            .arg(&self.program)
            .args(&self.args)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout);
        let mut words = stdout.split_whitespace().map(str::parse::<u64>);
        let (Some(Ok(micros)), Some(Ok(peak_bytes)), Some(Ok(own)), true) = (
            words.next(),
            words.next(),
            words.next(),
            output.status.success(),
        ) else {
            let stderr = String::from_utf8_lossy(&output.stderr);
            return Err(stderr.lines().next().unwrap_or("no output").to_owned());
        };
        Ok(Cost {
            wall: Duration::from_micros(micros),
            peak_bytes,
            own: Duration::from_micros(own),
        })
    }

    /// The cost of `rounds` runs: median time, highest peak.
    pub(crate) fn median(&self, rounds: usize) -> Result<Cost, String> {
        let costs: Vec<Cost> = (0..rounds).map(|_| self.run()).collect::<Result<_, _>>()?;
        Ok(middle(&costs))
    }

    fn around(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(&self.folder);
        for name in ["PATH", "HOME"] {
            if let Some(value) = env::var_os(name) {
                command.env(name, value);
            }
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// Of several runs: median times, highest peak.
pub(crate) fn middle(costs: &[Cost]) -> Cost {
    Cost {
        wall: median(costs.iter().map(|cost| cost.wall).collect()),
        peak_bytes: costs.iter().map(|cost| cost.peak_bytes).max().unwrap_or(0),
        own: median(costs.iter().map(|cost| cost.own).collect()),
    }
}

/// The middle one of some times.
pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Does the work of the process in between, if that is what this process is: prints microseconds,
/// bytes, and microseconds of the program's own.
pub(crate) fn in_between() -> bool {
    let mut args = env::args_os().skip(1);
    if args.next().is_none_or(|flag| flag != FLAG) {
        return false;
    }
    let stdin = File::open(args.next().unwrap()).unwrap();
    let begin = Instant::now();
    let mut child = Command::new(args.next().unwrap())
        .args(args)
        .stdin(stdin)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let own = own_time(&child);
    let status = child.wait().unwrap();
    let wall = begin.elapsed();
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    if status.success() {
        let peak = usage.max_rss() * unit;
        println!("{} {peak} {}", wall.as_micros(), own.as_micros());
    } else {
        eprintln!("{status}");
    }
    true
}

/// The processor time of a child that has ended, which its clock still tells as long as nobody has asked
/// for its status. Its usage would count what its own children have used.
#[cfg(target_os = "linux")]
fn own_time(child: &Child) -> Duration {
    use nix::sys::wait::{Id, WaitPidFlag, waitid};
    use nix::time::clock_getcpuclockid;
    use nix::unistd::Pid;

    let child = Pid::from_raw(i32::try_from(child.id()).unwrap());
    waitid(Id::Pid(child), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).unwrap();
    clock_getcpuclockid(child).unwrap().now().unwrap().into()
}

#[cfg(not(target_os = "linux"))]
fn own_time(_: &Child) -> Duration {
    Duration::ZERO
}
