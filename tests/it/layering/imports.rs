//! Which files of `src/` a file names, by the paths in its code.

use std::collections::{BTreeMap, BTreeSet};

type Path = Vec<String>;

/// The modules that the code of the module `from` names.
pub(super) fn of(code: &str, from: &[String], modules: &BTreeSet<Path>) -> BTreeSet<Path> {
    let mut paths = Vec::new();
    for (at, _) in code.match_indices("::") {
        let word = code[..at]
            .rfind(|ch: char| !is_word(ch))
            .map_or(0, |end| end + 1);
        if code[..word].ends_with(':') {
            continue;
        }
        let start = match &code[word..at] {
            "crate" => Vec::new(),
            "self" => from.to_vec(),
            "super" => from[..from.len() - 1].to_vec(),
            // a module below this one, by its bare name
            name if modules.contains(&child(from, name)) => child(from, name),
            _ => continue,
        };
        tree(&mut code[at + 2..].chars().peekable(), start, &mut paths);
    }
    let known = |path: &Path| {
        let longest = (1..=path.len())
            .rev()
            .find(|end| modules.contains(&path[..*end]));
        longest.map(|end| path[..end].to_vec())
    };
    let mut named: BTreeSet<_> = paths.iter().filter_map(known).collect();
    named.remove(from);
    named
}

fn is_word(ch: char) -> bool {
    ch.is_alphanumeric() || ch == '_'
}

fn child(of: &[String], name: &str) -> Path {
    let mut path = of.to_vec();
    path.push(name.to_owned());
    path
}

/// Reads what follows `::`: a name, and more behind it, or several between braces.
fn tree(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, mut path: Path, out: &mut Vec<Path>) {
    loop {
        while chars.next_if(|ch| ch.is_whitespace()).is_some() {}
        if chars.next_if_eq(&'{').is_some() {
            while chars.peek().is_some_and(|ch| *ch != '}') {
                tree(chars, path.clone(), out);
                while chars
                    .next_if(|ch| ch.is_whitespace() || *ch == ',')
                    .is_some()
                {}
            }
            chars.next();
            return;
        }
        let mut name = String::new();
        while let Some(ch) = chars.next_if(|ch| is_word(*ch)) {
            name.push(ch);
        }
        match &*name {
            "super" => {
                path.pop();
            }
            "self" => {}
            "" => {
                // a glob
                chars.next();
            }
            _ => path.push(name),
        }
        if chars.next_if_eq(&':').is_none() {
            // `as` and its name
            while chars.next_if(|ch| is_word(*ch) || *ch == ' ').is_some() {}
            out.push(path);
            return;
        }
        chars.next();
    }
}

/// The groups of members that can be reached from each other, sorted.
pub(super) fn loops(edges: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> = edges
        .keys()
        .map(|member| (member, reach(member, edges)))
        .collect();
    let mut loops: Vec<Vec<String>> = Vec::new();
    for (member, others) in &reached {
        let both = |other: &&&String| {
            reached
                .get(**other)
                .is_some_and(|back| back.contains(member))
        };
        let group: Vec<_> = others
            .iter()
            .filter(both)
            .map(|name| (**name).clone())
            .collect();
        if others.contains(member) && !loops.contains(&group) {
            loops.push(group);
        }
    }
    loops
}

fn reach<'e>(from: &String, edges: &'e BTreeMap<String, BTreeSet<String>>) -> BTreeSet<&'e String> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&String> = edges[from].iter().collect();
    while let Some(member) = next.pop() {
        if reached.insert(member) {
            next.extend(edges.get(member).into_iter().flatten());
        }
    }
    reached
}

#[test]
fn imports_and_loops_are_found() {
    let path = |text: &str| -> Path { text.split('/').map(str::to_owned).collect() };
    let modules: BTreeSet<_> = ["a", "a/b", "a/c", "d", "e/f"].map(path).into();
    let code = "use super::c::X; use crate::{d, e::{f::Y, g}}; b::z(); x.a::<T>()";
    let named = of(code, &path("a/b"), &modules);
    assert_eq!(named, ["a/c", "d", "e/f"].map(path).into());
    let named = of("use self::b::{self, Z};", &path("a"), &modules);
    assert_eq!(named, ["a/b"].map(path).into());
    let edge = |from: &str, to: &[&str]| {
        let to = to.iter().map(ToString::to_string).collect();
        (from.to_owned(), to)
    };
    let edges = [edge("a", &["b"]), edge("b", &["c", "a"]), edge("c", &[])].into();
    assert_eq!(loops(&edges), [["a", "b"]]);
}
