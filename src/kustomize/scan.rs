//! Scans the kustomizations on disk before kustomize runs, to report early and clearly what will not work.
//!
//! The scan is not a security boundary: what it misses is confined all the same.

mod remote;
mod visit;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::kustomization::NAMES;
use super::repository::{Entry, Repository, Unreadable};
use crate::finding::Finding;

/// What a build may do beyond plain kustomizations.
#[derive(Clone, Copy, Debug)]
pub struct Allowed {
    /// Whether helm charts may be inflated.
    pub helm: bool,
    /// Whether helm charts may be fetched.
    pub remote_charts: bool,
}

/// The result of a scan.
#[derive(Debug, Default)]
pub struct Scan {
    /// Errors and warnings.
    pub findings: Vec<Finding>,
    /// Our own entry under `transformers:`, as YAML.
    pub entry: Option<String>,
    /// The folders that charts are fetched into, relative to the root.
    pub charts: BTreeSet<PathBuf>,
}

/// Scans the kustomization in `folder` (relative to the root) and everything that it refers to.
#[must_use]
pub fn scan(repository: &Repository, folder: &Path, allowed: Allowed) -> Scan {
    visit::visit(repository, folder, allowed)
}

/// Finds the kustomization file in a folder; both paths are relative to the root. `None` if there is none.
///
/// # Errors
/// The file and why it cannot be read, which is never [`Unreadable::Missing`].
pub fn kustomization_in(
    repository: &Repository,
    folder: &Path,
) -> Result<Option<PathBuf>, (PathBuf, Unreadable)> {
    for name in NAMES {
        let file = folder.join(name);
        match repository.entry(&file) {
            Ok(Entry::File) => return Ok(Some(file)),
            Ok(Entry::Folder) | Err(Unreadable::Missing) => {}
            Err(error) => return Err((file, error)),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
