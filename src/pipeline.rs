//! Runs the steps, over a ResourceList ([`function`]) or over plain manifests ([`render`]).

use std::io::{self, Write};
use std::rc::Rc;

use crate::clock::{Clock, Stop};
use crate::config::{self, Config};
use crate::edit::budget::Allowance;
use crate::edit::{edit, left_out, timed_out_reads};
use crate::finding::{Finding, Severity, exit_code, results};
use crate::input::Input;
use crate::krm::list::{self, ListError, Outline};
use crate::krm::resource::objects;
use crate::placeholder::signs;
use crate::plan::{Mode, Plan, Planner};
use crate::policy::judge::Judge;
use crate::recheck;
use crate::resolve::Resolved;
use crate::secret::wants::Wants;
use crate::settings::Settings;
use crate::source::Source;
use crate::yaml::event::{Event, Events, Span, SyntaxError};
use crate::yaml::splice::{Splice, spliced};
use crate::yaml::tree::Tree;
use crate::yaml::trivia;

/// The result of a run: what to write and what to report.
#[derive(Default)]
pub struct Outcome {
    /// The edits of each source; `None` if nothing at all may be written.
    splices: Option<Vec<Vec<Splice>>>,
    /// Where the values that an earlier step inserted begin in the only source, as byte offsets.
    values: Vec<usize>,
    /// What was changed and what failed.
    pub findings: Vec<Finding>,
}

impl Outcome {
    fn failed(findings: Vec<Finding>) -> Self {
        Self {
            findings,
            ..Self::default()
        }
    }

    /// The outcome for the original of an input that had to be repaired before it could be read.
    fn over(mut self, input: &Input) -> Self {
        if let Some(splices) = &mut self.splices {
            input.restore_untouched(splices);
        }
        self.findings.extend_from_slice(input.repaired());
        self
    }

    /// The exit code (docs/internals/design.md#exit-codes).
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        exit_code(&self.findings)
    }

    /// The edited text of the only source; `None` if it is unchanged, if nothing may be written, or if there are
    /// several sources.
    #[must_use]
    pub fn text(&self, input: &Input) -> Option<String> {
        let ([splices], [source]) = (self.splices.as_deref()?, input.sources()) else {
            return None;
        };
        let all = Span {
            start: 0,
            end: source.text.len(),
        };
        (!splices.is_empty()).then(|| spliced(&source.text, all, splices).collect())
    }

    /// The edits that make [`Outcome::text`] of the only source; empty where that is `None`.
    #[must_use]
    pub fn edits(&self) -> &[Splice] {
        match self.splices.as_deref() {
            Some([splices]) => splices,
            _ => &[],
        }
    }

    /// The outcome after a further step on [`Outcome::text`].
    ///
    /// `text` replaces the input; `splices` are the step's edits of it, and `findings` are added.
    #[must_use]
    pub fn then(
        mut self,
        input: &mut Input,
        text: String,
        splices: Vec<Splice>,
        findings: Vec<Finding>,
    ) -> Self {
        self.values = value_starts(self.edits());
        input.replace(text);
        self.findings.extend(findings);
        self.splices = (self.exit_code() == 0).then(|| vec![splices]);
        self
    }

    /// The output: the sources with their edits, separated by `---` where it is missing. `None` if nothing may be
    /// written.
    ///
    /// # Errors
    /// Under a policy, the objections of `recheck` to the output; then it also fails when the clock has stopped.
    pub fn output<'o>(
        &'o self,
        input: &'o Input,
        judge: &Judge<'_>,
        clock: &Clock,
    ) -> Result<Option<Output<'o>>, Vec<Finding>> {
        let Some(splices) = &self.splices else {
            return Ok(None);
        };
        let mut output = Output::default();
        for (source, splices) in input.sources().iter().zip(splices) {
            output.add(&source.text, splices);
        }
        if judge.has_policy() {
            let text: String = output.parts.concat();
            let values = match splices.as_slice() {
                [splices] if !self.values.is_empty() => moved(&self.values, splices),
                _ => std::mem::take(&mut output.values),
            };
            recheck::check(&text, &values, judge, clock)?;
        }
        Ok(Some(output))
    }
}

/// Where the inserted values begin in the text that `splices` make, as byte offsets.
fn value_starts(splices: &[Splice]) -> Vec<usize> {
    let (mut read, mut written) = (0, 0);
    let mut starts = Vec::new();
    for splice in splices {
        written += splice.span.start.saturating_sub(read);
        starts.extend(splice.values.iter().map(|value| written + value));
        written += splice.text.len();
        read = splice.span.end;
    }
    starts
}

/// The offsets of `places` after `splices` are applied to their text. Both are in text order.
fn moved(places: &[usize], splices: &[Splice]) -> Vec<usize> {
    let mut splices = splices.iter().peekable();
    let (mut gone, mut added) = (0, 0);
    let follow = |&place: &usize| {
        while let Some(splice) = splices.next_if(|splice| splice.span.start < place) {
            gone += splice.span.range().len();
            added += splice.text.len();
        }
        (place + added).saturating_sub(gone)
    };
    places.iter().map(follow).collect()
}

/// The output of a run, in pieces.
#[derive(Default)]
pub struct Output<'o> {
    parts: Vec<&'o str>,
    length: usize,
    /// Where inserted values begin in the output, as byte offsets.
    values: Vec<usize>,
    ends_line: bool,
}

impl<'o> Output<'o> {
    /// Appends a text with its edits, as a document of its own.
    fn add(&mut self, text: &'o str, splices: &'o [Splice]) {
        let mut start = 0;
        if self.length > 0 {
            start = text.len() - text.trim_start_matches('\u{feff}').len();
            if !self.ends_line {
                self.push("\n");
            }
            let rest = &text[start..];
            if rest.starts_with('%') {
                self.push("...\n");
            } else if !is_separator(rest) {
                self.push("---\n");
            }
        }
        let begin = self.length;
        let values = value_starts(splices);
        self.values
            .extend(values.iter().map(|value| begin + value - start));
        let all = Span {
            start,
            end: text.len(),
        };
        for piece in spliced(text, all, splices) {
            self.push(piece);
        }
        // judged from the input: what is inserted at its end ends with a line break if the text did
        self.ends_line = text.ends_with('\n') || text.is_empty();
    }

    fn push(&mut self, piece: &'o str) {
        self.length += piece.len();
        self.parts.push(piece);
    }

    /// Writes the output to `out`.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        self.parts
            .iter()
            .try_for_each(|part| out.write_all(part.as_bytes()))
    }
}

fn is_separator(text: &str) -> bool {
    text.strip_prefix("---")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

/// Returns the result of a step, or an error outcome if the clock has stopped: findings of an interrupted step do not
/// count.
fn in_time<T>(clock: &Clock, done: T) -> Result<T, Outcome> {
    clock.check().map(|()| done).map_err(Outcome::from)
}

impl From<Stop> for Outcome {
    fn from(stop: Stop) -> Self {
        Self::failed(vec![stop.into()])
    }
}

/// Runs as a KRM function on one ResourceList.
///
/// `resolve` is called at most once, and only if a secret is required. After an error the output is the ResourceList
/// with unchanged items and the findings as `results`. There is no output if the input is not a ResourceList, if it
/// exceeds the policy's limits, or if the clock has stopped.
pub fn function(
    input: &Input,
    settings: &Settings,
    judge: &Judge<'_>,
    clock: &Clock,
    resolve: impl FnOnce(&Wants) -> Resolved,
) -> Outcome {
    let outcome = function_until(input, settings, judge, clock, resolve);
    outcome.unwrap_or_else(|stopped| stopped).over(input)
}

/// Does the work of [`function`].
///
/// # Errors
/// The outcome to return if the clock has stopped.
fn function_until(
    input: &Input,
    settings: &Settings,
    judge: &Judge<'_>,
    clock: &Clock,
    resolve: impl FnOnce(&Wants) -> Resolved,
) -> Result<Outcome, Outcome> {
    let Some(source) = input.sources().first() else {
        return Ok(Outcome::default());
    };
    let text = source.text.as_str();
    let mut place = list::guess_function_config(text, clock);
    let mut planned = plan_list(text, place, settings, judge, clock);
    if let Ok((outline, _)) = &planned {
        // the guess failed because the list has an unusual style or order; now the place is known
        if outline.function_config != place {
            place = outline.function_config;
            planned = plan_list(text, place, settings, judge, clock);
        }
    }
    let (outline, plan) = match in_time(clock, planned)? {
        Ok(planned) => planned,
        Err(error) => return Ok(Outcome::failed(vec![error.into()])),
    };
    let mut outcome = match plan {
        Ok(mut plan) => {
            if !plan.wants.is_empty() {
                plan.findings.extend(input.separator().cloned());
            }
            apply(&[text], plan, Mode::Function, judge, clock, resolve)?
        }
        Err(problems) => Outcome::failed(problems),
    };
    let results = outline.splices(text, &entries(&outcome));
    let mut splices = outcome
        .splices
        .take()
        .and_then(|mut all| all.pop())
        .unwrap_or_default();
    splices.extend(results);
    splices.sort_by_key(|splice| splice.span.start);
    outcome.splices = Some(vec![splices]);
    in_time(clock, outcome)
}

/// The maximum number of results of a failed run: kpt writes all of them into a file.
const MAX_RESULTS: usize = 1000;

/// The entries of `results`: everything that was done or, after an error, what is wrong.
fn entries(outcome: &Outcome) -> Vec<String> {
    if outcome.splices.is_some() {
        return outcome.findings.iter().map(results::entry).collect();
    }
    // after an error nothing was done, so notes about it do not apply
    let wrong = |finding: &&Finding| finding.severity != Severity::Info;
    let all = outcome.findings.iter().filter(wrong);
    let mut entries: Vec<_> = all.clone().take(MAX_RESULTS).map(results::entry).collect();
    let more = all.count() - entries.len();
    if more > 0 {
        entries.push(results::entry(&Finding::error(
            format!("and {more} more"),
            "",
        )));
    }
    entries
}

type Planned = (Outline, Result<Plan, Vec<Finding>>);

/// Reads the list and plans its items with the functionConfig at `place`.
fn plan_list(
    text: &str,
    place: Option<Span>,
    settings: &Settings,
    judge: &Judge<'_>,
    clock: &Clock,
) -> Result<Planned, ListError> {
    let config_text = place.and_then(|span| text.get(span.range()));
    let config = config::from_function_config(config_text, settings);
    let empty = Config::default();
    let asked = config.as_ref().unwrap_or(&empty);
    let mut planner = Planner::new(asked, settings, judge, Mode::Function, clock);
    if let Some(subject) = config_text.and_then(|text| config_subject(text, clock)) {
        planner.leave_alone(subject);
    }
    let mut events = Events::timed(text, clock);
    let mut tree = Tree::default();
    let mut index = 0;
    let planning = config.is_ok();
    let outline = list::read(text, &mut events, &mut tree, |tree, root| {
        if planning {
            planner.object(text, tree, root, None, index);
        }
        index += 1;
    })?;
    let span = Span {
        start: 0,
        end: text.len(),
    };
    planner.end_document(&tree, 0, span, events.digest());
    list::finish(&mut events)?;
    let plan = planner.finish();
    Ok((outline, config.map(|_| plan)))
}

fn config_subject(text: &str, clock: &Clock) -> Option<crate::krm::resource::Subject> {
    let mut events = Events::timed(text, clock);
    let mut tree = Tree::default();
    events.pull().ok()??;
    let first = events.pull().ok()??;
    let root = tree.read_node(first, &mut events).ok()?;
    let object = objects(&tree, root, None, 0).into_iter().next()?;
    Some((*object.subject).clone())
}

/// Runs on plain manifests.
///
/// `resolve` is called at most once, and only if a secret is required. If the bytes show that there is nothing to plan,
/// nothing is parsed (docs/internals/design.md#bytes-in-bytes-out). There is no output after an error or if the clock
/// has stopped.
pub fn render(
    input: &Input,
    config: &Config,
    settings: &Settings,
    judge: &Judge<'_>,
    clock: &Clock,
    resolve: impl FnOnce(&Wants) -> Resolved,
) -> Outcome {
    let outcome = render_until(input, config, settings, judge, clock, resolve);
    outcome.unwrap_or_else(|stopped| stopped).over(input)
}

/// Does the work of [`render`].
///
/// # Errors
/// The outcome to return if the clock has stopped.
fn render_until(
    input: &Input,
    config: &Config,
    settings: &Settings,
    judge: &Judge<'_>,
    clock: &Clock,
    resolve: impl FnOnce(&Wants) -> Resolved,
) -> Result<Outcome, Outcome> {
    let sources = input.sources();
    let refusal = empty(sources);
    let is_empty = refusal.is_some();
    if let Some(refusal) = refusal.filter(|_| !input.may_be_empty()) {
        return Ok(Outcome::failed(vec![refusal]));
    }
    let untouched = config.repository.is_none() && config.images.is_empty();
    let wants_nothing = untouched
        && !sources
            .iter()
            .any(|source| may_hold_placeholder(&source.text));
    if is_empty || wants_nothing {
        let unchanged = Outcome {
            splices: Some(sources.iter().map(|_| Vec::new()).collect()),
            ..Outcome::default()
        };
        return in_time(clock, unchanged);
    }
    let texts: Vec<_> = sources.iter().map(|source| source.text.as_str()).collect();
    let plan = plan_streams(input, config, settings, judge, clock);
    let plan = in_time(clock, plan)?;
    apply(&texts, plan, input.mode(), judge, clock, resolve)
}

/// The findings of a run on plain manifests up to the point where secrets would be read, for checking what a policy
/// allows.
#[must_use]
pub fn judged(
    input: &Input,
    config: &Config,
    settings: &Settings,
    judge: &Judge<'_>,
) -> Vec<Finding> {
    let sources = input.sources();
    match empty(sources) {
        None => plan_streams(input, config, settings, judge, &Clock::default()).findings,
        Some(refusal) => vec![refusal],
    }
}

/// The error for an input without content.
fn empty(sources: &[Source]) -> Option<Finding> {
    let is_empty = !sources.iter().any(|source| has_content(&source.text));
    is_empty.then(|| {
        Finding::error(
            "the input is empty",
            "the command before the pipe has probably failed: use `set -o pipefail`; a post-renderer whose chart may render nothing needs --allow-empty",
        )
    })
}

fn plan_streams(
    input: &Input,
    config: &Config,
    settings: &Settings,
    judge: &Judge<'_>,
    clock: &Clock,
) -> Plan {
    let mut planner = Planner::new(config, settings, judge, input.mode(), clock);
    let mut tree = Tree::default();
    let mut unreadable = Vec::new();
    for (number, source) in input.sources().iter().enumerate() {
        if let Err(error) = plan_stream(&mut planner, &mut tree, number, source, clock) {
            let help = "give Kubernetes manifests as YAML or JSON";
            unreadable.push(Finding::error(error.to_string(), help).within(&source.name));
        }
    }
    let mut plan = planner.finish();
    plan.findings.append(&mut unreadable);
    plan
}

fn plan_stream<'a>(
    planner: &mut Planner<'_>,
    tree: &mut Tree<'a>,
    number: usize,
    source: &'a Source,
    clock: &Clock,
) -> Result<(), SyntaxError> {
    let text = source.text.as_str();
    let mut events = Events::timed(text, clock);
    let name: Rc<str> = Rc::from(&*source.name);
    let (mut start, mut index) = (0, 0);
    while let Some(root) = tree.next_document(&mut events)? {
        planner.object(text, tree, root, Some(&name), index);
        let digest = events.digest();
        let end = match events.pull()? {
            Some((Event::DocumentEnd, span)) => span.end,
            _ => text.len(),
        };
        planner.end_document(tree, number, Span { start, end }, digest);
        start = end;
        index += 1;
    }
    Ok(())
}

/// Whether a text holds anything besides blanks, comments and document markers.
fn has_content(text: &str) -> bool {
    let mut lines = text.trim_start_matches('\u{feff}').split(trivia::BREAKS);
    lines.any(|line| {
        let marker = line.strip_prefix("---").or(line.strip_prefix("..."));
        let content = marker
            .filter(|rest| rest.is_empty() || rest.starts_with(trivia::BLANKS))
            .unwrap_or(line)
            .trim_start_matches(trivia::BLANKS);
        !content.is_empty() && !content.starts_with('#')
    })
}

/// Whether the text may hold a placeholder or anything else that the plan reports. If not, there is nothing to plan
/// (docs/internals/design.md#bytes-in-bytes-out).
fn may_hold_placeholder(text: &str) -> bool {
    // a Release, and what makes `<key>` a placeholder
    ["gitops-fn.dev/", "avp.kubernetes.io/", "Secret"]
        .iter()
        .any(|sign| memchr::memmem::find(text.as_bytes(), sign.as_bytes()).is_some())
        || signs::may_hold(text.as_bytes())
}

/// Resolves the secrets that the plan requires, and edits. Without errors the outcome has output.
///
/// # Errors
/// The outcome to return if the clock has stopped.
fn apply(
    texts: &[&str],
    plan: Plan,
    mode: Mode,
    judge: &Judge<'_>,
    clock: &Clock,
    resolve: impl FnOnce(&Wants) -> Resolved,
) -> Result<Outcome, Outcome> {
    let Plan {
        documents,
        left_out: documents_left_out,
        wants,
        mut findings,
    } = plan;
    tracing::debug!(
        documents = documents.len(),
        secrets = wants.len(),
        "planned"
    );
    if exit_code(&findings) != 0 {
        return Ok(Outcome::failed(findings));
    }
    let resolved = if wants.is_empty() {
        Resolved::default()
    } else {
        let resolved = resolve(&wants);
        match judge.limits() {
            Some(limits) => resolved.limited(limits.secret_bytes),
            None => resolved,
        }
    };
    if let Err(stop) = clock.check() {
        // reads that timed out explain it better
        let unread = timed_out_reads(&resolved);
        return Err(if unread.is_empty() {
            stop.into()
        } else {
            Outcome::failed(unread)
        });
    }
    let (bytes, over) = judge.growth();
    let mut allowance = Allowance::new(bytes, over, clock);
    let mut edited = edit(texts, documents, &resolved, mode, &mut allowance);
    for (source, span) in documents_left_out {
        left_out::remove(texts[source], span, &mut edited.splices[source]);
    }
    findings.extend(edited.findings);
    let outcome = Outcome {
        splices: (exit_code(&findings) == 0).then_some(edited.splices),
        findings,
        ..Outcome::default()
    };
    in_time(clock, outcome)
}
