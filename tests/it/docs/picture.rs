//! The picture in the README is what the demo prints.

use super::page;
use crate::support::{clean, exe, path_with, root, run, tool};

#[test]
fn the_picture_of_the_demo_is_what_it_prints() {
    let Some(kustomize) = tool("kustomize") else {
        return;
    };
    let mut script = clean(root().join(".ci/demo-svg"));
    script.env("GITOPS_FN", exe());
    script.env("PATH", path_with(&[kustomize.parent().unwrap()]));
    let output = run(&mut script, "").success();
    assert!(
        output.text() == page("docs/demo.svg"),
        "write it again: .ci/demo-svg >docs/demo.svg\n{}",
        output.text()
    );
    assert!(page("README.md").contains("](docs/demo.svg)"));
}
