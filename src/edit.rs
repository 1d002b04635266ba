//! Edit: turns the plan and the resolved secrets into splices, and verifies each edited document before anything is
//! written. Pure, except that it stops with the clock.

pub mod budget;
pub mod fill;
pub mod left_out;
mod map;
pub mod removal;
mod write;

use rustc_hash::FxHashSet;

use crate::clock;
use crate::finding::Finding;
use crate::plan::DocumentPlan;
use crate::plan::Mode;
use crate::plan::change::{Action, Change};
use crate::resolve::Resolved;
use crate::yaml::expected::{self, Shape};
use crate::yaml::splice::{Splice, spliced};
use crate::yaml::verify::{Expectation, Mismatch, verify};
use budget::Allowance;
use fill::Unfilled;
use write::{Written, write};

/// How many warnings about broken texts are given: further ones would be of the same kind.
const MAX_WARNINGS: usize = 50;

/// The outcome of [`edit`].
#[derive(Default)]
pub struct Edited {
    /// The splices of each source, in the order of the sources; sorted by place.
    pub splices: Vec<Vec<Splice>>,
    /// What was done and what failed.
    pub findings: Vec<Finding>,
}

/// Creates the splices of all documents and verifies each edited document.
///
/// `sources` are the texts that the plan was made from. If a finding is an error, nothing may be written.
#[must_use]
pub fn edit(
    sources: &[&str],
    documents: Vec<DocumentPlan>,
    resolved: &Resolved,
    mode: Mode,
    allowance: &mut Allowance,
) -> Edited {
    let mut all: Vec<_> = sources.iter().map(|_| Vec::new()).collect();
    let mut run = Run {
        resolved,
        mode,
        doubtful: documents
            .iter()
            .flat_map(|document| &document.changes)
            .filter(|change| is_doubtful(change, mode))
            .count(),
        allowance,
        findings: Vec::new(),
        warned: 0,
        reported: FxHashSet::default(),
        buffer: String::new(),
    };
    for document in documents {
        let Some((text, splices)) = sources
            .get(document.source)
            .zip(all.get_mut(document.source))
        else {
            continue;
        };
        if let Err(end) = run.document(text, &document, splices) {
            // drop the other findings: how far the run came depends on secret values
            run.findings = vec![end];
            break;
        }
    }
    Edited {
        splices: all,
        findings: run.findings,
    }
}

/// Errors for the reads that failed because the time ran out, once each; for a run that ends before it can edit.
#[must_use]
pub fn timed_out_reads(resolved: &Resolved) -> Vec<Finding> {
    resolved.late().map(fill::unread).collect()
}

/// The state that all documents share.
struct Run<'r> {
    resolved: &'r Resolved,
    mode: Mode,
    /// How many scalars could hold a value whose error is withheld ([`fill::is_doubtful`]).
    doubtful: usize,
    allowance: &'r mut Allowance,
    findings: Vec<Finding>,
    /// How many warnings about broken texts have been given.
    warned: usize,
    /// The findings that are not about a field, as placeholder and message.
    reported: FxHashSet<(String, String)>,
    /// The edited document; its memory is reused for the next one.
    buffer: String,
}

impl Run<'_> {
    /// Adds an error, unless it is not about a field and has been reported already.
    fn report(&mut self, problem: Finding) {
        let is_new = problem.object().is_some()
            || self
                .reported
                .insert((problem.placeholder.clone(), problem.message.clone()));
        if is_new {
            self.findings.push(problem);
        }
    }

    /// Adds a warning about a text broken by its values, unless there are [`MAX_WARNINGS`] already.
    fn warn(&mut self, warning: Option<Box<Finding>>) {
        if let Some(warning) = warning.filter(|_| self.warned < MAX_WARNINGS) {
            self.warned += 1;
            self.findings.push(*warning);
        }
    }

    /// Edits one document and adds its splices to `all`.
    ///
    /// # Errors
    /// The one finding of a run that must end here.
    fn document(
        &mut self,
        text: &str,
        document: &DocumentPlan,
        all: &mut Vec<Splice>,
    ) -> Result<(), Finding> {
        let mut failed = false;
        let mut digest = document.digest;
        let mut splices = Vec::with_capacity(document.changes.len());
        let mut expected = Vec::with_capacity(document.changes.len());
        let mut removals = removal::Removals::default();
        for change in &document.changes {
            let clock = self.allowance.clock();
            clock.spend(clock::NODE + change.span.range().len())?;
            let mut removed = false;
            match write(text, change, self.resolved, self.mode, self.allowance) {
                Ok(Written::Change(splice, shapes, warning)) => {
                    self.warn(warning);
                    splices.push(splice);
                    expected.push(Expectation {
                        at: change.ordinal,
                        removed: u32::from(change.replaces),
                        shapes,
                        anchor: change.anchor,
                    });
                }
                Ok(Written::Removal(removal)) => {
                    removed = true;
                    digest = digest.wrapping_sub(removal.key_digest);
                    expected.push(Expectation {
                        at: removal.key_ordinal,
                        removed: 2,
                        shapes: Vec::new(),
                        anchor: 0,
                    });
                    removals.add(removal);
                }
                Err(Unfilled::Ended(end)) => return Err(end),
                Err(Unfilled::Withheld(problem)) => {
                    failed = true;
                    self.withheld(change, problem);
                }
                Err(Unfilled::Problems(problems)) => {
                    // even if all of them were reported before: without all edits there is nothing to verify
                    failed = true;
                    for problem in problems {
                        self.report(problem);
                    }
                }
            }
            if self.mode == Mode::Function {
                self.findings.extend(note(change, removed));
            }
        }
        if failed {
            return Ok(());
        }
        for map in removals.emptied() {
            digest = digest.wrapping_sub(map.digest);
            expected.push(Expectation {
                at: map.ordinal,
                removed: 1,
                shapes: vec![Shape::Map],
                anchor: map.anchor,
            });
        }
        splices.extend(removals.into_splices(text));
        splices.sort_by_key(|splice| splice.span.start);
        expected.sort_by_key(|expectation| expectation.at);
        let buffer = &mut self.buffer;
        buffer.clear();
        let added: usize = splices.iter().map(|splice| splice.text.len()).sum();
        buffer.reserve(document.span.range().len() + added);
        buffer.extend(spliced(text, document.span, &splices));
        if let Err(mismatch) = verify(buffer, &expected, digest, self.allowance.clock()) {
            // unless it was only not read to its end
            self.allowance.check_time()?;
            let finding = unwritten(&mismatch);
            let change = match mismatch {
                Mismatch::TooDeep => deepest(&document.changes, &expected),
                _ => document.changes.first(),
            };
            self.findings.push(match change {
                Some(change) => finding.at(&change.subject, change.field.clone()),
                None => finding,
            });
            return Ok(());
        }
        all.extend(splices);
        Ok(())
    }
}

impl Run<'_> {
    /// Reports that some value cannot be used: once, and with its place only if there is no other candidate.
    fn withheld(&mut self, change: &Change, problem: Finding) {
        let problem = if self.doubtful == 1 && is_doubtful(change, self.mode) {
            problem
        } else {
            Finding::error(problem.message, problem.help)
        };
        if !self.findings.contains(&problem) {
            self.findings.push(problem);
        }
    }
}

/// The error for an edited document that failed verification.
fn unwritten(mismatch: &Mismatch) -> Finding {
    match mismatch {
        Mismatch::TooDeep => Finding::error(
            "with this value the document nests lists and maps more than 1,024 deep",
            "take a part of the map or list with `jsonPath`, or write the object with fewer levels",
        ),
        _ => Finding::error(
            format!("{mismatch}; nothing was written"),
            "this is a fault of gitops-fn: please report it with the manifest, without its secrets; \
             writing the value in double quotes usually helps",
        ),
    }
}

/// The change that adds the most levels of nesting.
fn deepest<'c>(changes: &'c [Change], expected: &[Expectation]) -> Option<&'c Change> {
    let deepest = expected
        .iter()
        .max_by_key(|expected| expected::depth(&expected.shapes))?;
    changes.iter().find(|change| change.ordinal == deepest.at)
}

fn is_doubtful(change: &Change, mode: Mode) -> bool {
    matches!(&change.action, Action::Fill(fill) if fill::is_doubtful(fill, mode))
}

/// The note about a change for an orchestrator's results; plain streams have no place for notes.
fn note(change: &Change, removed: bool) -> Option<Finding> {
    let message = match &change.action {
        _ if removed => "removed, since its key is missing".to_owned(),
        Action::Entry(_) => "set annotation".to_owned(),
        Action::Text { told: false, .. } => return None,
        Action::Text { text, .. } => format!("set to {text}"),
        Action::Fill(fill) => fill::note(fill),
    };
    Some(Finding::info(message).at(&change.subject, change.field.clone()))
}
