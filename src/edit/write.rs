//! Writes one planned change.

use super::budget::Allowance;
use super::fill::{self, Filled, Unfilled};
use super::map;
use crate::finding::Finding;
use crate::plan::Mode;
use crate::plan::change::{Action, Change, Removal};
use crate::resolve::Resolved;
use crate::yaml::event::Style;
use crate::yaml::expected::Shape;
use crate::yaml::scalar::{literal, quote_within};
use crate::yaml::splice::Splice;
use crate::yaml::trivia;

/// How many bytes a node of a map or list counts in addition to its text: the memory that it takes until it is verified.
const NODE: usize = 64;

/// The outcome of one change.
pub(super) enum Written<'c> {
    /// A replacement, the shapes that it parses to, and a warning about it.
    Change(Splice, Vec<Shape>, Option<Box<Finding>>),
    /// An entry to remove.
    Removal(&'c Removal),
}

/// Writes a change, and counts what it adds.
pub(super) fn write<'c>(
    text: &str,
    change: &'c Change,
    resolved: &Resolved,
    mode: Mode,
    allowance: &mut Allowance,
) -> Result<Written<'c>, Unfilled> {
    let before = change.span.range().len();
    let room = allowance.room(before);
    let mut kept = Vec::new();
    let mut nodes = 0;
    let mut values = Vec::new();
    let mut warning = None;
    let as_scalar = |old: Option<&str>, new: String| {
        let written = scalar(text, change, old, &new, room);
        let written = written.ok_or_else(|| Unfilled::Ended(allowance.over()))?;
        Ok::<_, Unfilled>((written, vec![Shape::Text(new)]))
    };
    let (new, shapes) = match &change.action {
        Action::Entry(entry) => (entry.text(), entry.shapes()),
        Action::Text {
            text: new,
            old,
            plain,
            told,
        } => {
            if !told {
                kept.push(0..new.len());
            }
            if *plain {
                (new.clone(), vec![Shape::Text(new.clone())])
            } else {
                as_scalar(old.as_deref(), new.clone())?
            }
        }
        Action::Fill(fill) => {
            let (filled, broken) = fill::fill(fill, change, resolved, mode, allowance)?;
            warning = broken.map(Box::new);
            match filled {
                Filled::Text(new, parts) => {
                    kept = parts;
                    if fill.has_values() {
                        values.push(0);
                    }
                    as_scalar(fill.old.as_deref(), new)?
                }
                Filled::Tokens(new, shapes) => {
                    // a single one is a number or a boolean, and takes no more memory than a text
                    nodes = shapes.len() - usize::from(shapes.len() == 1);
                    values.push(0);
                    (new, shapes)
                }
                Filled::Entries(entries) => {
                    let written = map::written(&entries, fill.block.as_ref(), room);
                    let (text, starts) =
                        written.ok_or_else(|| Unfilled::Ended(allowance.over()))?;
                    nodes = 2 * entries.len() + 2;
                    values = starts;
                    (text, map::shapes(entries))
                }
                Filled::Removed(removal) => return Ok(Written::Removal(removal)),
            }
        }
    };
    let after = new.len().saturating_add(NODE.saturating_mul(nodes));
    allowance.take(before, after).map_err(Unfilled::Ended)?;
    let splice = Splice {
        span: change.span,
        text: new,
        kept,
        values,
    };
    Ok(Written::Change(splice, shapes, warning))
}

/// A text as a scalar in place of the old one; a literal block stays one if possible. `None` if it would be longer than
/// `room` bytes.
fn scalar(
    source: &str,
    change: &Change,
    old: Option<&str>,
    new: &str,
    room: usize,
) -> Option<String> {
    old.filter(|_| change.style == Style::Literal)
        .zip(source.get(change.span.range()))
        .and_then(|(old, written)| literal(written, old, new))
        .or_else(|| {
            let mut quoted = quote_within(new, change.style, room)?;
            quoted.extend(header_comment(source, change));
            Some(quoted)
        })
}

/// The comment after a block scalar's `|` or `>`, with a blank before it, so that it can be kept.
fn header_comment(source: &str, change: &Change) -> Option<String> {
    if !matches!(change.style, Style::Literal | Style::Folded) {
        return None;
    }
    let header = source
        .get(change.span.range())?
        .split(['\n', '\r'])
        .next()?;
    let at = header.find('#')?;
    Some(format!(
        " {}",
        header[at..].trim_end_matches(trivia::BLANKS)
    ))
}
