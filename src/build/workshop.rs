//! What a confined run is given: programs, a home, temporary files.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::child::Job;
use super::sandbox::Confinement;
use super::{Options, Prepared, sweep};
use crate::krm::result::Finding;

/// The surroundings of a confined run: programs, home, temporary files. It is gone when this is dropped.
pub(super) struct Workshop<'b> {
    prepared: &'b Prepared,
    options: &'b Options,
    folder: tempfile::TempDir,
    kustomize: PathBuf,
    programs: Vec<PathBuf>,
}

impl<'b> Workshop<'b> {
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

    pub(super) fn confinement(&self) -> Confinement {
        let root = self.prepared.repository.path();
        let charts = &self.prepared.charts;
        let mut writable = vec![self.home()];
        writable.extend(charts.iter().map(|home| root.join(home)));
        Confinement {
            parent: std::process::id(),
            root: root.to_owned(),
            writable,
            programs: self.programs.clone(),
            memory: self.options.memory,
            network: !charts.is_empty(),
            unconfined: self.options.unconfined,
            log: false,
        }
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub(super) fn job(&self, arguments: Vec<OsString>) -> Job {
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
                // kustomize lets the repository move helm's homes; nobody can make this folder
                ("HELM_PLUGINS", self.folder.path().join("no-plugins").into()),
            ],
            confinement: self.confinement(),
            longest: self.options.longest.bytes(),
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
