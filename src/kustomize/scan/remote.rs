//! Recognizes remote entries of a kustomization, and shows entries in messages.

use crate::untrusted_text::one_line;

/// Whether kustomize would fetch an entry instead of reading it as a path (its `RepoSpec`).
pub(super) fn is_remote(entry: &str) -> bool {
    entry.contains("://")
        || entry.contains("git@")
        || entry.contains("?ref=")
        || entry.contains(".git/")
        || entry.starts_with("git::")
        || entry.starts_with("github.com/")
        || entry.starts_with("github.com:")
}

/// Formats a text of a kustomization for a message: one line, at most 200 characters, without the user, password and
/// query of a URL.
pub(super) fn shown(text: &str) -> String {
    let text: String = one_line(text).chars().take(200).collect();
    // the query may hold a token
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
