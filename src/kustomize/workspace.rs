//! The temporary folder of a confined run: programs, home, temporary files.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::process::Job;
use super::sandbox::Confinement;
use super::{Options, Prepared, helm, sweep};
use crate::finding::Finding;

/// The folder in a workshop that is the only one on kustomize's `PATH`.
const TOOLS: &str = "bin";

/// The environment of a confined run: programs, home, temporary files. Dropping it removes the temporary folder.
pub(super) struct Workshop<'b> {
    prepared: &'b Prepared,
    options: &'b Options,
    folder: tempfile::TempDir,
    kustomize: PathBuf,
    /// The path of the real helm, if charts may be inflated.
    helm: Option<PathBuf>,
}

impl<'b> Workshop<'b> {
    /// Makes the temporary folder and the chart homes, and finds kustomize and helm.
    ///
    /// # Errors
    /// A [`Finding`] if a folder cannot be made, or a program is not on `PATH`.
    pub(super) fn new(prepared: &'b Prepared, options: &'b Options) -> Result<Self, Finding> {
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
        sweep::sweep(&options.temporary);
        let folder = tempfile::Builder::new()
            .prefix(sweep::PREFIX)
            .tempdir_in(&options.temporary)
            .map_err(unusable)?;
        for name in [TOOLS, helm::HOME, helm::EMPTY] {
            fs::create_dir(folder.path().join(name)).map_err(unusable)?;
        }
        let kustomize = find("kustomize", &options.path)?;
        let helm = options.helm.then(|| find(helm::NAME, &options.path));
        let helm = helm.transpose()?;
        if helm.is_some() {
            let name = folder.path().join(TOOLS).join(helm::NAME);
            symlink(&options.ourselves, name).map_err(unusable)?;
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
            helm,
        })
    }

    /// What kustomize may reach; it does not log.
    pub(super) fn confinement(&self) -> Confinement {
        let root = self.prepared.repository.path();
        let charts = &self.prepared.charts;
        let mut writable = vec![self.home()];
        writable.extend(charts.iter().map(|home| root.join(home)));
        Confinement {
            parent: std::process::id(),
            root: root.to_owned(),
            writable,
            programs: [&self.kustomize]
                .into_iter()
                .chain(&self.helm)
                .cloned()
                .collect(),
            stand_in: self.helm.is_some().then(|| self.options.ourselves.clone()),
            memory: self.options.memory,
            network: !charts.is_empty(),
            unconfined: self.options.unconfined,
            log: false,
        }
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join(helm::HOME)
    }

    /// A run of kustomize with these arguments.
    pub(super) fn job(&self, arguments: Vec<OsString>) -> Job {
        let tools = self.folder.path().join(TOOLS);
        let mut environment: Vec<(_, OsString)> = vec![
            ("HOME", self.home().into()),
            ("TMPDIR", self.home().into()),
            ("PATH", tools.into()),
        ];
        if let Some(real) = &self.helm {
            environment.push((helm::REAL, real.into()));
        }
        if !self.prepared.charts.is_empty() {
            environment.push((helm::FETCHES, "1".into()));
        }
        Job {
            ourselves: self.options.ourselves.clone(),
            program: self.kustomize.clone(),
            arguments,
            folder: self.prepared.folder.clone(),
            environment,
            confinement: self.confinement(),
            longest: self.options.longest.bytes(),
        }
    }
}

/// Finds a program on `PATH` and returns its canonical path. Relative folders of `PATH` are skipped: they may be in the
/// repository.
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
