//! Runs `kustomize build` and checks kustomize's version.

use std::ffi::OsString;

use super::process::{self, ChildError, Job, Printed};
use super::sandbox::Confinement;
use super::workspace::Workshop;
use super::{Options, Prepared, version};
use crate::finding::Finding;
use crate::source;

/// The maximum size of the output of `kustomize version`, in bytes.
const VERSION: u64 = 4096;

/// The result of a successful `kustomize build`.
#[derive(Debug)]
pub struct Built {
    /// The manifests from standard output.
    pub text: String,
    /// What kustomize printed to standard error.
    pub messages: Vec<u8>,
}

/// A failed build.
#[derive(Debug, Default)]
pub struct Failed {
    /// What kustomize, or our own child process, printed to standard error.
    pub messages: Vec<u8>,
    /// Our own findings. Empty if `messages` are those of our child process, which could not start it (exit code 2).
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

/// Runs `kustomize build` for the prepared folder. If the future is dropped early, kustomize is killed.
///
/// # Errors
/// [`Failed`] if kustomize fails, prints nothing, is older than 5.8.3, or does not end before the deadline.
pub async fn kustomize(prepared: &Prepared, options: &Options) -> Result<Built, Failed> {
    let workshop = Workshop::new(prepared, options)?;
    let deadline = process::at(options.deadline);
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
    // concurrently: the version is known long before the build ends
    let (version, printed) = tokio::join!(
        process::run(&version, deadline),
        process::run(&build, deadline)
    );
    version::check(&version.map_err(failed)?.output)?;
    text_of(printed.map_err(failed)?)
}

fn arguments(prepared: &Prepared, options: &Options) -> Vec<OsString> {
    let mut all: Vec<OsString> = vec!["build".into()];
    if prepared.plugins {
        // without --enable-exec kustomize skips our entry, and this program does its work
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
    let finding = match String::from_utf8(output) {
        Ok(text) if source::is_blank(&text) => Finding::error(
            "kustomize printed no resource",
            "name some under `resources:`; an empty result would delete everything",
        ),
        Ok(text) => return Ok(Built { text, messages }),
        Err(_) => Finding::error(
            "kustomize printed what is not UTF-8 text",
            "look for binary files among the resources",
        ),
    };
    Err(Failed {
        messages,
        findings: vec![finding],
    })
}

/// Maps a run without output to a [`Failed`], which keeps the messages of kustomize if there are any.
fn failed(error: ChildError) -> Failed {
    let finding = Finding::from(&error);
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
