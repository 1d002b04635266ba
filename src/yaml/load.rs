//! Reads a YAML text as a value, for the `yamlParse` modifier and others.
//!
//! Types are those of YAML 1.1 as go-yaml v2 reads them (AVP passes secrets through `sigs.k8s.io/yaml`): `yes` is
//! true, `0644` is 420. There are no spans, and errors never quote the text.

pub(super) mod resolve;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, Tag};

use crate::secret::Value;
use crate::secret::json::MAX_DEPTH;
use resolve::Problem;

/// The total weight of all copies of anchored nodes, in approximate bytes: stops alias bombs.
const COPY_BUDGET: usize = 8 << 20;
/// The weight of a node in addition to its text, in bytes.
const NODE_WEIGHT: usize = 64;

/// Why a text could not be read as YAML. Names the line and never quotes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// Not valid YAML.
    #[error("not valid YAML at line {0}")]
    Syntax(usize),
    /// An alias without an anchor, or inside its own target.
    #[error("unknown anchor at line {0}")]
    UnknownAnchor(usize),
    /// A key that is null, a list or a map.
    #[error("invalid map key at line {0}")]
    Key(usize),
    /// `.inf` or `.nan`, which JSON does not have.
    #[error("unsupported value (infinite or not a number) at line {0}")]
    NotFinite(usize),
    /// `<<` whose value is neither a map nor a list of maps.
    #[error("map merge requires a map or a list of maps at line {0}")]
    Merge(usize),
    /// A text that does not fit its tag (`!!int`, `!!binary` …).
    #[error("value does not fit its tag at line {0}")]
    Tag(usize),
    /// Aliases that would expand far beyond the size of the text.
    #[error("aliases expand to too much at line {0}")]
    Budget(usize),
    /// Too many levels.
    #[error("lists and maps are nested more than {MAX_DEPTH} levels deep at line {0}")]
    Depth(usize),
    /// More nodes than the caller allows.
    #[error("more than {0} keys, texts, lists and maps at line {1}")]
    Members(usize, usize),
}

/// Reads the first document of a YAML stream and ignores the rest, as AVP does.
///
/// Numbers keep their text if it is a JSON number, and are converted to one otherwise (`0x1F` is `31`). Keys become
/// strings; of equal keys the last wins; keys win over merged ones, and of the maps in one `<<` list the first wins.
/// Empty and comment-only texts are [`Value::Null`].
///
/// # Errors
/// [`LoadError`] if the first document is not valid YAML, or cannot be expressed in JSON.
pub fn load(text: &str) -> Result<Value, LoadError> {
    load_within(text, usize::MAX)
}

/// As [`load`], with at most `members` keys, texts, lists and maps in the text, since each takes many times the
/// memory of its text. The ends of lists and maps count too.
///
/// # Errors
/// [`LoadError`]; [`LoadError::Members`] if there are more.
pub fn load_within(text: &str, members: usize) -> Result<Value, LoadError> {
    let options = granit_parser::options! {
        block_scalar_eof_without_line_feed: true,
        emit_comments: false,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut builder = Builder::default();
    let mut left = members;
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, span) = next.map_err(|error| syntax(&error))?;
        if matches!(event, Event::DocumentEnd) {
            break;
        }
        left = left
            .checked_sub(1)
            .ok_or_else(|| LoadError::Members(members, span.start.line()))?;
        builder.event(event, span)?;
    }
    Ok(builder.root.unwrap_or(Value::Null))
}

/// Drops the parser's message, which may quote the input, and keeps the line.
fn syntax(error: &ScanError) -> LoadError {
    let line = error.marker().line();
    match error.kind() {
        ErrorKind::UnknownAnchor => LoadError::UnknownAnchor(line),
        ErrorKind::RecursionLimitExceeded => LoadError::Depth(line),
        _ => LoadError::Syntax(line),
    }
}

/// A collection that is still open.
struct Frame {
    anchor: usize,
    open: Open,
}

enum Open {
    List(Vec<Value>),
    Map {
        entries: BTreeMap<String, Value>,
        merged: BTreeMap<String, Value>,
        key: Option<Key>,
    },
}

enum Key {
    Text(String),
    Merge,
}

#[derive(Default)]
struct Builder {
    stack: Vec<Frame>,
    anchors: HashMap<usize, Value>,
    copied: usize,
    root: Option<Value>,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), LoadError> {
        let line = span.start.line();
        match event {
            Event::SequenceStart(_, anchor, _) => self.open(anchor, Open::List(Vec::new()), line),
            Event::MappingStart(_, anchor, _) => {
                let open = Open::Map {
                    entries: BTreeMap::new(),
                    merged: BTreeMap::new(),
                    key: None,
                };
                self.open(anchor, open, line)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(line),
            Event::Scalar(text, style, anchor, tag) => {
                let merge = is_merge(&text, style, tag.as_deref());
                let value = scalar_value(&text, style, tag, line)?;
                self.remember(anchor, &value, line)?;
                self.add(value, merge, line)
            }
            Event::Alias(anchor) => {
                let value = self
                    .anchors
                    .get(&anchor)
                    .ok_or(LoadError::UnknownAnchor(line))?
                    .clone();
                self.charge(&value, line)?;
                self.add(value, false, line)
            }
            _ => Ok(()),
        }
    }

    fn open(&mut self, anchor: usize, open: Open, line: usize) -> Result<(), LoadError> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(LoadError::Depth(line));
        }
        self.stack.push(Frame { anchor, open });
        Ok(())
    }

    fn close(&mut self, line: usize) -> Result<(), LoadError> {
        let Some(frame) = self.stack.pop() else {
            return Err(LoadError::Syntax(line));
        };
        let value = match frame.open {
            Open::List(items) => Value::List(items),
            Open::Map {
                entries,
                mut merged,
                ..
            } => {
                join(&mut merged, entries);
                Value::Map(merged)
            }
        };
        self.remember(frame.anchor, &value, line)?;
        self.add(value, false, line)
    }

    fn remember(&mut self, anchor: usize, value: &Value, line: usize) -> Result<(), LoadError> {
        if anchor != 0 {
            self.charge(value, line)?;
            self.anchors.insert(anchor, value.clone());
        }
        Ok(())
    }

    /// Counts a copy of `value`, which will be nested in the collections that are open now.
    fn charge(&mut self, value: &Value, line: usize) -> Result<(), LoadError> {
        let (weight, depth) = measure(value);
        self.copied = self.copied.saturating_add(weight);
        if self.copied > COPY_BUDGET {
            return Err(LoadError::Budget(line));
        }
        if self.stack.len() + depth > MAX_DEPTH {
            return Err(LoadError::Depth(line));
        }
        Ok(())
    }

    /// Adds a finished node to the innermost open collection.
    fn add(&mut self, value: Value, merge: bool, line: usize) -> Result<(), LoadError> {
        match self.stack.last_mut().map(|frame| &mut frame.open) {
            None => self.root = Some(value),
            Some(Open::List(items)) => items.push(value),
            Some(Open::Map {
                entries,
                merged,
                key,
            }) => match key.take() {
                None if merge => *key = Some(Key::Merge),
                None => *key = Some(Key::Text(key_text(&value).ok_or(LoadError::Key(line))?)),
                Some(Key::Text(name)) => {
                    entries.insert(name, value);
                }
                Some(Key::Merge) => merge_into(merged, value).ok_or(LoadError::Merge(line))?,
            },
        }
        Ok(())
    }
}

/// The weight of a value in approximate bytes, and how deep its collections nest.
fn measure(value: &Value) -> (usize, usize) {
    let add = |(weight, depth): (usize, usize), item: &Value, key: usize| {
        let (more, levels) = measure(item);
        (weight + more + key, depth.max(levels + 1))
    };
    match value {
        Value::Null | Value::Bool(_) => (NODE_WEIGHT, 0),
        Value::Number(text) | Value::String(text) => (NODE_WEIGHT + text.len(), 0),
        Value::Bytes(bytes) => (NODE_WEIGHT + bytes.len(), 0),
        Value::List(items) => items
            .iter()
            .fold((NODE_WEIGHT, 1), |sum, item| add(sum, item, 0)),
        Value::Map(entries) => entries.iter().fold((NODE_WEIGHT, 1), |sum, (key, item)| {
            add(sum, item, key.len())
        }),
    }
}

/// The JSON key for a value; `None` for null and collections.
fn key_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) | Value::Number(text) => Some(text.as_str().to_owned()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Bytes(_) | Value::List(_) | Value::Map(_) => None,
    }
}

/// Adds `entries` to `map`, replacing equal keys. Moves the smaller of the two into the larger, since maps can be
/// merged into each other as deep as they nest.
fn join(map: &mut BTreeMap<String, Value>, mut entries: BTreeMap<String, Value>) {
    if entries.len() < map.len() {
        map.extend(entries);
        return;
    }
    for (key, value) in std::mem::take(map) {
        entries.entry(key).or_insert(value);
    }
    *map = entries;
}

/// Adds the value of a `<<`; `None` if it is neither a map nor a list of maps.
fn merge_into(merged: &mut BTreeMap<String, Value>, value: Value) -> Option<()> {
    match value {
        Value::Map(entries) => join(merged, entries),
        Value::List(items) => {
            for item in items.into_iter().rev() {
                let Value::Map(entries) = item else {
                    return None;
                };
                join(merged, entries);
            }
        }
        _ => return None,
    }
    Some(())
}

fn is_merge(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> bool {
    text == "<<"
        && tag.map_or(style == ScalarStyle::Plain, |tag| {
            core_tag(tag).as_deref() == Some("merge")
        })
}

/// The name after `!!` in a tag; `None` for other tags.
fn core_tag(tag: &Tag) -> Option<Cow<'_, str>> {
    tag.suffix_in_namespace("tag:yaml.org,2002:")
}

fn scalar_value(
    text: &str,
    style: ScalarStyle,
    tag: Option<Cow<'_, Tag>>,
    line: usize,
) -> Result<Value, LoadError> {
    let read = match tag {
        None if style == ScalarStyle::Plain => resolve::plain(text),
        None => Ok(Value::string(text)),
        Some(tag) => resolve::tagged(core_tag(&tag).as_deref().unwrap_or_default(), text),
    };
    read.map_err(|problem| match problem {
        Problem::NotFinite => LoadError::NotFinite(line),
        Problem::Tag => LoadError::Tag(line),
    })
}
