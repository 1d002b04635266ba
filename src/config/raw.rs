//! The `Release` document as it is written: a mirror of `gitops-fn.dev/v1alpha1` for serde.
//!
//! The doc comments are the reference text: the JSON Schema and the reference page are made of
//! them. Nothing is judged here beyond the shape; `check` has found every wrong shape before.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// The `apiVersion` of [`Release`].
pub const API_VERSION: &str = "gitops-fn.dev/v1alpha1";
/// The `kind` of [`Release`].
pub const KIND: &str = "Release";

/// What gitops-fn does to the manifests: stamps them with their repository, sets images, and puts
/// secrets where they hold placeholders. Unknown fields are errors.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Release {
    /// Always `gitops-fn.dev/v1alpha1`.
    #[schemars(required, extend("const" = API_VERSION))]
    pub api_version: Option<String>,
    /// Always `Release`.
    #[schemars(required, extend("const" = KIND))]
    pub kind: Option<String>,
    /// As for any Kubernetes object: kustomize wants a `name`, and the annotation
    /// `config.kubernetes.io/function` that says how to start this program. It is not judged here.
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub metadata: Option<IgnoredAny>,
    /// What to do. Without it placeholders are resolved and nothing else is done.
    pub spec: Option<Spec>,
}

/// What to do.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// The repository that the manifests come from, as an annotation on every object. Without this
    /// section there is no annotation.
    pub repository: Option<Repository>,
    /// The images to set, in this order. The fields are those of kustomize's own `images:`, plus
    /// `required`, `fieldSpecs` and `selectors`. A string instead of a list holds short forms, one a
    /// line or separated by commas: `NAME:TAG`, `NAME@DIGEST`, `NAME:TAG@DIGEST`, `NAME=NEW:TAG`. Takes
    /// `${NAME}` then, so that one variable can hold several images.
    pub images: Option<Images>,
    /// How placeholders such as `<path:kv/shop/web#password>` are treated.
    pub secrets: Option<Secrets>,
}

/// The images to set.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Images {
    /// One rule each.
    List(Vec<Image>),
    /// Short forms.
    Short(String),
}

/// The repository that the manifests come from.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Repository {
    /// One printable line of at most 2 KiB: a git URL (`https://`, `ssh://`, `git://`, `file://`,
    /// `git@host:path`) or `org/repo`. A URL that holds a user and password or a token is refused,
    /// as the annotation would publish it. Takes `${NAME}`.
    #[schemars(required)]
    pub url: Option<String>,
    /// The annotation key.
    #[schemars(extend("default" = super::ANNOTATION))]
    pub annotation: Option<String>,
    /// Whether the pod templates of workloads get the annotation too. Every workload then restarts
    /// whenever it changes.
    #[schemars(extend("default" = false))]
    pub pod_templates: Option<bool>,
}

/// One image rule.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Image {
    /// The image to look for, as it stands in the manifests without tag and digest. It is matched
    /// as text, never as a pattern, and `nginx` is not `registry.example/library/nginx`. Takes `${NAME}`.
    #[schemars(required)]
    pub name: Option<String>,
    /// The name to put in its place. Takes `${NAME}`.
    pub new_name: Option<String>,
    /// The tag to set, or tag and digest of one image, `v1@sha256:…`. It must be quoted where YAML would
    /// read a number: `"1.10"`. A digest that was there is dropped unless one is given too. Takes
    /// `${NAME}`.
    pub new_tag: Option<String>,
    /// A text to append to the tag that is there, once: a tag that ends in it stays. A digest behind
    /// a tag that gets it is dropped. An image without a tag stays without one and keeps its digest,
    /// with a warning; `newName` counts all the same. Not together with `newTag` or `digest`. Takes
    /// `${NAME}`.
    pub tag_suffix: Option<String>,
    /// The digest to set: `sha256:` and 64 hex digits. A tag that was there is dropped unless
    /// `newTag` is given too. Takes `${NAME}`.
    pub digest: Option<String>,
    /// Whether it is an error that no image matched; otherwise it is a warning.
    #[schemars(extend("default" = false))]
    pub required: Option<bool>,
    /// More fields that hold an image, besides the containers (unlike in kustomize also
    /// `ephemeralContainers`) and image volumes of every kind: the form of kustomize's `configurations:`.
    pub field_specs: Option<Vec<FieldSpec>>,
    /// Where the rule counts: the containers of objects that fit one of these. Everywhere if there
    /// are none.
    pub selectors: Option<Vec<Selector>>,
}

/// A field that holds an image, or a list of images.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FieldSpec {
    /// The API group of the objects; any if it is not given.
    pub group: Option<String>,
    /// The API version of the objects, without the group; any if it is not given.
    pub version: Option<String>,
    /// The kind of the objects; any if it is not given.
    pub kind: Option<String>,
    /// The way to the field, with `/` between the keys (`\/` for a slash in a key): `spec/image`.
    /// `[]` behind a key says that it holds a list, `spec/sidecars[]/image`; at the end, that it is
    /// a list of images, `spec/images[]`.
    #[schemars(required)]
    pub path: Option<String>,
}

/// Which objects and containers a rule counts for. What is not given fits anything; all texts are
/// compared literally. At least one must be given.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct Selector {
    /// The kind of the object.
    pub kind: Option<String>,
    /// The name of the object.
    pub name: Option<String>,
    /// The namespace of the object.
    pub namespace: Option<String>,
    /// The name of the container.
    pub container: Option<String>,
}

/// How placeholders are treated.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Secrets {
    /// Whether placeholders are resolved. `GITOPS_FN_SECRETS=keep` in the environment keeps them
    /// whatever stands here.
    #[schemars(extend("default" = "resolve"))]
    pub mode: Option<SecretsMode>,
    /// Where `<key>` in the `data` and `stringData` of a Secret is looked up when no annotation
    /// `avp.kubernetes.io/path` says so: `kv/shop/web`. Takes `${NAME}`.
    pub path: Option<String>,
    /// Whether resolved values in the `data` of a Secret are base64-encoded here. Without it a
    /// value that is not base64 already is an error.
    #[schemars(extend("default" = false))]
    pub encode_data: Option<bool>,
    /// Whether secrets may be resolved in items that come from files, as kpt sends them: it would
    /// write the values into those files.
    #[schemars(extend("default" = false))]
    pub allow_in_place: Option<bool>,
}

/// Whether placeholders are resolved.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecretsMode {
    /// Put the values in.
    Resolve,
    /// Leave the placeholders, with one warning: for builds without a Vault.
    Keep,
}
