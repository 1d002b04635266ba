//! The post-condition of every edit: the edited document is parsed again, and only what was planned may differ.
//!
//! The first reading of a document yields a sum of digests of all events with their places (see [`Events::digest`]),
//! from which those of the events to be replaced are subtracted. The edited text must yield the same sum for the
//! rest, and exactly the planned events in between. Kind, value and anchor of planned scalars are compared, so that
//! a value can neither change its type nor add structure.

use super::event::{Event, Events, Style, SyntaxError};
use super::expected::Shape;
use super::scalar;
use crate::clock::Clock;

/// The events that an edit puts in place of some events of the original.
pub struct Expectation {
    /// The number of the first event that is removed, or before which the new ones are inserted.
    pub at: u32,
    /// How many events of the original are removed.
    pub removed: u32,
    /// The new events.
    pub shapes: Vec<Shape>,
    /// The anchor of the first new event; 0 for none.
    pub anchor: u32,
}

/// The edited text does not read as planned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// It is not valid YAML.
    #[error("the edited text is not valid YAML")]
    Syntax(SyntaxError),
    /// It is nested too deeply.
    #[error("the edited text nests lists and maps more than 1,024 deep")]
    TooDeep,
    /// It differs from the plan.
    #[error("the edited text does not read as planned")]
    Different,
}

impl From<SyntaxError> for Mismatch {
    fn from(error: SyntaxError) -> Self {
        if error.is_too_deep() {
            Self::TooDeep
        } else {
            Self::Syntax(error)
        }
    }
}

/// Parses `text`, one edited document, and compares it with the plan: `expected`, sorted by place, and `digest`, the
/// sum of the digests of all events that stay.
///
/// # Errors
/// [`Mismatch`], also if the clock has stopped; nothing may then be written.
pub fn verify(
    text: &str,
    expected: &[Expectation],
    digest: u64,
    clock: &Clock,
) -> Result<(), Mismatch> {
    let mut events = Events::timed(text, clock);
    let mut expected = expected.iter().peekable();
    let (mut original, mut sum, mut documents) = (0_u32, 0_u64, 0_u32);
    'events: while let Some((mut event, _)) = events.pull()? {
        match event {
            Event::DocumentStart => {
                documents += 1;
                continue;
            }
            Event::DocumentEnd => continue,
            _ => {}
        }
        while let Some(wanted) = expected.next_if(|wanted| wanted.at == original) {
            original += wanted.removed;
            let mut anchor = wanted.anchor;
            for (index, shape) in wanted.shapes.iter().enumerate() {
                if index > 0 {
                    event = events.pull()?.ok_or(Mismatch::Different)?.0;
                }
                if !matches_shape(&event, shape, anchor) {
                    return Err(Mismatch::Different);
                }
                anchor = 0;
            }
            if !wanted.shapes.is_empty() {
                continue 'events;
            }
        }
        sum = sum.wrapping_add(event.digest(original));
        original += 1;
    }
    if documents == 1 && sum == digest && expected.next().is_none() {
        Ok(())
    } else {
        Err(Mismatch::Different)
    }
}

fn matches_shape(event: &Event<'_>, shape: &Shape, anchor: u32) -> bool {
    match (event, shape) {
        (
            Event::Scalar {
                value,
                style,
                props,
            },
            Shape::Text(text),
        ) => value == text && props.anchor == anchor && scalar::is_string(value, *style, props.tag),
        (
            Event::Scalar {
                value,
                style,
                props,
            },
            Shape::Token(token),
        ) => {
            value == token
                && *style == Style::Plain
                && props.anchor == anchor
                && !scalar::is_string(value, *style, props.tag)
        }
        (Event::Open { map, props, .. }, Shape::Map | Shape::Seq) => {
            *map == (*shape == Shape::Map) && props.anchor == anchor
        }
        (Event::Close, Shape::Close) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verify(text: &str, expected: &[Expectation], digest: u64) -> Result<(), Mismatch> {
        super::verify(text, expected, digest, &Clock::default())
    }

    fn digest_without(text: &str, removed: &[u32]) -> u64 {
        let mut events = Events::new(text);
        let mut sum = 0_u64;
        let mut ordinal = 0;
        while let Some((event, _)) = events.pull().unwrap() {
            if matches!(event, Event::DocumentStart | Event::DocumentEnd) {
                continue;
            }
            if !removed.contains(&ordinal) {
                sum = sum.wrapping_add(event.digest(ordinal));
            }
            ordinal += 1;
        }
        sum
    }

    fn expect(at: u32, removed: u32, shapes: Vec<Shape>) -> Expectation {
        Expectation {
            at,
            removed,
            shapes,
            anchor: 0,
        }
    }

    #[test]
    fn accepts_only_the_planned_change() {
        // events: 0 map, 1 a, 2 x, 3 b, 4 y, 5 close
        let digest = digest_without("a: x\nb: y\n", &[2]);
        let plan = [expect(2, 1, vec![Shape::Text("z".into())])];
        assert_eq!(verify("a: \"z\"\nb: y\n", &plan, digest), Ok(()));
        for wrong in [
            "a: \"w\"\nb: y\n",
            "a: \"z\"\nb: other\n",
            "a: \"z\"\nb: y\nc: injected\n",
            "a: \"z\"\n",
            "a: \"z\"\nb: y\n---\nc: d\n",
            "a: [z]\nb: y\n",
        ] {
            assert_eq!(
                verify(wrong, &plan, digest),
                Err(Mismatch::Different),
                "{wrong}"
            );
        }
        assert!(matches!(
            verify("a: \"z\nb: y\n", &plan, digest),
            Err(Mismatch::Syntax(_))
        ));
    }

    #[test]
    fn tells_types_apart() {
        let digest = digest_without("a: x\n", &[2]);
        let text = [expect(2, 1, vec![Shape::Text("1".into())])];
        let token = [expect(2, 1, vec![Shape::Token("1".into())])];
        assert_eq!(verify("a: \"1\"\n", &text, digest), Ok(()));
        assert_eq!(verify("a: 1\n", &text, digest), Err(Mismatch::Different));
        assert_eq!(verify("a: 1\n", &token, digest), Ok(()));
        assert_eq!(
            verify("a: \"1\"\n", &token, digest),
            Err(Mismatch::Different)
        );
    }

    #[test]
    fn accepts_planned_insertions_and_removals() {
        let digest = digest_without("a: x\nb: y\n", &[3, 4]);
        let plan = [
            expect(
                1,
                0,
                vec![Shape::Text("n/k".into()), Shape::Text("v".into())],
            ),
            expect(3, 2, vec![]),
        ];
        assert_eq!(verify("n/k: \"v\"\na: x\n", &plan, digest), Ok(()));
        assert_eq!(verify("a: x\n", &plan, digest), Err(Mismatch::Different));
    }
}
