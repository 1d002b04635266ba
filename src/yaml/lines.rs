//! Splits a stream into documents by lines, as `k8s.io/apimachinery` does for Argo CD and kubectl: any line that
//! begins with `---` ends a document, even inside a scalar.

use std::ops::Range;

/// A separator line holds more than a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a line that begins with --- has text after it")]
pub struct Unclear;

/// The byte ranges of the documents, without their separators. Blank documents are omitted.
///
/// # Errors
/// [`Unclear`], where apimachinery fails.
pub fn documents(text: &str) -> Result<Vec<Range<usize>>, Unclear> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut end_of = |start: usize, end: usize| {
        if !text[start..end].trim().is_empty() {
            found.push(start..end);
        }
    };
    for at in memchr::memmem::find_iter(text.as_bytes(), "---") {
        let begins = at == 0 || text.as_bytes()[at - 1] == b'\n';
        if !begins || at < start {
            continue;
        }
        let line = text[at..].split('\n').next().unwrap_or_default();
        let rest = line[3..].trim();
        if !rest.is_empty() && !rest.starts_with('#') {
            return Err(Unclear);
        }
        end_of(start, at);
        start = (at + line.len() + 1).min(text.len());
    }
    end_of(start, text.len());
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_alone_count() {
        for (text, expected) in [
            ("", &[][..]),
            ("a\n", &["a\n"]),
            ("---\n---\na\n", &["a\n"]),
            ("a\n---\nb", &["a\n", "b"]),
            ("a\n--- # c\nb\n---", &["a\n", "b\n"]),
            ("a: \"\n---#: \"\nb\n", &["a: \"\n", "b\n"]),
            ("a\n ---\nb-----\n", &["a\n ---\nb-----\n"]),
            ("a\r\n---\r\nb\r\n", &["a\r\n", "b\r\n"]),
        ] {
            let found: Vec<_> = documents(text)
                .unwrap()
                .into_iter()
                .map(|range| &text[range])
                .collect();
            assert_eq!(found, expected, "{text:?}");
        }
        for text in ["--- a\n", "a\n----\n", "---a"] {
            assert_eq!(documents(text), Err(Unclear), "{text:?}");
        }
    }
}
