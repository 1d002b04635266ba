//! Visits the kustomizations of a scan, one folder after the other.

mod plugins;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::remote::{is_remote, shown};
use super::{Allowed, Scan, kustomization_in};
use crate::explain::Explain;
use crate::finding::Finding;
use crate::kustomize::helm::Refused;
use crate::kustomize::kustomization::{Chart, Kustomization, List};
use crate::kustomize::repository::{Entry, Repository, Unreadable, joined};

/// The maximum number of bytes that a scan reads. Without a limit, a repository could make it run for as long as it
/// likes.
const BYTES: usize = 32 << 20;
/// How many bytes of [`BYTES`] looking up one path counts as.
const GLANCE: usize = 1024;

/// Scans `folder` and everything that it refers to; see [`super::scan`].
pub(super) fn visit(repository: &Repository, folder: &Path, allowed: Allowed) -> Scan {
    let mut visitor = Visitor {
        repository,
        allowed,
        left: BYTES,
        seen: BTreeSet::new(),
        pending: Vec::new(),
        seen_plugins: BTreeSet::new(),
        top: folder.to_owned(),
        transformers: Vec::new(),
        scan: Scan::default(),
    };
    visitor.enter(folder.to_owned());
    while let Some(folder) = visitor.pending.pop() {
        visitor.folder(&folder);
    }
    visitor.scan
}

struct Visitor<'r> {
    repository: &'r Repository,
    allowed: Allowed,
    /// How much of [`BYTES`] is left.
    left: usize,
    seen: BTreeSet<PathBuf>,
    /// Folders that have still to be visited.
    pending: Vec<PathBuf>,
    /// The visited folders whose build results configure plugins, with the list that names them.
    seen_plugins: BTreeSet<(&'static str, PathBuf)>,
    /// The folder that is built.
    top: PathBuf,
    /// The transformers of its kustomization.
    transformers: Vec<Transformer>,
    scan: Scan,
}

/// A transformer of the kustomization that is built.
struct Transformer {
    /// Written in place: kustomize runs these before all others.
    inline: bool,
    /// Whether it is our own entry.
    ours: bool,
}

impl Visitor<'_> {
    fn problem(&mut self, file: &Path, message: impl Into<String>, help: &str) {
        let finding = Finding::error(message, help).within(file.display().to_string());
        self.scan.findings.push(finding);
    }

    fn enter(&mut self, folder: PathBuf) {
        if self.seen.insert(folder.clone()) {
            self.pending.push(folder);
        }
    }

    /// Returns what is at a path; [`Unreadable::Missing`] once [`BYTES`] are used up.
    fn glance(&mut self, path: &Path) -> Result<Entry, Unreadable> {
        self.left = self.left.saturating_sub(GLANCE);
        if self.left == 0 {
            return Err(Unreadable::Missing);
        }
        self.repository.entry(path)
    }

    /// Reads a file; `None` if it cannot be read, which is reported, or once [`BYTES`] are used up.
    fn read(&mut self, file: &Path) -> Option<String> {
        if self.left == 0 {
            return None;
        }
        match self.repository.read(file) {
            Ok(text) => {
                self.left = self.left.saturating_sub(text.len().max(GLANCE));
                Some(text)
            }
            Err(error) => {
                self.scan.findings.push(error.finding(file));
                None
            }
        }
    }

    fn folder(&mut self, folder: &Path) {
        let file = match kustomization_in(self.repository, folder) {
            Ok(Some(file)) => file,
            Ok(None) => return,
            Err((file, error)) => return self.scan.findings.push(error.finding(&file)),
        };
        let Some(text) = self.read(&file) else {
            return;
        };
        let kustomization = Kustomization::read(&text);
        // first, since our own entry must not be missed when the limit is reached
        for list in [List::Transformers, List::Generators, List::Validators] {
            for entry in kustomization.entries(list) {
                self.plugin_entry(&file, list, folder, entry);
            }
        }
        if folder == self.top {
            self.whether_ours_is_last(&file);
        }
        for chart in kustomization.charts() {
            self.chart(&file, folder, kustomization.chart_home(), &chart);
        }
        for list in [List::Resources, List::Components] {
            for entry in kustomization.entries(list) {
                if let Some(Entry::Folder) = self.path(&file, folder, entry) {
                    self.enter(joined(folder, Path::new(entry)).unwrap_or_default());
                }
            }
        }
        for name in kustomization.files() {
            self.path(&file, folder, name);
        }
    }

    /// Returns what the path of an entry leads to. `None` if it is not in the repository; remote entries and paths that
    /// lead out of the repository are reported.
    fn path(&mut self, file: &Path, folder: &Path, entry: &str) -> Option<Entry> {
        let found = match joined(folder, Path::new(entry)) {
            Some(path) => self.glance(&path),
            None => Err(Unreadable::Outside),
        };
        match found {
            Ok(entry) => return Some(entry),
            Err(_) if is_remote(entry) => self.problem(
                file,
                format!("{} is remote", shown(entry)),
                "keep all that is built in the repository: a build has no network",
            ),
            Err(Unreadable::Outside) => {
                let root = self.repository.path().display();
                self.problem(
                    file,
                    format!("{} leads out of the repository ({root})", shown(entry)),
                    "keep all that is built in the repository; if its root is another folder, name that with --root",
                );
            }
            // kustomize reports other errors
            Err(_) => {}
        }
        None
    }

    fn chart(&mut self, file: &Path, folder: &Path, home: &str, chart: &Chart) {
        let name = shown(&chart.name);
        if let Some(field) = chart.option {
            self.problem(
                file,
                format!("{field} of the helm chart {name} begins with `-`"),
                "helm would take it for an option: use another name",
            );
        }
        if let Some(field) = chart.moves_home {
            self.problem(
                file,
                format!("{field} of the helm chart {name} moves helm's own folders"),
                "leave it out: plugins and chart repositories of helm are not taken from a repository",
            );
        }
        if !self.allowed.helm {
            return self.problem(
                file,
                format!("the helm chart {name} needs helm"),
                "pass --enable-helm; under an operator's policy `enable.helm` has to allow it",
            );
        }
        if !chart.remote {
            return;
        }
        if !self.allowed.remote_charts {
            return self.problem(
                file,
                format!("the helm chart {name} has to be fetched"),
                &Refused::Fetch.help(),
            );
        }
        match joined(folder, Path::new(home)) {
            // the writable folder must not hold what is built, nor the token that git keeps
            Some(home) if !folder.starts_with(&home) && home.iter().all(|name| name != ".git") => {
                self.scan.charts.insert(home);
            }
            _ => self.problem(
                file,
                format!(
                    "the chart home {} is no folder of its own below the repository",
                    shown(home)
                ),
                "leave `helmGlobals.chartHome` out, or name a folder that holds charts alone",
            ),
        }
    }
}
