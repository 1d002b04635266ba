//! An object for every kind that kustomize's nameReference table lets refer to a `ConfigMap` or a Secret,
//! with every field that it names (docs/internals/kustomize-and-kpt.md#name-references), and some that only look so.

use super::case::Dice;

/// A pod's specification; its names are replaced by those of the case.
const POD: &str = r#"{"containers": [{"name": "a", "image": "nginx",
  "env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "CONFIG", "key": "always"}}},
          {"name": "B", "valueFrom": {"secretKeyRef": {"name": "SECRET", "key": "always"}}},
          {"name": "C", "value": "CONFIG SECRET"}],
  "envFrom": [{"configMapRef": {"name": "CONFIG"}}, {"secretRef": {"name": "SECRET"}}, {"secretRef": {"name": "foreign-4h2mbtbbt6"}}]}],
 "initContainers": [{"name": "i", "image": "nginx",
  "env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "CONFIG", "key": "always"}}},
          {"name": "B", "valueFrom": {"secretKeyRef": {"name": "SECRET", "key": "always"}}}],
  "envFrom": [{"configMapRef": {"name": "CONFIG"}}, {"secretRef": {"name": "SECRET"}}]}],
 "imagePullSecrets": [{"name": "SECRET"}],
 "volumes": [{"name": "c", "configMap": {"name": "CONFIG"}}, {"name": "s", "secret": {"secretName": "SECRET"}},
  {"name": "p", "projected": {"sources": [{"configMap": {"name": "CONFIG"}}, {"secret": {"name": "SECRET"}}]}},
  {"name": "csi", "csi": {"driver": "x", "nodePublishSecretRef": {"name": "SECRET"}}}]}"#;

/// Namespaced referrers: kind, apiVersion, and the rest of the object.
const NAMESPACED: &[(&str, &str, &str)] = &[
    ("Pod", "v1", r#""spec": POD"#),
    ("PodTemplate", "v1", r#""template": {"spec": POD}"#),
    (
        "Deployment",
        "apps/v1",
        r#""spec": {"template": {"spec": POD}}"#,
    ),
    (
        "ReplicaSet",
        "apps/v1",
        r#""spec": {"template": {"spec": POD}}"#,
    ),
    (
        "DaemonSet",
        "apps/v1",
        r#""spec": {"template": {"spec": POD}}"#,
    ),
    (
        "StatefulSet",
        "apps/v1",
        r#""spec": {"template": {"spec": POD}}"#,
    ),
    ("Job", "batch/v1", r#""spec": {"template": {"spec": POD}}"#),
    (
        "CronJob",
        "batch/v1",
        r#""spec": {"jobTemplate": {"spec": {"template": {"spec": POD}}}}"#,
    ),
    (
        "ReplicationController",
        "v1",
        r#""spec": {"template": {"spec": POD}}"#,
    ),
    (
        "Role",
        "rbac.authorization.k8s.io/v1",
        r#""rules": [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["CONFIG", "x", "SECRET"]}]"#,
    ),
    (
        "Ingress",
        "networking.k8s.io/v1",
        r#""spec": {"tls": [{"hosts": ["a"], "secretName": "SECRET"}]}"#,
    ),
    (
        "ServiceAccount",
        "v1",
        r#""imagePullSecrets": [{"name": "SECRET"}]"#,
    ),
    (
        "Service",
        "serving.knative.dev/v1",
        r#""spec": {"template": {"spec": {"containers": [{"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "SECRET", "key": "a"}}}]}]}}}"#,
    ),
];

/// Annotations of an Ingress that are references.
const ANNOTATIONS: &str = r#", "annotations": {"ingress.kubernetes.io/auth-secret": "SECRET",
 "nginx.ingress.kubernetes.io/auth-secret": "SECRET", "nginx.ingress.kubernetes.io/auth-tls-secret": "SECRET",
 "nginx.ingress.kubernetes.io/fastcgi-params-configmap": "CONFIG"}"#;

/// Cluster-scoped referrers.
const CLUSTER: &[(&str, &str, &str)] = &[
    (
        "ClusterRole",
        "rbac.authorization.k8s.io/v1",
        r#""rules": [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["SECRET", "CONFIG"]}]"#,
    ),
    (
        "Node",
        "v1",
        r#""spec": {"configSource": {"configMap": {"name": "CONFIG"}}}"#,
    ),
    (
        "StorageClass",
        "storage.k8s.io/v1",
        r#""parameters": {"secretName": "SECRET", "adminSecretName": "SECRET", "userSecretName": "SECRET", "secretRef": "SECRET"}"#,
    ),
    (
        "PersistentVolume",
        "v1",
        r#""spec": {"azureFile": {"secretName": "SECRET", "shareName": "x"}}"#,
    ),
];

/// How many kinds there are.
pub(super) const KINDS: usize = NAMESPACED.len() + CLUSTER.len();

/// Some of them, as a stream, for the generated `config` and `secret`. `shared` names are not unique in
/// the build, so that a cluster-scoped object could not refer to them.
pub(super) fn objects(dice: &mut Dice, config: &str, secret: &str, shared: bool) -> String {
    let kinds = if shared { NAMESPACED.len() } else { KINDS };
    let mut out = String::new();
    let first = dice.roll(kinds);
    for number in 0..4 {
        let index = (first + number * 5) % kinds;
        let (kind, api, rest) = NAMESPACED.iter().chain(CLUSTER).nth(index).unwrap();
        let annotations = if *kind == "Ingress" { ANNOTATIONS } else { "" };
        let name = format!(
            "{}{}",
            kind.to_lowercase(),
            config.trim_start_matches("cfg")
        );
        let object = format!(
            r#"{{"apiVersion": "{api}", "kind": "{kind}", "metadata": {{"name": "{name}"{annotations}}}, {rest}}}"#
        );
        out.push_str(
            &object
                .replace("POD", POD)
                .replace("CONFIG", config)
                .replace("SECRET", secret),
        );
        out.push_str("\n---\n");
    }
    out
}
