//! Makes the secret store of a run.

use std::sync::Arc;
use std::time::Instant;

use gitops_fn::cli::Credentials;
use gitops_fn::cluster::credentials::CredentialsSecret;
use gitops_fn::cluster::secret_name::SecretName;
use gitops_fn::policy::judge::Judge;
use gitops_fn::resolve::MemoryBudget;
use gitops_fn::settings::{Settings, StoreSetting};
use gitops_fn::store::Store;

use super::refusal::Refusal;

/// Makes the store that the settings name, with the credentials of a Secret if one is given.
pub(crate) fn of_settings(
    settings: &Settings,
    judge: &Judge<'_>,
    credentials: Option<CredentialsSecret>,
    begun: Instant,
) -> Arc<Store> {
    let (bytes, over) = judge.secrets();
    let memory = MemoryBudget::new(bytes, over.message, over.help);
    Arc::new(Store::new(settings, credentials, memory, begun))
}

/// Makes the store that the settings name. It uses the credentials of a Secret if an argument, or a parameter that the
/// policy allows, names one.
///
/// # Errors
/// A [`Refusal`] if a Secret is named and the store is a file, which needs no credentials.
pub(crate) fn of_arguments(
    settings: &Settings,
    judge: &Judge<'_>,
    credentials: &Credentials,
    begun: Instant,
) -> Result<Arc<Store>, Refusal> {
    let listed = settings.avp_secret.as_deref().filter(|name| {
        judge
            .policy()
            .is_some_and(|policy| policy.allows_credentials_secret(name))
    });
    let named = credentials
        .secret
        .clone()
        .or_else(|| SecretName::parse(listed?));
    let Some(name) = named else {
        return Ok(of_settings(settings, judge, None, begun));
    };
    if matches!(settings.store, StoreSetting::File(_)) {
        return Err(Refusal::usage(
            "--credentials-secret holds credentials for a server, and VAULT_ADDR names a file",
            "leave one of them out",
        ));
    }
    let server = settings.cluster.clone();
    Ok(of_settings(
        settings,
        judge,
        Some(CredentialsSecret { name, server }),
        begun,
    ))
}
