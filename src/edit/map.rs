//! Writes a map of strings in place of a scalar.

use crate::plan::block::Block;
use crate::yaml::event::Style;
use crate::yaml::expected::Shape;
use crate::yaml::plain;
use crate::yaml::scalar::{double_quote, quote_within};

/// The keys and values of a map, sorted.
pub(super) type Entries = Vec<(String, String)>;

/// The map as text, in block style (`block`) or in braces, and the offset of each value in it. `None` if it would be
/// longer than `room` bytes.
pub(super) fn written(
    entries: &[(String, String)],
    block: Option<&Block>,
    room: usize,
) -> Option<(String, Vec<usize>)> {
    let mut out = String::new();
    if entries.is_empty() {
        let lead = block.is_some_and(|block| block.comment.is_some());
        let comment = block.and_then(|block| block.comment.as_deref());
        out.push_str(if lead { " {}" } else { "{}" });
        out.push_str(comment.unwrap_or_default());
        return Some((out, Vec::new()));
    }
    let mut values = Vec::with_capacity(entries.len());
    for (index, (key, value)) in entries.iter().enumerate() {
        match block {
            Some(block) => lead(&mut out, block, index == 0),
            None => out.push_str(if index == 0 { "{" } else { ", " }),
        }
        if block.is_some() && plain::is_safe(key, false) {
            out.push_str(key);
        } else {
            out.push_str(&double_quote(key));
        }
        out.push_str(": ");
        values.push(out.len());
        let left = room.checked_sub(out.len())?;
        out.push_str(&quote_within(value, Style::Double, left)?);
    }
    if block.is_none() {
        out.push('}');
    }
    Some((out, values))
}

/// Starts the line of an entry in block style.
fn lead(out: &mut String, block: &Block, is_first: bool) {
    let comment = match &block.comment {
        None if is_first => return,
        Some(comment) if is_first => comment,
        _ => "",
    };
    out.push_str(comment);
    out.push_str(block.lines.eol);
    out.extend(std::iter::repeat_n(' ', block.lines.indent));
}

/// The shapes that the text of a map parses to.
pub(super) fn shapes(entries: Entries) -> Vec<Shape> {
    let mut shapes = Vec::with_capacity(2 * entries.len() + 2);
    shapes.push(Shape::Map);
    for (key, value) in entries {
        shapes.extend([Shape::Text(key), Shape::Text(value)]);
    }
    shapes.push(Shape::Close);
    shapes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::insertion::Lines;

    fn block(comment: Option<&str>) -> Block {
        Block {
            lines: Lines {
                indent: 2,
                eol: "\n",
            },
            comment: comment.map(Box::from),
        }
    }

    #[test]
    fn maps_are_written_in_block_style_or_braces() {
        let entries = [("a", "1"), ("true", "x\ny")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        for (block, text, empty) in [
            (None, "{\"a\": \"1\", \"true\": \"x\\ny\"}", "{}"),
            (Some(block(None)), "a: \"1\"\n  \"true\": \"x\\ny\"", "{}"),
            (
                Some(block(Some(" # c"))),
                " # c\n  a: \"1\"\n  \"true\": \"x\\ny\"",
                " {} # c",
            ),
        ] {
            let (written_text, values) = written(&entries, block.as_ref(), 100).unwrap();
            assert_eq!(written_text, text);
            let starts: Vec<_> = values.iter().map(|&at| &text[at..at + 2]).collect();
            assert_eq!(starts, ["\"1", "\"x"]);
            assert_eq!(written(&entries, block.as_ref(), text.len() - 5), None);
            assert_eq!(written(&[], block.as_ref(), 9).unwrap().0, empty);
        }
    }
}
