//! Fills in a template, after client-go's `jsonpath.go`.

use zeroize::Zeroizing;

use super::{Block, Filled, JsonPathError, Slice, Step};
use crate::clock::{self, Clock};
use crate::secret::{Value, json};

/// How many results an evaluation may produce in total, since unions and recursion multiply.
const MAX_RESULTS: usize = 1_000_000;

/// How many bytes an evaluation may look up, compare and copy in total, since each result may be long.
const MAX_WORK: usize = 64 << 20;

type Results<'a> = Result<Vec<&'a Value>, JsonPathError>;

/// Fills in `blocks` from `value`.
pub(super) fn evaluate(
    blocks: &[Block],
    value: &Value,
    max: usize,
    clock: &Clock,
) -> Result<Filled, JsonPathError> {
    let mut run = Run {
        produced: 0,
        printed: 0,
        strings: 0,
        work: 0,
        clock,
        max,
        out: Zeroizing::new(String::new()),
    };
    run.blocks(blocks, value)?;
    Ok(Filled {
        is_one_string: (run.printed, run.strings) == (1, 1),
        text: run.out,
    })
}

struct Run<'c> {
    /// How many results have been produced.
    produced: usize,
    /// How many results have been printed.
    printed: usize,
    /// How many of the printed results are strings.
    strings: usize,
    /// How many bytes have been looked up, compared and copied.
    work: usize,
    clock: &'c Clock,
    /// The longest text, in bytes.
    max: usize,
    out: Zeroizing<String>,
}

impl Run<'_> {
    fn blocks(&mut self, blocks: &[Block], value: &Value) -> Result<(), JsonPathError> {
        for block in blocks {
            match block {
                Block::Text(text) => self.print(&[text])?,
                Block::Action(steps) => {
                    let results = self.steps(vec![value], steps)?;
                    self.print(&results)?;
                }
                Block::Range(steps, body) => {
                    for item in self.steps(vec![value], steps)? {
                        self.count(1)?;
                        self.blocks(body, item)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, more: usize) -> Result<(), JsonPathError> {
        self.spend(more.saturating_mul(clock::NODE))?;
        self.produced = self.produced.saturating_add(more);
        if self.produced > MAX_RESULTS {
            Err(JsonPathError::TooMuch)
        } else {
            Ok(())
        }
    }

    /// Counts bytes that are looked up, compared or copied.
    fn work(&mut self, bytes: usize) -> Result<(), JsonPathError> {
        self.spend(bytes)?;
        self.work = self.work.saturating_add(bytes);
        if self.work > MAX_WORK {
            Err(JsonPathError::TooMuchWork)
        } else {
            Ok(())
        }
    }

    fn spend(&self, work: usize) -> Result<(), JsonPathError> {
        self.clock.spend(work).map_err(|_| JsonPathError::Stopped)
    }

    fn print(&mut self, results: &[&Value]) -> Result<(), JsonPathError> {
        for (index, value) in results.iter().enumerate() {
            if index > 0 {
                self.out.push(' ');
            }
            let json;
            let text = match value {
                Value::String(text) | Value::Number(text) => text,
                _ => {
                    json =
                        json::compact_html_within(value, self.max).ok_or(JsonPathError::TooLong)?;
                    &json
                }
            };
            self.printed += 1;
            self.strings += usize::from(matches!(value, Value::String(_)));
            if self.out.len() + text.len() > self.max {
                return Err(JsonPathError::TooLong);
            }
            self.work(text.len())?;
            self.out.push_str(text);
            self.count(1)?;
        }
        Ok(())
    }

    fn steps<'a>(&mut self, mut results: Vec<&'a Value>, steps: &'a [Step]) -> Results<'a> {
        for step in steps {
            results = self.step(results, step)?;
            self.count(results.len())?;
        }
        Ok(results)
    }

    fn step<'a>(&mut self, input: Vec<&'a Value>, step: &'a Step) -> Results<'a> {
        match step {
            Step::Literal(value @ Value::String(_)) => Ok(vec![value]),
            Step::Literal(value) => Ok(vec![value; input.len()]),
            Step::Field(name) => {
                self.work(name.len().saturating_mul(input.len()))?;
                field(&input, name)
            }
            Step::Wildcard => {
                let mut found = Vec::new();
                for value in input {
                    let inner = children(value);
                    self.count(inner.len())?;
                    found.extend(inner);
                }
                Ok(found)
            }
            Step::Recursive => {
                let mut found = Vec::new();
                for value in input {
                    self.descend(value, &mut found)?;
                }
                Ok(found)
            }
            Step::Slice(slice) => {
                let mut found = Vec::new();
                for value in input {
                    let before = found.len();
                    cut(value, *slice, &mut found)?;
                    self.count(found.len() - before)?;
                }
                Ok(found)
            }
            Step::Union(parts) => {
                let mut found = Vec::new();
                for part in parts {
                    self.work(size_of_val(&*input))?;
                    found.extend(self.steps(input.clone(), part)?);
                }
                Ok(found)
            }
            Step::Exists(_) | Step::Compare(..) => self.filter(&input, step),
        }
    }

    /// Collects all non-empty lists, maps and texts in `value`, outer ones first.
    fn descend<'a>(
        &mut self,
        value: &'a Value,
        found: &mut Vec<&'a Value>,
    ) -> Result<(), JsonPathError> {
        self.count(1)?;
        let inner = children(value);
        if !inner.is_empty() || matches!(value, Value::String(text) if !text.is_empty()) {
            found.push(value);
        }
        for item in inner {
            self.descend(item, found)?;
        }
        Ok(())
    }

    fn filter<'a>(&mut self, input: &[&'a Value], step: &'a Step) -> Results<'a> {
        let mut found = Vec::new();
        for value in input {
            let Value::List(items) = value else {
                return Err(JsonPathError::NotFilterable(value.type_name()));
            };
            for item in items {
                self.count(1)?;
                if self.passes(item, step)? {
                    found.push(item);
                }
            }
        }
        Ok(found)
    }

    fn passes<'a>(&mut self, item: &'a Value, step: &'a Step) -> Result<bool, JsonPathError> {
        match step {
            Step::Exists(path) => match self.steps(vec![item], path) {
                Err(
                    error @ (JsonPathError::TooMuch
                    | JsonPathError::TooMuchWork
                    | JsonPathError::Stopped),
                ) => Err(error),
                found => Ok(found.is_ok_and(|found| !found.is_empty())),
            },
            Step::Compare(left, operator, right) => {
                let left = self.steps(vec![item], left)?;
                let right = self.steps(vec![item], right)?;
                match (left.as_slice(), right.as_slice()) {
                    ([], _) | (_, []) => Ok(false),
                    ([left], [right]) => {
                        self.work(compared(left, right))?;
                        operator.holds(left, right)
                    }
                    _ => Err(JsonPathError::ManyCompared),
                }
            }
            _ => Ok(false),
        }
    }
}

/// The work of a comparison, in bytes.
fn compared(left: &Value, right: &Value) -> usize {
    match (left, right) {
        (Value::String(left), Value::String(right)) => left.len().min(right.len()),
        (
            Value::Number(left) | Value::String(left),
            Value::Number(right) | Value::String(right),
        ) => left.len().saturating_add(right.len()),
        _ => 0,
    }
}

/// The elements of a list, or the values of a map in the order of its keys.
fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::List(items) => items.iter().collect(),
        Value::Map(entries) => entries.values().collect(),
        _ => Vec::new(),
    }
}

fn field<'a>(input: &[&'a Value], name: &str) -> Results<'a> {
    let found: Vec<_> = input
        .iter()
        .filter_map(|value| match value {
            Value::Map(entries) => entries.get(name),
            _ => None,
        })
        .collect();
    if found.is_empty() && !input.is_empty() {
        return Err(JsonPathError::NotFound(name.to_owned()));
    }
    Ok(found)
}

/// Adds the elements of a list that a slice selects; null counts as an empty list.
fn cut<'a>(
    value: &'a Value,
    slice: Slice,
    found: &mut Vec<&'a Value>,
) -> Result<(), JsonPathError> {
    let items = match value {
        Value::List(items) => items,
        Value::Null => return Ok(()),
        _ => return Err(JsonPathError::NotList(value.type_name())),
    };
    let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let start = if slice.start < 0 {
        slice.start.saturating_add(length)
    } else {
        slice.start
    };
    let end = match slice.end {
        None => length,
        Some(end) if end < 0 || (end == 0 && slice.derived) => end.saturating_add(length),
        Some(end) => end,
    };
    if start == end && !slice.derived {
        return Ok(());
    }
    let outside = |index| JsonPathError::OutOfBounds {
        index,
        length: items.len(),
    };
    if start < 0 || start >= length {
        return Err(outside(start));
    }
    if end < 0 || end > length {
        return Err(outside(end.saturating_sub(1)));
    }
    if start > end {
        return Err(JsonPathError::Backwards(start, end));
    }
    let range = usize::try_from(start).unwrap_or(usize::MAX)..usize::try_from(end).unwrap_or(0);
    let step = usize::try_from(slice.step.unwrap_or(1)).unwrap_or(usize::MAX);
    found.extend(
        items
            .get(range)
            .unwrap_or_default()
            .iter()
            .step_by(step.max(1)),
    );
    Ok(())
}
