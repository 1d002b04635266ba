//! Checks what generators, transformers and validators make kustomize run, and finds our own entry.

use std::path::{Path, PathBuf};

use super::{Transformer, Visitor};
use crate::finding::Finding;
use crate::kustomize::kustomization::{Kustomization, List, Object, Plugin, objects};
use crate::kustomize::repository::{Entry, joined};
use crate::kustomize::scan::kustomization_in;

/// Where a plugin's configuration is listed.
struct Place<'p> {
    file: &'p Path,
    /// The folder of the kustomization that lists it; paths in a generator are relative to it.
    folder: &'p Path,
    list: List,
    /// Whether our own entry may be there.
    ours: bool,
    /// Whether the configuration is written in the kustomization instead of a file.
    inline: bool,
}

impl Visitor<'_> {
    pub(super) fn plugin_entry(&mut self, file: &Path, list: List, folder: &Path, entry: &str) {
        let mut place = Place {
            file,
            folder,
            list,
            ours: list == List::Transformers && folder == self.top,
            inline: true,
        };
        // as in kustomize: an entry that is not an object is a path
        let inline = objects(entry);
        if !inline.is_empty() {
            return self.plugins(&place, &inline);
        }
        place.inline = false;
        let path = joined(folder, Path::new(entry)).unwrap_or_default();
        match self.path(file, folder, entry) {
            Some(Entry::File) => {
                let text = self.read(&path);
                self.plugins(&place, &objects(&text.unwrap_or_default()));
            }
            Some(Entry::Folder) => {
                place.ours = false;
                if folder == self.top && list == List::Transformers {
                    self.transformers.push(Transformer {
                        inline: false,
                        ours: false,
                    });
                }
                self.plugin_folder(&place, path);
            }
            None => {}
        }
        if place.ours && self.left == 0 {
            self.problem(
                file,
                "too much to look through",
                "name fewer and smaller transformers",
            );
        }
    }

    /// Checks a kustomization whose build result configures plugins, and those that it is made of. kustomize may
    /// transform these files before it uses them, so this does not see everything.
    fn plugin_folder(&mut self, place: &Place<'_>, folder: PathBuf) {
        let mut open = vec![folder];
        while let Some(folder) = open.pop() {
            let key = (place.list.name(), folder.clone());
            if !self.seen_plugins.insert(key) {
                continue;
            }
            let Ok(Some(file)) = kustomization_in(self.repository, &folder) else {
                continue;
            };
            let Some(text) = self.read(&file) else {
                continue;
            };
            let kustomization = Kustomization::read(&text);
            for list in [List::Resources, List::Components] {
                for entry in kustomization.entries(list) {
                    let path = joined(&folder, Path::new(entry)).unwrap_or_default();
                    match self.glance(&path) {
                        Ok(Entry::File) => {
                            let text = self.read(&path).unwrap_or_default();
                            self.plugins(place, &objects(&text));
                        }
                        Ok(Entry::Folder) => open.push(path),
                        Err(_) => {}
                    }
                }
            }
            self.enter(folder);
        }
    }

    fn plugins(&mut self, place: &Place<'_>, objects: &[Object]) {
        for object in objects {
            let plugin = object.plugin();
            if place.ours {
                self.transformers.push(Transformer {
                    inline: place.inline,
                    ours: matches!(plugin, Plugin::Ours { .. }),
                });
            }
            match plugin {
                Plugin::BuiltIn(None) => {}
                Plugin::BuiltIn(Some(chart)) => {
                    self.chart(place.file, place.folder, object.chart_home(), &chart);
                }
                Plugin::Ours { extras } if place.ours => self.own_entry(place, object, extras),
                Plugin::Ours { .. } => self.refuse(
                    place,
                    object,
                    "is an entry of gitops-fn in the wrong place",
                    "write it, in place or as a file, under `transformers:` of the kustomization that is built",
                ),
                Plugin::OurContainer => self.refuse(
                    place,
                    object,
                    "runs gitops-fn as a container, and there are none here",
                    "write `exec: {path: gitops-fn}` instead of `container:`",
                ),
                Plugin::Function => self.refuse(
                    place,
                    object,
                    "is a third-party function, which kustomize would leave out without a word",
                    "build runs no third-party functions: use what is built into kustomize, and placeholders for secrets (never commit decrypted ones)",
                ),
                Plugin::Legacy => self.refuse(
                    place,
                    object,
                    "is a plugin that kustomize would have to execute",
                    "build runs no third-party plugins: use what is built into kustomize, and placeholders for secrets (never commit decrypted ones)",
                ),
            }
        }
    }

    fn own_entry(&mut self, place: &Place<'_>, object: &Object, extras: bool) {
        if self.scan.entry.is_some() {
            return self.refuse(
                place,
                object,
                "is a second entry of gitops-fn",
                "put both into one Release",
            );
        }
        if extras {
            let warning = Finding::warning(
                format!(
                    "`args` and `envs` of {} count for kustomize alone, not for `gitops-fn build`",
                    object.name()
                ),
                "set them where `gitops-fn build` is started",
            );
            self.scan
                .findings
                .push(warning.within(place.file.display().to_string()));
        }
        self.scan.entry = Some(object.yaml());
    }

    /// Warns if our entry is not the last transformer: kustomize itself would run it where it is listed, and
    /// `gitops-fn build` runs it after everything else.
    pub(super) fn whether_ours_is_last(&mut self, file: &Path) {
        let (mut order, files): (Vec<_>, Vec<_>) =
            self.transformers.iter().partition(|one| one.inline);
        order.extend(files);
        let ours = order.iter().position(|one| one.ours);
        if ours.is_some_and(|ours| ours + 1 < order.len()) {
            let warning = Finding::warning(
                "gitops-fn is not the last transformer, and `gitops-fn build` runs it last",
                "make it the last one; kustomize runs those that are files after those that are written in place",
            );
            self.scan
                .findings
                .push(warning.within(file.display().to_string()));
        }
    }

    fn refuse(&mut self, place: &Place<'_>, object: &Object, fact: &str, help: &str) {
        let fact = format!("{} {fact}", object.name());
        let finding = Finding::error(fact, help);
        let place = format!("{} {}", place.file.display(), place.list.name());
        self.scan.findings.push(finding.within(place));
    }
}
