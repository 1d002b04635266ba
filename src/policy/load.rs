//! Opens, checks and reads the policy file. It is opened once, and the checks apply to the open file.

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

use super::problems::Problems;
use super::validate::spec;
use super::{Policy, raw};
use crate::document;
use crate::finding::Finding;

/// The path of the policy. Nothing can change it at run time.
pub const PATH: &str = "/etc/gitops-fn/policy.yaml";
/// The largest policy file, in bytes.
const MAX_BYTES: u64 = 256 * 1024;

/// Reads the operator's policy; `None` only if the file does not exist.
///
/// The file must be a regular file owned by user 0, not writable by its group or others. Its directory is not checked,
/// and symbolic links are followed, since a mounted `ConfigMap` consists of them.
///
/// # Errors
/// Everything that is wrong with the file; its content is never quoted.
pub fn load(path: &Path) -> Result<Option<Policy>, Vec<Finding>> {
    let what = path.display().to_string();
    let problem = |message: &str, help: &str| vec![Finding::invalid(&what, message, help)];
    // non-blocking, since opening a pipe without a writer would wait forever
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound && !leads_nowhere(path) => {
            return Ok(None);
        }
        Err(error) => {
            let message = match error.kind() {
                io::ErrorKind::NotFound => "the policy is a link that leads nowhere",
                io::ErrorKind::PermissionDenied => "the policy may not be read: permission denied",
                _ => "the policy cannot be read",
            };
            return Err(problem(
                message,
                "a policy that is there has to hold; make it readable for the user that runs gitops-fn",
            ));
        }
    };
    let metadata = file
        .metadata()
        .map_err(|_| problem("the policy cannot be looked at", HELP))?;
    if !metadata.is_file() {
        return Err(problem("the policy is not a regular file", HELP));
    }
    if metadata.uid() != 0 {
        return Err(problem("the policy does not belong to user 0", HELP));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(problem(
            "the policy can be written by its group or by others",
            HELP,
        ));
    }
    let mut text = String::new();
    file.take(MAX_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => problem("the policy is not UTF-8 text", HELP),
            _ => problem("the policy cannot be read", HELP),
        })?;
    parse(&text, &what).map(Some)
}

const HELP: &str =
    "it has to be a regular file of root's with mode 0644 or less, as a ConfigMap mount is";

/// Whether the path, or a folder on the way to it, is a symbolic link without a target. Such a policy is broken, not
/// absent.
fn leads_nowhere(path: &Path) -> bool {
    path.ancestors()
        .find_map(|one| fs::symlink_metadata(one).ok())
        .is_some_and(|found| found.is_symlink())
}

/// Parses and validates the text of a policy; `what` names the text in messages.
///
/// # Errors
/// Everything that is wrong with it, sorted by field; its content is never quoted.
pub fn parse(text: &str, what: &str) -> Result<Policy, Vec<Finding>> {
    let mut problems = Problems::default();
    let document: Option<raw::Policy> = document::typed(text, what, &mut problems.0);
    let policy = document.map(|document| spec(document.spec.unwrap_or_default(), &mut problems));
    document::checked(policy, problems.0)
}

#[cfg(test)]
mod tests;
