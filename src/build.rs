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

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Instant;

use child::{ChildError, Job, Printed};
use repository::{Repository, Unreadable};
use sandbox::{Confinement, Unconfined};
use scan::Allowed;

use crate::krm::result::Finding;

/// The Release that counts, if it is there, beside the kustomization.
const RELEASE: &str = "gitops-fn.yaml";

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
    root: PathBuf,
    /// Whether our entry makes kustomize ask for `--enable-alpha-plugins`.
    plugins: bool,
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
                format!("{shown} is no folder"),
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
        charts: scan.charts.iter().map(|home| root.join(home)).collect(),
        root,
    })
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
#[derive(Debug)]
pub struct Failed {
    /// Its messages.
    pub messages: Vec<u8>,
    /// What we have to say.
    pub finding: Box<Finding>,
}

impl From<Finding> for Failed {
    fn from(finding: Finding) -> Self {
        Self {
            messages: Vec::new(),
            finding: Box::new(finding),
        }
    }
}

/// Runs kustomize over what is prepared. `stop` is awaited beside it.
///
/// # Errors
/// [`Failed`]: its failure, no output, an older kustomize than 5.8.3, the deadline, a signal.
pub async fn kustomize(
    prepared: &Prepared,
    options: &Options,
    stop: impl Future<Output = ()>,
) -> Result<Built, Failed> {
    let workshop = Workshop::new(prepared, options)?;
    let deadline = child::at(options.deadline);
    let version = workshop.job(vec!["version".into()]);
    let build = workshop.job(arguments(prepared, options));
    let both = async {
        tokio::try_join!(
            child::run(&version, deadline, std::future::pending()),
            child::run(&build, deadline, std::future::pending()),
        )
    };
    let ended = tokio::select! {
        ended = both => ended,
        () = stop => Err(ChildError::Stopped),
    };
    let (version, printed) = ended.map_err(failed)?;
    version::check(&version.output)?;
    text_of(printed)
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
    match String::from_utf8(output) {
        Ok(text) if crate::source::is_blank(&text) => Err(Failed {
            messages,
            finding: Box::new(Finding::error(
                "kustomize printed no resource",
                "name some under `resources:`; an empty result would delete everything",
            )),
        }),
        Ok(text) => Ok(Built { text, messages }),
        Err(_) => Err(Failed {
            messages,
            finding: Box::new(Finding::error(
                "kustomize printed what is not UTF-8 text",
                "look for binary files among the resources",
            )),
        }),
    }
}

fn failed(error: ChildError) -> Failed {
    let (exit, help) = match &error {
        ChildError::Start { .. } => (
            2,
            "it has to be a program file, not a script, that this user may execute",
        ),
        ChildError::Failed { .. } => (1, "its own message stands above"),
        ChildError::TooLong(_) => (1, "build fewer resources at once"),
        ChildError::Deadline(_) => (3, "try again, or give it more time with GITOPS_FN_TIMEOUT"),
        ChildError::Stopped => (3, "run it again"),
    };
    let finding = Finding::error(error.to_string(), help).exiting(exit);
    let messages = match error {
        ChildError::Failed { messages, .. } | ChildError::Deadline(messages) => messages,
        _ => Vec::new(),
    };
    Failed {
        messages,
        finding: Box::new(finding),
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
            fs::create_dir_all(home).map_err(|_| {
                Finding::error(
                    format!("{} cannot be made", home.display()),
                    "vendor the charts, or let the checkout be written",
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

    fn job(&self, arguments: Vec<OsString>) -> Job {
        let home = self.folder.path().join("home");
        let mut writable = vec![home.clone()];
        writable.extend(self.prepared.charts.iter().cloned());
        let tools = self.folder.path().join("bin");
        Job {
            ourselves: self.options.ourselves.clone(),
            program: self.kustomize.clone(),
            arguments,
            folder: self.prepared.folder.clone(),
            environment: vec![
                ("HOME", home.clone().into()),
                ("TMPDIR", home.into()),
                ("PATH", tools.into()),
            ],
            confinement: Confinement {
                parent: std::process::id(),
                root: self.prepared.root.clone(),
                writable,
                programs: self.programs.clone(),
                network: !self.prepared.charts.is_empty(),
                unconfined: self.options.unconfined,
            },
            longest: self.options.longest,
        }
    }
}

/// A program on `PATH`, without links in its name. Relative folders of `PATH` do not count: they may lie
/// in the repository.
fn find(name: &str, path: &std::ffi::OsStr) -> Result<PathBuf, Finding> {
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
