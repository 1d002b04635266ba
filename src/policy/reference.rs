//! The JSON Schema of a `Policy` and its reference page, both generated from the doc comments in `raw`.

use super::raw::Policy;
use crate::document::schema;
use crate::vault::environment::names_under_policy;
use crate::vault::setting::UnderPolicy;

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
    page.push_str(&what_the_environment_says());
    page
}

/// The section on which settings of the environment still count under a policy.
fn what_the_environment_says() -> String {
    let list = |is: fn(UnderPolicy) -> bool| {
        let names = names_under_policy(is).into_iter();
        names
            .map(|name| format!("- `{name}`"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    format!(
        "\n## What the environment still says\n\n\
         Under a policy these variables do not count, whoever has set them, nor do `SSL_CERT_FILE`, `SSL_CERT_DIR`\n\
         or any proxy variable:\n\n{}\n\n\
         These count outside function mode, if the policy sets nothing in their place. They are sent to the policy's\n\
         server alone:\n\n{}\n\n\
         These always count, since they can only shorten `limits.deadline`:\n\n{}\n\n\
         The same holds for the other names of each, such as `BAO_ADDR` and `AVP_ROLE_ID` (`environment.md`).\n",
        list(|worth| worth == UnderPolicy::Ignored),
        list(|worth| matches!(worth, UnderPolicy::Credential(_))),
        list(|worth| worth == UnderPolicy::Shortens),
    )
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

#[cfg(test)]
mod tests;
