//! Edit: the plan and the resolved secrets become splices, and each edited document is read again
//! before anything is written. Pure.

pub mod fill;
pub mod removal;

use crate::krm::result::{Finding, Severity};
use crate::plan::DocumentPlan;
use crate::plan::Mode;
use crate::plan::change::{Action, Change, Removal};
use crate::resolve::Resolved;
use crate::yaml::event::Style;
use crate::yaml::scalar::{literal, quote};
use crate::yaml::shape::Shape;
use crate::yaml::splice::{Splice, pieces};
use crate::yaml::verify::{Expectation, verify};
use fill::Filled;

/// What became of the plan.
#[derive(Default)]
pub struct Edited {
    /// The splices of every source, sorted, by the source's number.
    pub splices: Vec<Vec<Splice>>,
    /// What was done and what failed.
    pub findings: Vec<Finding>,
}

/// Makes the splices of all documents and verifies each edited document.
///
/// `sources` are the texts that the plan was made from. After an error finding nothing may be written.
#[must_use]
pub fn edit(
    sources: &[&str],
    documents: Vec<DocumentPlan>,
    resolved: &Resolved,
    mode: Mode,
) -> Edited {
    let mut edited = Edited {
        splices: sources.iter().map(|_| Vec::new()).collect(),
        findings: Vec::new(),
    };
    let mut buffer = String::new();
    for document in documents {
        let Some((text, splices)) = sources
            .get(document.source)
            .zip(edited.splices.get_mut(document.source))
        else {
            continue;
        };
        edit_document(
            text,
            &document,
            resolved,
            mode,
            splices,
            &mut edited.findings,
            &mut buffer,
        );
    }
    edited
}

fn edit_document(
    text: &str,
    document: &DocumentPlan,
    resolved: &Resolved,
    mode: Mode,
    all: &mut Vec<Splice>,
    findings: &mut Vec<Finding>,
    buffer: &mut String,
) {
    let mut failed = false;
    let mut digest = document.digest;
    let mut splices = Vec::with_capacity(document.changes.len());
    let mut expected = Vec::with_capacity(document.changes.len());
    let mut removals = removal::Removals::default();
    for change in &document.changes {
        let mut removed = false;
        match write(text, change, resolved, mode) {
            Ok(Written::Change(splice, shapes)) => {
                splices.push(splice);
                expected.push(Expectation {
                    at: change.ordinal,
                    gone: u32::from(change.replaces),
                    shapes,
                    anchor: change.anchor,
                });
            }
            Ok(Written::Removal(removal)) => {
                removed = true;
                digest = digest.wrapping_sub(removal.key_digest);
                expected.push(Expectation {
                    at: removal.key_ordinal,
                    gone: 2,
                    shapes: Vec::new(),
                    anchor: 0,
                });
                removals.add(removal);
            }
            Err(problems) => {
                // also where all has been said before: without every edit there is nothing to verify
                failed = true;
                for problem in problems {
                    let said = problem.subject.is_none() && findings.contains(&problem);
                    if !said {
                        findings.push(problem);
                    }
                }
            }
        }
        if mode == Mode::Function {
            findings.extend(note(change, removed));
        }
    }
    if failed {
        return;
    }
    for map in removals.emptied() {
        digest = digest.wrapping_sub(map.digest);
        expected.push(Expectation {
            at: map.ordinal,
            gone: 1,
            shapes: vec![Shape::Map],
            anchor: map.anchor,
        });
    }
    splices.extend(removals.into_splices(text));
    splices.sort_by_key(|splice| splice.span.start);
    expected.sort_by_key(|expectation| expectation.at);
    buffer.clear();
    let added: usize = splices.iter().map(|splice| splice.text.len()).sum();
    buffer.reserve(document.span.range().len() + added);
    buffer.extend(pieces(text, document.span, &splices));
    if let Err(mismatch) = verify(buffer, &expected, digest) {
        let change = document.changes.first();
        let finding = Finding::error(
            format!("{mismatch}; nothing was written"),
            "this is a fault of gitops-fn: please report it with the manifest, its secrets taken out; \
             writing the value in double quotes usually helps",
        );
        findings.push(match change {
            Some(change) => finding.at(&change.subject, change.field.clone()),
            None => finding,
        });
        return;
    }
    all.extend(splices);
}

enum Written<'c> {
    Change(Splice, Vec<Shape>),
    Removal(&'c Removal),
}

fn write<'c>(
    text: &str,
    change: &'c Change,
    resolved: &Resolved,
    mode: Mode,
) -> Result<Written<'c>, Vec<Finding>> {
    let mut kept = Vec::new();
    let (new, shapes) = match &change.action {
        Action::Entry(entry) => (entry.text(), entry.shapes()),
        Action::Text {
            text: new,
            old,
            told,
        } => {
            if !told {
                kept.push(0..new.len());
            }
            (
                scalar(text, change, old.as_deref(), new),
                vec![Shape::Text(new.clone())],
            )
        }
        Action::Fill(fill) => match fill::fill(fill, change, resolved, mode)? {
            Filled::Text(new, parts) => {
                kept = parts;
                (
                    scalar(text, change, fill.old.as_deref(), &new),
                    vec![Shape::Text(new)],
                )
            }
            Filled::Tokens(new, shapes) => (new, shapes),
            Filled::Removed(removal) => return Ok(Written::Removal(removal)),
        },
    };
    let splice = Splice {
        span: change.span,
        text: new,
        kept,
    };
    Ok(Written::Change(splice, shapes))
}

/// What a function tells the orchestrator of a change; plain streams have no place for it.
fn note(change: &Change, removed: bool) -> Option<Finding> {
    let message = match &change.action {
        _ if removed => "removed, since its key is missing".to_owned(),
        Action::Entry(_) => "set annotation".to_owned(),
        Action::Text { told: false, .. } => return None,
        Action::Text { text, .. } => format!("set to {text}"),
        Action::Fill(fill) => fill::note(fill),
    };
    Some(Finding::new(Severity::Info, message, "").at(&change.subject, change.field.clone()))
}

/// A text as a scalar in place of the old one: a literal block stays one where it can.
fn scalar(source: &str, change: &Change, old: Option<&str>, new: &str) -> String {
    old.filter(|_| change.style == Style::Literal)
        .zip(source.get(change.span.range()))
        .and_then(|(old, written)| literal(written, old, new))
        .unwrap_or_else(|| {
            let comment = header_comment(source, change).unwrap_or_default();
            format!("{}{comment}", quote(new, change.style))
        })
}

/// The comment behind a block scalar's `|` or `>`, with a blank before it: it stays on its line.
fn header_comment(source: &str, change: &Change) -> Option<String> {
    if !matches!(change.style, Style::Literal | Style::Folded) {
        return None;
    }
    let header = source
        .get(change.span.range())?
        .split(['\n', '\r'])
        .next()?;
    let at = header.find('#')?;
    Some(format!(" {}", header[at..].trim_end()))
}
