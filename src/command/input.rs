//! What a command reads: manifests as far as the policy lets them be read, and single files.

use std::io;
use std::path::PathBuf;

use gitops_fn::policy::decide::Judge;
use gitops_fn::source::{self, SourceError, Sources};

use super::streams::Refusal;

/// Reads the manifests that are named.
pub(crate) fn manifests(paths: &[PathBuf], judge: &Judge<'_>) -> Result<Sources, SourceError> {
    let most = judge.limits().map_or(u64::MAX, |limits| limits.input_bytes);
    source::read_within(paths, io::stdin().lock(), most)
}

/// Reads a file that an argument names, a configuration or a policy.
pub(crate) fn file(path: &PathBuf) -> Result<String, Refusal> {
    let sources = source::read(std::slice::from_ref(path), io::stdin().lock())
        .map_err(|error| Refusal::usage(&error, &error.help()))?;
    Ok(sources.list.into_iter().map(|source| source.text).collect())
}
