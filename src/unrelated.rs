//! Files of a directory that have nothing to do with Kubernetes: a chart's values, a dashboard.
//!
//! Argo CD's own directory source leaves such files out as well (`getObjsFromYAMLOrJson` in its
//! repo-server). Whole files only: a document without `apiVersion` and `kind` next to an object is more
//! likely a mistake, and stays an error.

use crate::clock::Clock;
use crate::placeholder::signs;
use crate::source::{SourceError, Sources};
use crate::untrusted_text::one_line;
use crate::yaml::event::{Events, SyntaxError};
use crate::yaml::tree::{Kind, NodeId, Tree};

/// How many files are named.
const NAMED: usize = 10;

/// Takes out of `sources` what was found in a directory and is neither an object nor holds a placeholder; one
/// note names these files, or an error if `strict`. A file that was named itself stays, and so does one that cannot be read as
/// YAML, for which an error is told later.
///
/// # Errors
/// [`SourceError::NoObjects`] where nothing is left, [`SourceError::Unrelated`] if `strict`.
pub fn leave_out(
    mut sources: Sources,
    strict: bool,
    clock: &Clock,
) -> Result<Sources, SourceError> {
    let mut names = Vec::new();
    sources.list.retain(|source| {
        let unrelated = source.found && is_unrelated(&source.text, clock);
        if unrelated {
            names.push(source.name.clone());
        }
        !unrelated
    });
    if names.is_empty() {
        return Ok(sources);
    }
    if strict {
        return Err(SourceError::Unrelated(names));
    }
    if sources.list.is_empty() {
        return Err(SourceError::NoObjects);
    }
    sources.notes.push(note(&names));
    Ok(sources)
}

fn note(names: &[String]) -> String {
    let files = if names.len() == 1 { "file" } else { "files" };
    let mut shown: Vec<_> = names
        .iter()
        .take(NAMED)
        .map(|name| one_line(name))
        .collect();
    if names.len() > NAMED {
        shown.push(format!("and {} more", names.len() - NAMED));
    }
    format!(
        "skipped {} {files} without apiVersion and kind (an error with --strict): {}",
        names.len(),
        shown.join(", ")
    )
}

fn is_unrelated(text: &str, clock: &Clock) -> bool {
    !looks_like_an_object(text)
        && !signs::has_path(text.as_bytes())
        && matches!(has_object(text, clock), Ok(Some(false)))
}

/// What nearly every manifest shows without being parsed.
fn looks_like_an_object(text: &str) -> bool {
    ["apiVersion:", "kind:"].iter().any(|key| {
        text.starts_with(key)
            || memchr::memmem::find_iter(text.as_bytes(), key)
                .any(|at| text.as_bytes()[at - 1] == b'\n')
    })
}

/// Whether a document has `apiVersion` or `kind`; `None` where all of them are empty.
fn has_object(text: &str, clock: &Clock) -> Result<Option<bool>, SyntaxError> {
    let mut events = Events::timed(text, clock);
    let mut tree = Tree::default();
    let mut found = None;
    while let Some(root) = tree.next_document(&mut events)? {
        // a list of objects is a mistake, and told as such
        let mut candidates = std::iter::once(root).chain(
            match tree.node(root).kind {
                Kind::Seq { .. } => Some(tree.children(root)),
                _ => None,
            }
            .into_iter()
            .flatten(),
        );
        if candidates.any(|node| is_object(&tree, node)) {
            return Ok(Some(true));
        }
        if !tree.node(root).is_null() {
            found = Some(false);
        }
    }
    Ok(found)
}

fn is_object(tree: &Tree<'_>, node: NodeId) -> bool {
    matches!(tree.node(node).kind, Kind::Map { .. })
        && ["apiVersion", "kind"]
            .iter()
            .any(|key| tree.get(node, key).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn left(files: &[(&str, &str, bool)]) -> Result<(Vec<String>, Vec<String>), SourceError> {
        let list = files.iter().map(|(name, text, found)| Source {
            name: (*name).to_owned(),
            text: (*text).to_owned(),
            found: *found,
        });
        let sources = Sources {
            list: list.collect(),
            notes: Vec::new(),
        };
        let left = leave_out(sources, false, &Clock::default())?;
        let names = left.list.into_iter().map(|source| source.name);
        Ok((names.collect(), left.notes))
    }

    #[test]
    fn only_files_without_an_object_are_unrelated() {
        for text in [
            "a: 1\n",
            "- a\n",
            "text\n",
            "{\"title\": \"dashboard\"}\n",
            "# values\nserver: {kind: DaemonSet}\npath: /x\n",
            "name: chart\n---\na: 1\n",
            "xkind: 1\nspec:\n  kind: Pod\n  apiVersion: v1\n",
        ] {
            assert!(is_unrelated(text, &Clock::default()), "{text}");
        }
        for text in [
            "",
            "# nothing\n",
            "---\n---\n",
            "apiVersion: v1\n",
            "a: 1\nkind: Pod\n",
            "'kind': Pod\n",
            "{\"apiVersion\": \"v1\"}\n",
            "a: 1\n---\nkind: Pod\n",
            "- {apiVersion: v1}\n- {a: b}\n",
            "[{\"kind\": \"Pod\"}]\n",
            "x: &m {kind: Pod}\n<<: *m\n",
            "a: <path:kv/a#b>\n",
            "a: \"\\u003cpath:kv/a#b\\u003e\"\n",
            "a: [\n",
        ] {
            assert!(!is_unrelated(text, &Clock::default()), "{text}");
        }
    }

    #[test]
    fn what_was_found_is_left_out_with_a_note_and_what_was_named_stays() {
        let files = [
            ("m/pod.yaml", "kind: Pod\n", true),
            ("m/values.yaml", "a: 1\n", true),
            ("named.yaml", "a: 1\n", false),
        ];
        let (names, notes) = left(&files).unwrap();
        assert_eq!(names, ["m/pod.yaml", "named.yaml"]);
        assert_eq!(
            notes,
            ["skipped 1 file without apiVersion and kind (an error with --strict): m/values.yaml"]
        );
        let many: Vec<_> = (0..12)
            .map(|number| format!("m/{number:02}.yaml"))
            .collect();
        let mut files: Vec<_> = many
            .iter()
            .map(|name| (name.as_str(), "a: 1\n", true))
            .collect();
        assert_eq!(left(&files), Err(SourceError::NoObjects));
        files.push(("pod.yaml", "kind: Pod\n", true));
        let (_, notes) = left(&files).unwrap();
        assert!(
            notes[0].starts_with("skipped 12 files without"),
            "{notes:?}"
        );
        assert!(notes[0].ends_with("m/09.yaml, and 2 more"), "{notes:?}");
    }
}
