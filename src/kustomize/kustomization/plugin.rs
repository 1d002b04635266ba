//! Reads the configuration of a plugin: what it makes kustomize run.

use serde_yaml::Value;

use crate::untrusted_text::one_line;

use super::{Chart, chart, documents};

/// The name of our own executable, as entries and images spell it.
const OURSELVES: &str = "gitops-fn";

/// What a plugin's configuration makes kustomize run.
#[derive(Debug, PartialEq, Eq)]
pub enum Plugin {
    /// A plugin that is built into kustomize, and the chart that it inflates, if any.
    BuiltIn(Option<Chart>),
    /// This program, as an executable.
    Ours {
        /// Whether the entry gives it `args` or `envs`.
        extras: bool,
    },
    /// This program, as a container image.
    OurContainer,
    /// A third-party function.
    Function,
    /// A legacy exec or Go plugin.
    Legacy,
}

/// One object of a plugin's configuration.
#[derive(Debug)]
pub struct Object(Value);

/// Parses the objects of a text; kustomize reports what cannot be parsed.
#[must_use]
pub fn objects(text: &str) -> Vec<Object> {
    documents(text).into_iter().map(Object).collect()
}

impl Object {
    /// What the object makes kustomize run (docs/internals/kustomize-and-kpt.md#kustomize-declaring-a-function).
    #[must_use]
    pub fn plugin(&self) -> Plugin {
        let annotations = self
            .0
            .get("metadata")
            .and_then(|meta| meta.get("annotations"));
        let annotation = |key| annotations?.get(key)?.as_str();
        let function = annotation("config.kubernetes.io/function")
            .or_else(|| annotation("config.k8s.io/function"));
        if let Some(function) = function {
            let spec = documents(function).into_iter().next();
            return function_of(&spec.unwrap_or_default());
        }
        if let Some(function) = self.0.get("metadata").and_then(|meta| meta.get("configFn")) {
            return function_of(function);
        }
        if let Some(image) = annotation("config.kubernetes.io/container") {
            return container(image);
        }
        if self.text("apiVersion") == "builtin" {
            let helm = self.text("kind") == "HelmChartInflationGenerator";
            return Plugin::BuiltIn(helm.then(|| chart(&self.0)));
        }
        Plugin::Legacy
    }

    /// The folder of the charts of a built-in helm generator, relative to the kustomization.
    #[must_use]
    pub fn chart_home(&self) -> &str {
        match self.text("chartHome") {
            "" => "charts",
            home => home,
        }
    }

    /// `KIND NAME` for messages, in one line of at most 200 characters.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.0.get("metadata").and_then(|meta| meta.get("name"));
        let name = name.and_then(Value::as_str).unwrap_or_default();
        one_line(format!("{} {name}", self.text("kind")).trim())
            .chars()
            .take(200)
            .collect()
    }

    /// The object as YAML, to be read as our own configuration.
    #[must_use]
    pub fn yaml(&self) -> String {
        serde_yaml::to_string(&self.0).unwrap_or_default()
    }

    fn text(&self, key: &str) -> &str {
        self.0.get(key).and_then(Value::as_str).unwrap_or_default()
    }
}

/// What a function's `spec` runs. As in kustomize, a container takes precedence over an executable.
fn function_of(spec: &Value) -> Plugin {
    let image = spec.get("container").and_then(|one| one.get("image"));
    if let Some(image) = image.and_then(Value::as_str) {
        return container(image);
    }
    let path = spec.get("exec").and_then(|exec| exec.get("path"));
    match path.and_then(Value::as_str) {
        Some(path) if path.rsplit('/').next() == Some(OURSELVES) => Plugin::Ours {
            extras: ["args", "envs"].iter().any(|name| {
                let list = spec.get("exec").and_then(|exec| exec.get(*name));
                list.and_then(Value::as_sequence)
                    .is_some_and(|list| !list.is_empty())
            }),
        },
        _ => Plugin::Function,
    }
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
