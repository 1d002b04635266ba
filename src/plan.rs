//! Plan: from nodes to a list of changes and the secrets they want. Pure; nothing is fetched before
//! the plan is complete.
//!
//! One rule a file: [`repository`], [`images`], [`placeholders`]; the order in [`Planner::object`] is the
//! order in which they count.

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
    /// Over plain manifests.
    Render,
    /// Over what `build` has made.
    Build,
}

/// What a rule may look at while it plans one object.
pub struct Scope<'s, 'a> {
    /// The text that the tree was read from.
    pub text: &'s str,
    /// The nodes.
    pub tree: &'s Tree<'a>,
    /// What the run is to do.
    pub config: &'s Config,
    /// What the environment says.
    pub settings: &'s Settings,
    /// What the operator allows.
    pub judge: &'s Judge<'s>,
    /// When the work has to end.
    pub clock: &'s Clock,
    /// How the program was called.
    pub mode: Mode,
    /// Whether the object stands in a file that will be written back.
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

    /// A Secret of any apiVersion, as with AVP.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.kind() == "Secret"
    }

    /// A `ConfigMap` of any apiVersion, as with AVP.
    #[must_use]
    pub fn is_config_map(&self) -> bool {
        self.kind() == "ConfigMap"
    }

    /// A CustomResourceDefinition: kustomize never sets images in one.
    #[must_use]
    pub fn is_definition(&self) -> bool {
        self.kind() == "CustomResourceDefinition"
    }

    /// Whether placeholders stay as they are.
    #[must_use]
    pub fn keeps(&self) -> bool {
        keeps(self.config, self.judge)
    }

    /// The line break to write: the input's own.
    #[must_use]
    pub fn eol(&self) -> &'static str {
        self.eol
    }
}

/// Whether placeholders stay: by the operator's word, or by the user's.
fn keeps(config: &Config, judge: &Judge<'_>) -> bool {
    judge.secrets_mode() == mode::SecretsMode::Keep || config.secrets.mode == SecretsMode::Keep
}

/// The first line break of a text.
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
    /// Which of the run's sources it stands in.
    pub source: usize,
    /// The document's text in that source.
    pub span: Span,
    /// The digest of all events that are to stay.
    pub digest: u64,
    /// The changes, by place.
    pub changes: Vec<Change>,
}

/// All that a run is to do.
#[derive(Debug, Default)]
pub struct Plan {
    /// The documents with changes, in order.
    pub documents: Vec<DocumentPlan>,
    /// The documents that are left out, in order: their source, and their text in it.
    pub left_out: Vec<(usize, Span)>,
    /// The secrets that the changes want.
    pub wants: Wants,
    /// What was found on the way.
    pub findings: Vec<Finding>,
}

/// How many findings of a sort there may be; a few dozen are shown.
const MOST: usize = 10_000;

/// How many texts that look like placeholders are told.
const MOST_LOOKALIKES: usize = 50;

/// What the rules have planned for the document at hand.
#[derive(Default)]
pub struct Draft {
    changes: Vec<Change>,
    /// Which event has which change, or is known to stay.
    settled: FxHashMap<u32, Option<usize>>,
    demands: Vec<aliases::Demand>,
    wants: Wants,
    findings: Vec<Finding>,
    /// How many of them are no errors, and how many are.
    found: [usize; 2],
    matched: BTreeSet<usize>,
    /// Where the image of a rule was first seen in a field that is not known to hold one.
    elsewhere: FxHashMap<usize, images::Elsewhere>,
    /// Texts that look like placeholders and are none.
    lookalikes: usize,
    kept: usize,
    placeholders: usize,
    /// Nodes that were met through aliases in the document at hand.
    aliased: usize,
    /// Layouts of mappings that may lose entries, by the event number of the mapping.
    layouts: FxHashMap<u32, Rc<MapLayout>>,
}

impl Draft {
    /// Plans a change of the node at `place`; through an alias it is a demand on the shared node.
    pub fn change(&mut self, place: &Place<'_, '_>, change: Change) {
        match place.alias {
            None => self.add(change),
            Some(alias) => self.demands.push(aliases::Demand::new(alias, change)),
        }
    }

    /// Plans a change, unless the node has one.
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

    /// Records a finding; not more than `MOST` errors, and as many others: each has texts of its own, and
    /// the input may be wrong everywhere.
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

    /// Records a text that looks like a placeholder and is none; not more than `MOST_LOOKALIKES`.
    pub fn report_lookalike(&mut self, finding: Finding) {
        self.lookalikes += 1;
        if self.lookalikes <= MOST_LOOKALIKES {
            self.report(finding);
        }
    }

    /// Records that an image rule has matched.
    pub fn matched(&mut self, rule: usize) {
        self.matched.insert(rule);
    }

    /// Records a read, and a key that is wanted of it.
    pub fn want(&mut self, want: SecretRef, key: &str) {
        self.wants.add(want, key);
    }

    /// The layout of a mapping that may lose entries.
    pub fn layout(&mut self, text: &str, tree: &Tree<'_>, map: NodeId) -> Rc<MapLayout> {
        let layout = self
            .layouts
            .entry(tree.node(map).ordinal)
            .or_insert_with(|| Rc::new(MapLayout::of(text, tree, map)));
        Rc::clone(layout)
    }

    /// Counts placeholders, in each place that they show in.
    pub fn count(&mut self, placeholders: usize) {
        self.placeholders += placeholders;
    }

    /// How many placeholders have been met.
    #[must_use]
    pub fn placeholders(&self) -> u64 {
        u64::try_from(self.placeholders).unwrap_or(u64::MAX)
    }

    /// Records a placeholder that stays by the config's wish.
    pub fn keep(&mut self) {
        self.kept += 1;
    }
}

/// Plans object after object.
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
    /// The line break of a text, by its address: its first line can be long.
    eol: Option<(*const u8, &'static str)>,
    draft: Draft,
    documents: Vec<DocumentPlan>,
    /// Whether the document at hand is left out.
    leave_out: bool,
    left_out: Vec<(usize, Span)>,
}

impl<'c> Planner<'c> {
    /// A planner without objects yet. What it has planned counts for nothing once the clock has stopped.
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

    /// Names the functionConfig: its echo among the items is not edited
    /// (docs/internals/kustomize-and-kpt.md#the-functionconfig).
    pub fn leave_alone(&mut self, function_config: Subject) {
        self.function_config = Some(function_config);
    }

    /// Plans the object at `root`, or the members of a list.
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

    /// Lets all objects of one kind share its name: a stream has many objects and few kinds.
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

    /// Ends a document: settles what aliases share, and takes the changed events out of `digest`.
    ///
    /// `tree` must hold the whole document if it has aliases.
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

    /// The plan of all that has been seen.
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
    /// What there is to say of placeholders that stay.
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

    /// What there is to say of texts that look like placeholders and have not been told.
    fn more_lookalikes(&self) -> Option<Finding> {
        let more = self.draft.lookalikes.checked_sub(MOST_LOOKALIKES)?;
        (more > 0).then(|| {
            let message =
                format!("and {more} more texts look like placeholders and stay as they are");
            Finding::warning(message, "")
        })
    }

    /// What the policy has against the amounts of the plan.
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

/// A quick look at the bytes of an object; an alias may bring in text from elsewhere.
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

/// Whether a node is only there to be a plain text, for [`aliases`].
fn is_plain_text(tree: &Tree<'_>, id: NodeId) -> bool {
    tree.node(id).style().is_some()
        && matches!(tree.node(id).props.tag, Tag::None | Tag::Str | Tag::Bare)
}

/// The action that writes a text out as it is.
fn write_out(text: &str) -> Action {
    Action::Text {
        text: text.to_owned(),
        old: None,
        plain: false,
        told: false,
    }
}
