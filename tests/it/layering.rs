//! Checks the structure of `src/` (docs/internals/style.md#names-and-files): which modules a module may import, which
//! module is the home of each foreign crate, and what only one place may do.
//!
//! The tables are the rule. A new import is a decision: add it here, or move the code to where it needs none.

mod imports;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::support::root;

/// What an error of any step says: every module may name it.
const EXPLAIN: &str = "explain";

/// What each top-level module may name with `crate::…`, in the order of the flow. `main` may name all.
const MAY_NAME: &[(&str, &[&str])] = &[
    // leaves: values
    (EXPLAIN, &[]),
    ("clock", &[]),
    ("untrusted_text", &[]),
    ("special_files", &[]),
    ("secret", &[]),
    ("image", &[]),
    ("go_syntax", &[]),
    ("output", &[]),
    ("source", &["special_files", "untrusted_text"]),
    // YAML knows no Kubernetes; its loader makes values of secrets
    ("yaml", &["clock", "secret"]),
    ("placeholder", &["clock", "secret", "yaml"]),
    // knows Kubernetes, and not our configuration
    ("krm", &["clock", "untrusted_text", "yaml"]),
    ("finding", &["krm", "untrusted_text", "yaml"]),
    // the documents that users write for us
    ("document", &["finding", "yaml"]),
    ("resolve", &["secret"]),
    // requests to any server: knows no product
    ("http", &["special_files"]),
    // a client of a server; the store that uses it is in `store`
    (
        "vault",
        &["clock", "go_syntax", "http", "resolve", "secret"],
    ),
    // the Secret with our credentials, in the cluster around us
    ("cluster", &["http", "resolve", "secret"]),
    ("settings", &["cluster", "vault"]),
    (
        "store",
        &["cluster", "resolve", "secret", "settings", "vault", "yaml"],
    ),
    (
        "config",
        &["document", "finding", "image", "settings", "untrusted_text"],
    ),
    // judges settings by their own grammar
    (
        "policy",
        &[
            "clock",
            "cluster",
            "document",
            "finding",
            "secret",
            "settings",
            "untrusted_text",
            "vault",
        ],
    ),
    // neither a store nor what comes after it
    (
        "plan",
        &[
            "clock",
            "config",
            "finding",
            "go_syntax",
            "image",
            "krm",
            "placeholder",
            "policy",
            "secret",
            "settings",
            "yaml",
        ],
    ),
    (
        "edit",
        &[
            "clock",
            "finding",
            "placeholder",
            "plan",
            "resolve",
            "secret",
            "yaml",
        ],
    ),
    // the names of generated objects, over what has been edited
    (
        "namehash",
        &["clock", "finding", "krm", "plan", "secret", "yaml"],
    ),
    // what `build` does before it renders
    (
        "kustomize",
        &["finding", "source", "untrusted_text", "yaml"],
    ),
    ("cli", &["cluster", "kustomize", "vault"]),
    // what a directory holds beside manifests
    (
        "unrelated",
        &["clock", "placeholder", "source", "untrusted_text", "yaml"],
    ),
    // what comes in, and what goes out, under a policy
    (
        "input",
        &["clock", "finding", "plan", "policy", "source", "yaml"],
    ),
    ("recheck", &["clock", "finding", "plan", "policy", "yaml"]),
    // the two ways through the program
    (
        "pipeline",
        &[
            "clock",
            "config",
            "edit",
            "finding",
            "input",
            "krm",
            "placeholder",
            "plan",
            "policy",
            "recheck",
            "resolve",
            "secret",
            "settings",
            "source",
            "yaml",
        ],
    ),
];

/// The files that may name a foreign crate; a folder stands for all in it.
const HOMES: &[(&str, &[&str])] = &[
    ("aho_corasick", &["namehash/names.rs"]),
    ("base64", &["secret/base64.rs"]),
    ("clap", &["cli.rs", "main.rs"]),
    ("clap_complete", &["cli.rs"]),
    ("granit_parser", &["yaml/event.rs", "yaml/load.rs"]),
    ("kube_core", &["cluster/", "krm/resource.rs"]),
    ("k8s_openapi", &["cluster/"]),
    ("futures_util", &["resolve.rs"]),
    ("http", &["http/", "vault/"]),
    ("jiff", &["go_syntax.rs", "http/retry_after.rs"]),
    ("reqwest", &["http/"]),
    ("rustify", &["vault/"]),
    ("rustls", &["http/"]),
    ("vaultrs", &["vault/"]),
    ("regex", &["settings.rs"]),
    (
        "schemars",
        &["config/raw.rs", "document/", "document.rs", "policy/raw.rs"],
    ),
    (
        "serde",
        &[
            "kustomize/kustomization.rs",
            "kustomize/kustomization/",
            "cluster/",
            "config/",
            "config.rs",
            "policy/raw.rs",
            "store/file/",
            "vault/",
            "yaml/second.rs",
            "document/",
            "document.rs",
        ],
    ),
    (
        "serde_json",
        &[
            "cluster/",
            "config/",
            "config.rs",
            "policy/test_report/json.rs",
            "vault/",
            "document/",
        ],
    ),
    (
        "serde_yaml",
        &[
            "kustomize/kustomization.rs",
            "kustomize/kustomization/",
            "config/",
            "config.rs",
            "store/file/",
            "yaml/second.rs",
            "document/",
            "document.rs",
        ],
    ),
    ("sha2", &["secret/sha256.rs"]),
    ("signal_hook", &["command/signals.rs"]),
    ("tempfile", &["kustomize/workspace.rs", "output.rs"]),
    ("landlock", &["kustomize/sandbox.rs", "kustomize/sandbox/"]),
    ("libc", &["kustomize/sandbox/syscalls.rs"]),
    ("seccompiler", &["kustomize/sandbox/syscalls.rs"]),
    (
        "nix",
        &[
            "kustomize/sandbox/descriptors.rs",
            "kustomize/sandbox/program.rs",
        ],
    ),
    (
        "rustix",
        &[
            "kustomize/process.rs",
            "kustomize/repository.rs",
            "kustomize/sandbox.rs",
            "kustomize/sandbox/",
            "kustomize/sweep.rs",
            "command/child.rs",
            "policy/load.rs",
        ],
    ),
    (
        "tokio",
        &[
            "kustomize/process.rs",
            "kustomize/command.rs",
            "command/",
            "store/vault.rs",
            "vault/",
            "http/",
        ],
    ),
    ("tracing", &["command/", "pipeline.rs", "vault/", "http/"]),
    ("tracing_subscriber", &["main.rs"]),
    ("async_trait", &["vault/"]),
    ("rustls_platform_verifier", &["http/"]),
];

/// Crates that any file may name: they are as good as the language.
const EVERYWHERE: &[&str] = &["memchr", "rustc_hash", "thiserror", "zeroize"];

/// One source file without comments, strings and tests.
struct File {
    path: String,
    code: String,
}

impl File {
    /// The top-level module that it belongs to.
    fn module(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// `a::b` of `a/b.rs`.
    fn module_path(&self) -> Vec<String> {
        let path = self.path.trim_end_matches(".rs");
        path.split('/').map(str::to_owned).collect()
    }

    /// `lib` and `main`, which name all.
    fn is_root(&self) -> bool {
        ["lib.rs", "main.rs"].contains(&&*self.path)
    }

    /// `main` and the commands that it is split into, which may do what only it may.
    fn is_program(&self) -> bool {
        matches!(self.module(), "main" | "command")
    }

    fn is_in(&self, homes: &[&str]) -> bool {
        homes
            .iter()
            .any(|home| self.path == *home || (home.ends_with('/') && self.path.starts_with(home)))
    }
}

fn files() -> Vec<File> {
    let src = root().join("src");
    let mut files = Vec::new();
    collect(&src, &src, &mut files);
    files.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(files.len() > 30, "the sources were not found");
    files
}

fn collect(src: &Path, folder: &Path, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(src, &path, files);
        } else if path.extension().is_some_and(|name| name == "rs") {
            let name = path.strip_prefix(src).unwrap().to_str().unwrap().to_owned();
            if !name.ends_with("tests.rs") {
                files.push(File {
                    code: code(&fs::read_to_string(&path).unwrap()),
                    path: name,
                });
            }
        }
    }
}

/// The code of a file up to its tests, without line comments and string literals.
fn code(text: &str) -> String {
    let text = match text.find("#[cfg(test)]\nmod tests") {
        Some(tests) => &text[..tests],
        None => text
            .split("#[cfg(test)]\npub(crate) mod tests")
            .next()
            .unwrap(),
    };
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(ch) = chars.next() {
        match ch {
            '/' if chars.peek() == Some(&'/') => {
                for ch in chars.by_ref() {
                    if ch == '\n' {
                        out.push('\n');
                        break;
                    }
                }
            }
            '"' => {
                while let Some(ch) = chars.next() {
                    match ch {
                        '\\' => {
                            chars.next();
                        }
                        '"' => break,
                        _ => {}
                    }
                }
                out.push_str("\"\"");
            }
            // a quote or backslash as a character
            '\'' => {
                let mut ahead = chars.clone();
                let escaped = ahead.next() == Some('\\');
                if escaped || ahead.next() == Some('\'') {
                    chars.next();
                    chars.next();
                }
                out.push('\'');
            }
            ch => out.push(ch),
        }
    }
    out
}

/// The names that follow `prefix`; `prefix` must not be the end of a longer word or path.
fn names_after<'c>(code: &'c str, prefix: &str) -> BTreeSet<&'c str> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices(prefix) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|ch| ch.is_alphanumeric() || ch == '_' || ch == ':') {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let list = &list[..list.find('}').unwrap_or(list.len())];
            found.extend(
                list.split(',')
                    .map(first_word)
                    .filter(|name| !name.is_empty()),
            );
        } else {
            found.insert(first_word(rest));
        }
    }
    found
}

fn first_word(text: &str) -> &str {
    let text = text.trim_start();
    let end = text.find(|ch: char| !(ch.is_alphanumeric() || ch == '_'));
    &text[..end.unwrap_or(text.len())]
}

/// Names after `crate::`, and after `super::` where that means the crate itself.
fn crate_names(file: &File) -> BTreeSet<&str> {
    let mut names = names_after(&file.code, "crate::");
    // `super` of a top-level module is the crate; deeper files write `crate::`
    let depth = file.path.matches('/').count() + 1;
    if file.path != "lib.rs" && file.path != "main.rs" {
        let prefix = "super::".repeat(depth);
        names.extend(
            names_after(&file.code, &prefix)
                .into_iter()
                .filter(|name| *name != "super"),
        );
    }
    names
}

#[test]
fn modules_name_only_what_the_table_allows() {
    let table: BTreeMap<_, _> = MAY_NAME.iter().copied().collect();
    let mut wrong = Vec::new();
    for file in files() {
        let module = file.module();
        if file.is_program() || file.is_root() {
            continue;
        }
        let Some(allowed) = table.get(module) else {
            wrong.push(format!("{}: its module is not in the table", file.path));
            continue;
        };
        for name in crate_names(&file) {
            if name != module && name != EXPLAIN && !allowed.contains(&name) {
                wrong.push(format!("{}: names crate::{name}", file.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_has_no_edge_too_many() {
    let files = files();
    for (module, allowed) in MAY_NAME {
        let named: BTreeSet<_> = files
            .iter()
            .filter(|file| file.module() == *module)
            .flat_map(crate_names)
            .collect();
        for name in *allowed {
            assert!(named.contains(name), "{module} no longer names {name}");
        }
    }
}

/// Loops that are still there: the folder, and its members in a loop.
const LOOPS: &[(&str, &[&str])] = &[];

/// The members of a folder, a file and the folder of its name being one, import each other in one direction only.
#[test]
fn no_files_of_a_folder_import_each_other_in_a_loop() {
    let files = files();
    let files: Vec<_> = files.iter().filter(|file| !file.is_root()).collect();
    let modules: BTreeSet<_> = files.iter().map(|file| file.module_path()).collect();
    let mut folders: BTreeMap<Vec<String>, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for file in &files {
        let from = file.module_path();
        for to in imports::of(&file.code, &from, &modules) {
            let shared = from.iter().zip(&to).take_while(|(one, other)| one == other);
            let shared = shared.count();
            if let (Some(one), Some(other)) = (from.get(shared), to.get(shared)) {
                let edges = folders.entry(from[..shared].to_vec()).or_default();
                edges.entry(one.clone()).or_default().insert(other.clone());
            }
        }
    }
    let mut found = Vec::new();
    for (folder, edges) in &folders {
        for members in imports::loops(edges) {
            found.push((folder.join("/"), members));
        }
    }
    let known: Vec<_> = LOOPS
        .iter()
        .map(|(folder, members)| {
            let members = members.iter().map(ToString::to_string).collect();
            ((*folder).to_owned(), members)
        })
        .collect();
    assert_eq!(found, known);
}

#[test]
fn each_foreign_crate_has_its_home() {
    let mut wrong = Vec::new();
    for file in files() {
        for (name, homes) in HOMES {
            let used = file
                .code
                .match_indices(&format!("use {name}"))
                .any(|(at, found)| {
                    let next = file.code[at + found.len()..].chars().next();
                    !next.is_some_and(|ch| ch.is_alphanumeric() || ch == '_')
                });
            let names_it = names_after(&file.code, &format!("{name}::")).len() + usize::from(used);
            // the module of our own with the crate's name is reached by a path that ends in it
            let own = *name == "base64"
                && ["base64, ", "base64}", "secret::base64"]
                    .iter()
                    .any(|text| file.code.contains(text));
            if names_it > 0 && !own && !file.is_in(homes) {
                wrong.push(format!("{} names {name}", file.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_dependency_is_in_the_table() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let section = manifest.split("\n[dependencies]\n").nth(1).unwrap();
    let section = section.split("\n[").next().unwrap();
    for line in section.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, _)) = line.split_once(" = ") else {
            continue;
        };
        let name = name.replace('-', "_");
        let known =
            HOMES.iter().any(|(known, _)| *known == name) || EVERYWHERE.contains(&name.as_str());
        assert!(known, "{name} has no home");
    }
}

#[test]
fn secrets_are_exposed_where_they_are_filled_in_alone() {
    for file in files() {
        let exposes = file.code.contains(".expose()");
        assert_eq!(exposes, file.path == "edit/fill.rs", "{}", file.path);
    }
}

#[test]
fn only_main_prints_and_reads_the_environment() {
    const FORBIDDEN: &[&str] = &[
        "env::var",
        "env::args",
        "env::current_dir",
        "io::stdout",
        "io::stderr",
        "io::stdin",
        "print!(",
        "println!(",
        "eprint!(",
        "eprintln!(",
        "process::exit",
    ];
    for file in files().iter().filter(|file| !file.is_program()) {
        for word in FORBIDDEN {
            assert!(!file.code.contains(word), "{}: {word}", file.path);
        }
    }
}

#[test]
fn programs_are_started_in_the_child_alone() {
    for file in files() {
        let starts = file.code.contains("Command::new");
        let may = [
            "kustomize/process.rs",
            "kustomize/sandbox/program.rs",
            "command/child.rs",
        ]
        .contains(&&*file.path);
        assert_eq!(starts, may, "{}", file.path);
    }
}

#[test]
fn there_is_no_mod_rs_and_no_utils() {
    for file in files() {
        for name in ["mod", "utils", "util", "common", "helpers", "misc"] {
            let is =
                file.path.ends_with(&format!("/{name}.rs")) || file.path == format!("{name}.rs");
            assert!(!is, "{}", file.path);
        }
    }
}

#[test]
fn the_reader_of_sources_sees_code_alone() {
    let text = "use crate::a; // crate::b\nlet x = \"crate::c\\\" crate::d\"; let q = '\"'; crate::e::f\n#[cfg(test)]\nmod tests { use crate::g; }\n";
    let code = code(text);
    let names: Vec<_> = names_after(&code, "crate::").into_iter().collect();
    assert_eq!(names, ["a", "e"]);
    let names = names_after("crate::{x, y::Z}; xcrate::w", "crate::");
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["x", "y"]);
}
