//! The validated configuration: what the rest of the program sees of a functionConfig.

use serde_yaml::{Mapping, Value};

use self::release::Reader;
use crate::image::Retag;
use crate::settings::Settings;

mod check;
mod document;
mod environment;
pub mod expand;
mod grammar;
mod keys;
pub mod raw;
mod release;
pub mod schema;

/// Everything that one run is asked to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The annotation to set, if any.
    pub repository: Option<Repository>,
    /// The image rules, applied in order.
    pub images: Vec<ImageRule>,
    /// How placeholders are treated.
    pub secrets: Secrets,
}

/// `spec.repository`: where the manifests come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// One printable line: a git URL or `org/repo`, without credentials.
    pub url: String,
    /// The annotation key.
    pub annotation: String,
    /// Whether pod templates get it too.
    pub pod_templates: bool,
}

/// One entry of `spec.images`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageRule {
    /// Which images, and what is set on them.
    pub retag: Retag,
    /// Whether it is an error that nothing matched.
    pub required: bool,
    /// More places where an image stands, beside those that kustomize knows.
    pub field_specs: Vec<FieldSpec>,
    /// Where the rule counts: an object and container that fit any of these; everywhere if empty.
    pub selectors: Vec<Selector>,
}

/// A place for images in objects of some kind, as in kustomize's `configurations:`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSpec {
    /// The API group, `""` never; `None` is any.
    pub group: Option<String>,
    /// The API version; `None` is any.
    pub version: Option<String>,
    /// The kind; `None` is any.
    pub kind: Option<String>,
    /// The way from the object to the field; never empty.
    pub path: Vec<PathSegment>,
}

/// One step of a [`FieldSpec`] path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathSegment {
    /// The map key, never empty.
    pub key: String,
    /// Whether `[]` was written behind it. On the way it is a hint only: lists are entered without
    /// it too, as in kustomize. At the last step it says that the field is a list of images.
    pub list: bool,
}

/// Which objects and containers a rule counts for; what is not given fits anything, and all texts
/// are literal. Never empty as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// The object's kind.
    pub kind: Option<String>,
    /// The object's name.
    pub name: Option<String>,
    /// The object's namespace.
    pub namespace: Option<String>,
    /// The container's name.
    pub container: Option<String>,
}

/// `spec.secrets`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secrets {
    /// Whether placeholders are resolved.
    pub mode: SecretsMode,
    /// Where `<key>` in a Secret is looked up when no annotation names a path; no outer slashes.
    pub path: Option<String>,
    /// Whether resolved Secret `data` values are base64-encoded for the user.
    pub encode_data: bool,
    /// Whether secrets may be written into items that come from files.
    pub allow_in_place: bool,
}

/// What is done with placeholders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecretsMode {
    /// Put the values in.
    #[default]
    Resolve,
    /// Leave them, with one warning.
    Keep,
}

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{path}: {message}")]
pub struct ConfigProblem {
    /// The field (`spec.images[0].newTag`), or the variable, or `functionConfig` as a whole.
    pub path: String,
    /// The fact, in lower case; never the value that was found.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

impl ConfigProblem {
    fn new(path: &str, message: &str, help: &str) -> Self {
        Self {
            path: path.to_owned(),
            message: message.to_owned(),
            help: help.to_owned(),
        }
    }
}

/// Reads the functionConfig of a `ResourceList`, given as the YAML text of its mapping.
///
/// The text may be block style (indented, if every line is: the first key's indentation must be
/// there too), flow or JSON. A missing or empty one, and a `ConfigMap` without data, leave it to
/// [`from_environment`].
///
/// # Errors
/// Everything that is wrong with it, sorted by field.
pub fn from_function_config(
    text: Option<&str>,
    env: &Settings,
) -> Result<Config, Vec<ConfigProblem>> {
    match document::read(text.unwrap_or_default(), "functionConfig")
        .map_err(|problem| vec![problem])?
    {
        None => from_environment(env),
        Some(document) => dispatch(document, env),
    }
}

/// Reads a configuration file (`-f CONFIG`), which holds one document.
///
/// # Errors
/// Everything that is wrong with it, sorted by field.
pub fn from_file(text: &str, env: &Settings) -> Result<Config, Vec<ConfigProblem>> {
    match document::read(text, "the configuration file").map_err(|problem| vec![problem])? {
        None => Err(vec![ConfigProblem::new(
            "the configuration file",
            "empty",
            KNOWN,
        )]),
        Some(document) => dispatch(document, env),
    }
}

/// The configuration of a run that was given none: `APP_REPO` is the repository, `IMAGE_NAME` and
/// `IMAGE_TAG` are one image rule, read as `kustomize edit set image NAME:TAG` reads them. Where
/// nothing is set only placeholders are resolved.
///
/// # Errors
/// What is wrong with those variables.
pub fn from_environment(env: &Settings) -> Result<Config, Vec<ConfigProblem>> {
    let mut reader = Reader {
        env,
        problems: Vec::new(),
    };
    let config = environment::read(&mut reader);
    finish(config, reader)
}

/// The annotation key where none is configured.
const ANNOTATION: &str = "github.com/url";

const KNOWN: &str =
    "known are apiVersion gitops-fn.dev/v1alpha1 with kind Release, and a ConfigMap with data";

fn dispatch(document: Mapping, env: &Settings) -> Result<Config, Vec<ConfigProblem>> {
    let mut reader = Reader {
        env,
        problems: Vec::new(),
    };
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    let (api, kind) = (text("apiVersion"), text("kind"));
    let ours = api.is_some_and(|api| api.split('/').next() == raw::API_VERSION.split('/').next());
    let anonymous = !["apiVersion", "kind", "spec"]
        .iter()
        .any(|name| document.contains_key(*name));
    let config = if api == Some(raw::API_VERSION) && kind == Some(raw::KIND) {
        release(document, &mut reader)
    } else if !ours && (document.contains_key("data") || kind == Some("ConfigMap") || anonymous) {
        keys::check_fields(&document, &mut reader);
        if keys::is_empty(&document) {
            environment::read(&mut reader)
        } else {
            keys::read(&document, &mut reader)
        }
    } else {
        let wrong = if ours && api == Some(raw::API_VERSION) || api.is_none() {
            "kind"
        } else {
            "apiVersion"
        };
        let wrong = if kind == Some(raw::KIND) {
            "apiVersion"
        } else {
            wrong
        };
        reader.problem(wrong, "not a kind of configuration that is known", KNOWN);
        Config::default()
    };
    finish(config, reader)
}

fn release(document: Mapping, reader: &mut Reader<'_>) -> Config {
    let mut document = Value::Mapping(document);
    check::check(&mut document, &schema::schema(), &mut reader.problems);
    // What does not fit has been taken out, so this cannot fail; if it did, its text quotes values.
    let Ok(raw) = serde_yaml::from_value::<raw::Release>(document) else {
        reader.problem("spec", "cannot be read", "see `gitops-fn schema`");
        return Config::default();
    };
    raw.spec
        .map(|spec| release::spec(spec, reader))
        .unwrap_or_default()
}

/// The end of every way to a configuration.
fn finish(mut config: Config, mut reader: Reader<'_>) -> Result<Config, Vec<ConfigProblem>> {
    if reader.env.secrets_keep {
        config.secrets.mode = SecretsMode::Keep;
    }
    if reader.problems.is_empty() {
        return Ok(config);
    }
    reader.problems.sort();
    reader.problems.dedup();
    Err(reader.problems)
}
