//! Taking entries out of mappings, alone or with their neighbours.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::plan::change::{MapLayout, Removal};
use crate::yaml::event::Span;
use crate::yaml::splice::Splice;

/// The entries that go, by mapping.
#[derive(Default)]
pub struct Removals(BTreeMap<u32, (Rc<MapLayout>, Vec<bool>)>);

impl Removals {
    /// Adds an entry.
    pub fn add(&mut self, removal: &Removal) {
        let layout = &removal.layout;
        let (_, gone) = self
            .0
            .entry(layout.ordinal)
            .or_insert_with(|| (Rc::clone(layout), vec![false; layout.entries.len()]));
        if let Some(gone) = gone.get_mut(removal.index) {
            *gone = true;
        }
    }

    /// The block mappings that lose all their entries, and become `{}`.
    pub fn emptied(&self) -> impl Iterator<Item = &MapLayout> {
        self.0
            .values()
            .filter(|(layout, gone)| !layout.flow && gone.iter().all(|gone| *gone))
            .map(|(layout, _)| &**layout)
    }

    /// The splices that take them out of `text`.
    #[must_use]
    pub fn into_splices(self, text: &str) -> Vec<Splice> {
        self.0
            .values()
            .flat_map(|(layout, gone)| splices(text, layout, gone))
            .collect()
    }
}

fn splices(text: &str, layout: &MapLayout, gone: &[bool]) -> Vec<Splice> {
    let entries = &layout.entries;
    let Some((first, last)) = entries.first().zip(entries.last()) else {
        return Vec::new();
    };
    if gone.iter().all(|gone| *gone) {
        // an emptied mapping stays one
        let rest = if layout.flow { "" } else { "{}" };
        let span = Span {
            start: first.start,
            end: last.end,
        };
        return vec![Splice::new(span, rest.to_owned())];
    }
    let mut splices = Vec::new();
    let mut index = 0;
    while index < gone.len() {
        if !gone[index] {
            index += 1;
            continue;
        }
        let end = (index..gone.len())
            .find(|&at| !gone[at])
            .unwrap_or(gone.len());
        splices.extend(
            run(text, layout, index, end)
                .into_iter()
                .map(|span| Splice::new(span, String::new())),
        );
        index = end;
    }
    splices
}

/// What goes with the entries from `start` up to, not including, `end`, which are not all there are.
fn run(text: &str, layout: &MapLayout, start: usize, end: usize) -> Vec<Span> {
    let entries = &layout.entries;
    if !layout.flow {
        let lines: Option<Vec<_>> = (start..end).map(|at| lines(text, entries[at])).collect();
        if let Some(lines) = lines {
            return lines;
        }
    }
    // up to the next entry, or from the end of the one before
    let from = if end < entries.len() || start == 0 {
        entries[start].start
    } else {
        entries[start - 1].end
    };
    let to = entries
        .get(end)
        .map_or(entries[end - 1].end, |next| next.start);
    vec![Span {
        start: from,
        end: to,
    }]
}

/// The whole lines of an entry, if nothing else stands before it on its first line.
fn lines(text: &str, entry: Span) -> Option<Span> {
    let before = text.get(..entry.start)?;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    if !before[start..]
        .trim_start_matches('\u{feff}')
        .trim()
        .is_empty()
    {
        return None;
    }
    let end = text
        .get(entry.end..)?
        .find('\n')
        .map_or(text.len(), |newline| entry.end + newline + 1);
    Some(Span { start, end })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn removed(text: &str, flow: bool, entries: &[&str], gone: &[bool]) -> String {
        let spans = entries
            .iter()
            .map(|entry| {
                let start = text.find(entry).unwrap();
                Span {
                    start,
                    end: start + entry.len(),
                }
            })
            .collect();
        let layout = MapLayout {
            ordinal: 0,
            digest: 0,
            anchor: 0,
            flow,
            entries: spans,
            values: Vec::new(),
            keys: Vec::new(),
        };
        let splices = splices(text, &layout, gone);
        let all = Span {
            start: 0,
            end: text.len(),
        };
        crate::yaml::splice::pieces(text, all, &splices).collect()
    }

    #[test]
    fn takes_lines_out_of_block_mappings() {
        let text = "data:\n  a: 1 # one\n  b: 2\n  c: 3\n";
        let entries = ["a: 1", "b: 2", "c: 3"];
        let check = |gone: [bool; 3]| removed(text, false, &entries, &gone);
        assert_eq!(check([true, false, false]), "data:\n  b: 2\n  c: 3\n");
        assert_eq!(check([false, true, true]), "data:\n  a: 1 # one\n");
        assert_eq!(check([true, true, true]), "data:\n  {}\n");
        assert_eq!(
            removed("- a: 1\n  b: 2\n", false, &["a: 1", "b: 2"], &[true, false]),
            "- b: 2\n"
        );
    }

    #[test]
    fn takes_commas_along_in_flow_mappings() {
        let check =
            |gone: [bool; 3]| removed("{a: 1, b: 2, c: 3}", true, &["a: 1", "b: 2", "c: 3"], &gone);
        assert_eq!(check([true, false, false]), "{b: 2, c: 3}");
        assert_eq!(check([false, true, false]), "{a: 1, c: 3}");
        assert_eq!(check([false, true, true]), "{a: 1}");
        assert_eq!(check([true, true, true]), "{}");
    }
}
