//! What `gitops-fn build` does before it renders: it checks the folder, finds the Release that applies, and runs
//! kustomize as a confined child. Renaming what has a name hash after rendering is in [`crate::namehash`].
//!
//! No secret is requested before the child has succeeded and all of its output has been read.

mod command;
#[cfg(target_os = "linux")]
mod elf;
pub mod helm;
pub mod kustomization;
pub mod process;
pub mod repository;
pub mod sandbox;
pub mod scan;
mod sweep;
mod version;
mod workspace;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Instant;

pub use command::{Built, Failed, kustomize};

use repository::{Repository, Unreadable};
use sandbox::Unconfined;
use scan::Allowed;

use crate::finding::Finding;
use crate::source::{self, Limit, SourceError, Sources};

/// The name of the Release file next to a kustomization. If it exists, it applies.
const RELEASE: &str = "gitops-fn.yaml";

/// What a build has to do, and what it is allowed to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder to build.
    pub folder: PathBuf,
    /// The root of the checkout; `None`: it is found from `source_path` or `.git`.
    pub root: Option<PathBuf>,
    /// The value of `ARGOCD_APP_SOURCE_PATH`: the folder's path in the repository.
    pub source_path: Option<String>,
    /// Whether charts may be inflated.
    pub helm: bool,
    /// Whether charts may be fetched.
    pub remote_charts: bool,
    /// What to do if the kernel cannot confine kustomize.
    pub unconfined: Unconfined,
    /// The maximum size of kustomize's output, or of the plain manifests that are read instead.
    pub longest: Limit,
    /// The maximum memory for the data of kustomize, and of each helm process, in bytes.
    pub memory: u64,
    /// The time at which the run has to have ended.
    pub deadline: Instant,
    /// The folder for temporary files.
    pub temporary: PathBuf,
    /// The path of our own executable.
    pub ourselves: PathBuf,
    /// The value of `PATH`, in which kustomize and helm are found.
    pub path: OsString,
    /// Whether to log how far kustomize is confined.
    pub log: bool,
}

/// Where the Release comes from.
#[derive(Debug, PartialEq, Eq)]
pub enum Release {
    /// The text of `gitops-fn.yaml`.
    File(String),
    /// Our own entry under `transformers:`, as YAML.
    Entry(String),
    /// The environment variables `APP_REPO`, `IMAGE_NAME` and `IMAGE_TAG`.
    Environment,
}

/// A build that is ready to run.
#[derive(Debug)]
pub struct Prepared {
    /// The canonical path of the folder.
    pub folder: PathBuf,
    /// Whether kustomize builds the folder; otherwise it holds plain manifests.
    pub kustomize: bool,
    /// The Release that applies.
    pub release: Release,
    /// Warnings about the files.
    pub findings: Vec<Finding>,
    repository: Repository,
    /// Whether kustomize needs `--enable-alpha-plugins`, because of our entry.
    plugins: bool,
    /// Folders for fetched charts, relative to the root of the repository.
    charts: Vec<PathBuf>,
}

/// Checks the folder and its kustomizations, and reads the Release.
///
/// # Errors
/// Every problem that the files show before kustomize runs.
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
        None => repository::root_of(&folder, options.source_path.as_deref()).ok_or_else(|| {
            one(
                format!("{shown} is not the folder that ARGOCD_APP_SOURCE_PATH names"),
                "build the folder itself, not a link to another one, or name the repository with --root",
            )
        })?,
    };
    let Ok(relative) = folder.strip_prefix(&root).map(Path::to_owned) else {
        return Err(one(
            format!("{shown} is not in the folder that --root names"),
            "name a folder above it",
        ));
    };
    if root.parent().is_none() {
        // kustomize could read every file of this machine
        return Err(one(
            "the whole file system cannot be the repository".to_owned(),
            "build a folder of its own, or name the repository with --root",
        ));
    }
    let repository = Repository::open(&root)
        .map_err(|error| one(format!("{} {error}", root.display()), "check its rights"))?;
    let kustomize = scan::kustomization_in(&repository, &relative)
        .map_err(|(file, error)| vec![error.finding(&file)])?
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
    if crate::finding::exit_code(&scan.findings) != 0 {
        return Err(scan.findings);
    }
    let plugins = scan.entry.is_some();
    let release = match repository.read(&relative.join(RELEASE)) {
        Ok(text) => Release::File(text),
        Err(Unreadable::Missing) => scan.entry.map_or(Release::Environment, Release::Entry),
        Err(error) => return Err(vec![error.finding(&relative.join(RELEASE))]),
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

/// Reads the manifests of a folder without a kustomization. `gitops-fn.yaml` and `config`, which replaces it, are
/// left out.
///
/// # Errors
/// A [`SourceError`] if a file cannot be read, or if there are no manifests.
pub fn plain(options: &Options, config: Option<&Path>) -> Result<Sources, SourceError> {
    let folder = std::slice::from_ref(&options.folder);
    let mut ours = vec![options.folder.join(RELEASE)];
    ours.extend(config.map(Path::to_owned));
    source::read_excluding(&ours, folder, std::io::empty(), options.longest)
}
