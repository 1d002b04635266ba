//! A tenant under a policy: one run in this process, and what must hold of what it prints.
//!
//! The fuzz target in `tests/fuzz` is built from this file too, so it names nothing of the tests.

use std::collections::BTreeMap;

use base64::Engine as _;
use gitops_fn::clock::Clock;
use gitops_fn::config::{self, Config};
use gitops_fn::finding::text;
use gitops_fn::policy::Policy;
use gitops_fn::policy::identity::Identity;
use gitops_fn::policy::judge::Judge;
use gitops_fn::policy::load;
use gitops_fn::resolve::{Resolved, SecretStore, StoreError, StoreErrorKind, resolve};
use gitops_fn::secret::wants::{Keys, Wants};
use gitops_fn::secret::{Secret, SecretRef, Value};
use gitops_fn::settings::Settings;
use gitops_fn::source::Source;
use gitops_fn::{Input, Outcome, function, render};
use serde_json::{Number, Value as Json};

/// What the operator says: the tenant's own secrets, in Secrets of the destination namespace and in two
/// fields of one more kind. `file` is where the store is.
pub(crate) fn policy(file: &str) -> String {
    format!(
        "apiVersion: gitops-fn.dev/v1alpha1
kind: Policy
metadata: {{name: differential}}
spec:
  store: file
  secretsFile: {file}
  functionMode: allow
  enable: {{keep: true}}
  mounts: [{{path: kv, version: 2}}]
  allow: [{{name: own, paths: ['kv/shop/**']}}]
  sinks: [{{apiVersion: example.com/v1, kind: Sink, fields: [spec/secret, 'spec/list/*']}}]
  matchDestinationNamespace: true
"
    )
}

/// The destination namespace of the Application.
pub(crate) const NAMESPACE: &str = "shop-prod";

/// The Application, as Argo CD names it in the environment.
pub(crate) const APPLICATION: [(&str, &str); 3] = [
    ("ARGOCD_APP_PROJECT_NAME", "shop"),
    ("ARGOCD_APP_NAME", "web"),
    ("ARGOCD_APP_NAMESPACE", NAMESPACE),
];

/// The store, as a file of secrets. One value is plain, one is made to break out of any text, one is a
/// number, one a map, and one nobody here may read. `kv/shop/none` is not there.
pub(crate) const SECRETS: &str = r#"
kv/shop/web:
  password: SENTINEL-plain
  token: "SENTINEL-token: \"'\n---\n#x\u2028\u0085kind: ConfigMap\n...\n\t{{&a *b !c\r\n"
  number: 770077007700
  map: {SENTINEL-key: SENTINEL-member}
kv/other/web: {password: SENTINEL-denied}
"#;

/// What shows that text is of a value: the values' own words, and how they look in base64 wherever in a
/// longer text they begin.
const WORDS: [&str; 2] = ["SENTINEL-", "770077007700"];

/// A way through the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// `render`, with the secrets.
    Render,
    /// `render`, with the placeholders left as they are.
    Keep,
    /// As a KRM function; the text is the items of a list.
    Function,
}

/// The tenant's runs.
pub(crate) struct Tenant {
    policy: Policy,
    settings: Settings,
    keep: Config,
}

struct Store(BTreeMap<String, Secret>);

impl SecretStore for Store {
    async fn read(&self, want: &SecretRef, keys: &Keys) -> Result<Secret, StoreError> {
        let path = want.path.replacen("kv/data/", "kv/", 1);
        let found = self.0.get(&path).cloned().map(|secret| secret.only(keys));
        found.ok_or_else(|| StoreError {
            kind: StoreErrorKind::Missing,
            message: "no such secret".to_owned(),
            help: "ask for another".to_owned(),
        })
    }
}

impl Store {
    fn new() -> Self {
        let Ok(Value::Map(secrets)) = gitops_fn::yaml::load::load(SECRETS) else {
            panic!("the secrets are a map");
        };
        let secrets = secrets.into_iter().filter_map(|(path, value)| match value {
            Value::Map(keys) => Some((path, Secret::new(keys))),
            _ => None,
        });
        Self(secrets.collect())
    }

    fn resolve(&self, wants: &Wants) -> Resolved {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(resolve(wants, self))
    }
}

impl Tenant {
    pub(crate) fn new() -> Self {
        let policy = load::parse(&policy("/secrets.yaml"), "the policy").unwrap();
        let settings =
            Settings::from_vars([("VAULT_ADDR".into(), "file:secrets.yaml".into())]).unwrap();
        let keep =
            "apiVersion: gitops-fn.dev/v1alpha1\nkind: Release\nspec: {secrets: {mode: keep}}\n";
        let keep = config::from_file(keep, &settings).unwrap();
        Self {
            policy,
            settings,
            keep,
        }
    }

    /// What a run prints, or what it says instead.
    pub(crate) fn run(&self, way: Way, text: &str) -> Result<String, String> {
        let identity = Identity::read(|name| {
            let mut known = APPLICATION.iter();
            known
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        });
        let settings = &self.settings;
        let function_mode = way == Way::Function;
        let judge = Judge::new(Some(&self.policy), identity, function_mode, &settings.store);
        let source = Source {
            name: "stdin".to_owned(),
            text: text.to_owned(),
            found: false,
        };
        let clock = Clock::default();
        let input =
            Input::new(vec![source], &judge, &clock).map_err(|findings| text::stderr(&findings))?;
        let store = |wants: &Wants| Store::new().resolve(wants);
        let outcome = match way {
            Way::Render => render(&input, &Config::default(), settings, &judge, &clock, store),
            Way::Keep => render(&input, &self.keep, settings, &judge, &clock, store),
            Way::Function => function(&input, settings, &judge, &clock, store),
        };
        printed(&outcome, &input, &judge)
    }
}

fn printed(outcome: &Outcome, input: &Input, judge: &Judge<'_>) -> Result<String, String> {
    let said = text::stderr(&outcome.findings);
    let output = outcome
        .output(input, judge, &Clock::default())
        .map_err(|findings| text::stderr(&findings))?;
    match output {
        Some(output) if outcome.exit_code() == 0 => {
            let mut bytes = Vec::new();
            output.write(&mut bytes).unwrap();
            Ok(String::from_utf8(bytes).unwrap())
        }
        // a function prints its input where it fails, which nobody takes
        _ => Err(said),
    }
}

/// The first value that stands where the policy allows none, in objects as somebody has read them.
pub(crate) fn misplaced(objects: &[Json]) -> Option<String> {
    objects.iter().enumerate().find_map(|(index, object)| {
        let mut path = Vec::new();
        let found = misplaced_in(object, object, &mut path)?;
        Some(format!("object {index}: {found}"))
    })
}

fn misplaced_in<'j>(root: &Json, node: &'j Json, path: &mut Vec<&'j str>) -> Option<String> {
    let wrong = |text: &str, path: &[&str]| {
        (is_of_a_value(text) && !is_allowed(root, path))
            .then(|| format!("a value in {}", path.join("/")))
    };
    match node {
        Json::String(text) => wrong(text, path),
        Json::Number(number) => wrong(&number.to_string(), path),
        Json::Array(items) => items.iter().find_map(|item| {
            path.push("*");
            let found = misplaced_in(root, item, path);
            path.pop();
            found
        }),
        Json::Object(entries) => entries.iter().find_map(|(key, value)| {
            wrong(key, path).or_else(|| {
                path.push(key);
                let found = misplaced_in(root, value, path);
                path.pop();
                found
            })
        }),
        Json::Null | Json::Bool(_) => None,
    }
}

/// Whether a text holds a piece of a value, as it is or in base64.
pub(crate) fn is_of_a_value(text: &str) -> bool {
    let holds = |text: &[u8]| {
        let text = String::from_utf8_lossy(text);
        WORDS.iter().any(|word| text.contains(word))
    };
    let decoded = || {
        let joined: String = text.split_whitespace().collect();
        base64::engine::general_purpose::STANDARD
            .decode(joined)
            .ok()
    };
    holds(text.as_bytes()) || decoded().is_some_and(|bytes| holds(&bytes))
}

/// What [`policy`] allows, said a second time.
fn is_allowed(object: &Json, path: &[&str]) -> bool {
    let namespace = match object
        .get("metadata")
        .map(|metadata| metadata.get("namespace"))
    {
        None | Some(None | Some(Json::Null)) => "",
        Some(Some(Json::String(namespace))) => namespace,
        Some(Some(_)) => return false,
    };
    let at_home = namespace.is_empty() || namespace == NAMESPACE;
    let is = |field: &str, text: &str| object.get(field).and_then(Json::as_str) == Some(text);
    let in_secret = is("apiVersion", "v1")
        && is("kind", "Secret")
        && matches!(path, ["data" | "stringData", _]);
    let in_sink = is("apiVersion", "example.com/v1")
        && is("kind", "Sink")
        && matches!(path, ["spec", "secret", ..] | ["spec", "list", _, ..])
        && !path.contains(&"metadata");
    at_home && (in_secret || in_sink)
}

/// What a reader of its own makes of an output: objects in their order, as Argo CD takes them.
pub(crate) fn second_reading(text: &str) -> Result<Vec<Json>, String> {
    let mut objects = Vec::new();
    for document in serde_yaml::Deserializer::from_str(text) {
        let value: serde_yaml::Value =
            serde::Deserialize::deserialize(document).map_err(|error| error.to_string())?;
        objects.push(json(value)?);
    }
    objects.retain(|object| !object.is_null());
    Ok(members(objects))
}

/// Objects with those of lists in the place of these.
pub(crate) fn members(objects: Vec<Json>) -> Vec<Json> {
    let members = objects.into_iter().flat_map(|mut object| {
        let alone = object.get("spec").is_none() && object.get("status").is_none();
        match object.get_mut("items").map(Json::take) {
            Some(Json::Array(items)) => items,
            Some(Json::Null) if alone => Vec::new(),
            Some(other) => {
                object["items"] = other;
                vec![object]
            }
            None => vec![object],
        }
    });
    members.collect()
}

/// A value of YAML in JSON; in an output every key is a text.
fn json(value: serde_yaml::Value) -> Result<Json, String> {
    use serde_yaml::Value as Yaml;
    Ok(match value {
        Yaml::Null => Json::Null,
        Yaml::Bool(flag) => Json::Bool(flag),
        Yaml::Number(number) => serde_json::to_value(number).map_err(|error| error.to_string())?,
        Yaml::String(text) => Json::String(text),
        Yaml::Sequence(items) => {
            Json::Array(items.into_iter().map(json).collect::<Result<_, _>>()?)
        }
        Yaml::Mapping(entries) => {
            let entries = entries.into_iter().map(|(key, value)| match key {
                Yaml::String(key) => Ok((key, json(value)?)),
                other => Err(format!("a key that is no text: {other:?}")),
            });
            Json::Object(entries.collect::<Result<_, _>>()?)
        }
        Yaml::Tagged(_) => return Err("a tag".to_owned()),
    })
}

/// Whether two readers have read the same; numbers are compared as what they are worth.
pub(crate) fn same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Number(one), Json::Number(other)) => {
            one == other || !(one.is_i64() && other.is_i64()) && near(one, other)
        }
        (Json::Array(one), Json::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Json::Object(one), Json::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, value)| other.get(key).is_some_and(|other| same(value, other)))
        }
        (Json::String(one), Json::String(other)) => one == other || folds(one, other),
        _ => one == other,
    }
}

/// Whether two numbers are one; `serde_json` is exact only to the last bit.
fn near(one: &Number, other: &Number) -> bool {
    let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
    (one - other).abs() <= one.abs() * f64::EPSILON
}

/// Whether one text is the other as Argo CD takes it: it writes what it has read as JSON and reads that as
/// YAML, in which U+0085 as it stands is a line break, and so a blank.
fn folds(one: &str, other: &str) -> bool {
    let blanks = |text: &str| {
        text.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    (one.contains('\u{85}') || other.contains('\u{85}')) && blanks(one) == blanks(other)
}
