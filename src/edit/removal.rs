//! Removes entries from mappings, singly or in runs.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use crate::plan::change::{MapLayout, Removal};
use crate::yaml::event::Span;
use crate::yaml::splice::Splice;
use crate::yaml::trivia;

/// The entries to remove: for each mapping, by the number of its first event, which of its entries.
#[derive(Default)]
pub struct Removals(BTreeMap<u32, (Rc<MapLayout>, Vec<bool>)>);

impl Removals {
    /// Adds an entry.
    pub fn add(&mut self, removal: &Removal) {
        let layout = &removal.layout;
        let (_, removed) = self
            .0
            .entry(layout.ordinal)
            .or_insert_with(|| (Rc::clone(layout), vec![false; layout.entries.len()]));
        if let Some(removed) = removed.get_mut(removal.index) {
            *removed = true;
        }
    }

    /// The block mappings that lose all their entries and become `{}`.
    pub fn emptied(&self) -> impl Iterator<Item = &MapLayout> {
        self.0
            .values()
            .filter(|(layout, removed)| {
                layout.braces.is_none() && removed.iter().all(|removed| *removed)
            })
            .map(|(layout, _)| &**layout)
    }

    /// The splices that remove the entries from `text`; unsorted.
    #[must_use]
    pub fn into_splices(self, text: &str) -> Vec<Splice> {
        self.0
            .values()
            .flat_map(|(layout, removed)| splices(text, layout, removed))
            .collect()
    }
}

fn splices(text: &str, layout: &MapLayout, removed: &[bool]) -> Vec<Splice> {
    let entries = &layout.entries;
    let Some((first, last)) = entries.first().zip(entries.last()) else {
        return Vec::new();
    };
    if layout.braces.is_none() && removed.iter().all(|removed| *removed) {
        // an emptied mapping stays a mapping
        let span = Span {
            start: first.start,
            end: last.end,
        };
        return vec![Splice::new(span, "{}".to_owned())];
    }
    let mut splices = Vec::new();
    let mut index = 0;
    while index < removed.len() {
        if !removed[index] {
            index += 1;
            continue;
        }
        let end = (index..removed.len())
            .find(|&at| !removed[at])
            .unwrap_or(removed.len());
        let spans = match layout.braces {
            Some(inside) => flow_run(text, layout, inside, index..end),
            None => block_run(text, layout, index..end),
        };
        splices.extend(
            spans
                .into_iter()
                .map(|span| Splice::new(span, String::new())),
        );
        index = end;
    }
    splices
}

/// The spans to remove with the entries of `run` of a block mapping, which has other entries too.
fn block_run(text: &str, layout: &MapLayout, run: Range<usize>) -> Vec<Span> {
    let entries = &layout.entries;
    let removed = &entries[run.clone()];
    let lines: Option<Vec<_>> = removed.iter().map(|entry| lines(text, *entry)).collect();
    if let Some(mut lines) = lines {
        let follows_block = (run.start.checked_sub(1))
            .and_then(|before| layout.block_ends.get(before))
            .is_some_and(|is_block| *is_block);
        if follows_block {
            for (lines, entry) in lines.iter_mut().zip(removed) {
                lines.end = absorbed_end(text, lines.end, entry.start - lines.start);
            }
        }
        return lines;
    }
    // the first of them shares its line with a parent: remove up to the next entry
    let start = entries[run.start].start;
    let end = entries.get(run.end).map_or(start, |next| next.start);
    vec![Span { start, end }]
}

/// The whole lines of an entry, if nothing precedes it on its first line.
fn lines(text: &str, entry: Span) -> Option<Span> {
    trivia::starts_line(text, entry.start).then(|| Span {
        start: trivia::line_start(text, entry.start),
        end: trivia::next_line(text, entry.end),
    })
}

/// The end of the run of blank lines, and of comments indented deeper than `column`, that starts at `at`. They have to be
/// removed too if they would follow a block scalar, which would absorb them.
fn absorbed_end(text: &str, mut at: usize, column: usize) -> usize {
    loop {
        let line = &text[at..trivia::line_end(text, at)];
        let content = line.trim_start_matches(' ');
        let is_absorbed = trivia::is_blank(content)
            || (content.starts_with('#') && line.len() - content.len() > column);
        let next = trivia::next_line(text, at);
        if !is_absorbed || next == at {
            return at;
        }
        at = next;
    }
}

/// The spans to remove with the entries of `run` of a flow mapping: their commas and the blanks around them. Comments
/// stay.
fn flow_run(text: &str, layout: &MapLayout, inside: Span, run: Range<usize>) -> Vec<Span> {
    let at = |at: usize| Span { start: at, end: at };
    let comma = |index: usize| {
        let start = layout.commas.get(index).copied().flatten()?;
        let end = start + 1;
        Some(Span { start, end })
    };
    let blank = |from: usize, to: usize| text.get(from..to).is_some_and(trivia::is_blank);
    let next = layout.entries.get(run.end);
    let first = layout.entries[run.start];
    let mut parts = Vec::with_capacity(2 * run.len() + 2);
    // at the end, the comma before the run must go too, unless a comment follows it
    let mut last_comma = true;
    if run.start == 0 {
        if next.is_none() {
            parts.push(at(inside.start));
        }
    } else if let (None, Some(before)) = (next, comma(run.start - 1)) {
        last_comma = !blank(before.end, first.start) && comma(run.end - 1).is_some();
        parts.extend((!last_comma).then_some(before));
    }
    for index in run.clone() {
        parts.push(layout.entries[index]);
        parts.extend(comma(index).filter(|_| last_comma || index + 1 < run.end));
    }
    match next {
        Some(next) => parts.push(at(next.start)),
        None if run.start == 0 => parts.push(at(inside.end)),
        None => {}
    }
    let mut spans: Vec<Span> = Vec::new();
    for part in parts {
        let joined = spans.last_mut().filter(|last| blank(last.end, part.start));
        match joined {
            Some(last) => last.end = part.end,
            None => spans.push(part),
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::event::Events;
    use crate::yaml::tree::{Kind, Tree};

    /// The text without some entries of its last mapping, given by index.
    fn without(text: &str, removed: &[usize]) -> String {
        let mut events = Events::new(text);
        let mut tree = Tree::default();
        events.pull().unwrap();
        let first = events.pull().unwrap().unwrap();
        tree.read_node(first, &mut events).unwrap();
        let map = tree
            .nodes()
            .iter()
            .rposition(|node| matches!(node.kind, Kind::Map { .. }))
            .unwrap();
        let layout = MapLayout::of(text, &tree, map);
        let removed: Vec<_> = (0..layout.entries.len())
            .map(|index| removed.contains(&index))
            .collect();
        let splices = splices(text, &layout, &removed);
        let all = Span {
            start: 0,
            end: text.len(),
        };
        crate::yaml::splice::spliced(text, all, &splices).collect()
    }

    #[test]
    fn removes_lines_from_block_mappings() {
        let text = "data:\n  a: 1 # one\n  b: 2\n  c: 3\n";
        assert_eq!(without(text, &[0]), "data:\n  b: 2\n  c: 3\n");
        assert_eq!(without(text, &[1, 2]), "data:\n  a: 1 # one\n");
        assert_eq!(without(text, &[0, 1, 2]), "data:\n  {}\n");
        assert_eq!(without("- a: 1\n  b: 2\n", &[0]), "- b: 2\n");
        assert_eq!(without("- a: 1\n  ? b\n  : 2\n", &[0]), "- ? b\n  : 2\n");
        assert_eq!(
            without("- !!str a: 1\n  !!str b: 2\n", &[0]),
            "- !!str b: 2\n"
        );
        assert_eq!(without("!!str a: 1\nb: 2\n", &[0]), "b: 2\n");
        let after_block = "data:\n  a: |+\n    x\n  b: 2\n\n    # deep\n  # c\n\n  d: 3\n";
        assert_eq!(
            without(after_block, &[1]),
            "data:\n  a: |+\n    x\n  # c\n\n  d: 3\n"
        );
        assert_eq!(without("a: 1\nb: 2\n\nc: 3\n", &[1]), "a: 1\n\nc: 3\n");
        assert_eq!(without("a: 1\rb: 2\rc: 3", &[0]), "b: 2\rc: 3");
    }

    #[test]
    fn removes_commas_from_flow_mappings() {
        let text = "{a: 1, b: 2, c: 3}";
        assert_eq!(without(text, &[0]), "{b: 2, c: 3}");
        assert_eq!(without(text, &[1]), "{a: 1, c: 3}");
        assert_eq!(without(text, &[1, 2]), "{a: 1}");
        assert_eq!(without(text, &[0, 1, 2]), "{}");
        assert_eq!(without("{a: 1, b: 2, }", &[1]), "{a: 1, }");
        assert_eq!(without("{ a: 1, b: 2,\n}", &[0, 1]), "{}");
        assert_eq!(without("{!!str a: 1, !!str b: 2}", &[0]), "{!!str b: 2}");
        assert_eq!(without("{a: !!str , b: 2}", &[1]), "{a: !!str }");
    }

    #[test]
    fn comments_in_flow_mappings_stay() {
        let text = "{ # why\n  a: 1, # one\n  b: 2, # two\n}\n";
        for (removed, left) in [
            (&[0][..], "{ # why\n   # one\n  b: 2, # two\n}\n"),
            (&[1], "{ # why\n  a: 1, # one\n   # two\n}\n"),
            (&[0, 1], "{ # why\n   # one\n   # two\n}\n"),
        ] {
            assert_eq!(without(text, removed), left);
        }
    }
}
