//! Every link in every Markdown file leads somewhere: files, headings, and the pages of the site.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::{files, page};
use crate::support::root;

/// What is published next to the site, under the same names.
const BESIDE_THE_SITE: [&str; 2] = ["examples", "fn-config"];

/// A Markdown file, with what it includes.
struct Page {
    links: Vec<String>,
    /// The anchors of its headings, as GitHub and mdbook make them.
    anchors: BTreeSet<String>,
}

impl Page {
    fn read(name: &str) -> Self {
        let text = included(name);
        let links = Parser::new_ext(&text, Options::ENABLE_TABLES)
            .filter_map(|event| match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    Some(dest_url.into_string())
                }
                _ => None,
            })
            .collect();
        let mut taken = BTreeSet::new();
        for anchor in anchors(&text) {
            let anchor = unique(&taken, &anchor);
            taken.insert(anchor);
        }
        Self {
            links,
            anchors: taken,
        }
    }
}

/// The anchor of each heading in a text, before those that are alike get a number.
pub(crate) fn anchors(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut heading = None;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => found.push(anchor(&heading.take().unwrap())),
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
            }
            _ => {}
        }
    }
    found
}

fn anchor(heading: &str) -> String {
    let kept = |letter: &char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_');
    let text: String = heading.to_lowercase().chars().filter(kept).collect();
    text.replace(' ', "-")
}

/// The second heading of a name has `-1` behind it.
fn unique(taken: &BTreeSet<String>, anchor: &str) -> String {
    let later = (1..).map(|number| format!("{anchor}-{number}"));
    let mut names = std::iter::once(anchor.to_owned()).chain(later);
    names.find(|name| !taken.contains(name)).unwrap()
}

/// The text of a page with each `{{#include FILE:ANCHOR}}` replaced, as mdbook does it.
fn included(name: &str) -> String {
    let mut text = String::new();
    for line in page(name).lines() {
        match line
            .strip_prefix("{{#include ")
            .and_then(|rest| rest.strip_suffix("}}"))
        {
            Some(source) => {
                let (file, anchor) = source.rsplit_once(':').unwrap();
                let mark = format!("<!-- ANCHOR: {anchor} -->\n");
                let whole = page(&target(name, file));
                let (_, part) = whole
                    .split_once(&mark)
                    .unwrap_or_else(|| panic!("{name}: {source} has no {mark}"));
                text.push_str(part);
            }
            None => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

/// The path from the root of the tree that a link in the file `name` leads to.
fn target(name: &str, link: &str) -> String {
    let mut path = PathBuf::new();
    for part in Path::new(name).parent().unwrap().join(link).components() {
        match part {
            Component::ParentDir => assert!(path.pop(), "{name} links out of the tree: {link}"),
            part => path.push(part),
        }
    }
    path.into_os_string().into_string().unwrap()
}

/// The pages that `docs/SUMMARY.md` lists, as paths from the root of the tree.
fn summary() -> BTreeSet<String> {
    let name = "docs/SUMMARY.md";
    let links = Page::read(name).links;
    let listed: BTreeSet<String> = links.iter().map(|link| target(name, link)).collect();
    assert_eq!(listed.len(), links.len(), "a page is listed twice");
    listed
}

/// What is wrong with a link in the file `name`.
fn problem(name: &str, link: &str, summary: &BTreeSet<String>) -> Option<&'static str> {
    if link.starts_with("https://") {
        return None;
    }
    let (file, anchor) = link
        .split_once('#')
        .map_or((link, None), |(file, anchor)| (file, Some(anchor)));
    let target = if file.is_empty() {
        name.to_owned()
    } else {
        target(name, file)
    };
    let path = root().join(&target);
    if !path.exists() {
        return Some("no such file");
    }
    let is_page = path.extension().is_some_and(|ending| ending == "md");
    if anchor.is_some_and(|anchor| !is_page || !Page::read(&target).anchors.contains(anchor)) {
        return Some("no such heading");
    }
    let in_site = |path: &str| path.starts_with("docs/");
    if !in_site(name) || summary.contains(&target) || (in_site(&target) && !is_page) {
        return None;
    }
    let beside = BESIDE_THE_SITE
        .iter()
        .any(|folder| Path::new(&target).starts_with(folder));
    (is_page || !beside || path.is_dir()).then_some("not in the site")
}

#[test]
fn every_link_leads_somewhere() {
    let summary = summary();
    let (mut links, mut problems) = (0, Vec::new());
    for name in files("", ".md") {
        for link in Page::read(&name).links {
            links += 1;
            if let Some(problem) = problem(&name, &link, &summary) {
                problems.push(format!("{name}: {link}: {problem}"));
            }
        }
    }
    assert!(links > 100, "{links}");
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_page_is_in_the_summary() {
    let mut pages: BTreeSet<String> = files("docs", ".md").into_iter().collect();
    assert!(pages.remove("docs/SUMMARY.md"));
    assert_eq!(summary(), pages);
}

/// The check itself: what is wrong is found, and told as what it is.
#[test]
fn a_broken_link_is_found() {
    let summary = summary();
    for (name, link, expected) in [
        ("docs/kpt.md", "helm.md", None),
        ("docs/kpt.md", "helm.md#charts-in-a-kustomization", None),
        ("docs/kpt.md", "#good-to-know", None),
        ("docs/kpt.md", "reference/policy.md#speclimits", None),
        ("docs/kpt.md", "../examples/ci/drone.yaml", None),
        ("docs/kpt.md", "https://example.com/nosuch.md", None),
        ("README.md", "docs/helm.md#charts-in-a-kustomization", None),
        ("README.md", "examples/argocd", None),
        ("docs/kpt.md", "nosuch.md", Some("no such file")),
        ("docs/kpt.md", "helm.md#nosuch", Some("no such heading")),
        ("docs/kpt.md", "#nosuch", Some("no such heading")),
        ("docs/kpt.md", "demo.svg#nosuch", Some("no such heading")),
        // on GitHub they work, and not in the site
        ("docs/kpt.md", "../README.md", Some("not in the site")),
        (
            "docs/kpt.md",
            "../fn-config/policy.md",
            Some("not in the site"),
        ),
        ("docs/kpt.md", "../src/lib.rs", Some("not in the site")),
        ("docs/kpt.md", "../examples/argocd", Some("not in the site")),
    ] {
        assert_eq!(problem(name, link, &summary), expected, "{name} {link}");
    }
}

/// The recipes are only as good as their file names.
#[test]
fn every_file_that_contributing_names_exists() {
    let name = "CONTRIBUTING.md";
    let text = page(name);
    let mut seen = 0;
    for event in Parser::new_ext(&text, Options::ENABLE_TABLES) {
        let Event::Code(code) = event else { continue };
        let folders = ["src/", "tests/", "docs/", "examples/", "fn-config/"];
        let is_path = folders.iter().any(|folder| code.starts_with(folder));
        if is_path && !code.contains([' ', '*']) && !code.contains("NAME") {
            assert!(root().join(&*code).exists(), "{name} names {code}");
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen}");
}
