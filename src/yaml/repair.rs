//! Accepts what YAML forbids but go-yaml, the parser of Kubernetes and kustomize, accepts: `\'` in double quotes, and a
//! comment right after a quote, a bracket or the header of a block scalar.
//!
//! Such a text is rewritten to an equivalent valid one before it is read. Wherever nothing is edited, the original
//! form is restored in the output ([`Repaired::undo`]).

use super::event::{Events, Slip, Span, SyntaxError};
use super::splice::Splice;
use crate::clock::Clock;

/// How many repairs are tried: the text is parsed again after each.
const MAX_REPAIRS: usize = 100;

/// A text that has been made valid.
pub struct Repaired {
    /// The valid text.
    pub text: String,
    /// The splices that restore the original, in the order of the text.
    pub undo: Vec<Splice>,
    /// The line of the first repair, from 1.
    pub line: usize,
}

/// Repairs `text`; `None` if there is nothing to repair, or if other errors remain.
#[must_use]
pub fn repair(text: &str, clock: &Clock) -> Option<Repaired> {
    if !may_need_it(text) {
        return None;
    }
    let mut repaired = String::new();
    let mut repairs = Vec::new();
    let mut line = None;
    for _ in 0..MAX_REPAIRS {
        let read = if line.is_none() { text } else { &repaired };
        let Some(error) = first_error(read, clock) else {
            break;
        };
        let (places, fixed) = fix(read, error.slip?)?;
        line.get_or_insert(error.line);
        // errors come in the order of the text, so earlier repairs keep their places
        repairs.extend(places);
        repaired = fixed;
    }
    let line = line?;
    if first_error(&repaired, clock).is_some() {
        return None;
    }
    Some(Repaired {
        text: repaired,
        undo: repairs
            .into_iter()
            .map(|(at, repair)| repair.undo(at))
            .collect(),
        line,
    })
}

impl Repaired {
    /// Adds to `edits` those of the splices in `undo` that no edit touches. Both are in the order of the text.
    pub fn restore_untouched(undo: &[Splice], edits: &mut Vec<Splice>) {
        let untouched = |place: &&Splice| {
            let after = edits.partition_point(|edit| edit.span.start <= place.span.start);
            let before = after.checked_sub(1).and_then(|at| edits.get(at));
            before.is_none_or(|edit| edit.span.end < place.span.start)
        };
        let mut restored: Vec<_> = undo.iter().filter(untouched).cloned().collect();
        if !restored.is_empty() {
            edits.append(&mut restored);
            edits.sort_by_key(|edit| edit.span.start);
        }
    }
}

/// Whether the text may need repair, judging by its bytes: cheap.
fn may_need_it(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_tight = |at: usize| match bytes[..at].last() {
        Some(b'"' | b'\'' | b'[' | b']' | b'{' | b'}' | b',' | b'|' | b'>') => true,
        // the header of a block scalar
        Some(b'+' | b'-' | b'0'..=b'9') => {
            let header = &bytes[at.saturating_sub(3)..at];
            header.iter().any(|byte| matches!(byte, b'|' | b'>'))
        }
        _ => false,
    };
    memchr::memmem::find(bytes, b"\\'").is_some() || memchr::memchr_iter(b'#', bytes).any(is_tight)
}

fn first_error(text: &str, clock: &Clock) -> Option<SyntaxError> {
    let mut events = Events::timed(text, clock);
    loop {
        match events.pull() {
            Ok(None) => return None,
            Ok(Some(_)) => {}
            Err(error) => return Some(error),
        }
    }
}

/// A repair at one place.
#[derive(Clone, Copy)]
enum Repair {
    /// A backslash was removed.
    Backslash,
    /// A blank was inserted.
    Blank,
}

impl Repair {
    fn undo(self, at: usize) -> Splice {
        let (end, text) = match self {
            Self::Backslash => (at, "\\"),
            Self::Blank => (at + 1, ""),
        };
        Splice::new(Span { start: at, end }, text.to_owned())
    }
}

/// The text without this violation, and the repairs with their offsets in the new text.
fn fix(text: &str, slip: Slip) -> Option<(Vec<(usize, Repair)>, String)> {
    let mut out = String::with_capacity(text.len() + 1);
    match slip {
        Slip::Comment(at) => {
            let comment = text.get(at..).filter(|rest| rest.starts_with('#'))?;
            out.push_str(&text[..at]);
            out.push(' ');
            out.push_str(comment);
            Some((vec![(at, Repair::Blank)], out))
        }
        Slip::Escape(start) => {
            let mut repairs = Vec::new();
            let mut at = start + 1;
            out.push_str(text.get(..at)?);
            loop {
                let rest = &text.as_bytes()[at..];
                let step = match rest {
                    [b'"', ..] => break,
                    [b'\\', b'\'', ..] => {
                        repairs.push((out.len(), Repair::Backslash));
                        at += 1;
                        1
                    }
                    [b'\\', _, ..] => 2,
                    [_, ..] => 1,
                    [] => return None,
                };
                // keep multi-byte characters whole
                let step = (at + step..=text.len()).find(|&end| text.is_char_boundary(end))? - at;
                out.push_str(&text[at..at + step]);
                at += step;
            }
            out.push_str(&text[at..]);
            (!repairs.is_empty()).then_some((repairs, out))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::splice::spliced;

    #[test]
    fn texts_that_go_yaml_accepts_are_repaired_and_restored() {
        for (text, repaired) in [
            (r#"a: "it\'s""#, r#"a: "it's""#),
            (r#"{"it\'s": "é\\\'\"ü\'"}"#, r#"{"it's": "é\\'\"ü'"}"#),
            ("a: \"x\"#c\nb: [y]#d\n", "a: \"x\" #c\nb: [y] #d\n"),
            (
                "# c\na: 'x'#c \\'\n---\nb: \"\\'\"#\"\n",
                "# c\na: 'x' #c \\'\n---\nb: \"'\" #\"\n",
            ),
        ] {
            let found = repair(text, &Clock::default()).unwrap();
            assert_eq!(found.text, repaired);
            let all = Span {
                start: 0,
                end: repaired.len(),
            };
            let back: String = spliced(&found.text, all, &found.undo).collect();
            assert_eq!(back, text);
        }
    }

    #[test]
    fn valid_and_irreparable_texts_are_left_alone() {
        for text in [
            "a: 'it\\'",
            "a: it\\'s#1",
            "a: |\n  \"it\\'s\"#c\n",
            "a: \"\\q\"",
            "a: \"\\'",
            "a: \"\\'\nb: [",
            "a: \"\\'\"\nb: [",
        ] {
            assert!(repair(text, &Clock::default()).is_none(), "{text}");
        }
    }
}
