//! Ratios, side by side in one run: gitops-fn, the real argocd-vault-plugin (AVP), the real
//! kustomize, and a bare pass of the YAML parser over the same bytes. Run it with `cargo bench`, or
//! some groups of rows alone by the beginnings of their names: `cargo bench -- vault-one build`.
//!
//! Each row prints what was measured beside its target. A missed target is said, and fails nothing:
//! what a busy machine measures is no verdict.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    reason = "a benchmark prints, and stops where it cannot go on"
)]

mod build;
#[path = "../it/governed.rs"]
#[allow(dead_code, reason = "made for the tests")]
mod governed;
mod growth;
mod input;
mod measure;
#[path = "../it/support.rs"]
#[allow(dead_code, reason = "made for the tests")]
mod support;
mod vault;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::input::Mix;
use crate::measure::{Cost, Job, median, middle};
use crate::vault::Vault;

const MB: usize = 1_000_000;
const ROUNDS: usize = 5;

const RELEASE: &str = "\
apiVersion: gitops-fn.dev/v1alpha1
kind: Release
metadata:
  name: release
spec:
  repository:
    url: acme/shop
  images:
  - name: nginx
    newTag: \"2\"
";

const KUSTOMIZATION: &str = "\
resources: [all.yaml]
commonAnnotations:
  github.com/url: acme/shop
images:
- name: nginx
  newTag: \"2\"
";

fn main() {
    if measure::in_between() {
        return;
    }
    // cargo adds `--bench`
    let wanted: Vec<_> = env::args()
        .filter(|arg| !arg.starts_with('-'))
        .skip(1)
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::new(folder.path());
    row("", "target", "measured (median, highest peak)", None);
    // on a busy machine ratios tell little
    if let Ok(load) = fs::read_to_string("/proc/loadavg") {
        let load = load.split(' ').next().unwrap_or_default();
        row("load of the machine before", "", load, None);
    }
    // groups of rows, by their names
    let groups: [(&str, Group); 12] = [
        ("nothing", |bench| bench.nothing_to_do()),
        ("placeholders", |bench| bench.placeholders()),
        ("objects", |bench| bench.every_object()),
        ("kustomize", |bench| bench.beside_kustomize()),
        ("list", |bench| bench.small_list()),
        ("linear", |bench| bench.linear()),
        ("growth", growth::rows),
        ("vault-one", |bench| vault::with(bench, Vault::one_secret)),
        ("vault-placeholders", |bench| {
            vault::with(bench, Vault::many_placeholders);
        }),
        ("vault-paths", |bench| vault::with(bench, Vault::many_paths)),
        ("vault-processes", |bench| {
            vault::with(bench, Vault::many_processes);
        }),
        ("build", build::rows),
    ];
    for (name, group) in groups {
        if wanted.is_empty() || wanted.iter().any(|wanted| name.starts_with(wanted)) {
            group(&bench);
        }
    }
}

/// A group of rows.
type Group = fn(&Bench);

struct Bench<'a> {
    folder: &'a Path,
}

impl<'a> Bench<'a> {
    fn new(folder: &'a Path) -> Self {
        let bench = Self { folder };
        bench.file("release.yaml", RELEASE);
        bench.file("secrets.yaml", "kv/shop/web: {password: x}\n");
        bench
    }

    /// Writes a file and returns its path.
    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Our program, reading a file, with the file store.
    fn ours(&self, stdin: &Path, args: &[&str]) -> Job {
        Job {
            program: env!("CARGO_BIN_EXE_gitops-fn").into(),
            args: args.iter().map(OsString::from).collect(),
            stdin: stdin.into(),
            folder: self.folder.into(),
            env: vec![("VAULT_ADDR", "file:secrets.yaml".into())],
        }
    }

    fn nothing_to_do(&self) {
        let mixed = Mix {
            bytes: 20 * MB,
            placeholders: 0,
            secrets: false,
        };
        // AVP's time goes by nodes, ours by bytes: the target is for many small objects
        let small = input::deployments(33_000);
        self.beside_avp(
            "20 MB, nothing to do, small objects",
            Target::AtLeast(500.0),
            &small,
        );
        self.beside_avp(
            "20 MB, nothing to do, mixed objects",
            Target::None,
            &mixed.stream(),
        );

        // the word alone means that there may be something to do, and so a parse
        let text = Mix {
            secrets: true,
            ..mixed
        }
        .stream();
        let job = self.ours(&self.file("secrets-too.yaml", &text), &["render", "-"]);
        let (ours, bare) = alternate(&job, &text);
        let name = "20 MB, nothing to do, with Secrets: ours / bare";
        both(name, Target::None, ours, &bare);
    }

    fn beside_avp(&self, name: &str, target: Target, text: &str) {
        let file = self.file("plain.yaml", text);
        let job = self.ours(&file, &["render", "-"]);
        check(&job, |output| output == text.as_bytes());
        let ours = job.median(ROUNDS);
        let avp = tool("argocd-vault-plugin").and_then(|program| {
            Job {
                program,
                args: vec!["generate".into(), "-".into()],
                stdin: file,
                folder: self.folder.into(),
                env: vec![("AVP_TYPE", "sops".into())],
            }
            .median(3)
        });
        let row = format!("{name}: AVP / ours");
        both(&row, target, avp, &ours);
        memory(&format!("{name}: peak memory"), text, &ours);
    }

    fn placeholders(&self) {
        let text = Mix {
            bytes: 20 * MB,
            placeholders: 5_000,
            secrets: true,
        }
        .stream();
        assert_eq!(text.matches("<path:").count(), 5_000);
        let job = self.ours(&self.file("placeholders.yaml", &text), &["render", "-"]);
        check(&job, |output| count(output, "<path:") == 0);
        against_bare("20 MB, 5,000 placeholders", 2.5, &text, &job);
    }

    fn every_object(&self) {
        let text = input::deployments(33_000);
        let file = self.file("every.yaml", &text);
        let job = self.ours(&file, &["render", "-f", "release.yaml", "-"]);
        check(&job, |output| {
            count(output, "github.com/url: ") == 33_000 && count(output, "nginx:1.27.3") == 0
        });
        let name = format!("{} MB, annotation and image on 33,000", text.len() / MB);
        against_bare(&name, 4.0, &text, &job);
    }

    fn beside_kustomize(&self) {
        for count in [500, 2_000] {
            let folder = format!("kustomize-{count}");
            let file = self.file(&format!("{folder}/all.yaml"), &input::deployments(count));
            self.file(&format!("{folder}/kustomization.yaml"), KUSTOMIZATION);
            let ours = self
                .ours(&file, &["render", "-f", "release.yaml", "-"])
                .median(ROUNDS);
            let kustomize = tool("kustomize").and_then(|program| {
                Job {
                    program,
                    args: vec!["build".into(), folder.into()],
                    stdin: "/dev/null".into(),
                    folder: self.folder.into(),
                    env: Vec::new(),
                }
                .run()
            });
            let name = format!("annotation and image on {count}: kustomize / ours");
            both(&name, Target::None, kustomize, &ours);
        }
    }

    fn small_list(&self) {
        let job = self.ours(&self.file("list.yaml", input::RESOURCE_LIST), &[]);
        check(&job, |output| {
            count(output, "eA==") == 1 && count(output, "nginx:1.27.3") == 0
        });
        let mut times = Vec::new();
        for _ in 0..200 {
            let begin = Instant::now();
            let status = job
                .command()
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            times.push(begin.elapsed());
            if !status.is_ok_and(|status| status.success()) {
                return row("small ResourceList", "", "failed", Some(false));
            }
        }
        let time = median(times);
        row(
            "small ResourceList, start to finish, of 200 runs",
            "<= 5 ms",
            &show(time),
            Some(time <= Duration::from_millis(5)),
        );
    }

    /// Annotation and image on every object, from 10 kB to 100 MB.
    fn linear(&self) {
        let mut times = Vec::new();
        for bytes in [10_000, 100_000, MB, 10 * MB, 100 * MB] {
            let text = input::deployments(bytes / 610);
            let file = self.file("linear.yaml", &text);
            let job = self.ours(&file, &["render", "-f", "release.yaml", "-"]);
            match job.median(if bytes > 10 * MB { 3 } else { ROUNDS }) {
                Err(error) => return row("linear", "", &error, Some(false)),
                Ok(cost) => {
                    let name = format!("annotation and image on all of {} kB", bytes / 1000);
                    let speed = text.len() as f64 / MB as f64 / cost.wall.as_secs_f64();
                    let measured = format!("{} ({speed:.0} MB/s)", show(cost.wall));
                    row(&name, "", &measured, None);
                    times.push((text.len() as f64, cost.wall.as_secs_f64()));
                }
            }
        }
        // the smallest input is start-up; from there on, the slope must not grow
        let slope = |i: usize| (times[i].1 - times[0].1) / (times[i].0 - times[0].0);
        let growth = slope(4) / slope(2);
        ratio_row(
            "linear: time per byte at 100 MB / at 1 MB",
            Target::AtMost(1.5),
            growth,
            "",
        );
    }
}

/// What a ratio should be.
#[derive(Clone, Copy)]
enum Target {
    None,
    AtLeast(f64),
    AtMost(f64),
}

impl Target {
    fn words(self) -> String {
        match self {
            Self::None => String::new(),
            Self::AtLeast(limit) => format!(">= {limit}x"),
            Self::AtMost(limit) => format!("<= {limit}x"),
        }
    }

    fn is_met(self, ratio: f64) -> Option<bool> {
        match self {
            Self::None => None,
            Self::AtLeast(limit) => Some(ratio >= limit),
            Self::AtMost(limit) => Some(ratio <= limit),
        }
    }
}

/// The path of a real tool, built if need be.
fn tool(name: &str) -> Result<PathBuf, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/build.sh");
    let output = Command::new(script)
        .arg(name)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("{name} could not be built"));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().into())
}

/// Runs the job once for its output: a fast wrong answer is worth a word.
fn check(job: &Job, is_right: impl Fn(&[u8]) -> bool) {
    let output = job.command().output().unwrap();
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        println!(
            "! {}: {}",
            output.status,
            stderr.lines().next().unwrap_or("")
        );
    } else if !is_right(&output.stdout) {
        println!("! the output of the next rows is not what it should be");
    }
}

fn count(output: &[u8], needle: &str) -> usize {
    memchr::memmem::find_iter(output, needle).count()
}

/// A pass of the YAML parser that looks at every event and does nothing with it.
fn bare_pass(text: &str) -> Cost {
    let begin = Instant::now();
    for event in granit_parser::Parser::new_from_str(text) {
        black_box(event.unwrap());
    }
    Cost {
        wall: begin.elapsed(),
        peak_bytes: 0,
        own: Duration::ZERO,
    }
}

/// A row with two times and the first as a multiple of the second.
fn both(name: &str, target: Target, first: Result<Cost, String>, second: &Result<Cost, String>) {
    match (first, second) {
        (Ok(first), Ok(second)) => {
            let ratio = first.wall.as_secs_f64() / second.wall.as_secs_f64();
            let times = format!(" = {} / {}", first.show(), second.show());
            ratio_row(name, target, ratio, &times);
        }
        (Err(error), _) => row(name, &target.words(), &error, Some(false)),
        (_, Err(error)) => row(name, &target.words(), error, Some(false)),
    }
}

/// Time as a multiple of a bare pass over the same bytes, and the peak.
fn against_bare(name: &str, limit: f64, text: &str, job: &Job) {
    let (ours, bare) = alternate(job, text);
    let row = format!("{name}: ours / bare");
    both(&row, Target::AtMost(limit), ours.clone(), &bare);
    memory(&format!("{name}: peak memory"), text, &ours);
}

/// The costs of our program and of a bare pass, by turns, so that a busy moment hits both.
fn alternate(job: &Job, text: &str) -> (Result<Cost, String>, Result<Cost, String>) {
    let mut ours = Vec::new();
    let mut bare = Vec::new();
    for _ in 0..ROUNDS {
        match job.run() {
            Ok(cost) => ours.push(cost),
            Err(error) => return (Err(error.clone()), Err(error)),
        }
        bare.push(bare_pass(text));
    }
    (Ok(middle(&ours)), Ok(middle(&bare)))
}

/// A row for the peak memory as a multiple of the input.
fn memory(name: &str, text: &str, cost: &Result<Cost, String>) {
    if let Ok(cost) = cost {
        let ratio = cost.peak_bytes as f64 / text.len() as f64;
        let peak = format!(" = {} MB", cost.peak_bytes / MB as u64);
        ratio_row(name, Target::AtMost(3.0), ratio, &peak);
    }
}

fn ratio_row(name: &str, target: Target, ratio: f64, made_of: &str) {
    let digits = if ratio < 10.0 { 2 } else { 0 };
    let measured = format!("{ratio:.digits$}x{made_of}");
    row(name, &target.words(), &measured, target.is_met(ratio));
}

fn row(name: &str, target: &str, measured: &str, met: Option<bool>) {
    let verdict = match met {
        None => "",
        Some(true) => "pass",
        Some(false) => "MISS",
    };
    let line = format!("{name:<58} {target:<9} {measured:<42} {verdict}");
    println!("{}", line.trim_end());
}

impl Cost {
    fn show(&self) -> String {
        let time = show(self.wall);
        match self.peak_bytes / MB as u64 {
            0 => time,
            peak => format!("{time}, {peak} MB"),
        }
    }
}

fn show(time: Duration) -> String {
    if time < Duration::from_millis(10) {
        format!("{:.2} ms", time.as_secs_f64() * 1e3)
    } else if time < Duration::from_secs(2) {
        format!("{:.0} ms", time.as_secs_f64() * 1e3)
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}
