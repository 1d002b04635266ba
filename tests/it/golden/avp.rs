//! A case through the real argocd-vault-plugin.

use std::path::Path;

use super::case::Case;
use super::objects::{self, Outcome};
use super::vault::Vault;
use crate::support::{clean, run, temp_dir};

/// What the plugin makes of the case's input, with the secrets of case number `index`.
pub(super) fn run_case(
    tool: &Path,
    vault: &Vault,
    index: usize,
    case: &Case,
) -> Result<Outcome, String> {
    let home = temp_dir();
    let output = run(
        clean(tool)
            .args(["generate", "-"])
            .env("HOME", home.path())
            .env("AVP_TYPE", "vault")
            .env("AVP_AUTH_TYPE", "token")
            .env("VAULT_TOKEN", index.to_string())
            .env("VAULT_ADDR", vault.address())
            .env("VAULT_MAX_RETRIES", "0"),
        &case.input,
    );
    match output.code {
        0 => objects::read(&output.stdout).map(Outcome::Objects),
        1 => Ok(Outcome::Error),
        _ => Ok(Outcome::Crash),
    }
}
