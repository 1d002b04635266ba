//! The validated configuration: what the rest of the program knows of a functionConfig.

use serde_yaml::{Mapping, Value};

use self::release::Reader;
use crate::document;
use crate::finding::Finding;
use crate::image::Retag;
use crate::settings::Settings;

mod environment;
pub mod expand;
mod grammar;
mod keys;
pub mod raw;
pub mod reference;
mod release;

/// Everything that a run is configured to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The repository annotation to set, if any.
    pub repository: Option<Repository>,
    /// The image rules, which are applied in order.
    pub images: Vec<ImageRule>,
    /// How placeholders are treated.
    pub secrets: Secrets,
}

/// `spec.repository`: where the manifests come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// A git URL or `org/repo`: one printable line without credentials.
    pub url: String,
    /// The annotation key.
    pub annotation: String,
    /// Whether pod templates get the annotation too.
    pub pod_templates: bool,
}

/// One entry of `spec.images`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageRule {
    /// Where the rule is configured, for messages: `spec.images[0]`, or a variable.
    pub place: String,
    /// Which images it matches, and what it sets on them.
    pub retag: Retag,
    /// Whether it is an error if the rule matches nothing.
    pub required: bool,
    /// More fields that hold images, besides those that kustomize knows.
    pub field_specs: Vec<FieldSpec>,
    /// Where the rule applies: to objects and containers that match any selector; everywhere if there is none.
    pub selectors: Vec<Selector>,
}

/// A field that holds images in objects of some kind, as in kustomize's `configurations:`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSpec {
    /// The API group; `None` matches any. Never `""`.
    pub group: Option<String>,
    /// The API version; `None` matches any.
    pub version: Option<String>,
    /// The kind; `None` matches any.
    pub kind: Option<String>,
    /// The path from the object's root to the field; never empty.
    pub path: Vec<PathSegment>,
}

/// One step of a [`FieldSpec`] path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathSegment {
    /// The map key, never empty.
    pub key: String,
    /// Whether `[]` follows the key. Before the last step this is only a hint: lists are entered without it too, as in
    /// kustomize. At the last step it says that the field is a list of images.
    pub list: bool,
}

/// Which objects and containers a rule applies to. A part that is `None` matches anything; all texts are literal. At
/// least one part is set.
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
    /// The path at which `<key>` in a Secret is looked up if no annotation gives one; without outer slashes.
    pub path: Option<String>,
    /// Whether gitops-fn base64-encodes resolved values in a Secret's `data`.
    pub encode_data: bool,
    /// Whether secrets may be written into objects that come from files and are written back.
    pub allow_in_place: bool,
}

/// What to do with placeholders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecretsMode {
    /// Replace them with the values.
    #[default]
    Resolve,
    /// Keep them, with one warning.
    Keep,
}

/// Reads the functionConfig of a `ResourceList` from the YAML text of its mapping.
///
/// The text may be in block style (if it is indented, the first line must be too), flow style or JSON. If it is missing
/// or empty, or a `ConfigMap` without data, [`from_environment`] is used.
///
/// # Errors
/// Everything that is wrong with it, sorted by field.
pub fn from_function_config(text: Option<&str>, env: &Settings) -> Result<Config, Vec<Finding>> {
    match document::read::read(text.unwrap_or_default(), "functionConfig")
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
pub fn from_file(text: &str, env: &Settings) -> Result<Config, Vec<Finding>> {
    match document::read::read(text, "the configuration file").map_err(|problem| vec![problem])? {
        None => Err(vec![Finding::invalid(
            "the configuration file",
            "empty",
            KNOWN,
        )]),
        Some(document) => dispatch(document, env),
    }
}

/// The configuration of a run without a configuration file: `APP_REPO` is the repository; `IMAGE_NAME` and `IMAGE_TAG`
/// are one image rule, read as `kustomize edit set image NAME:TAG` reads them. If none is set, only placeholders are
/// resolved.
///
/// # Errors
/// Everything that is wrong with those variables.
pub fn from_environment(env: &Settings) -> Result<Config, Vec<Finding>> {
    let mut reader = Reader {
        env,
        problems: Vec::new(),
    };
    let config = environment::read(&mut reader);
    finish(config, reader)
}

/// The default annotation key.
const ANNOTATION: &str = "github.com/url";

const KNOWN: &str =
    "known are apiVersion gitops-fn.dev/v1alpha1 with kind Release, and a ConfigMap with data";

fn dispatch(document: Mapping, env: &Settings) -> Result<Config, Vec<Finding>> {
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
    document::check::check(
        &mut document,
        &document::schema::of::<raw::Release>(),
        &mut reader.problems,
    );
    // `check` has removed everything that does not fit, so this cannot fail; its error would quote values
    let Ok(raw) = serde_yaml::from_value::<raw::Release>(document) else {
        reader.problem("spec", "cannot be read", "see `gitops-fn schema`");
        return Config::default();
    };
    raw.spec
        .map(|spec| release::spec(spec, reader))
        .unwrap_or_default()
}

/// Applies `GITOPS_FN_SECRETS=keep`, and returns the configuration if there are no problems.
fn finish(mut config: Config, reader: Reader<'_>) -> Result<Config, Vec<Finding>> {
    if reader.env.secrets_keep {
        config.secrets.mode = SecretsMode::Keep;
    }
    document::checked(Some(config), reader.problems)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Case {
        name: String,
        #[serde(rename = "source")]
        _source: String,
        #[serde(default)]
        file: bool,
        function_config: Option<String>,
        #[serde(default)]
        env: BTreeMap<String, String>,
        #[serde(default)]
        problems: Vec<(String, String)>,
        config: Option<Vec<String>>,
    }

    fn settings(env: &BTreeMap<String, String>) -> Settings {
        let vars = env.iter().map(|(name, value)| (name.into(), value.into()));
        Settings::from_vars(vars).unwrap()
    }

    /// One line for each configured item; flags only if they are set.
    fn summary(config: &Config) -> Vec<String> {
        let mut lines = Vec::new();
        lines.extend(config.repository.as_ref().map(|one| {
            format!(
                "repository {} {} podTemplates={}",
                one.url, one.annotation, one.pod_templates
            )
        }));
        for rule in &config.images {
            let retag = &rule.retag;
            let parts = [
                ("newName", &retag.new_name),
                ("newTag", &retag.new_tag),
                ("tagSuffix", &retag.tag_suffix),
                ("digest", &retag.digest),
            ];
            let required = if rule.required { " required" } else { "" };
            lines.push(format!("image {}{}{required}", retag.name, given(&parts)));
            lines.extend(rule.field_specs.iter().map(field_spec));
            lines.extend(rule.selectors.iter().map(|one| {
                let parts = [
                    ("kind", &one.kind),
                    ("name", &one.name),
                    ("namespace", &one.namespace),
                    ("container", &one.container),
                ];
                format!("selector{}", given(&parts))
            }));
        }
        let secrets = &config.secrets;
        let mode = if secrets.mode == SecretsMode::Keep {
            "keep"
        } else {
            "resolve"
        };
        let encode = if secrets.encode_data {
            " encodeData"
        } else {
            ""
        };
        let in_place = if secrets.allow_in_place {
            " allowInPlace"
        } else {
            ""
        };
        lines.push(format!(
            "secrets {mode}{}{encode}{in_place}",
            given(&[("path", &secrets.path)])
        ));
        lines
    }

    fn given(parts: &[(&str, &Option<String>)]) -> String {
        let given = parts
            .iter()
            .filter_map(|(name, value)| Some((name, value.as_ref()?)));
        given
            .flat_map(|(name, value)| [" ", name, "=", value.as_str()])
            .collect()
    }

    fn field_spec(spec: &FieldSpec) -> String {
        let text = |part: &Option<String>| part.clone().unwrap_or_default();
        let path = spec
            .path
            .iter()
            .map(|one| format!("{}{}", one.key, if one.list { "[]" } else { "" }));
        let path: Vec<String> = path.collect();
        format!(
            "fieldSpec {}/{}/{} {}",
            text(&spec.group),
            text(&spec.version),
            text(&spec.kind),
            path.join(",")
        )
    }

    #[test]
    fn golden_cases() {
        let cases: Vec<Case> =
            serde_yaml::from_str(include_str!("../tests/golden/units/config.yaml")).unwrap();
        for case in cases {
            let env = settings(&case.env);
            let text = case.function_config.as_deref();
            let result = if case.file {
                from_file(text.unwrap_or_default(), &env)
            } else {
                from_function_config(text, &env)
            };
            match (result, &case.config) {
                (Ok(config), Some(expected)) => {
                    assert_eq!(&summary(&config), expected, "{}", case.name);
                }
                (Err(problems), None) => check_problems(&case, &problems),
                (result, _) => panic!("{}: {result:?}", case.name),
            }
        }
    }

    fn check_problems(case: &Case, problems: &[Finding]) {
        let found: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let fits = |(problem, (path, part)): (&Finding, &(String, String))| {
            problem.named() == path && problem.message.contains(part.as_str())
        };
        let all =
            problems.len() == case.problems.len() && problems.iter().zip(&case.problems).all(fits);
        assert!(all, "{}: {found:#?}", case.name);
        for problem in problems {
            assert!(
                !problem.help.is_empty(),
                "{}: {problem} has no help",
                case.name
            );
            assert!(
                !format!("{problem:?}").contains("NEVERSHOWN"),
                "{}: {problem:?}",
                case.name
            );
        }
    }

    #[test]
    fn image_rules_are_bounded_in_number() {
        let problems = |text: &str| -> Vec<String> {
            let read = from_function_config(Some(text), &Settings::default());
            let problems = read.err().into_iter().flatten();
            problems.map(|problem| problem.to_string()).collect()
        };
        let release = |images: &str| {
            let api = raw::API_VERSION;
            problems(&format!(
                "{{apiVersion: {api}, kind: Release, spec: {{images: [{images}]}}}}"
            ))
        };
        let rule = "{name: a, newTag: b},";
        let selectors = |count| {
            let selectors = "{kind: Pod},".repeat(count);
            release(&format!("{{name: a, newTag: b, selectors: [{selectors}]}}"))
        };
        let lines = |count| {
            let lines = "a:1\\n".repeat(count);
            problems(&format!(
                "{{apiVersion: v1, kind: ConfigMap, data: {{image: \"{lines}\"}}}}"
            ))
        };
        let too_many = "more than 1,000 images, field specs and selectors";
        assert_eq!(release(&rule.repeat(1_000)), [""; 0]);
        assert_eq!(
            release(&rule.repeat(1_001)),
            [format!("spec.images: {too_many}")]
        );
        assert_eq!(selectors(999), [""; 0]);
        assert_eq!(selectors(1_000), [format!("spec.images: {too_many}")]);
        assert_eq!(lines(1_000), [""; 0]);
        assert_eq!(lines(1_001), [format!("data.image: {too_many}")]);
    }

    #[test]
    fn a_slip_names_the_nearest_field() {
        let text = "{apiVersion: gitops-fn.dev/v1alpha1, kind: Release, spec: {images: [{name: a, tag: b, new_name: c}]}}";
        let problems = from_function_config(Some(text), &Settings::default()).unwrap_err();
        let help: Vec<&str> = problems
            .iter()
            .map(|problem| problem.help.as_str())
            .collect();
        assert!(help[0].starts_with("did you mean `newName`?"), "{help:?}");
        assert!(help[1].starts_with("did you mean `newTag`?"), "{help:?}");
    }

    #[test]
    fn a_key_that_may_be_a_secret_is_not_shown() {
        let release = |spec: &str| {
            let text = format!(
                "apiVersion: {}\nkind: Release\nspec: {spec}\n",
                raw::API_VERSION
            );
            from_file(&text, &Settings::default()).unwrap_err()
        };
        for key in [
            "hunter2",
            "7d9ac2b0-a7c1-4a4e-9b3e-0c3f5d1c9a55",
            "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
            "k3yOfTwentyLettersAa",
            "AbcdefghijklmnopqrstuvwxyzAbcdefghij",
            "hvs.CAESI",
        ] {
            let problems = release(&format!("{{secrets: {{{key}: x}}}}"));
            assert_eq!(
                problems[0].to_string(),
                "spec.secrets: a field that is not known"
            );
            assert_eq!(
                problems[0].help,
                "known here: allowInPlace, encodeData, mode, path"
            );
        }
        // typing errors and other tools' names are shown
        for (key, near) in [
            ("encode_data", "`encodeData`"),
            ("encode-data", "`encodeData`"),
            ("path2", "`path`"),
            ("secretPath", "`path`"),
            ("nosuch", ""),
        ] {
            let problems = release(&format!("{{secrets: {{{key}: x}}}}"));
            assert_eq!(
                problems[0].to_string(),
                format!("spec.secrets.{key}: unknown field")
            );
            assert!(problems[0].help.contains(near), "{}", problems[0].help);
        }
    }

    #[test]
    fn a_number_is_told_to_be_quoted_and_why() {
        let text = "{apiVersion: gitops-fn.dev/v1alpha1, kind: Release, spec: {images: [{name: a, newTag: 1.10}]}}";
        let problems = from_function_config(Some(text), &Settings::default()).unwrap_err();
        assert!(
            problems[0].help.contains("put it in quotes"),
            "{problems:?}"
        );
        assert!(
            problems[0].help.contains("1.10 has become 1.1"),
            "{problems:?}"
        );
    }

    #[test]
    fn bombs_and_depth_are_refused() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let above = level - 1;
            let aliases = vec![format!("*a{above}"); 10].join(", ");
            let line = format!("a{level}: &a{level} [{aliases}]\n");
            bomb.push_str(&line);
        }
        for text in [
            bomb,
            "[".repeat(20_000),
            "{a: ".repeat(20_000),
            "{a: ".repeat(40_000),
            "x".repeat(2 << 20),
        ] {
            assert!(from_function_config(Some(&text), &Settings::default()).is_err());
        }
    }

    #[test]
    fn the_examples_hold() {
        let env = settings(&BTreeMap::from([(
            "IMAGE_TAG".to_owned(),
            "1.10".to_owned(),
        )]));
        let minimal = from_file(include_str!("../fn-config/minimal.yaml"), &env).unwrap();
        assert_eq!(
            summary(&minimal),
            [
                "image registry.example/acme/shop newTag=1.10",
                "secrets resolve"
            ]
        );
        let full = include_str!("../fn-config/full.yaml");
        let config = from_file(full, &Settings::default()).unwrap();
        assert_eq!(config.images.len(), 2);
        assert_eq!(config.secrets.path.as_deref(), Some("kv/default/shop"));
        for name in document::schema::tests::fields(&document::schema::of::<raw::Release>()) {
            assert!(
                full.contains(&format!("{name}:")),
                "full.yaml does not show `{name}`"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(\\PC|[\n \t:{}\\[\\]&*!|>-]){0,40}") {
            let _ = from_function_config(Some(&text), &Settings::default());
        }

        #[test]
        fn any_spec_is_read_or_refused(spec in "[a-z:{}\\[\\]\n ,\"'&*!~0-9-]{0,40}") {
            let text = format!("apiVersion: gitops-fn.dev/v1alpha1\nkind: Release\nspec: {spec}");
            let _ = from_function_config(Some(&text), &Settings::default());
        }
    }
}
