//! The plan step: from the nodes of the input to a list of changes and the secrets that they require. It does no
//! I/O: nothing is fetched before the plan is complete.
//!
//! Each rule has a file: [`repository`], [`images`], [`placeholders`]. They run in this order (`plan_object`), and
//! the first rule that changes a node wins.

pub mod aliases;
pub mod avp_annotations;
pub mod block;
pub mod change;
mod duplicates;
pub mod images;
pub mod insertion;
mod literal;
mod lookalike;
mod oracle;
mod own;
pub mod placeholders;
mod policy;
pub mod repository;
mod slot;
pub mod walk;

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::clock::Clock;
use crate::config::{Config, SecretsMode};
use crate::finding::{Finding, Severity};
use crate::krm::resource::{GroupVersionKind, Object, Subject, objects};
use crate::placeholder;
use crate::policy::judge::Judge;
use crate::policy::mode;
use crate::secret::SecretRef;
use crate::secret::wants::Wants;
use crate::settings::Settings;
use crate::yaml::event::{Span, Tag};
use crate::yaml::tree::{Kind, NodeId, Tree};
use change::{Action, Change, MapLayout};
use walk::{Place, WalkError};

/// How the program was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As a KRM function: ResourceList in, ResourceList out.
    Function,
    /// On plain manifests.
    Render,
    /// On the manifests that `build` got from kustomize.
    Build,
}

/// What the rules can see while they plan one object.
pub struct Scope<'s, 'a> {
    /// The text from which the tree was read.
    pub text: &'s str,
    /// The nodes of that text.
    pub tree: &'s Tree<'a>,
    /// The configuration of the run.
    pub config: &'s Config,
    /// The settings from the environment.
    pub settings: &'s Settings,
    /// Judges placeholders by the operator's policy.
    pub judge: &'s Judge<'s>,
    /// Limits the time of the run.
    pub clock: &'s Clock,
    /// How the program was called.
    pub mode: Mode,
    /// Whether the object comes from a file that will be written back.
    pub in_place: bool,
    annotation: &'s Rc<insertion::Setting>,
    object: &'s Object,
    images: &'s images::Keys,
    head: OnceCell<policy::Head<'s>>,
    eol: &'static str,
}

impl<'s> Scope<'s, '_> {
    /// The object's root mapping.
    #[must_use]
    pub fn root(&self) -> NodeId {
        self.object.root
    }

    /// The object, as messages name it.
    #[must_use]
    pub fn subject(&self) -> &'s Rc<Subject> {
        &self.object.subject
    }

    fn kind(&self) -> &'s str {
        &self.object.subject.identity.gvk.kind
    }

    /// Whether the object is a Secret, of any apiVersion as in AVP.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.kind() == "Secret"
    }

    /// Whether the object is a `ConfigMap`, of any apiVersion as in AVP.
    #[must_use]
    pub fn is_config_map(&self) -> bool {
        self.kind() == "ConfigMap"
    }

    /// Whether the object is a CustomResourceDefinition, in which kustomize never sets images.
    #[must_use]
    pub fn is_definition(&self) -> bool {
        self.kind() == "CustomResourceDefinition"
    }

    /// Whether placeholders are kept instead of resolved.
    #[must_use]
    pub fn keeps(&self) -> bool {
        keeps(self.config, self.judge)
    }

    /// The line break to write, which is the first one of the input.
    #[must_use]
    pub fn eol(&self) -> &'static str {
        self.eol
    }
}

/// Whether placeholders are kept, because of the operator's policy or the user's configuration.
fn keeps(config: &Config, judge: &Judge<'_>) -> bool {
    judge.secrets_mode() == mode::SecretsMode::Keep || config.secrets.mode == SecretsMode::Keep
}

/// The first line break of a text; `\n` if it has none.
fn first_break(text: &str) -> &'static str {
    let text = text.as_bytes();
    let first = memchr::memchr2(b'\n', b'\r', text).unwrap_or(text.len());
    match &text[first..] {
        [b'\r', b'\n', ..] => "\r\n",
        [b'\r', ..] => "\r",
        _ => "\n",
    }
}

/// The changes of one document.
#[derive(Debug)]
pub struct DocumentPlan {
    /// Index of the source that holds the document.
    pub source: usize,
    /// Where the document is in that source, in bytes.
    pub span: Span,
    /// The digest of all events that must not change.
    pub digest: u64,
    /// The changes, sorted by position.
    pub changes: Vec<Change>,
}

/// Everything that a run will do.
#[derive(Debug, Default)]
pub struct Plan {
    /// The documents with changes, in input order.
    pub documents: Vec<DocumentPlan>,
    /// The documents to leave out of the output, in input order: index of the source, and where the document is in it.
    pub left_out: Vec<(usize, Span)>,
    /// The secrets that the changes require.
    pub wants: Wants,
    /// Errors, warnings and notes from planning.
    pub findings: Vec<Finding>,
}

/// The maximum number of findings kept, for errors and for the rest separately. Only a few dozen are ever shown.
const MOST: usize = 10_000;

/// The maximum number of texts that are reported because they look like placeholders.
const MOST_LOOKALIKES: usize = 50;

/// What the rules have planned and found so far. [`Planner::end_document`] takes out what belongs to one document.
#[derive(Default)]
pub struct Draft {
    changes: Vec<Change>,
    /// By event number: the index of the event's change, or `None` if it is known to stay as it is.
    settled: FxHashMap<u32, Option<usize>>,
    demands: Vec<aliases::Demand>,
    wants: Wants,
    findings: Vec<Finding>,
    /// Number of findings so far: those that are not errors, then errors.
    found: [usize; 2],
    matched: BTreeSet<usize>,
    /// By image rule: the first field with a matching image that is not known to hold one.
    elsewhere: FxHashMap<usize, images::Elsewhere>,
    /// Number of texts that look like placeholders but are not.
    lookalikes: usize,
    kept: usize,
    placeholders: usize,
    /// Number of nodes that were reached through aliases in the current document.
    aliased: usize,
    /// Layouts of mappings that may lose entries, by the mapping's event number.
    layouts: FxHashMap<u32, Rc<MapLayout>>,
}

impl Draft {
    /// Plans a change of the node at `place`. If the place was reached through an alias, this is only a demand on the
    /// shared node, which [`aliases::settle`] decides.
    pub fn change(&mut self, place: &Place<'_, '_>, change: Change) {
        match place.alias {
            None => self.add(change),
            Some(alias) => self.demands.push(aliases::Demand::new(alias, change)),
        }
    }

    /// Plans a change, unless one is planned for the node already.
    pub fn add(&mut self, change: Change) {
        if !change.replaces {
            self.changes.push(change);
        } else if !self.is_settled(change.ordinal) {
            self.settled
                .insert(change.ordinal, Some(self.changes.len()));
            self.changes.push(change);
        }
    }

    /// Records that the node with this event number stays as it is.
    pub fn settle(&mut self, ordinal: u32) {
        self.settled.insert(ordinal, None);
    }

    /// Whether something has been decided about the node with this event number.
    #[must_use]
    pub fn is_settled(&self, ordinal: u32) -> bool {
        self.settled.contains_key(&ordinal)
    }

    /// Records a finding, up to `MOST` errors and as many others: each finding owns its texts, and the input may be
    /// wrong everywhere.
    pub fn report(&mut self, finding: Finding) {
        let found = &mut self.found[usize::from(finding.severity == Severity::Error)];
        if *found < MOST {
            *found += 1;
            self.findings.push(finding);
        }
    }

    fn report_all(&mut self, findings: Vec<Finding>) {
        for finding in findings {
            self.report(finding);
        }
    }

    /// Records a text that looks like a placeholder but is not, up to `MOST_LOOKALIKES`.
    pub fn report_lookalike(&mut self, finding: Finding) {
        self.lookalikes += 1;
        if self.lookalikes <= MOST_LOOKALIKES {
            self.report(finding);
        }
    }

    /// Records that the image rule with this index has matched.
    pub fn matched(&mut self, rule: usize) {
        self.matched.insert(rule);
    }

    /// Records a secret to read and the key that is needed from it.
    pub fn want(&mut self, want: SecretRef, key: &str) {
        self.wants.add(want, key);
    }

    /// The layout of a mapping that may lose entries; computed once for each mapping.
    pub fn layout(&mut self, text: &str, tree: &Tree<'_>, map: NodeId) -> Rc<MapLayout> {
        let layout = self
            .layouts
            .entry(tree.node(map).ordinal)
            .or_insert_with(|| Rc::new(MapLayout::of(text, tree, map)));
        Rc::clone(layout)
    }

    /// Adds to the number of placeholders. One that is reached in several places counts in each of them.
    pub fn count(&mut self, placeholders: usize) {
        self.placeholders += placeholders;
    }

    /// The number of placeholders so far.
    #[must_use]
    pub fn placeholders(&self) -> u64 {
        u64::try_from(self.placeholders).unwrap_or(u64::MAX)
    }

    /// Records a field that keeps its placeholders.
    pub fn keep(&mut self) {
        self.kept += 1;
    }
}

/// Plans a run, one object after the other.
pub struct Planner<'c> {
    config: &'c Config,
    settings: &'c Settings,
    judge: &'c Judge<'c>,
    clock: &'c Clock,
    mode: Mode,
    annotation: Rc<insertion::Setting>,
    images: images::Keys,
    kinds: FxHashSet<Rc<GroupVersionKind>>,
    function_config: Option<Subject>,
    /// The line break of the current text, by the text's address: finding it again for each object is expensive when
    /// the first line is long.
    eol: Option<(*const u8, &'static str)>,
    draft: Draft,
    documents: Vec<DocumentPlan>,
    /// Whether the current document is left out of the output.
    leave_out: bool,
    left_out: Vec<(usize, Span)>,
}

impl<'c> Planner<'c> {
    /// A planner that has seen no object yet. Its plan must not be used if the clock has stopped meanwhile.
    #[must_use]
    pub fn new(
        config: &'c Config,
        settings: &'c Settings,
        judge: &'c Judge<'c>,
        mode: Mode,
        clock: &'c Clock,
    ) -> Self {
        Self {
            config,
            settings,
            judge,
            clock,
            mode,
            annotation: Rc::new(repository::setting(
                config.repository.as_ref(),
                judge.has_policy(),
            )),
            images: images::Keys::of(&config.images),
            kinds: FxHashSet::default(),
            function_config: None,
            eol: None,
            draft: Draft::default(),
            documents: Vec::new(),
            leave_out: false,
            left_out: Vec::new(),
        }
    }

    /// Excludes the functionConfig from planning, since it may also be among the items
    /// (docs/internals/kustomize-and-kpt.md#the-functionconfig).
    pub fn leave_alone(&mut self, function_config: Subject) {
        self.function_config = Some(function_config);
    }

    /// Plans the object at `root`, or each member if it is a list.
    ///
    /// `file` and `index` say where it was found, for messages. Problems become findings of the plan.
    pub fn object(
        &mut self,
        text: &str,
        tree: &Tree<'_>,
        root: NodeId,
        file: Option<&Rc<str>>,
        index: usize,
    ) {
        if !matches!(tree.node(root).kind, Kind::Map { .. }) {
            if !tree.node(root).is_null() {
                self.draft.report(
                    Finding::error(format!("{} is not a Kubernetes object", place_name(file.map(|file| &**file), index)), "give manifests alone; every document has to be a mapping with apiVersion and kind"),
                );
            }
            return;
        }
        let found = objects(tree, root, file, index);
        if self.mode != Mode::Function
            && self.judge.has_policy()
            && found.iter().any(Object::is_resource_list)
        {
            self.draft.report(policy::resource_list());
            return;
        }
        if self.mode != Mode::Function && found.first().is_some_and(own::is_release) {
            self.draft.report(own::finding(&found[0], self.mode));
            self.leave_out = true;
            return;
        }
        let eol = self.eol(text);
        for mut object in found {
            if self.clock.check().is_err() {
                return;
            }
            if self.mode != Mode::Function && own::is_release(&object) {
                self.draft.report(own::in_list(&object));
                continue;
            }
            self.share_kind(&mut object);
            if object.is_local(tree) || self.is_function_config(&object) {
                continue;
            }
            if object.subject.identity.gvk.kind.is_empty() {
                self.draft.report(
                    Finding::error(format!("{} has no kind", place_name(object.subject.file.as_deref(), object.subject.index)), "give manifests alone; every document has to be a mapping with apiVersion and kind"),
                );
                continue;
            }
            let scope = Scope {
                text,
                tree,
                config: self.config,
                settings: self.settings,
                judge: self.judge,
                clock: self.clock,
                mode: self.mode,
                in_place: object.is_in_place(tree),
                annotation: &self.annotation,
                object: &object,
                images: &self.images,
                head: OnceCell::new(),
                eol,
            };
            plan_object(&scope, &mut self.draft);
        }
    }

    fn eol(&mut self, text: &str) -> &'static str {
        match self.eol {
            Some((at, eol)) if at == text.as_ptr() => eol,
            _ => {
                let eol = first_break(text);
                self.eol = Some((text.as_ptr(), eol));
                eol
            }
        }
    }

    /// Lets all objects of a kind share its name, since a stream has many objects of few kinds.
    fn share_kind(&mut self, object: &mut Object) {
        let Some(subject) = Rc::get_mut(&mut object.subject) else {
            return;
        };
        if let Some(known) = self.kinds.get(&subject.identity.gvk) {
            subject.identity.gvk = Rc::clone(known);
        } else {
            self.kinds.insert(Rc::clone(&subject.identity.gvk));
        }
    }

    fn is_function_config(&self, object: &Object) -> bool {
        self.function_config
            .as_ref()
            .is_some_and(|config| config.identity == object.subject.identity)
    }

    /// Ends the current document: decides about nodes that aliases share, and takes the events that change out of
    /// `digest`.
    ///
    /// `source` and `span` say where the document is. `tree` must hold the whole document if it has aliases.
    pub fn end_document(&mut self, tree: &Tree<'_>, source: usize, span: Span, digest: u64) {
        if std::mem::take(&mut self.leave_out) {
            self.left_out.push((source, span));
        }
        let draft = &mut self.draft;
        aliases::settle(tree, draft, self.clock);
        let mut changes = std::mem::take(&mut draft.changes);
        draft.settled.clear();
        draft.demands.clear();
        draft.layouts.clear();
        draft.aliased = 0;
        if changes.is_empty() {
            return;
        }
        changes.sort_by_key(|change| (change.span.start, change.ordinal));
        changes.shrink_to_fit();
        let digest = changes
            .iter()
            .fold(digest, |digest, change| digest.wrapping_sub(change.digest));
        self.documents.push(DocumentPlan {
            source,
            span,
            digest,
            changes,
        });
    }

    /// The plan for everything that was seen.
    #[must_use]
    pub fn finish(mut self) -> Plan {
        let mut findings = std::mem::take(&mut self.draft.findings);
        let images = &self.config.images;
        let unmatched = |&(index, _): &(usize, _)| !self.draft.matched.contains(&index);
        let told = |(index, rule)| images::unmatched(rule, self.draft.elsewhere.get(&index));
        findings.extend(images.iter().enumerate().filter(unmatched).map(told));
        findings.extend(self.amounts());
        findings.extend(self.kept());
        findings.extend(self.more_lookalikes());
        Plan {
            documents: self.documents,
            left_out: self.left_out,
            wants: self.draft.wants,
            findings,
        }
    }
}

impl Planner<'_> {
    /// The warning about placeholders that are kept, or the policy's denial of keeping them.
    fn kept(&self) -> Option<Finding> {
        let kept = self.draft.kept;
        if !keeps(self.config, self.judge) || kept == 0 {
            return None;
        }
        let why = if self.judge.secrets_mode() == mode::SecretsMode::Keep {
            "the policy's secretsMode is keep"
        } else if let Err(denial) = self.judge.keep() {
            return Some(denial);
        } else {
            "secrets mode is keep"
        };
        Some(Finding::warning(
            match kept {
                1 => format!("1 field keeps its placeholders ({why})"),
                kept => format!("{kept} fields keep their placeholders ({why})"),
            },
            "resolve them later, for example with `gitops-fn render -`",
        ))
    }

    /// The warning that counts the lookalikes beyond [`MOST_LOOKALIKES`].
    fn more_lookalikes(&self) -> Option<Finding> {
        let more = self.draft.lookalikes.checked_sub(MOST_LOOKALIKES)?;
        (more > 0).then(|| {
            let message =
                format!("and {more} more texts look like placeholders and stay as they are");
            Finding::warning(message, "")
        })
    }

    /// The errors for placeholders and reads that exceed the policy's limits.
    fn amounts(&self) -> Vec<Finding> {
        let draft = &self.draft;
        let wants = draft.wants.secrets();
        let reads: BTreeSet<_> = wants.map(|want| (&want.path, want.version)).collect();
        let distinct = u64::try_from(reads.len()).unwrap_or(u64::MAX);
        self.judge.amounts(draft.placeholders(), distinct)
    }
}

fn place_name(file: Option<&str>, index: usize) -> String {
    match file {
        Some(file) => format!("document {} of {file}", index + 1),
        None => format!("item {}", index + 1),
    }
}

fn plan_object(scope: &Scope<'_, '_>, draft: &mut Draft) {
    let is_list = scope.object.items.is_some();
    if !is_list {
        repository::plan(scope, draft);
    }
    let secrets = may_hold_placeholder(scope).then(|| avp_annotations::read(scope));
    let avp = match secrets {
        Some(Ok((avp, findings))) => {
            draft.report_all(findings);
            (!avp.ignore).then_some(avp)
        }
        Some(Err(findings)) => {
            draft.report_all(findings);
            None
        }
        None => None,
    };
    if avp.is_none() && (is_list || scope.config.images.is_empty()) {
        return;
    }
    let before = draft.changes.len();
    let mut aliased = draft.aliased;
    let items = scope.object.items;
    let walked = walk::walk(
        scope.tree,
        scope.root(),
        items,
        &mut aliased,
        scope.clock,
        &mut |place| {
            if !is_list {
                images::plan(scope, place, draft);
            }
            if let Some(avp) = &avp {
                placeholders::plan(scope, avp, place, draft);
            }
        },
    );
    draft.aliased = aliased;
    match walked {
        Ok(()) => {}
        Err(WalkError::Stopped) => return,
        Err(error) => draft.report(Finding::from(error).at(scope.subject(), "")),
    }
    if draft.changes.len() > before {
        duplicates::find(scope, before, draft);
    }
}

/// Whether the object may hold a placeholder, judged from its bytes alone. An alias may bring in text from elsewhere,
/// so an object in a document with aliases always may.
fn may_hold_placeholder(scope: &Scope<'_, '_>) -> bool {
    if scope.is_secret() || !scope.tree.aliases().is_empty() {
        return true;
    }
    let end = scope.tree.text_end(scope.root());
    let bytes = scope
        .text
        .as_bytes()
        .get(scope.tree.node(scope.root()).span.start..end)
        .unwrap_or_default();
    memchr::memmem::find(bytes, b"avp.kubernetes.io/").is_some()
        || placeholder::signs::may_hold(bytes)
}

/// Whether a node is a scalar that is an ordinary text, so that [`aliases`] can write it out in place of an alias.
fn is_plain_text(tree: &Tree<'_>, id: NodeId) -> bool {
    tree.node(id).style().is_some()
        && matches!(tree.node(id).props.tag, Tag::None | Tag::Str | Tag::Bare)
}

/// The action that writes a text out unchanged.
fn write_out(text: &str) -> Action {
    Action::Text {
        text: text.to_owned(),
        old: None,
        plain: false,
        told: false,
    }
}
