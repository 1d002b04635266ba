//! The configuration from environment variables alone, which the previous plugin's commands used.

use super::grammar;
use super::release::Reader;
use super::{ANNOTATION, Config, ImageRule, Repository};
use crate::image::Retag;
use crate::settings::Variable;

/// Reads `APP_REPO` as the repository, and `IMAGE_NAME` with `IMAGE_TAG` as one image rule.
pub(super) fn read(reader: &mut Reader<'_>) -> Config {
    let url = variable("APP_REPO", reader);
    let url = url.and_then(|url| {
        reader
            .checked("APP_REPO", grammar::check_url(&url))
            .map(|()| url)
    });
    let repository = url.map(|url| Repository {
        url,
        annotation: ANNOTATION.to_owned(),
        pod_templates: false,
    });
    Config {
        repository,
        images: image(reader).into_iter().collect(),
        ..Config::default()
    }
}

fn image(reader: &mut Reader<'_>) -> Option<ImageRule> {
    let before = reader.problems.len();
    let (name, tag) = (
        variable("IMAGE_NAME", reader),
        variable("IMAGE_TAG", reader),
    );
    let (name, tag) = match (name, tag) {
        (Some(name), Some(tag)) => (name, tag),
        (None, None) => return None,
        (name, _) if before == reader.problems.len() => {
            let (set, unset) = if name.is_some() {
                ("IMAGE_NAME", "IMAGE_TAG")
            } else {
                ("IMAGE_TAG", "IMAGE_NAME")
            };
            let message = format!("is not set, but {set} is");
            reader.problem(
                unset,
                &message,
                "set both, or neither; or give a configuration",
            );
            return None;
        }
        _ => return None,
    };
    let retag = reader.checked(
        "IMAGE_NAME, IMAGE_TAG",
        Retag::parse_short(&format!("{name}:{tag}")),
    )?;
    Some(ImageRule {
        place: "IMAGE_NAME".to_owned(),
        retag,
        ..ImageRule::default()
    })
}

/// The value of a variable; `None` if it is unset, empty, may not be used, or is not UTF-8, which is reported.
fn variable(name: &str, reader: &mut Reader<'_>) -> Option<String> {
    match reader.env.variable(name) {
        Variable::Set(value) => Some(value.to_owned()).filter(|value| !value.is_empty()),
        Variable::Unset | Variable::NotAllowed => None,
        Variable::NotUtf8 => {
            reader.problem(name, "not UTF-8 text", "set it to UTF-8 text, or unset it");
            None
        }
    }
}
