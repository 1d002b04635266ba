//! A look at the kustomizations on disk, for messages that say early and kindly what will not work.
//!
//! It is no boundary: what it does not see is confined all the same.

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
    /// Charts may be inflated.
    pub helm: bool,
    /// Charts may be fetched.
    pub remote_charts: bool,
}

/// What the look has found.
#[derive(Debug, Default)]
pub struct Scan {
    /// Errors and warnings.
    pub findings: Vec<Finding>,
    /// Our own entry under `transformers:`, as YAML.
    pub entry: Option<String>,
    /// Folders that hold fetched charts, relative to the root.
    pub charts: BTreeSet<PathBuf>,
}

/// Looks at the kustomization in `folder` (relative to the root) and at all that it leads to.
#[must_use]
pub fn scan(repository: &Repository, folder: &Path, allowed: Allowed) -> Scan {
    visit::visit(repository, folder, allowed)
}

/// The kustomization file in a folder, relative to the root.
///
/// # Errors
/// An [`Unreadable`] that is not [`Unreadable::Missing`].
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
