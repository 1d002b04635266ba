//! Entries of a kustomization that are no paths, and how they are shown.

use crate::untrusted_text::one_line;

/// Whether an entry is no path but something to fetch, as kustomize reads it (its `RepoSpec`).
pub(super) fn is_remote(entry: &str) -> bool {
    entry.contains("://")
        || entry.contains("git@")
        || entry.contains("?ref=")
        || entry.contains(".git/")
        || entry.starts_with("git::")
        || entry.starts_with("github.com/")
        || entry.starts_with("github.com:")
}

/// A text of a kustomization in a message: one line, not too long, without what a URL may carry.
pub(super) fn shown(text: &str) -> String {
    let text: String = one_line(text).chars().take(200).collect();
    // what stands behind may be a token
    let text = text
        .split_once('?')
        .map_or(text.clone(), |(url, _)| format!("{url}?…"));
    let authority = text.find("://").map(|scheme| scheme + 3);
    match (authority, text.rfind('@')) {
        (Some(start), Some(at)) if start < at => {
            format!("{}…{}", &text[..start], &text[at..])
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remote_entries_are_known() {
        for entry in [
            "https://example.org/x.yaml",
            "github.com/org/repo//path",
            "git@github.com:org/repo",
            "example.org/repo?ref=v1",
            "git::https://example.org/x",
        ] {
            assert!(is_remote(entry), "{entry}");
        }
        for entry in ["base", "../base", "a.yaml", "github.company/x"] {
            assert!(!is_remote(entry), "{entry}");
        }
    }

    #[test]
    fn credentials_of_a_url_are_not_shown() {
        assert_eq!(shown("https://user:p@ss@host/x"), "https://…@host/x");
        assert_eq!(shown("a\nb"), r"a\nb");
    }
}
