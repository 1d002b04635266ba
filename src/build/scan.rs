//! A look at the kustomizations on disk, for messages that say early and kindly what will not work.
//!
//! It is no boundary: what it does not see is confined all the same.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::kustomization::{Chart, Kustomization, List, NAMES, Object, Plugin, objects};
use super::repository::{Entry, Repository, Unreadable, joined};
use crate::krm::result::{Finding, Severity};

/// How many folders are looked into.
const FOLDERS: usize = 2000;

/// What a build may do beyond plain kustomizations.
#[derive(Clone, Copy, Debug)]
pub struct Allowed {
    /// Charts may be inflated.
    pub helm: bool,
    /// Charts may be fetched.
    pub remote_charts: bool,
}

/// What the look has found.
#[derive(Debug, Default)]
pub struct Scan {
    /// Errors and warnings.
    pub findings: Vec<Finding>,
    /// Our own entry under `transformers:`, as YAML.
    pub entry: Option<String>,
    /// Folders that hold fetched charts, relative to the root.
    pub charts: BTreeSet<PathBuf>,
}

/// Looks at the kustomization in `folder` (relative to the root) and at all that it leads to.
#[must_use]
pub fn scan(repository: &Repository, folder: &Path, allowed: Allowed) -> Scan {
    let mut look = Look {
        repository,
        allowed,
        seen: BTreeSet::new(),
        scan: Scan::default(),
        entries: 0,
    };
    look.folder(folder, true);
    look.scan
}

/// The kustomization file in a folder, relative to the root.
///
/// # Errors
/// An [`Unreadable`] that is not [`Unreadable::Missing`].
pub fn kustomization_in(
    repository: &Repository,
    folder: &Path,
) -> Result<Option<PathBuf>, (PathBuf, Unreadable)> {
    for name in NAMES {
        let file = folder.join(name);
        match repository.entry(&file) {
            Ok(Entry::File) => return Ok(Some(file)),
            Ok(Entry::Folder) | Err(Unreadable::Missing) => {}
            Err(error) => return Err((file, error)),
        }
    }
    Ok(None)
}

struct Look<'r> {
    repository: &'r Repository,
    allowed: Allowed,
    seen: BTreeSet<PathBuf>,
    scan: Scan,
    /// How many entries of ours there are.
    entries: usize,
}

impl Look<'_> {
    fn problem(&mut self, message: String, help: &str) {
        self.scan.findings.push(Finding::error(message, help));
    }

    fn unreadable(&mut self, file: &Path, error: Unreadable) {
        self.problem(
            format!("{} {error}", file.display()),
            "keep regular files of at most 1 MiB in the repository, and links inside of it",
        );
    }

    fn folder(&mut self, folder: &Path, top: bool) {
        if self.seen.len() >= FOLDERS || !self.seen.insert(folder.to_owned()) {
            return;
        }
        let file = match kustomization_in(self.repository, folder) {
            Ok(Some(file)) => file,
            Ok(None) => return,
            Err((file, error)) => return self.unreadable(&file, error),
        };
        let text = match self.repository.read(&file) {
            Ok(text) => text,
            Err(error) => return self.unreadable(&file, error),
        };
        let kustomization = Kustomization::read(&text);
        for chart in kustomization.charts() {
            self.chart(&file, folder, kustomization.chart_home(), &chart);
        }
        for list in [List::Resources, List::Components] {
            for entry in kustomization.entries(list) {
                self.resource(&file, folder, entry);
            }
        }
        for list in [List::Generators, List::Transformers, List::Validators] {
            let entries: Vec<_> = kustomization.entries(list).collect();
            for (index, entry) in entries.iter().enumerate() {
                let place = PluginPlace {
                    file: &file,
                    list,
                    ours_allowed: top && list == List::Transformers,
                    last: index + 1 == entries.len(),
                };
                self.plugin_entry(&place, folder, entry);
            }
        }
    }

    fn resource(&mut self, file: &Path, folder: &Path, entry: &str) {
        let Some(path) = joined(folder, Path::new(entry)) else {
            return self.leads_out(file, entry);
        };
        match self.repository.entry(&path) {
            Ok(Entry::Folder) => self.folder(&path, false),
            Err(Unreadable::Outside) => self.leads_out(file, entry),
            Err(_) if is_remote(entry) => self.problem(
                format!("{}: {} is remote", file.display(), shown(entry)),
                "keep bases in the repository: a build has no network",
            ),
            // kustomize says what it thinks of the rest
            Ok(Entry::File) | Err(_) => {}
        }
    }

    fn leads_out(&mut self, file: &Path, entry: &str) {
        if is_remote(entry) {
            return self.problem(
                format!("{}: {} is remote", file.display(), shown(entry)),
                "keep bases in the repository: a build has no network",
            );
        }
        let root = self.repository.path().display();
        self.problem(
            format!(
                "{}: {} leads out of the repository ({root})",
                file.display(),
                shown(entry)
            ),
            "move it into the repository, or build from the checkout's root with --root",
        );
    }

    fn plugin_entry(&mut self, place: &PluginPlace<'_>, folder: &Path, entry: &str) {
        if entry.contains('\n') || entry.trim_start().starts_with('{') {
            return self.plugins(place, folder, entry);
        }
        let Some(path) = joined(folder, Path::new(entry)) else {
            return self.leads_out(place.file, entry);
        };
        match self.repository.entry(&path) {
            Ok(Entry::File) => match self.repository.read(&path) {
                Ok(text) => self.plugins(place, folder, &text),
                Err(error) => self.unreadable(&path, error),
            },
            Ok(Entry::Folder) => self.plugin_folder(place, &path),
            Err(Unreadable::Outside) => self.leads_out(place.file, entry),
            Err(_) if is_remote(entry) => self.leads_out(place.file, entry),
            Err(_) => {}
        }
    }

    /// A kustomization whose result configures plugins: kustomize builds it first, so its files are only
    /// most of the truth.
    fn plugin_folder(&mut self, place: &PluginPlace<'_>, folder: &Path) {
        self.folder(folder, false);
        let Ok(Some(file)) = kustomization_in(self.repository, folder) else {
            return;
        };
        let Ok(text) = self.repository.read(&file) else {
            return;
        };
        let kustomization = Kustomization::read(&text);
        for entry in kustomization.entries(List::Resources) {
            let path = joined(folder, Path::new(entry));
            if let Some(text) = path.and_then(|path| self.repository.read(&path).ok()) {
                self.plugins(place, folder, &text);
            }
        }
    }

    fn plugins(&mut self, place: &PluginPlace<'_>, folder: &Path, text: &str) {
        for object in objects(text) {
            match object.plugin() {
                Plugin::BuiltIn(None) => {}
                Plugin::BuiltIn(Some(chart)) => self.chart(place.file, folder, "charts", &chart),
                Plugin::Ours if place.ours_allowed => self.own_entry(place, &object),
                Plugin::Ours => self.refuse(
                    place,
                    &object,
                    "is an entry of gitops-fn in the wrong place",
                    "write it under `transformers:` of the kustomization that is built",
                ),
                Plugin::OurContainer => self.refuse(
                    place,
                    &object,
                    "runs gitops-fn as a container, and there are none here",
                    "write `exec: {path: gitops-fn}` instead of `container:`",
                ),
                Plugin::Function => self.refuse(
                    place,
                    &object,
                    "is a function of somebody else's, which kustomize would leave out in silence",
                    "run it before, and commit what it makes",
                ),
                Plugin::Legacy => self.refuse(
                    place,
                    &object,
                    "is a plugin that kustomize would have to execute",
                    "use what is built into kustomize, or commit what the plugin makes",
                ),
            }
        }
    }

    fn own_entry(&mut self, place: &PluginPlace<'_>, object: &Object) {
        self.entries += 1;
        if self.entries > 1 {
            return self.refuse(
                place,
                object,
                "is a second entry of gitops-fn",
                "put both into one Release",
            );
        }
        if !place.last {
            self.scan.findings.push(Finding::new(
                Severity::Warning,
                format!(
                    "{}: transformers behind {} will come before it",
                    place.file.display(),
                    object.name()
                ),
                "make it the last transformer",
            ));
        }
        self.scan.entry = Some(object.yaml());
    }

    fn refuse(&mut self, place: &PluginPlace<'_>, object: &Object, fact: &str, help: &str) {
        self.problem(
            format!(
                "{} {}: {} {fact}",
                place.file.display(),
                place.list.name(),
                object.name()
            ),
            help,
        );
    }

    fn chart(&mut self, file: &Path, folder: &Path, home: &str, chart: &Chart) {
        let name = shown(&chart.name);
        if let Some(field) = chart.option {
            self.problem(
                format!(
                    "{}: {field} of the helm chart {name} begins with `-`",
                    file.display()
                ),
                "helm would take it for an option: use another name",
            );
        }
        if !self.allowed.helm {
            return self.problem(
                format!("{}: the helm chart {name} needs helm", file.display()),
                "pass --enable-helm; under an operator's policy `enable.helm` has to allow it",
            );
        }
        if chart.remote && !self.allowed.remote_charts {
            return self.problem(
                format!("{}: the helm chart {name} has to be fetched", file.display()),
                "vendor the chart: `helm pull --untar` into the chart home, commit it, and remove `repo:`; or let the operator's policy say `enable.remoteCharts`",
            );
        }
        if !chart.remote {
            return;
        }
        match joined(folder, Path::new(home)) {
            Some(home) => {
                self.scan.charts.insert(home);
            }
            None => self.leads_out(file, home),
        }
    }
}

/// Where a plugin's configuration was named.
struct PluginPlace<'p> {
    file: &'p Path,
    list: List,
    ours_allowed: bool,
    last: bool,
}

/// Whether an entry is no path but something to fetch, as kustomize reads it.
fn is_remote(entry: &str) -> bool {
    entry.contains("://")
        || entry.contains("git@")
        || entry.contains("?ref=")
        || entry.starts_with("git::")
        || entry.starts_with("github.com/")
        || entry.starts_with("github.com:")
}

/// A text of a kustomization in a message: one line, without what a URL may carry.
fn shown(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|ch| if ch.is_control() { '\u{fffd}' } else { ch })
        .take(200)
        .collect();
    match (text.find("://"), text.find('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            format!("{}…{}", &text[..scheme + 3], &text[at..])
        }
        _ => text,
    }
}
