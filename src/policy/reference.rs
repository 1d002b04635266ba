//! The JSON Schema of a `Policy` and its reference page, both made of the doc comments in `raw`.

use super::raw::Policy;
use crate::document::schema;

/// The JSON Schema (draft 7) of `kind: Policy`, as `fn-config/policy.schema.json` holds it.
#[must_use]
pub fn schema_json() -> String {
    format!("{:#}\n", schema::of::<Policy>())
}

/// The reference page in Markdown, as `fn-config/policy.md` holds it.
#[must_use]
pub fn reference_markdown() -> String {
    let mut page = String::from(INTRODUCTION);
    schema::section(&mut page, "Policy", "", &schema::of::<Policy>());
    page.push_str(CLOSING);
    page
}

const INTRODUCTION: &str = "\
<!-- Generated from the doc comments in src/policy/raw.rs: GITOPS_FN_UPDATE=1 cargo test generated -->
# The operator's policy

`/etc/gitops-fn/policy.yaml` says which secrets an Application may read and where they may be placed;
[how to write one](../docs/policy.md). [policy-minimal.yaml](policy-minimal.yaml) and
[policy-two-tenants.yaml](policy-two-tenants.yaml) are examples. `gitops-fn schema --kind policy` prints the JSON Schema, which
is also in [policy.schema.json](policy.schema.json).

<!-- ANCHOR: fields -->
";

const CLOSING: &str = "
## What the environment still says

Under a policy neither `VAULT_ADDR`, `VAULT_AGENT_ADDR`, `VAULT_NAMESPACE`, `VAULT_CACERT`,
`VAULT_SKIP_VERIFY`, `VAULT_REDIRECT_HOSTS`, the login method, mount, role and namespace, `AVP_KV_VERSION`,
`GITOPS_FN_MAX_BODY`, `SSL_CERT_FILE`, `SSL_CERT_DIR` nor any proxy variable counts, whoever has set them. What does, outside function mode
and where the policy names nothing in its place: `VAULT_TOKEN`, `VAULT_ROLE_ID`, `VAULT_SECRET_ID`,
`VAULT_WRAPPED_SECRET_ID`, `VAULT_USERNAME`, `VAULT_PASSWORD`, `VAULT_GITHUB_TOKEN`, each with its `_FILE`
and its other names; `VAULT_AUTH_JWT_FILE`; `VAULT_CLIENT_CERT` and `VAULT_CLIENT_KEY`. They are sent to the policy's
server alone. `GITOPS_FN_TIMEOUT` counts always, since it can only shorten `limits.deadline`.
";

#[cfg(test)]
mod tests;
