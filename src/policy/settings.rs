//! Applies the policy to the settings of the store and the login.

use super::Policy;
use super::judge::Judge;
use crate::finding::Finding;
use crate::secret::KvVersion;
use crate::settings::{Settings, StoreSetting};
use crate::vault::setting::variables::{Governed, VaultVars};
use crate::vault::settings::reading::{KV_V1_MOUNTS, KV_V2_MOUNTS};

impl Judge<'_> {
    /// Replaces the store's settings with those of the policy.
    ///
    /// Only credentials are kept from the environment (tokens, ids, passwords, their files and the client's
    /// certificate), and none in function mode. Where a credential is sent is always the policy's decision. A timeout
    /// in the environment can still shorten the run.
    pub fn govern(&self, settings: &mut Settings) {
        let Some(policy) = self.policy else { return };
        settings.store = match (&policy.secrets_file, &settings.store) {
            _ if self.closed.is_some() => StoreSetting::Unset,
            (Some(file), _) => StoreSetting::File(file.clone()),
            (None, StoreSetting::File(file)) if policy.enable.file_store => {
                StoreSetting::File(file.clone())
            }
            _ if policy.vault.is_some() => StoreSetting::Vault,
            _ => StoreSetting::Unset,
        };
        settings.vault = self.vault(policy, &settings.vault);
    }

    fn vault(&self, policy: &Policy, environment: &VaultVars) -> VaultVars {
        let server = policy.vault.as_ref();
        let mut governed = server
            .and_then(|server| server.governed(&self.identity))
            .unwrap_or_default();
        for (setting, version) in [
            (&KV_V1_MOUNTS, KvVersion::V1),
            (&KV_V2_MOUNTS, KvVersion::V2),
        ] {
            let mounts = policy.mounts.iter().filter(|one| one.version == version);
            let mounts: Vec<_> = mounts.map(|mount| mount.path.clone()).collect();
            if !mounts.is_empty() {
                governed.values.set(setting, mounts);
            }
        }
        environment.governed(Governed {
            credentials: server.is_some() && !self.function,
            deadline: policy.deadline,
            ..governed
        })
    }

    /// Why no secret can be read in this run, whatever its path; `None` if a store can be used. `asked` is the store
    /// that the environment names.
    pub(super) fn closed(&self, policy: &Policy, asked: &StoreSetting) -> Option<Finding> {
        let config = |message: &str, help: &str| Some(Finding::error(message, help).exiting(2));
        let asks_file = matches!(asked, StoreSetting::File(_));
        if policy.enable.file_store {
            return if policy.secrets_file.is_some() {
                None
            } else if self.function {
                config(
                    "the policy names no file for the file store, and in function mode the environment may not",
                    "the operator can name it in spec.secretsFile",
                )
            } else if asks_file {
                None
            } else {
                config(
                    "the policy says store: file, and no file is named",
                    "set VAULT_ADDR=file:secrets.yaml, or spec.secretsFile in the policy",
                )
            };
        }
        // in function mode the repository may have set it, so it is ignored instead of refused
        if asks_file && !self.function {
            return config(
                "the policy does not allow the file store",
                "unset VAULT_ADDR: the policy says where secrets are read",
            );
        }
        let server = policy.vault.as_ref()?;
        if server.governed(&self.identity).is_some() {
            return None;
        }
        Some(Finding::error(
            "the role of the login depends on the project, which is not known",
            self.why_unknown(),
        ))
    }

    fn why_unknown(&self) -> &'static str {
        if self.function {
            "in function mode the repository can set ARGOCD_APP_PROJECT_NAME, so it counts for nothing: use `gitops-fn build` or `render`"
        } else {
            "ARGOCD_APP_PROJECT_NAME is unset, or no plain name"
        }
    }
}
