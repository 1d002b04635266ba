//! Rewrites a text so that every YAML parser reads it the same way.
//!
//! Parsers disagree on what ends a line, on the meaning of `on` and `010`, on duplicate keys, on tags and merge
//! keys. A check of one parser's reading says nothing about what the next parser sees. So the text is read once,
//! and the result is written in the part of YAML on which all parsers agree: block style, one line for each scalar,
//! strings in double quotes, numbers and booleans in the one spelling that YAML 1.1 and 1.2 share; no anchors,
//! aliases, merge keys, tags, comments or directives.
//!
//! Scalars have the types that Kubernetes gives them (`sigs.k8s.io/yaml` over go-yaml v2): a plain `on` is true,
//! `010` is 8, and the key `1` is the string "1".

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
use crate::explain::Explain;
use crate::secret::Value;
use key::{Entries, Entry};

/// Deepest nesting that is written: what [`super::second`] can read again.
const MAX_DEPTH: usize = 120;
/// Most values of one document: each takes about a hundred bytes of memory, however short it is.
const MAX_VALUES: usize = if cfg!(test) { 200_000 } else { 2_000_000 };
/// How many problems of one text are reported.
const MAX_PROBLEMS: usize = 50;
/// The cost of following an alias or a merge key in addition to what is written for it, in bytes.
const STEP: usize = 16;

/// A rewritten text.
#[derive(Debug)]
pub struct Canonical {
    /// The text in canonical form.
    pub text: String,
    /// Where the first U+0085, U+2028 or U+2029 was. They are escaped here, but kustomize would print them
    /// unescaped, and some parsers take them for line breaks.
    pub separator: Option<Problem>,
}

/// A place in a text that cannot be rewritten.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message())]
pub struct Problem {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong there.
    pub reason: Reason,
}

impl Problem {
    fn message(&self) -> String {
        let Self {
            line,
            column,
            reason,
        } = self;
        match reason {
            Reason::Syntax(_) => {
                format!("not valid YAML at line {line}, column {column}: {reason}")
            }
            // these are not about one place
            Reason::Large | Reason::Values => reason.to_string(),
            _ => format!("line {line}, column {column}: {reason}"),
        }
    }
}

/// Why a text cannot be rewritten. Never quotes the text.
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
    /// The value of `<<` is not made of mappings.
    #[error("<< takes a mapping or a list of mappings")]
    Merge,
    /// A key that JSON does not allow.
    #[error("a key cannot be null, a list or a mapping, nor a number that is too large")]
    Key,
    /// A key so long that some parsers do not find its colon.
    #[error("this key is longer than 1,000 bytes")]
    LongKey,
    /// A tag that is not one of YAML's core tags.
    #[error("readers disagree on what this tag means")]
    Tag,
    /// A value that does not fit its tag.
    #[error("the value does not fit its tag")]
    Misfit,
    /// `.inf`, `.nan`.
    #[error("infinity and NaN are not values of Kubernetes objects")]
    NotFinite,
    /// An alias inside its own target.
    #[error("this alias is inside the value that it stands for")]
    Endless,
    /// Too many levels.
    #[error("lists and mappings are nested more than {MAX_DEPTH} levels deep")]
    Depth,
    /// Too many values.
    #[error("a document has more than {MAX_VALUES} values")]
    Values,
    /// A character that kustomize prints unescaped.
    #[error(
        "a line separator (U+0085, U+2028 or U+2029), which kustomize prints unescaped, could move a secret"
    )]
    Separator,
    /// Aliases, merge keys or indentation make the text too large.
    #[error("the text becomes too large once its aliases are written out")]
    Large,
}

impl Explain for Problem {
    fn help(&self) -> String {
        match &self.reason {
            Reason::Syntax(_) => "give Kubernetes manifests as YAML or JSON",
            Reason::DuplicateKey => "remove one of them; readers disagree on which one counts",
            Reason::MergedKey => {
                "put << first in its mapping; readers disagree on which of the two counts"
            }
            Reason::Merge => "name an anchor of a mapping",
            Reason::Key => "quote the key",
            Reason::LongKey => "shorten it",
            Reason::Tag => "remove the tag, and quote the value if it is a string",
            Reason::Misfit => "remove the tag, or correct the value",
            Reason::NotFinite => "quote it if it is a string",
            Reason::Endless => "write the value out",
            Reason::Depth => "flatten the object",
            Reason::Values => "split the document",
            Reason::Separator => {
                "take the character out, or resolve secrets with `gitops-fn build` instead of a function"
            }
            Reason::Large => "write the values out, with fewer aliases",
        }.to_owned()
    }
}

/// Rewrites `text` in canonical form, in at most about `max_bytes` bytes.
///
/// The number of documents stays the same; an empty or null document becomes an empty one. Documents need not be
/// mappings.
///
/// # Errors
/// The problems of the text: at least one, at most 50. Once the clock has stopped the result is meaningless, be it
/// a text or an error.
pub fn rewrite(text: &str, max_bytes: usize, clock: &Clock) -> Result<Canonical, Vec<Problem>> {
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
                    max_bytes,
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

/// Ends the rewriting: after a problem that cannot be skipped, or after too many problems.
struct Stop;

/// A scalar as Kubernetes reads it.
enum Scalar<'t> {
    Null,
    Bool(bool),
    /// In canonical spelling.
    Number(String),
    Text(Cow<'t, str>),
}

/// What a value is written after.
#[derive(Clone, Copy)]
enum After {
    /// Nothing: the value is a whole document.
    Start,
    /// The colon of a mapping entry.
    Colon,
    /// The dash of a list item.
    Dash,
}

struct Writer<'w, 't, 'a> {
    text: &'w str,
    tree: &'t Tree<'a>,
    max_bytes: usize,
    clock: &'w Clock,
    out: &'w mut String,
    /// The cost of following aliases and merge keys so far, in bytes.
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
        self.value(root, 0, After::Start)
    }

    /// Writes a value and its line break; further lines of the value are indented by `indent`.
    fn value(&mut self, id: NodeId, indent: usize, after: After) -> Result<(), Stop> {
        let id = self.target(id)?;
        let tree = self.tree;
        let node = tree.node(id);
        let work = clock::NODE + node.value.len();
        self.clock.spend(work).map_err(|_| Stop)?;
        self.values += 1;
        if self.values > MAX_VALUES {
            return self.fatal(id, Reason::Values);
        }
        let empty = node.end == id + 1;
        match node.kind {
            Kind::Map { .. } => {
                self.check_tag(id, CoreTag::Map)?;
                if empty {
                    return self.line("{}", after);
                }
                self.nested(id, |writer| writer.map(id, indent, after))
            }
            Kind::Seq { .. } => {
                self.check_tag(id, CoreTag::Seq)?;
                if empty {
                    return self.line("[]", after);
                }
                self.nested(id, |writer| writer.list(id, indent, after))
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
                self.line(&text, after)
            }
            // followed by `target` above
            Kind::Alias(_) => Ok(()),
        }
    }

    fn nested(
        &mut self,
        id: NodeId,
        write: impl FnOnce(&mut Self) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        if self.depth == MAX_DEPTH {
            return self.fatal(id, Reason::Depth);
        }
        self.depth += 1;
        let written = write(self);
        self.depth -= 1;
        written
    }

    fn line(&mut self, text: &str, after: After) -> Result<(), Stop> {
        if matches!(after, After::Colon) {
            self.out.push(' ');
        }
        self.out.push_str(text);
        self.out.push('\n');
        self.check_size()
    }

    fn map(&mut self, id: NodeId, indent: usize, after: After) -> Result<(), Stop> {
        let entries = self.entries(id)?;
        if entries.is_empty() {
            // nothing but empty merges
            return self.line("{}", after);
        }
        // after a colon: on lines of its own, indented by two columns
        let (indent, mut starts_line) = match after {
            After::Colon => {
                self.out.push('\n');
                (indent + 2, true)
            }
            After::Dash | After::Start => (indent, false),
        };
        for entry in entries {
            if starts_line {
                self.indent(indent);
            }
            starts_line = true;
            key::write(self.out, &entry.name);
            self.value(entry.value, indent, After::Colon)?;
        }
        Ok(())
    }

    fn list(&mut self, id: NodeId, indent: usize, after: After) -> Result<(), Stop> {
        // as kustomize does: the dashes have the indentation of the key
        let mut starts_line = matches!(after, After::Colon);
        if starts_line {
            self.out.push('\n');
        }
        for item in self.tree.children(id) {
            if starts_line {
                self.indent(indent);
            }
            starts_line = true;
            self.out.push_str("- ");
            self.value(item, indent + 2, After::Dash)?;
        }
        Ok(())
    }

    fn indent(&mut self, columns: usize) {
        self.out.extend(std::iter::repeat_n(' ', columns));
    }

    /// The entries of a mapping, including those merged into it, in the order of the text.
    fn entries(&mut self, map: NodeId) -> Result<Entries<'t>, Stop> {
        let tree = self.tree;
        let mut entries = Vec::new();
        let mut merges: Vec<(usize, NodeId)> = Vec::new();
        for (key, value) in tree.entries(map) {
            if tree.is_merge_key(key) {
                if !merges.is_empty() {
                    self.report(key, Reason::DuplicateKey)?;
                }
                merges.push((entries.len(), value));
                continue;
            }
            if let Some(name) = self.key(key)? {
                entries.push(Entry { name, key, value });
            }
        }
        for duplicate in key::duplicates(&entries) {
            self.report(duplicate, Reason::DuplicateKey)?;
        }
        match merges.first() {
            None => Ok(entries),
            Some(&(at, sources)) => self.merged(entries, at, sources),
        }
    }

    /// The entries `own` with those of a `<<` inserted at index `at`; `sources` is the value of the `<<`.
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
        let later = own.split_off(at);
        let keys: HashMap<&str, NodeId> = own.iter().map(|own| (&*own.name, own.key)).collect();
        let mut seen: HashSet<_> = later.iter().map(|own| own.name.clone()).collect();
        let mut merged = Vec::new();
        for source in sources {
            let source = self.target(source)?;
            if !matches!(tree.node(source).kind, Kind::Map { .. }) {
                self.report(source, Reason::Merge)?;
                continue;
            }
            let mut entries = Vec::new();
            self.nested(source, |writer| {
                entries = writer.entries(source)?;
                Ok(())
            })?;
            for entry in entries {
                self.spent += STEP;
                self.check_size()?;
                if let Some(&key) = keys.get(&*entry.name) {
                    // go-yaml v2 takes whichever comes last, all others the mapping's own entry
                    self.report(key, Reason::MergedKey)?;
                } else if seen.insert(entry.name.clone()) {
                    merged.push(entry);
                }
            }
        }
        own.extend(merged);
        own.extend(later);
        Ok(own)
    }

    /// The text of a key; `None`, after reporting it, if the key is not valid.
    fn key(&mut self, id: NodeId) -> Result<Option<Cow<'t, str>>, Stop> {
        let id = self.target(id)?;
        let Kind::Scalar(style) = self.tree.node(id).kind else {
            self.report(id, Reason::Key)?;
            return Ok(None);
        };
        let name = match self.scalar(id, style)? {
            Scalar::Null => None,
            Scalar::Bool(flag) => Some(Cow::Borrowed(if flag { "true" } else { "false" })),
            Scalar::Number(text) => number::as_key(&text).map(Cow::Owned),
            Scalar::Text(text) => Some(text),
        };
        match name {
            None => self.report(id, Reason::Key)?,
            Some(name) if !key::is_short(&name) => self.report(id, Reason::LongKey)?,
            Some(name) => return Ok(Some(name)),
        }
        Ok(None)
    }

    /// A scalar as Kubernetes reads it; an invalid one is reported and becomes null.
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
                self.report(id, Reason::Tag)?;
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
                self.report(id, reason)?;
                Scalar::Null
            }
        })
    }

    fn check_tag(&mut self, id: NodeId, core: CoreTag) -> Result<(), Stop> {
        match self.tree.node(id).props.tag {
            Tag::None => Ok(()),
            Tag::Core(tag) if tag == core => Ok(()),
            Tag::Core(_) | Tag::Str => self.report(id, Reason::Misfit),
            Tag::Bare | Tag::Merge | Tag::Other(_) => self.report(id, Reason::Tag),
        }
    }

    /// The target of an alias; any other node is its own target.
    fn target(&mut self, id: NodeId) -> Result<NodeId, Stop> {
        let Some(target) = self.tree.target(id) else {
            self.fatal(id, Reason::Endless)?;
            return Err(Stop);
        };
        if target != id {
            self.spent += STEP;
            self.check_size()?;
        }
        Ok(target)
    }

    fn check_size(&mut self) -> Result<(), Stop> {
        if self.out.len().saturating_add(self.spent) > self.max_bytes {
            // not about one place
            return self.fatal(0, Reason::Large);
        }
        Ok(())
    }

    /// Reports a problem and continues, to find others.
    fn report(&mut self, id: NodeId, reason: Reason) -> Result<(), Stop> {
        let problem = self.at(id, reason);
        // an alias shows one problem in several places
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

    /// Reports a problem and stops.
    fn fatal(&mut self, id: NodeId, reason: Reason) -> Result<(), Stop> {
        self.report(id, reason)?;
        Err(Stop)
    }
}

/// The name after `!!` in a tag; `None` for the tags of collections.
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

/// The canonical spelling of a number; `text` is a number as JSON or Rust writes it.
#[must_use]
pub(super) fn number(text: &str) -> String {
    number::canonical(text)
}

/// A line break in YAML 1.1, but not in YAML 1.2.
fn is_separator(ch: char) -> bool {
    matches!(ch, '\u{85}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests;
