//! Reads the input of a command: manifests, within the limits of the policy, and single files.

use std::io;
use std::path::{Path, PathBuf};

use gitops_fn::finding::Finding;
use gitops_fn::policy::judge::Judge;
use gitops_fn::source::{self, Limit, SourceError, Sources};

/// Reads the manifests at `paths`, without the file `config`.
///
/// # Errors
/// A [`SourceError`] if a file cannot be read, or if the files are together longer than the limit.
pub(crate) fn manifests(
    paths: &[PathBuf],
    config: Option<&PathBuf>,
    judge: &Judge<'_>,
) -> Result<Sources, SourceError> {
    let limits = judge.limits();
    let most = limits.map_or(source::DEFAULT_LIMIT, |limits| {
        Limit::Policy(limits.input_bytes)
    });
    let except = config.map(std::slice::from_ref).unwrap_or_default();
    source::read_excluding(except, paths, io::stdin().lock(), most)
}

/// Reads a file that an argument names: a configuration or a policy. An error has exit code 2.
pub(crate) fn file(path: &Path) -> Result<String, Finding> {
    source::read_one(path, io::stdin().lock()).map_err(|error| Finding::from(error).exiting(2))
}

/// Checks that standard input is not both `file`, a configuration or policy, and one of the manifests.
pub(crate) fn once(file: &PathBuf, manifests: &[PathBuf]) -> Result<(), SourceError> {
    if source::reads_stdin(std::slice::from_ref(file)) && source::reads_stdin(manifests) {
        return Err(SourceError::StdinTwice);
    }
    Ok(())
}
