//! Checks the citations of `docs/internals` in sources, tests and pages: each one names a page and a heading that
//! exist, and nothing cites a document that is not in the repository.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use crate::docs::links::anchors;
use crate::support::root;

/// The folder of the pages that can be cited.
const PAGES: &str = "docs/internals";

/// A citation: a page of that folder, optionally with the anchor of a heading.
const CITATION: &str = r"internals/(?P<page>[\w-]+\.md)(?:#(?P<anchor>[\w-]+))?";

/// Documents that are not part of the repository, and tickets.
const NOT_HERE: &str = r"(?x)
    \b DESIGN \b | \b STYLE(\.md)? \b
    | (krm-functions | argocd-cmp) (\.md | \x20 (§ | \d))
    | avp-compat | yaml-editing
    | source: \x20 '? brief \b
    | \b [Ii]ssues? \x20 \#? \d";

/// Words without which a line matches neither [`CITATION`] nor [`NOT_HERE`], so that most lines are skipped quickly.
const SIGNS: &[&str] = &[
    "internals/",
    "DESIGN",
    "STYLE",
    "krm-functions",
    "argocd-cmp",
    "avp-compat",
    "yaml-editing",
    "brief",
    "ssue",
];

/// What the `source:` of a golden case may begin with: one of our pages, or a public document.
const SOURCES: &[&str] = &[
    "docs/internals/",
    "Go's time.ParseDuration",
    "RFC ",
    "WHATWG URL",
    "YAML 1.2",
];

/// Maps each page to the anchors of its headings.
type Pages = BTreeMap<String, BTreeSet<String>>;

fn pages() -> Pages {
    files(PAGES)
        .into_iter()
        .map(|(name, text)| {
            let page = name.rsplit('/').next().unwrap();
            (page.to_owned(), anchors(&text).into_iter().collect())
        })
        .collect()
}

/// The text files below a folder of the repository, by their paths from its root.
fn files(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(&root().join(folder), &mut found);
    found.sort();
    found
}

fn collect(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        let path = entry.path();
        if kind.is_dir() && !matches!(entry.file_name().to_str(), Some("target" | ".git")) {
            collect(&path, found);
        }
        if kind.is_file()
            && let Ok(text) = fs::read_to_string(&path)
        {
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap();
            found.push((name.to_owned(), text));
        }
    }
}

fn is_a(name: &str, extension: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|is| is == extension)
}

/// Lists what is wrong with the citations of a file, by line.
fn problems(name: &str, text: &str, pages: &Pages) -> Vec<String> {
    static PATTERNS: LazyLock<[Regex; 2]> =
        LazyLock::new(|| [CITATION, NOT_HERE].map(|pattern| Regex::new(pattern).unwrap()));
    let [citation, not_here] = &*PATTERNS;
    let is_page = is_a(name, "md");
    let mut problems = Vec::new();
    let has_sign = |line: &str| SIGNS.iter().any(|sign| line.contains(sign));
    for (number, line) in text.lines().enumerate() {
        if !has_sign(line) {
            continue;
        }
        let mut problem = |cited: &str, why| {
            problems.push(format!("{name}:{}: {cited}: {why}", number + 1));
        };
        for cited in citation.captures_iter(line) {
            let whole = &cited[0];
            match (pages.get(&cited["page"]), cited.name("anchor")) {
                (None, _) => problem(whole, "no such page"),
                // a page links to whole pages too
                (Some(_), None) if !is_page => problem(whole, "names no heading"),
                (Some(anchors), Some(anchor)) if !anchors.contains(anchor.as_str()) => {
                    problem(whole, "no such heading");
                }
                _ => {}
            }
        }
        for cited in not_here.find_iter(line) {
            problem(cited.as_str(), "is not in the repository");
        }
    }
    problems
}

#[test]
fn every_citation_names_a_page_and_a_heading() {
    let pages = pages();
    // the patterns themselves
    let own = |name: &str| name == "tests/it/citations.rs";
    let problems: Vec<_> = files("")
        .iter()
        .filter(|(name, _)| !own(name))
        .flat_map(|(name, text)| problems(name, text, &pages))
        .collect();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn every_golden_case_says_where_its_rule_is() {
    let source = Regex::new(r"(?m)^[^#\n]*\bsource: '?(?P<text>[^\n]*)").unwrap();
    let mut count = 0;
    for (name, text) in files("tests/golden") {
        if !is_a(&name, "yaml") {
            continue;
        }
        for found in source.captures_iter(&text) {
            let text = &found["text"];
            let known = SOURCES.iter().any(|start| text.starts_with(start));
            assert!(known, "{name}: {text}");
            count += 1;
        }
    }
    assert!(count > 1_000, "{count} sources");
}

#[test]
fn headings_of_a_page_differ() {
    for (name, text) in files(PAGES) {
        let list = anchors(&text);
        let set: BTreeSet<_> = list.iter().collect();
        assert_eq!(list.len(), set.len(), "{name}: {list:?}");
    }
}

#[test]
fn what_is_wrong_is_found() {
    let page = "# One page\n```sh\n# not a heading\n```\n## What's `in` it: all\n";
    let pages: Pages = [("a.md".to_owned(), anchors(page).into_iter().collect())].into();
    for (text, expected) in [
        ("(docs/internals/a.md#one-page)", None),
        ("source: docs/internals/a.md#whats-in-it-all; RFC 1", None),
        ("docs/internals/a.md#not-a-heading", Some("no such heading")),
        ("docs/internals/a.md#one", Some("no such heading")),
        ("see docs/internals/a.md", Some("names no heading")),
        ("docs/internals/b.md#one-page", Some("no such page")),
        ("the rule of DESIGN 4", Some("is not in the repository")),
        ("DESIGNED, STYLES, a brief period, issue one", None),
        ("krm-functions-sdk", None),
        ("(krm-functions.md §2.4)", Some("is not in the repository")),
        ("source: 'brief (prose)'", Some("is not in the repository")),
        ("as issue 12 says", Some("is not in the repository")),
    ] {
        let found = problems("x.rs", text, &pages);
        let ends = |why: &str| found.len() == 1 && found[0].ends_with(why);
        assert!(expected.map_or(found.is_empty(), ends), "{text}: {found:?}");
    }
    assert!(problems("x.md", "[a](docs/internals/a.md)", &pages).is_empty());
}
