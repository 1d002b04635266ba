//! Reads what a build has to know of a kustomization: fields that refer to files, charts and plugins.
//!
//! Reading is lenient: kustomize reports files that are wrong.

mod plugin;

use serde::Deserialize;
use serde_yaml::Value;

pub use plugin::{Object, Plugin, objects};

use crate::yaml::alias_bombs;

/// The file names that kustomize looks for, in its order.
pub const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// The maximum nesting depth of a text. The YAML crate's time grows with the square of the depth, which a malicious
/// repository could exploit; real configurations are not deep.
const MAX_DEPTH: usize = 64;

/// A kustomization, as untyped YAML.
#[derive(Debug, Default)]
pub struct Kustomization(Value);

/// A list of a kustomization that names files, folders or objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// `resources` and `bases`
    Resources,
    /// `components`
    Components,
    /// `generators`
    Generators,
    /// `transformers`
    Transformers,
    /// `validators`
    Validators,
}

impl List {
    /// The name of its field in a kustomization.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Resources => "resources",
            Self::Components => "components",
            Self::Generators => "generators",
            Self::Transformers => "transformers",
            Self::Validators => "validators",
        }
    }
}

/// A helm chart that kustomize inflates.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Chart {
    /// The chart's `name`, or `chartName` in the old form.
    pub name: String,
    /// Whether it is fetched from a chart repository.
    pub remote: bool,
    /// The first field whose text begins with `-`, which helm would take for an option (kustomize #6241).
    pub option: Option<&'static str>,
    /// The field that moves helm's own folders, which hold plugins and chart repositories.
    pub moves_home: Option<&'static str>,
}

impl Kustomization {
    /// Parses a kustomization; one that cannot be parsed is empty.
    #[must_use]
    pub fn read(text: &str) -> Self {
        Self(documents(text).into_iter().next().unwrap_or_default())
    }

    fn list(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.0
            .get(name)
            .and_then(Value::as_sequence)
            .into_iter()
            .flatten()
    }

    fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.list(name).filter_map(Value::as_str)
    }

    /// The entries of a list that are texts: paths, URLs, or objects written in place.
    pub fn entries(&self, list: List) -> impl Iterator<Item = &str> {
        // `bases` is the old name of `resources`
        let old = (list == List::Resources).then_some("bases");
        self.texts(list.name())
            .chain(old.into_iter().flat_map(|old| self.texts(old)))
    }

    /// The files that other fields than these lists name. Texts that may be objects written in place are left out.
    #[must_use]
    pub fn files(&self) -> Vec<&str> {
        let mut files: Vec<&str> = Vec::new();
        for generator in ["configMapGenerator", "secretGenerator"] {
            for one in self.list(generator) {
                files.extend(one.get("env").and_then(Value::as_str));
                for name in ["files", "envs"] {
                    let sources = one.get(name).and_then(Value::as_sequence);
                    let sources = sources.into_iter().flatten().filter_map(Value::as_str);
                    // KEY=PATH, or a path alone
                    files.extend(
                        sources
                            .map(|source| source.split_once('=').map_or(source, |(_, path)| path)),
                    );
                }
            }
        }
        for name in ["patches", "patchesJson6902", "replacements"] {
            files.extend(self.list(name).filter_map(|one| one.get("path")?.as_str()));
        }
        for name in ["crds", "configurations"] {
            files.extend(self.texts(name));
        }
        files.extend(
            self.0
                .get("openapi")
                .and_then(|one| one.get("path")?.as_str()),
        );
        for chart in self.list("helmCharts") {
            files.extend(chart.get("valuesFile").and_then(Value::as_str));
            let more = chart.get("additionalValuesFiles");
            let more = more.and_then(Value::as_sequence);
            files.extend(more.into_iter().flatten().filter_map(Value::as_str));
        }
        files
    }

    /// The folder of its charts, relative to the kustomization.
    #[must_use]
    pub fn chart_home(&self) -> &str {
        let home = self
            .0
            .get("helmGlobals")
            .and_then(|globals| globals.get("chartHome"));
        home.and_then(Value::as_str).unwrap_or("charts")
    }

    /// The charts that its own fields, not its generators, inflate.
    #[must_use]
    pub fn charts(&self) -> Vec<Chart> {
        let globals = self.0.get("helmGlobals").and_then(home_of);
        let with_globals = |chart: Chart| Chart {
            moves_home: chart.moves_home.or(globals),
            ..chart
        };
        self.list("helmCharts")
            .chain(self.list("helmChartInflationGenerator"))
            .map(|value| with_globals(chart(value)))
            .collect()
    }
}

/// Parses the mappings among the documents of a text. The result is empty if the text nests too deeply or its aliases
/// expand too much, and ends before a document that is not YAML.
fn documents(text: &str) -> Vec<Value> {
    if alias_bombs::check(text, MAX_DEPTH).is_err() {
        return Vec::new();
    }
    serde_yaml::Deserializer::from_str(text)
        .map_while(|document| Value::deserialize(document).ok())
        .map(|mut document| {
            // kustomize reports merge keys that are wrong
            let _ = document.apply_merge();
            document
        })
        .filter(Value::is_mapping)
        .collect()
}

fn chart(value: &Value) -> Chart {
    let text = |key| value.get(key).and_then(Value::as_str).unwrap_or_default();
    let fields = [
        "name",
        "releaseName",
        "chartName",
        "namespace",
        "releaseNamespace",
        "repo",
        "chartRepoUrl",
        "version",
        "chartVersion",
        "kubeVersion",
        "nameTemplate",
    ];
    let name = [text("name"), text("chartName")].concat();
    Chart {
        name,
        remote: !text("repo").is_empty() || !text("chartRepoUrl").is_empty(),
        option: fields
            .into_iter()
            .find(|field| text(field).trim_start().starts_with('-')),
        moves_home: home_of(value),
    }
}

/// The field of a chart, or of `helmGlobals`, that moves helm's own folders.
fn home_of(value: &Value) -> Option<&'static str> {
    ["configHome", "helmHome"]
        .into_iter()
        .find(|field| value.get(*field).is_some_and(|home| !home.is_null()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Plugin = Plugin::Ours { extras: false };

    fn plugin(text: &str) -> Plugin {
        objects(text)[0].plugin()
    }

    #[test]
    fn functions_are_told_from_built_in_and_old_plugins() {
        let function = |spec: &str| {
            plugin(&format!(
                "kind: X\nmetadata:\n  name: x\n  annotations:\n    config.kubernetes.io/function: |\n      {spec}\n"
            ))
        };
        assert_eq!(function("exec: {path: gitops-fn}"), OURS);
        assert_eq!(function("exec: {path: /usr/bin/gitops-fn}"), OURS);
        assert_eq!(
            function("exec: {path: gitops-fn, envs: [IMAGE_TAG=1]}"),
            Plugin::Ours { extras: true }
        );
        assert_eq!(function("exec: {path: sh}"), Plugin::Function);
        assert_eq!(
            function("container: {image: registry.example/a/gitops-fn:v1}"),
            Plugin::OurContainer
        );
        assert_eq!(
            function("{container: {image: gitops-fn}, exec: {path: gitops-fn}}"),
            Plugin::OurContainer
        );
        assert_eq!(
            function("container: {image: 'registry.example:5000/other'}"),
            Plugin::Function
        );
        assert_eq!(function("starlark: {path: x.star}"), Plugin::Function);
        assert_eq!(function("{}"), Plugin::Function);
        assert_eq!(
            plugin("apiVersion: builtin\nkind: PrefixTransformer"),
            Plugin::BuiltIn(None)
        );
        assert_eq!(plugin("apiVersion: example/v1\nkind: Own"), Plugin::Legacy);
        assert_eq!(
            plugin(
                "kind: X\nmetadata: {annotations: {config.kubernetes.io/container: 'x/gitops-fn@sha256:0'}}"
            ),
            Plugin::OurContainer
        );
    }

    #[test]
    fn a_chart_with_an_option_for_a_name_is_seen() {
        let read = Kustomization::read(
            "helmCharts:\n- {name: web, releaseName: '--post-renderer=x'}\n- {name: db, repo: 'https://charts.example'}\n",
        );
        let charts = read.charts();
        assert_eq!(charts[0].option, Some("releaseName"));
        assert!(!charts[0].remote && charts[1].remote);
        assert_eq!(charts[1].option, None);
    }

    #[test]
    fn all_fields_that_name_files_are_known() {
        let read = Kustomization::read(
            "configMapGenerator: [{files: [a, k=b], envs: [c]}]\nsecretGenerator: [{env: d, literals: [x=y]}]\n\
             patches: [{path: e}, {patch: x}]\npatchesJson6902: [{path: f}]\nreplacements: [{path: g}, {source: {}}]\n\
             crds: [h]\nconfigurations: [i]\nopenapi: {path: j}\nhelmCharts: [{valuesFile: k, additionalValuesFiles: [l]}]\n",
        );
        assert_eq!(
            read.files(),
            ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"]
        );
    }

    #[test]
    fn one_wrong_field_hides_no_other() {
        let read = Kustomization::read("resources: 1\ntransformers: [a, {b: c}]\nbases: [d]\n");
        assert_eq!(read.entries(List::Transformers).collect::<Vec<_>>(), ["a"]);
        assert_eq!(read.entries(List::Resources).collect::<Vec<_>>(), ["d"]);
    }

    #[test]
    fn what_cannot_be_read_is_left_to_kustomize() {
        let bomb = format!(
            "resources: [a]\na: &a [{}]\nb: [{}]\n",
            "1,".repeat(10_000),
            "*a,".repeat(10_000)
        );
        assert_eq!(
            Kustomization::read(&bomb).entries(List::Resources).count(),
            0
        );
        let deep = [
            "[".repeat(100_000),
            "- ".repeat(100_000),
            "a: {".repeat(1000),
        ];
        let texts = ["", "[", "a: &a [*a]", "resources: 1", "{}"];
        for text in texts.into_iter().chain(deep.iter().map(String::as_str)) {
            let read = Kustomization::read(text);
            assert_eq!(read.entries(List::Resources).count(), 0);
            assert!(
                objects(text)
                    .iter()
                    .all(|one| one.plugin() == Plugin::Legacy)
            );
        }
        assert!(objects("a: [").is_empty());
    }
}
