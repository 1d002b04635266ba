//! The stand-in for helm: restricts this process, and executes the real helm in its place.

use std::env;

use gitops_fn::finding::text;
use gitops_fn::kustomize::helm;
use gitops_fn::kustomize::sandbox::{NOT_STARTED, alone};

use super::streams::say;

/// Executes the real helm with the arguments of this process. Returns, with an exit code, only if that fails.
pub(crate) fn run() -> u8 {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let (real, environment) = match helm::real(&arguments, |name| env::var_os(name)) {
        Ok(allowed) => allowed,
        Err(refused) => {
            say(&text::stderr(&[refused.into()]));
            return NOT_STARTED;
        }
    };
    let program = match alone(&real) {
        Ok(program) => program,
        Err(error) => {
            say(&text::stderr(&[error.into()]));
            return NOT_STARTED;
        }
    };
    let error = program.become_it(&arguments, &environment);
    say(&super::child::not_executed(&real, &error));
    NOT_STARTED
}
