//! All integration tests, in one binary: they run the real program, together with the real tools.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails; helpers outside #[test] functions count too"
)]

mod argocd;
mod bad_input;
mod build;
mod ci;
mod citations;
mod clock;
mod cmp;
mod container;
mod differential;
mod docs;
mod environ;
mod examples;
mod golden;
mod governed;
mod hidden;
mod kpt;
mod kustomize;
mod layering;
mod leak;
mod left_out;
mod migrate;
mod namehash;
mod pipelines;
mod policy;
mod properties;
mod samples;
mod source;
mod support;
mod tokens;
mod values;
mod vault;
