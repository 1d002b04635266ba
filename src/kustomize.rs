//! Build: what `gitops-fn build` does before it renders. kustomize runs as a confined child; which
//! Release counts is found in the repository. What it does afterwards is [`crate::namehash`].
//!
//! No secret is asked for before the child has ended well and all of its output has been read.

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
    /// Longest output of kustomize, or what is read in its place.
    pub longest: Limit,
    /// Bytes of memory for the data of kustomize, and of each helm.
    pub memory: u64,
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
        // kustomize could read all of this machine
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

/// The manifests of a folder without a kustomization; our own file in it is none of them, nor is `config`,
/// which counts in its place.
///
/// # Errors
/// A [`SourceError`]: what cannot be read, or that there is none.
pub fn plain(options: &Options, config: Option<&Path>) -> Result<Sources, SourceError> {
    let folder = std::slice::from_ref(&options.folder);
    let mut ours = vec![options.folder.join(RELEASE)];
    ours.extend(config.map(Path::to_owned));
    source::read_excluding(&ours, folder, std::io::empty(), options.longest)
}
