//! Edit: the plan and the resolved secrets become splices, and each edited document is read again
//! before anything is written. Pure, but that it stops with the clock.

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
use crate::yaml::splice::{Splice, pieces};
use crate::yaml::verify::{Expectation, Mismatch, verify};
use budget::Allowance;
use fill::Unfilled;
use write::{Written, write};

/// How many texts are warned of: more would be of the same kind.
const MOST_WARNINGS: usize = 50;

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
        said: FxHashSet::default(),
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
            // how far it has come is nobody's business: that depends on the values
            run.findings = vec![end];
            break;
        }
    }
    Edited {
        splices: all,
        findings: run.findings,
    }
}

/// What is said where the reads have taken all the time that there was: those that have failed for it, once
/// each.
#[must_use]
pub fn untold(resolved: &Resolved) -> Vec<Finding> {
    resolved.late().map(fill::unread).collect()
}

/// What all documents share.
struct Run<'r> {
    resolved: &'r Resolved,
    mode: Mode,
    /// How many scalars may be the one of which nothing is said.
    doubtful: usize,
    allowance: &'r mut Allowance,
    findings: Vec<Finding>,
    /// How many texts have been warned of.
    warned: usize,
    /// What has been said of the run as a whole.
    said: FxHashSet<(String, String)>,
    /// The edited document, whose memory the next one takes over.
    buffer: String,
}

impl Run<'_> {
    /// Says what is wrong; what is not about a field is said once.
    fn report(&mut self, problem: Finding) {
        let is_new = problem.object().is_some()
            || self
                .said
                .insert((problem.placeholder.clone(), problem.message.clone()));
        if is_new {
            self.findings.push(problem);
        }
    }

    /// Warns of a text that its values have broken; not more than `MOST_WARNINGS` times.
    fn warn(&mut self, warning: Option<Box<Finding>>) {
        if let Some(warning) = warning.filter(|_| self.warned < MOST_WARNINGS) {
            self.warned += 1;
            self.findings.push(*warning);
        }
    }

    /// Edits one document; an error ends the run.
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
                Err(Unfilled::Ended(end)) => return Err(end),
                Err(Unfilled::Withheld(problem)) => {
                    failed = true;
                    self.withheld(change, problem);
                }
                Err(Unfilled::Problems(problems)) => {
                    // also where all has been said before: without every edit there is nothing to verify
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
                gone: 1,
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
        buffer.extend(pieces(text, document.span, &splices));
        if let Err(mismatch) = verify(buffer, &expected, digest, self.allowance.clock()) {
            // or it was not read to its end
            self.allowance.in_time()?;
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
    /// Says that there is a value that cannot be used: once, and where only if it can be nowhere else.
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

/// Why an edited document is not written.
fn unwritten(mismatch: &Mismatch) -> Finding {
    match mismatch {
        Mismatch::TooDeep => Finding::error(
            "with what is put in here the document nests lists and maps more than 1,024 deep",
            "take a part of the map or list with `jsonPath`, or write the object with fewer levels",
        ),
        _ => Finding::error(
            format!("{mismatch}; nothing was written"),
            "this is a fault of gitops-fn: please report it with the manifest, its secrets taken out; \
             writing the value in double quotes usually helps",
        ),
    }
}

/// The change that puts the most levels in.
fn deepest<'c>(changes: &'c [Change], expected: &[Expectation]) -> Option<&'c Change> {
    let deepest = expected
        .iter()
        .max_by_key(|expected| expected::depth(&expected.shapes))?;
    changes.iter().find(|change| change.ordinal == deepest.at)
}

fn is_doubtful(change: &Change, mode: Mode) -> bool {
    matches!(&change.action, Action::Fill(fill) if fill::is_doubtful(fill, mode))
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
    Some(Finding::info(message).at(&change.subject, change.field.clone()))
}
