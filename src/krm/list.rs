//! The ResourceList that an orchestrator sends (docs/internals/kustomize-and-kpt.md#the-resourcelist): its outline,
//! and how results are put into it without touching anything else.

use std::fmt::Write;

use crate::clock::Clock;
use crate::explain::Explain;
use crate::yaml::event::{Event, Events, Span, Style, SyntaxError};
use crate::yaml::splice::Splice;
use crate::yaml::tree::{Kind, NodeId, Tree};
use crate::yaml::trivia;

/// Why a text is not a ResourceList.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// It cannot be read at all.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// It is not a mapping.
    #[error("standard input is not a ResourceList: it is not a mapping")]
    NotAMap,
    /// It is empty.
    #[error("standard input is not a ResourceList: it is empty")]
    Empty,
    /// Its items are something else.
    #[error("standard input is not a ResourceList: its items are not a list")]
    Items,
    /// It has another kind.
    #[error("standard input is not a ResourceList: its kind is not ResourceList")]
    Kind,
    /// It is not alone.
    #[error("standard input is not a ResourceList: it is followed by another document")]
    Followed,
}

impl Explain for ListError {
    fn help(&self) -> String {
        match self {
            Self::Syntax(_) => {
                "without arguments gitops-fn reads one ResourceList, as kustomize and kpt send it"
            }
            _ => {
                "kustomize and kpt send a ResourceList; for plain manifests use `gitops-fn render -`"
            }
        }.to_owned()
    }
}

/// Where the parts of a ResourceList are in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// The `functionConfig` mapping, from the start of its first line; `None` if it is missing or null.
    pub function_config: Option<Span>,
    /// Whether the root is written as `{…}`.
    flow: bool,
    /// Where an entry can be inserted: before the `items` key, else before the first key, else after the brace.
    entry: usize,
    /// Whether there is an entry at that place.
    has_entry: bool,
    items: Items,
    results: Option<Span>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Items {
    Missing,
    /// Null or empty, with the span of the null; if empty, the place after the colon.
    Null(Span),
    List,
}

/// Reads a ResourceList and calls `item` for each member of `items`.
///
/// The tree holds one item at a time; after the first anchor of the document it keeps everything that follows, so
/// that aliases find their targets.
///
/// # Errors
/// The text is not YAML, not one document, or not a ResourceList (kind `ResourceList` or `List`, any
/// version).
pub fn read<'a>(
    text: &'a str,
    events: &mut Events<'a>,
    tree: &mut Tree<'a>,
    mut item: impl FnMut(&Tree<'a>, NodeId),
) -> Result<Outline, ListError> {
    let Some((Event::DocumentStart, _)) = events.pull()? else {
        return Err(ListError::Empty);
    };
    let Some((
        Event::Open {
            map: true, flow, ..
        },
        root,
    )) = events.pull()?
    else {
        return Err(ListError::NotAMap);
    };
    let mut outline = Outline {
        function_config: None,
        flow,
        entry: root.end,
        has_entry: false,
        items: Items::Missing,
        results: None,
    };
    let mut kind = None;
    while let Some(first) = events.pull()? {
        if first.0 == Event::Close {
            break;
        }
        let key = tree.read_node(first, events)?;
        let name = tree.text(key).unwrap_or("").to_owned();
        let key_span = tree.node(key).span;
        if !outline.has_entry {
            // not the key's own place, since `?`, an anchor or a tag may precede it
            outline.entry = if flow {
                trivia::skip(text, root.end)
            } else {
                root.start
            };
            outline.has_entry = true;
        }
        // only the first `items`: several could be on one line
        let is_first = outline.items == Items::Missing;
        if name == "items" && is_first && trivia::starts_line(text, key_span.start) {
            outline.entry = key_span.start;
        }
        let Some(first) = events.pull()? else { break };
        if name == "items" {
            if let Event::Open { map: false, .. } = first.0 {
                outline.items = Items::List;
                read_items(tree, events, &mut item)?;
            } else {
                let span = first.1;
                let value = tree.read_node(first, events)?;
                let empty = tree.node(value).style() == Some(Style::Empty);
                outline.items = match tree.text(value) {
                    Some("" | "~" | "null" | "Null" | "NULL") if empty => {
                        let at = colon_end(text, key_span.end);
                        Items::Null(Span { start: at, end: at })
                    }
                    Some("~" | "null" | "Null" | "NULL") => Items::Null(span),
                    _ => return Err(ListError::Items),
                };
            }
            continue;
        }
        let value = tree.read_node(first, events)?;
        match &*name {
            "kind" => kind = tree.text(value).map(str::to_owned),
            "functionConfig" if !tree.node(value).is_null() => {
                outline.function_config = Some(value_text(text, tree, value));
            }
            "results" => {
                outline.results = Some(Span {
                    start: key_span.start,
                    end: tree.text_end(value).max(colon_end(text, key_span.end)),
                });
            }
            _ => {}
        }
        if events.anchors() == 0 {
            tree.clear();
        }
    }
    if !matches!(kind.as_deref(), Some("ResourceList" | "List")) {
        return Err(ListError::Kind);
    }
    Ok(outline)
}

/// Checks that nothing follows the document that has just been read.
///
/// # Errors
/// There is a second document, or text that is not YAML.
pub fn finish(events: &mut Events<'_>) -> Result<(), ListError> {
    match (events.pull()?, events.pull()?) {
        (Some((Event::DocumentEnd, _)), None) => Ok(()),
        _ => Err(ListError::Followed),
    }
}

fn read_items<'a>(
    tree: &mut Tree<'a>,
    events: &mut Events<'a>,
    item: &mut impl FnMut(&Tree<'a>, NodeId),
) -> Result<(), SyntaxError> {
    while let Some(first) = events.pull()? {
        if first.0 == Event::Close {
            break;
        }
        if events.anchors() == 0 {
            tree.clear();
        }
        let root = tree.read_node(first, events)?;
        item(tree, root);
    }
    Ok(())
}

/// The span of a value such that it can be parsed on its own: that of a block collection includes its indentation, and
/// the line breaks after it, which may belong to a block scalar.
fn value_text(text: &str, tree: &Tree<'_>, id: NodeId) -> Span {
    let node = tree.node(id);
    let block = matches!(
        node.kind,
        Kind::Map { flow: false } | Kind::Seq { flow: false }
    );
    let start = if block {
        trivia::line_start(text, node.span.start)
    } else {
        node.span.start
    };
    let end = tree.text_end(id);
    let after = text.get(end..).unwrap_or_default();
    let blank = after.len() - after.trim_start_matches(trivia::SPACE).len();
    Span {
        start,
        end: if block { end + blank } else { end },
    }
}

fn colon_end(text: &str, from: usize) -> usize {
    text[from..]
        .find(':')
        .map_or(from, |colon| from + colon + 1)
}

/// Finds the functionConfig of a ResourceList in block style without parsing its items. Orchestrators write it after
/// the items, but the items cannot be planned without it.
///
/// Returns a span as in [`Outline::function_config`]. It is only a guess: the caller must compare it with what
/// [`read`] finds.
#[must_use]
pub fn guess_function_config(text: &str, clock: &Clock) -> Option<Span> {
    let at = memchr::memmem::rfind(text.as_bytes(), b"\nfunctionConfig:")? + 1;
    let rest = &text[at..];
    let mut events = Events::timed(rest, clock);
    let mut tree = Tree::default();
    // document and root mapping
    events.pull().ok()??;
    events.pull().ok()??;
    let first = events.pull().ok()??;
    tree.read_node(first, &mut events).ok()?;
    let first = events.pull().ok()??;
    let value = tree.read_node(first, &mut events).ok()?;
    if tree.node(value).is_null() {
        return None;
    }
    let span = value_text(rest, &tree, value);
    Some(Span {
        start: at + span.start,
        end: at + span.end,
    })
}

impl Outline {
    /// The splices that set `items` to an empty list if it is missing or null, and add `results`, each a flow mapping
    /// on one line, if there are any; sorted by place. Where the places are equal, they come after those of the items.
    #[must_use]
    pub fn splices(&self, text: &str, results: &[String]) -> Vec<Splice> {
        let mut splices = Vec::new();
        if let Items::Null(span) = self.items {
            let blank = if span.start == span.end { " " } else { "" };
            splices.push(Splice::new(span, format!("{blank}[]")));
        }
        let results = (!results.is_empty()).then(|| self.results_text(text, results));
        if let (Some(results), Some(span)) = (&results, self.results) {
            splices.push(Splice::new(span, results.trim_end().to_owned()));
        }
        let mut added = Vec::new();
        if self.items == Items::Missing {
            added.push(
                if self.flow {
                    "\"items\": []"
                } else {
                    "items: []"
                }
                .to_owned(),
            );
        }
        if self.results.is_none() {
            added.extend(results);
        }
        if !added.is_empty() {
            splices.push(self.insert(text, &added));
        }
        splices.sort_by_key(|splice| splice.span.start);
        splices
    }

    fn results_text(&self, text: &str, results: &[String]) -> String {
        if self.flow {
            return format!("\"results\": [{}]", results.join(", "));
        }
        let indent = self.indentation(text);
        let mut out = String::from("results:");
        for result in results {
            let _ = write!(out, "\n{indent}- {result}");
        }
        out
    }

    fn indentation<'t>(&self, text: &'t str) -> &'t str {
        text[trivia::line_start(text, self.entry)..self.entry].trim_start_matches('\u{feff}')
    }

    /// Inserts entries before an existing one, so that no preceding block scalar is affected.
    fn insert(&self, text: &str, added: &[String]) -> Splice {
        let at = self.entry;
        let span = Span { start: at, end: at };
        if self.flow {
            let comma = if self.has_entry { ", " } else { "" };
            let text = format!("{}{comma}", added.join(", "));
            return Splice::new(span, text);
        }
        let indent = self.indentation(text);
        let mut out = String::new();
        for entry in added {
            let _ = write!(out, "{entry}\n{indent}");
        }
        Splice::new(span, out)
    }
}
