//! A text written anew, so that every reader takes it the same way.
//!
//! Readers of YAML disagree: on what ends a line, on the meaning of `on` and `010`, on keys that are
//! written twice, on tags and merge keys. Whoever judges one reading and passes the text on has judged
//! nothing. So the text is read once, and what was read is written in the part of YAML on which all
//! readers agree: block style, one line for each scalar, strings in double quotes, numbers and booleans
//! in the one spelling that YAML 1.1 and 1.2 share; no anchors, aliases, merge keys, tags, comments
//! or directives.
//!
//! What a scalar is follows the reader of Kubernetes, `sigs.k8s.io/yaml` over go-yaml v2: a plain `on` is
//! true, `010` is 8, and the key `1` is the text "1".

mod key;
mod number;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::event::{CoreTag, Events, Style, Tag};
use super::load::resolve;
use super::scalar::double_quote;
use super::tree::{Kind, NodeId, Tree};
use super::trivia::line_start;
use crate::clock::{self, Clock};
use crate::secret::Value;
use key::{Entries, Entry};

/// Deepest nesting that is written: what the second reader of an output takes.
const MAX_DEPTH: usize = 120;
/// Most values of one document: each costs about a hundred bytes, however short it is.
const MAX_VALUES: usize = if cfg!(test) { 200_000 } else { 2_000_000 };
/// As many problems as are told of one text.
const MAX_PROBLEMS: usize = 50;
/// What following an alias or a merge key costs beside what is written for it, in bytes.
const STEP: usize = 16;

/// A text that has been written anew.
#[derive(Debug)]
pub struct Canonical {
    /// What is written.
    pub text: String,
    /// Where the first U+0085, U+2028 or U+2029 stood: escaped here, but kustomize prints them as they are,
    /// and they end a line for some readers.
    pub separator: Option<Problem>,
}

/// A place in a text that cannot be written anew.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.shown())]
pub struct Problem {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong there.
    pub reason: Reason,
}

impl Problem {
    fn shown(&self) -> String {
        let Self {
            line,
            column,
            reason,
        } = self;
        match reason {
            Reason::Syntax(_) => {
                format!("not valid YAML at line {line}, column {column}: {reason}")
            }
            // no one place is to blame
            Reason::Large | Reason::Values => reason.to_string(),
            _ => format!("line {line}, column {column}: {reason}"),
        }
    }
}

/// Why a text cannot be written anew. Nothing of the text is in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// It is not YAML.
    #[error("{0}")]
    Syntax(String),
    /// A key is written twice in a mapping.
    #[error("this key is written twice in its mapping")]
    DuplicateKey,
    /// A key is followed by a `<<` that brings the same key.
    #[error("this key is also merged by a << that follows it")]
    MergedKey,
    /// `<<` with something else than mappings.
    #[error("<< takes a mapping or a list of mappings")]
    Merge,
    /// A key that JSON cannot have.
    #[error("a key cannot be null, a list or a mapping, nor a number that is too large")]
    Key,
    /// A key that some readers do not find the colon of.
    #[error("this key is longer than 1,000 bytes")]
    LongKey,
    /// A tag with a meaning of its own.
    #[error("readers disagree on what this tag means")]
    Tag,
    /// A tag that its value does not fit.
    #[error("the value does not fit its tag")]
    Misfit,
    /// `.inf`, `.nan`.
    #[error("infinity and NaN are not values of Kubernetes objects")]
    NotFinite,
    /// An alias inside what it names.
    #[error("this alias is inside the value that it stands for")]
    Endless,
    /// Too many levels.
    #[error("lists and mappings are nested more than {MAX_DEPTH} levels deep")]
    Depth,
    /// Too many values.
    #[error("a document has more than {MAX_VALUES} values")]
    Values,
    /// A character that kustomize prints as it is.
    #[error(
        "a line separator (U+0085, U+2028 or U+2029), which kustomize prints as it is, could move a secret"
    )]
    Separator,
    /// Aliases, merge keys or indentation make too much of the text.
    #[error("the text becomes too large once its aliases are written out")]
    Large,
}

impl Reason {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "give Kubernetes manifests as YAML or JSON",
            Self::DuplicateKey => "remove one of them; readers disagree on which one counts",
            Self::MergedKey => {
                "put << first in its mapping; readers disagree on which of the two counts"
            }
            Self::Merge => "name an anchor of a mapping",
            Self::Key => "quote the key",
            Self::LongKey => "shorten it",
            Self::Tag => "remove the tag, and quote the value if it is a string",
            Self::Misfit => "remove the tag, or correct the value",
            Self::NotFinite => "quote it if it is a string",
            Self::Endless => "write the value out",
            Self::Depth => "flatten the object",
            Self::Values => "split the document",
            Self::Separator => {
                "take the character out, or resolve secrets with `gitops-fn build` instead of a function"
            }
            Self::Large => "write the values out, with fewer aliases",
        }
    }
}

/// Writes `text` anew, in at most about `most` bytes.
///
/// The number of documents stays: an empty one, or one that is null, becomes an empty one. A document
/// that is no mapping is written as what it is.
///
/// # Errors
/// All problems of the text, in its order; at least one, and at most 50. Where the clock has stopped, whatever
/// comes of it counts for nothing.
pub fn rewrite(text: &str, most: usize, clock: &Clock) -> Result<Canonical, Vec<Problem>> {
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    let mut problems = Vec::new();
    let mut separator = None;
    let mut events = Events::timed(text, clock);
    let mut tree = Tree::bounded(MAX_VALUES);
    let mut documents = 0;
    loop {
        match tree.next_document(&mut events) {
            Ok(None) => break,
            Ok(Some(_)) if tree.is_full() => {
                problems.push(Problem {
                    line: 0,
                    column: 0,
                    reason: Reason::Values,
                });
                break;
            }
            Ok(Some(root)) => {
                if documents > 0 {
                    out.push_str("---\n");
                }
                documents += 1;
                let mut writer = Writer {
                    text,
                    tree: &tree,
                    most,
                    clock,
                    out: &mut out,
                    spent: 0,
                    values: 0,
                    depth: 0,
                    problems: &mut problems,
                    separator: &mut separator,
                };
                if writer.document(root).is_err() {
                    break;
                }
            }
            Err(error) => {
                problems.push(Problem {
                    line: error.line,
                    column: error.column,
                    reason: Reason::Syntax(error.reason),
                });
                break;
            }
        }
    }
    if problems.is_empty() {
        Ok(Canonical {
            text: out,
            separator,
        })
    } else {
        Err(problems)
    }
}

/// Nothing more is to be written: a problem that cannot be passed over, or too many of them.
struct Stop;

/// What a scalar is to Kubernetes.
enum Scalar<'t> {
    Null,
    Bool(bool),
    /// In the spelling that is written.
    Number(String),
    Text(Cow<'t, str>),
}

/// What a value is written behind.
#[derive(Clone, Copy)]
enum Behind {
    /// Nothing: it is a document.
    Start,
    /// A colon.
    Colon,
    /// The dash of a list's member.
    Dash,
}

struct Writer<'w, 't, 'a> {
    text: &'w str,
    tree: &'t Tree<'a>,
    most: usize,
    clock: &'w Clock,
    out: &'w mut String,
    /// What has been done beside writing, in bytes.
    spent: usize,
    /// How many values have been written.
    values: usize,
    depth: usize,
    problems: &'w mut Vec<Problem>,
    separator: &'w mut Option<Problem>,
}

impl<'t> Writer<'_, 't, '_> {
    fn document(&mut self, root: NodeId) -> Result<(), Stop> {
        let node = self.tree.node(root);
        if node.is_null() && node.props.tag == Tag::None {
            return Ok(());
        }
        self.value(root, 0, Behind::Start)
    }

    /// Writes a value and the line break behind it; `indent` is that of the lines below it.
    fn value(&mut self, id: NodeId, indent: usize, behind: Behind) -> Result<(), Stop> {
        let id = self.target(id)?;
        let tree = self.tree;
        let node = tree.node(id);
        let work = clock::NODE + node.value.len();
        self.clock.spend(work).map_err(|_| Stop)?;
        self.values += 1;
        if self.values > MAX_VALUES {
            return self.end(id, Reason::Values);
        }
        let empty = node.end == id + 1;
        match node.kind {
            Kind::Map { .. } => {
                self.check_tag(id, CoreTag::Map)?;
                if empty {
                    return self.line("{}", behind);
                }
                self.nested(id, |writer| writer.map(id, indent, behind))
            }
            Kind::Seq { .. } => {
                self.check_tag(id, CoreTag::Seq)?;
                if empty {
                    return self.line("[]", behind);
                }
                self.nested(id, |writer| writer.list(id, indent, behind))
            }
            Kind::Scalar(style) => {
                let scalar = self.scalar(id, style)?;
                let text = match &scalar {
                    Scalar::Null => Cow::Borrowed("null"),
                    Scalar::Bool(true) => Cow::Borrowed("true"),
                    Scalar::Bool(false) => Cow::Borrowed("false"),
                    Scalar::Number(text) => Cow::Borrowed(text.as_str()),
                    Scalar::Text(text) => Cow::Owned(double_quote(text)),
                };
                self.line(&text, behind)
            }
            // `target` has followed it
            Kind::Alias(_) => Ok(()),
        }
    }

    fn nested(
        &mut self,
        id: NodeId,
        write: impl FnOnce(&mut Self) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        if self.depth == MAX_DEPTH {
            return self.end(id, Reason::Depth);
        }
        self.depth += 1;
        let written = write(self);
        self.depth -= 1;
        written
    }

    fn line(&mut self, text: &str, behind: Behind) -> Result<(), Stop> {
        if matches!(behind, Behind::Colon) {
            self.out.push(' ');
        }
        self.out.push_str(text);
        self.out.push('\n');
        self.afford()
    }

    fn map(&mut self, id: NodeId, indent: usize, behind: Behind) -> Result<(), Stop> {
        let entries = self.entries(id)?;
        if entries.is_empty() {
            // merges of nothing
            return self.line("{}", behind);
        }
        // below a colon on lines of its own, two columns in
        let (indent, mut fresh) = match behind {
            Behind::Colon => {
                self.out.push('\n');
                (indent + 2, true)
            }
            Behind::Dash | Behind::Start => (indent, false),
        };
        for entry in entries {
            if fresh {
                self.indent(indent);
            }
            fresh = true;
            key::write(self.out, &entry.name);
            self.value(entry.value, indent, Behind::Colon)?;
        }
        Ok(())
    }

    fn list(&mut self, id: NodeId, indent: usize, behind: Behind) -> Result<(), Stop> {
        // as kustomize writes them: below a colon, the dashes stand below the key
        let mut fresh = matches!(behind, Behind::Colon);
        if fresh {
            self.out.push('\n');
        }
        for item in self.tree.children(id) {
            if fresh {
                self.indent(indent);
            }
            fresh = true;
            self.out.push_str("- ");
            self.value(item, indent + 2, Behind::Dash)?;
        }
        Ok(())
    }

    fn indent(&mut self, columns: usize) {
        self.out.extend(std::iter::repeat_n(' ', columns));
    }

    /// The entries of a mapping with those that are merged into it, in the order of the text.
    fn entries(&mut self, map: NodeId) -> Result<Entries<'t>, Stop> {
        let tree = self.tree;
        let mut entries = Vec::new();
        let mut merges: Vec<(usize, NodeId)> = Vec::new();
        for (key, value) in tree.entries(map) {
            if tree.is_merge_key(key) {
                if !merges.is_empty() {
                    self.problem(key, Reason::DuplicateKey)?;
                }
                merges.push((entries.len(), value));
                continue;
            }
            if let Some(name) = self.key(key)? {
                entries.push(Entry { name, key, value });
            }
        }
        for double in key::doubles(&entries) {
            self.problem(double, Reason::DuplicateKey)?;
        }
        match merges.first() {
            None => Ok(entries),
            Some(&(at, sources)) => self.merged(entries, at, sources),
        }
    }

    /// `own` entries with those of a `<<` in front of the one at `at`.
    fn merged(
        &mut self,
        mut own: Entries<'t>,
        at: usize,
        sources: NodeId,
    ) -> Result<Entries<'t>, Stop> {
        let tree = self.tree;
        let sources = self.target(sources)?;
        let sources: Vec<_> = match tree.node(sources).kind {
            Kind::Seq { .. } => tree.children(sources).collect(),
            _ => vec![sources],
        };
        let behind = own.split_off(at);
        let keys: HashMap<&str, NodeId> = own.iter().map(|own| (&*own.name, own.key)).collect();
        let mut seen: HashSet<_> = behind.iter().map(|own| own.name.clone()).collect();
        let mut brought = Vec::new();
        for source in sources {
            let source = self.target(source)?;
            if !matches!(tree.node(source).kind, Kind::Map { .. }) {
                self.problem(source, Reason::Merge)?;
                continue;
            }
            let mut entries = Vec::new();
            self.nested(source, |writer| {
                entries = writer.entries(source)?;
                Ok(())
            })?;
            for entry in entries {
                self.spent += STEP;
                self.afford()?;
                if let Some(&key) = keys.get(&*entry.name) {
                    // go-yaml v2 takes what it reads last, all others what the mapping itself says
                    self.problem(key, Reason::MergedKey)?;
                } else if seen.insert(entry.name.clone()) {
                    brought.push(entry);
                }
            }
        }
        own.extend(brought);
        own.extend(behind);
        Ok(own)
    }

    /// The text of a key; `None` where it has none, which is told.
    fn key(&mut self, id: NodeId) -> Result<Option<Cow<'t, str>>, Stop> {
        let id = self.target(id)?;
        let Kind::Scalar(style) = self.tree.node(id).kind else {
            self.problem(id, Reason::Key)?;
            return Ok(None);
        };
        let name = match self.scalar(id, style)? {
            Scalar::Null => None,
            Scalar::Bool(flag) => Some(Cow::Borrowed(if flag { "true" } else { "false" })),
            Scalar::Number(text) => number::as_key(&text).map(Cow::Owned),
            Scalar::Text(text) => Some(text),
        };
        match name {
            None => self.problem(id, Reason::Key)?,
            Some(name) if !key::is_short(&name) => self.problem(id, Reason::LongKey)?,
            Some(name) => return Ok(Some(name)),
        }
        Ok(None)
    }

    /// What a scalar is; a problem with it is told, and a null stands in for it.
    fn scalar(&mut self, id: NodeId, style: Style) -> Result<Scalar<'t>, Stop> {
        let node = self.tree.node(id);
        let text: &'t str = &node.value;
        if self.separator.is_none() && text.contains(is_separator) {
            *self.separator = Some(self.at(id, Reason::Separator));
        }
        let read = match (node.props.tag, style) {
            (Tag::None, Style::Empty) => return Ok(Scalar::Null),
            (Tag::None, Style::Plain) if resolve::may_be_typed(text) => resolve::plain(text),
            (Tag::None | Tag::Str | Tag::Core(CoreTag::Timestamp), _) => {
                return Ok(Scalar::Text(Cow::Borrowed(text)));
            }
            (Tag::Core(tag), _) => match tag_name(tag) {
                Some(name) => resolve::tagged(name, text),
                None => Err(resolve::Problem::Tag),
            },
            (Tag::Bare | Tag::Merge | Tag::Other(_), _) => {
                self.problem(id, Reason::Tag)?;
                return Ok(Scalar::Null);
            }
        };
        Ok(match read {
            Ok(Value::Bool(flag)) => Scalar::Bool(flag),
            Ok(Value::Number(text)) => Scalar::Number(number::canonical(&text)),
            Ok(Value::String(text)) => Scalar::Text(Cow::Owned(text.as_str().to_owned())),
            Ok(_) => Scalar::Null,
            Err(problem) => {
                let reason = match problem {
                    resolve::Problem::NotFinite => Reason::NotFinite,
                    resolve::Problem::Tag => Reason::Misfit,
                };
                self.problem(id, reason)?;
                Scalar::Null
            }
        })
    }

    fn check_tag(&mut self, id: NodeId, core: CoreTag) -> Result<(), Stop> {
        match self.tree.node(id).props.tag {
            Tag::None => Ok(()),
            Tag::Core(tag) if tag == core => Ok(()),
            Tag::Core(_) | Tag::Str => self.problem(id, Reason::Misfit),
            Tag::Bare | Tag::Merge | Tag::Other(_) => self.problem(id, Reason::Tag),
        }
    }

    /// The node itself, or what an alias stands for.
    fn target(&mut self, id: NodeId) -> Result<NodeId, Stop> {
        let Some(target) = self.tree.target(id) else {
            self.end(id, Reason::Endless)?;
            return Err(Stop);
        };
        if target != id {
            self.spent += STEP;
            self.afford()?;
        }
        Ok(target)
    }

    fn afford(&mut self) -> Result<(), Stop> {
        if self.out.len().saturating_add(self.spent) > self.most {
            // it is not one place's fault
            return self.end(0, Reason::Large);
        }
        Ok(())
    }

    /// Tells a problem, and goes on to find others.
    fn problem(&mut self, id: NodeId, reason: Reason) -> Result<(), Stop> {
        let problem = self.at(id, reason);
        // what an alias brings in several places is wrong in one
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
        if self.problems.len() == MAX_PROBLEMS {
            return Err(Stop);
        }
        Ok(())
    }

    fn at(&self, id: NodeId, reason: Reason) -> Problem {
        let at = self.tree.node(id).span.start;
        let before = self.text.get(..at).unwrap_or_default();
        let bytes = before.as_bytes();
        let ends_line = |&at: &usize| !bytes[at..].starts_with(b"\r\n");
        let breaks = memchr::memchr2_iter(b'\n', b'\r', bytes).filter(ends_line);
        Problem {
            line: breaks.count() + 1,
            column: before[line_start(before, at)..].chars().count() + 1,
            reason,
        }
    }

    /// Tells a problem, and goes no further.
    fn end(&mut self, id: NodeId, reason: Reason) -> Result<(), Stop> {
        self.problem(id, reason)?;
        Err(Stop)
    }
}

/// The name behind `!!` of a scalar's tag; `None` for those of collections.
fn tag_name(tag: CoreTag) -> Option<&'static str> {
    match tag {
        CoreTag::Binary => Some("binary"),
        CoreTag::Bool => Some("bool"),
        CoreTag::Float => Some("float"),
        CoreTag::Int => Some("int"),
        CoreTag::Null => Some("null"),
        CoreTag::Timestamp => Some("timestamp"),
        CoreTag::Map | CoreTag::Seq => None,
    }
}

/// A number as [`rewrite`] writes it; `text` is one of JSON or Rust.
#[must_use]
pub(super) fn number(text: &str) -> String {
    number::canonical(text)
}

/// A line break to YAML 1.1, and none to YAML 1.2.
fn is_separator(ch: char) -> bool {
    matches!(ch, '\u{85}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests;
