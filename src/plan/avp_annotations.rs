//! The `avp.kubernetes.io/*` annotations of an object (docs/internals/avp.md#annotations-here). Each is honoured or
//! reported, whether it is quoted or not; none is silently ignored.

use super::Scope;
use crate::explain::Explain;
use crate::finding::Finding;
use crate::go_syntax;
use crate::secret::KvVersion;
use crate::yaml::tree::NodeId;

const PREFIX: &str = "avp.kubernetes.io/";

/// The maximum number of AVP annotations, since any number of objects can share them through aliases.
const MOST: usize = 64;

/// The values of the annotations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Avp {
    /// `path`: the secret in which `<key>` is looked up, trimmed of outer blanks and slashes; may be empty.
    pub path: Option<String>,
    /// `secret-version`: the version of that secret, 0 for the latest.
    pub version: u64,
    /// `kv-version`.
    pub kv: Option<KvVersion>,
    /// `ignore`: leave all placeholders of the object as they are.
    pub ignore: bool,
    /// `remove-missing`: remove entries whose key is missing from the secret.
    pub remove_missing: bool,
}

/// Reads the object's annotations. Returns them with warnings.
///
/// # Errors
/// Everything that is wrong with them.
pub fn read(scope: &Scope<'_, '_>) -> Result<(Avp, Vec<Finding>), Vec<Finding>> {
    let mut avp = Avp::default();
    let mut findings = Vec::new();
    let mut problems = Vec::new();
    let annotations = annotations(scope);
    if annotations.len() > MOST {
        let finding = Finding::error(
            "there are more than 64 avp.kubernetes.io annotations",
            "known are path, secret-version, kv-version, ignore and remove-missing",
        );
        return Err(vec![finding.at(scope.subject(), "metadata.annotations")]);
    }
    for (key, value) in annotations {
        let Some(name) = key.strip_prefix(PREFIX) else {
            continue;
        };
        let Some(text) = scalar(scope, value) else {
            problems.push((AnnotationError::NoValue, key));
            continue;
        };
        let read = match name {
            "path" => {
                avp.path = Some(text.trim().trim_matches('/').to_owned());
                Ok(())
            }
            "secret-version" => version(text).map(|version| avp.version = version),
            "kv-version" => kv_version(text).map(|kv| avp.kv = Some(kv)),
            "ignore" => boolean(text).map(|ignore| avp.ignore = ignore),
            "remove-missing" => boolean(text).map(|remove| avp.remove_missing = remove),
            _ => {
                findings.push(
                    Finding::warning(
                        "is not an annotation of argocd-vault-plugin and has no effect",
                        "known are path, secret-version, kv-version, ignore and remove-missing",
                    )
                    .at(scope.subject(), annotation_field(key)),
                );
                Ok(())
            }
        };
        problems.extend(read.err().map(|error| (error, key)));
    }
    let kind = &*scope.subject().identity.gvk.kind;
    if avp.remove_missing && !avp.ignore && !matches!(kind, "Secret" | "ConfigMap") {
        let key = "avp.kubernetes.io/remove-missing";
        problems.push((AnnotationError::RemoveMissing, key));
    }
    if avp.kv == Some(KvVersion::V1) && avp.version != 0 {
        findings.push(
            Finding::warning(
                "KV v1 has no versions; the version is ignored",
                "remove it, or the kv-version annotation",
            )
            .at(
                scope.subject(),
                annotation_field("avp.kubernetes.io/secret-version"),
            ),
        );
        avp.version = 0;
    }
    if problems.is_empty() {
        return Ok((avp, findings));
    }
    Err(problems
        .into_iter()
        .map(|(error, key)| Finding::from(error).at(scope.subject(), annotation_field(key)))
        .collect())
}

fn annotation_field(key: &str) -> String {
    super::walk::field(&[
        super::walk::Step::Key("metadata"),
        super::walk::Step::Key("annotations"),
        super::walk::Step::Key(key),
    ])
}

/// The keys and values of the object's AVP annotations; not many more than [`MOST`]. The object's own annotations win
/// over merged ones.
fn annotations<'s>(scope: &Scope<'s, '_>) -> Vec<(&'s str, NodeId)> {
    let tree = scope.tree;
    let Some(map) = tree
        .get(scope.root(), "metadata")
        .and_then(|metadata| tree.get(metadata, "annotations"))
    else {
        return Vec::new();
    };
    let mut found: Vec<(&str, NodeId)> = Vec::new();
    for &source in std::iter::once(&map).chain(&*tree.sources(map)) {
        for (key, value) in tree.with_prefix(source, PREFIX).take(MOST + 1) {
            let name = tree.text(key).unwrap_or_default();
            if source == map || found.iter().all(|(known, _)| *known != name) {
                found.push((name, value));
            }
        }
        if found.len() > MOST {
            break;
        }
    }
    found
}

fn scalar<'s>(scope: &Scope<'s, '_>, value: NodeId) -> Option<&'s str> {
    let value = scope.tree.target(value)?;
    if scope.tree.node(value).is_null() {
        return None;
    }
    scope.tree.text(value)
}

/// Why an annotation cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum AnnotationError {
    #[error("has no value")]
    NoValue,
    #[error("is neither true nor false")]
    Boolean,
    #[error("Unsupported kvVersion specified")]
    KvVersion,
    #[error("is not a version")]
    Version,
    #[error("is not a whole number")]
    NotANumber,
    #[error(
        "avp.kubernetes.io/remove-missing annotation can only be used on Secret or ConfigMap resources"
    )]
    RemoveMissing,
}

impl Explain for AnnotationError {
    fn help(&self) -> String {
        match self {
            Self::NoValue => "write a quoted text",
            Self::Boolean => "write \"true\" or \"false\"",
            Self::KvVersion => "write \"1\" or \"2\"",
            Self::Version => "write the number of a version of the secret",
            Self::NotANumber => {
                "write the number of a version, or remove the annotation for the latest"
            }
            Self::RemoveMissing => {
                "remove the annotation; `| default 'text'` gives a value for a missing key in any kind"
            }
        }
        .to_owned()
    }
}

/// Reads a boolean as AVP does, except that AVP takes every other word for false.
fn boolean(text: &str) -> Result<bool, AnnotationError> {
    go_syntax::boolean(text).ok_or(AnnotationError::Boolean)
}

fn kv_version(text: &str) -> Result<KvVersion, AnnotationError> {
    match text {
        "1" => Ok(KvVersion::V1),
        "2" => Ok(KvVersion::V2),
        _ => Err(AnnotationError::KvVersion),
    }
}

fn version(text: &str) -> Result<u64, AnnotationError> {
    match text {
        "" | "-1" => Ok(0),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().map_err(|_| AnnotationError::Version)
        }
        _ => Err(AnnotationError::NotANumber),
    }
}
