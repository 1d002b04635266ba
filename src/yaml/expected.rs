//! The value that an edit writes: as events to verify and as text.

use super::scalar::double_quote;

/// An event that an edit must produce.
#[derive(Clone, PartialEq, Eq)]
pub enum Shape {
    /// A scalar that every parser reads as this string.
    Text(String),
    /// A plain scalar with exactly this text: a number, a boolean or null.
    Token(String),
    /// A mapping begins.
    Map,
    /// A sequence begins.
    Seq,
    /// The innermost collection ends.
    Close,
}

/// The value described by `shapes` as JSON on one line, which is valid YAML too.
#[must_use]
pub fn to_json(shapes: &[Shape]) -> String {
    let mut out = String::new();
    // for each open collection: whether it is a mapping, and how many nodes it has
    let mut open: Vec<(bool, usize)> = Vec::new();
    for shape in shapes {
        if *shape == Shape::Close {
            let is_map = open.pop().is_some_and(|(is_map, _)| is_map);
            out.push(if is_map { '}' } else { ']' });
            continue;
        }
        if let Some((is_map, nodes)) = open.last_mut() {
            if *is_map && *nodes % 2 == 1 {
                out.push(':');
            } else if *nodes > 0 {
                out.push(',');
            }
            *nodes += 1;
        }
        match shape {
            Shape::Text(text) => out.push_str(&double_quote(text)),
            Shape::Token(token) => out.push_str(token),
            Shape::Map => {
                out.push('{');
                open.push((true, 0));
            }
            Shape::Seq => {
                out.push('[');
                open.push((false, 0));
            }
            Shape::Close => {}
        }
    }
    out
}

/// The deepest nesting of collections.
#[must_use]
pub fn depth(shapes: &[Shape]) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    for shape in shapes {
        match shape {
            Shape::Map | Shape::Seq => open += 1,
            Shape::Close => open = open.saturating_sub(1),
            Shape::Text(_) | Shape::Token(_) => {}
        }
        deepest = deepest.max(open);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_json_on_one_line() {
        let text = |text: &str| Shape::Text(text.to_owned());
        let shapes = [
            Shape::Map,
            text("a"),
            Shape::Seq,
            Shape::Token("1".into()),
            text("x\n"),
            Shape::Map,
            Shape::Close,
            Shape::Close,
            text("b"),
            Shape::Token("null".into()),
            Shape::Close,
        ];
        assert_eq!(to_json(&shapes), "{\"a\":[1,\"x\\n\",{}],\"b\":null}");
        assert_eq!(depth(&shapes), 3);
        assert_eq!(depth(&shapes[1..2]), 0);
    }
}
