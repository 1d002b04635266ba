//! Turns the raw document of a `Release` into the validated configuration.

use super::grammar;
use super::{ANNOTATION, Config, FieldSpec, ImageRule, Repository, Secrets, SecretsMode, Selector};
use super::{expand, raw};
use crate::finding::Finding;
use crate::image::{Retag, grammar as image};
use crate::settings::Settings;

/// The maximum number of image rules, field specs and selectors together: each is compared with each image.
pub(super) const MOST: usize = 1_000;

/// Reads texts and collects the problems with them.
pub(super) struct Reader<'a> {
    pub(super) env: &'a Settings,
    pub(super) problems: Vec<Finding>,
}

impl Reader<'_> {
    pub(super) fn problem(&mut self, path: &str, message: &str, help: &str) {
        self.problems.push(Finding::invalid(path, message, help));
    }

    /// Reports that there are more than [`MOST`] image rules.
    pub(super) fn too_many(&mut self, path: &str) {
        let help = "leave out what matches nothing, or render in several runs";
        self.problem(
            path,
            "more than 1,000 images, field specs and selectors",
            help,
        );
    }

    /// Whether a problem at or below `path` has been reported.
    fn reported(&self, path: &str) -> bool {
        self.problems
            .iter()
            .any(|problem| problem.named().starts_with(path))
    }

    /// Replaces the variables of a text; `None` after a problem.
    pub(super) fn expand(&mut self, path: &str, text: &str) -> Option<String> {
        self.checked(path, expand::expand(text, self.env))
    }

    /// The value that was read; `None` after reporting the error at `path`.
    pub(super) fn checked<T>(
        &mut self,
        path: &str,
        read: Result<T, impl Into<Finding>>,
    ) -> Option<T> {
        match read {
            Ok(read) => Some(read),
            Err(error) => {
                self.problems.push(error.into().within(path).exiting(2));
                None
            }
        }
    }

    /// A text that may not contain variables. An empty text is `None`, which matches anything, as in kustomize.
    fn literal(&mut self, path: &str, text: Option<&String>) -> Option<String> {
        let text = text.filter(|text| !text.is_empty())?;
        if text.contains("${") {
            let help = "they work in repository.url, secrets.path and the texts of an image itself";
            self.problem(path, "holds a variable, and none are replaced here", help);
            return None;
        }
        Some(text.clone())
    }

    /// Replaces the variables of a text and checks the result with `check`; `None` after a problem.
    pub(super) fn text<E: Into<Finding>>(
        &mut self,
        path: &str,
        text: Option<&String>,
        check: impl Fn(&str) -> Result<(), E>,
    ) -> Option<String> {
        let text = self.expand(path, text?)?;
        self.checked(path, check(&text)).map(|()| text)
    }
}

/// Reads the `spec` of a `Release`. Problems are added to `reader`.
pub(super) fn spec(spec: raw::Spec, reader: &mut Reader<'_>) -> Config {
    let repository = spec.repository.and_then(|raw| repository(&raw, reader));
    let images = match spec.images {
        None => Vec::new(),
        Some(raw::Images::Short(text)) => short_rules("spec.images", &text, reader),
        Some(raw::Images::List(list)) => rules(&list, reader),
    };
    let secrets = secrets(&spec.secrets.unwrap_or_default(), reader);
    Config {
        repository,
        images,
        secrets,
    }
}

fn rules(images: &[raw::Image], reader: &mut Reader<'_>) -> Vec<ImageRule> {
    if images.iter().map(parts).sum::<usize>() > MOST {
        reader.too_many("spec.images");
        return Vec::new();
    }
    let images = images.iter().enumerate();
    images
        .map(|(index, raw)| image_rule(index, raw, reader))
        .collect()
}

/// Reads image rules in the short form, one on each line or separated by commas. A variable may hold several.
pub(super) fn short_rules(path: &str, text: &str, reader: &mut Reader<'_>) -> Vec<ImageRule> {
    let Some(text) = reader.expand(path, text) else {
        return Vec::new();
    };
    let mut rules = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for entry in line.split(',').map(str::trim) {
            if entry.is_empty() {
                continue;
            }
            if rules.len() == MOST {
                reader.too_many(path);
                return Vec::new();
            }
            let place = format!("{path}, line {}", index + 1);
            let retag = reader.checked(&place, Retag::parse_short(entry));
            rules.push(ImageRule {
                place,
                retag: retag.unwrap_or_default(),
                ..ImageRule::default()
            });
        }
    }
    rules
}

/// The number of items in an image rule that are compared with each image.
fn parts(image: &raw::Image) -> usize {
    let specs = image.field_specs.iter().flatten().count();
    let selectors = image.selectors.iter().flatten().count();
    1 + specs + selectors
}

fn repository(raw: &raw::Repository, reader: &mut Reader<'_>) -> Option<Repository> {
    let url = reader.text("spec.repository.url", raw.url.as_ref(), grammar::check_url);
    let annotation = raw.annotation.as_deref().unwrap_or(ANNOTATION);
    reader.checked(
        "spec.repository.annotation",
        grammar::check_annotation(annotation),
    )?;
    Some(Repository {
        url: url?,
        annotation: annotation.to_owned(),
        pod_templates: raw.pod_templates.unwrap_or_default(),
    })
}

fn image_rule(index: usize, raw: &raw::Image, reader: &mut Reader<'_>) -> ImageRule {
    let path = format!("spec.images[{index}]");
    let field = |name: &str| format!("{path}.{name}");
    let faulty = reader.reported(&path);
    let (new_tag, digest) = version(&field, raw, reader);
    let retag = Retag {
        name: reader
            .text(&field("name"), raw.name.as_ref(), image::check_name)
            .unwrap_or_default(),
        new_name: reader.text(
            &field("newName"),
            raw.new_name.as_ref(),
            image::check_new_name,
        ),
        new_tag,
        tag_suffix: reader.text(
            &field("tagSuffix"),
            raw.tag_suffix.as_ref(),
            image::check_tag_suffix,
        ),
        digest,
    };
    if raw.tag_suffix.is_some() && (raw.new_tag.is_some() || raw.digest.is_some()) {
        let help = "append it to newTag by hand, or leave newTag and digest out";
        reader.problem(
            &field("tagSuffix"),
            "has no effect beside newTag or digest",
            help,
        );
    }
    if !faulty && !sets_something(raw) {
        let help = "give one of newName, newTag, tagSuffix, digest";
        reader.problem(&path, "sets nothing on the image", help);
    }
    let specs = raw.field_specs.iter().flatten().enumerate();
    let field_specs =
        specs.filter_map(|(at, raw)| field_spec(&field(&format!("fieldSpecs[{at}]")), raw, reader));
    let field_specs = field_specs.collect();
    let selectors = raw.selectors.iter().flatten().enumerate();
    let selectors = selectors
        .map(|(at, raw)| selector(&field(&format!("selectors[{at}]")), raw, reader))
        .collect();
    ImageRule {
        place: path,
        retag,
        required: raw.required.unwrap_or_default(),
        field_specs,
        selectors,
    }
}

/// The tag and the digest to set. `newTag` can hold both, since Argo CD Image Updater writes it that way.
fn version(
    field: &impl Fn(&str) -> String,
    raw: &raw::Image,
    reader: &mut Reader<'_>,
) -> (Option<String>, Option<String>) {
    let (tag, both) = (field("newTag"), raw.new_tag.as_ref());
    let digest = reader.text(&field("digest"), raw.digest.as_ref(), image::check_digest);
    let Some(text) = both.and_then(|text| reader.expand(&tag, text)) else {
        return (None, digest);
    };
    let (new_tag, own) = match text.split_once('@') {
        Some((new_tag, own)) => (new_tag, Some(own)),
        None => (&*text, None),
    };
    let new_tag = reader
        .checked(&tag, image::check_tag(new_tag))
        .map(|()| new_tag.to_owned());
    let Some(own) = own else {
        return (new_tag, digest);
    };
    if raw.digest.is_some() {
        reader.problem(
            &tag,
            "holds a digest, and digest is given too",
            "give one of them",
        );
    }
    let own = reader
        .checked(&tag, image::check_digest(own))
        .map(|()| own.to_owned());
    (new_tag, own)
}

fn sets_something(raw: &raw::Image) -> bool {
    raw.new_name.is_some()
        || raw.new_tag.is_some()
        || raw.tag_suffix.is_some()
        || raw.digest.is_some()
}

fn field_spec(path: &str, raw: &raw::FieldSpec, reader: &mut Reader<'_>) -> Option<FieldSpec> {
    let at = |name: &str| format!("{path}.{name}");
    let spec = FieldSpec {
        group: reader.literal(&at("group"), raw.group.as_ref()),
        version: reader.literal(&at("version"), raw.version.as_ref()),
        kind: reader.literal(&at("kind"), raw.kind.as_ref()),
        path: Vec::new(),
    };
    let text = reader.literal(&at("path"), raw.path.as_ref());
    let text = text.or_else(|| raw.path.clone().filter(String::is_empty))?;
    let path = reader.checked(&at("path"), grammar::parse_field_path(&text))?;
    Some(FieldSpec { path, ..spec })
}

fn selector(path: &str, raw: &raw::Selector, reader: &mut Reader<'_>) -> Selector {
    let at = |name: &str| format!("{path}.{name}");
    let selector = Selector {
        kind: reader.literal(&at("kind"), raw.kind.as_ref()),
        name: reader.literal(&at("name"), raw.name.as_ref()),
        namespace: reader.literal(&at("namespace"), raw.namespace.as_ref()),
        container: reader.literal(&at("container"), raw.container.as_ref()),
    };
    if selector == Selector::default() && !reader.reported(path) {
        let help = "give one of kind, name, namespace, container";
        reader.problem(path, "selects nothing in particular", help);
    }
    selector
}

fn secrets(raw: &raw::Secrets, reader: &mut Reader<'_>) -> Secrets {
    let path = reader.text(
        "spec.secrets.path",
        raw.path.as_ref(),
        grammar::check_secret_path,
    );
    Secrets {
        mode: match raw.mode {
            Some(raw::SecretsMode::Keep) => SecretsMode::Keep,
            Some(raw::SecretsMode::Resolve) | None => SecretsMode::Resolve,
        },
        path: path.map(|path| path.trim_matches('/').to_owned()),
        encode_data: raw.encode_data.unwrap_or_default(),
        allow_in_place: raw.allow_in_place.unwrap_or_default(),
    }
}
