//! What a build has to know of a kustomization: the fields that lead elsewhere, and plugins.
//!
//! Read leniently: whether a file is right is for kustomize to say.

use serde::Deserialize;
use serde_yaml::Value;

/// The names that kustomize looks for, in its order.
pub const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// The name of our own executable, as entries and images spell it.
const OURSELVES: &str = "gitops-fn";

/// A kustomization, as far as it matters.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Kustomization {
    resources: Option<Vec<Value>>,
    bases: Option<Vec<Value>>,
    components: Option<Vec<Value>>,
    generators: Option<Vec<Value>>,
    transformers: Option<Vec<Value>>,
    validators: Option<Vec<Value>>,
    #[serde(rename = "helmCharts")]
    helm_charts: Option<Vec<Value>>,
    #[serde(rename = "helmChartInflationGenerator")]
    helm_old: Option<Vec<Value>>,
    #[serde(rename = "helmGlobals")]
    helm_globals: Option<Value>,
}

/// Which list of a kustomization an entry stands in.
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
    /// Its name in a kustomization.
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
    /// `name`, if it is a text.
    pub name: String,
    /// Whether it is fetched from a repository of charts.
    pub remote: bool,
    /// The first field whose text begins with `-`: helm takes it for an option (kustomize #6241).
    pub option: Option<&'static str>,
}

/// What a plugin's configuration asks kustomize to run.
#[derive(Debug, PartialEq, Eq)]
pub enum Plugin {
    /// One that is built into kustomize, and the chart that it inflates.
    BuiltIn(Option<Chart>),
    /// Our program.
    Ours,
    /// Our container image.
    OurContainer,
    /// A function of somebody else's.
    Function,
    /// An executable or Go plugin of the old kind.
    Legacy,
}

impl Kustomization {
    /// Reads a kustomization; one that cannot be read has nothing in it.
    #[must_use]
    pub fn read(text: &str) -> Self {
        serde_yaml::from_str(text).unwrap_or_default()
    }

    /// The entries of a list that are texts: paths, URLs, or objects written in place.
    pub fn entries(&self, list: List) -> impl Iterator<Item = &str> {
        let (one, other) = match list {
            List::Resources => (&self.resources, &self.bases),
            List::Components => (&self.components, &None),
            List::Generators => (&self.generators, &None),
            List::Transformers => (&self.transformers, &None),
            List::Validators => (&self.validators, &None),
        };
        one.iter()
            .chain(other)
            .flatten()
            .filter_map(|entry| entry.as_str())
    }

    /// Where its charts are, relative to it.
    #[must_use]
    pub fn chart_home(&self) -> &str {
        let home = self
            .helm_globals
            .as_ref()
            .and_then(|globals| globals.get("chartHome"));
        home.and_then(Value::as_str).unwrap_or("charts")
    }

    /// The charts that it inflates itself.
    #[must_use]
    pub fn charts(&self) -> Vec<Chart> {
        self.helm_charts
            .iter()
            .chain(&self.helm_old)
            .flatten()
            .map(chart)
            .collect()
    }
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
        "valuesFile",
        "values",
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
    }
}

/// One object of a plugin's configuration.
#[derive(Debug)]
pub struct Object(Value);

/// The objects of a text; what cannot be read is left to kustomize.
#[must_use]
pub fn objects(text: &str) -> Vec<Object> {
    serde_yaml::Deserializer::from_str(text)
        .map_while(|document| Value::deserialize(document).ok())
        .filter(Value::is_mapping)
        .map(Object)
        .collect()
}

impl Object {
    /// What kustomize is asked to run (krm-functions.md 2.1).
    #[must_use]
    pub fn plugin(&self) -> Plugin {
        let annotations = self
            .0
            .get("metadata")
            .and_then(|meta| meta.get("annotations"));
        let annotation = |key| annotations?.get(key)?.as_str();
        let function = annotation("config.kubernetes.io/function")
            .or_else(|| annotation("config.k8s.io/function"));
        if let Some(image) = annotation("config.kubernetes.io/container") {
            return container(image);
        }
        if let Some(function) = function {
            return spec(&serde_yaml::from_str(function).unwrap_or_default());
        }
        if let Some(function) = self.0.get("metadata").and_then(|meta| meta.get("configFn")) {
            return spec(function);
        }
        if self.text("apiVersion") == "builtin" {
            let helm = self.text("kind") == "HelmChartInflationGenerator";
            return Plugin::BuiltIn(helm.then(|| chart(&self.0)));
        }
        Plugin::Legacy
    }

    /// `KIND NAME`, as messages name it.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.0.get("metadata").and_then(|meta| meta.get("name"));
        let name = name.and_then(Value::as_str).unwrap_or_default();
        format!("{} {name}", self.text("kind"))
            .trim()
            .chars()
            .filter(|ch| !ch.is_control())
            .take(200)
            .collect()
    }

    /// The object as YAML, for the configuration that it is.
    #[must_use]
    pub fn yaml(&self) -> String {
        serde_yaml::to_string(&self.0).unwrap_or_default()
    }

    fn text(&self, key: &str) -> &str {
        self.0.get(key).and_then(Value::as_str).unwrap_or_default()
    }
}

fn spec(function: &Value) -> Plugin {
    let exec = function.get("exec").and_then(|exec| exec.get("path"));
    if let Some(path) = exec.and_then(Value::as_str) {
        let ours = path.rsplit('/').next() == Some(OURSELVES);
        return if ours { Plugin::Ours } else { Plugin::Function };
    }
    let image = function
        .get("container")
        .and_then(|container| container.get("image"));
    image
        .and_then(Value::as_str)
        .map_or(Plugin::Function, container)
}

fn container(image: &str) -> Plugin {
    let last = image.rsplit('/').next().unwrap_or_default();
    let name = last.split([':', '@']).next().unwrap_or_default();
    if name == OURSELVES {
        Plugin::OurContainer
    } else {
        Plugin::Function
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(function("exec: {path: gitops-fn}"), Plugin::Ours);
        assert_eq!(function("exec: {path: /usr/bin/gitops-fn}"), Plugin::Ours);
        assert_eq!(function("exec: {path: sh}"), Plugin::Function);
        assert_eq!(
            function("container: {image: registry.example/a/gitops-fn:v1}"),
            Plugin::OurContainer
        );
        assert_eq!(
            function("container: {image: 'registry.example:5000/other'}"),
            Plugin::Function
        );
        assert_eq!(function("starlark: {path: x.star}"), Plugin::Function);
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
    fn what_cannot_be_read_is_left_to_kustomize() {
        for text in ["", "[", "a: &a [*a]", "resources: 1", "{}"] {
            let read = Kustomization::read(text);
            assert_eq!(read.entries(List::Resources).count(), 0, "{text:?}");
        }
        assert!(objects("a: [").is_empty());
    }
}
