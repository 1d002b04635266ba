//! The plugin as Argo CD runs it: its real plugin server with our plugin file, asked over its socket.

mod proto;
mod server;

use std::path::PathBuf;

use crate::support::root;
use server::{Call, PluginServer};

fn plugin() -> PathBuf {
    root().join("examples/argocd/plugin.yaml")
}

#[test]
fn an_empty_repository_is_an_error() {
    let Some(server) = PluginServer::start(&plugin(), "avp-kustomize", &[]) else {
        return;
    };
    let folder = crate::support::temp_dir();
    let failure = server
        .generate(&Call::new(folder.path(), ".", &[]))
        .unwrap_err();
    assert_eq!(failure.message, "", "{} {}", failure.code, server.log());
}
