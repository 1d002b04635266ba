//! The two ways through the program: a ResourceList, or a stream of manifests.

use std::io::{self, Write};
use std::rc::Rc;

use crate::clock::{Clock, Stop};
use crate::config::{self, Config};
use crate::document::Problem;
use crate::edit::budget::Allowance;
use crate::edit::{edit, left_out, untold};
use crate::finding::{Finding, Severity, exit_code, results};
use crate::input::{Input, denied};
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
use crate::yaml::splice::{Splice, pieces};
use crate::yaml::tree::Tree;
use crate::yaml::trivia;

/// What a run came to: what is to be written, and what is to be said.
#[derive(Default)]
pub struct Outcome {
    /// The splices of each source; `None` when nothing at all may be written.
    splices: Option<Vec<Vec<Splice>>>,
    /// Where the values of an earlier step begin in the only source.
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

    /// The same over a text that was repaired to be read.
    fn over(mut self, input: &Input) -> Self {
        if let Some(splices) = &mut self.splices {
            input.put_back(splices);
        }
        self.findings.extend_from_slice(input.repaired());
        self
    }

    /// The exit code (docs/internals/design.md#exit-codes).
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        exit_code(&self.findings)
    }

    /// What its only source comes to; `None` where nothing is changed in it, or nothing may be written.
    #[must_use]
    pub fn text(&self, input: &Input) -> Option<String> {
        let ([splices], [source]) = (self.splices.as_deref()?, input.sources()) else {
            return None;
        };
        let all = Span {
            start: 0,
            end: source.text.len(),
        };
        (!splices.is_empty()).then(|| pieces(&source.text, all, splices).collect())
    }

    /// The edits of its only source, as they have made [`Outcome::text`] of it.
    #[must_use]
    pub fn edits(&self) -> &[Splice] {
        match self.splices.as_deref() {
            Some([splices]) => splices,
            _ => &[],
        }
    }

    /// The outcome after a further step over [`Outcome::text`], which takes the place of the input: its
    /// splices, and what it has found.
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

    /// What is to be written, if anything is: the sources with their splices, `---` between them where they
    /// lack it.
    ///
    /// # Errors
    /// Under a policy, what `recheck` has against it; there it also stops with the clock.
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

/// Where the values of some splices begin in the text that they make.
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

/// Where places of a text are once it has been edited, both in the order of the text.
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

/// What a run writes, in pieces.
#[derive(Default)]
pub struct Output<'o> {
    parts: Vec<&'o str>,
    length: usize,
    /// Where values begin in it.
    values: Vec<usize>,
    ends_line: bool,
}

impl<'o> Output<'o> {
    /// Adds a text with its splices, as a document of its own.
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
        for piece in pieces(text, all, splices) {
            self.push(piece);
        }
        // as it came: what is put at its end has a line break where the text had one
        self.ends_line = text.ends_with('\n') || text.is_empty();
    }

    fn push(&mut self, piece: &'o str) {
        self.length += piece.len();
        self.parts.push(piece);
    }

    /// Writes it.
    ///
    /// # Errors
    /// The writer's own.
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

/// The end of each step: what it has found is told only if it was not stopped.
fn in_time<T>(clock: &Clock, done: T) -> Result<T, Outcome> {
    clock.check().map(|()| done).map_err(Outcome::from)
}

impl From<Stop> for Outcome {
    fn from(stop: Stop) -> Self {
        Self::failed(vec![stop.into()])
    }
}

/// Runs as a KRM function over one ResourceList.
///
/// `resolve` is called at most once, and only if a secret is wanted. After an error the outcome's
/// output is the ResourceList with the items as read and the findings as `results`; there is no output
/// if the input is no ResourceList, or larger than the policy allows, or where the clock has stopped.
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

/// # Errors
/// What it comes to where the clock has stopped.
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
        // written in another style or order than orchestrators do: now its place is known
        if outline.function_config != place {
            place = outline.function_config;
            planned = plan_list(text, place, settings, judge, clock);
        }
    }
    let (outline, plan) = match in_time(clock, planned)? {
        Ok(planned) => planned,
        Err(error) => {
            let finding = Finding::error(error.to_string(), error.help());
            return Ok(Outcome::failed(vec![finding]));
        }
    };
    let mut outcome = match plan {
        Ok(mut plan) => {
            if !plan.wants.is_empty() {
                plan.findings.extend(input.separator().cloned());
            }
            apply(&[text], plan, Mode::Function, judge, clock, resolve)?
        }
        Err(problems) => Outcome::failed(problems.iter().map(config_finding).collect()),
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

/// How many results a failed run sends: kpt writes them all into a file.
const MAX_RESULTS: usize = 1000;

/// The entries of `results`: everything that was done, or what is wrong.
fn entries(outcome: &Outcome) -> Vec<String> {
    if outcome.splices.is_some() {
        return outcome.findings.iter().map(results::entry).collect();
    }
    // after an error nothing of it has been done
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

type Planned = (Outline, Result<Plan, Vec<Problem>>);

/// Reads the list and plans its items by the functionConfig at `place`.
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

fn config_finding(problem: &Problem) -> Finding {
    Finding::error(problem.to_string(), problem.help.clone()).exiting(2)
}

/// Runs over plain manifests.
///
/// `resolve` is called at most once, and only if a secret is wanted. Nothing is parsed where the bytes show that
/// nothing can be planned (docs/internals/design.md#bytes-in-bytes-out). After an error there is no output, nor where
/// the clock has stopped.
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

/// # Errors
/// What it comes to where the clock has stopped.
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

/// What a run over plain manifests would say before any secret is read; for those who ask what a policy
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

/// What there is against an input that holds nothing.
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
    let mut faults = Vec::new();
    for (number, source) in input.sources().iter().enumerate() {
        if let Err(error) = plan_stream(&mut planner, &mut tree, number, source, clock) {
            faults.push(Finding::error(
                format!("{}: {error}", source.name),
                "give Kubernetes manifests as YAML or JSON",
            ));
        }
    }
    let mut plan = planner.finish();
    plan.findings.append(&mut faults);
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

/// Whether a text holds anything but blanks, comments and document markers.
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

/// Whether the text may hold a placeholder, or anything that the plan reports: without it there is nothing to plan
/// (docs/internals/design.md#bytes-in-bytes-out).
fn may_hold_placeholder(text: &str) -> bool {
    // our own configuration, and what makes `<key>` count
    ["gitops-fn.dev/", "avp.kubernetes.io/", "Secret"]
        .iter()
        .any(|sign| memchr::memmem::find(text.as_bytes(), sign.as_bytes()).is_some())
        || signs::may_hold(text.as_bytes())
}

/// Resolves what the plan wants and edits; without errors the outcome has output.
///
/// # Errors
/// What it comes to where the clock has stopped.
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
        // a store that had no more time says it better
        let untold = untold(&resolved);
        return Err(if untold.is_empty() {
            stop.into()
        } else {
            Outcome::failed(untold)
        });
    }
    let (bytes, over) = judge.growth();
    let mut allowance = Allowance::new(bytes, denied(over), clock);
    let mut edited = edit(texts, documents, &resolved, mode, &mut allowance);
    for (source, span) in documents_left_out {
        left_out::take(texts[source], span, &mut edited.splices[source]);
    }
    findings.extend(edited.findings);
    let outcome = Outcome {
        splices: (exit_code(&findings) == 0).then_some(edited.splices),
        findings,
        ..Outcome::default()
    };
    in_time(clock, outcome)
}
