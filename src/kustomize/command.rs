//! The run of kustomize: beside the question for its version, and what became of it.

use std::ffi::OsString;

use super::process::{self, ChildError, Job, Printed};
use super::sandbox::Confinement;
use super::workspace::Workshop;
use super::{Options, Prepared, version};
use crate::finding::Finding;
use crate::source;

/// As much as a program prints to tell its version.
const VERSION: u64 = 4096;

/// What kustomize printed, and what it said.
#[derive(Debug)]
pub struct Built {
    /// The manifests.
    pub text: String,
    /// Its messages.
    pub messages: Vec<u8>,
}

/// A failed build, with the messages of kustomize.
#[derive(Debug, Default)]
pub struct Failed {
    /// Its messages.
    pub messages: Vec<u8>,
    /// What we have to say; nothing where the messages are ours already, about what is not configured as it
    /// must be (exit code 2).
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

/// Runs kustomize over what is prepared. When this is dropped before its end, kustomize is killed.
///
/// # Errors
/// [`Failed`]: its failure, no output, an older kustomize than 5.8.3, the deadline.
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
    // beside each other, since the one is done long before the other
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

/// What there is to say of a run without output, with the messages of kustomize where it has any to say.
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
