//! Tests with a real Vault and with fake servers: logins, reads, failures, faults, and what is left on the server.
//!
//! Every test starts its own servers, which takes 0.25 s. Requests are counted in the server's audit log, and live
//! tokens in its list of accessors.

mod avp;
mod credentials;
mod environment;
mod failures;
pub(crate) mod fake;
mod faults;
mod kustomize;
mod leak;
mod log;
pub(crate) mod logins;
mod memory;
mod mounts;
mod page;
mod policy;
pub(crate) mod proxy;
mod reads;
pub(crate) mod server;
mod tls;

use std::process::Command;

use crate::support::{Output, gitops_fn, run};
use server::{Identity, ROOT, Server};

impl Server {
    /// The command that renders standard input with this identity.
    pub(crate) fn render(&self, identity: &Identity) -> Command {
        let mut command = render_at(&self.address());
        identity.on(&mut command);
        command
    }
}

/// A Secret with an entry `k0`, `k1`… for each placeholder.
fn manifest(placeholders: &[&str]) -> String {
    with_annotations("{}", placeholders)
}

/// The same, with annotations as a flow map.
fn with_annotations(annotations: &str, placeholders: &[&str]) -> String {
    let entries: Vec<_> = placeholders
        .iter()
        .enumerate()
        .map(|(index, text)| format!("  k{index}: {text}\n"))
        .collect();
    let entries = entries.concat();
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: web\n  annotations: {annotations}\nstringData:\n{entries}"
    )
}

/// Checks that the Secret in `output` holds exactly these entries.
#[track_caller]
fn assert_values(output: &Output, values: &[&str]) {
    let text = output.text();
    let documents = crate::support::documents(text);
    let entries = documents[0]["stringData"].as_mapping().unwrap();
    let found: Vec<_> = entries.values().map(|value| value.as_str()).collect();
    let wanted: Vec<_> = values.iter().copied().map(Some).collect();
    assert_eq!(found, wanted, "{text}");
}

/// Checks that each text is on standard error, whatever its case.
#[track_caller]
fn assert_says(output: &Output, texts: &[&str]) {
    let stderr = output.stderr.to_lowercase();
    for text in texts {
        assert!(
            stderr.contains(&text.to_lowercase()),
            "stderr does not say {text:?}:\n{}",
            output.stderr
        );
    }
    assert!(!stderr.contains("panicked"), "{stderr}");
}

/// Checks that a failure of the whole store is reported once, as one error in one line.
#[track_caller]
fn assert_once(output: &Output) {
    let errors = output
        .stderr
        .lines()
        .filter(|line| line.starts_with("error: "));
    assert_eq!(errors.count(), 1, "{}", output.stderr);
    assert!(!output.stderr.contains("problems;"), "{}", output.stderr);
    assert_eq!(output.text(), "");
}

/// `render` of standard input against the server at `address`.
fn render_at(address: &str) -> Command {
    let mut command = gitops_fn();
    command
        .args(["render", "-"])
        .env("VAULT_ADDR", address)
        .env("GITOPS_FN_TIMEOUT", "20s");
    command
}

/// `render` of a Secret with these placeholders, with full access to the server, and with more settings.
#[track_caller]
fn render_with(address: &str, settings: &[(&str, &str)], placeholders: &[&str]) -> Output {
    let mut command = render_at(address);
    command
        .env("VAULT_TOKEN", ROOT)
        .envs(settings.iter().copied());
    run(&mut command, manifest(placeholders))
}

/// The same with our own server, without more settings.
#[track_caller]
fn render_as_root(server: &Server, placeholders: &[&str]) -> Output {
    render_with(&server.address(), &[], placeholders)
}
