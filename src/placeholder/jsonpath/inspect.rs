//! Properties of a template that are known before it is filled in.

use super::{Block, JsonPath, Step};

impl JsonPath {
    /// Whether any filter compares values.
    #[must_use]
    pub fn compares(&self) -> bool {
        blocks_compare(&self.0)
    }

    /// Whether it only selects one part of the value: by keys and single indexes, without adding text.
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
