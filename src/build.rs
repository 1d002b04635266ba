//! Build: what `gitops-fn build` does before it renders. kustomize runs as a confined child; which
//! Release counts is found in the repository. What it does afterwards is [`namehash`].
//!
//! No secret is asked for before the child has ended well and all of its output has been read.

pub mod child;
mod elf;
pub mod kustomization;
pub mod namehash;
pub mod repository;
pub mod sandbox;
pub mod scan;
mod version;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Instant;

use child::{ChildError, Job, Printed};
use repository::{Repository, Unreadable};
use sandbox::{Confinement, Unconfined};
use scan::Allowed;

use crate::krm::result::Finding;
use crate::source::{self, SourceError, Sources};

/// The Release that counts, if it is there, beside the kustomization.
const RELEASE: &str = "gitops-fn.yaml";
/// As much as a program prints to tell its version.
const VERSION: u64 = 4096;

/// What a build is asked to do, and what it may.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder to build.
    pub folder: PathBuf,
    /// The root of the checkout, where it is not to be found.
    pub root: Option<PathBuf>,
    /// `ARGOCD_APP_SOURCE_PATH`.
    pub source_path: Option<String>,
    /// Whether charts may be inflated.
    pub helm: bool,
    /// Whether charts may be fetched.
    pub remote_charts: bool,
    /// What happens where the kernel cannot confine.
    pub unconfined: Unconfined,
    /// Longest output of kustomize, in bytes.
    pub longest: u64,
    /// When the run has to end.
    pub deadline: Instant,
    /// Where temporary files go.
    pub temporary: PathBuf,
    /// Our own executable.
    pub ourselves: PathBuf,
    /// The value of `PATH`, in which kustomize and helm are found.
    pub path: OsString,
    /// Whether it is to be said how far kustomize is confined.
    pub log: bool,
}

/// Where the Release comes from.
#[derive(Debug, PartialEq, Eq)]
pub enum Release {
    /// `gitops-fn.yaml`
    File(String),
    /// Our own entry under `transformers:`
    Entry(String),
    /// The environment: `APP_REPO`, `IMAGE_NAME`, `IMAGE_TAG`.
    Environment,
}

/// A build that is ready to run.
#[derive(Debug)]
pub struct Prepared {
    /// The folder, without links in its name.
    pub folder: PathBuf,
    /// Whether kustomize builds it; else it is a folder of plain manifests.
    pub kustomize: bool,
    /// The Release.
    pub release: Release,
    /// Warnings.
    pub findings: Vec<Finding>,
    repository: Repository,
    /// Whether our entry makes kustomize ask for `--enable-alpha-plugins`.
    plugins: bool,
    /// Folders for fetched charts, relative to the root of the repository.
    charts: Vec<PathBuf>,
}

/// Looks at the repository, and reads what is ours in it.
///
/// # Errors
/// All that will not work, as far as the files show it.
pub fn prepare(options: &Options) -> Result<Prepared, Vec<Finding>> {
    let one = |message: String, help: &str| vec![Finding::error(message, help).exiting(2)];
    let shown = options.folder.display();
    let folder = options
        .folder
        .canonicalize()
        .ok()
        .filter(|folder| folder.is_dir())
        .ok_or_else(|| {
            one(
                format!("{shown} is not a folder"),
                "name the folder of a kustomization, or of manifests",
            )
        })?;
    let root = match &options.root {
        Some(root) => root.canonicalize().unwrap_or_default(),
        None => repository::root_of(&folder, options.source_path.as_deref()),
    };
    let Ok(relative) = folder.strip_prefix(&root).map(Path::to_owned) else {
        return Err(one(
            format!("{shown} is not in the folder that --root names"),
            "name a folder above it",
        ));
    };
    if root.parent().is_none() {
        // kustomize could read all of this machine
        return Err(one(
            "the whole file system cannot be the repository".to_owned(),
            "build a folder of its own, or name the repository with --root",
        ));
    }
    let repository = Repository::open(&root)
        .map_err(|error| one(format!("{} {error}", root.display()), "check its rights"))?;
    let kustomize = scan::kustomization_in(&repository, &relative)
        .map_err(|(file, error)| unreadable(&file, error))?
        .is_some();
    let allowed = Allowed {
        helm: options.helm,
        remote_charts: options.remote_charts,
    };
    let scan = if kustomize {
        scan::scan(&repository, &relative, allowed)
    } else {
        scan::Scan::default()
    };
    if crate::report::exit_code(&scan.findings) != 0 {
        return Err(scan.findings);
    }
    let plugins = scan.entry.is_some();
    let release = match repository.read(&relative.join(RELEASE)) {
        Ok(text) => Release::File(text),
        Err(Unreadable::Missing) => scan.entry.map_or(Release::Environment, Release::Entry),
        Err(error) => return Err(unreadable(&relative.join(RELEASE), error)),
    };
    Ok(Prepared {
        folder,
        kustomize,
        release,
        findings: scan.findings,
        plugins,
        charts: scan.charts.into_iter().collect(),
        repository,
    })
}

/// The manifests of a folder without a kustomization; our own file in it is none of them.
///
/// # Errors
/// A [`SourceError`]: what cannot be read, or that there is none.
pub fn plain(options: &Options) -> Result<Sources, SourceError> {
    let folder = std::slice::from_ref(&options.folder);
    let mut sources = source::read_within(folder, std::io::empty(), options.longest)?;
    let ours = options.folder.join(RELEASE).display().to_string();
    sources.list.retain(|source| source.name != ours);
    Ok(sources)
}

fn unreadable(file: &Path, error: Unreadable) -> Vec<Finding> {
    vec![Finding::error(
        format!("{} {error}", file.display()),
        "keep regular files of at most 1 MiB in the repository, and links inside of it",
    )]
}

/// What kustomize printed, and what it said.
#[derive(Debug)]
pub struct Built {
    /// The manifests.
    pub text: String,
    /// Its messages.
    pub messages: Vec<u8>,
}

/// A failed build, with the messages of kustomize.
#[derive(Debug, Default)]
pub struct Failed {
    /// Its messages.
    pub messages: Vec<u8>,
    /// What we have to say; nothing where the messages are ours already, about what is not configured as it
    /// must be (exit code 2).
    pub findings: Vec<Finding>,
}

impl From<Finding> for Failed {
    fn from(finding: Finding) -> Self {
        Self {
            messages: Vec::new(),
            findings: vec![finding],
        }
    }
}

/// Runs kustomize over what is prepared. When this is dropped before its end, kustomize is killed.
///
/// # Errors
/// [`Failed`]: its failure, no output, an older kustomize than 5.8.3, the deadline.
pub async fn kustomize(prepared: &Prepared, options: &Options) -> Result<Built, Failed> {
    let workshop = Workshop::new(prepared, options)?;
    let deadline = child::at(options.deadline);
    let version = Job {
        longest: VERSION,
        ..workshop.job(vec!["version".into()])
    };
    let build = Job {
        confinement: Confinement {
            log: options.log,
            ..workshop.confinement()
        },
        ..workshop.job(arguments(prepared, options))
    };
    // beside each other, since the one is done long before the other
    let (version, printed) =
        tokio::join!(child::run(&version, deadline), child::run(&build, deadline));
    version::check(&version.map_err(failed)?.output)?;
    text_of(printed.map_err(failed)?)
}

fn arguments(prepared: &Prepared, options: &Options) -> Vec<OsString> {
    let mut all: Vec<OsString> = vec!["build".into()];
    if prepared.plugins {
        // without --enable-exec kustomize leaves our entry out, and we do its work
        all.push("--enable-alpha-plugins".into());
    }
    if options.helm {
        all.push("--enable-helm".into());
    }
    all.push(".".into());
    all
}

fn text_of(printed: Printed) -> Result<Built, Failed> {
    let Printed { output, messages } = printed;
    let (fact, help) = match String::from_utf8(output) {
        Ok(text) if source::is_blank(&text) => (
            "kustomize printed no resource",
            "name some under `resources:`; an empty result would delete everything",
        ),
        Ok(text) => return Ok(Built { text, messages }),
        Err(_) => (
            "kustomize printed what is not UTF-8 text",
            "look for binary files among the resources",
        ),
    };
    Err(Failed {
        messages,
        findings: vec![Finding::error(fact, help)],
    })
}

fn failed(error: ChildError) -> Failed {
    let (exit, help) = match &error {
        ChildError::NotStarted(_) | ChildError::Start { .. } => (2, "check the installation"),
        ChildError::Failed { .. } => (1, "its own message stands above"),
        ChildError::TooLong(_) => (1, "build fewer resources at once"),
        ChildError::Deadline(_) => (3, "try again, or give it more time with GITOPS_FN_TIMEOUT"),
    };
    let finding = Finding::error(error.to_string(), help).exiting(exit);
    match error {
        ChildError::NotStarted(messages) if !messages.is_empty() => Failed {
            messages,
            findings: Vec::new(),
        },
        ChildError::Failed { messages, .. } | ChildError::Deadline(messages) => Failed {
            messages,
            findings: vec![finding],
        },
        _ => finding.into(),
    }
}

/// The surroundings of a confined run: programs, home, temporary files. It is gone when this is dropped.
struct Workshop<'b> {
    prepared: &'b Prepared,
    options: &'b Options,
    folder: tempfile::TempDir,
    kustomize: PathBuf,
    programs: Vec<PathBuf>,
}

impl<'b> Workshop<'b> {
    fn new(prepared: &'b Prepared, options: &'b Options) -> Result<Self, Finding> {
        let unusable = |_| {
            Finding::error(
                format!(
                    "no temporary folder can be made in {}",
                    options.temporary.display()
                ),
                "set TMPDIR to a folder that can be written",
            )
            .exiting(2)
        };
        let folder = tempfile::Builder::new()
            .prefix("gitops-fn-")
            .tempdir_in(&options.temporary)
            .map_err(unusable)?;
        let (tools, home) = (folder.path().join("bin"), folder.path().join("home"));
        fs::create_dir(&tools)
            .and_then(|()| fs::create_dir(&home))
            .map_err(unusable)?;
        let kustomize = find("kustomize", &options.path)?;
        let mut programs = vec![kustomize.clone()];
        if options.helm {
            let helm = find("helm", &options.path)?;
            symlink(&helm, tools.join("helm")).map_err(unusable)?;
            programs.push(helm);
        }
        for home in &prepared.charts {
            prepared.repository.make_folder(home).map_err(|error| {
                Finding::error(
                    format!("the chart home {} {error}", home.display()),
                    "charts are fetched into a folder of the repository, which must be writable; or vendor them",
                )
            })?;
        }
        Ok(Self {
            prepared,
            options,
            folder,
            kustomize,
            programs,
        })
    }

    fn confinement(&self) -> Confinement {
        let root = self.prepared.repository.path();
        let charts = &self.prepared.charts;
        let mut writable = vec![self.home()];
        writable.extend(charts.iter().map(|home| root.join(home)));
        Confinement {
            parent: std::process::id(),
            root: root.to_owned(),
            writable,
            programs: self.programs.clone(),
            network: !charts.is_empty(),
            unconfined: self.options.unconfined,
            log: false,
        }
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn job(&self, arguments: Vec<OsString>) -> Job {
        let tools = self.folder.path().join("bin");
        Job {
            ourselves: self.options.ourselves.clone(),
            program: self.kustomize.clone(),
            arguments,
            folder: self.prepared.folder.clone(),
            environment: vec![
                ("HOME", self.home().into()),
                ("TMPDIR", self.home().into()),
                ("PATH", tools.into()),
            ],
            confinement: self.confinement(),
            longest: self.options.longest,
        }
    }
}

/// A program on `PATH`, without links in its name. Relative folders of `PATH` do not count: they may lie
/// in the repository.
fn find(name: &str, path: &OsStr) -> Result<PathBuf, Finding> {
    std::env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .filter_map(|folder| folder.join(name).canonicalize().ok())
        .find(|file| file.is_file())
        .ok_or_else(|| {
            Finding::error(
                format!("{name} is not on PATH"),
                "install it, in a folder that PATH names",
            )
            .exiting(2)
        })
}
