//! The input texts of a run: unchanged, or in canonical form under a policy.

use crate::clock::Clock;
use crate::finding::Finding;
use crate::plan::Mode;
use crate::policy::judge::Judge;
use crate::source::Source;
use crate::yaml::canonical;
use crate::yaml::repair::{self, Repaired};
use crate::yaml::splice::Splice;

/// How many times longer a text may become in canonical form because of quotes and indentation; expanded aliases are
/// limited separately.
const GROWTH: usize = 4;

/// The input of a run. Plans are only made from this type, so that no text bypasses [`Input::new`].
#[derive(Debug, Default)]
pub struct Input {
    sources: Vec<Source>,
    /// For each source, the splices that restore its original form, if it was repaired and is not in canonical form.
    undo: Vec<Vec<Splice>>,
    /// Warnings about repaired texts.
    repaired: Vec<Finding>,
    /// An error if no secret may pass through kustomize with these texts.
    separator: Option<Finding>,
    /// Whether empty input is allowed.
    may_be_empty: bool,
    /// Whether it is the output of `build`.
    is_built: bool,
}

impl Input {
    /// Prepares the texts of a run. Without a policy they are unchanged, except that what YAML forbids but Kubernetes
    /// accepts is repaired ([`repair()`]).
    ///
    /// Under a policy they are rewritten in canonical form ([`canonical`]), so that every parser of the output sees what
    /// the policy was checked against.
    ///
    /// # Errors
    /// Under a policy: the texts are longer than it allows, YAML parsers would disagree on them, or the clock has
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
            let max_bytes = aliases.saturating_add(source.text.len().saturating_mul(GROWTH));
            end_last_line(&mut source.text);
            repair(source, clock, &mut repaired);
            match canonical::rewrite(&source.text, max_bytes, clock) {
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
        // after a stop the texts may be incomplete
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

    /// Sets whether empty input is allowed.
    #[must_use]
    pub fn allow_empty(mut self, allowed: bool) -> Self {
        self.may_be_empty = allowed;
        self
    }

    /// Whether empty input is allowed.
    #[must_use]
    pub fn may_be_empty(&self) -> bool {
        self.may_be_empty
    }

    /// Marks the input as the output of `build`.
    #[must_use]
    pub fn built(mut self) -> Self {
        self.is_built = true;
        self
    }

    /// The mode in which its manifests are planned.
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

    /// Warnings about texts that are not valid YAML and were repaired.
    #[must_use]
    pub fn repaired(&self) -> &[Finding] {
        &self.repaired
    }

    /// Adds splices to the edits of each text that restore its original form wherever nothing is edited.
    pub fn restore_untouched(&self, edits: &mut [Vec<Splice>]) {
        for (undo, edits) in self.undo.iter().zip(edits) {
            Repaired::restore_untouched(undo, edits);
        }
    }

    /// An error if, under a policy, kustomize must not print secrets with these texts: they hold a line separator that
    /// it would not escape.
    #[must_use]
    pub fn separator(&self) -> Option<&Finding> {
        self.separator.as_ref()
    }

    /// Replaces the text of a single source.
    pub fn replace(&mut self, text: String) {
        if let [source] = &mut *self.sources {
            source.text = text;
            self.undo.clear();
        }
    }
}

/// Repairs a text and adds a warning to `said`; returns the splices that restore the original.
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

/// Argo CD and kubectl add a line break to the last line, which changes the value of a block scalar there.
fn end_last_line(text: &mut String) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
}
