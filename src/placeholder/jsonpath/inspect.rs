//! What can be said of a template before it is filled.

use super::{Block, JsonPath, Step};

impl JsonPath {
    /// Whether a filter compares something.
    #[must_use]
    pub fn compares(&self) -> bool {
        blocks_compare(&self.0)
    }

    /// Whether it takes one part of a value and adds nothing: keys and single indexes alone.
    #[must_use]
    pub fn takes_one_part(&self) -> bool {
        let is_plain = |step: &Step| match step {
            Step::Field(_) => true,
            Step::Slice(slice) => slice.derived,
            _ => false,
        };
        matches!(&*self.0, [Block::Action(steps)] if steps.iter().all(is_plain))
    }
}

fn blocks_compare(blocks: &[Block]) -> bool {
    blocks.iter().any(|block| match block {
        Block::Text(_) => false,
        Block::Action(steps) => steps_compare(steps),
        Block::Range(steps, body) => steps_compare(steps) || blocks_compare(body),
    })
}

fn steps_compare(steps: &[Step]) -> bool {
    steps.iter().any(|step| match step {
        Step::Compare(..) => true,
        Step::Union(parts) => parts.iter().any(|part| steps_compare(part)),
        Step::Exists(inner) => steps_compare(inner),
        Step::Literal(_) | Step::Field(_) | Step::Wildcard | Step::Recursive | Step::Slice(_) => {
            false
        }
    })
}
