//! The texts of a run as they are judged: as they came, or written anew where a policy counts.

use crate::clock::Clock;
use crate::finding::Finding;
use crate::plan::Mode;
use crate::policy::judge::Judge;
use crate::source::Source;
use crate::yaml::canonical;
use crate::yaml::repair::{self, Repaired};
use crate::yaml::splice::Splice;

/// How much longer a text may become when it is written anew, in times of its length: quotes and
/// indentation, beside what its aliases bring.
const GROWTH: usize = 4;

/// What a run reads. There is no other way to a plan than through this.
#[derive(Debug, Default)]
pub struct Input {
    sources: Vec<Source>,
    /// What makes of each what it was, where it has been repaired and is not written anew.
    undo: Vec<Vec<Splice>>,
    /// What is said of those that have been repaired.
    repaired: Vec<Finding>,
    /// Why no secret may pass through kustomize with these texts.
    separator: Option<Finding>,
    /// Whether there may be nothing in it.
    may_be_empty: bool,
    /// Whether `build` has made it.
    is_built: bool,
}

impl Input {
    /// The texts of a run. Without a policy they are taken as they are, but for what YAML forbids and
    /// Kubernetes reads all the same ([`repair`]).
    ///
    /// Under a policy they are written anew ([`canonical`]), so that what is judged is what every reader of
    /// the output sees.
    ///
    /// # Errors
    /// Under a policy: the texts are longer than it allows, readers do not agree on them, or the clock has
    /// stopped.
    pub fn new(
        mut sources: Vec<Source>,
        judge: &Judge<'_>,
        clock: &Clock,
    ) -> Result<Self, Vec<Finding>> {
        let mut repaired = Vec::new();
        let Some(limits) = judge.limits() else {
            let undo = sources.iter_mut();
            let undo = undo.map(|source| repair(source, clock, &mut repaired));
            return Ok(Self {
                undo: undo.collect(),
                sources,
                repaired,
                ..Self::default()
            });
        };
        let lengths = sources.iter().map(|source| source.text.len());
        let bytes = u64::try_from(lengths.sum::<usize>()).unwrap_or(u64::MAX);
        judge.input(bytes).map_err(|denial| vec![denial])?;
        let aliases = usize::try_from(limits.input_bytes).unwrap_or(usize::MAX);
        let (mut findings, mut separator) = (Vec::new(), None);
        for source in &mut sources {
            let most = aliases.saturating_add(source.text.len().saturating_mul(GROWTH));
            end_last_line(&mut source.text);
            repair(source, clock, &mut repaired);
            match canonical::rewrite(&source.text, most, clock) {
                Ok(anew) => {
                    let found = anew.separator;
                    separator = separator
                        .or_else(|| found.map(|found| Finding::from(found).within(&source.name)));
                    source.text = anew.text;
                }
                Err(problems) => {
                    let problems = problems.into_iter().map(Finding::from);
                    findings.extend(problems.map(|problem| problem.within(&source.name)));
                }
            }
        }
        // one that has stopped leaves texts half read
        clock.check().map_err(|stop| vec![stop.into()])?;
        if findings.is_empty() {
            Ok(Self {
                sources,
                repaired,
                separator,
                ..Self::default()
            })
        } else {
            Err(findings)
        }
    }

    /// The same input, for which it is no error to hold nothing if `allowed`.
    #[must_use]
    pub fn allow_empty(mut self, allowed: bool) -> Self {
        self.may_be_empty = allowed;
        self
    }

    /// Whether it may hold nothing.
    #[must_use]
    pub fn may_be_empty(&self) -> bool {
        self.may_be_empty
    }

    /// The same input, made by `build`.
    #[must_use]
    pub fn built(mut self) -> Self {
        self.is_built = true;
        self
    }

    /// How manifests of it are planned.
    pub(crate) fn mode(&self) -> Mode {
        if self.is_built {
            Mode::Build
        } else {
            Mode::Render
        }
    }

    /// The texts.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// What is to be said of texts that YAML forbids.
    #[must_use]
    pub fn repaired(&self) -> &[Finding] {
        &self.repaired
    }

    /// Adds to the edits of all texts what puts back their original form wherever nothing is edited.
    pub fn put_back(&self, edits: &mut [Vec<Splice>]) {
        for (undo, edits) in self.undo.iter().zip(edits) {
            Repaired::put_back(undo, edits);
        }
    }

    /// What there is against secrets in an output that kustomize prints again, under a policy.
    #[must_use]
    pub fn separator(&self) -> Option<&Finding> {
        self.separator.as_ref()
    }

    /// Puts what an edit has made of the only text in its place.
    pub fn replace(&mut self, text: String) {
        if let [source] = &mut *self.sources {
            source.text = text;
            self.undo.clear();
        }
    }
}

/// Repairs a text and says so; what makes the original of it.
fn repair(source: &mut Source, clock: &Clock, said: &mut Vec<Finding>) -> Vec<Splice> {
    let Some(repaired) = repair::repair(&source.text, clock) else {
        return Vec::new();
    };
    let line = repaired.line;
    let warning = Finding::warning(
        format!("line {line} is not valid YAML, though Kubernetes can read it"),
        "write ' instead of \\' between double quotes, and a blank before #",
    );
    said.push(warning.within(&source.name));
    source.text = repaired.text;
    repaired.undo
}

/// Argo CD and kubectl end each line before they read it, which a block scalar at the end takes for its own.
fn end_last_line(text: &mut String) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
}
