//! What YAML forbids and go-yaml, which Kubernetes and kustomize read with, takes all the same: `\'` between double
//! quotes, and a comment right behind a quote, a bracket or the head of a block scalar.
//!
//! Such a text is read in the form that YAML allows, which means the same; what nobody edits is put back as it
//! came ([`Repaired::undo`]).

use super::event::{Events, Slip, Span, SyntaxError};
use super::splice::Splice;
use crate::clock::Clock;

/// How many places are repaired: the text is read again for each.
const MOST: usize = 100;

/// A text in the form that YAML allows.
pub struct Repaired {
    /// The text.
    pub text: String,
    /// What makes the original of it, in the order of the text.
    pub undo: Vec<Splice>,
    /// The line of the first place, from 1.
    pub line: usize,
}

/// Repairs a text; `None` where there is nothing to repair, or more is wrong than can be repaired.
#[must_use]
pub fn repair(text: &str, clock: &Clock) -> Option<Repaired> {
    if !may_need_it(text) {
        return None;
    }
    let mut repaired = String::new();
    let mut marks = Vec::new();
    let mut line = None;
    for _ in 0..MOST {
        let read = if line.is_none() { text } else { &repaired };
        let Some(fault) = first_fault(read, clock) else {
            break;
        };
        let (places, mended) = mend(read, fault.slip?)?;
        line.get_or_insert(fault.line);
        // faults come in the order of the text, so those before it stay where they are
        marks.extend(places);
        repaired = mended;
    }
    let line = line?;
    if first_fault(&repaired, clock).is_some() {
        return None;
    }
    Some(Repaired {
        text: repaired,
        undo: marks.into_iter().map(|(at, mark)| mark.undo(at)).collect(),
        line,
    })
}

impl Repaired {
    /// Adds to the edits of the text what puts back all that they leave alone; both in the order of the text.
    pub fn put_back(undo: &[Splice], edits: &mut Vec<Splice>) {
        let untouched = |place: &&Splice| {
            let behind = edits.partition_point(|edit| edit.span.start <= place.span.start);
            let before = behind.checked_sub(1).and_then(|at| edits.get(at));
            before.is_none_or(|edit| edit.span.end < place.span.start)
        };
        let mut back: Vec<_> = undo.iter().filter(untouched).cloned().collect();
        if !back.is_empty() {
            edits.append(&mut back);
            edits.sort_by_key(|edit| edit.span.start);
        }
    }
}

/// A look at the bytes alone.
fn may_need_it(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_tight = |at: usize| match bytes[..at].last() {
        Some(b'"' | b'\'' | b'[' | b']' | b'{' | b'}' | b',' | b'|' | b'>') => true,
        // of a block scalar's header
        Some(b'+' | b'-' | b'0'..=b'9') => {
            let header = &bytes[at.saturating_sub(3)..at];
            header.iter().any(|byte| matches!(byte, b'|' | b'>'))
        }
        _ => false,
    };
    memchr::memmem::find(bytes, b"\\'").is_some() || memchr::memchr_iter(b'#', bytes).any(is_tight)
}

fn first_fault(text: &str, clock: &Clock) -> Option<SyntaxError> {
    let mut events = Events::timed(text, clock);
    loop {
        match events.pull() {
            Ok(None) => return None,
            Ok(Some(_)) => {}
            Err(error) => return Some(error),
        }
    }
}

/// What has been done at a place.
#[derive(Clone, Copy)]
enum Mark {
    /// A backslash was taken out.
    Backslash,
    /// A blank was put in.
    Blank,
}

impl Mark {
    fn undo(self, at: usize) -> Splice {
        let (end, text) = match self {
            Self::Backslash => (at, "\\"),
            Self::Blank => (at + 1, ""),
        };
        Splice::new(Span { start: at, end }, text.to_owned())
    }
}

/// The text without that fault, and where it has been changed, as places of the new text.
fn mend(text: &str, slip: Slip) -> Option<(Vec<(usize, Mark)>, String)> {
    let mut out = String::with_capacity(text.len() + 1);
    match slip {
        Slip::Comment(at) => {
            let comment = text.get(at..).filter(|rest| rest.starts_with('#'))?;
            out.push_str(&text[..at]);
            out.push(' ');
            out.push_str(comment);
            Some((vec![(at, Mark::Blank)], out))
        }
        Slip::Escape(start) => {
            let mut marks = Vec::new();
            let mut at = start + 1;
            out.push_str(text.get(..at)?);
            loop {
                let rest = &text.as_bytes()[at..];
                let step = match rest {
                    [b'"', ..] => break,
                    [b'\\', b'\'', ..] => {
                        marks.push((out.len(), Mark::Backslash));
                        at += 1;
                        1
                    }
                    [b'\\', _, ..] => 2,
                    [_, ..] => 1,
                    [] => return None,
                };
                // the first byte of a longer character is followed by the rest of it
                let step = (at + step..=text.len()).find(|&end| text.is_char_boundary(end))? - at;
                out.push_str(&text[at..at + step]);
                at += step;
            }
            out.push_str(&text[at..]);
            (!marks.is_empty()).then_some((marks, out))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::splice::pieces;

    #[test]
    fn what_go_yaml_reads_is_repaired_and_put_back() {
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
            let back: String = pieces(&found.text, all, &found.undo).collect();
            assert_eq!(back, text);
        }
    }

    #[test]
    fn what_is_right_or_beyond_repair_is_left() {
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
