//! The fields that may hold a secret value.

use crate::explain::Explain;

/// Fields of one kind of object that may hold a secret value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sink {
    /// The `apiVersion`, compared exactly.
    pub api_version: String,
    /// The `kind`, compared exactly.
    pub kind: String,
    /// The fields, each as the steps from the root of the object.
    pub fields: Vec<Vec<Step>>,
}

/// One step of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The value of this key.
    Key(String),
    /// `*`: any one key, or any item of a list.
    Any,
}

/// Why a field in the policy is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// `a//b`: an empty step.
    #[error("has an empty step")]
    Empty,
    /// A step `metadata`, at any depth.
    #[error("names metadata, where every reader of the object sees the value")]
    Metadata,
    /// A step `**`, which only paths of secrets can have.
    #[error("holds `**`, which is for paths")]
    Rest,
}

impl Explain for FieldError {
    fn help(&self) -> String {
        match self {
            Self::Empty => "write the keys with one `/` between them",
            Self::Metadata => {
                "secrets are never placed in metadata, that of pod templates included"
            }
            Self::Rest => "list each depth, with `*` for any key",
        }
        .to_owned()
    }
}

/// The place of a placeholder: an object and a field in it.
#[derive(Clone, Copy, Debug)]
pub struct Target<'t> {
    /// The object's `apiVersion`, as written.
    pub api_version: &'t str,
    /// The object's `kind`, as written.
    pub kind: &'t str,
    /// The object's namespace: empty if there is none, [`NOT_A_STRING`] if it is not a string.
    pub namespace: &'t str,
    /// The steps from the object's root: `Some` for a key, `None` for an item of a list.
    pub path: &'t [Option<&'t str>],
}

/// Stands for a namespace that is not a string. It never equals the destination namespace.
pub const NOT_A_STRING: &str = "(not a string)";

impl Sink {
    /// Parses a field such as `data/*`. None of its steps may be `metadata`.
    ///
    /// # Errors
    /// A [`FieldError`] for an invalid step.
    pub fn parse_field(text: &str) -> Result<Vec<Step>, FieldError> {
        let steps = text.split('/').map(|step| match step {
            "" => Err(FieldError::Empty),
            "metadata" => Err(FieldError::Metadata),
            "**" => Err(FieldError::Rest),
            "*" => Ok(Step::Any),
            key => Ok(Step::Key(key.to_owned())),
        });
        steps.collect()
    }

    /// Whether the policy lists this field of this object.
    #[must_use]
    pub fn holds(&self, target: &Target<'_>) -> bool {
        self.api_version == target.api_version
            && self.kind == target.kind
            && self.fields.iter().any(|field| fits(field, target.path))
    }
}

fn fits(field: &[Step], path: &[Option<&str>]) -> bool {
    field.len() == path.len()
        && field.iter().zip(path).all(|(step, found)| match step {
            Step::Any => true,
            Step::Key(key) => *found == Some(key.as_str()),
        })
}

impl Target<'_> {
    /// Whether it is a key of `data` or `stringData` of a v1 Secret, the only values that Argo CD masks.
    #[must_use]
    pub fn is_secret_data(&self) -> bool {
        self.api_version == "v1"
            && self.kind == "Secret"
            && matches!(self.path, [Some("data" | "stringData"), Some(_)])
    }

    /// Whether it is in `metadata` at any depth, where even a listed `*` allows no secret.
    #[must_use]
    pub fn is_metadata(&self) -> bool {
        self.path.contains(&Some("metadata")) && !self.is_secret_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target<'t>(api_version: &'t str, kind: &'t str, path: &'t [Option<&'t str>]) -> Target<'t> {
        Target {
            api_version,
            kind,
            namespace: "",
            path,
        }
    }

    #[test]
    fn only_the_data_of_a_v1_secret_is_masked() {
        let data = [Some("data"), Some("metadata")];
        let yes = target("v1", "Secret", &data);
        assert!(yes.is_secret_data() && !yes.is_metadata());
        for (api, kind) in [
            ("v1", "ConfigMap"),
            ("v1", "secret"),
            ("/v1", "Secret"),
            ("example.com/v1", "Secret"),
            ("", "Secret"),
        ] {
            assert!(!target(api, kind, &data).is_secret_data(), "{api} {kind}");
        }
        for path in [
            &[Some("data")][..],
            &[Some("data"), None],
            &[Some("data"), Some("a"), Some("b")],
            &[Some("type")],
            &[Some("items"), None, Some("data"), Some("a")],
            &[Some("metadata"), Some("annotations"), Some("a")],
        ] {
            assert!(!target("v1", "Secret", path).is_secret_data(), "{path:?}");
        }
    }

    #[test]
    fn a_listed_field_is_matched_step_by_step() {
        let sink = |field: &str| Sink {
            api_version: "v1".to_owned(),
            kind: "ConfigMap".to_owned(),
            fields: vec![Sink::parse_field(field).unwrap()],
        };
        let path = [Some("data"), Some("a")];
        assert!(sink("data/*").holds(&target("v1", "ConfigMap", &path)));
        assert!(sink("data/a").holds(&target("v1", "ConfigMap", &path)));
        assert!(!sink("data/b").holds(&target("v1", "ConfigMap", &path)));
        assert!(!sink("data").holds(&target("v1", "ConfigMap", &path)));
        assert!(!sink("data/*/*").holds(&target("v1", "ConfigMap", &path)));
        assert!(!sink("data/*").holds(&target("v1", "Secret", &path)));
        assert!(!sink("data/*").holds(&target("v2", "ConfigMap", &path)));
        assert!(sink("data/*").holds(&target("v1", "ConfigMap", &[Some("data"), None])));
    }

    #[test]
    fn metadata_can_never_be_listed_or_reached() {
        for field in [
            "metadata/name",
            "spec/template/metadata/labels/*",
            "metadata",
        ] {
            assert!(Sink::parse_field(field).is_err(), "{field}");
        }
        let path = [Some("metadata"), Some("name")];
        assert!(target("v1", "Pod", &path).is_metadata());
        for field in ["", "a//b", "/a", "**"] {
            assert!(Sink::parse_field(field).is_err(), "{field}");
        }
    }
}
