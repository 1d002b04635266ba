//! Measures how large a text becomes once its aliases are expanded, without expanding them.
//!
//! A reader that builds values copies the target of each alias, so a page of text can become gigabytes. [`Tree`]
//! copies nothing; texts for other readers are measured first.
//!
//! [`Tree`]: super::tree::Tree

use std::collections::HashMap;

use super::event::{Event, Events, SyntaxError};

/// The weight of a node in addition to its text, in bytes.
const NODE: usize = 64;
/// The weight that any text may have, however short, in bytes.
const MIN_LIMIT: usize = 64 * 1024;

/// Why a text must not be expanded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Outsized {
    /// It nests deeper than allowed.
    #[error("nested too deeply")]
    Deep,
    /// Its aliases expand to far more than a text of its length holds.
    #[error("too large once its aliases are written out")]
    Large,
    /// It is not YAML, so it cannot be measured.
    #[error(transparent)]
    Malformed(SyntaxError),
}

/// Checks that `text` nests at most `depth` collections and stays small once its aliases are expanded: at most
/// 65 bytes for each byte of the text, plus 64 KiB.
///
/// # Errors
/// [`Outsized`]; a text without aliases is never too large.
pub fn check(text: &str, depth: usize) -> Result<(), Outsized> {
    let limit = text.len().saturating_mul(NODE + 1) + MIN_LIMIT;
    let mut events = Events::new(text);
    // anchor and weight so far of each open collection
    let mut open: Vec<(u32, usize)> = Vec::new();
    let mut anchors: HashMap<u32, usize> = HashMap::new();
    let mut total = 0_usize;
    while let Some((event, _)) = events.pull().map_err(Outsized::Malformed)? {
        let (anchor, weight) = match event {
            Event::DocumentStart => {
                anchors.clear();
                continue;
            }
            Event::DocumentEnd => continue,
            Event::Open { props, .. } => {
                if open.len() >= depth {
                    return Err(Outsized::Deep);
                }
                open.push((props.anchor, NODE));
                continue;
            }
            Event::Close => open.pop().unwrap_or_default(),
            Event::Scalar { value, props, .. } => (props.anchor, NODE + value.len()),
            // an alias inside its own target is reported elsewhere
            Event::Alias { anchor } => (0, anchors.get(&anchor).copied().unwrap_or(NODE)),
        };
        if anchor != 0 {
            anchors.insert(anchor, weight);
        }
        let enclosing = open.last_mut().map_or(&mut total, |(_, weight)| weight);
        *enclosing = enclosing.saturating_add(weight);
        if *enclosing > limit {
            return Err(Outsized::Large);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_without_aliases_are_never_too_large() {
        let texts = [
            String::new(),
            "a".to_owned(),
            format!("[{}]", "a,".repeat(10_000)),
            "-\n".repeat(10_000),
            format!("a: '{}'", "x".repeat(10_000)),
            "--- {a: b}\n".repeat(1000),
        ];
        for text in texts {
            assert_eq!(check(&text, 2), Ok(()), "{text:.20}");
        }
    }

    #[test]
    fn aliases_count_as_their_targets() {
        let flat = |scalars: usize, aliases: usize| {
            format!(
                "a: &a [{}]\nb: [{}]\n",
                "1,".repeat(scalars),
                "*a,".repeat(aliases)
            )
        };
        assert_eq!(check(&flat(100, 3), 8), Ok(()));
        assert_eq!(check(&flat(10_000, 10_000), 8), Err(Outsized::Large));
        let mut billion_laughs = "l0: &l0 x\n".to_owned();
        for level in 1..40 {
            let below = level - 1;
            let line = format!("l{level}: &l{level} [*l{below}, *l{below}]\n");
            billion_laughs.push_str(&line);
        }
        assert_eq!(check(&billion_laughs, 8), Err(Outsized::Large));
        let long = format!(
            "a: &a '{}'\nb: [{}]\n",
            "x".repeat(100_000),
            "*a,".repeat(1000)
        );
        assert_eq!(check(&long, 8), Err(Outsized::Large));
        let merged = format!(
            "a: &a {{{}}}\nb:\n{}",
            "k: 1,".repeat(3),
            "- <<: *a\n".repeat(5)
        );
        assert_eq!(check(&merged, 8), Ok(()));
        // anchors belong to their document
        assert_eq!(check("a: &a x\n---\nb: &a y\nc: *a\n", 8), Ok(()));
    }

    #[test]
    fn depth_is_bounded_in_every_style() {
        for (text, depth) in [
            ("[[[a]]]", 3),
            ("- - - a", 3),
            ("a: {b: {c: d}}", 3),
            ("? ? a", 2),
        ] {
            assert_eq!(check(text, depth), Ok(()), "{text}");
            assert_eq!(check(text, depth - 1), Err(Outsized::Deep), "{text}");
        }
        assert!(check(&"[".repeat(1_000_000), 64).is_err());
        assert!(check(&"- ".repeat(100_000), 64).is_err());
        assert!(matches!(check("a: [", 8), Err(Outsized::Malformed(_))));
    }
}
