//! What a text becomes once its aliases are followed, measured without following them.
//!
//! A reader that makes values copies what an alias stands for: a page of text can become gigabytes. Our own
//! trees copy nothing; texts that are given to such a reader are measured before.

use std::collections::HashMap;

use super::event::{Event, Events, SyntaxError};

/// What a node weighs beside its text, in bytes.
const NODE: usize = 64;
/// What even the shortest text may weigh.
const SMALLEST: usize = 64 * 1024;

/// Why a text is not to be made values of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Outsized {
    /// It nests more deeply than it may.
    #[error("nested too deeply")]
    Deep,
    /// Its aliases stand for much more than a text of its length holds.
    #[error("too large once its aliases are written out")]
    Large,
    /// It cannot be measured, since it is no YAML.
    #[error(transparent)]
    Malformed(SyntaxError),
}

/// Measures a text that may nest as deeply as `depth`.
///
/// # Errors
/// An [`Outsized`]. A text without aliases is never too large.
pub fn check(text: &str, depth: usize) -> Result<(), Outsized> {
    let most = text.len().saturating_mul(NODE + 1) + SMALLEST;
    let mut events = Events::new(text);
    // the anchor and the weight so far of each open collection
    let mut open: Vec<(u32, usize)> = Vec::new();
    let mut anchors: HashMap<u32, usize> = HashMap::new();
    let mut whole = 0_usize;
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
            // one that stands inside of what it names is an error elsewhere
            Event::Alias { anchor } => (0, anchors.get(&anchor).copied().unwrap_or(NODE)),
        };
        if anchor != 0 {
            anchors.insert(anchor, weight);
        }
        let around = open.last_mut().map_or(&mut whole, |(_, weight)| weight);
        *around = around.saturating_add(weight);
        if *around > most {
            return Err(Outsized::Large);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_alias_is_never_too_large() {
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
    fn aliases_count_as_what_they_stand_for() {
        let flat = |scalars: usize, aliases: usize| {
            format!(
                "a: &a [{}]\nb: [{}]\n",
                "1,".repeat(scalars),
                "*a,".repeat(aliases)
            )
        };
        assert_eq!(check(&flat(100, 3), 8), Ok(()));
        assert_eq!(check(&flat(10_000, 10_000), 8), Err(Outsized::Large));
        let mut laughs = "l0: &l0 x\n".to_owned();
        for level in 1..40 {
            let below = level - 1;
            let line = format!("l{level}: &l{level} [*l{below}, *l{below}]\n");
            laughs.push_str(&line);
        }
        assert_eq!(check(&laughs, 8), Err(Outsized::Large));
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
        // an anchor of another document is another one
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
