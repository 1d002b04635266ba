//! The ResourceList that an orchestrator sends (docs/internals/kustomize-and-kpt.md#the-resourcelist): its outline,
//! and how results are put into it without touching anything else.

use std::fmt::Write;

use crate::clock::Clock;
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
    /// It is something else.
    #[error("standard input is not a ResourceList: {0}")]
    Other(&'static str),
}

impl ListError {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Syntax(_) => {
                "without arguments gitops-fn reads one ResourceList, as kustomize and kpt send it"
            }
            Self::Other(_) => {
                "kustomize and kpt send a ResourceList; for plain manifests use `gitops-fn render -`"
            }
        }
    }
}

/// Where the parts of a ResourceList stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// The text of the `functionConfig` mapping, from the start of its first line.
    pub function_config: Option<Span>,
    /// Written as `{…}`.
    flow: bool,
    /// Where an entry can be put in: at the `items` key, else at the first key, else behind the brace.
    entry: usize,
    /// Whether an entry stands there.
    has_entry: bool,
    items: Items,
    results: Option<Span>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Items {
    Missing,
    /// Null, or nothing behind the colon: the span of the null, behind the colon where it is empty.
    Null(Span),
    List,
}

/// Reads a ResourceList, calling `item` with every member of `items` as it is complete.
///
/// The tree holds one item at a time; once the document has defined an anchor it holds all that
/// follows, so that aliases find their nodes.
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
    let not_map = ListError::Other("it is not a mapping");
    let Some((Event::DocumentStart, _)) = events.pull()? else {
        return Err(ListError::Other("it is empty"));
    };
    let Some((
        Event::Open {
            map: true, flow, ..
        },
        root,
    )) = events.pull()?
    else {
        return Err(not_map);
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
            // not the key itself, which may have `?`, an anchor or a tag in front
            outline.entry = if flow {
                trivia::skip(text, root.end)
            } else {
                root.start
            };
            outline.has_entry = true;
        }
        // the first of them: all may stand on one line
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
                    _ => return Err(ListError::Other("its items are not a list")),
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
        return Err(ListError::Other("its kind is not ResourceList"));
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
        _ => Err(ListError::Other("it is followed by another document")),
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

/// The text of a value so that it can be read alone: a block collection begins with its indentation, and the
/// line breaks behind it may be those of a block scalar.
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
    let behind = text.get(end..).unwrap_or_default();
    let blank = behind.len() - behind.trim_start_matches(trivia::SPACE).len();
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

/// Finds the functionConfig without reading the items before it, for a ResourceList in block style as
/// orchestrators write it: they send it behind the items, and the items cannot be planned without it.
///
/// The answer is a guess until [`read`] has found the same place. The guess's span is that of
/// [`Outline::function_config`].
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
    /// The splices that add `items` where it is missing or null, and `results` where there are any, each a flow
    /// mapping on one line; to be put behind those of the items.
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

    /// Puts entries before one that is there, where no text can depend on what follows it.
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
