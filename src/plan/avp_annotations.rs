//! The `avp.kubernetes.io/*` annotations of an object (docs/internals/avp.md#annotations-here): honoured or refused, quoted
//! or not, never ignored.

use super::Scope;
use crate::finding::{Finding, Severity};
use crate::go_syntax;
use crate::secret::KvVersion;
use crate::yaml::tree::NodeId;

const PREFIX: &str = "avp.kubernetes.io/";

/// How many annotations may begin so: they may be shared by as many objects as there are.
const MOST: usize = 64;

/// What the annotations say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Avp {
    /// `path`: where `<key>` is looked up, without outer blanks and slashes; may be empty.
    pub path: Option<String>,
    /// `secret-version` for that path, 0 for the latest.
    pub version: u64,
    /// `kv-version`.
    pub kv: Option<KvVersion>,
    /// `ignore`: no placeholder of the object is looked at.
    pub ignore: bool,
    /// `remove-missing`: entries whose key is missing go.
    pub remove_missing: bool,
}

/// Reads the annotations.
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
            problems.push(("has no value".to_owned(), "write a quoted text", key));
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
                    Finding::new(
                        Severity::Warning,
                        "is not an annotation of argocd-vault-plugin and has no effect",
                        "known are path, secret-version, kv-version, ignore and remove-missing",
                    )
                    .at(scope.subject(), annotation_field(key)),
                );
                Ok(())
            }
        };
        if let Err((message, help)) = read {
            problems.push((message.to_owned(), help, key));
        }
    }
    let kind = &*scope.subject().identity.gvk.kind;
    if avp.remove_missing && !avp.ignore && !matches!(kind, "Secret" | "ConfigMap") {
        problems.push((
            "avp.kubernetes.io/remove-missing annotation can only be used on Secret or ConfigMap resources".to_owned(),
            "remove the annotation; `| default 'text'` gives a value for a missing key in any kind",
            "avp.kubernetes.io/remove-missing",
        ));
    }
    if avp.kv == Some(KvVersion::V1) && avp.version != 0 {
        findings.push(
            Finding::new(
                Severity::Warning,
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
        .map(|(message, help, key)| {
            Finding::error(message, help).at(scope.subject(), annotation_field(key))
        })
        .collect())
}

fn annotation_field(key: &str) -> String {
    super::walk::field(&[
        super::walk::Step::Key("metadata"),
        super::walk::Step::Key("annotations"),
        super::walk::Step::Key(key),
    ])
}

/// Those of the object's annotations that are meant for AVP, not many more than [`MOST`]; written ones win
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
        for (key, value) in tree.beginning(source, PREFIX).take(MOST + 1) {
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

type Problem = (&'static str, &'static str);

/// As AVP reads it, which takes all other words for false.
fn boolean(text: &str) -> Result<bool, Problem> {
    go_syntax::boolean(text).ok_or(("is neither true nor false", "write \"true\" or \"false\""))
}

fn kv_version(text: &str) -> Result<KvVersion, Problem> {
    match text {
        "1" => Ok(KvVersion::V1),
        "2" => Ok(KvVersion::V2),
        _ => Err(("Unsupported kvVersion specified", "write \"1\" or \"2\"")),
    }
}

fn version(text: &str) -> Result<u64, Problem> {
    match text {
        "" | "-1" => Ok(0),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().map_err(|_| {
                (
                    "is not a version",
                    "write the number of a version of the secret",
                )
            })
        }
        _ => Err((
            "is not a whole number",
            "write the number of a version, or remove the annotation for the latest",
        )),
    }
}
