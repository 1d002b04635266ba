//! The name of the credentials Secret, and the address of the cluster's API server.

/// The default namespace of the Secret, as in AVP.
const NAMESPACE: &str = "argocd";

/// The name of a Secret, written `[NAMESPACE:]NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretName {
    namespace: String,
    name: String,
}

impl SecretName {
    /// Parses `NAME` or `NAMESPACE:NAME`; the default namespace is `argocd`, as in AVP. `None` if the text cannot name
    /// a Kubernetes object (RFC 1123: lower case letters, digits, `-` and `.`).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (namespace, name) = text.split_once(':').unwrap_or((NAMESPACE, text));
        (is_name(namespace) && is_name(name)).then(|| Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }
}

impl SecretName {
    /// The namespace of the Secret.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The name of the Secret within its namespace.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl std::fmt::Display for SecretName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

fn is_name(text: &str) -> bool {
    let inner = |ch: char| ch.is_ascii_lowercase() || ch.is_ascii_digit();
    (1..=253).contains(&text.len())
        && text.chars().all(|ch| inner(ch) || ch == '-' || ch == '.')
        && text.starts_with(inner)
        && text.ends_with(inner)
}

/// The API server as `host:port`, from `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT`; `None` outside a
/// cluster.
pub(crate) fn server(host: Option<String>, port: Option<String>) -> Option<String> {
    let host = host?;
    let port = port.unwrap_or_else(|| "443".to_owned());
    // an IPv6 address
    let brackets = host.contains(':') && !host.starts_with('[');
    Some(if brackets {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_have_a_namespace() {
        let shown = |text| SecretName::parse(text).map(|name| name.to_string());
        assert_eq!(shown("vault"), Some("argocd/vault".to_owned()));
        assert_eq!(shown("team-a:vault.1"), Some("team-a/vault.1".to_owned()));
        for bad in [
            "", ":", "a:", ":a", "a:b:c", "../x", "a/b", "A", "-v", "a b", "a\n", ".",
        ] {
            assert_eq!(shown(bad), None, "{bad:?}");
        }
    }
}
