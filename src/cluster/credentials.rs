//! Reads the credentials Secret (AVP's `-s NAME`), in which the operator keeps settings for Vault, with the service
//! account of this pod. The paths and variables are those that every client in a pod uses (Kubernetes: "Accessing the
//! Kubernetes API from a Pod").

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube_core::params::GetParams;
use kube_core::{Request, Resource};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::cluster::secret_name::SecretName;
use crate::http::error::HttpError;
use crate::http::get::{Get, get};
use crate::http::options::{Authorities, Tls};
use crate::resolve::{StoreError, StoreErrorKind};
use crate::secret::base64;

/// The folder with the token and the CA certificate of a pod's service account.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// The largest answer, in bytes: a Secret holds at most 1 MiB, which base64 makes longer.
const LONGEST: usize = 2 * 1024 * 1024;

/// The credentials Secret, and the API server to read it from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialsSecret {
    /// The name of the Secret.
    pub name: SecretName,
    /// `host:port` of the API server; `None` outside a cluster.
    pub server: Option<String>,
}

impl CredentialsSecret {
    /// Reads the keys of the Secret, with their values as text. Keys whose value is not UTF-8 are left out. `within`
    /// limits the time for the request.
    ///
    /// # Errors
    /// [`StoreErrorKind::Config`] if there is no cluster, no such Secret, or no permission to read it;
    /// [`StoreErrorKind::Transient`] if the API server does not answer. Errors never quote the Secret.
    pub(crate) async fn read(
        &self,
        within: Duration,
    ) -> Result<BTreeMap<String, Zeroizing<String>>, StoreError> {
        let server = self.server.as_deref().ok_or_else(|| {
            self.refused(
                "this process does not run in a cluster (KUBERNETES_SERVICE_HOST is not set)",
                "run it in a pod, or set the credentials in its environment",
            )
        })?;
        let token = self.account("token")?;
        let request = Request::new(Secret::url_path(&(), Some(self.name.namespace())))
            .get(self.name.name(), &GetParams::default())
            .map_err(|_| {
                self.refused(
                    "the request cannot be built",
                    "correct the name of the Secret",
                )
            })?;
        let tls = Tls {
            authorities: Some(Authorities::File(PathBuf::from(ACCOUNT).join("ca.crt"))),
            ..Tls::default()
        };
        let answer = get(&Get {
            url: &format!("https://{server}{}", request.uri()),
            bearer: token.trim(),
            tls: &tls,
            within,
            longest: LONGEST,
        })
        .await
        .map_err(|error| failed(&error))?;
        match answer.status {
            200 => self.values(&answer.body),
            401 | 403 => Err(self.refused(
                "the service account may not read it",
                "give the service account of this pod a Role with `get` on this Secret, and set automountServiceAccountToken: true",
            )),
            404 => Err(self.refused("it does not exist", "check its name and namespace")),
            429 | 500..=599 => Err(StoreError {
                kind: StoreErrorKind::Transient,
                ..self.refused(
                    &format!("the API server answered {} (transient)", answer.status),
                    "try again",
                )
            }),
            status => Err(self.refused(
                &format!("the API server answered {status}"),
                "check its name and namespace",
            )),
        }
    }

    fn values(&self, body: &[u8]) -> Result<BTreeMap<String, Zeroizing<String>>, StoreError> {
        #[derive(Deserialize)]
        struct Data<'b> {
            #[serde(borrow, default)]
            data: Option<BTreeMap<Cow<'b, str>, Cow<'b, str>>>,
        }
        let read: Data<'_> = serde_json::from_slice(body).map_err(|_| {
            self.refused(
                "the answer is not a Secret",
                "check what answers at KUBERNETES_SERVICE_HOST",
            )
        })?;
        let text = |value: &str| {
            let bytes = base64::decode(value)?;
            std::str::from_utf8(&bytes)
                .ok()
                .map(|text| Zeroizing::new(text.to_owned()))
        };
        let entries = read.data.unwrap_or_default();
        Ok(entries
            .iter()
            .filter_map(|(key, value)| Some((key.to_string(), text(value)?)))
            .collect())
    }

    /// Reads a file of the service account.
    fn account(&self, file: &str) -> Result<Zeroizing<String>, StoreError> {
        let path = Path::new(ACCOUNT).join(file);
        fs::read_to_string(&path).map(Zeroizing::new).map_err(|_| {
            self.refused(
                &format!("{} cannot be read", path.display()),
                "set automountServiceAccountToken: true for this pod",
            )
        })
    }

    fn refused(&self, fact: &str, help: &str) -> StoreError {
        StoreError {
            kind: StoreErrorKind::Config,
            message: format!("the credentials Secret {}: {fact}", self.name),
            help: help.to_owned(),
        }
    }
}

/// The error if the API server sent no answer.
fn failed(error: &HttpError) -> StoreError {
    StoreError {
        kind: match error {
            HttpError::TooLarge(..) => StoreErrorKind::Refused,
            error if error.is_transient() => StoreErrorKind::Transient,
            _ => StoreErrorKind::Config,
        },
        message: error.to_string(),
        help: "check that this pod may reach the cluster's API server".to_owned(),
    }
}
