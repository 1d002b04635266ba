//! Checks `docs/migrate-from-avp.md`: the page covers everything that argocd-vault-plugin supports, and quotes the
//! messages of both programs exactly. `pipelines` checks that a repository gives the same objects with both.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use regex::Regex;
use serde_json::Value;

use crate::support::{clean, root, skip};

fn page() -> String {
    fs::read_to_string(root().join("docs/migrate-from-avp.md")).unwrap()
}

/// The texts of all files below `folder` with this ending, but for tests.
fn sources(folder: &Path, ending: &str) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            text.push_str(&sources(&path, ending));
        } else if name.ends_with(ending) && !name.ends_with("_test.go") && name != "test_helpers.go"
        {
            text.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
    text
}

/// The sources of argocd-vault-plugin in the version that the tests run; `None` after a skip.
#[track_caller]
fn avp() -> Option<&'static str> {
    static AVP: OnceLock<Option<String>> = OnceLock::new();
    let text = AVP.get_or_init(|| {
        let output = clean("go")
            .args([
                "mod",
                "download",
                "-json",
                "github.com/argoproj-labs/argocd-vault-plugin",
            ])
            .current_dir(root().join("tests/tools/argocd-vault-plugin"))
            .env("GOWORK", "off")
            .output()
            .ok()?;
        let module: Value = serde_json::from_slice(&output.stdout).ok()?;
        let folder = Path::new(module["Dir"].as_str()?);
        Some(sources(&folder.join("pkg"), ".go") + &sources(&folder.join("cmd"), ".go"))
    });
    if text.is_none() {
        skip("the sources of argocd-vault-plugin could not be fetched");
    }
    text.as_deref()
}

#[test]
fn every_setting_annotation_modifier_and_flag_is_on_the_page() {
    let Some(avp) = avp() else { return };
    let page = page();
    let mut missing = Vec::new();
    for pattern in [
        r#""(AVP_[A-Z0-9_]+)""#,
        r#""(avp\.kubernetes\.io/[a-z-]+)""#,
        r#""(\w+)": +(?:base64|json|yaml|indent|sha256)"#,
        r#"VarP?\(&\w+, "([a-z-]+)""#,
    ] {
        let found = Regex::new(pattern).unwrap();
        let names: Vec<_> = found
            .captures_iter(avp)
            .map(|found| found[1].to_owned())
            .collect();
        assert!(names.len() > 2, "{pattern}: {names:?}");
        missing.extend(names.into_iter().filter(|name| !page.contains(name)));
    }
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn the_error_texts_are_what_both_programs_say() {
    let Some(avp) = avp() else { return };
    let ours = sources(&root().join("src"), ".rs");
    let page = page();
    let rows = page.split("| AVP | Here |").nth(2).unwrap();
    let rows: Vec<_> = rows
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect();
    assert!(rows.len() > 20, "{rows:?}");
    let mut missing = Vec::new();
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").collect();
        let library = row.contains("Vault's own words") || row.contains("connection refused");
        let same = cells[1].starts_with("the same") && !cells[1].starts_with("the same case");
        let claims = [
            (cells[0], (!library).then_some(avp)),
            (cells[0], same.then_some(ours.as_str())),
            (cells[1], Some(ours.as_str())),
        ];
        for (cell, source) in claims {
            let Some(source) = source else { continue };
            let quoted = cell.split('`').skip(1).step_by(2);
            for part in quoted.flat_map(|text| text.split('…')) {
                let part = part.trim().trim_matches(':').trim();
                if part.len() > 4 && !part.starts_with("--") && !source.contains(part) {
                    missing.push(part.to_owned());
                }
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}
