//! A repository as users of the old plugin have it: an overlay, a generated Secret, a plain one, and no
//! word of us.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_yaml::Value;
use tempfile::TempDir;

use crate::support::{temp_dir, write_files};

/// The value of `kv/shop/web#password`.
pub(super) const PASSWORD: &str = "rusty-anchor: 'in' \"the\" # harbour";

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: registry.example/acme/shop-web:latest
        envFrom:
        - secretRef: {name: generated}
";

const SECRET: &str = "\
apiVersion: v1
kind: Secret
metadata:
  name: plain
  annotations:
    avp.kubernetes.io/path: kv/data/shop/web
stringData:
  user: <user>
  url: postgres://<user>@db/<path:kv/shop/web#user>
";

const KUSTOMIZATION: &str = "\
resources: [deployment.yaml, secret.yaml]
secretGenerator:
- name: generated
  literals: [\"password=<path:kv/data/shop/web#password>\"]
";

/// A repository in a folder of its own.
pub(super) struct Repository(TempDir);

impl Repository {
    /// The path of its Application.
    pub(super) const PATH: &'static str = "deploy/overlays/prod";

    /// The whole.
    pub(super) fn new() -> Self {
        let folder = temp_dir();
        write_files(
            folder.path(),
            &[
                ("deploy/base/kustomization.yaml", KUSTOMIZATION),
                ("deploy/base/deployment.yaml", DEPLOYMENT),
                ("deploy/base/secret.yaml", SECRET),
                (
                    "deploy/overlays/prod/kustomization.yaml",
                    "namespace: shop-prod\nresources: [../../base]\n",
                ),
                ("src/main", "not of interest\n"),
            ],
        );
        Self(folder)
    }

    /// One with a single Secret, with this text as its only value.
    pub(super) fn with_secret(text: &str) -> Self {
        let folder = temp_dir();
        let secret = serde_json::json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web"}, "stringData": {"value": text}
        });
        write_files(
            folder.path(),
            &[
                (
                    "deploy/overlays/prod/kustomization.yaml",
                    "resources: [secret.yaml]\n",
                ),
                ("deploy/overlays/prod/secret.yaml", &secret.to_string()),
            ],
        );
        Self(folder)
    }

    /// Where it is.
    pub(super) fn root(&self) -> &Path {
        self.0.path()
    }

    /// Base64, as in a Secret's `data`.
    pub(super) fn encoded(text: &str) -> String {
        STANDARD.encode(text)
    }

    /// Checks the objects that [`Repository::new`] gives, with the user `shop`.
    #[track_caller]
    pub(super) fn assert_built(objects: &[Value]) {
        let of = |kind: &str, name: &str| -> &Value {
            let found = objects.iter().find(|object| {
                object["kind"] == kind
                    && object["metadata"]["name"]
                        .as_str()
                        .unwrap()
                        .starts_with(name)
            });
            found.unwrap_or_else(|| panic!("no {kind} {name}: {objects:?}"))
        };
        assert_eq!(objects.len(), 3);
        for object in objects {
            let metadata = &object["metadata"];
            assert_eq!(metadata["namespace"], "shop-prod");
            assert_eq!(metadata["annotations"]["github.com/url"], "acme/shop-web");
        }
        let plain = &of("Secret", "plain")["stringData"];
        assert_eq!(plain["user"], "shop");
        assert_eq!(plain["url"], "postgres://shop@db/shop");
        let generated = of("Secret", "generated-");
        assert_eq!(generated["data"]["password"], Self::encoded(PASSWORD));
        let container = &of("Deployment", "web")["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["image"], "registry.example/acme/shop-web:1.10");
        assert_eq!(
            container["envFrom"][0]["secretRef"]["name"],
            generated["metadata"]["name"]
        );
    }
}

/// What Argo CD adds to the environment of a plugin, for the Application `web` of the project `shop` at `path`;
/// then `more`.
pub(super) fn argocd(path: &str, more: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    tenant("shop", path, more)
}

/// The same for another project.
pub(super) fn tenant(
    project: &str,
    path: &str,
    more: &[(&'static str, &str)],
) -> Vec<(&'static str, String)> {
    let mut env = vec![
        ("ARGOCD_APP_NAME", "web".to_owned()),
        ("ARGOCD_APP_NAMESPACE", format!("{project}-prod")),
        ("ARGOCD_APP_PROJECT_NAME", project.to_owned()),
        (
            "ARGOCD_APP_REVISION",
            "1f3870be274f6c49b3e31a0c6728957f8f6d5a2c".to_owned(),
        ),
        ("ARGOCD_APP_REVISION_SHORT", "1f3870b".to_owned()),
        ("ARGOCD_APP_REVISION_SHORT_8", "1f3870be".to_owned()),
        (
            "ARGOCD_APP_SOURCE_REPO_URL",
            "https://git.example/acme/shop-web.git".to_owned(),
        ),
        ("ARGOCD_APP_SOURCE_PATH", path.to_owned()),
        ("ARGOCD_APP_SOURCE_TARGET_REVISION", "main".to_owned()),
        ("KUBE_VERSION", "1.34.0".to_owned()),
        // as long as those of a cluster with many operators
        (
            "KUBE_API_VERSIONS",
            "example.com/v1alpha1/Something,".repeat(3_000),
        ),
        ("ARGOCD_APP_PARAMETERS", "null".to_owned()),
    ];
    env.extend(
        more.iter()
            .map(|(name, value)| (*name, (*value).to_owned())),
    );
    env
}
