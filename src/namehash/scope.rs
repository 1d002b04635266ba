//! Which objects the names in an object can refer to, by kustomize's rule: those of its own namespace (no namespace
//! means `default`), or those of every namespace if the object is cluster-scoped.

use crate::krm::resource::Identity;

/// The namespaces that the names in an object can refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope<'o> {
    /// This namespace.
    Namespace(&'o str),
    /// Any: the object is cluster-scoped.
    Cluster,
    /// First `default`, then any: an object without a namespace whose kind may be cluster-scoped, which only its
    /// CustomResourceDefinition could tell.
    Unknown,
}

impl<'o> Scope<'o> {
    /// The scope of an object.
    pub(super) fn of(identity: &'o Identity) -> Self {
        let gvk = &identity.gvk;
        if is_cluster_scoped(&gvk.group, &gvk.kind) {
            Self::Cluster
        } else if identity.namespace.is_empty() && !is_built_in(&gvk.group) {
            Self::Unknown
        } else {
            Self::Namespace(namespace(&identity.namespace))
        }
    }
}

/// A namespace for comparisons: `default` if empty.
pub(super) fn namespace(written: &str) -> &str {
    if written.is_empty() {
        "default"
    } else {
        written
    }
}

/// Cluster-scoped kinds: those of kustomize's table (kyaml `openapi.go`,
/// `precomputedIsNamespaceScoped`) in any version, and those that Kubernetes has added since.
fn is_cluster_scoped(group: &str, kind: &str) -> bool {
    match group {
        "" => matches!(
            kind,
            "ComponentStatus" | "Namespace" | "Node" | "NodeProxyOptions" | "PersistentVolume"
        ),
        "admissionregistration.k8s.io" => matches!(
            kind,
            "MutatingAdmissionPolicy"
                | "MutatingAdmissionPolicyBinding"
                | "MutatingWebhookConfiguration"
                | "ValidatingAdmissionPolicy"
                | "ValidatingAdmissionPolicyBinding"
                | "ValidatingWebhookConfiguration"
        ),
        "apiextensions.k8s.io" => kind == "CustomResourceDefinition",
        "apiregistration.k8s.io" => kind == "APIService",
        "certificates.k8s.io" => matches!(kind, "CertificateSigningRequest" | "ClusterTrustBundle"),
        "flowcontrol.apiserver.k8s.io" => {
            matches!(kind, "FlowSchema" | "PriorityLevelConfiguration")
        }
        "internal.apiserver.k8s.io" => kind == "StorageVersion",
        "networking.k8s.io" => matches!(kind, "IngressClass" | "IPAddress" | "ServiceCIDR"),
        "node.k8s.io" => kind == "RuntimeClass",
        "policy" => kind == "PodSecurityPolicy",
        "rbac.authorization.k8s.io" => matches!(kind, "ClusterRole" | "ClusterRoleBinding"),
        "resource.k8s.io" => matches!(kind, "DeviceClass" | "DeviceTaintRule" | "ResourceSlice"),
        "scheduling.k8s.io" => kind == "PriorityClass",
        "storage.k8s.io" => matches!(
            kind,
            "CSIDriver" | "CSINode" | "StorageClass" | "VolumeAttachment" | "VolumeAttributesClass"
        ),
        "storagemigration.k8s.io" => kind == "StorageVersionMigration",
        _ => false,
    }
}

/// Whether Kubernetes itself serves this API group.
fn is_built_in(group: &str) -> bool {
    matches!(
        group,
        "" | "admissionregistration.k8s.io"
            | "apiextensions.k8s.io"
            | "apiregistration.k8s.io"
            | "apps"
            | "authentication.k8s.io"
            | "authorization.k8s.io"
            | "autoscaling"
            | "batch"
            | "certificates.k8s.io"
            | "coordination.k8s.io"
            | "discovery.k8s.io"
            | "events.k8s.io"
            | "extensions"
            | "flowcontrol.apiserver.k8s.io"
            | "internal.apiserver.k8s.io"
            | "networking.k8s.io"
            | "node.k8s.io"
            | "policy"
            | "rbac.authorization.k8s.io"
            | "resource.k8s.io"
            | "scheduling.k8s.io"
            | "storage.k8s.io"
            | "storagemigration.k8s.io"
    )
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;
    use std::str::FromStr;

    use super::*;
    use kube_core::gvk::GroupVersion;

    #[test]
    fn scopes_follow_kind_and_namespace() {
        let check = |api: &str, kind: &str, namespace: &str, expected| {
            let identity = Identity {
                gvk: Rc::new(GroupVersion::from_str(api).unwrap().with_kind(kind)),
                name: "x".to_owned(),
                namespace: namespace.to_owned(),
            };
            assert_eq!(Scope::of(&identity), expected, "{api} {kind} {namespace}");
        };
        check("v1", "Pod", "", Scope::Namespace("default"));
        check("apps/v1", "Deployment", "shop", Scope::Namespace("shop"));
        check("v1", "PersistentVolume", "", Scope::Cluster);
        check(
            "rbac.authorization.k8s.io/v1",
            "ClusterRole",
            "shop",
            Scope::Cluster,
        );
        check(
            "rbac.authorization.k8s.io/v1",
            "Role",
            "",
            Scope::Namespace("default"),
        );
        check("cert-manager.io/v1", "ClusterIssuer", "", Scope::Unknown);
        check(
            "cert-manager.io/v1",
            "Issuer",
            "shop",
            Scope::Namespace("shop"),
        );
    }
}
