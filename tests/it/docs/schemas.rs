//! The example configurations tell an editor where their schema is.

use super::{files, page};
use crate::support::{documents, root};

/// Folders whose files are copied somewhere else, where a path to the schema would lead nowhere.
const COPIED: [&str; 1] = ["examples/argocd/"];

#[test]
fn every_example_configuration_names_its_schema() {
    let mut seen = 0;
    let names = ["examples", "fn-config"].map(|folder| files(folder, ".yaml"));
    for name in names.into_iter().flatten() {
        let text = page(&name);
        let schema = match documents(&text)
            .first()
            .map(|document| document["kind"].clone())
        {
            Some(kind) if kind == "Release" => "release.schema.json",
            Some(kind) if kind == "Policy" => "policy.schema.json",
            _ => continue,
        };
        if COPIED.iter().any(|folder| name.starts_with(folder)) {
            continue;
        }
        let first = text.lines().next().unwrap();
        let path = first.strip_prefix("# yaml-language-server: $schema=");
        let path = path.unwrap_or_else(|| panic!("{name} names no schema: {first}"));
        let folder = root().join(&name).parent().unwrap().to_owned();
        let target = folder.join(path).canonicalize().unwrap();
        assert_eq!(target, root().join("fn-config").join(schema), "{name}");
        seen += 1;
    }
    assert_eq!(seen, 6);
}
