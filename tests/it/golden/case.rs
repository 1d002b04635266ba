//! A golden case, as the data files define it.
//!
//! An entry `defaults:` is for all cases behind it, up to the next one, with `frames` (a text with `@@`
//! for `is`/`becomes` and `%%` for `value`, or a pair `input`/`expected` of such texts) and
//! `configFrames.images` (`@@` for `images`).

use std::collections::BTreeMap;
use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_yaml::Value;

use super::objects::{self, Outcome};
use crate::support::root;

/// One case, with all defaults and frames applied.
#[derive(Debug)]
pub(super) struct Case {
    /// The data file.
    pub(super) file: String,
    /// Unique in all files.
    pub(super) name: String,
    /// The table row, or the rule, that the expectation comes from.
    pub(super) source: String,
    /// The arguments; none is function mode.
    pub(super) args: Vec<String>,
    /// The environment, in addition to `VAULT_ADDR` for the secrets.
    pub(super) env: BTreeMap<String, String>,
    /// A configuration, given with `-f`.
    pub(super) config: Option<String>,
    /// The content of the file store; empty is no store.
    pub(super) secrets: String,
    /// Standard input.
    pub(super) input: Vec<u8>,
    /// Standard output, byte for byte (without `results` where those are given).
    pub(super) expected: Option<Vec<u8>>,
    /// Standard output as YAML, without `results`, for cases whose exact bytes are not prescribed.
    pub(super) objects: Option<Value>,
    /// What standard output must contain.
    pub(super) contains: Vec<String>,
    /// Results, each a part of the one at the same place.
    pub(super) results: Option<Vec<Value>>,
    /// Whether there may be any results.
    pub(super) any_results: bool,
    /// What standard error must contain, with an exit code that is not 0.
    pub(super) errors: Option<Vec<String>>,
    /// What standard error must not contain.
    pub(super) not_errors: Vec<String>,
    /// What standard error must contain, with exit code 0.
    pub(super) warnings: Vec<String>,
    /// The exit code.
    pub(super) exit: i32,
    /// Success and a clear error are both right; it must end, and say what it does.
    pub(super) either: bool,
    /// Whether a second run over the output changes nothing.
    pub(super) again: bool,
    /// What the real argocd-vault-plugin does.
    pub(super) avp: Option<Witness>,
    /// What the real kustomize does.
    pub(super) kustomize: Option<Witness>,
}

/// What a real tool does with the same input.
#[derive(Debug, Clone)]
pub(super) enum Witness {
    /// The same objects, or an error too.
    Same,
    /// Something else, and why.
    Differs(String),
    /// It is not run, and why.
    Skip,
}

impl Case {
    /// What we expect, in the terms in which tools are compared.
    pub(super) fn outcome(&self) -> Result<Outcome, String> {
        if self.errors.is_some() {
            return Ok(Outcome::Error);
        }
        if let Some(objects) = &self.objects {
            return Ok(Outcome::Objects(vec![objects::normal(objects.clone())]));
        }
        let text = self.expected.as_deref().unwrap_or(&self.input);
        objects::read(text).map(Outcome::Objects)
    }
}

/// All cases of all files.
#[track_caller]
pub(super) fn all() -> Vec<Case> {
    let folder = root().join("tests/golden/cases");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
        .into_iter()
        .filter(|path| path.extension().is_some_and(|name| name == "yaml"))
        .flat_map(|path| {
            let file = path.file_stem().unwrap().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).unwrap();
            let entries: Vec<Raw> =
                serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
            build(&file, entries)
        })
        .collect()
}

fn build(file: &str, entries: Vec<Raw>) -> Vec<Case> {
    let mut defaults = Raw::default();
    let mut cases = Vec::new();
    for mut entry in entries {
        if let Some(next) = entry.defaults.take() {
            defaults = *next;
            continue;
        }
        let name = entry.name.clone().unwrap_or_default();
        let case = one(file, entry, &defaults);
        cases.push(case.unwrap_or_else(|error| panic!("{file} / {name}: {error}")));
    }
    cases
}

fn one(file: &str, raw: Raw, defaults: &Raw) -> Result<Case, String> {
    let config = raw.config.clone().or_else(|| match &raw.images {
        Some(images) => defaults
            .config_frames
            .get("images")
            .map(|frame| frame.replace("@@", images)),
        None => defaults.config.clone(),
    });
    let mut env = defaults.env.clone();
    env.extend(raw.env.clone());
    Ok(Case {
        file: file.to_owned(),
        name: raw.name.clone().ok_or("a case without a name")?,
        source: raw.source.clone().ok_or("a case without a source")?,
        args: (raw.args.clone())
            .or_else(|| defaults.args.clone())
            .unwrap_or_else(|| vec!["render".to_owned(), "-".to_owned()]),
        env: (env.into_iter())
            .filter_map(|(name, value)| Some((name, value?)))
            .collect(),
        config,
        secrets: (raw.secrets.clone())
            .or_else(|| defaults.secrets.clone())
            .unwrap_or_default(),
        input: input(&raw, defaults)?,
        expected: expected(&raw, defaults)?,
        objects: raw.objects,
        contains: raw.contains,
        results: raw.results,
        any_results: raw.any_results,
        exit: raw.exit.unwrap_or(i32::from(raw.errors.is_some())),
        errors: raw.errors,
        not_errors: raw.not_errors,
        warnings: raw.warnings,
        either: raw.either,
        again: raw.again.unwrap_or(true),
        avp: raw.avp.map(Witness::try_from).transpose()?,
        kustomize: raw.kustomize.map(Witness::try_from).transpose()?,
    })
}

fn input(raw: &Raw, defaults: &Raw) -> Result<Vec<u8>, String> {
    if let Some(frame) = frame(raw, defaults)? {
        let is = raw.is.as_deref().ok_or("a frame without `is`")?;
        return Ok(frame.input().replace("@@", is).into_bytes());
    }
    if let Some(text) = &raw.input_base64 {
        return STANDARD.decode(text).map_err(|error| error.to_string());
    }
    let text = raw.input.as_ref().or(defaults.input.as_ref());
    Ok(text.ok_or("a case without input")?.clone().into_bytes())
}

/// The expected text; `None` where nothing is expected, the input where nothing changes.
fn expected(raw: &Raw, defaults: &Raw) -> Result<Option<Vec<u8>>, String> {
    if let Some(text) = &raw.expected {
        return Ok(Some(text.clone().into_bytes()));
    }
    if raw.errors.is_some() || raw.objects.is_some() || raw.either {
        return Ok(None);
    }
    match (frame(raw, defaults)?, &raw.becomes, &raw.value) {
        (Some(frame), Some(becomes), None) => {
            Ok(Some(frame.input().replace("@@", becomes).into_bytes()))
        }
        (Some(frame), None, Some(value)) => {
            let is = raw.is.as_deref().unwrap_or_default();
            let text = frame.expected().replace("@@", is).replace("%%", value);
            Ok(Some(text.into_bytes()))
        }
        (_, None, None) => input(raw, defaults).map(Some),
        _ => Err("`becomes` and `value` need a frame, and exclude each other".to_owned()),
    }
}

fn frame<'a>(raw: &Raw, defaults: &'a Raw) -> Result<Option<&'a Frame>, String> {
    raw.frame
        .as_ref()
        .map(|name| {
            let known = defaults.frames.get(name);
            known.ok_or_else(|| format!("no frame named {name}"))
        })
        .transpose()
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Raw {
    defaults: Option<Box<Raw>>,
    frames: BTreeMap<String, Frame>,
    config_frames: BTreeMap<String, String>,
    name: Option<String>,
    source: Option<String>,
    args: Option<Vec<String>>,
    env: BTreeMap<String, Option<String>>,
    config: Option<String>,
    images: Option<String>,
    secrets: Option<String>,
    input: Option<String>,
    input_base64: Option<String>,
    frame: Option<String>,
    is: Option<String>,
    becomes: Option<String>,
    value: Option<String>,
    expected: Option<String>,
    objects: Option<Value>,
    contains: Vec<String>,
    results: Option<Vec<Value>>,
    any_results: bool,
    errors: Option<Vec<String>>,
    not_errors: Vec<String>,
    warnings: Vec<String>,
    exit: Option<i32>,
    either: bool,
    again: Option<bool>,
    avp: Option<RawWitness>,
    kustomize: Option<RawWitness>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Frame {
    Text(String),
    Pair { input: String, expected: String },
}

impl Frame {
    fn input(&self) -> &str {
        match self {
            Self::Text(input) | Self::Pair { input, .. } => input,
        }
    }

    fn expected(&self) -> &str {
        match self {
            Self::Text(expected) | Self::Pair { expected, .. } => expected,
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawWitness {
    Word(String),
    Map(BTreeMap<String, String>),
}

impl TryFrom<RawWitness> for Witness {
    type Error = String;

    fn try_from(raw: RawWitness) -> Result<Self, String> {
        match raw {
            RawWitness::Word(word) if word == "same" => Ok(Self::Same),
            RawWitness::Map(map) if map.len() == 1 && map.contains_key("skip") => Ok(Self::Skip),
            RawWitness::Map(mut map) if map.len() == 1 => (map.remove("differs"))
                .map(Self::Differs)
                .ok_or_else(|| "a witness is `same`, `differs: …` or `skip: …`".to_owned()),
            _ => Err("a witness is `same`, `differs: …` or `skip: …`".to_owned()),
        }
    }
}
